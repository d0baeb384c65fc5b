"""What may stand at the end of an ``aws …`` line, or of a call of ``AwsSdk`` in Python."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cloudops_nb.aws.cli_names import OWN_COMMANDS, WAIT
from cloudops_nb.aws.cli_options import Takes, operation_asked, options_of
from cloudops_nb.aws.operations import (
    Operation,
    cli_service,
    cli_services,
    find_operation,
    find_service,
    services,
)
from cloudops_nb.aws.profiles import profiles
from cloudops_nb.errors import InvalidCommand
from cloudops_nb.models.aws_options import GLOBAL_OPTIONS, global_option
from cloudops_nb.notebook.options import REGIONS

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_SEPARATOR = re.compile(r"[|;&(`]")
_AWS = re.compile(r"(?:^|[\s{,])aws:?\s+(?P<words>.*)\Z")
_OFFERED = tuple(option.name for option in GLOBAL_OPTIONS if option.refused is None)
_VALUES = {
    "--color": ("auto", "off", "on"),
    "--output": ("json", "table", "text", "yaml"),
    "--region": REGIONS,
}

_CALL = re.compile(r"\bAwsSdk\(")
_FIELDS = ("service", "operation", "params", "profile", "region", "max_records")
_FIELD_VALUE = re.compile(r"\b(service|operation|profile|region)\s*=\s*[\"']([^\"']*)\Z")
_GIVEN = re.compile(r"\b(service|operation)\s*=\s*[\"']([^\"']+)[\"']")
_PARAMS = re.compile(r"\bparams\s*=\s*\{")
_KEY = re.compile(r"(?:^|,)\s*[\"'](\w*)\Z")
_VALUE = re.compile(
    r"[\"'](\w+)[\"']\s*:\s*(?:\[\s*(?:[\"'][^\"']*[\"']\s*,\s*)*)?[\"']([^\"']*)\Z"
)
_FIELD = re.compile(r"(?:^|,)\s*(\w*)\Z")


@dataclass(frozen=True)
class Offer:
    """Words that may stand in place of ``fragment``, the end of the text before the cursor."""

    fragment: str
    words: tuple[str, ...] = ()


@dataclass
class _Line:
    """The words before the last one, sorted by what they are."""

    names: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    waiting: str = ""
    """The option whose value comes next."""
    takes: Takes = "none"
    operation: Operation | None = None


def complete_line(text: str) -> Offer | None:
    """What may follow in shell text or a plan's step, up to the cursor; None if it is no ``aws``.

    Names, options and values are those of ``operations.py``; ``aws:`` begins a plan's step.
    """
    plain = _QUOTED.sub(lambda match: "x" * len(match[0]), text)
    cut = max((match.end() for match in _SEPARATOR.finditer(plain)), default=0)
    found = _AWS.search(plain[cut:])
    if found is None:
        return None
    *before, last = text[cut:][found.start("words") :].split(" ")
    line = _read([word for word in before if word])
    name, equals, value = last.partition("=")
    if equals and name.startswith("--"):
        return _offer(value, _values(line, name))
    if line.waiting and line.takes != "several":
        return _offer(last, _values(line, line.waiting))
    if last.startswith("-"):
        return _offer(last, _options(line))
    if line.takes == "several":
        return _offer(last, _values(line, line.waiting))
    return _offer(last, _names(line) if len(line.names) < 2 or _waits(line) else _options(line))


def complete_call(text: str) -> Offer | None:
    """What may follow in Python up to the cursor; None outside a call of ``AwsSdk``."""
    calls = list(_CALL.finditer(text))
    if not calls or (inside := _unclosed(text[calls[-1].end() :])) is None:
        return None
    given = dict(_GIVEN.findall(inside))
    if (params := _PARAMS.search(inside)) and (
        within := _unclosed(inside[params.end() :])
    ) is not None:
        return _in_params(within, given)
    if found := _FIELD_VALUE.search(inside):
        return _offer(found[2], _field_values(found[1], given))
    if found := _FIELD.search(inside):
        return _offer(found[1], (f"{name}=" for name in _FIELDS))
    return None


def _read(words: list[str]) -> _Line:
    line = _Line()
    for word in words:
        option = _global(word)
        if line.waiting and line.takes == "one":
            line.waiting, line.takes = "", "none"
        elif option is not None:
            line.options.append(option)
            line.waiting, line.takes = "", "none"
            if "=" not in word and _takes_value(option):
                line.waiting, line.takes = option, "one"
        elif word.startswith("--"):
            line.operation = _operation(line)
            kind = options_of(line.operation).get(word, "none") if line.operation else "none"
            line.options.append(word.partition("=")[0])
            line.waiting, line.takes = (word, kind) if kind != "none" else ("", "none")
        elif line.takes == "none":
            line.names.append(word)
    line.operation = _operation(line)
    return line


def _operation(line: _Line) -> Operation | None:
    if len(line.names) < 2:
        return None
    return operation_asked(line.names[0], line.names[1], line.names[2:])


def _global(word: str) -> str | None:
    try:
        option = global_option(word)
    except InvalidCommand:
        return None
    return option.name if option is not None else None


def _takes_value(name: str) -> bool:
    return any(option.name == name and option.takes_value for option in GLOBAL_OPTIONS)


def _waits(line: _Line) -> bool:
    return len(line.names) == 2 and line.names[1] == WAIT


def _names(line: _Line) -> Iterable[str]:
    if not line.names:
        return cli_services()
    service = cli_service(line.names[0])
    if service is None:
        return OWN_COMMANDS.get(line.names[0], ())
    return service.waiters if _waits(line) else service.commands


def _options(line: _Line) -> Iterable[str]:
    own = options_of(line.operation) if line.operation is not None else {}
    return (name for name in (*own, *_OFFERED) if name not in line.options)


def _values(line: _Line, name: str) -> Iterable[str]:
    if name == "--profile":
        return profiles()
    if name in _VALUES:
        return _VALUES[name]
    parameters = line.operation.parameters.values() if line.operation is not None else ()
    return next((each.enum for each in parameters if each.option == name), ())


def _unclosed(text: str) -> str | None:
    """The text, if no bracket in it closes what was opened before it."""
    depth = 0
    for character in _QUOTED.sub("", text):
        depth += (character in "([{") - (character in ")]}")
        if depth < 0:
            return None
    return text


def _in_params(within: str, given: Mapping[str, str]) -> Offer | None:
    try:
        operation = find_operation(given["service"], given["operation"])
    except (KeyError, InvalidCommand):
        return None
    if found := _VALUE.search(within):
        parameter = operation.parameters.get(found[1])
        return _offer(found[2], parameter.enum if parameter is not None else ())
    plain = _QUOTED.sub("", within)
    top = all(plain.count(opens) == plain.count(closes) for opens, closes in ("[]", "{}", "()"))
    if top and (found := _KEY.search(within)):
        taken = set(re.findall(r"[\"'](\w+)[\"']\s*:", within))
        return _offer(found[1], (name for name in operation.parameters if name not in taken))
    return None


def _field_values(name: str, given: Mapping[str, str]) -> Iterable[str]:
    match name:
        case "service":
            return services()
        case "operation":
            try:
                return find_service(given["service"]).operations.values()
            except (KeyError, InvalidCommand):
                return ()
        case "profile":
            return profiles()
        case _:
            return REGIONS


def _offer(fragment: str, words: Iterable[str]) -> Offer:
    return Offer(fragment, tuple(sorted(word for word in words if word.startswith(fragment))))
