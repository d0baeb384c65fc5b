"""An AWS endpoint on loopback that answers each call after so many milliseconds, in one process.

``python -m benchmarks.endpoint MILLISECONDS`` prints its address and serves until its standard
input ends. What it answers is small: the time of a call is the latency and the caller's own work.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_SERVICE = re.compile(rb"Credential=[^/]+/\d+/[^/]+/([^/]+)/")

_BODIES = {
    "dynamodb": '{"TableNames": ["orders"]}',
    "lambda": '{"Functions": [{"FunctionName": "thumbnail"}]}',
    "sqs": '{"QueueUrls": ["http://queue/orders"]}',
    "s3": """
        <ListAllMyBucketsResult><Buckets><Bucket><Name>logs</Name></Bucket></Buckets>
        </ListAllMyBucketsResult>""",
    "iam": """
        <ListUsersResponse><ListUsersResult><Users><member><UserName>ada</UserName></member>
        </Users></ListUsersResult></ListUsersResponse>""",
    "rds": """
        <DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances><DBInstance>
        <DBInstanceIdentifier>db</DBInstanceIdentifier></DBInstance></DBInstances>
        </DescribeDBInstancesResult></DescribeDBInstancesResponse>""",
    "cloudformation": """
        <ListStacksResponse><ListStacksResult><StackSummaries><member><StackName>web</StackName>
        </member></StackSummaries></ListStacksResult></ListStacksResponse>""",
    "ec2": """
        <DescribeInstancesResponse><reservationSet><item><reservationId>r-1</reservationId>
        <instancesSet><item><instanceId>i-1</instanceId></item></instancesSet></item>
        </reservationSet></DescribeInstancesResponse>""",
    "sts": """
        <GetCallerIdentityResponse><GetCallerIdentityResult><Account>111122223333</Account>
        <Arn>arn:aws:iam::111122223333:user/ada</Arn><UserId>AIDAEXAMPLE</UserId>
        </GetCallerIdentityResult></GetCallerIdentityResponse>""",
}
_ANSWERS = {name.encode(): body.strip().encode() for name, body in _BODIES.items()}


@contextlib.contextmanager
def endpoint(milliseconds: int) -> Iterator[str]:
    """A running endpoint's address."""
    command = [sys.executable, "-m", "benchmarks.endpoint", str(milliseconds)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


async def _serve(latency: float) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                await reader.readexactly(int(length[1]) if length else 0)
                await asyncio.sleep(latency)
                service = _SERVICE.search(head)
                body = _ANSWERS[service[1] if service else b""]
                kind = b"application/json" if body.startswith(b"{") else b"text/xml"
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s"
                    % (kind, len(body), body)
                )
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    os._exit(0)  # whoever asks has gone; what waits for the rest of a connection would complain


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]) / 1000))
