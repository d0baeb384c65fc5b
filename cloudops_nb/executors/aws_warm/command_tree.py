"""The AWS CLI's own command tree, kept from one command to the next. Imported by ``worker.py``.

A command is to find what it would find in a new process. So what one changes is undone: handlers it
registered, session variables, its arguments. And what could not be undone does not run here: a
command that is not an operation of a service's API, or one whose arguments the CLI has customized.
That is asked of the command tree itself, before anything is sent, and the answer says why.

Written for awscli 1 and 2, whose names with an underscore it uses: where they are not as they were,
building the tree raises, and commands run in processes of their own.
"""

from __future__ import annotations

import time
import types
from collections.abc import Callable
from typing import Any

_MOST_CLIENTS = 64  # at about a megabyte each
_IDLE_SECONDS = 20.0  # a connection this long unused may be dead without either side's knowing
_ARGUMENT_EVENTS = (
    "building-argument-table",
    "before-building-argument-table-parser",
    "operation-args-parsed",
    "load-cli-arg",
    "process-cli-arg",
    "calling-command",
)
_CLI_EVENTS = (
    *_ARGUMENT_EVENTS,
    "building-command",
    "session-initialized",
    "top-level-args-parsed",
)
# What they stand for changes only with the environment or a file, and then this worker is left.
_LASTING_CREDENTIALS = ("env", "explicit", "shared-credentials-file", "config-file")


class Declined(BaseException):
    """The command is to run in a process of its own. Not an Exception: the CLI reports those."""


class CommandTree:
    """The CLI's driver for one profile, its state as it was when it was made.

    Raises:
        Declined: the configuration asks for what only a process of its own does.
    """

    def __init__(self, make_driver: Callable[[], Any], profile: str | None) -> None:
        self._seen: set[str] = set()
        self.driver = make_driver()
        self.profile = profile
        self.session = self.driver.session
        config = self.session.full_config
        if set(config.get("plugins", {})) - {"cli_legacy_plugin_path"}:
            raise Declined("the AWS configuration names plugins of the CLI")
        if any("cli_history" in each for each in config["profiles"].values()):
            raise Declined("the AWS configuration has the CLI keep a history (cli_history)")
        self.declined: str | None = None
        self._registered: list[tuple[str, Any, Any, bool]] = []
        self._unregistered: list[Any] = []
        self._started: list[Any] = []
        self._clients: dict[tuple[Any, ...], Any] = {}
        self._used_at = time.monotonic()
        self._watch_handlers()
        self._create_client = self.session.create_client
        self.session.create_client = self._client
        self.session.register("top-level-args-parsed", self._check_options)
        self.session.register("session-initialized", self._check_command)
        self.driver._get_command_table()
        self.driver._get_argument_table()
        self._registered.clear()
        self._variables = dict(self.session.instance_variables())
        self._client_config = self.session.get_default_client_config()
        self._user_agent_extra = self.session.user_agent_extra

    # Which commands run here

    def decline(self, reason: str) -> None:
        """Ends the command before it has begun; v2 reports nothing of it, and swallows it."""
        self.declined = reason
        raise Declined(reason)

    def _check_options(self, parsed_args: Any, **_: Any) -> None:
        if parsed_args.debug:
            self.decline("--debug tells of a whole process")

    def _check_command(self, parsed_args: Any, **_: Any) -> None:
        from awscli.clidriver import ServiceCommand, ServiceOperation

        command = self.driver._get_command_table()[parsed_args.command]
        if type(command) is not ServiceCommand:
            self.decline(f"`aws {parsed_args.command}` is a command of the CLI's own")
        if parsed_args.command in self._seen:
            return
        self._seen.add(parsed_args.command)
        before = len(self._registered)
        operations = command._get_command_table()
        del self._registered[before:]  # it is built once, and what it asks for stays with it
        for name, operation in operations.items():
            if type(operation) is not ServiceOperation:
                operations[name] = Elsewhere(self, f"{parsed_args.command} {name}", operation)

    def check_operation(self, operation: Any, args: list[str]) -> None:
        """Makes sure that an operation's arguments are those of its API, and starts it afresh."""
        self._started.append(operation)
        operation._arg_table = None
        name = f"{operation._parent_name} {operation.name}"
        if "help" in args:
            self.decline("help is shown by a pager")
        for event in _ARGUMENT_EVENTS:
            if self._is_hooked(event, operation._parent_name, operation.name):
                self.decline(f"the CLI customizes `aws {name}` ({event})")
        generic = {"awscli.arguments"}
        generic |= {each.__module__ for each in self._handlers("building-argument-table.~.~")}
        for argument in operation.arg_table.values():
            if type(argument).__module__ not in generic:
                self.decline(f"the CLI customizes --{argument.name} of `aws {name}`")
        if "outfile" in operation.arg_table:
            self.decline(f"`aws {name}` writes its answer to a file")

    def _is_hooked(self, event: str, service: str, operation: str) -> bool:
        """Whether something waits for this very operation, and not for all of its service."""
        own = self._handlers(f"{event}.{service}.{operation}")
        return len(own) > len(self._handlers(f"{event}.{service}.~"))

    def _handlers(self, event: str) -> Any:
        # EventAliaser (v1) puts services' other names into one form, and passes events on.
        aliased = getattr(self._events, "_alias_event_name", lambda name: name)
        return self._emitter._handlers.prefix_search(aliased(event))

    # What a command changes

    def _watch_handlers(self) -> None:
        self._events = self.session.get_component("event_emitter")
        self._emitter = getattr(self._events, "_emitter", self._events)
        # Clients have copies of the emitter, attributes and all: those are told apart by the first.
        self._emitter.journal = self._emitter, self._registered, self._unregistered

    def _client(
        self,
        service_name: str,
        region_name: str | None = None,
        endpoint_url: str | None = None,
        verify: bool | str | None = None,
        **other: Any,
    ) -> Any:
        """A client from before, if it is as one that is created now would be."""
        options = {"region_name": region_name, "endpoint_url": endpoint_url, "verify": verify}
        handlers = [
            (event, handler)
            for event, handler, *_ in self._registered
            if not event.startswith(_CLI_EVENTS)
        ]
        # Botocore asks for others itself, for a role's credentials; and a handler with a memory
        # belongs to one command.
        if other or not all(_is_function(handler) for _, handler in handlers):
            return self._create_client(service_name, **options, **other)
        config = self.session.get_default_client_config()
        key = (
            service_name,
            repr(options),
            tuple(handlers),
            repr(sorted(config._user_provided_options.items())) if config else "",
            self.session.user_agent(),  # v2 names the command in it
            repr(sorted(self.session.instance_variables().items())),
        )
        if key not in self._clients:
            if len(self._clients) >= _MOST_CLIENTS:
                del self._clients[next(iter(self._clients))]
            self._clients[key] = self._create_client(service_name, **options)
        return self._clients[key]

    def refresh(self) -> None:
        """Closes connections that were long unused: a server or a firewall may have, too."""
        if time.monotonic() - self._used_at > _IDLE_SECONDS:
            for client in self._clients.values():
                client._endpoint.http_session.close()

    def reset(self, exit_code: int) -> bool:
        """Undoes what a command changed; whether that was possible."""
        self._used_at = time.monotonic()
        session = self.session
        for event, handler, unique_id, counts in reversed(self._registered):
            self._emitter.unregister(
                event, handler=handler, unique_id=unique_id, unique_id_uses_count=counts
            )
        undone = len(self._unregistered) == len(self._registered)
        self._registered.clear()
        self._unregistered.clear()
        for operation in self._started:
            operation._arg_table = None
        self._started.clear()
        variables = session.instance_variables()
        profile = variables.pop("profile", None)
        for name in variables.keys() - self._variables.keys():
            session._session_instance_vars.pop(name)
        session._session_instance_vars.update(self._variables)
        session.set_default_client_config(self._client_config)
        session.user_agent_extra = self._user_agent_extra
        if exit_code != 0 or not self._credentials_last():
            # A new process would look for credentials, try again from the start, connect anew.
            session._credentials = None
            if hasattr(session, "_auth_token"):
                session._auth_token = None
            self._clients.clear()
        return undone and profile in (None, self.profile)

    def _credentials_last(self) -> bool:
        from botocore.credentials import RefreshableCredentials

        held = self.session._credentials
        refreshed = held is None or isinstance(held, RefreshableCredentials)
        return refreshed or held.method in _LASTING_CREDENTIALS


