"""AWS calls as commands, against an endpoint that misbehaves."""

import asyncio
import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from cloudops_nb.aws.calls import Call
from cloudops_nb.aws.clients import Clients
from cloudops_nb.aws.questions import ScriptedPrompt
from cloudops_nb.aws.regions import Regions
from cloudops_nb.aws.renewal import Renewals
from cloudops_nb.aws.sessions import Sessions
from cloudops_nb.config import ExecutionConfig
from cloudops_nb.engine import ExecutionEngine
from cloudops_nb.errors import InvalidCommand
from cloudops_nb.executors import accounts, aws_sdk
from cloudops_nb.executors.aws_sdk import MAX_CALLS, AwsSdkExecutor
from cloudops_nb.executors.base import Surroundings
from cloudops_nb.models import (
    AwsSdk,
    CommandProgress,
    ExecutionRequest,
    ExecutionResult,
    ExecutionStatus,
    Parallel,
    RetryConfig,
)
from cloudops_nb.models.shortform import parse_plan
from tests.aws.faults import (
    ACCOUNT,
    CALLER,
    REQUEST_ID,
    Answer,
    FaultServer,
    Play,
    Request,
    error,
    expired,
    half,
    never,
    page,
    redirected,
    reset,
    slow,
    throttled,
    wrong_region,
    zipped,
)
from tests.conftest import MakeEngine
from tests.support import (
    PATIENCE,
    Recorder,
    plan,
    plan_result_of,
    python,
    result_of,
    run,
    wait_until,
)

Cancel = Callable[[ExecutionRequest, Callable[[], object]], ExecutionResult]


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


@pytest.fixture
def asking(engine: ExecutionEngine, server: FaultServer) -> ExecutionEngine:
    """An engine whose commands ask the fault server."""

    server.tells_caller, server.callers = True, 0
    engine.sandbox = server
    return engine


def sdk_executor() -> AwsSdkExecutor:
    regions = Regions(Clients().get)
    return AwsSdkExecutor(Renewals(cache(Sessions), ScriptedPrompt()), lambda: regions)


def call(service: str, operation: str, **fields: Any) -> ExecutionRequest:
    of_request = {key: fields.pop(key) for key in ("retry", "timeout_ms", "env") if key in fields}
    command = AwsSdk(service=service, operation=operation, **fields)
    return ExecutionRequest(command=command, **of_request)


TABLES = call("dynamodb", "ListTables")


def tables(*names: str, last: str | None = None) -> Any:
    more = {"LastEvaluatedTableName": last} if last else {}
    return page({"TableNames": list(names), **more})


def with_sts(play: Play) -> Play:
    """What STS answers; everything else has a table."""

    def answer(request: Request) -> Answer:
        chosen = play if request.service == "sts" else tables("t-a")
        return chosen(request) if callable(chosen) else chosen

    return answer


# Pages


def test_all_pages_are_one_document_and_its_records(
    asking: ExecutionEngine, server: FaultServer
) -> None:
    server.play(tables("t-a", "t-b", last="t-b"), tables(last="t-c"), tables("t-d"))
    result = run(asking, TABLES)
    assert json.loads(result.stdout) == {"TableNames": ["t-a", "t-b", "t-d"]}
    assert [row["value"] for row in result.records] == ["t-a", "t-b", "t-d"]
    assert [each.parameters for each in server.requests] == [
        {},
        {"ExclusiveStartTableName": "t-b"},
        {"ExclusiveStartTableName": "t-c"},
    ]
    assert (result.exit_code, result.service, result.operation) == (0, "dynamodb", "ListTables")
    assert result.requested_at is not None


def test_credentials_that_say_whose_they_are_put_the_account_into_each_row(
    asking: ExecutionEngine, server: FaultServer
) -> None:
    server.play(tables("t-a"))
    asked = call("dynamodb", "ListTables", env={"AWS_ACCOUNT_ID": "111122223333"})
    assert run(asking, asked).records[0]["account"] == "111122223333"


def test_the_account_is_asked_once_where_the_credentials_do_not_say_it(
    asking: ExecutionEngine, server: FaultServer
) -> None:
    server.play(tables("t-a"))
    results = [run(asking, call("dynamodb", "ListTables")) for _ in range(3)]
    assert {result.records[0]["account"] for result in results} == {ACCOUNT}
    assert server.callers == 1


