"""Whole files, recordings and pipes as lines; sources by name."""

import asyncio
import gzip
import io
import os
from pathlib import Path

import pytest
import zstandard

from monitor.core.events import Event, Kind
from monitor.core.people.events import AgentEvent, AgentKind, AnyEvent
from monitor.sources import (
    MAX_LINE_BYTES,
    SOURCES,
    BadLine,
    NotAnEvent,
    UnknownSource,
    canonical,
    source_kind,
)
from monitor.sources.feed import Feed, send_chunks, send_file
from monitor.sources.files import UnreadableFile, file_lines, read_lines
from monitor.sources.pipe import pipe_lines
from monitor.sources.recording import Bad, Recording, kind_of
from monitor.sources.tail import Line
from tests.support.waiting import wait_until_async

GOOD = b'{"type":"contact.queued","at":1000,"contact":"c1","queue":"support","new":1}'
LINES = [GOOD, b"", b"{broken", b'{"type":"contact.teleported","at":1}', GOOD]


@pytest.mark.parametrize(
    "suffix, pack",
    [
        ("", bytes),
        (".gz", gzip.compress),
        (".gz", lambda data: gzip.compress(data[:50]) + gzip.compress(data[50:])),
        (".zst", zstandard.compress),
        (
            ".zst",
            lambda data: zstandard.compress(data[:50]) + zstandard.compress(data[50:]),
        ),
    ],
    ids=["plain", "gz", "gz of two members", "zst", "zst of two frames"],
)
def test_files_are_unpacked_by_their_suffix(
    tmp_path: Path, suffix: str, pack: object
) -> None:
    """A file of several packed parts, as `cat` makes it, is read to its end."""
    assert callable(pack)
    path = tmp_path / f"events.jsonl{suffix}"
    path.write_bytes(pack(b"\n".join(LINES) + b"\n"))

    assert list(file_lines(path)) == LINES


def test_a_last_line_without_newline_is_a_line(tmp_path: Path) -> None:
    """And a carriage return is a byte like others."""
    path = tmp_path / "x"
    path.write_bytes(b"a\r\nb")

    assert list(file_lines(path)) == [b"a\r", b"b"]


def test_a_very_long_line_comes_in_pieces() -> None:
    """No line can fill the memory, and no byte is lost."""
    data = b"x" * (2 * MAX_LINE_BYTES + 5)
    pieces = list(read_lines(io.BytesIO(data + b"\nnext")))

    assert [len(piece) for piece in pieces] == [MAX_LINE_BYTES, MAX_LINE_BYTES, 5, 4]


