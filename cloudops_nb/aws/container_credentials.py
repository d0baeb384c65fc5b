"""Credentials for commands, from an endpoint on this machine that only they can use.

AWS's SDKs and CLIs ask it again before what they were given expires:
https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

from __future__ import annotations

import hmac
import json
import logging
import secrets
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

logger = logging.getLogger("cloudops_nb")

_REQUEST_SECONDS = 5.0
"""How long a connection may take to say what it wants: any program of this machine may open one."""


@dataclass(frozen=True, slots=True)
class TemporaryCredentials:
    """What a command signs its requests with, and until when; never shown by ``repr``."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str | None = field(repr=False)
    expires_at: datetime

    @property
    def secrets(self) -> dict[str, str]:
        """What is to be masked, by name."""
        named = {"AWS_SECRET_ACCESS_KEY": self.secret_key, "AWS_SESSION_TOKEN": self.token or ""}
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True, slots=True)
class _Loan:
    token: str
    give: Callable[[], TemporaryCredentials]


class CredentialsEndpoint:
    """Hands out credentials, to each borrower by an address and a token of its own.

    It listens on 127.0.0.1 only while somebody borrows. Who has the token has the credentials: it
    is in the environment of one command, which others of the same user can read, and nobody else.
    """

    def __init__(self) -> None:
        self._loans: dict[str, _Loan] = {}
        self._server: _Server | None = None
        self._changing = threading.Lock()

    @contextmanager
    def lend(self, give: Callable[[], TemporaryCredentials]) -> Iterator[dict[str, str]]:
        """Within the block, the environment it gives borrows what ``give`` returns.

        ``give`` is called for each request, on a thread of the server's; if it raises, the
        borrower is told that there is nothing now.

        Raises:
            OSError: no port can be had.
        """
        name, loan = secrets.token_urlsafe(16), _Loan(secrets.token_urlsafe(32), give)
        port = self._add(name, loan)
        try:
            yield {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{port}/{name}",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": loan.token,
            }
        finally:
            self._remove(name)

    def _add(self, name: str, loan: _Loan) -> int:
        with self._changing:
            if self._server is None:
                self._server = _Server(self._loans)
            self._loans[name] = loan
            return int(self._server.server_address[1])

    def _remove(self, name: str) -> None:
        with self._changing:
            del self._loans[name]
            server = None if self._loans else self._server
            if server is not None:
                self._server = None
        if server is not None:
            server.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a request that waits for credentials does not hold up who stops us

    def __init__(self, loans: dict[str, _Loan]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.loans = loans
        self.host = f"127.0.0.1:{self.server_address[1]}"
        self._thread = threading.Thread(
            target=self.serve_forever, args=(0.05,), name="cloudops-credentials", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()

    def handle_error(self, *_: object) -> None:
        """Who asked went away, or sent what is no request: nobody's business."""
        logger.debug("credentials endpoint: %s", sys.exc_info()[1])


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _REQUEST_SECONDS
    server_version = "cloudops_nb"
    sys_version = ""

    def do_GET(self) -> None:
        loan = self.server.loans.get(self.path[1:])
        given = self.headers.get("Authorization", "").encode("utf-8", "replace")
        known = hmac.compare_digest((loan.token if loan is not None else "").encode(), given)
        # A page in a browser can be led here under a name of its own, and sends that name.
        if loan is None or not known or self.headers.get("Host") != self.server.host:
            self._answer(HTTPStatus.FORBIDDEN, {"message": "this is not yours"})
            return
        try:
            credentials = loan.give()
        except Exception as error:  # noqa: BLE001 - whatever it is, the borrower gets an answer
            # Its kind alone: a message may hold what somebody has typed.
            logger.warning("no credentials for a running command: %s", type(error).__name__)
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, {"message": "no credentials at present"})
            return
        body = {
            "AccessKeyId": credentials.access_key,
            "SecretAccessKey": credentials.secret_key,
            "Token": credentials.token,
            "Expiration": credentials.expires_at.isoformat(),
        }
        self._answer(HTTPStatus.OK, body)

    def _answer(self, status: HTTPStatus, body: dict[str, str | None]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Nothing: the address of a loan is part of its secret."""
