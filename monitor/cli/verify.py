"""`ccmon verify`: the live numbers beside the same numbers counted again from the log.

Rule: this command prints; `monitor.pipeline.verification` counts, and what differs,
`monitor.core.compare` says. What wasn't compared is named, and is never called equal.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from monitor.cli.errors import CheckFailed, Unreachable, UserMistake
from monitor.cli.options import common_options, example
from monitor.config import Settings
from monitor.core.compare import Comparison
from monitor.core.report import Report, instant
from monitor.pipeline import verification
from monitor.pipeline.fatal import ForeignStateError
from monitor.pipeline.topics import KafkaUnreachableError, TopicsRefusedError
from monitor.pipeline.verification import STATE, NoSuchPartitionError, Verified
from monitor.wire.errors import UnknownStateVersion
from monitor.wire.queue_json import encode_pretty

PROGRESS_SECONDS = 5.0
DIFFERENCES_SHOWN = 100
"""Differences that the text shows; the JSON has all of them."""

SETTINGS_NOTE = (
    "The log was counted with the settings and the release of this command: where the "
    "workers had others (thresholds, windows, horizon …), numbers differ for that."
)
CLAMPED_NOTE = (
    "Events were ahead of the clock ({count:,}): a worker takes such an event as of "
    "the instant at which it reads it, and the log knows that instant only about."
)
CUT_NOTE = "A log begins in the middle: a very long contact may have begun before it."


@click.command(
    "verify",
    short_help="Counts the log again and compares with the live numbers.",
    epilog=example(
        "ccmon verify --config monitor.yaml",
        "ccmon verify --bootstrap kafka1:9092 --partition 0 --output json",
    ),
)
@click.option(
    "--partition",
    "partitions",
    metavar="N",
    type=click.IntRange(min=0),
    multiple=True,
    help="Only this partition of callcenter.contacts. Repeatable.",
)
@click.option(
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How the result is printed.",
)
@common_options
def command(settings: Settings, partitions: Sequence[int], output: str) -> None:
    """Count the log again from its beginning and compare with the live numbers.

    Run it beside the workers at any time, with their settings; it only reads. Compared
    is what the workers told last, at exactly its offset and instant. When no worker
    runs, the durable state is compared.

    What the log's retention has removed can't be counted again: then counters aren't
    compared, but windows and live counts that begin late enough are. Exit code 0:
    everything that was compared is equal. 1: a number differs, or nothing of a
    partition could be compared.
    """
    began = time.monotonic()
    results = _run(settings, partitions)
    report = _report(results, time.monotonic() - began)
    if output == "json":
        sys.stdout.buffer.write(encode_pretty(report))
    else:
        _print(report)
    _judge(report)


def _run(settings: Settings, partitions: Sequence[int]) -> list[Verified]:
    try:
        return asyncio.run(
            verification.verify(settings, partitions, _Progress(time.monotonic))
        )
    except KafkaUnreachableError as error:
        raise Unreachable(str(error)) from error
    except (
        TopicsRefusedError,
        NoSuchPartitionError,
        ForeignStateError,
        UnknownStateVersion,
    ) as error:
        raise UserMistake(str(error)) from error


class _Progress:
    """Tells every few seconds how far it is, on stderr."""

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._told_at = self._began = steady()
        self._partition = -1
        self._before = self._records = 0

    def __call__(self, partition: int, records: int, of: int) -> None:
        if partition != self._partition:
            self._before += self._records
            self._partition = partition
        self._records = records
        now = self._steady()
        if now - self._told_at < PROGRESS_SECONDS:
            return
        self._told_at = now
        speed = (self._before + records) / (now - self._began)
        click.echo(
            f"verify: partition {partition}: {records:,} of about {of:,} records, "
            f"{speed:,.0f} records/s",
            err=True,
        )


def _report(results: Sequence[Verified], seconds: float) -> Report:
    """Everything that is printed, as plain values."""
    partitions = [_partition(result) for result in results]
    differences = sum(len(partition["differences"]) for partition in partitions)
    return {
        "result": _result(partitions, differences),
        "records": sum(partition["records"] for partition in partitions),
        "queues": len({key for result in results for key in result.queues}),
        "numbers": sum(partition["numbers"] for partition in partitions),
        "differences": differences,
        "seconds": round(seconds, 3),
        "partitions": partitions,
        "notes": _notes(results) if differences else [],
    }


def _result(partitions: Sequence[Report], differences: int) -> str:
    if differences:
        return "different"
    if any(partition["why_not"] for partition in partitions):
        return "not_compared"
    compared = any(partition["compared"] for partition in partitions)
    return "equal" if compared else "not_compared"


def _partition(result: Verified) -> Report:
    found = result.comparison or Comparison()
    log = None
    if result.reach is not None and result.scope is not None:
        log = {
            "first_offset": result.reach.first_offset,
            "begins_at": _instant(result.reach.begins_at),
            "is_whole": result.scope.is_whole,
        }
    return {
        "partition": result.partition,
        "compared": result.what or None,
        "as_of": _instant(result.now),
        "behind": result.behind,
        "offset": result.offset,
        "newer": result.newer,
        "records": result.records,
        "queues": len(result.queues),
        "numbers": found.numbers,
        "why_not": result.why_not or None,
        "log": log,
        "not_compared": [
            {"group": skip.group, "reason": skip.reason, "queues": [*map(list, keys)]}
            for skip, keys in found.skipped.items()
        ],
        "differences": [difference._asdict() for difference in found.differences],
    }


def _instant(at: int) -> str | None:
    return instant(at) if at else None


def _notes(results: Sequence[Verified]) -> list[str]:
    """What else than a fault may be behind differences."""
    different = [r for r in results if r.comparison and r.comparison.differences]
    notes = [SETTINGS_NOTE]
    clamped = sum(result.clamped for result in different)
    if clamped:
        notes.append(CLAMPED_NOTE.format(count=clamped))
    if any(result.scope and not result.scope.is_whole for result in different):
        notes.append(CUT_NOTE)
    return notes


def _print(report: Report) -> None:
    partitions = report["partitions"]
    names = "partition compared as_of offset newer records queues numbers"
    rows = [
        [*(_cell(p[name]) for name in names.split()), _cell(len(p["differences"]))]
        for p in partitions
    ]
    _print_table(f"{names} differences", rows, left={"compared", "as_of"})
    remarks: dict[str, list[str]] = {}
    for partition in partitions:
        for line in _remarks(partition):
            remarks.setdefault(line, []).append(str(partition["partition"]))
    for line, numbers in remarks.items():
        click.echo(f"partition {', '.join(numbers)}: {line}")
    if report["differences"]:
        _print_differences(partitions)
    for note in report["notes"]:
        click.echo(f"note: {note}")
    click.echo(
        f"{len(partitions):,} partitions, {report['records']:,} records, "
        f"{report['queues']:,} queues, {report['numbers']:,} numbers compared, "
        f"{report['differences']:,} differences, {report['seconds']:.1f} s"
    )
    if report["result"] == "equal":
        click.echo("equal: everything that was compared is as the log says")


def _remarks(partition: Report) -> list[str]:
    """What a reader must know of a partition besides its numbers."""
    lines = []
    if partition["why_not"]:
        lines.append(f"nothing could be compared: {partition['why_not']}")
    elif not partition["compared"]:
        lines.append("nothing was ever in it")
    if partition["compared"] == STATE:
        lines.append("no worker told its numbers lately: compared is the durable state")
    if partition["behind"]:
        lines.append("its worker was catching up: the numbers are of the instant above")
    log = partition["log"]
    if log and not log["is_whole"]:
        begins = f"events of about {log['begins_at']}" if log["begins_at"] else "none"
        lines.append(
            f"its log begins at offset {log['first_offset']:,}, with {begins}; what is "
            "compared began later by the horizon and the max_age of the queue"
        )
    skipped: dict[tuple[str, str], list[str]] = {}
    for skip in partition["not_compared"]:
        of = f" of {len(skip['queues']):,} queues" if skip["queues"] else ""
        skipped.setdefault((of, skip["reason"]), []).append(skip["group"])
    for (of, reason), groups in skipped.items():
        lines.append(f"not compared: {_line(', '.join(groups))}{of}: {reason}")
    return lines


def _print_differences(partitions: Sequence[Report]) -> None:
    names = "partition queue channel number live recomputed"
    rows = [
        [str(partition["partition"]), *map(_cell, difference.values())]
        for partition in partitions
        for difference in partition["differences"]
    ]
    click.echo()
    shown = rows[:DIFFERENCES_SHOWN]
    _print_table(names, shown, left={"queue", "channel", "number"})
    if len(rows) > len(shown):
        click.echo(f"and {len(rows) - len(shown):,} more: --output json has all")


def _print_table(names: str, rows: Sequence[Sequence[str]], left: set[str]) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in names.split():
        side: Any = "left" if name in left else "right"
        table.add_column(name.replace("_", " "), justify=side)
    for row in rows:
        table.add_row(*row)
    wide = None if sys.stdout.isatty() else 1_000  # whole lines for grep
    Console(markup=False, highlight=False, width=wide).print(table)


def _cell(value: str | int | None) -> str:
    return f"{value:,}" if isinstance(value, int) else _line(value or "–")


def _line(text: str) -> str:
    """A name without anything that steers a terminal, in one line."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _judge(report: Report) -> None:
    """Raise `CheckFailed` unless everything that was asked for is equal."""
    if report["result"] == "different":
        raise CheckFailed(
            f"{report['differences']:,} of {report['numbers']:,} numbers differ from "
            "what the log says"
        )
    if report["result"] == "not_compared":
        failed = [p["partition"] for p in report["partitions"] if p["why_not"]]
        numbers = ", ".join(map(str, failed)) or "any: there is nothing yet"
        raise CheckFailed(f"nothing could be compared of partition {numbers}")