@pytest.mark.parametrize(
    "name, content",
    [
        ("none.gz", None),
        ("cut.gz", gzip.compress(b"hello\n" * 1000)[:40]),
        ("no.gz", b"plain text"),
        ("cut.zst", b"(\xb5/\xfd broken"),
        ("no.zst", b"plain text"),
    ],
)
def test_a_damaged_file_is_said_with_its_name(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    """One kind of error, whichever library found it."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableFile, match=name):
        list(file_lines(tmp_path / name))


def test_a_recording_gives_events_and_counts_the_rest(tmp_path: Path) -> None:
    """Bad lines are handed out and counted, unknown types and blanks are skipped."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"\n".join(LINES))
    bad: list[Bad] = []
    recording = Recording(path, kind_of(path), on_bad=bad.append)

    assert [event.contact for event in recording] == ["c1", "c1"]
    assert recording.counts.lines == 5
    assert recording.counts.events == 2
    assert recording.counts.skipped == {"blank": 1, "unknown type": 1}
    assert recording.counts.bad == {"not_json": 1}
    assert [(line.number, line.raw, line.reason) for line in bad] == [
        (3, b"{broken", "not_json")
    ]


@pytest.mark.parametrize(
    "path, name, kind",
    [
        ("day.jsonl", None, "jsonl"),
        ("day.jsonl.gz", None, "jsonl"),
        ("anything", None, "jsonl"),
        ("queue_log", None, "asterisk-queue-log"),
        ("queue_log.1.gz", None, "asterisk-queue-log"),
        ("january1999.tsv.gz", None, "anonymous-bank"),
        ("queue_log", "events", "jsonl"),
        ("x.jsonl", "asterisk-queue-log", "asterisk-queue-log"),
    ],
)
def test_a_source_is_told_by_name_or_by_extension(
    path: str, name: str | None, kind: str
) -> None:
    """What the user says wins over what the file is called."""
    assert kind_of(Path(path), name).name == kind


def test_an_unknown_source_is_answered_with_those_that_there_are() -> None:
    """The message helps."""
    with pytest.raises(UnknownSource, match=r"'avaya'.*anonymous-bank.*jsonl"):
        source_kind("avaya")
    assert all(source_kind(name) is kind for name, kind in SOURCES.items())


def test_a_canonical_line_is_what_the_wire_says() -> None:
    """Its errors keep their labels; unknown types are skipped."""
    adapter = canonical.adapter("ignored")

    assert adapter(GOOD) == [Event(1000, Kind.QUEUED, "c1", queue="support")]
    with pytest.raises(BadLine, match="queue") as bad:
        adapter(b'{"type":"contact.queued","at":1000,"contact":"c1"}')
    assert bad.value.reason == "missing_field"
    with pytest.raises(NotAnEvent):
        adapter(b'{"type":"case.opened","at":1000,"case":"a1"}')


def test_a_canonical_line_may_be_what_an_agent_said() -> None:
    """Read as strictly; what a source says of itself stays with the contacts."""
    adapter = canonical.adapter("ignored")

    assert adapter(b'{"type":"agent.away","at":1000,"agent":"a1","reason":"tea"}') == [
        AgentEvent(1000, AgentKind.AWAY, "a1", "tea")
    ]
    assert adapter(b'{"type":"source.started","at":1000,"source":"x"}') == [
        Event(1000, Kind.SOURCE_STARTED, "", source="x")
    ]
    with pytest.raises(BadLine, match="agent") as bad:
        adapter(b'{"type":"agent.ready","at":1000}')
    assert bad.value.reason == "missing_field"
    contact = b'{"type":"contact.answered","at":9,"contact":"c","agent":"agent.7"}'
    assert [event.kind for event in adapter(contact)] == [Kind.ANSWERED]


class FakeKafka:
    """Remembers what it was given."""

    def __init__(self) -> None:
        self.sent: list[tuple[AnyEvent, bytes | None]] = []
        self.dead: list[tuple[bytes, str, str, int]] = []
        self.flushed = 0

    async def send(self, event: AnyEvent, value: bytes | None = None) -> None:
        self.sent.append((event, value))

    async def dead_letter(
        self, value: bytes, *, reason: str, detail: str, source: str, line: int
    ) -> None:
        self.dead.append((value, reason, source, line))

    async def flush(self) -> None:
        self.flushed = len(self.sent)


async def test_a_canonical_line_is_passed_on_byte_for_byte() -> None:
    """Fields of a newer version reach whoever knows them."""
    kafka = FakeKafka()
    kind = SOURCES["jsonl"]
    feed = Feed(kind, "jsonl:x", kafka)

    assert await send_file(feed, kind, LINES, kafka, asyncio.Event())
    assert [value for _, value in kafka.sent] == [GOOD, GOOD]
    assert kafka.dead == [(b"{broken", "not_json", "jsonl:x", 3)]
    assert kafka.flushed == 2


async def test_both_kinds_of_events_are_sent_in_the_order_of_the_file() -> None:
    """As they are, and a bad agent's line is a dead letter like any other."""
    kafka = FakeKafka()
    kind = SOURCES["jsonl"]
    said = b'{"type":"agent.ready","at":900,"agent":"a1","mood":"fine"}'
    bad = b'{"type":"agent.away","at":"noon","agent":"a1"}'
    lines = [said, GOOD, bad, said]
    feed = Feed(kind, "jsonl:x", kafka)

    assert await send_file(feed, kind, lines, kafka, asyncio.Event())
    assert [value for _, value in kafka.sent] == [said, GOOD, said]
    assert kafka.dead == [(bad, "wrong_value", "jsonl:x", 3)]
    assert feed.counts.events == 3


async def test_sending_a_file_stops_when_told() -> None:
    """What was handed over by then is flushed; the answer says it isn't all."""
    kafka = FakeKafka()
    kind = SOURCES["jsonl"]
    stop = asyncio.Event()
    stop.set()

    assert not await send_file(Feed(kind, "x", kafka), kind, [GOOD] * 5000, kafka, stop)
    assert kafka.flushed == len(kafka.sent) == 1000


async def test_rows_out_of_order_are_sent_in_order_of_time() -> None:
    """A source whose files aren't in order is read whole first."""
    kafka = FakeKafka()
    kind = SOURCES["anonymous-bank"]
    rows = [
        f"AA0101\t{n}\t0\t0\tPS\t990101\t0:00:00\t0:00:00\t0\t{hour}:00:00\t{hour}:01:00"
        f"\t60\tHANG\t0:00:00\t0:00:00\t0\tNO_SERVER".encode()
        for n, hour in enumerate((9, 8, 10))
    ]
    await send_file(Feed(kind, "bank", kafka), kind, rows, kafka, asyncio.Event())
    instants = [event.at for event, _ in kafka.sent]

    assert instants == sorted(instants)
    assert len(instants) == 6


async def test_a_pipe_is_read_as_it_comes_and_to_its_end() -> None:
    """Lines come when they are written; the last one needs no newline."""
    reading, writing = os.pipe()
    got: list[Line] = []

    async def read() -> None:
        async for lines in pipe_lines(reading):
            got.extend(lines)

    async def first_came() -> bool:
        return len(got) == 1

    task = asyncio.create_task(read())
    os.write(writing, b"one\ntw")
    await wait_until_async(first_came, "the first line")
    os.write(writing, b"o\nthree")
    os.close(writing)
    await asyncio.wait_for(task, 10)
    os.close(reading)

    assert got == [Line(1, b"one"), Line(2, b"two"), Line(3, b"three")]


async def test_reading_a_pipe_stops_when_told_though_nothing_comes() -> None:
    """A silent pipe doesn't keep the command alive."""
    reading, writing = os.pipe()
    kafka = FakeKafka()
    stop = asyncio.Event()
    feed = Feed(SOURCES["jsonl"], "jsonl:stdin", kafka)
    task = asyncio.create_task(send_chunks(feed, pipe_lines(reading), kafka, stop))
    os.write(writing, GOOD + b"\n")

    async def sent() -> bool:
        return kafka.flushed == 1

    await wait_until_async(sent, "the first event")
    stop.set()

    assert not await asyncio.wait_for(task, 10)
    os.close(writing)
    os.close(reading)
