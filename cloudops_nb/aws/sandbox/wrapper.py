"""The `aws` that stands first on a sandboxed command's PATH: the real one, held to the sandbox.

What it guards against, each seen with the real CLI:

- CLI v1's `sqs` commands ignore AWS_ENDPOINT_URL, so ``--endpoint-url`` is always given;
- a later ``--endpoint-url``, also abbreviated (``--e``, ``--end=…``), would win: refused;
- CLI v1 fetches parameter values that start with ``http://`` or ``https://``, without any proxy.
  The sandbox's profiles turn that off (``cli_follow_urlparam``); with a profile that is not the
  sandbox's, such a value is refused;
- a script may export an AWS_CONFIG_FILE of its own: the sandbox's variables are set again here.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cloudops_nb.errors import SandboxUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# Lies beside every wrapper, so that none is taken for the real aws, and says what it guards.
MARKER = ".cloudops-sandbox"

_BODY = r"""
refuse() {
    printf 'aws (cloudops sandbox): %s\n' "$1" >&2
    exit 252  # the CLI's own code for arguments that it does not take
}

only_here() {
    [ "$1" = "$endpoint" ] || refuse "the endpoint is $endpoint and cannot be changed: $1"
}

profile=${AWS_PROFILE:-${AWS_DEFAULT_PROFILE:-default}}
expected=
fetched=
for word do
    case $expected in
        endpoint) only_here "$word" ;;
        profile) profile=$word ;;
    esac
    expected=
    value=$word
    case $word in
        --?*)
            name=${word%%=*}
            # argparse takes every unambiguous beginning of an option's name for the option.
            case --endpoint-url in "$name"*) expected=endpoint ;; esac
            case --profile in "$name"*) expected=profile ;; esac
            case $word in
                *=*)
                    value=${word#*=}
                    case $expected in
                        endpoint) only_here "$value" ;;
                        profile) profile=$value ;;
                    esac
                    expected=
                    ;;
            esac
            ;;
    esac
    case $value in
        "$endpoint"/*) ;;
        http://* | https://*) fetched=$value ;;
    esac
done
if [ -n "$fetched" ]; then
    case " $profiles " in
        *" $profile "*) ;;
        *) refuse "with profile '$profile' the CLI would fetch $fetched" ;;
    esac
fi
exec "$real" --endpoint-url "$endpoint" "$@"
"""


def write(
    directory: Path,
    *,
    real: Path,
    endpoint: str,
    profiles: Iterable[str],
    variables: Mapping[str, str],
) -> None:
    """Write the wrapper for the aws at ``real`` into ``directory``, which is to be put on PATH."""
    head = [
        "#!/bin/sh",
        "# Written by cloudops_nb: `aws` for commands that run in the sandbox.",
        f"endpoint={shlex.quote(endpoint)}",
        f"real={shlex.quote(str(real))}",
        f"profiles={shlex.quote(' '.join(profiles))}",
        *(f"export {name}={shlex.quote(value)}" for name, value in variables.items()),
    ]
    guard = {"real": str(real), "endpoint": endpoint, "variables": dict(variables)}
    (directory / MARKER).write_text(json.dumps(guard))
    script = directory / "aws"
    script.write_text("\n".join(head) + "\n" + _BODY)
    script.chmod(0o700)


@dataclass(frozen=True, slots=True)
class Guard:
    """What a wrapper does, for who runs the real aws without it: ``first`` are the arguments it
    puts before a command's, ``variables`` what it sets.
    """

    real: Path
    endpoint: str
    variables: tuple[tuple[str, str], ...]

    @property
    def first(self) -> tuple[str, ...]:
        """The arguments that hold a command to the sandbox."""
        return ("--endpoint-url", self.endpoint)

    def lets_pass(self, args: Iterable[str]) -> bool:
        """Whether there is nothing among the arguments that the wrapper would have to judge."""
        return not any(self._is_judged(word) for word in args)

    def _is_judged(self, word: str) -> bool:
        name, _, value = word.partition("=")
        if name.startswith("--") and len(name) > 2 and "--endpoint-url".startswith(name):
            return True
        urls = (text for text in (word, value) if text.startswith(("http://", "https://")))
        return any(not url.startswith(f"{self.endpoint}/") for url in urls)


def read(directory: Path) -> Guard:
    """What the wrapper in ``directory`` guards; there must be one."""
    written = json.loads((directory / MARKER).read_text())
    variables = tuple(written["variables"].items())
    return Guard(Path(written["real"]), written["endpoint"], variables)


def find_real_aws(environment: Mapping[str, str], deadline: float) -> Path | None:
    """The first ``aws`` that answers ``--version``: on PATH, else beside this Python.

    ``deadline`` is of ``time.monotonic``; raises ``SandboxUnavailable`` when it has passed.

    PATH first: in the sandbox a command is to meet the CLI it meets outside. The question is
    asked, since a version manager's shim may stand on PATH for a CLI that is not installed.
    """
    candidates = _candidates(environment)
    return next((path for path in candidates if _answers(path, environment, deadline)), None)


def _candidates(environment: Mapping[str, str]) -> Iterator[Path]:
    directories = [*os.get_exec_path(environment), str(Path(sys.executable).parent)]
    for directory in dict.fromkeys(directories):
        path = Path(directory or ".").absolute() / "aws"
        if os.access(path, os.X_OK) and path.is_file() and not (path.parent / MARKER).exists():
            yield path


def _answers(path: Path, environment: Mapping[str, str], deadline: float) -> bool:
    try:
        answer = subprocess.run(
            [path, "--version"],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,  # CLI v1 on Python 2 and some shims speak there
            timeout=max(0.001, deadline - time.monotonic()),
            check=False,
        )
    except OSError:
        return False
    except subprocess.TimeoutExpired:
        message = f"`{path} --version` did not answer in time: give the sandbox a longer timeout"
        raise SandboxUnavailable(message) from None
    return answer.returncode == 0 and answer.stdout.startswith(b"aws-cli/")
