"""What a record says about a plan's result: counts, a table of its commands, its failures."""

from __future__ import annotations

from cloudops_nb.errors import LogUnavailable
from cloudops_nb.models.results import ExecutionResult, ExecutionStatus, PlanExecutionResult
from cloudops_nb.render.describe_attempts import attempts
from cloudops_nb.render.describe_result import (
    LABELS,
    NO_OUTPUT,
    RECORDS_CHARACTERS,
    command,
    complaint,
    elsewhere,
    ending,
    labels,
    log_note,
    log_size,
    outputs,
    record_count,
    was_started,
)
from cloudops_nb.render.excerpt import excerpt
from cloudops_nb.render.record import (
    Block,
    Headline,
    Note,
    Record,
    Table,
    clipped,
    count,
    one_line,
    took,
    when,
)
from cloudops_nb.render.weigh import fitting, weigh

_ROWS = (50, 25)  # the second where names, tags and reasons are long
_UNFOLDED_ROWS = 20
_FAILURES = 8
_FAILURE_LINES = 6
_COUNTED = 50  # results whose records are counted

# Budgets in bytes of HTML; as text the same takes as much again or less.
_TITLE = 140
_TAGS = 80
_REASON = 100
_FAILURE_TEXT = 400
_LOG = 300

# Budgets in both forms. Together with the style sheet they stay below record.MAX_BYTES.
_TABLE = 27_000
_ACCOUNTS = 27_000  # of the failures
_FAILURE_OUTPUT = 3_000

BY_URGENCY = (
    ExecutionStatus.FAILED,
    ExecutionStatus.TIMEOUT,
    ExecutionStatus.INTERRUPTED,
    ExecutionStatus.CANCELLED,
    ExecutionStatus.SKIPPED,
    ExecutionStatus.RUNNING,
    ExecutionStatus.PENDING,
    ExecutionStatus.COMPLETED,
)
FAILED = BY_URGENCY[:3]


def describe_plan(plan: PlanExecutionResult) -> Record:
    """The record of a plan."""
    failed = [numbered for numbered in enumerate(plan.results) if numbered[1].status in FAILED]
    blocks: list[Block] = []
    if plan.error:
        blocks.append(Note("error", clipped(plan.error, LABELS), "bad"))
    accounts = _accounts(failed)
    told = len(accounts)
    if plan.results:
        told_below = {index for index, _ in failed[:told]}
        tables = (_table(plan.results, told_below, rows) for rows in _ROWS)
        blocks.append(fitting(tables, _TABLE))
    blocks += accounts
    if len(failed) > told:
        blocks.append(Note("more failures", f"{len(failed) - told:,}, in .results"))
    records = _records(plan.results)
    if records:
        blocks.append(Note(count(records, "record"), ".records or .records.to_pandas()"))
    blocks += _asides(plan)
    return Record(plan_headline(plan), tuple(blocks))


def plan_headline(plan: PlanExecutionResult) -> Headline:
    """The first line about a plan that has ended."""
    counts = plan.stats.model_dump()
    total, completed = plan.stats.total, plan.stats.completed
    facts = [count(total, "command")]
    if plan.description and plan.description.startswith(facts[0]):
        facts = []  # a plan without a title of its own is called "4 commands in parallel"
    if completed != total:
        others = [(counts.get(status, 0), status) for status in BY_URGENCY[:-1]]
        facts = [f"{completed:,} of {total:,} completed"]
        facts += [f"{number:,} {status}" for number, status in others if number]
    return Headline(
        plan.status,
        facts=tuple(facts),
        title=one_line(plan.description or "", LABELS),
        took=took(plan.total_duration),
        shares=tuple((status, counts.get(status, 0)) for status in reversed(BY_URGENCY)),
    )