def test_where_the_account_is_not_told_the_answer_stands(
    asking: ExecutionEngine, server: FaultServer
) -> None:
    server.tells_caller = False
    server.play(tables("t-a"), error("AccessDenied"), tables("t-b"))
    first, second = (run(asking, call("dynamodb", "ListTables")) for _ in range(2))
    assert [row["value"] for row in first.records] == ["t-a"]
    assert [row["value"] for row in second.records] == ["t-b"]  # it was not asked again
    assert first.account is second.account is None


def test_where_the_account_is_not_told_many_commands_ask_for_it_once(
    asking: ExecutionEngine, server: FaultServer
) -> None:
    server.tells_caller = False
    server.play(with_sts(error("AccessDenied")))
    runs = [asking.submit(call("dynamodb", "ListTables")) for _ in range(16)]
    assert all(result_of(each).success for each in runs)
    assert [request.service for request in server.requests].count("sts") == 1


def test_a_command_that_has_completed_is_not_cancelled_while_its_account_is_asked_for(
    asking: ExecutionEngine, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "PATIENCE_SECONDS", PATIENCE)
    server.tells_caller = False
    server.play(tables("t-a"), never())
    execution = asking.submit(TABLES)
    assert server.wait_for_requests(2)[-1].service == "sts"
    execution.cancel()
    result = result_of(execution)
    assert (result.status, result.exit_code) == (ExecutionStatus.COMPLETED, 0)
    assert result.error is result.account is None


def test_the_time_in_which_the_account_is_asked_for_is_not_the_commands(
    asking: ExecutionEngine, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "PATIENCE_SECONDS", PATIENCE)
    until = threading.Event()
    server.tells_caller = False
    server.play(tables("t-a"), slow(CALLER, until))
    execution = asking.submit(TABLES)
    server.wait_for_requests(2)
    answered = datetime.now(UTC)
    until.set()
    result = result_of(execution)
    assert result.account == ACCOUNT
    assert result.completed_at is not None
    assert result.completed_at < answered


def test_an_account_that_is_told_late_is_in_the_results_from_then_on(
    asking: ExecutionEngine, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "PATIENCE_SECONDS", 0.05)
    until = threading.Event()
    server.tells_caller = False
    server.play(with_sts(slow(CALLER, until)))
    assert run(asking, TABLES).account is None
    assert run(asking, TABLES).account is None
    until.set()
    wait_until(lambda: run(asking, TABLES).account == ACCOUNT)
    assert [request.service for request in server.requests].count("sts") == 1


def test_a_command_that_failed_asks_for_no_account(
    asking: ExecutionEngine, server: FaultServer
) -> None:
    server.tells_caller = False
    server.play(error("AccessDenied"))
    assert not run(asking, TABLES).success
    assert [request.service for request in server.requests] == ["dynamodb"]


def test_an_sts_that_does_not_answer_holds_up_nothing_else(
    asking: ExecutionEngine, server: FaultServer
) -> None:
    server.tells_caller = False
    server.play(with_sts(never()))
    many = [asking.submit(call("dynamodb", "ListTables")) for _ in range(16)]
    assert all(result_of(each).success for each in many)
    steps = parse_plan(
        """
        - {name: a, shell: echo hi}
        - {shell: "echo {{ steps.a.stdout }}", needs: [a]}
        """,
        lookup={},
    )
    assert plan_result_of(asking.submit(steps)).success


_ENDS_WHILE_STS_IS_SILENT = """
from cloudops_nb.engine import ExecutionEngine
from cloudops_nb.models import AwsSdk, ExecutionRequest
command = AwsSdk(service="dynamodb", operation="ListTables")
print(ExecutionEngine().run(ExecutionRequest(command=command)).status)
"""


