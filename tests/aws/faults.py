"""An AWS endpoint on loopback that misbehaves as it is told.

    with FaultServer() as server:
        server.play(throttled(), page({"TableNames": ["a"]}), half({"TableNames": ["b"]}))

One answer for each request, in their order, the last for all that follow. A request tells what it
asks for (``service``, ``operation``, ``region``, ``access_key``) and in which protocol; errors and
pages are written in that protocol.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

REQUEST_ID = "11111111-2222-3333-4444-555555555555"
PATIENCE = 30.0
"""Seconds after which a test gives up."""

_SCOPE = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/")
_XML = "text/xml"


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def access_key(self) -> str:
        return self._scope[0]

    @property
    def region(self) -> str:
        return self._scope[1]

    @property
    def service(self) -> str:
        """By its signing name."""
        return self._scope[2]

    @property
    def protocol(self) -> str:
        if "smithy-protocol" in self.headers:
            return "cbor"
        if "x-amz-target" in self.headers:
            return "json"
        if self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return "ec2" if self.service == "ec2" else "query"
        return "rest-xml" if self.service in ("s3", "route53", "cloudfront") else "rest-json"

    @property
    def operation(self) -> str:
        """Of a protocol that names it; else the path."""
        match self.protocol:
            case "cbor":
                return self.path.rpartition("/")[2]
            case "json":
                return self.headers["x-amz-target"].rpartition(".")[2]
            case "query" | "ec2":
                return self.form["Action"]
            case _:
                return self.path

    @property
    def form(self) -> dict[str, str]:
        """The parameters of a query."""
        return {key: values[0] for key, values in parse_qs(self.body.decode()).items()}

    @property
    def parameters(self) -> Any:
        """The parameters of a JSON request."""
        return json.loads(self.body)

    @property
    def _scope(self) -> tuple[str, str, str]:
        found = _SCOPE.search(self.headers.get("authorization", ""))
        return found.groups() if found else ("", "", "")  # type: ignore[return-value]


@dataclass(frozen=True)
class Answer:
    """What is sent, and how it goes wrong.

    Args:
        cut: send only so many bytes of the body, then close the connection.
        chunked: with ``Transfer-Encoding: chunked`` instead of a length.
        unframed: with neither: the body ends where the connection does.
        reset: close at once, with a TCP reset, before anything is sent.
        until: what to wait for before the answer; None: nothing.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    chunked: bool = False
    unframed: bool = False
    reset: bool = False
    until: threading.Event | None = None


Play = Answer | Callable[[Request], Answer]


class FaultServer:
    """A server on loopback; ``requests`` is what it was asked.

    Args:
        tls: the server's side of TLS; None: plain HTTP.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._scheme = "http" if tls is None else "https"
        self.requests: list[Request] = []
        self._plays: list[Play] = []
        self.tells_caller = False
        self.callers = 0
        """How often it was asked who calls."""
        self._asked = threading.Condition()
        self._closing = threading.Event()
        self._server = _Server(self)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}"

    def play(self, *plays: Play) -> None:
        """What to answer from now on; forgets what was asked."""
        with self._asked:
            self.requests.clear()
            self._plays = list(plays)

    def environ(self, **changes: str) -> dict[str, str]:
        """The environment of a command that talks to it and to nothing else."""
        return {
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL": self.url,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ACCESS_KEY_ID": "AKIDFAULTS",
            "AWS_SECRET_ACCESS_KEY": "secret-of-the-fault-server",
            "AWS_REGION": "eu-west-1",
            **changes,
        }

    def wait_for_requests(self, count: int) -> list[Request]:
        """Waits until so many requests have come."""
        with self._asked:
            came = self._asked.wait_for(lambda: len(self.requests) >= count, PATIENCE)
            assert came, f"{len(self.requests)} requests came, not {count}"
            return list(self.requests)

    def close(self) -> None:
        """Ends the server, and with it what it still holds back."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def environment(self, base: Mapping[str, str]) -> Mapping[str, str]:
        """As a sandbox has it, for an engine whose commands are to talk to it: ``environ``."""
        return {**self.environ(), "PATH": base["PATH"]}

    def answer(self, request: Request) -> Answer:
        """What the request gets."""
        is_beside = self.tells_caller and b"Action=GetCallerIdentity" in request.body
        self.callers += is_beside
        if is_beside:  # after each command, whatever the test is about: played and counted nowhere
            return CALLER
        with self._asked:
            self.requests.append(request)
            self._asked.notify_all()
            play = self._plays.pop(0) if len(self._plays) > 1 else self._plays[0]
        return play(request) if callable(play) else play

    def hold(self, until: threading.Event) -> None:
        """Waits for a test's event, or for the end of the server."""
        while not until.wait(0.01) and not self._closing.is_set():
            pass


