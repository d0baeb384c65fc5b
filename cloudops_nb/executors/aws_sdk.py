"""Makes ``AwsSdk`` calls with botocore, on threads, without a process.

This module is imported with the engine; botocore only once there is a call to prepare.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

from cloudops_nb.aws.renewal import Renewals
from cloudops_nb.aws.threads import CallThreads
from cloudops_nb.errors import CredentialsUnavailable, InvalidCommand
from cloudops_nb.executors.base import Exit, OutputSink, Pool, Surroundings
from cloudops_nb.models import AwsSdk, ExecutionRequest, PreparedCommand

if TYPE_CHECKING:
    from cloudops_nb.aws.answers import Answer
    from cloudops_nb.aws.calls import Call
    from cloudops_nb.aws.clients import Clients
    from cloudops_nb.aws.operations import Operation
    from cloudops_nb.aws.pages import Pages
    from cloudops_nb.aws.regions import Regions
    from cloudops_nb.aws.sessions import EnvironSession

T = TypeVar("T")

MAX_CALLS = 32
MAX_RENEWALS = 2
"""Times that credentials are renewed for one page."""
STOP_SECONDS = 1.0
"""How long a cancelled call is waited for. What is stopped on the wire ends at once; a look-up of
a name or a connection being made cannot be cut, and ends by itself with nothing sent."""


class AwsSdkExecutor:
    """Carries out ``AwsSdk`` commands.

    Args:
        renewals: gives the sessions that all of an engine's commands share, and renews them.
        regions: gives what all of them know of accounts' regions.
    """

    pool = Pool("AWS calls", MAX_CALLS)

    def __init__(self, renewals: Renewals, regions: Callable[[], Regions]) -> None:
        self._renewals = renewals
        self._regions = regions
        self._sessions = renewals.sessions
        self._threads = CallThreads(MAX_CALLS, "cloudops-aws")

    def prepare(self, request: ExecutionRequest, surroundings: Surroundings) -> PreparedCommand:
        """See ``Executor.prepare``."""
        from cloudops_nb.aws import parameters
        from cloudops_nb.aws.chain import decisive
        from cloudops_nb.aws.operations import find_operation
        from cloudops_nb.aws.schema import ITSELF

        command = request.command
        assert isinstance(command, AwsSdk)
        operation = find_operation(command.service, command.operation)
        _check_kind(request, operation)
        if request.inputs:
            parameters.check_template(operation, command.params)
        else:
            parameters.typed_parameters(operation, command.params)
        environment = decisive({**surroundings.environ, **request.env})
        session = self._sessions().get(environment, command.profile)
        region = _region(command, environment, session)
        endpoint = session.endpoint(operation.service)
        # Botocore has to sign for a region where an endpoint is given.
        if region is None and (endpoint is not None or not operation.has_one_endpoint):
            raise InvalidCommand(
                f"{operation.service} {operation.name}: no region; give region=, set AWS_REGION, "
                "or put one into the profile"
            )
        secrets = parameters.secrets_in(operation, command.params)
        return PreparedCommand(
            id=request.id,
            request=request,
            line=command.line,
            argv=(),
            cwd=surroundings.cwd,
            environment=environment,
            timeout_ms=request.timeout_ms or surroundings.config.default_timeout_ms,
            profile=command.profile or session.get_config_variable("profile"),
            region=region,
            endpoint=endpoint,
            service=operation.service,
            operation=operation.name,
            parameters=command.params,
            record_path=operation.result_key or ITSELF,
            secrets=secrets,
        )

    async def run(self, prepared: PreparedCommand, sink: OutputSink) -> Exit:
        """See ``Executor.run``; a call that is cancelled on the wire says that it was sent."""
        from cloudops_nb.aws.answers import Answer
        from cloudops_nb.aws.calls import Call
        from cloudops_nb.aws.failures import failure
        from cloudops_nb.aws.operations import find_operation

        assert prepared.service is not None  # prepare() has set both
        assert prepared.operation is not None
        operation = find_operation(prepared.service, prepared.operation)
        loop = asyncio.get_running_loop()
        read = [0, 0]

        def tell(note: str | None = None) -> None:
            sink.progress(pages=read[0], records=read[1], note=note)

        def from_thread(note: str) -> None:
            loop.call_soon_threadsafe(tell, note)

        call = Call(from_thread)
        answer: Answer | None = None
        begun = False  # whether a part of it was written: what a cancelled thread made was not
        opened: _Opened | None = None
        try:
            opened = await self._in_thread(call, lambda: self._open(prepared, operation))
            pages = opened.pages
            answer = Answer(operation.model.output_shape, pages.keys, paginated=pages.paginates)
            while piece := await self._read(call, prepared, sink, opened, answer):
                records, text = piece
                read[0] += 1
                read[1] += records
                sink.write("stdout", text)
                begun = begun or bool(text)
                tell()
            sink.write("stdout", answer.end(pages.rest))
        except asyncio.CancelledError:
            if answer is not None and begun:
                sink.write("stdout", answer.close())
            if call.requested_at is None:
                raise
            # Answered or not, the last attempt or one before: it may have taken effect.
            return Exit(None, "its request had been sent", requested_at=call.requested_at)
        except Exception as error:
            if answer is not None and begun:
                sink.write("stdout", answer.close())
            refusal = error if isinstance(error, CredentialsUnavailable) else None
            told = refusal.__cause__ if refusal is not None else error
            failed = failure(told, operation, prepared.region, await self._why(prepared, error))
            if failed is None:
                raise
            line = failed.line if refusal is None else f"{failed.line}; {refusal}"
            if opened is not None:  # some services repeat what they were sent
                sink.conceal(opened.session.secrets)
            sink.write("stderr", f"{line}\n".encode())
            return Exit(failed.code, line, requested_at=call.requested_at)
        return Exit(0, requested_at=call.requested_at)

    def _open(self, prepared: PreparedCommand, operation: Operation) -> _Opened:
        from cloudops_nb.aws.pages import Pages
        from cloudops_nb.aws.parameters import typed_parameters

        command = prepared.request.command
        assert isinstance(command, AwsSdk)
        session = self._sessions().get(prepared.environment, command.profile)
        parameters = typed_parameters(operation, prepared.parameters or {})
        ask = self._ask(prepared, session)
        return _Opened(session, Pages(ask, operation, parameters, command.max_records))

    def _ask(self, prepared: PreparedCommand, session: EnvironSession) -> Any:
        """What sends one request in a session: a method of a client."""
        assert prepared.service is not None
        client = self._clients.get(session, prepared.service, prepared.region)
        return getattr(client, _method(client, prepared.operation))

    async def _read(
        self,
        call: Call,
        prepared: PreparedCommand,
        sink: OutputSink,
        opened: _Opened,
        answer: Answer,
    ) -> tuple[int, bytes] | None:
        """The next page; asked for again with new credentials if the old hold no longer.

        Whatever it does: such a request was refused as a whole.
        """
        from cloudops_nb.aws.failures import wants_renewal

        command = prepared.request.command
        assert isinstance(command, AwsSdk)
        read = partial(_read, opened.pages, answer)
        for _ in range(MAX_RENEWALS):
            try:
                return await self._in_thread(call, read)
            except Exception as error:
                if not wants_renewal(error):
                    raise
                expired = error
            try:
                async with sink.parked(self._renewals.reason(prepared)):
                    opened.session = await self._renewals.renewed(
                        prepared.environment, command.profile, opened.session
                    )
            except CredentialsUnavailable as refusal:
                raise refusal from expired
            ask = await self._in_thread(call, lambda: self._ask(prepared, opened.session))
            opened.pages.ask_with(ask)
        return await self._in_thread(call, read)

    async def _why(self, prepared: PreparedCommand, error: Exception) -> str | None:
        """What an unknown key has to do with the region, if it has."""
        from cloudops_nb.aws.calls import Call
        from cloudops_nb.aws.failures import error_code

        command, region, code = prepared.request.command, prepared.region, error_code(error)
        if region is None or code is None:
            return None
        assert isinstance(command, AwsSdk)
        session = self._sessions().get(prepared.environment, command.profile)
        ask = partial(self._regions().explain, session, region, code)
        return await self._in_thread(Call(lambda _: None), ask)

    async def _in_thread(self, call: Call, work: Callable[[], T]) -> T:
        future = asyncio.wrap_future(self._threads.submit(partial(call.run, work)))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            call.stop()
            await asyncio.wait([future], timeout=STOP_SECONDS)
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise

    @cached_property
    def _clients(self) -> Clients:
        from cloudops_nb.aws.clients import Clients

        return Clients()


@dataclass
class _Opened:
    """A call's pages, and the session they are asked for in."""

    session: EnvironSession
    pages: Pages


