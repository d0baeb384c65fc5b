"""How requests reach AWS: botocore's own HTTP, shared by all clients, stoppable, and exact.

Botocore does not look whether an answer is as long as it was said to be, and takes JSON that was
cut for an empty document: records would be missing and nobody would know. Here that is an error,
which the standard retries try again like any broken connection.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from functools import cache
from ssl import SSLContext
from typing import Any
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined] # not typed

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
    AWSPreparedRequest,
    AWSResponse,
)
from botocore.exceptions import HTTPClientError
from botocore.httpsession import URLLib3Session

from cloudops_nb.aws.calls import current

CONNECT_SECONDS = 10.0
"""Botocore's own minute is long for who waits for a table of 400 regions."""
READ_SECONDS = 60.0
MAX_HOSTS = 1024
"""Hosts whose connections are kept; each service has one in each region."""
MAX_CONNECTIONS = 32
"""Connections kept to one host: as many as there are calls at a time."""

_BODILESS = (204, 304)


class TruncatedResponse(HTTPClientError):
    """The body ended before its announced end; a kind of error that botocore retries."""

    fmt = "The answer was cut short: {got} from {endpoint_url}"


class Transport:
    """Sends what botocore has signed. One serves all clients with the same settings.

    Args:
        environ: where proxies are named.
        verify: as botocore has it: True, False or the path of a CA bundle.
        client_cert: a certificate of our own, as botocore has it.
        proxies_config: TLS towards the proxy, as botocore has it.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        verify: bool | str = True,
        client_cert: Any = None,
        proxies_config: Any = None,
    ) -> None:
        # The lower-case name wins, as in curl and in urllib.request.getproxies_environment.
        self._bypass = environ.get("no_proxy", environ.get("NO_PROXY", ""))
        proxies = {
            scheme: url
            for scheme in ("http", "https")
            if (url := environ.get(f"{scheme}_proxy") or environ.get(f"{scheme.upper()}_PROXY"))
        }
        settings = {"verify": verify, "client_cert": client_cert, "proxies_config": proxies_config}
        self._direct = _Http(**settings)
        self._proxied = _Http(proxies=proxies, **settings) if proxies else self._direct

    def send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """Handles botocore's ``before-send``: what it answers is the answer.

        Raises:
            TruncatedResponse: the body is shorter than announced.
            CallStopped: the thread's call was stopped.
        """
        call = current()
        if call is None:  # credentials are fetched by calls of nobody's
            return self._answer(request)
        try:
            call.check()
            return self._answer(request)
        finally:
            call.let_go()

    def _answer(self, request: AWSPreparedRequest) -> AWSResponse:
        host = urlsplit(request.url).netloc
        is_direct = proxy_bypass_environment(host, {"no": self._bypass})
        response: AWSResponse = (self._direct if is_direct else self._proxied).send(request)
        if not request.stream_output:
            _check_whole(request, response)
        return response


def _check_whole(request: AWSPreparedRequest, response: AWSResponse) -> None:
    if request.method == "HEAD" or response.status_code in _BODILESS:
        return
    headers, body = response.headers, response.content
    length = headers.get("content-length")
    if headers.get("transfer-encoding"):
        return  # urllib3 has seen the last chunk, or has raised an error
    if length is not None:
        if len(body) != int(length):
            got = f"{len(body):,} of {int(length):,} bytes"
            raise TruncatedResponse(got=got, endpoint_url=request.url)
    elif "json" in headers.get("content-type", "") and body:
        # Nothing says how long it is, and of JSON that was cut botocore makes an empty answer.
        try:
            json.loads(body)
        except ValueError:
            got = f"{len(body):,} bytes that are no whole JSON document"
            raise TruncatedResponse(got=got, endpoint_url=request.url) from None


class _Watched:
    """A connection that belongs to the call of the thread that uses it, until that lets it go."""

    def connect(self) -> None:
        call = current()
        if call is not None:
            call.hold(self)  # type: ignore[arg-type] # with a base below it is one
        super().connect()  # type: ignore[misc]

    def request(self, *args: Any, **kwargs: Any) -> Any:
        call = current()
        if call is not None:
            call.hold(self)  # type: ignore[arg-type]
            call.sending()
        return super().request(*args, **kwargs)  # type: ignore[misc]


class _HttpConnection(_Watched, AWSHTTPConnection):  # type: ignore[misc] # as botocore's own
    pass


class _HttpsConnection(_Watched, AWSHTTPSConnection):  # type: ignore[misc] # likewise
    pass


class _HttpPool(AWSHTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(AWSHTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


class _Http(URLLib3Session):
    """Botocore's HTTP with watched connections to any number of hosts.

    Relies on three names of botocore's that are not public: ``_get_pool_manager_kwargs``,
    ``_get_ssl_context`` and ``_pool_classes_by_scheme``. Should they go, ten hosts are kept,
    connections take longer, and a call that is stopped on the wire is left to end by itself;
    nothing else changes.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            timeout=(CONNECT_SECONDS, READ_SECONDS),  # type: ignore[arg-type] # the stubs' fault
            max_pool_connections=MAX_CONNECTIONS,
            # As botocore has it for its clients: else each body waits for an ACK of its headers.
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],  # type: ignore[list-item]
            **settings,
        )
        classes = getattr(self, "_pool_classes_by_scheme", {})  # a dict that all managers share
        classes.update(http=_HttpPool, https=_HttpsPool)

    def _get_ssl_context(self) -> SSLContext:
        context: SSLContext = super()._get_ssl_context()  # type: ignore[misc]
        # Else the bundle of CA certificates is read for each connection anew, in 20 ms.
        once: Any = cache(context.load_verify_locations)
        context.load_verify_locations = once  # type: ignore[method-assign]
        return context

    def _get_pool_manager_kwargs(self, **extra: Any) -> Any:
        return {"num_pools": MAX_HOSTS, **super()._get_pool_manager_kwargs(**extra)}  # type: ignore[misc]
