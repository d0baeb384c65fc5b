"""``{{ name }}``: values get where they were written for, as data, and nowhere else."""

from __future__ import annotations

import datetime
import enum
import ipaddress
import subprocess
import uuid
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cloudops_nb.errors import InvalidCommand
from cloudops_nb.models.placeholders import substitute_shell, substitute_value, substitute_words

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
HOSTILE = "'\n>PWNED\n'\"\n>PWNED\n\"`>PWNED`$(>PWNED)\nEOF\n>PWNED\n"
SHELLS = ["bash", "dash"]


def run(shell: str, script: str, directory: Path | None = None) -> bytes:
    """What a script prints, run by a real shell that finds no program to start."""
    done = subprocess.run(
        [f"/bin/{shell}", "-c", script],
        capture_output=True,
        cwd=directory,
        env={"PATH": "/nonexistent", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        timeout=30,
        check=False,
    )
    return done.stdout


# Scripts, and the words they print, each ended by NUL; `@` is the value.
SAFE = {
    "printf '%s\\0' {{ v }}": ["@"],
    "printf '<%s\\0' pre{{ v }}post": ["<pre@post"],
    "printf '%s\\0' {{ v }}{{ v }}": ["@@"],
    "printf '%s\\0' a=\"b c\"{{ v }}'d'": ["a=b c@d"],
    'printf "$nothing%s\\0" {{ v }}': ["@"],
    "x={{ v }}; printf '%s\\0' \"$x\"": ["@"],
    "export X=a{{ v }}; printf '%s\\0' \"$X\"": ["a@"],
    'f() { local y={{ v }}; printf \'%s\\0\' "$y" "$1"; }; f {{ v }}': ["@", "@"],
    "for i in a {{ v }} b; do printf '%s\\0' \"$i\"; done": ["a", "@", "b"],
    "printf '%s\\0' \"$(printf '%sx' {{ v }})\"": ["@x"],
    "case {{ v }} in {{ v }}) printf 'same\\0';; esac": ["same"],
    "[ {{ v }} = {{ v }} ] && printf 'same\\0'": ["same"],
    "if ! [ -z x{{ v }} ]; then { (printf '%s\\0' {{ v }}); }; fi": ["@"],
    "set -- {{ v }}; printf '%s\\0' \"$@\"": ["@"],
    "true && printf '%s\\0' \\\n  {{ v }} || false": ["@"],
    "printf '%s\\0' \\\\{{ v }} # it's {{ v }}": ["\\@"],
    "command printf '%s\\0' {{ v }}": ["@"],
    'cat() { printf \'%s\\0\' "$1"; }; cat {{ v }} <<EOF\n$(echo "it\'s")\nEOF\n': ["@"],
}
BASH_SAFE = {
    "a=({{ v }} {{ v }}); printf '%s\\0' \"${a[@]}\"": ["@", "@"],
    "[[ {{ v }} == {{ v }} && -n x{{ v }} ]] && printf 'same\\0'": ["same"],
    "IFS= read -r -d '' y <<< {{ v }}x; printf '%s\\0' \"$y\"": ["@x\n"],
    "while IFS= read -r -d '' y; do printf '%s\\0' \"$y\"; done < <(printf '%s\\0' {{ v }})": ["@"],
}


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=60, deadline=None)
@given(value=TEXT)
@example(value=HOSTILE)
@example(value="")
@example(value="-n")
@example(value="~")
@example(value="for")
@example(value="a=b")
@example(value="1")
@example(value="!")
@example(value="\\")
def test_a_real_shell_gets_exactly_the_value(shell: str, value: str) -> None:
    texts = SAFE | BASH_SAFE if shell == "bash" else SAFE
    # One process for all of them: each text is a subshell's.
    scripts = [substitute_shell(text, {"v": value}, shell=shell) for text in texts]
    printed = run(shell, "\n".join(f"({script}\n)" for script in scripts))
    words = [word.replace("@", value) for words in texts.values() for word in words]
    assert printed == b"".join(word.encode() + b"\0" for word in words)


@settings(max_examples=60, deadline=None)
@given(values=st.lists(TEXT, min_size=1))
def test_a_real_shell_gets_a_list_as_that_many_words(values: list[str]) -> None:
    script = substitute_shell("printf '%s\\0' {{ vs }}", {"vs": values})
    assert run("bash", script) == b"".join(value.encode() + b"\0" for value in values)


