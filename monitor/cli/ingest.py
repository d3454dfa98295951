"""`ccmon ingest`: events of a source system into Kafka.

Rule: this command wires a reader, an adapter and the sink together and tells what they
do; it knows no source's format.
"""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path

import click

from monitor.cli.errors import EXIT_INTERRUPTED, Unreachable, UserMistake
from monitor.cli.options import common_options, example
from monitor.config import Settings
from monitor.pipeline.sink import EventSink
from monitor.pipeline.topics import KafkaUnreachableError, TopicsRefusedError
from monitor.sources import SOURCES, SourceKind
from monitor.sources import cursor as cursors
from monitor.sources.feed import Feed, send_chunks, send_file, send_log
from monitor.sources.files import PACKED_SUFFIXES, file_lines
from monitor.sources.pipe import pipe_lines
from monitor.sources.recording import Bad, Counts
from monitor.sources.source import Memory, Remembers
from monitor.sources.tail import Tail

PROGRESS_SECONDS = 5.0
BAD_LINES_SHOWN = 10
"""Bad lines that are told one by one; later ones are only counted."""
STDIN = "-"

Work = Callable[[Feed, EventSink, asyncio.Event], Awaitable[bool]]
"""Sends everything; False when it was stopped before the end."""


@click.group(
    "ingest",
    short_help="Events of a source system into Kafka.",
    invoke_without_command=True,
    epilog=example(
        "ccmon ingest asterisk-queue-log /var/log/asterisk/queue_log --follow",
        "ccmon ingest jsonl events.jsonl.gz --bootstrap kafka1:9092",
    ),
)
@click.option("--list", "list_sources", is_flag=True, help="Show the sources, and end.")
@click.pass_context
def command(context: click.Context, *, list_sources: bool) -> None:
    """Translate a source system's records and send them to Kafka.

    Contact events go to the topic callcenter.contacts, agent events to
    callcenter.agents. A line that comes twice is counted once, so a file may be read
    again. A line that can't be understood goes to the topic callcenter.dead-letters,
    byte for byte.
    """
    if list_sources:
        for kind in SOURCES.values():
            click.echo(f"{kind.name:20} {kind.summary}")
        context.exit()
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
        context.exit()


@command.command(
    "asterisk-queue-log",
    short_help=SOURCES["asterisk-queue-log"].summary,
    epilog=example(
        "ccmon ingest asterisk-queue-log /var/log/asterisk/queue_log --follow"
    ),
)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--follow", is_flag=True, help="Go on with what is written to the log.")
@click.option(
    "--name",
    default=socket.gethostname,
    show_default="the host's name",
    help="The PBX's name: its events come from asterisk:NAME.",
)
@click.option(
    "--cursor",
    "cursor_file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to remember how far the log was read, and to go on from. "
    "[default with --follow: a file in $XDG_STATE_HOME/ccmon; else none]",
)
@common_options
def asterisk_queue_log(
    settings: Settings,
    path: Path,
    name: str,
    cursor_file: Path | None,
    *,
    follow: bool,
) -> None:
    """Send an Asterisk queue_log.

    With --follow it goes on until it is stopped, over rotations of the log, and
    continues where it was when it is started again; the cursor keeps who is in which
    queues, too. Where members have names, switch log_membername_as_agent on in
    queues.conf: else members are added under another name than they answer.
    """
    if not name.strip():
        raise UserMistake("--name is empty")
    kind = SOURCES["asterisk-queue-log"]
    _check_file(path)
    if cursor_file is None and follow:
        cursor_file = default_cursor(path, settings.bootstrap)
    if cursor_file is None:
        work = _whole_file(kind, path)
    elif path.suffix in PACKED_SUFFIXES:
        raise UserMistake(f"{path}: a packed file can't be followed")
    else:
        work = _from_cursor(kind, path, cursor_file, follow=follow)
    _run(settings, kind, f"asterisk:{name}", work)


@command.command(
    "jsonl",
    short_help=SOURCES["jsonl"].summary,
    epilog=example(
        "ccmon ingest jsonl events.jsonl.zst", "produce | ccmon ingest jsonl -"
    ),
)
@click.argument("path", type=click.Path(path_type=Path, allow_dash=True))
@common_options
def jsonl(settings: Settings, path: Path) -> None:
    """Send canonical events of contacts and agents, one JSON object a line.

    "-" reads standard input.
    """
    kind = SOURCES["jsonl"]
    if str(path) == STDIN:
        _run(settings, kind, "jsonl:stdin", _standard_input)
        return
    _check_file(path)
    _run(settings, kind, f"jsonl:{path.name}", _whole_file(kind, path))


