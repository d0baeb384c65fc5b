"""Pages of an AWS operation into a frame, beside boto3's paginator and ``json_normalize``."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.measure import Goal, Row, beside, times

RECORDS = 100_000
PAGE = 100  # the most that ListSecrets gives at a time
ROUNDS = 3
ACCOUNT = "111122223333"


def records() -> list[Row]:
    """Each side in a process of its own: the highest that its memory ever was is its own."""
    with _server() as endpoint:
        runs = [
            (_side("ours", endpoint), _side("theirs", endpoint)) for _ in range(times(ROUNDS, 1))
        ]
    ours, theirs = (
        {figure: statistics.median(run[side][figure] for run in runs) for figure in runs[0][side]}
        for side in (0, 1)
    )
    what = (
        f"{RECORDS:,} records in pages of {PAGE} (`ListSecrets`) by `AwsSdk` into a typed frame vs "
        "boto3's paginator and `json_normalize`; "
    )
    return [
        beside(
            f"{what}time",
            f"{ours['seconds']:.1f} s; {ours['frame']:.1f} s from the log to the frame",
            f"{theirs['seconds']:.1f} s; {theirs['frame']:.1f} s in `json_normalize`",
            ours["seconds"] / theirs["seconds"],
            Goal(1.0),
        ),
        beside(
            f"{what}highest memory (RSS)",
            f"{ours['peak']:.0f} MB; {ours['idle']:.0f} MB before the call",
            f"{theirs['peak']:.0f} MB; {theirs['idle']:.0f} MB before the call",
            ours["peak"] / theirs["peak"],
            Goal(0.7),
        ),
    ]


def _side(name: str, endpoint: str) -> dict[str, float]:
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.records", name],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def ours() -> dict[str, float]:
    """By an engine as it comes, but that its log may hold all of it."""
    import pandas as pd

    from cloudops_nb import AwsSdk, ExecutionConfig, ExecutionEngine, ExecutionRequest

    request = ExecutionRequest(command=AwsSdk(service="secretsmanager", operation="ListSecrets"))
    with tempfile.TemporaryDirectory() as directory:
        config = ExecutionConfig(log_dir=Path(directory), max_output_size_bytes=1 << 30)
        used = ExecutionEngine(config)
        idle = _peak()
        started = perf_counter()
        result = used.submit(request).result()
        printed = perf_counter()
        frame = result.to_pandas(tags=["Name", "env"])
        ended = perf_counter()
        used.close()
    assert len(frame) == RECORDS
    assert isinstance(frame["CreatedDate"].dtype, pd.DatetimeTZDtype)
    return {
        "seconds": ended - started,
        "frame": ended - printed,
        "idle": idle,
        "peak": _peak(),
    }


def theirs() -> dict[str, float]:
    """As one would write it with boto3 and pandas."""
    import boto3
    import pandas as pd

    idle = _peak()
    started = perf_counter()
    client = boto3.client("secretsmanager")
    found: list[Any] = []
    for page in client.get_paginator("list_secrets").paginate():
        found += page["SecretList"]
    read = perf_counter()
    frame = pd.json_normalize(found)
    ended = perf_counter()
    assert len(frame) == RECORDS
    return {"seconds": ended - started, "frame": ended - read, "idle": idle, "peak": _peak()}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000  # KiB, on Linux


@contextmanager
def _server() -> Iterator[str]:
    """An endpoint whose answers are made before anyone asks."""
    pages = [_page(number) for number in range(RECORDS // PAGE)]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer's body waits for an ACK of its head

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = pages[int(asked.get("NextToken", 0))]
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _page(number: int) -> bytes:
    answer: dict[str, Any] = {
        "SecretList": [_secret(number * PAGE + position) for position in range(PAGE)]
    }
    if number + 1 < RECORDS // PAGE:
        answer["NextToken"] = str(number + 1)
    return json.dumps(answer).encode()


def _secret(number: int) -> dict[str, Any]:
    name = f"service-{number % 997}/key-{number}"
    return {
        "ARN": f"arn:aws:secretsmanager:eu-central-1:{ACCOUNT}:secret:{name}-AbCdEf",
        "Name": name,
        "Description": "made for a benchmark",
        "KmsKeyId": f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/{number:032x}",
        "RotationEnabled": bool(number % 2),
        "RotationRules": {"AutomaticallyAfterDays": 30, "Duration": "2h"},
        "LastRotatedDate": 1_700_000_000.125 + number,
        "LastChangedDate": 1_700_000_000.25 + number,
        "LastAccessedDate": 1_700_000_000.0,
        "CreatedDate": 1_600_000_000.5 + number,
        "PrimaryRegion": "eu-central-1",
        "Tags": [{"Key": "Name", "Value": name}, {"Key": "env", "Value": "production"}],
        # No SecretVersionsToStages: of its keys json_normalize makes 100,000 columns, and dies.
    }


if __name__ == "__main__":
    print(json.dumps({"ours": ours, "theirs": theirs}[sys.argv[1]]()))