# Pieces of shell, sane and not, that random scripts are made of.
PIECES = [
    piece.replace("_", " ")
    for piece in r"""
    ' " \ $ ` ( ) { } [ ] # ; | & < > << <<< $( $(( )) (( ${x:- ${x# ${x//a/ ${#x} $' $" \' \" \\
    = a= a=( echo case_x_in_ esac ;; if_ then_ fi for_i_in_ do_ done [[_ _]] [_ _] =~_ ==_ && || !
    f()_{ declare_ local_ export_ let_ eval_ printf_ read_ 2> >& <( >( ~ * @( |& {a, .. # $$ EOF
    <<EOF <<'EOF' <<-EOF _ __ ! in_ -v_ -eq_ %s x[ ]= unset_ trap_ time_ coproc_ b c'd
    """.split()
] + ["\n", "\\\n", "\nEOF\n", "# it's\n", "\t"]
HOLES = ["{{ v }}", " {{ v }} ", "echo {{ v }}", "$(echo {{ v }})", '"{{ v }}"', "'{{ v }}'"]
PAYLOADS = [
    HOSTILE,
    "($(>PWNED))",
    "[$(>PWNED)]=1",
    "a[$(>PWNED)]",
    "$(>PWNED)",
    "';>PWNED;'",
    "\nEOF\n>PWNED\n",
    "-va[$(>PWNED)]",
]


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=800, deadline=None, derandomize=True)
@given(data=st.data())
def test_no_script_that_is_accepted_runs_a_value(
    shell: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pieces = data.draw(st.lists(st.sampled_from(PIECES), max_size=8))
    at = data.draw(st.integers(0, len(pieces)))
    script = "".join([*pieces[:at], data.draw(st.sampled_from(HOLES)), *pieces[at:]])
    check_nothing_runs(shell, script, [data.draw(st.sampled_from(PAYLOADS))], tmp_path_factory)


def check_nothing_runs(
    shell: str, script: str, payloads: Sequence[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    for payload in payloads:
        try:
            filled = substitute_shell(script, {"v": payload}, shell=shell)
        except InvalidCommand:
            continue
        if filled == script:
            continue
        directory = tmp_path_factory.mktemp("witness")
        run(shell, filled, directory)
        assert not (directory / "PWNED").exists(), (script, payload)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "script",
    [
        # Found by random scripts: here the parser and the shell saw different words.
        ">& {{ v }}",
        "echo a >&{{ v }}",
        "$'}((\\'| ] {{ v }} ",
        "[[ x =~ ^[^']+$ ]] && echo {{ v }}",
        "] ]#<<'EOF'\n{{ v }}",
        "eval 2>f $(echo {{ v }})echo",
        "$nothing eval $(echo {{ v }})",
        "echo a\\\n# it's<<EOF\n{{ v }}",
        "echo a \\ # it's\necho {{ v }}",
        'echo "$${"{{ v }}"x/{x/export /\\\'/a}"\necho {{ v }}',
        "[ $\"x\" <<EOF\n= 'a' ] && echo b | echo {{ v }}",
        "cat <<EOF\na \\\nEOF\necho {{ v }}",
        "echo $\\\n'a\\' {{ v }} '",
        "echo \r#{{ v }}",
        "echo\u00a0'{{ v }}'",
        # What the shell evaluates is code, quoted or not.
        "eval echo {{ v }}",
        "builtin eval {{ v }}",
        "time eval {{ v }}",
        "trap {{ v }} EXIT",
        "let {{ v }}",
        "read {{ v }} <<< x",
        "declare {{ v }}=1",
        "declare -i n={{ v }}",
        "declare a={{ v }}",
        "a=(1); typeset a+={{ v }}",
        "f() { local -a a; local a={{ v }}; }; f",
        "readonly -a a={{ v }}",
        "declare -n r={{ v }}; r=1",
        "a=([{{ v }}]=1)",
        "declare -A a=([{{ v }}]=1)",
        "a=(1); unset {{ v }}",
        "sleep 0 & wait -n {{ v }}",
        "BASH_ENV={{ v }} bash",
        "declare -i n; n={{ v }}",
        "f() { local -i n; for n in {{ v }}; do :; done; }; f",
        "RANDOM={{ v }}",
        "PS4={{ v }}; set -x; :",
        "printf {{ v }} x",
        "printf -v {{ v }} x",
        "[ -v {{ v }} ]",
        "test -v {{ v }}",
        "[[ {{ v }} -eq 1 ]]",
        "[[ $(echo {{ v }}) -eq 1 ]]",
        "echo $(( {{ v }} ))",
        "(( $(echo {{ v }}) ))",
        "for ((i={{ v }};i<1;i++)); do :; done",
        "x[{{ v }}]=1",
        "echo ${x:{{ v }}}",
        "{{ v }}=1",
        "bash -c {{ v }}",
        "exec bash -ec -o pipefail {{ v }}",
    ],
)
def test_where_a_value_could_run_it_is_refused(
    shell: str, script: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.raises(InvalidCommand):
        substitute_shell(script, {"v": "a[$(>PWNED)]"}, shell=shell)
    check_nothing_runs(shell, script, PAYLOADS, tmp_path_factory)


@pytest.mark.parametrize(
    "script",
    [
        "((1<<2))\necho {{ v }}",
        "[[ a == '\n' ]] && echo {{ v }}",
        "cat <<< $'a\\'b' {{ v }}",
        "a=(b); echo {{ v }}",
        "cat <(a) {{ v }}",
        "echo $[1+1] {{ v }}",
    ],
)
def test_syntax_that_only_bash_knows_is_refused_for_another_shell(script: str) -> None:
    substitute_shell(script, {"v": "x"}, shell="bash")
    for shell in ("sh", "dash"):
        with pytest.raises(InvalidCommand, match=r"use bash|not every POSIX shell"):
            substitute_shell(script, {"v": "x"}, shell=shell)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo '{{ v }}'", "{{ v }} (line 1) is inside quotes; remove the quotes"),
        ('a\necho "x {{ v }}"', "{{ v }} (line 2) is inside quotes; remove the quotes"),
        ("docker ps --format '{{ v }}'", "--raw"),
        ("cat <<EOF\n{{ v }}\nEOF", "{{ v }} (line 2) is in a here-document"),
        ("cat <<'EOF'\n{{ v }}\nEOF", "--env NAME={{ … }} and write $NAME there"),
        ("cat <<EOF\n$(echo {{ v }})\nEOF", "here-document"),
        ("echo `a {{ v }}`", "write $(…) instead"),
        ("echo ${x:-{{ v }}}", "name={{ … }}"),
        ("echo {a,{{ v }}}", "write the words out"),
        ("echo $((1 + {{ v }}))", "compute it in Python"),
        ("bash -c {{ v }}", "bash -c 'echo \"$1\"' _ {{ … }}"),
        ("echo {{ v }} 'unclosed", "its shell syntax cannot be read"),
        ("echo {{v}}", "write it {{ v }}"),
    ],
)
def test_a_refusal_names_placeholder_line_and_what_to_do(script: str, says: str) -> None:
    with pytest.raises(InvalidCommand) as refused:
        substitute_shell(script, {"v": "x"})
    assert says in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "docker ps --format '{{json .}} {{ .Names }} {{end}} {{ else }}'",
        "echo {x} $x ${x} {{ v | upper }} {{#v}} {{ v-w }} {{  }}",
        "echo '{{v}}' \"{{v}}\"",
        "# it's {{ v }}",
        "echo \\{{ v }}",
        "aws ec2 x --query 'a[?b==`c`].{d:e}'",
    ],
)
def test_everything_else_in_braces_stays_as_written(text: str) -> None:
    assert substitute_shell(text, {"v": "x"}) == text