def _read(pages: Pages, answer: Answer) -> tuple[int, bytes] | None:
    """The next page, as the number of its records and as text."""
    page = pages.read()
    return None if page is None else (page.records, answer.add(page.document))


def _check_kind(request: ExecutionRequest, operation: Operation) -> None:
    name = f"{operation.service} {operation.name}"
    if operation.model.has_event_stream_output or operation.model.has_event_stream_input:
        raise InvalidCommand(f"{name}: a stream of events is not read here; use the AWS CLI")
    if operation.model.has_streaming_output:
        service, command = operation.cli
        raise InvalidCommand(
            f"{name} answers with a file's content, which is not put into a log: "
            f"use `aws {service} {command} … FILE`"
        )
    if request.limits is not None:
        raise InvalidCommand(f"{name}: limits are for processes, and this call has none")


def _region(command: AwsSdk, environment: dict[str, str], session: Any) -> str | None:
    from botocore.exceptions import InvalidRegionError
    from botocore.utils import validate_region_name

    region = (
        command.region
        or environment.get("AWS_REGION")
        or environment.get("AWS_DEFAULT_REGION")
        or session.get_config_variable("region")
        or None  # an empty variable names none
    )
    if region is None:
        return None
    try:
        validate_region_name(region)
    except InvalidRegionError:
        raise InvalidCommand(f"{region!r} cannot be a region's name") from None
    return region


def _method(client: Any, operation: str | None) -> str:
    names: dict[str, str] = client.meta.method_to_api_mapping
    return next(method for method, name in names.items() if name == operation)