def test_a_script_ends_though_sts_does_not_answer(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.tells_caller = False
    server.play(tables("t-a"), never())
    for name, value in server.environ(CLOUDOPS_LOG_DIR=str(tmp_path / "logs")).items():
        monkeypatch.setenv(name, value)
    ended = python(_ENDS_WHILE_STS_IS_SILENT)
    assert (ended.returncode, ended.stdout) == (0, "completed\n"), ended.stderr


def test_without_records_the_document_has_an_empty_list(
    asking: ExecutionEngine, server: FaultServer
) -> None:
    server.play(tables())
    assert json.loads(run(asking, TABLES).stdout) == {"TableNames": []}


def test_pages_are_followed_up_to_the_record_limit(
    asking: ExecutionEngine, server: FaultServer
) -> None:
    server.play(
        tables("t-a", "t-b", last="t-b"),
        tables("t-c", "t-d", last="t-d"),
        error("NeverAsked"),
    )
    result = run(asking, call("dynamodb", "ListTables", max_records=3))
    document = json.loads(result.stdout)
    assert document["TableNames"] == ["t-a", "t-b", "t-c"]
    assert "NextToken" in document  # as the AWS CLI says that there is more


def test_the_pages_read_so_far_are_told(asking: ExecutionEngine, server: FaultServer) -> None:
    until = threading.Event()
    recorder = Recorder()
    asking.subscribe(recorder)
    server.play(tables("t-a", "t-b", last="t-b"), slow(tables("t-c"), until))
    execution = asking.submit(TABLES)
    told = recorder.wait_for_type("command_progress")
    assert isinstance(told, CommandProgress)
    assert (told.pages, told.records, told.text) == (1, 2, "1 page, 2 records")
    until.set()
    assert result_of(execution).success


def test_calls_have_a_limit_of_their_own_beside_that_of_processes(
    make_engine: MakeEngine, server: FaultServer
) -> None:
    until = threading.Event()
    engine = make_engine(max_concurrent_executions=1)
    engine.sandbox = server
    server.play(slow(tables("t-a"), until))
    calls = [call("dynamodb", "ListTables", region="eu-west-1") for _ in range(MAX_CALLS + 4)]
    execution = engine.submit(plan(Parallel(), *calls))
    server.wait_for_requests(MAX_CALLS)
    assert run(engine, "echo a process beside them").success
    assert len(server.requests) == MAX_CALLS
    until.set()
    assert plan_result_of(execution).success


# Answers that are cut short

HALVES = {
    "json": (TABLES, {"TableNames": ["t-a"] * 20}),
    "rest-json": (
        call("lambda", "ListFunctions"),
        {"Functions": [{"FunctionName": "t-a"}] * 20},
    ),
    "query": (
        call("iam", "ListUsers"),
        "<ListUsersResponse><ListUsersResult><Users>"
        + "<member><UserName>a</UserName></member>" * 20
        + "</Users></ListUsersResult></ListUsersResponse>",
    ),
    "ec2": (
        call("ec2", "DescribeVpcs"),
        "<DescribeVpcsResponse><vpcSet>"
        + "<item><vpcId>vpc-1</vpcId></item>" * 20
        + "</vpcSet></DescribeVpcsResponse>",
    ),
    "rest-xml": (
        call("s3", "ListBuckets"),
        "<ListAllMyBucketsResult><Buckets>"
        + "<Bucket><Name>a</Name></Bucket>" * 20
        + "</Buckets></ListAllMyBucketsResult>",
    ),
    "cbor": (call("eventbridgev2", "ListEventBuses"), {"EventBuses": [{"Name": "t-a"}] * 20}),
}


@pytest.mark.parametrize("framing", ["length", "chunked", "unframed"])
@pytest.mark.parametrize("protocol", HALVES)
def test_half_an_answer_is_an_error_and_no_short_answer(
    asking: ExecutionEngine, server: FaultServer, protocol: str, framing: str
) -> None:
    asked, document = HALVES[protocol]
    how = {} if framing == "length" else {framing: True}
    server.play(half(document, **how))
    result = run(asking, asked)
    assert result.status is ExecutionStatus.FAILED
    assert result.exit_code in (254, 255)  # of S3, botocore makes it an error of the service
    assert {request.protocol for request in server.requests} == {protocol}
    assert result.stdout == ""


@pytest.mark.parametrize("framing", ["length", "chunked", "unframed"])
@pytest.mark.parametrize("protocol", HALVES)
def test_a_whole_answer_is_taken_however_it_is_sent(
    asking: ExecutionEngine, server: FaultServer, protocol: str, framing: str
) -> None:
    asked, document = HALVES[protocol]
    how = {} if framing == "length" else {framing: True}
    server.play(page(document, **how))
    result = run(asking, asked)
    assert len(result.records) == 20, result.stderr


def test_half_an_answer_is_asked_for_again(asking: ExecutionEngine, server: FaultServer) -> None:
    server.play(tables("t-a", last="t-a"), half({"TableNames": ["t-b"] * 9}), tables("t-b"))
    assert json.loads(run(asking, TABLES).stdout) == {"TableNames": ["t-a", "t-b"]}


def test_the_error_says_how_much_came(asking: ExecutionEngine, server: FaultServer) -> None:
    server.play(half({"TableNames": ["t-a"] * 20}))
    result = run(asking, TABLES)
    assert "The answer was cut short: 78 of 156 bytes" in result.stderr


def test_a_compressed_answer_that_was_not_asked_for_is_an_error(
    asking: ExecutionEngine, server: FaultServer
) -> None:
    server.play(zipped(tables("t-a")))
    result = run(asking, TABLES)
    assert (result.status, result.stdout) == (ExecutionStatus.FAILED, "")


# Failures and retries


def test_throttling_is_told_while_it_is_waited_out(
    asking: ExecutionEngine, server: FaultServer
) -> None:
    recorder = Recorder()
    asking.subscribe(recorder)
    server.play(throttled(), tables("a"))
    result = run(asking, TABLES)
    told = recorder.wait_for(lambda event: getattr(event, "note", None) is not None)
    assert "ThrottlingException: attempt 2 of " in told.text
    assert result.success


def test_who_is_throttled_to_the_end_is_told_what_to_do(
    asking: ExecutionEngine, server: FaultServer
) -> None:
    server.play(throttled())
    result = run(asking, call("sqs", "ListQueues"))
    assert (result.status, result.exit_code) == (ExecutionStatus.FAILED, 254)
    assert result.stderr == (
        "An error occurred (ThrottlingException) when calling the ListQueues operation (reached "
        f"max retries: 2): Rate exceeded (request {REQUEST_ID}); AWS asks for fewer requests: run "
        "fewer at a time, or retry later\n"
    )
    assert result.error == result.stderr.strip()
    assert len(server.requests) == 3


def test_retries_of_the_engine_know_throttling(
    asking: ExecutionEngine, server: FaultServer
) -> None:
    server.play(*[throttled()] * 3, page({"QueueUrls": ["q"]}))
    retry = RetryConfig(max_attempts=2, retryable_errors=("throttling",))
    result = run(asking, call("sqs", "ListQueues", retry=retry))
    assert (result.success, result.attempts) == (True, 2)
    assert result.earlier_attempts[0].reason == "ThrottlingException"


def test_a_reset_connection_is_made_again(asking: ExecutionEngine, server: FaultServer) -> None:
    server.play(reset(), tables("a"))
    assert run(asking, TABLES).success


@pytest.mark.parametrize("protocol", HALVES)
def test_expired_credentials_are_named_as_such(
    asking: ExecutionEngine, server: FaultServer, protocol: str
) -> None:
    server.play(expired())
    result = run(asking, HALVES[protocol][0])
    assert result.status is ExecutionStatus.FAILED
    assert "the AWS credentials in the environment have expired: set new ones" in str(result.error)


def test_a_region_that_is_not_enabled_is_not_called_bad_credentials(
    asking: ExecutionEngine, server: FaultServer
) -> None:
    server.play(wrong_region())
    result = run(asking, call("ec2", "DescribeVpcs", region="ap-east-1"))
    assert "not known in ap-east-1" in result.stderr
    assert "has not enabled this region" in result.stderr


@pytest.mark.parametrize(
    ("partition", "region", "why"),
    [
        ("aws", "ap-east-1", "region ap-east-1 is not enabled for account 111122223333: enable it"),
        ("aws-cn", "eu-west-1", "eu-west-1 is in partition aws, and the credentials are of aws-cn"),
    ],
)
def test_a_key_that_is_unknown_in_a_region_is_looked_into(
    asking: ExecutionEngine, server: FaultServer, partition: str, region: str, why: str
) -> None:
    identity = (
        "<GetCallerIdentityResponse><GetCallerIdentityResult><UserId>U</UserId>"
        f"<Account>111122223333</Account><Arn>arn:{partition}:iam::111122223333:user/u</Arn>"
        "</GetCallerIdentityResult></GetCallerIdentityResponse>"
    )
    regions = (
        "<DescribeRegionsResponse><regionInfo><item><regionName>ap-east-1</regionName>"
        "<optInStatus>not-opted-in</optInStatus></item></regionInfo></DescribeRegionsResponse>"
    )
    server.tells_caller = False
    server.play(wrong_region(), page(identity), page(regions))
    assert why in run(asking, call("ec2", "DescribeVpcs", region=region)).stderr


def test_what_is_denied_is_named_as_a_permission(
    asking: ExecutionEngine, server: FaultServer
) -> None:
    server.play(error("AccessDeniedException", "no", 403))
    assert "do not allow dynamodb:ListTables" in run(asking, TABLES).stderr


def test_a_bucket_is_followed_to_its_region(asking: ExecutionEngine, server: FaultServer) -> None:
    server.play(
        redirected("us-west-2"),
        page("<ListBucketResult><Contents><Key>k</Key></Contents></ListBucketResult>"),
    )
    result = run(asking, call("s3", "ListObjectsV2", params={"Bucket": "b"}))
    assert [row["Key"] for row in result.records] == ["k"], result.stderr
    assert [request.region for request in server.requests] == ["eu-west-1", "us-west-2"]


def test_no_credentials_end_with_the_exit_code_of_the_aws_cli(
    asking: ExecutionEngine, server: FaultServer
) -> None:
    class Nothing:
        def environment(self, base: Mapping[str, str]) -> Mapping[str, str]:
            environ = server.environ()
            return {name: environ[name] for name in environ if "ACCESS_KEY" not in name}

    asking.sandbox = Nothing()
    server.play(tables())
    result = run(asking, TABLES)
    assert (result.exit_code, server.requests) == (253, [])
    assert result.stderr.startswith("Unable to locate credentials; choose a profile")


# Cancel


@pytest.fixture
def cancelled(asking: ExecutionEngine, monkeypatch: pytest.MonkeyPatch) -> Cancel:
    """Cancels a request once ``ready`` returns; its result, which must not wait for the call."""
    patience = 20.0  # after which a call that was not cut would be left alone
    monkeypatch.setattr(aws_sdk, "STOP_SECONDS", patience)

    def cancel(request: ExecutionRequest, ready: Callable[[], object]) -> ExecutionResult:
        execution = asking.submit(request)
        ready()
        began = monotonic()
        execution.cancel()
        result = result_of(execution)
        assert monotonic() - began < patience
        return result

    return cancel


def test_a_call_that_is_never_answered_is_cut_on_the_wire(
    cancelled: Cancel, server: FaultServer
) -> None:
    server.play(never())
    result = cancelled(TABLES, lambda: server.wait_for_requests(1))
    assert result.status is ExecutionStatus.CANCELLED
    assert result.error == "cancelled; its request had been sent"
    assert len(server.requests) == 1  # and is not sent again


def test_a_call_is_cut_between_two_pages(cancelled: Cancel, server: FaultServer) -> None:
    server.play(tables("t-a", last="t-a"), never())
    result = cancelled(TABLES, lambda: server.wait_for_requests(2))
    assert result.status is ExecutionStatus.CANCELLED
    assert json.loads(result.stdout) == {"TableNames": ["t-a"]}  # what came can be read


def test_the_wait_before_a_retry_can_be_cut(
    asking: ExecutionEngine, cancelled: Cancel, server: FaultServer
) -> None:
    recorder = Recorder()
    asking.subscribe(recorder)
    server.play(error("ThrottlingException", "slowly", **{"x-amz-retry-after": "5000"}))
    result = cancelled(
        TABLES,
        lambda: recorder.wait_for(lambda event: getattr(event, "note", None) is not None),
    )
    assert (result.status, result.error) == (
        ExecutionStatus.CANCELLED,
        "cancelled; its request had been sent",
    )


def test_a_timeout_ends_a_call_that_is_never_answered(
    asking: ExecutionEngine, server: FaultServer
) -> None:
    server.play(never())
    result = run(asking, call("dynamodb", "ListTables", timeout_ms=300))
    assert result.status is ExecutionStatus.TIMEOUT


def test_others_are_answered_on_connections_that_are_not_cut(
    asking: ExecutionEngine, server: FaultServer
) -> None:
    until = threading.Event()

    def play(request: Request) -> Any:
        whole = slow(tables("a"), until) if request.parameters else never()
        return whole(request) if callable(whole) else whole

    server.play(play)
    kept = asking.submit(call("dynamodb", "ListTables", params={"Limit": 1}))
    cut = asking.submit(TABLES)
    server.wait_for_requests(2)
    cut.cancel()
    assert result_of(cut).status is ExecutionStatus.CANCELLED
    until.set()
    assert result_of(kept).success


def test_what_cannot_be_cut_is_left_alone_after_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look-up of a name, for example: nothing was sent, and nothing will be."""
    monkeypatch.setattr(aws_sdk, "STOP_SECONDS", 0.01)
    began, over = threading.Event(), threading.Event()
    notes: list[str] = []

    def work() -> None:
        began.set()
        over.wait(PATIENCE)
        notes.append("ended")

    async def main() -> None:
        executor = sdk_executor()
        task = asyncio.create_task(executor._in_thread(Call(notes.append), work))
        await asyncio.to_thread(began.wait, PATIENCE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, PATIENCE)
        assert notes == []
        over.set()

    asyncio.run(main())
    wait_until(lambda: notes == ["ended"])


def test_a_script_that_ends_does_not_wait_for_a_call_that_nobody_answers(
    server: FaultServer, tmp_path: Path
) -> None:
    server.play(never())
    program = """
import sys, cloudops_nb as nb
engine = nb.ExecutionEngine(nb.ExecutionConfig(log_dir=sys.argv[1]))
engine.submit(nb.ExecutionRequest(command=nb.AwsSdk(service="dynamodb", operation="ListTables")))
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "logs")],
        env=server.environ(HOME=str(tmp_path)) | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
    ) as script:
        server.wait_for_requests(1)
        script.communicate(timeout=PATIENCE)  # its standard input ends, and so does it
    assert script.returncode == 0


