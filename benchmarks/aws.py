"""Calls to AWS: 16 regions × 8 services, 50 ms a call, beside the AWS CLI and boto3."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.endpoint import endpoint
from benchmarks.measure import Goal, Row, alone, beside, times

LATENCY = 50
THREADS = 32
CALLS = {
    "ec2": "describe-instances",
    "s3": "list-buckets",
    "iam": "list-users",
    "rds": "describe-db-instances",
    "lambda": "list-functions",
    "sqs": "list-queues",
    "dynamodb": "list-tables",
    "cloudformation": "list-stacks",
}
REGIONS = (
    "us-east-1 us-east-2 us-west-1 us-west-2 ca-central-1 sa-east-1 eu-west-1 eu-west-2 eu-west-3 "
    "eu-central-1 eu-north-1 ap-south-1 ap-southeast-1 ap-southeast-2 ap-northeast-1 ap-northeast-2"
).split()
CELLS = [(service, region) for region in REGIONS for service in CALLS]


def environ(url: str) -> dict[str, str]:
    """An environment in which only the endpoint is AWS."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "AKIDBENCHMARK",
        "AWS_SECRET_ACCESS_KEY": "of-no-use",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


# Each of these is run in a process of its own: what is cold is cold only once.


def in_process(what: str, variables: Mapping[str, str], *words: str) -> Any:
    """What a function of this module, run in a fresh process, has to say."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.aws", what, *words],
        env=variables,
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def scan(warm_rounds: str) -> dict[str, Any]:
    """Seconds of the whole plan through the engine: the first time, and the medians of more."""
    started = perf_counter()
    import cloudops_nb as nb

    with tempfile.TemporaryDirectory() as directory:
        engine = nb.ExecutionEngine(nb.ExecutionConfig(log_dir=Path(directory) / "logs"))

        def once() -> None:
            commands = tuple(
                nb.ExecutionRequest(
                    command=nb.AwsSdk(service=service, operation=CALLS[service], region=region)
                )
                for service, region in CELLS
            )
            plan = nb.ExecutionPlan(description="scan", strategy=nb.Parallel(), commands=commands)
            result = engine.submit(plan).result()
            assert result.success, result

        once()
        cold = perf_counter() - started
        warm = [_timed(once) for _ in range(int(warm_rounds))]
        engine.close()
    return {"cold": cold, "warm": statistics.median(warm)}


def plain(warm_rounds: str) -> dict[str, Any]:
    """The same with boto3 alone, on as many threads."""
    started = perf_counter()
    import boto3
    from botocore.config import Config

    session = boto3.Session()
    config = Config(retries={"mode": "standard"})
    clients: dict[tuple[str, str], Any] = {}

    def call(cell: tuple[str, str]) -> None:
        getattr(clients[cell], CALLS[cell[0]].replace("-", "_"))()

    with ThreadPoolExecutor(THREADS) as pool:
        pending = []
        for service, region in CELLS:  # boto3: sessions are for one thread
            clients[service, region] = session.client(service, region, config=config)
            pending.append(pool.submit(call, (service, region)))
        for each in pending:
            each.result()
        cold = perf_counter() - started
        warm = [_timed(lambda: list(pool.map(call, CELLS))) for _ in range(int(warm_rounds))]
    return {"cold": cold, "warm": statistics.median(warm)}


def make_ours() -> dict[str, float]:
    """Seconds and megabytes of 128 clients, the package and botocore loaded."""
    from cloudops_nb.aws.clients import Clients
    from cloudops_nb.aws.sessions import Sessions

    session, clients = Sessions().get(os.environ), Clients()
    return _made(lambda service, region: clients.get(session, service, region))


def make_plain() -> dict[str, float]:
    """The same with boto3 alone."""
    import boto3

    session = boto3.Session()
    return _made(session.client)


def _made(make: Any) -> dict[str, float]:
    before, started = _resident(), perf_counter()
    kept = [make(service, region) for service, region in CELLS]
    seconds = perf_counter() - started
    return {"seconds": seconds, "megabytes": _resident() - before, "count": len(kept)}


def start() -> dict[str, Any]:
    """Seconds of the import, and until the first result of /bin/true; heavy modules loaded."""
    started = perf_counter()
    import cloudops_nb as nb

    imported = perf_counter() - started
    with tempfile.TemporaryDirectory() as directory:
        engine = nb.ExecutionEngine(nb.ExecutionConfig(log_dir=Path(directory) / "logs"))
        engine.run(nb.ExecutionRequest(command=nb.Exec(program="/bin/true")))
        first = perf_counter() - started
        engine.close()
    heavy = [name for name in ("botocore", "pandas", "awscli") if name in sys.modules]
    return {"import": imported, "first": first, "heavy": heavy}


def _timed(run: Any) -> float:
    started = perf_counter()
    run()
    return perf_counter() - started


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


# The rows


def regions() -> list[Row]:
    """The whole plan, cold and warm, beside ``xargs -P 8 aws`` and boto3."""
    rounds = times(7, 3)
    with endpoint(LATENCY) as url:
        variables = environ(url)
        ours = in_process("scan", variables, str(rounds))
        boto = in_process("plain", variables, str(rounds))
        cli = _timed(lambda: _xargs(url, variables))
    what = f"{len(REGIONS)} regions × {len(CALLS)} services, {LATENCY} ms a call"
    rows = []
    for state, goal in (("cold", 15), ("warm", 80)):
        mine = ours[state]
        rows.append(
            beside(
                f"{what}, {state}: `AwsSdk` vs `xargs -P 8 aws`",
                f"{mine:.2f} s",
                f"{cli:.1f} s",
                cli / mine,
                Goal(goal, at_least=True),
            )
        )
        rows.append(
            beside(
                f"the same, {state}: `AwsSdk` vs boto3 on {THREADS} threads",
                f"{mine:.2f} s",
                f"{boto[state]:.2f} s",
                mine / boto[state],
                None,
            )
        )
    return rows


def _xargs(url: str, variables: Mapping[str, str]) -> None:
    lines = "".join(
        f"{'s3api' if service == 's3' else service} {CALLS[service]} --region {region} "
        f"--endpoint-url {url}\n"  # v1's sqs does not read the variable
        for service, region in CELLS
    )
    subprocess.run(
        ["xargs", "-P", "8", "-L", "1", "aws"],
        input=lines,
        text=True,
        env=variables,
        stdout=subprocess.DEVNULL,
        check=True,
    )


def clients() -> list[Row]:
    """128 clients made, beside boto3."""
    variables = environ("http://127.0.0.1:9")
    pairs = [
        (in_process("make_ours", variables), in_process("make_plain", variables))
        for _ in range(times(5, 1))
    ]
    ours, plain_ = zip(*pairs, strict=True)
    figures = {
        key: [statistics.median(each[key] for each in side) for side in (ours, plain_)]
        for key in ("seconds", "megabytes")
    }
    mine, peer = figures["seconds"]
    mine_mb, peer_mb = figures["megabytes"]
    return [
        alone(
            f"{len(CELLS)} clients made",
            mine,
            Goal(1.0, " s"),
            notes=f"boto3 {peer:.2f} s",
        ),
        alone(
            f"{len(CELLS)} clients in memory",
            mine_mb,
            Goal(110, " MB"),
            notes=f"boto3 {peer_mb:.0f} MB",
        ),
    ]


def first() -> list[Row]:
    """What the package costs before it is of use."""
    found = [in_process("start", os.environ) for _ in range(times(7, 1))]
    broken = sorted({f"{name} was loaded" for each in found for name in each["heavy"]})
    imported = statistics.median(each["import"] for each in found)
    usable = statistics.median(each["first"] for each in found)
    return [
        alone("`import cloudops_nb`", imported, Goal(0.05, " s"), broken=broken),
        alone("+ engine + first `/bin/true`", usable, Goal(0.35, " s"), broken=broken),
    ]


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
