"""What a step gave never chooses what ``sudo``, ``env`` and the like run."""

import shlex
import subprocess
from pathlib import Path

import pytest

from cloudops_nb.errors import InvalidCommand
from cloudops_nb.models import Exec, ExecutionRequest
from cloudops_nb.models.placeholders import substitute_shell
from cloudops_nb.models.templates import check_template, inputs_of, quoted

OUTPUT = "{{ steps.a.stdout }}"
REFUSAL = "stands where a program is named; that is decided beforehand"

# `@` is the value. What a bare system has, so that it can be seen what runs.
CHOOSING = [
    "@",
    "env @",
    "env X=1 Y=2 @",
    "env -i -u HOME @",
    "env -C . @",
    "env -S @",
    "nohup @",
    "xargs @ </dev/null",
    "xargs -n1 -P 2 -I% @ <<< a",
    "timeout 5 @",
    "timeout -k 5 10 @",
    "timeout --foreground 5 @",
    "nice @",
    "nice -n 1 nohup env X=1 @",
    "stdbuf -oL @",
    "setsid -w @",
    "setpriv @",
    "taskset 1 @",
    "prlimit --core=0 @",
    "flock lock @",
    "/usr/bin/env @",
    "'env' @",
    "command -p env @",
    "exec -a name @",
    "time -p @",
    "find . -maxdepth 0 -exec @ ';'",
    "find . -maxdepth 0 -exec env @ ';'",
    "$nothing @",
    "$nothing env @",
    "env '--split-string=env -u' x @",
    "env $nothing @",
    "x=$(env @)",
]
KEEPING = [
    "env X=@ true @",
    "env -u X true @",
    "nohup true @",
    "xargs -n1 -P 2 -I% true @ <<< a",
    "timeout 5 true @",
    "timeout -k5 --foreground 5 true @",
    "nice -n 1 nohup env X=1 true @",
    "stdbuf -oL true @",
    "taskset 1 true @",
    "setpriv true @",
    "setsid -w true @",
    "flock lock true @",
    "command -p env true @",
    "exec -a name true @",
    "find . -maxdepth 0 -name @ -exec true {} @ ';'",
    'tool=true; "$tool" x @',
]
NOT_KNOWN = [  # or not to be had here
    "env -S X=@",
    "sudo @",
    "sudo -u root @",
    "sudo --user root -- @",
    "sudo X=1 nohup @",
    "sudo --not-an-option x @",
    "sudo -i @",
    "doas -u root @",
    "unshare -r @",
    "nsenter -t 1 @",
    "chrt -o 0 @",
    "busybox @",
    "strace -f @",
    "systemd-run --user @",
    "pkexec @",
    "fakeroot @",
    "chroot /x @",
    "sudo $options ls @",
    "sudo -u @ ls",
    "timeout @ ls",
]


def runs(script: str, directory: Path) -> bool:
    """Whether a script runs the program that its value names."""
    program = directory / "program"
    program.write_text("#!/bin/sh\n>ran\n")
    program.chmod(0o700)
    filled = substitute_shell(script.replace("@", "{{ v }}"), {"v": str(program)})
    subprocess.run(
        ["/bin/bash", "-c", filled],
        cwd=directory,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        timeout=30,
        check=False,
    )
    return (directory / "ran").exists()


@pytest.mark.parametrize("script", CHOOSING)
def test_where_a_value_would_be_run_no_output_may_stand(script: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidCommand, match=REFUSAL):
        quoted(script.replace("@", OUTPUT))
    assert runs(script, tmp_path)


@pytest.mark.parametrize("script", KEEPING)
def test_an_output_may_be_an_argument_of_the_program_that_is_run(
    script: str, tmp_path: Path
) -> None:
    quoted(script.replace("@", OUTPUT))
    assert not runs(script, tmp_path)


@pytest.mark.parametrize("script", NOT_KNOWN)
def test_where_it_is_not_known_what_runs_no_output_may_stand(script: str) -> None:
    with pytest.raises(InvalidCommand, match=REFUSAL):
        quoted(script.replace("@", OUTPUT))


@pytest.mark.parametrize(
    "script", ["sudo -n ls @", "sudo -nu root ls @", "sudo --user=root X=@ ls @", "doas -n ls @"]
)
def test_options_that_are_known_leave_the_program_known(script: str) -> None:
    assert quoted(script.replace("@", OUTPUT)) == script.replace("@", f"'{OUTPUT}'")


@pytest.mark.parametrize("script", ["sudo @", "env X=1 @", "timeout 5 @", "env X=@ ls @", "ls @"])
def test_arguments_of_a_program_are_judged_as_shell_text_is(script: str) -> None:
    program, *args = shlex.split(script)
    made = ExecutionRequest(
        command=Exec(program=program, args=tuple(arg.replace("@", OUTPUT) for arg in args))
    )
    made = made.model_copy(update={"inputs": inputs_of(made)})
    if "ls" in args or program == "ls":
        check_template(made)
    else:
        with pytest.raises(InvalidCommand, match=REFUSAL):
            check_template(made)


def test_a_notebooks_variable_may_name_what_is_run_since_it_is_judged_with_the_rest() -> None:
    assert substitute_shell("sudo {{ v }}", {"v": ["ls", "-l"]}) == "sudo ls -l"
