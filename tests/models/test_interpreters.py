"""Values never become code of the programs that read their words as code."""

import shlex
import subprocess
from pathlib import Path

import pytest

from cloudops_nb.errors import InvalidCommand
from cloudops_nb.models import Exec, ExecutionRequest
from cloudops_nb.models.placeholders import Names, substitute_shell, substitute_words
from cloudops_nb.models.templates import check_template, inputs_of, quoted

OUTPUT = "{{ steps.a.stdout }}"
IS_PROGRAM = "stands where a program is named; that is decided beforehand"

SHELL = "$(>PWNED)"
PYTHON = "open('PWNED', 'w')"
PERL = "open(F, '>PWNED')"
# `@` is the value. The second is a value that runs where one level of quotes is all there is.
CODE = [
    ("ssh host ls @", SHELL),
    ("ssh -p 22 -v host -l root ls -l @", SHELL),
    ('ssh host "ls" x@', SHELL),
    ("exec timeout 5 ssh -- host @", SHELL),
    ("x=$(ssh host $(echo @))", SHELL),
    ("watch -g -n 0.1 date +%N @", SHELL),
    ("env X=1 watch -tgn0.1 date +%N @", SHELL),
    ("flock lock -c @", SHELL),
    ("nice flock -n lock --command @", SHELL),
    ("script -qc @ /dev/null", SHELL),
    ("script --command=@ /dev/null", SHELL),
    ("sh -c @", SHELL),
    ("bash <<< @", SHELL),
    ("X=1 nohup bash <<< @ -x", SHELL),
    ("bash -s x <<< @", SHELL),
    ("bash -eo pipefail -s <<< @", SHELL),
    ("python3 -u - <<< @", PYTHON),
    ("python3 -c @", PYTHON),
    ("python3 -Ic@", PYTHON),
    ("nohup /usr/bin/env python3 -W ignore -c @", PYTHON),
    ("perl -e @", PERL),
    ("perl -lne @ <<< a", PERL),
    ("perl -e 1 -e @", f";{PERL}"),
    ("perl -MPOSIX@ -e 1", f";{PERL}"),
    ("perl -@", f"e{PERL}"),
]
CODE_NOT_RUN = [  # what needs another user, or is not everywhere
    "ssh -o @ host",
    "ssh -oProxyCommand=@ host",
    "ssh $options host ls @",
    "sudo --not-an-option x ssh host ls @",
    "sshpass -p x ssh host ls @",
    "scp -o @ a host:",
    "su -c @",
    "su - root -c @",
    "sudo su root -- -c @",
    "runuser -c @ root",
    "sg group @",
    "sg group -c @",
    "node -e @",
    "node -pe @",
    "ruby -ne @",
    "docker exec x python3.11 -c @",
]
# An option in front of what the program was to be given; the value makes it run code.
OPTIONS = [
    ("ssh @ uptime", "-oProxyCommand=>PWNED"),
    ("scp @ a host:", "-oProxyCommand=>PWNED"),
    ("perl -e 1 @", f"-e;{PERL}"),
    ("python3 @", f"-c{PYTHON}"),
]
FILES = [
    "source @",
    ". @",
    "command . @",
    ". ./@",
    "bash @",
    "bash -x -o pipefail @",
    "bash $nothing @",
    "sudo bash @",
    "python3 @",
    "python3 -u @",
    "python3 -m @",
    "python3 $nothing @",
    "perl @",
    "perl -i.bak -l @",
    "node --max-old-space-size=99 @",
    "node --require=@ x.js",
    "su root @",
    "su -s @ root",
    "flock lock @",
    "ssh -F @ host",
    "scp -S @ a host:",
    "watch -x @",
    "watch -x bash @",
    "source <(echo @)",
    'bash "$(dirname @)/x"',
    "sudo $(echo @)",
    "$(echo @) x",
]
DATA = [
    "ssh @ uptime",
    "ssh -- root@ uptime",
    "ssh -p @ -i @ host uptime",
    "scp @ host:",
    "scp a host:@",
    "watch -x ls @",
    "watch -tn1 --exec ls @",
    "flock lock grep -c @",
    "script -c ls @",
    "su @ -c ls",
    "su -c 'ls \"$1\"' root _ @",
    "runuser -u www ls @",
    "bash -c ls _ @",
    "bash -s @ <<< ls",
    "bash x.sh -c @",
    "source x.sh @",
    "python3 -c 'print()' @",
    "python3 -m json.tool @",
    "python3 x.py -c @",
    "python3 - @ <<< 1",
    "perl -ne print @",
    "node --max-old-space-size=99 x.js @",
    "grep ssh @",
    "grep bash <<< @",
    "bash x.sh -s <<< @",
    "python3 x.py - <<< @",
    "ssh host 'IFS= read -r x; ls \"$x\"' <<< @",
    "apt-get install watch @",
    "printf '%s\\n' @ | ssh host 'IFS= read -r x; ls \"$x\"'",
    "x=@ watch 'ls \"$x\"'",
]