# Refused before anything is sent


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (call("ec3", "DescribeVpcs"), "AWS has no service 'ec3'; did you mean ecs or ecr"),
        (call("ec2", "DescribeVpc"), "ec2 has no operation 'DescribeVpc'; did you mean Describ"),
        (call("ec2", "describe-vpc"), "did you mean describe-vpcs"),
        (call("ec2", "DescribeVpcs", params={"VpcId": []}), "no parameter VpcId; did you mean Vpc"),
        (
            call("ec2", "DescribeVpcs", params={"Filters": [{"Nam": "x"}]}),
            r"no parameter Filters\[0\].Nam; did you mean Name\?",
        ),
        (call("ec2", "DescribeVpcs", params={"Zzz": 1}), "known there: DryRun, Filters, MaxResult"),
        (call("ec2", "TerminateInstances"), 'missing required parameter in input: "InstanceIds"'),
        (call("dynamodb", "ListTables", params={"Limit": "x"}), "invalid type for parameter Limit"),
        (call("lambda", "Invoke", params={"FunctionName": "f"}), "answers with a file's content"),
        (
            call("kms", "Encrypt", params={"KeyId": "k", "Plaintext": "no base64"}),
            "Plaintext are bytes, and the text is no base64",
        ),
        (call("ec2", "DescribeVpcs", region="Nowhere!"), "'Nowhere!' cannot be a region's name"),
        (call("ec2", "DescribeVpcs", profile="nobody"), "no AWS profile 'nobody' in the AWS files"),
        (call("ec2", "DescribeVpcs", env={"AWS_REGION": ""}), "no region; give region="),
    ],
)
def test_what_cannot_be_right_is_refused_before_anything_is_sent(
    asking: ExecutionEngine, server: FaultServer, asked: ExecutionRequest, says: str
) -> None:
    server.play(tables())
    with pytest.raises(InvalidCommand, match=says):
        asking.submit(asked)
    assert server.requests == []


