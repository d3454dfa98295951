"""`ccmon dead-letters`: the records that could not be read, and how to mend them.

Rule: a record's content may be personal data: only `show` prints it, and nothing is
written to a terminal that could steer it. Nothing is sent back that can't be read.
"""

import asyncio
import heapq
import sys
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click
from rich.console import Console
from rich.table import Table

from monitor.cli.errors import CheckFailed, Unreachable, UserMistake
from monitor.cli.options import common_options, example
from monitor.cli.replay import Instant
from monitor.clocks import WallClock
from monitor.config import Settings
from monitor.core.report import instant
from monitor.pipeline import dead_letters_reader as reader
from monitor.pipeline.dead_letters_reader import Letter, Place, Replay
from monitor.pipeline.topics import KafkaUnreachableError, TopicsRefusedError
from monitor.wire.errors import BadRecord
from monitor.wire.events import decode_contact_event
from monitor.wire.queue_json import encode_pretty

Result = TypeVar("Result")
REFUSALS_SHOWN = 10
MAX_REPLAYED = 100_000
"""Records that one call sends back at most: all of them are in memory."""


class PlaceType(click.ParamType):
    """`PARTITION:OFFSET` of a dead letter, as `list` prints it."""

    name = "place"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Place:
        """The place; `click.BadParameter` for anything else."""
        if isinstance(value, Place):
            return value
        partition, _, offset = value.partition(":")
        if not (_is_number(partition) and _is_number(offset)):
            self.fail(
                f"{value!r} is no PARTITION:OFFSET of a dead letter, such as 2:117; "
                "`ccmon dead-letters list` prints them",
                param,
                ctx,
            )
        return Place(int(partition), int(offset))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19  # noqa: PLR2004


@click.group(
    "dead-letters",
    short_help="Records that could not be read: lists, shows and replays them.",
    epilog=example(
        "ccmon dead-letters list --reason missing_field",
        "ccmon dead-letters show 2:117",
        "ccmon dead-letters replay 2:117 --file mended.json",
    ),
)
def command() -> None:
    """List, show and replay the records that could not be read.

    A worker keeps each of them byte for byte in the topic callcenter.dead-letters and
    goes on. A dead letter is named by its PARTITION:OFFSET in that topic.
    """


@command.command(
    "list", epilog=example("ccmon dead-letters list --since 2026-11-20T09:00:00Z")
)
@click.option("--reason", metavar="REASON", help="Only those of one reason.")
@click.option("--since", type=Instant(), help="Only those that came since then.")
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=100,
    show_default=True,
    help="The newest so many.",
)
@click.option(
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How they are printed.",
)
@common_options
def list_letters(
    settings: Settings, reason: str | None, since: int | None, limit: int, output: str
) -> None:
    """Print the newest dead letters, without their content.

    WHY names what is wrong; what is in a record, "show" prints.
    """
    found = _newest(settings, reason, since, limit)
    rows = [_row(letter) for letter in found.letters]
    if output == "json":
        sys.stdout.buffer.write(encode_pretty(rows))
        return
    _print_table(rows)
    click.echo(f"{len(rows)} of {found.matching} dead letters", err=True)


class _Found(NamedTuple):
    letters: list[Letter]
    matching: int


def _newest(
    settings: Settings, reason: str | None, since: int | None, limit: int
) -> _Found:
    """The newest `limit` letters, oldest first, and how many there are."""
    newest: list[tuple[int, Place, Letter]] = []
    matching = 0

    def take(letter: Letter) -> None:
        nonlocal matching
        if reason is not None and letter.headers.get("reason") != reason:
            return
        matching += 1
        # Not its content: a million of them must fit into memory.
        light = letter._replace(key=None, value=None, headers=_with_size(letter))
        push = heapq.heappush if len(newest) < limit else heapq.heappushpop
        push(newest, (letter.at, letter.place, light))

    _run(reader.scan(settings, since, take))
    return _Found([letter for *_, letter in sorted(newest)], matching)


def _with_size(letter: Letter) -> dict[str, str]:
    return {**letter.headers, "size": str(letter.size)}


def _row(letter: Letter) -> dict[str, Any]:
    headers = letter.headers
    row: dict[str, Any] = {
        "place": str(letter.place),
        "at": instant(letter.at),
        "reason": headers.get("reason", ""),
        "source": letter.source,
        "size": int(headers["size"]),
        "detail": headers.get("detail", ""),
    }
    return row


