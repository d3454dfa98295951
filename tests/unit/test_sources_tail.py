"""Following a log: rotations, restarts and crashes lose no line."""

import asyncio
import gzip
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.core.events import Event, Kind
from monitor.core.people.events import AgentKind, AnyEvent
from monitor.sources import MAX_LINE_BYTES, SOURCES
from monitor.sources import cursor as cursors
from monitor.sources.cursor import Cursor
from monitor.sources.feed import Feed, send_log
from monitor.sources.tail import Tail
from tests.support.waiting import wait_until_async


class Log:
    """A queue_log and the program that writes and rotates it."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "queue_log"
        self.path.touch()
        self.written: list[bytes] = []
        self._clock_ns = 1_600_000_000_000_000_000
        self._writer = self.path.open("ab", buffering=0)
        self._touch(self.path)

    def write(self, count: int = 1) -> None:
        """Append lines with running numbers."""
        for _ in range(count):
            number = len(self.written)
            line = f"{1_600_000_000 + number}|c{number}|q|NONE|ENTERQUEUE||7|1".encode()
            self.written.append(line)
            self.append(line + b"\n")

    def append(self, data: bytes) -> None:
        """Append bytes, to whichever file the writer has open."""
        self._writer.write(data)
        self._touch(self._writer.fileno())

    def reopen(self) -> None:
        """What Asterisk does on `logger rotate`."""
        self._writer.close()
        created = not self.path.exists()
        self._writer = self.path.open("ab", buffering=0)
        if created:
            self._touch(self.path)

    def rename(self) -> Path:
        """First half of a rotation: the writer still has the old file open."""
        return self._shift(lambda: self.path.rename(f"{self.path}.1"))

    def rotate(self) -> Path:
        """Rename and create."""
        rotated = self.rename()
        self.reopen()
        return rotated

    def copytruncate(self) -> Path:
        """Copy and cut: the writer goes on in the same file."""
        rotated = self._shift(lambda: shutil.copy(self.path, f"{self.path}.1"))
        self._touch(rotated)
        os.truncate(self.path, 0)
        self._touch(self.path)
        return rotated

    def close(self) -> None:
        self._writer.close()

    def _shift(self, move: object) -> Path:
        older = {
            int(path.name.split(".")[1]): path
            for path in self.path.parent.glob("queue_log.[0-9]*")
        }
        for number, path in sorted(older.items(), reverse=True):
            packed = path.name.split(".")[2:]
            path.rename(".".join([str(self.path), str(number + 1), *packed]))
        assert callable(move)
        move()
        return Path(f"{self.path}.1")

    def _touch(self, file: Path | int) -> None:
        # File systems tell times in steps of milliseconds; a PBX writes and rotates
        # in minutes.
        self._clock_ns += 1_000_000_000
        os.utime(file, ns=(self._clock_ns, self._clock_ns))


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    """An empty log in a directory of its own."""
    made = Log(tmp_path)
    yield made
    made.close()


def drain(tail: Tail) -> list[bytes]:
    """Everything that there is now."""
    lines: list[bytes] = []
    while read := tail.read():
        lines += [line.raw for line in read]
    return lines


def restarted(tail: Tail, log: Log) -> Tail:
    """Another process that goes on from where this one was."""
    position = tail.position
    tail.close()
    return Tail(log.path, position)


def test_lines_come_once_and_in_order(log: Log) -> None:
    """First what is there, then what is added."""
    tail = Tail(log.path)
    log.write(3)
    assert drain(tail) == log.written
    log.write(2)
    assert drain(tail) == log.written[3:]
    assert drain(tail) == []
    tail.close()


def test_a_partial_last_line_waits_for_its_newline(log: Log) -> None:
    """A line is read when the writer has finished it."""
    tail = Tail(log.path)
    log.write()
    log.append(b"16000|c9|q|NO")
    assert drain(tail) == log.written
    tail = restarted(tail, log)
    assert drain(tail) == []
    log.append(b"NE|ABANDON|1|1|5\n")

    assert drain(tail) == [b"16000|c9|q|NONE|ABANDON|1|1|5"]
    tail.close()


def test_lines_are_numbered_through_restarts(log: Log) -> None:
    """Numbers are those of the file, so that a bad line can be found there."""
    tail = Tail(log.path)
    log.write(3)
    tail.read()
    tail = restarted(tail, log)
    log.write()

    assert [line.number for line in tail.read()] == [4]
    tail.close()


def test_a_log_that_does_not_exist_yet_is_waited_for(tmp_path: Path) -> None:
    """No file: nothing to read, no error."""
    tail = Tail(tmp_path / "queue_log")
    assert tail.read() == []
    (tmp_path / "queue_log").write_bytes(b"a\n")

    assert drain(tail) == [b"a"]
    tail.close()


@pytest.mark.parametrize("restart", [False, True])
def test_a_renamed_log_is_read_to_its_end_first(log: Log, restart: bool) -> None:
    """The writer may go on in the old file until it opens the new one."""
    tail = Tail(log.path)
    log.write(3)
    drain(tail)
    log.rename()
    if restart:
        tail = restarted(tail, log)
    log.write(2)
    assert drain(tail) == log.written[3:5]
    log.path.touch()
    log.write()
    assert drain(tail) == log.written[5:6]
    log.write()
    log.reopen()
    log.write(2)

    assert drain(tail) == log.written[6:]
    tail.close()


def test_the_rest_of_a_rotated_file_without_a_newline_is_read(log: Log) -> None:
    """A writer that died in a line is no reason to drop it."""
    tail = Tail(log.path)
    log.write()
    log.append(b"cut off")
    drain(tail)
    log.rotate()
    assert drain(tail) == []
    log.write()

    assert drain(tail) == [b"cut off", log.written[1]]
    tail.close()


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("more_than_before", [False, True])
def test_a_cut_log_goes_on_in_its_copy(
    log: Log, restart: bool, more_than_before: bool
) -> None:
    """Copytruncate: what was not read yet stands in the copy only."""
    tail = Tail(log.path)
    log.write(3)
    drain(tail)
    log.write(2)
    log.copytruncate()
    if restart:
        tail = restarted(tail, log)
    log.write(9 if more_than_before else 1)

    assert drain(tail) == log.written[3:]
    assert tail.take_notes() == []
    tail.close()


def test_a_cut_log_without_a_copy_is_told(log: Log) -> None:
    """What is lost is said; what is there is read."""
    tail = Tail(log.path)
    log.write(3)
    drain(tail)
    log.write(2)
    os.truncate(log.path, 0)
    log.write()

    assert drain(tail) == log.written[5:]
    assert "has been cut or is gone" in tail.take_notes()[0]
    assert tail.take_notes() == []
    tail.close()


@pytest.mark.parametrize("rotate", [Log.rotate, Log.copytruncate])
@pytest.mark.parametrize("restart", [False, True])
def test_several_rotations_at_once_are_read_in_their_order(
    log: Log, rotate: object, restart: bool
) -> None:
    """The rest of the file that was read, then the next, then the log."""
    assert callable(rotate)
    tail = Tail(log.path)
    log.write(3)
    drain(tail)
    log.write(2)
    for count in (4, 1, 3):
        rotate(log)
        log.write(count)
    if restart:
        tail = restarted(tail, log)

    assert drain(tail) == log.written[3:]
    assert tail.take_notes() == []
    tail.close()


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_rotated_files_may_have_been_packed_meanwhile(log: Log, suffix: str) -> None:
    """Found by their first bytes, since packing makes a new file."""
    tail = Tail(log.path)
    log.write(30)
    drain(tail)
    log.write(2)
    for _ in range(2):
        rotated = log.rotate()
        log.write(4)
        times = rotated.stat()
        packed = rotated.with_name(rotated.name + suffix)
        content = rotated.read_bytes()
        packed.write_bytes(
            gzip.compress(content) if suffix == ".gz" else zstandard.compress(content)
        )
        os.utime(packed, ns=(times.st_atime_ns, times.st_mtime_ns))
        rotated.unlink()
    tail = restarted(tail, log)

    assert drain(tail) == log.written[30:]
    assert [Path(f"{log.path}.{n}{suffix}").exists() for n in (1, 2)] == [True, True]
    tail.close()


def test_a_restart_within_a_packed_file_goes_on_there(log: Log) -> None:
    """A position counts unpacked bytes."""
    log.write(30)
    tail = Tail(log.path)
    drain(tail)
    log.write(5)
    rotated = log.rotate()
    packed = Path(f"{rotated}.gz")
    packed.write_bytes(gzip.compress(rotated.read_bytes()))
    os.utime(packed, ns=(0, rotated.stat().st_mtime_ns))
    rotated.unlink()
    tail = restarted(tail, log)
    assert drain(tail) == log.written[30:]
    tail = restarted(tail, log)
    log.write()

    assert drain(tail) == log.written[35:]
    tail.close()


def test_a_rotated_file_that_is_being_packed_is_no_obstacle(log: Log) -> None:
    """Half a .gz beside its original is passed over."""
    tail = Tail(log.path)
    log.write(3)
    drain(tail)
    rotated = log.rotate()
    Path(f"{rotated}.gz").write_bytes(gzip.compress(rotated.read_bytes())[:12])
    log.write(2)

    assert drain(tail) == log.written[3:]
    tail.close()


def test_other_files_beside_the_log_are_not_read(log: Log) -> None:
    """A cursor, a backup copy, another log with a longer name."""
    tail = Tail(log.path)
    log.write()
    drain(tail)
    for name in ("queue_log.cursor", "queue_log.bak", "queue_log_2", "queue_logs.1"):
        (log.path.parent / name).write_bytes(b"not mine\n")
    log.rotate()
    log.write()

    assert drain(tail) == log.written[1:]
    tail.close()


def test_a_file_that_is_gone_is_told_and_newer_ones_are_read(log: Log) -> None:
    """After a long time away the rotated file may have been deleted."""
    tail = Tail(log.path)
    log.write(3)
    drain(tail)
    gone = log.rotate()
    log.write(2)
    kept = log.rotate()
    log.write(2)
    assert kept.exists()
    gone.with_name("queue_log.2").unlink()
    position = tail.position
    tail.close()
    tail = Tail(log.path, position)

    assert drain(tail) == log.written[3:]
    assert "has been cut or is gone" in tail.take_notes()[0]
    tail.close()


def test_a_line_without_end_comes_in_pieces(log: Log) -> None:
    """Memory is bounded, and no byte is lost."""
    tail = Tail(log.path)
    log.append(b"x" * (MAX_LINE_BYTES * 3) + b"y\nnext\n")

    lines = drain(tail)

    assert max(map(len, lines)) <= MAX_LINE_BYTES
    assert b"".join(lines) == b"x" * (MAX_LINE_BYTES * 3) + b"y" + b"next"
    assert lines[-1] == b"next"
    tail.close()


STEPS = st.lists(
    st.sampled_from(
        ["write", "write", "read", "restart", "rotate", "copytruncate", "pack"]
    ),
    max_size=25,
)


@given(steps=STEPS, copytruncate=st.booleans())
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_sequence_of_rotations_and_restarts_loses_a_line(
    tmp_path: Path, steps: list[str], copytruncate: bool
) -> None:
    """Whatever happens in whatever order, each line comes, and in order."""
    log = Log(Path(mkdtemp(dir=tmp_path)))
    tail = Tail(log.path)
    got = drain(tail)  # what was rotated away before the first look is not asked for
    for step in steps:
        if step == "write":
            log.write(7)
        elif step == "read":
            got += [line.raw for line in tail.read()]
        elif step == "restart":
            tail = restarted(tail, log)
        elif step == "rotate" and not copytruncate and log.path.stat().st_size:
            log.rotate()
        elif step == "copytruncate" and copytruncate and log.path.stat().st_size:
            log.copytruncate()
        elif step == "pack":
            _pack_oldest(log)
    log.write()
    got += drain(tail)
    tail.close()
    log.close()

    assert list(dict.fromkeys(got)) == log.written


def _pack_oldest(log: Log) -> None:
    plain = [p for p in log.path.parent.glob("queue_log.*") if p.suffix != ".gz"]
    if plain:
        oldest = max(plain, key=lambda path: int(path.suffix[1:]))
        times = oldest.stat()
        packed = Path(f"{oldest}.gz")
        packed.write_bytes(gzip.compress(oldest.read_bytes()))
        os.utime(packed, ns=(times.st_atime_ns, times.st_mtime_ns))
        oldest.unlink()


class FakeKafka:
    """Takes events; can fail before it acknowledges them."""

    def __init__(self) -> None:
        self.acknowledged: list[AnyEvent] = []
        self.dead: list[tuple[bytes, str, int]] = []
        self.pending: list[AnyEvent] = []
        self.fail_at_flush = 0
        """The how-manieth flush fails, after everything has arrived; 0: none."""
        self.flushes = 0

    async def send(self, event: AnyEvent, value: bytes | None = None) -> None:
        self.pending.append(event)

    async def dead_letter(
        self, value: bytes, *, reason: str, detail: str, source: str, line: int
    ) -> None:
        self.dead.append((value, reason, line))

    async def flush(self) -> None:
        self.flushes += 1
        self.acknowledged += self.pending
        self.pending.clear()
        if self.flushes == self.fail_at_flush:
            raise ConnectionError("killed")


KIND = SOURCES["asterisk-queue-log"]


async def follow(log: Log, cursor: Path, kafka: FakeKafka) -> list[str]:
    """One life of the command, up to the log's end; what it told the user."""
    found = cursors.load(cursor, log.path)
    tail = Tail(log.path, found.position if found else None)
    feed = Feed(KIND, "asterisk:pbx1", kafka)
    feed.remember(found.memory if found else {})
    notes: list[str] = []
    try:
        await send_log(
            feed,
            tail,
            kafka,
            asyncio.Event(),
            log=log.path,
            cursor=cursor,
            follow=False,
            on_note=notes.append,
        )
    finally:
        tail.close()
    return notes


