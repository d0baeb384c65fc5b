"""An AWS to practise on: a moto server with a small, fixed fleet, on this machine only.

    with Sandbox.start() as sandbox:
        subprocess.run(["aws", "ec2", "describe-instances"], env=sandbox.environment(os.environ))

A command in the sandbox's environment has no real credentials, a dead proxy before the network and
an `aws` that accepts no other endpoint. It is a guard against mistakes, not a prison: a program
that ignores proxy settings, such as ssh, still reaches what this machine reaches.
"""

from __future__ import annotations

import os
import tempfile
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from cloudops_nb.aws.sandbox import environment as env
from cloudops_nb.aws.sandbox import process, wrapper
from cloudops_nb.aws.sandbox.accounts import ACCOUNTS, DEFAULT_REGION, REGIONS, SandboxAccount
from cloudops_nb.errors import SandboxUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Self

    import boto3

__all__ = ["Sandbox", "SandboxAccount"]


class Sandbox:
    """A running sandbox, made by ``start``. It ends with ``stop``, its owner, or this process."""

    accounts: tuple[SandboxAccount, ...] = ACCOUNTS
    regions: tuple[str, ...] = REGIONS

    @classmethod
    def start(
        cls,
        *,
        directory: Path | None = None,
        timeout: float = 60.0,
        progress: Callable[[str], None] | None = None,
    ) -> Sandbox:
        """Start a sandbox; returns when its fleet is complete.

        ``directory`` is where its private directory (0700) is made, by default the system's
        place for temporary files; it is removed again. ``timeout`` is in seconds. ``progress``
        is called with a line of text at each step, in the caller's thread.

        Raises ``SandboxUnavailable``: moto or the AWS CLI is missing, or the server did not come
        up in time; the message says what to do.
        """
        deadline = time.monotonic() + timeout
        process.require_moto()
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
        home = Path(tempfile.mkdtemp(prefix="cloudops-sandbox-", dir=directory))
        with process.listen() as listener:
            endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
            server = process.Server(listener, home, env.merged(os.environ, home, endpoint))
        sandbox = cls(endpoint, home, server)
        try:
            env.write_aws_files(home, endpoint)
            sandbox._install_aws(deadline)  # while the server loads
            server.wait_until_ready(deadline, progress or (lambda _line: None))
        except BaseException:
            sandbox.stop()
            raise
        return sandbox

    def __init__(self, endpoint_url: str, directory: Path, server: process.Server) -> None:
        self.endpoint_url = endpoint_url
        self._directory = directory
        self._server = server
        # Also at exit, and for a sandbox that was dropped without a word.
        self._finalize = weakref.finalize(self, server.stop)

    @property
    def banner(self) -> str:
        """One line of plain text that says what this is."""
        names = ", ".join(f"{account.alias} ({account.id})" for account in self.accounts)
        return (
            f"SANDBOX: a simulated AWS at {self.endpoint_url} on this machine, accounts {names}; "
            "no real account is reached."
        )

    @property
    def running(self) -> bool:
        """Whether it can be used: it was not stopped, and its server is alive."""
        return self._finalize.alive and self._server.running

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """The whole environment for a child process, made from ``base``.

        Every ``AWS_*`` and ``BOTO*`` variable of ``base`` is left out. Raises
        ``SandboxUnavailable`` when the sandbox is not running.
        """
        self._require_running()
        return env.merged(base, self._directory, self.endpoint_url)

    def session(self, profile: str | None = None, region: str | None = None) -> boto3.Session:
        """A boto3 session whose clients and resources all speak to the sandbox.

        ``profile`` is one of ``accounts``' profiles, by default the first's; the environment and
        the AWS files of this process play no part. Raises ``SandboxUnavailable`` when the sandbox
        is not running, ``ValueError`` for a profile it does not have.
        """
        self._require_running()
        from cloudops_nb.aws.sandbox.session import session

        by_profile = {account.profile: account for account in self.accounts}
        account = by_profile.get(profile or self.accounts[0].profile)
        if account is None:
            message = f"the sandbox has no profile {profile!r}, but {', '.join(by_profile)}"
            raise ValueError(message)
        return session(account, self.endpoint_url, region or DEFAULT_REGION)

    def stop(self) -> None:
        """End the server and remove its files. A second call does nothing."""
        self._finalize()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = self.endpoint_url if self.running else "stopped"
        return f"<{type(self).__name__} {state}>"

    def _install_aws(self, deadline: float) -> None:
        # The question for its version needs the sandbox's environment, but not its PATH.
        plain = {"PATH": os.environ.get("PATH", os.defpath)}
        real = wrapper.find_real_aws(self.environment(os.environ) | plain, deadline)
        if real is None:
            message = "the sandbox needs the AWS CLI: pip install 'cloudops_nb[sandbox]'"
            raise SandboxUnavailable(message)
        tools = env.tools(self._directory)
        tools.mkdir()
        wrapper.write(
            tools,
            real=real,
            endpoint=self.endpoint_url,
            profiles=env.PROFILES,
            variables=env.variables(self._directory, self.endpoint_url),
        )

    def _require_running(self) -> None:
        if not self.running:
            message = "the sandbox is not running: start it with Sandbox.start()"
            raise SandboxUnavailable(message)
