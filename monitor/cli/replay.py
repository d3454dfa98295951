"""`ccmon replay`: a recording into Kafka at any speed, or offline into a report.

Rule: this command wires reader, core and sink together; what the numbers mean is the
core's matter, and offline and live run the same core.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from monitor.cli.errors import EXIT_INTERRUPTED, Unreachable, UserMistake
from monitor.cli.options import common_options, example
from monitor.cli.replay_reader import Reader
from monitor.config import Settings
from monitor.core.offline import Recording
from monitor.core.report import Report
from monitor.core.visit_record import VisitRecord
from monitor.sources import AnyEvent, SourceKind, UnknownSource
from monitor.sources.files import UnreadableFile
from monitor.sources.pacing import Pace, Selection
from monitor.sources.recording import kind_of
from monitor.wire.errors import BadRecord
from monitor.wire.fields import instant_of
from monitor.wire.queue_json import encode_pretty
from monitor.wire.visits import encode_visit

PROGRESS_SECONDS = 5.0
BLANK = "blank"


class Instant(click.ParamType):
    """An instant of the command line: milliseconds UTC or RFC 3339 with an offset."""

    name = "instant"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Milliseconds UTC of the text; `click.BadParameter` for anything else."""
        if isinstance(value, int) or value.isdecimal():
            return int(value)
        try:
            return instant_of(value)
        except BadRecord:
            self.fail(
                f"{value!r} is no instant: write RFC 3339 with an offset, such as "
                "2026-11-20T09:05:00Z, or milliseconds UTC",
                param,
                ctx,
            )