def test_a_service_with_one_endpoint_needs_no_region() -> None:
    environ = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    around = Surroundings(ExecutionConfig(), environ, Path.cwd())
    executor = sdk_executor()
    assert executor.prepare(call("iam", "list-users"), around).region is None


# Values and secrets


def test_bytes_go_out_as_they_are_and_come_back_in_base64(
    asking: ExecutionEngine, server: FaultServer
) -> None:
    server.play(page({"CiphertextBlob": base64.b64encode(b"\xff\x00").decode()}))
    params = {"KeyId": "k", "Plaintext": b"\xfe\x01"}
    result = run(asking, call("kms", "Encrypt", params=params))
    [request] = server.requests
    assert base64.b64decode(request.parameters["Plaintext"]) == b"\xfe\x01"
    assert json.loads(result.stdout) == {"CiphertextBlob": "/wA="}


def test_times_are_iso_8601(asking: ExecutionEngine, server: FaultServer) -> None:
    server.play(page({"keyMetadata": {}, "KeyMetadata": {"KeyId": "k", "CreationDate": 0}}))
    result = run(asking, call("kms", "DescribeKey", params={"KeyId": "k"}))
    assert result.records[0]["KeyMetadata"]["CreationDate"] == "1970-01-01T00:00:00+00:00"