def _print_table(rows: Sequence[dict[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("place", "at", "reason", "source", "size", "why"):
        table.add_column(title, justify="right" if title == "size" else "left")
    for row in rows:
        table.add_row(*(_line(str(cell)) for cell in row.values()))
    wide = None if sys.stdout.isatty() else 1_000  # whole lines for grep
    Console(markup=False, highlight=False, width=wide).print(table)


@command.command("show", epilog=example("ccmon dead-letters show 2:117 --raw > bad"))
@click.argument("place", type=PlaceType(), metavar="PARTITION:OFFSET")
@click.option("--raw", is_flag=True, help="Only the value, byte for byte.")
@common_options
def show(settings: Settings, place: Place, *, raw: bool) -> None:
    """Print a dead letter: its headers, its key and its bytes.

    What isn't printable is escaped as in Python, a backslash is doubled. The content
    may be personal data.
    """
    [letter] = _fetch(settings, [place])
    if raw:
        sys.stdout.buffer.write(letter.value or b"")
        return
    click.echo(f"place: {letter.place}")
    click.echo(f"at: {instant(letter.at)}")
    for name, text in letter.headers.items():
        click.echo(f"{_line(name)}: {_line(text)}")
    click.echo(f"key: {_escaped(letter.key)}")
    click.echo(f"value: {_escaped(letter.value)}")


@command.command(
    "replay",
    epilog=example(
        "ccmon dead-letters replay 2:117 --file mended.json",
        "ccmon dead-letters replay --reason newer_version",
    ),
)
@click.argument("places", type=PlaceType(), metavar="[PARTITION:OFFSET]...", nargs=-1)
@click.option("--reason", metavar="REASON", help="All those of one reason.")
@click.option(
    "--file",
    "mended",
    type=click.Path(allow_dash=True, path_type=Path),
    help="Send these bytes instead, to where the record came from; - reads stdin.",
)
@common_options
def replay(
    settings: Settings, places: Sequence[Place], reason: str | None, mended: Path | None
) -> None:
    """Send records back to where they came from, with their keys.

    Only what can be read now is sent: after a worker of a newer release came, or mended
    by hand (--file). Of several, those that can't be read are told and left out, and
    the exit code is 1. Sent twice, an event counts once.
    """
    if bool(places) == (reason is not None):
        raise UserMistake("say which: one or more PARTITION:OFFSET, or --reason REASON")
    if mended is not None and len(places) != 1:
        raise UserMistake("--file mends one record: give one PARTITION:OFFSET")
    value = None if mended is None else _read(mended)
    if reason is None:
        letters = _fetch(settings, list(dict.fromkeys(places)))
    else:
        letters = _all_of(settings, reason)
    replays, refusals = _checked(letters, value)
    if replays:
        _run(reader.send_back(settings, replays))
    for sent in replays[:REFUSALS_SHOWN]:
        where = sent.topic if sent.partition is None else _to(sent)
        click.echo(f"{sent.letter}: sent {len(sent.value):,} bytes to {where}")
    click.echo(f"{len(replays):,} of {len(letters):,} records sent")
    _note_late(settings, replays)
    if refusals:
        told = "\n".join(refusals[:REFUSALS_SHOWN])
        raise CheckFailed(f"{len(refusals):,} can't be sent\n{told}")


def _to(sent: Replay) -> str:
    return f"{sent.topic} partition {sent.partition}"


def _all_of(settings: Settings, reason: str) -> list[Letter]:
    letters: list[Letter] = []

    def take(letter: Letter) -> None:
        if letter.headers.get("reason") == reason and len(letters) <= MAX_REPLAYED:
            letters.append(letter)

    _run(reader.scan(settings, None, take))
    if len(letters) > MAX_REPLAYED:
        raise UserMistake(
            f"there are more than {MAX_REPLAYED:,} of {reason}; `ccmon replay` is the "
            "way for so many"
        )
    return letters


def _checked(
    letters: Sequence[Letter], mended: bytes | None
) -> tuple[list[Replay], list[str]]:
    """What can be sent, and why the rest can't."""
    replays, refusals = [], []
    for letter in letters:
        try:
            replays.append(reader.replay_of(letter, mended))
        except BadRecord as bad:
            refusals.append(f"{letter.place}: {bad.reason}: {_line(str(bad))}")
    return replays, refusals


def _note_late(settings: Settings, replays: Sequence[Replay]) -> None:
    oldest = WallClock().now(0) - settings.horizon
    late = sum(
        1
        for sent in replays
        if (event := decode_contact_event(sent.value)) and event.at < oldest
    )
    if late and settings.clock == "wall":
        horizon = timedelta(milliseconds=settings.horizon)
        click.echo(
            f"note: {late:,} are older than the horizon ({horizon}): a worker that is "
            "up to date counts them as late and drops them",
            err=True,
        )


def _read(path: Path) -> bytes:
    if str(path) == "-":
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserMistake(f"{path}: can't be read: {error.strerror}") from error


def _fetch(settings: Settings, places: Sequence[Place]) -> list[Letter]:
    found = _run(reader.fetch(settings, places))
    missing = [str(place) for place in places if place not in found]
    if missing:
        raise UserMistake(f"there is no dead letter {', '.join(missing)}")
    return list(found.values())


def _escaped(content: bytes | None) -> str:
    """Bytes for a terminal: what they are can be read from it without doubt."""
    if content is None:
        return "null"
    text = content.replace(b"\\", b"\\\\").decode(errors="backslashreplace")
    return _line(text) if text else "(empty)"


def _line(text: str) -> str:
    """Text without anything that steers a terminal, in one line."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )


def _run(work: Coroutine[None, None, Result]) -> Result:
    try:
        return asyncio.run(work)
    except KafkaUnreachableError as error:
        raise Unreachable(str(error)) from error
    except TopicsRefusedError as error:
        raise UserMistake(str(error)) from error