def of_contacts(kafka: FakeKafka) -> list[Event]:
    """The acknowledged events of contacts."""
    return [event for event in kafka.acknowledged if isinstance(event, Event)]


def contacts(kafka: FakeKafka) -> list[str]:
    """Whose events were acknowledged, repetitions dropped as the core does."""
    return list(dict.fromkeys(event.id + event.contact for event in of_contacts(kafka)))


async def acknowledged(kafka: FakeKafka, count: int) -> None:
    """Return when so many events have been acknowledged."""

    async def condition() -> bool:
        return len(kafka.acknowledged) == count

    await wait_until_async(condition, f"{count} events")


async def test_it_goes_on_where_it_was(log: Log, tmp_path: Path) -> None:
    """The second start sends what came since the first, nothing else."""
    cursor = tmp_path / "state" / "cursor"
    kafka = FakeKafka()
    log.write(3)
    await follow(log, cursor, kafka)
    log.write(2)
    await follow(log, cursor, kafka)

    assert [event.contact for event in of_contacts(kafka)] == [
        "c0",
        "c1",
        "c2",
        "c3",
        "c4",
    ]


async def test_a_crash_between_sending_and_cursor_repeats_and_loses_nothing(
    log: Log, tmp_path: Path
) -> None:
    """The cursor is of before; the same lines are sent with the same ids."""
    cursor = tmp_path / "cursor"
    kafka = FakeKafka()
    log.write(3)
    await follow(log, cursor, kafka)
    kept = cursor.read_bytes()
    log.write(4)
    kafka.fail_at_flush = 2
    with pytest.raises(ConnectionError):
        await follow(log, cursor, kafka)
    assert cursor.read_bytes() == kept
    log.rotate()
    log.write(2)
    await follow(log, cursor, kafka)

    assert len(kafka.acknowledged) == 3 + 4 + 4 + 2
    assert len(contacts(kafka)) == 9
    assert {event.contact for event in of_contacts(kafka)} == {
        f"c{n}" for n in range(9)
    }