def test_what_aws_calls_sensitive_is_masked_coming_and_going(
    asking: ExecutionEngine, server: FaultServer
) -> None:
    secret = "tr0ub4dor&3"
    recorder = Recorder()
    asking.subscribe(recorder)
    server.play(page({"Name": "db", "SecretString": secret}))
    read = run(asking, call("secretsmanager", "GetSecretValue", params={"SecretId": "db"}))
    params = {"SecretId": "db", "SecretString": secret}
    written = run(asking, call("secretsmanager", "PutSecretValue", params=params))
    assert server.requests[1].parameters["SecretString"] == secret
    assert json.loads(read.stdout)["SecretString"] == "REDACTED_SecretStringType"
    assert "SecretString='REDACTED" not in (written.command or "")
    assert "'SecretString': 'REDACTED_SecretString'" in (written.command or "")
    shown = [event.model_dump_json() for event in recorder.events]
    assert not any(secret in text for text in (*shown, read.stdout, written.stdout))


def test_values_of_steps_are_put_in_with_their_type(
    asking: ExecutionEngine, server: FaultServer
) -> None:
    server.play(tables("one", "two"), tables("six"))
    steps = parse_plan(
        """
        - {name: list, sdk: dynamodb ListTables}
        - name: next
          sdk: dynamodb ListTables
          params:
            ExclusiveStartTableName: "{{ steps.list.records[1].value }}"
            Limit: "{{ limit }}"
          needs: [list]
        """,
        lookup={"limit": 7},
    )
    assert plan_result_of(asking.submit(steps)).success
    assert server.requests[1].parameters == {"ExclusiveStartTableName": "two", "Limit": 7}


def test_a_value_of_a_step_is_checked_before_anything_is_sent(
    asking: ExecutionEngine, server: FaultServer
) -> None:
    server.play(tables("one"), tables())
    steps = parse_plan(
        """
        - {name: list, sdk: dynamodb ListTables}
        - name: next
          sdk: dynamodb ListTables
          params: {Limit: "{{ steps.list.records[0].value }}"}
          needs: [list]
        """,
        lookup={},
    )
    result = plan_result_of(asking.submit(steps)).results[1]
    assert "invalid type for parameter Limit" in (result.error or "")
    assert len(server.requests) == 1


def test_a_client_is_made_once_for_a_service_and_region(
    asking: ExecutionEngine, server: FaultServer
) -> None:
    server.play(tables())
    executor = sdk_executor()
    around = Surroundings(ExecutionConfig(), server.environ(), Path.cwd())
    made = []
    for region in ("eu-west-1", "us-east-1", "eu-west-1"):
        prepared = executor.prepare(call("dynamodb", "ListTables", region=region), around)
        session = executor._sessions().get(prepared.environment)
        made.append(executor._clients.get(session, "dynamodb", region))
    assert made[0] is made[2]
    assert made[0] is not made[1]