def runs(script: str, value: str, directory: Path) -> bool:
    """Whether a script runs a value as code that is quoted for the one shell that reads it."""
    # Stands for ssh and the shell of a host that it hands all further words to, with blanks.
    ssh = directory / "ssh"
    ssh.write_text(
        "#!/bin/bash\nwhile [[ $1 == -* ]]; do\n  case $1 in -[pl]) shift;; esac; shift\ndone\n"
        'shift\nwhile [[ $1 == -* ]]; do shift 2; done\nexec sh -c "$*"\n'
    )
    ssh.chmod(0o700)
    subprocess.run(
        ["/bin/bash", "-c", script.replace("@", shlex.quote(value))],
        cwd=directory,
        env={"PATH": f"{directory}:/usr/bin:/bin", "TERM": "dumb"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
    )
    return (directory / "PWNED").exists()


@pytest.mark.parametrize(("script", "value"), CODE)
def test_where_quotes_do_not_keep_a_value_from_running_it_is_refused(
    script: str, value: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidCommand, match=r"is read as code by|is a script for"):
        substitute_shell(script.replace("@", "{{ v }}"), {"v": "x"})
    assert runs(script, value, tmp_path)


@pytest.mark.parametrize("script", CODE_NOT_RUN)
def test_so_it_is_where_only_the_manual_says_that_it_would_run(script: str) -> None:
    for text in (script.replace("@", "{{ v }}"), script.replace("@", "$(echo {{ v }})")):
        with pytest.raises(InvalidCommand, match="is read as code by"):
            substitute_shell(text, {"v": "x"})


@pytest.mark.parametrize(("script", "value"), OPTIONS)
def test_a_value_is_no_option_of_a_program_that_has_options_for_code(
    script: str, value: str, tmp_path: Path
) -> None:
    text = script.replace("@", "{{ v }}")
    assert substitute_shell(text, {"v": "x"}) == script.replace("@", "x")
    with pytest.raises(InvalidCommand, match=r"\{\{ v \}\} \(line 1\) would be read as an option"):
        substitute_shell(text, {"v": value})
    if not script.startswith(("ssh", "scp")):  # which are not everywhere
        assert runs(script, value, tmp_path)


@pytest.mark.parametrize("script", FILES)
def test_no_output_names_the_code_that_runs_but_a_notebooks_variable_may(script: str) -> None:
    with pytest.raises(InvalidCommand, match=IS_PROGRAM):
        quoted(script.replace("@", OUTPUT))
    text = script.replace("@", "{{ v }}")
    assert substitute_shell(text, {"v": "x"})


@pytest.mark.parametrize("script", DATA)
def test_what_a_program_takes_as_data_may_be_an_output(script: str) -> None:
    assert quoted(script.replace("@", OUTPUT))
    assert substitute_shell(script.replace("@", "{{ v }}"), {"v": "x"})


def test_a_program_that_a_value_names_reads_its_words_as_ever(tmp_path: Path) -> None:
    text = "{{ program }} {{ v }}"
    assert substitute_shell(text, {"program": "ls", "v": "x"}) == "'ls' x"
    for script in ("sh -c @", "ssh host @"):
        program, option, _ = script.split()
        with pytest.raises(
            InvalidCommand, match=r"\{\{ v \}\} .* is (a script for|read as code by)"
        ):
            substitute_shell(
                f"{{{{ program }}}} {option} {{{{ v }}}}", {"program": program, "v": "x"}
            )
        assert runs(script, SHELL, tmp_path)
        (tmp_path / "PWNED").unlink()


def test_each_word_of_a_list_is_judged_at_its_place() -> None:
    assert substitute_shell("bash {{ v }}", {"v": ["x.sh", "-c", "y"]}) == "bash x.sh -c y"
    with pytest.raises(InvalidCommand, match="is read as code by `ssh`"):
        substitute_shell("ssh {{ v }}", {"v": ["host", "ls"]})
    steps = {"a": {"stdout": [".", "-exec", "x"]}}
    with pytest.raises(InvalidCommand, match=IS_PROGRAM):
        substitute_shell(f"find {OUTPUT}", {"steps": steps}, names=Names.STEPS)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("ssh", "host", "ls", "@"), "is read as code by `ssh`; .* sent as input: printf"),
        (("watch", "ls", "@"), "without a shell: watch -x ls"),
        (("sudo", "/usr/bin/python3", "-c", "@"), "is read as code by `/usr/bin/python3`"),
        (("bash", "@"), IS_PROGRAM),
        (("env", "LD_PRELOAD=@", "ls"), "LD_PRELOAD decides what runs"),
    ],
)
def test_arguments_of_a_program_are_judged_as_shell_text_is(
    words: tuple[str, ...], says: str
) -> None:
    program, *args = (word.replace("@", OUTPUT) for word in words)
    made = ExecutionRequest(command=Exec(program=program, args=tuple(args)))
    with pytest.raises(InvalidCommand, match=says):
        check_template(made.model_copy(update={"inputs": inputs_of(made)}))