def test_a_bare_quote_in_a_comment_does_not_matter() -> None:
    assert substitute_shell("# it's {{ v }}\necho {{ v }}", {"v": "x y"}) == (
        "# it's {{ v }}\necho 'x y'"
    )


def test_values_are_never_read_for_placeholders() -> None:
    lookup = {"a": "{{ b }}", "b": "secret"}
    assert substitute_shell("echo {{ a }} {{ b }}", lookup) == "echo '{{ b }}' secret"
    assert substitute_value("{{ a }}", lookup) == "{{ b }}"
    assert substitute_words(["{{ a }}", "x{{ a }}"], lookup) == ("{{ b }}", "x{{ b }}")


def test_placeholders_are_not_for_shells_whose_quoting_is_not_known_here() -> None:
    with pytest.raises(InvalidCommand, match="how python3 reads quotes is not known"):
        substitute_shell("print({{ v }})", {"v": "x"}, shell="/usr/bin/python3")
    assert substitute_shell("print({1: {}})", {}, shell="python3") == "print({1: {}})"


@pytest.mark.parametrize(
    "words",
    [
        ("bash", "-c", "echo {{ v }}"),
        ("sudo", "/bin/sh", "-euo", "pipefail", "-c", "{{ v }}"),
        ("{{ shell }}", "-lc", "echo {{ v }}"),
    ],
)
def test_no_value_is_put_into_the_script_among_arguments_of_a_shell(words: tuple[str, ...]) -> None:
    with pytest.raises(InvalidCommand, match=r"\{\{ v \}\} is a script for `.*; .* as \$1"):
        substitute_words(words, {"v": "; id", "shell": "dash"})
    with pytest.raises(InvalidCommand, match="is a script for"):
        substitute_words(words[1:], {"v": "; id"}, program="bash")