async def test_a_process_killed_at_any_write_of_the_cursor_loses_nothing(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before, or half-way through, the replacement of the cursor file."""
    cursor = tmp_path / "cursor"
    kafka = FakeKafka()
    log.write(3)
    await follow(log, cursor, kafka)
    log.write(3)

    def killed(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            await follow(log, cursor, kafka)
    assert cursor.with_name("cursor.new").exists()
    log.write(1)
    await follow(log, cursor, kafka)

    assert len(contacts(kafka)) == 7


async def test_following_stops_when_told_and_keeps_its_place(
    log: Log, tmp_path: Path
) -> None:
    """SIGTERM: what was read is acknowledged and the cursor is written."""
    cursor = tmp_path / "cursor"
    kafka = FakeKafka()
    stop = asyncio.Event()
    tail = Tail(log.path)
    following = asyncio.create_task(
        send_log(
            Feed(KIND, "asterisk:pbx1", kafka),
            tail,
            kafka,
            stop,
            log=log.path,
            cursor=cursor,
            follow=True,
            on_note=lambda note: None,
        )
    )
    log.write(2)
    await acknowledged(kafka, 2)
    log.write(1)
    await acknowledged(kafka, 3)
    stop.set()
    await asyncio.wait_for(following, 5)
    tail.close()
    found = cursors.load(cursor, log.path)

    assert found is not None
    assert found.position.line == 3
    assert found.position.offset == log.path.stat().st_size


def test_a_cursor_of_an_earlier_version_remembers_nobody(
    log: Log, tmp_path: Path
) -> None:
    """It has a position only, which is as good as ever."""
    log.write()
    tail = Tail(log.path)
    drain(tail)
    cursor = tmp_path / "cursor"
    assert tail.position is not None
    cursors.save(cursor, log.path, tail.position)
    content = json.loads(cursor.read_bytes())
    del content["memory"]
    cursor.write_text(json.dumps(content | {"version": 1}))

    assert cursors.load(cursor, log.path) == Cursor(tail.position, {})
    tail.close()


async def test_a_restart_does_not_forget_who_serves_which_queues(
    log: Log, tmp_path: Path
) -> None:
    """Each life reads one line, one of them twice: the events are those of one life."""
    lines = [
        b"1600|NONE|support|Ann|ADDMEMBER|\n",
        b"1600|NONE|sales|Ann|ADDMEMBER|\n",
        b"1660|NONE|support|Ann|PAUSE|lunch\n",
        b"1720|NONE|sales|Ann|PAUSE|lunch\n",
        b"1780|NONE|NONE|Ann|UNPAUSEALL|\n",
        b"1840|NONE|sales|Ann|REMOVEMEMBER|\n",
        b"1900|NONE|support|Ann|REMOVEMEMBER|\n",
    ]
    adapter = KIND.adapter("asterisk:pbx1")
    once = [event for line in lines for event in adapter(line.rstrip())]
    cursor = tmp_path / "cursor"
    lives = FakeKafka()
    for number, line in enumerate(lines):
        log.append(line)
        if number == 3:
            killed = FakeKafka()
            killed.fail_at_flush = 1
            with pytest.raises(ConnectionError):
                await follow(log, cursor, killed)
        await follow(log, cursor, lives)

    assert lives.acknowledged == once
    assert [event.kind for event in once] == [
        AgentKind.LOGGED_IN,
        *(AgentKind.QUEUES, AgentKind.QUEUES, AgentKind.QUEUES, AgentKind.AWAY),
        *(AgentKind.READY, AgentKind.QUEUES, AgentKind.LOGGED_OUT),
    ]


async def test_bad_lines_go_to_the_dead_letters_as_they_are(
    log: Log, tmp_path: Path
) -> None:
    """Byte for byte, with reason and line number; the rest goes on."""
    kafka = FakeKafka()
    log.write()
    log.append(b"\xff\x00 broken \r\n")
    log.append(b"1600|c1|q|NONE|ABANDON|1|1|x\n")
    log.append(b"1600|NONE|q|SIP/1|PAUSE|\n")
    log.write()
    await follow(log, tmp_path / "cursor", kafka)

    assert kafka.dead == [
        (b"\xff\x00 broken \r", "missing_field", 2),
        (b"1600|c1|q|NONE|ABANDON|1|1|x", "wrong_value", 3),
    ]
    assert [event.kind for event in kafka.acknowledged] == [
        Kind.QUEUED,
        AgentKind.QUEUES,
        AgentKind.AWAY,
        Kind.QUEUED,
    ]


def test_a_cursor_comes_back_as_it_was(log: Log, tmp_path: Path) -> None:
    """All of it, and no trace of the lines' content."""
    log.write(40)
    tail = Tail(log.path)
    drain(tail)
    position = tail.position
    assert position is not None
    memory = {"agents": {"ann": [1, True, None, ["support"]]}}
    cursors.save(tmp_path / "cursor", log.path, position, memory)

    assert cursors.load(tmp_path / "cursor", log.path) == Cursor(position, memory)
    assert b"ENTERQUEUE" not in (tmp_path / "cursor").read_bytes()
    assert cursors.load(tmp_path / "none", log.path) is None
    tail.close()


def test_a_cursor_that_is_none_is_refused(log: Log, tmp_path: Path) -> None:
    """Damaged, of another version, of another log: said, never guessed."""
    log.write()
    tail = Tail(log.path)
    drain(tail)
    cursor = tmp_path / "cursor"
    assert tail.position is not None
    cursors.save(cursor, log.path, tail.position)
    tail.close()
    good = json.loads(cursor.read_bytes())
    for change, message in (
        ({"version": 3}, "version 2"),
        ({"memory": []}, "damaged"),
        ({"log": "/other"}, "is the cursor of /other"),
        ({"offset": "5"}, "damaged"),
        ({"line": -1}, "damaged"),
        ({"inode": True}, "damaged"),
    ):
        cursor.write_text(json.dumps(good | change))
        with pytest.raises(cursors.UnreadableCursor, match=message):
            cursors.load(cursor, log.path)
    for content in (b"", b"[]", b"\xff", b"{}"):
        cursor.write_bytes(content)
        with pytest.raises(cursors.UnreadableCursor, match="not a cursor"):
            cursors.load(cursor, log.path)