def test_an_argument_that_would_be_an_option_is_refused_too() -> None:
    words = ("{{ v }}", "uptime")
    assert substitute_words(words, {"v": "host"}, program="ssh") == ("host", "uptime")
    with pytest.raises(InvalidCommand, match="would be read as an option of `ssh`"):
        substitute_words(words, {"v": "-oProxyCommand=x"}, program="ssh")


@pytest.mark.parametrize(
    "script",
    [
        "PATH=@ ls",
        "PATH=@",
        "PATH+=:@",
        "PATH=/bin:@:$PATH ls",
        "PATH=$(dirname @) ls",
        "export PATH=@",
        "export X=1 LD_PRELOAD=@",
        "env LD_PRELOAD=@ ls",
        "env 'LD_PRELOAD='@ ls",
        "sudo -n PATH=@ ls",
        "for PATH in @; do ls; done",
        "AWS_PROFILE=@ aws s3 ls",
    ],
)
def test_no_output_is_the_value_of_a_variable_that_decides_what_runs(script: str) -> None:
    with pytest.raises(InvalidCommand, match=r"is assigned: \w+ decides what runs and where"):
        quoted(script.replace("@", OUTPUT))
    assert substitute_shell(script.replace("@", "{{ v }}"), {"v": "x"})


@pytest.mark.parametrize("script", ["PATH=/bin ls @", "X=@ ls", "for PATH in /bin; do ls @; done"])
def test_beside_such_a_variable_an_output_is_data(script: str) -> None:
    assert quoted(script.replace("@", OUTPUT))


def test_a_long_list_is_judged_in_a_moment() -> None:
    names = [f"x{number}" for number in range(5000)]
    with pytest.raises(InvalidCommand, match="would be read as an option of `scp`"):
        substitute_shell("scp {{ v }} host:", {"v": [*names, "-S./evil"]})
    assert substitute_shell("scp {{ v }} host:", {"v": names}).count(" ") == 5001