def test_values_may_be_the_arguments_of_a_script_or_text_for_no_shell() -> None:
    words = ("bash", "-c", 'echo "$1"', "_", "{{ v }}")
    assert substitute_words(words, {"v": "; id"})[-1] == "; id"
    assert substitute_words(("grep", "-c", "{{ v }}"), {"v": "; id"})[-1] == "; id"


def test_a_plain_value_stays_unquoted_where_that_is_safe() -> None:
    assert substitute_shell("aws s3 ls {{ v }}/x", {"v": "s3://b"}) == "aws s3 ls s3://b/x"


@pytest.mark.parametrize(
    ("script", "filled"),
    [
        ("{{ v }} a", "'2' a"),
        ("echo {{ v }}>f", "echo '2'>f"),
        ("case x in {{ v }}) :;; esac", "case x in '2') :;; esac"),
    ],
)
def test_a_plain_value_is_quoted_where_bare_it_could_mean_more(script: str, filled: str) -> None:
    assert substitute_shell(script, {"v": 2}) == filled


@pytest.mark.parametrize("name", ["eval", "command", "trap"])
def test_a_value_cannot_name_a_builtin_that_runs_its_arguments(name: str) -> None:
    with pytest.raises(InvalidCommand, match=name):
        substitute_shell("{{ v }} x", {"v": name})


@pytest.mark.parametrize(
    "script", ["echo a{{ v }}", "x={{ v }}", "{{ v }} x", "echo > {{ v }}", "[ {{ v }} = a ]"]
)
def test_a_list_is_refused_where_one_word_belongs(script: str) -> None:
    with pytest.raises(InvalidCommand, match="one value belongs here"):
        substitute_shell(script, {"v": ["a", "b"]})


def test_an_empty_list_is_no_argument_but_an_empty_loop() -> None:
    # `rm --recursive {{ paths }}` without paths is another command than the one written.
    with pytest.raises(InvalidCommand, match="empty list"):
        substitute_shell("echo {{ v }}", {"v": []})
    with pytest.raises(InvalidCommand, match="empty list"):
        substitute_words(["{{ v }}"], {"v": []})
    assert run("bash", substitute_shell("for i in {{ v }}; do echo $i; done", {"v": []})) == b""


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a b", "a b"),
        (7, "7"),
        (1.5, "1.5"),
        (Decimal("1.10"), "1.10"),
        (True, "true"),
        (Path("/a/b"), "/a/b"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (ipaddress.ip_network("10.0.0.0/8"), "10.0.0.0/8"),
        (datetime.datetime(2024, 1, 2, 3, tzinfo=datetime.UTC), "2024-01-02T03:00:00+00:00"),
        (datetime.date(2024, 1, 2), "2024-01-02"),
        (Colour.RED, "red"),
        (np.int64(7), "7"),
        (np.str_("a"), "a"),
        (np.bool_(False), "false"),
        (pd.Timestamp("2024-01-02T03:00Z"), "2024-01-02T03:00:00+00:00"),
    ],
)
def test_a_value_becomes_its_obvious_text(value: object, text: str) -> None:
    assert substitute_value("<{{ v }}>", {"v": value}) == f"<{text}>"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "has no value"),
        (float("nan"), "has no value"),
        (pd.NaT, "has no value"),
        (pd.NA, "has no obvious text"),
        ({"a": 1}, "is a mapping; name one key"),
        ({"a"}, "is a set, which has no order"),
        (b"a", "is a bytes"),
        (object(), "is a object"),
        (len, "is a builtin_function_or_method"),
        (["a", None], "{{ v[1] }} has no value"),
        ([["a"]], "{{ v[0] }} is a list"),
        (pd.DataFrame({"a": [1]}), "is a DataFrame"),
        ("a\0b", "NUL"),
        ("\ud800", "not valid Unicode"),
    ],
)
def test_a_value_without_an_obvious_text_is_refused(value: object, says: str) -> None:
    with pytest.raises(InvalidCommand) as refused:
        substitute_shell("echo {{ v }}", {"v": value})
    assert says in str(refused.value)