ACCOUNT = "444444444444"
CALLER = Answer(
    f"<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{ACCOUNT}</Account>"
    f"<Arn>arn:aws:iam::{ACCOUNT}:user/operator</Arn><UserId>AIDAEXAMPLE</UserId>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>".encode(),
    headers={"Content-Type": "text/xml"},
)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, faults: FaultServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.faults = faults

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: whoever asked has hung up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # a whole answer in one write
    server: _Server

    def _serve(self) -> None:
        headers = {key.lower(): value for key, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        request = Request(self.command, self.path, headers, body)
        answer = self.server.faults.answer(request)
        if answer.until is not None:
            self.server.faults.hold(answer.until)
        if answer.reset:
            self._reset()
            return
        self._send(answer)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _serve  # noqa: N815 - http.server's names

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("x-amzn-requestid", REQUEST_ID)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        body = _chunks(answer.body) if answer.chunked else answer.body
        if answer.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif not answer.unframed:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if answer.cut is None else body[: answer.cut])
        self.wfile.flush()
        self.close_connection = answer.unframed or answer.cut is not None

    def _reset(self) -> None:
        # A linger time of zero: the connection is reset, not closed (socket(7)).
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Nothing: the test knows what it asks."""


def _chunks(body: bytes) -> bytes:
    pieces = [body[at : at + 10] for at in range(0, len(body), 10)]
    return b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in [*pieces, b""])


# What to play


def page(document: Mapping[str, Any] | str, **how: Any) -> Play:
    """A good answer: a JSON document, or XML as it is."""

    def answer(request: Request) -> Answer:
        if isinstance(document, str):
            return Answer(document.encode(), headers={"Content-Type": _XML}, **how)
        if request.protocol == "cbor":
            return Answer(cbor(document), headers=_CBOR, **how)
        body = json.dumps(document).encode()
        return Answer(body, headers={"Content-Type": "application/x-amz-json-1.1"}, **how)

    return answer


def half(document: Mapping[str, Any] | str, **how: Any) -> Play:
    """The first half of a good answer, then the end of the connection."""
    whole = page(document, **how)

    def answer(request: Request) -> Answer:
        found = whole(request) if callable(whole) else whole
        length = len(_chunks(found.body)) if found.chunked else len(found.body)
        return replace(found, cut=length // 2)

    return answer


def zipped(play: Play) -> Play:
    """The answer with its body compressed."""

    def answer(request: Request) -> Answer:
        found = play(request) if callable(play) else play
        headers = {**found.headers, "Content-Encoding": "gzip"}
        return replace(found, body=gzip.compress(found.body), headers=headers)

    return answer


def slow(play: Play, until: threading.Event) -> Play:
    """The answer, once the event is set."""

    def answer(request: Request) -> Answer:
        return replace(play(request) if callable(play) else play, until=until)

    return answer


def never() -> Answer:
    """No answer, as long as the server lives."""
    return Answer(until=threading.Event(), reset=True)


def reset() -> Answer:
    """A connection that is reset."""
    return Answer(reset=True)


def error(code: str, message: str = "", status: int = 400, **headers: str) -> Play:
    """An error, in the words of the request's protocol."""

    def answer(request: Request) -> Answer:
        body, kind = _error(request.protocol, code, message)
        return Answer(body, status, {**kind, **headers})

    return answer


def throttled() -> Play:
    """Too many requests."""
    return error("ThrottlingException", "Rate exceeded")


def expired() -> Play:
    """Credentials that hold no longer; each protocol has its own name for that."""

    def answer(request: Request) -> Answer:
        named = {"ec2": "RequestExpired", "query": "ExpiredToken", "rest-xml": "ExpiredToken"}
        code = named.get(request.protocol, "ExpiredTokenException")
        play = error(code, "The security token included in the request is expired")
        return play(request) if callable(play) else play

    return answer


def wrong_region() -> Play:
    """A region that the account has not opted in to."""
    return error("AuthFailure", "AWS was not able to validate the provided access credentials", 401)


def redirected(region: str) -> Play:
    """S3's answer to who asks in another region than the bucket's."""
    headers = {"x-amz-bucket-region": region}
    return error("PermanentRedirect", "The bucket is in another region", 301, **headers)


def _error(protocol: str, code: str, message: str) -> tuple[bytes, dict[str, str]]:
    text = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    match protocol:
        case "json" | "rest-json":
            body = json.dumps({"__type": code, "message": message}).encode()
            return body, {"Content-Type": "application/json", "x-amzn-errortype": code}
        case "cbor":
            return cbor({"__type": code, "message": message}), _CBOR
        case "ec2":
            document = (
                f"<Response><Errors><Error>{text}</Error></Errors>"
                f"<RequestID>{REQUEST_ID}</RequestID></Response>"
            )
        case "query":
            document = (
                f"<ErrorResponse><Error><Type>Sender</Type>{text}</Error>"
                f"<RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
            )
        case _:
            document = f"<Error>{text}<RequestId>{REQUEST_ID}</RequestId></Error>"
    return document.encode(), {"Content-Type": _XML}


_CBOR = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}


def cbor(value: Any) -> bytes:
    """Maps, lists, texts and small whole numbers as CBOR (RFC 8949)."""
    match value:
        case str():
            return _head(3, len(value.encode())) + value.encode()
        case int():
            return _head(0, value)
        case list():
            return _head(4, len(value)) + b"".join(map(cbor, value))
        case _:
            items = (cbor(key) + cbor(item) for key, item in value.items())
            return _head(5, len(value)) + b"".join(items)


def _head(kind: int, count: int) -> bytes:
    if count < 24:
        return bytes([kind << 5 | count])
    return bytes([kind << 5 | 26]) + count.to_bytes(4, "big")