class Speed(click.ParamType):
    """How many times as fast as it happened; `max` is as fast as it goes (`None`)."""

    name = "speed"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The factor, 0 for `max`; `click.BadParameter` for anything else."""
        if value == "max":
            return 0.0
        try:
            speed = float(value)
        except ValueError:
            speed = -1.0
        if not 0 < speed < float("inf"):
            self.fail(f"{value!r} is neither `max` nor a number above 0", param, ctx)
        return speed


@click.command(
    "replay",
    short_help="A recording into Kafka, or offline into a report.",
    epilog=example(
        "ccmon replay events.jsonl.gz --offline --output json",
        "ccmon replay queue_log --format asterisk-queue-log --offline",
        "ccmon replay events.jsonl --speed 60 --rebase now",
    ),
)
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--offline", is_flag=True, help="No Kafka: the core alone, and a report.")
@click.option(
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How the offline report is printed.",
)
@click.option(
    "--format",
    "source",
    metavar="NAME",
    help="What the file is: events, or a source of `ccmon ingest --list`. "
    "[default: by the file's name]",
)
@click.option(
    "--until",
    type=Instant(),
    help="What comes after this instant is left out; offline, now is then.",
)
@click.option(
    "--order",
    type=click.Choice(["arrival", "time"]),
    default="arrival",
    show_default=True,
    help="arrival: as in the file; time: sorted by instant.",
)
@click.option(
    "--visits",
    "visits_file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Offline: write every visit as a line of JSON, too.",
)
@click.option(
    "--speed",
    type=Speed(),
    default="1",
    show_default=True,
    help="Into Kafka: how many times as fast as it happened; max: at once.",
)
@click.option(
    "--rebase",
    type=click.Choice(["now"]),
    help="Into Kafka: move all instants so that the first event happens now.",
)
@common_options
def command(
    settings: Settings,
    path: Path,
    source: str | None,
    until: int | None,
    order: str,
    output: str,
    visits_file: Path | None,
    speed: float,
    rebase: str | None,
    *,
    offline: bool,
) -> None:
    """Replay a recording: canonical events, or what a source system wrote.

    Into Kafka it is paced as it happened, or faster: contact events to the topic
    callcenter.contacts, agent events to callcenter.agents. With --offline the same core
    folds it without Kafka and prints the numbers of every queue and of the people.
    """
    selection = Selection(until=until, by_time=order == "time")
    reader = Reader(path, _kind(path, source), selection, _say)
    try:
        if offline:
            _offline(settings, reader, until, output, visits_file)
        else:
            _into_kafka(settings, reader, speed or None, rebase=rebase is not None)
    except UnreadableFile as error:
        raise UserMistake(str(error)) from error


def _kind(path: Path, source: str | None) -> SourceKind:
    if not path.is_file():
        raise UserMistake(f"{path}: there is no such file")
    try:
        return kind_of(path, source)
    except UnknownSource as error:
        raise UserMistake(str(error)) from error


def _offline(
    settings: Settings,
    reader: Reader,
    until: int | None,
    output: str,
    visits_file: Path | None,
) -> None:
    recording = Recording(settings.rules())
    recording.fold(_told(reader.events()))
    counts = recording.counts
    skipped = reader.counts.skipped
    counts.ignored = skipped.total() - skipped[BLANK]
    counts.dead_letters = dict(reader.counts.bad)
    counts.read += counts.ignored + reader.counts.bad.total()
    report = recording.close(until)
    if visits_file is not None:
        _write_visits(visits_file, recording.visits)
    if output == "json":
        sys.stdout.buffer.write(encode_pretty(report))
    else:
        _print_report(report)


def _told(events: Iterable[AnyEvent]) -> Iterable[AnyEvent]:
    """The same events; tells how many there were every few seconds."""
    told = time.monotonic()
    for number, event in enumerate(events, start=1):
        yield event
        if number % 10_000 == 0 and time.monotonic() - told > PROGRESS_SECONDS:
            told = time.monotonic()
            _say(f"{number:,} events")


def _write_visits(path: Path, visits: Iterable[VisitRecord]) -> None:
    try:
        with path.open("wb") as file:
            for visit in sorted(visits, key=lambda v: (v.queued_at, v.contact)):
                file.write(encode_visit(visit) + b"\n")
    except OSError as error:
        raise UserMistake(f"{path}: can't be written: {error.strerror}") from error


_COLUMNS = (
    ("offered", "offered"),
    ("answered", "answered"),
    ("abandoned", "abandoned"),
    ("waiting", "waiting"),
    ("ASA", "speed_of_answer_seconds"),
    ("AHT", "handle_time_seconds"),
)


def _print_report(report: Report) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, title in enumerate(("queue", *(t for t, _ in _COLUMNS), "SL", "of")):
        table.add_column(title, justify="right" if number else "left", no_wrap=True)
    for name, numbers in (*report["queues"].items(), ("total", report["total"])):
        level = numbers["service_level"]
        table.add_row(
            name,
            *(_cell(key, numbers[key]) for _, key in _COLUMNS),
            _cell("_ratio", level["ratio"]),
            _cell("", level["counted"]),
        )
    click.echo(f"as of {report['now']}, drift {report['drift']}\n")
    Console().print(table)
    if report["agents"]:
        click.echo("\n" + _people_line(report["people"]))
    events = report["events"]
    told = (f"{name.replace('_', ' ')} {n:,}" for name, n in events.items())
    click.echo("\n" + ", ".join(told))


def _people_line(people: Report) -> str:
    states = (
        f"{name.replace('_', ' ')} {count:,}"
        for name, count in people["states"].items()
        if count
    )
    occupancy = _cell("_ratio", people["occupancy_ratio"])
    return f"agents: {', '.join(states)}; occupancy {occupancy}"


def _cell(key: str, value: float | None) -> str:
    if value is None:
        return "–"
    if key.endswith("_ratio"):
        return f"{value:.1%}"
    if key.endswith("_seconds"):
        return f"{value:,.1f} s"
    return f"{value:,}"


def _into_kafka(
    settings: Settings, reader: Reader, speed: float | None, *, rebase: bool
) -> None:
    # Kafka's client takes longer to import than an offline report takes to make.
    from monitor.pipeline.sink import EventSink
    from monitor.pipeline.topics import KafkaUnreachableError, TopicsRefusedError

    async def replay() -> bool:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)

        async def wait(seconds: float) -> None:
            try:
                await asyncio.wait_for(stop.wait(), seconds)
            except TimeoutError:
                return

        now = time.time_ns() // 1_000_000
        pace = Pace(speed, now if rebase else None, time.monotonic, wait)
        sink = EventSink(settings)
        await sink.start()
        _say(f"sending to Kafka at {settings.bootstrap}; Ctrl-C stops")
        try:
            return await _send_all(reader, pace, sink, stop)
        finally:
            await sink.stop()

    try:
        complete = asyncio.run(replay())
    except KafkaUnreachableError as error:
        raise Unreachable(str(error)) from error
    except TopicsRefusedError as error:
        raise UserMistake(str(error)) from error
    if not complete:
        raise click.exceptions.Exit(EXIT_INTERRUPTED)


async def _send_all(reader: Reader, pace: Pace, sink: Any, stop: asyncio.Event) -> bool:
    sent = 0
    told = time.monotonic()
    for played in reader.played():
        event, value = await pace.due(played)
        if stop.is_set():
            break
        await sink.send(event, value)
        sent += 1
        if time.monotonic() - told > PROGRESS_SECONDS:
            told = time.monotonic()
            _say(f"{sent:,} events sent")
    await sink.flush()
    bad = reader.counts.bad.total()
    _say(f"{sent:,} events sent, {bad:,} bad lines left out")
    return not stop.is_set()


def _say(message: str) -> None:
    click.echo(f"replay: {message}", err=True)