@pytest.mark.parametrize(
    "several",
    [kind(["a", "b c"]) for kind in (list, tuple, np.array, pd.Series, pd.Index, pd.Categorical)],
)
def test_a_list_a_series_and_an_array_are_several_words(several: object) -> None:
    assert substitute_shell("echo {{ v }}", {"v": several}) == "echo a 'b c'"
    assert substitute_words(["x", "{{ v }}"], {"v": several}) == ("x", "a", "b c")


class Thing:
    name = "attribute"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("d.key", "item"),
        ("d.items", "not a method"),
        ("l[0]", "first"),
        ("l[-1]", "last"),
        ("d.deep[1].x", "found"),
        ("thing.name", "attribute"),
        ("frame[0].name", "row 0"),
        ("series[1]", "by position"),
        ("größe", "unicode"),
    ],
)
def test_a_path_finds_items_attributes_and_positions(path: str, text: str) -> None:
    lookup = {
        "d": {"key": "item", "items": "not a method", "deep": [0, {"x": "found"}]},
        "l": ["first", "last"],
        "thing": Thing(),
        "frame": pd.DataFrame({"name": ["row 0"]}, index=[5]),
        "series": pd.Series(["x", "by position"], index=[1, 0]),
        "größe": "unicode",
    }
    assert substitute_value(f"{{{{ {path} }}}}", lookup) == text
    assert substitute_shell(f"echo é {{{{ {path} }}}}.", lookup) == f"echo é '{text}'." or (
        " " not in text
    )


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("regoin", "no variable `regoin`; did you mean region?"),
        ("region.x", "`region` has no `x`"),
        ("region[9]", "`region` has no position 9"),
        ("d.a.c", "`d.a` has no `c`"),
    ],
)
def test_what_cannot_be_found_is_named(path: str, says: str) -> None:
    lookup = {"region": "r", "d": {"a": {"b": 1}}, "_hidden": 1}
    for substitute in (substitute_value, substitute_shell):
        with pytest.raises(InvalidCommand) as refused:
            substitute(f"echo {{{{ {path} }}}}", lookup)
        assert says in str(refused.value)


@settings(max_examples=300)
@given(text=TEXT, value=TEXT)
def test_a_typed_value_is_put_in_as_it_is(text: str, value: str) -> None:
    before, after = text.replace("{", "("), text.replace("}", ")")
    assert substitute_value(f"{before}{{{{ v }}}}{after}", {"v": value}) == before + value + after


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    for substitute in (substitute_value, substitute_shell):
        try:
            assert substitute(text, {}) == text
        except InvalidCommand:
            assert "{{ " in text


@pytest.mark.parametrize(
    "value", ["--endpoint-url=https://evil", "--end", "--profile", ["i-1", "--prof=x"], "--debug"]
)
def test_no_value_chooses_what_aws_reaches(value: object) -> None:
    lookup = {"v": value}
    with pytest.raises(InvalidCommand, match=r"would be read as an option of aws.*--option="):
        substitute_shell("sudo aws ec2 start-instances --instance-ids {{ v }}", lookup)
    with pytest.raises(InvalidCommand, match="would be read as an option of aws"):
        substitute_words(("--instance-ids", "{{ v }}"), lookup, program="aws")
    assert substitute_words(("{{ v }}",), lookup, program="git")


def test_a_value_in_the_word_of_its_option_may_look_like_any_other() -> None:
    lookup = {"v": "--profile"}
    filled = substitute_shell("aws iam get-user --user-name={{ v }}", lookup)
    assert filled == "aws iam get-user --user-name=--profile"
    assert substitute_words(("--user-name={{ v }}",), lookup, program="aws") == (
        "--user-name=--profile",
    )
    assert substitute_shell("aws ec2 describe-vpcs {{ v }}", {"v": ["--max-items", "5"]}) == (
        "aws ec2 describe-vpcs --max-items 5"
    )