def _table(results: tuple[ExecutionResult, ...], told_below: set[int], rows: int) -> Table:
    total = len(results)
    numbered = list(enumerate(results))
    if total > rows:
        numbered.sort(key=lambda pair: BY_URGENCY.index(pair[1].status))  # stable: plan order
    shown = numbered[:rows]
    columns: dict[str, list[str | ExecutionStatus]] = {
        "#": [str(index) for index, _ in shown],
        "state": [result.status for _, result in shown],
        "ended": [", ".join(ending(result)) for _, result in shown],
        "command": [one_line(result.title, _TITLE) for _, result in shown],
        "tags": [_tags(result) for _, result in shown],
        "why": ["" if index in told_below else _reason(result) for index, result in shown],
        "took": [took(result.duration) if was_started(result) else "" for _, result in shown],
    }
    filled = {name: cells for name, cells in columns.items() if any(cells)}
    title = f"all {count(total, 'command')}" if total > _UNFOLDED_ROWS else ""
    if total > rows:
        title = f"{rows} of {count(total, 'command')}, failures first"
    return Table(
        tuple(filled),
        tuple(zip(*filled.values(), strict=True)),
        title=title,
        more=f"{total - rows:,} more, all in .to_pandas()" if total > rows else "",
    )


def _tags(result: ExecutionResult) -> str:
    """The labels, but for those that its name, ``region=eu-west-1``, tells already."""
    told = result.title.split(" ")
    return one_line(" ".join(each for each in labels(result) if each not in told), _TAGS)


def _reason(result: ExecutionResult) -> str:
    return "".join(one_line(note.text, _REASON) for note in complaint(result, _FAILURE_TEXT))


def _accounts(failed: list[tuple[int, ExecutionResult]]) -> list[Record]:
    """Of the first failures: where they have much to say, of fewer."""
    accounts: list[Record] = []
    room = _ACCOUNTS
    for index, result in failed[:_FAILURES]:
        account = _failure(index, result)
        room -= weigh(account)
        if room < 0:
            break
        accounts.append(account)
    return accounts


def _failure(index: int, result: ExecutionResult) -> Record:
    blocks: list[Block] = []
    title = one_line(result.title, _TITLE)
    if result.command and result.command != title:
        blocks.append(command(result.command, _FAILURE_LINES, _FAILURE_TEXT))
    blocks += complaint(result, _FAILURE_TEXT)
    blocks += attempts(result)
    if was_started(result):
        blocks.append(_last_lines(result))
        blocks.append(log_note(result.log_path, _LOG))
    headline = Headline(
        result.status,
        facts=(f"#{index}", *ending(result)),
        title=title,
        took=took(result.duration) if was_started(result) else "",
    )
    return Record(headline, tuple(blocks))


def _last_lines(result: ExecutionResult) -> Block:
    output = outputs(result)
    if isinstance(output, Note):
        return output
    stdout, stderr = output
    if stderr:
        return excerpt(stderr, "stderr", _FAILURE_OUTPUT, head=0, tail=_FAILURE_LINES)
    if stdout:
        return excerpt(stdout, "stdout", _FAILURE_OUTPUT, head=0, tail=_FAILURE_LINES)
    return NO_OUTPUT


def _records(results: tuple[ExecutionResult, ...]) -> int:
    """How many records the plan's outputs hold; 0 where to count them would take long."""
    done = [result for result in results if result.success]
    logged = sum(log_size(result) or 0 for result in done[:_COUNTED])
    if len(done) > _COUNTED or logged > RECORDS_CHARACTERS:
        return 0
    try:
        texts = [result.stdout for result in done]
    except LogUnavailable:
        return 0
    if sum(map(len, texts)) > RECORDS_CHARACTERS:
        return 0
    return sum(map(record_count, done, texts))


def _asides(plan: PlanExecutionResult) -> list[Note]:
    asides = elsewhere(plan.results)
    if plan.started_at:
        asides.append(Note("started", when(plan.started_at), "aside"))
    directories = {result.log_path.parent for result in plan.results if was_started(result)}
    if len(directories) == 1:
        asides.append(log_note(directories.pop(), LABELS, "logs"))
    if plan.success:
        asides.append(Note("id", str(plan.id), "aside"))
    else:  # what did not complete, and nothing else
        asides.append(Note("run the rest", f"%cloudops resume {plan.id}", "aside"))
    return asides