_NOBODYS: tuple[Any, list[Any], list[Any]] = (None, [], [])


def _is_function(handler: Any) -> bool:
    return isinstance(handler, types.FunctionType) and handler.__closure__ is None


def watch_registrations(emitter_class: Any) -> None:
    """Has the emitters that have a ``journal`` write down what is registered with them."""
    register, unregister = emitter_class._register_section, emitter_class.unregister

    def watched_register(
        emitter: Any, event: str, handler: Any, *options: Any, **named: Any
    ) -> None:
        owner, registered, _ = getattr(emitter, "journal", _NOBODYS)
        unique_id, counts = options[:2]
        # Under a name that is taken nothing is added, unless it is counted how often.
        if owner is emitter and (counts or unique_id not in emitter._unique_id_handlers):
            registered.append((event, handler, unique_id, counts))
        register(emitter, event, handler, *options, **named)

    def watched_unregister(emitter: Any, *args: Any, **named: Any) -> None:
        owner, _, unregistered = getattr(emitter, "journal", _NOBODYS)
        if owner is emitter:
            unregistered.append(args)
        unregister(emitter, *args, **named)

    emitter_class._register_section = watched_register
    emitter_class.unregister = watched_unregister


class Elsewhere:
    """Stands for a command of a service that is not an operation of its API."""

    def __init__(self, tree: CommandTree, name: str, command: Any) -> None:
        self._tree = tree
        self._name = name
        self._command = command

    def __getattr__(self, name: str) -> Any:
        return getattr(self._command, name)

    def __call__(self, *_: Any) -> None:
        """Runs nothing."""
        self._tree.decline(f"`aws {self._name}` is a command of the CLI's own")