@command.command(
    "anonymous-bank",
    short_help=SOURCES["anonymous-bank"].summary,
    epilog=example("ccmon ingest anonymous-bank january1999.txt"),
)
@click.argument("path", type=click.Path(path_type=Path))
@common_options
def anonymous_bank(settings: Settings, path: Path) -> None:
    """Send a month of the Technion's anonymous bank, in order of time.

    When an agent was there is inferred: logged in from the first call of a shift to the
    end of the last one, away while there is none for more than 30 minutes.
    """
    kind = SOURCES["anonymous-bank"]
    _check_file(path)
    _run(settings, kind, kind.name, _whole_file(kind, path))


def default_cursor(log: Path, bootstrap: str) -> Path:
    """Where the position in a log is kept: another file for each log and broker."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    which = sha256(f"{log.absolute()}\n{bootstrap}".encode()).hexdigest()[:12]
    return Path(state) / "ccmon" / f"{log.name}-{which}.cursor"


def _check_file(path: Path) -> None:
    if not path.exists():
        raise UserMistake(f"{path}: there is no such file")
    if path.is_dir():
        raise UserMistake(f"{path}: is a directory, not a file")
    if not os.access(path, os.R_OK):
        raise UserMistake(f"{path}: may not be read")


def _whole_file(kind: SourceKind, path: Path) -> Work:
    async def work(feed: Feed, sink: EventSink, stop: asyncio.Event) -> bool:
        return await send_file(feed, kind, file_lines(path), sink, stop)

    return work


async def _standard_input(feed: Feed, sink: EventSink, stop: asyncio.Event) -> bool:
    return await send_chunks(feed, pipe_lines(sys.stdin.fileno()), sink, stop)


def _from_cursor(kind: SourceKind, log: Path, cursor: Path, *, follow: bool) -> Work:
    try:
        found = cursors.load(cursor, log)
        memory = found.memory if found else {}
        _check_memory(kind, memory, cursor)
    except cursors.UnreadableCursor as error:
        raise UserMistake(f"{error}; remove it to begin at the log's start") from error
    tail = Tail(log, found.position if found else None)

    async def work(feed: Feed, sink: EventSink, stop: asyncio.Event) -> bool:
        try:
            feed.remember(memory)
            await send_log(
                feed,
                tail,
                sink,
                stop,
                log=log,
                cursor=cursor,
                follow=follow,
                on_note=_say,
            )
        finally:
            tail.close()
        return True

    return work


def _check_memory(kind: SourceKind, memory: Memory, cursor: Path) -> None:
    adapter: object = kind.adapter(kind.name)
    if memory and isinstance(adapter, Remembers):
        try:
            adapter.remember(memory)
        except ValueError as error:
            raise cursors.UnreadableCursor(f"{cursor}: damaged: {error}") from error


def _run(settings: Settings, kind: SourceKind, source: str, work: Work) -> None:
    try:
        complete = asyncio.run(_ingest(settings, kind, source, work))
    except KafkaUnreachableError as error:
        raise Unreachable(str(error)) from error
    except TopicsRefusedError as error:
        raise UserMistake(str(error)) from error
    except OSError as error:
        raise UserMistake(str(error)) from error
    if not complete:
        raise click.exceptions.Exit(EXIT_INTERRUPTED)


async def _ingest(
    settings: Settings, kind: SourceKind, source: str, work: Work
) -> bool:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    sink = EventSink(settings)
    reporter = _Reporter()
    feed = Feed(kind, source, sink, on_bad=reporter.bad)
    await sink.start()
    _say(f"sending to Kafka at {settings.bootstrap} as {source}")
    progress = asyncio.create_task(reporter.progress(feed.counts))
    try:
        return await work(feed, sink, stop)
    finally:
        progress.cancel()
        await sink.stop()
        reporter.summary(feed.counts)


class _Reporter:
    """Tells on stderr how it goes."""

    def __init__(self) -> None:
        self._bad_shown = 0
        self._started = time.monotonic()

    def bad(self, bad: Bad) -> None:
        """Tell a bad line, unless there have been many; never its content."""
        self._bad_shown += 1
        if self._bad_shown <= BAD_LINES_SHOWN:
            _say(f"line {bad.number}: {bad.message}")
        if self._bad_shown == BAD_LINES_SHOWN:
            _say("further bad lines are only counted")

    async def progress(self, counts: Counts) -> None:
        """Tell the counts every few seconds, when they have changed."""
        told = 0
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            if counts.lines != told:
                told = counts.lines
                _say(_totals(counts))

    def summary(self, counts: Counts) -> None:
        """Tell what became of all lines."""
        seconds = time.monotonic() - self._started
        _say(f"{_totals(counts)}, in {seconds:.1f} s")
        for title, parts in (("skipped", counts.skipped), ("bad", counts.bad)):
            if parts:
                listed = ", ".join(f"{name} {n:,}" for name, n in parts.most_common(20))
                _say(f"{title}: {listed}")


def _totals(counts: Counts) -> str:
    return (
        f"{counts.lines:,} lines, {counts.events:,} events, "
        f"{counts.skipped.total():,} skipped, {counts.bad.total():,} bad"
    )


def _say(message: str) -> None:
    click.echo(f"ingest: {message}", err=True)
