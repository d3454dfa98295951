"""Following a log file over rotations and restarts, without losing a line.

Rule: a file is left only when a newer one has content and it has been read to its end
after that was seen. Lines may come twice (that changes nothing); none is left out.

```
rename and create:   log -> log.1, new log       log.1 is read to its end, then log
copytruncate:        copy to log.1, log cut      the copy is read from where log was
several while away:  log.2 (ours), log.1, log    the rest of log.2, then log.1, then log
```

A rotated file may have been packed (`.gz`, `.zst`): it is found by its first bytes.
Which of several came first is told by when they were last written to.
"""

import re
from pathlib import Path
from typing import NamedTuple

from monitor.sources.cursor import Position
from monitor.sources.files import PACKED_SUFFIXES, UNPACKING_ERRORS, UnreadableFile
from monitor.sources.logfile import Identity, LogFile, head_of, holds
from monitor.sources.source import MAX_LINE_BYTES

_ROTATED = re.compile(r"[.\-](old|\d[\dTZ.:_\-]*)(\.gz|\.zst)?", re.ASCII)
"""What Asterisk, logrotate and savelog append to the name of a rotated file."""


class Line(NamedTuple):
    """A line without its newline, and its number in its file, from 1."""

    number: int
    raw: bytes


class Tail:
    """Reads a log file and what it becomes. Never waits: `read` gives what is there."""

    def __init__(self, path: Path, position: Position | None = None) -> None:
        """Start at a position, or without one at the log's beginning."""
        self._path = path
        self._resume = position
        self._current: LogFile | None = None
        self._finished: set[bytes] = set()
        """First bytes of the files that have been read to their end."""
        self._notes: list[str] = []

    @property
    def position(self) -> Position | None:
        """The place after the last line that was read; None before the first file."""
        return self._resume if self._current is None else self._current.position

    def take_notes(self) -> list[str]:
        """What the user should know and wasn't told yet: a file that is gone."""
        notes, self._notes = self._notes, []
        return notes

    def read(self) -> list[Line]:
        """The complete lines that are there now, about a MiB of them at most.

        An empty list means: nothing now, ask again later. Raises `UnreadableFile`.
        """
        try:
            return self._read()
        except FileNotFoundError:
            return []  # renamed under our hands: the next call looks again
        except UNPACKING_ERRORS as error:
            raise UnreadableFile(f"{self._path}: {error}") from error

    def close(self) -> None:
        if self._current is not None:
            self._current.close()

    def _read(self) -> list[Line]:
        while True:
            current = self._current or self._open_first()
            if current is None:
                return []
            chunk = current.peek()
            if chunk is None:
                self._leave_cut(current)
                continue
            if chunk and current.offset == 0 and self._is_log(current):
                missed = self._rotated_since(current.since_ns, current)
                if missed:
                    # It was filled and cut while nobody looked: first what it had.
                    self._go_over(current, missed[0])
                    continue
            if lines := _complete_lines(current, chunk):
                return lines
            following = self._following(current)
            if following is None:
                return []
            # The writer has gone over to a newer file, so whatever it wrote into this
            # one is there now, a last line without a newline included.
            chunk = current.peek()
            if chunk is None:
                continue
            if lines := _complete_lines(current, chunk) or _rest(current, chunk):
                return lines
            self._go_over(current, following)

    def _open_first(self) -> LogFile | None:
        place = self._first_place()
        if place is not None:
            path, offset, line = place
            since_ns = self._resume.modified_ns if self._resume else 0
            self._current = LogFile(path, offset=offset, line=line, since_ns=since_ns)
            self._resume = None
        return self._current

    def _first_place(self) -> tuple[Path, int, int] | None:
        """Path, offset and line to begin at; None when there is no file yet."""
        position = self._resume
        if position is None:
            return (self._path, 0, 0) if self._path.exists() else None
        found = self._find(position) if position.offset else None
        if found is not None:
            return found, position.offset, position.line
        newer = self._newer_than(position.modified_ns)
        if not newer:
            return None
        if position.offset:
            self._notes.append(
                "the file that was read last has been cut or is gone, with no copy "
                f"beside it; going on at the start of {newer[0]}"
            )
        return newer[0], 0, 0

    def _find(self, position: Position) -> Path | None:
        """The position's file: by its inode, else a copy of it by its first bytes."""
        files = [self._path] if self._path.exists() else []
        files += reversed(_rotated(self._path))
        place = (position.device, position.inode)
        files.sort(key=lambda path: _identity(path) != place)
        return next((path for path in files if _may_hold(path, position)), None)

    def _leave_cut(self, current: LogFile) -> None:
        """The file was cut: look for its copy, as after a restart."""
        self._resume = current.position
        self._current = None
        current.close()

    def _following(self, current: LogFile) -> Path | None:
        """The file that comes after this one; None while this is the newest."""
        if self._is_log(current):
            return None
        newer = self._newer_than(current.modified_ns, current)
        return newer[0] if newer else None

    def _is_log(self, current: LogFile) -> bool:
        """Whether this is the file that has the log's own name now."""
        return self._path.exists() and _identity(self._path) == current.identity

    def _go_over(self, current: LogFile, following: Path) -> None:
        before_ns = current.modified_ns if current.offset else current.since_ns
        self._current = LogFile(following, since_ns=before_ns)
        if current.head:
            self._finished.add(current.head)
        current.close()

    def _newer_than(
        self, modified_ns: int, current: LogFile | None = None
    ) -> list[Path]:
        """Files with content written to since then, oldest first, the log last."""
        newer = self._rotated_since(modified_ns, current)
        if self._path.exists() and self._path.stat().st_size > 0:
            newer.append(self._path)
        return newer

    def _rotated_since(
        self, modified_ns: int, current: LogFile | None = None
    ) -> list[Path]:
        """Rotated files with content written to since then, oldest first.

        Left out are the current file, finished ones, and copies of either.
        """
        seen = set(self._finished)
        newer = []
        for path in _rotated(self._path):
            if path.stat().st_mtime_ns < modified_ns:
                continue
            head = _readable_head(path)
            if not head or head in seen or _is_copy(path, head, current):
                continue
            seen.add(head)
            newer.append(path)
        return newer


def _rotated(log: Path) -> list[Path]:
    """The rotated files of a log, oldest first; of one moment, unpacked before packed.

    Raises `FileNotFoundError` when one is renamed meanwhile.
    """
    start = len(log.name)
    found = [
        path
        for path in log.parent.glob(f"{_glob_escape(log.name)}*")
        if _ROTATED.fullmatch(path.name[start:]) and path.is_file()
    ]
    return sorted(
        found,
        key=lambda path: (
            path.stat().st_mtime_ns,
            path.suffix in PACKED_SUFFIXES,
            path.name,
        ),
    )


def _glob_escape(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)


def _identity(path: Path) -> Identity:
    status = path.stat()
    return status.st_dev, status.st_ino


def _is_copy(path: Path, head: bytes, current: LogFile | None) -> bool:
    if current is None:
        return False
    if _identity(path) == current.identity:
        return True
    return bool(current.head) and head.startswith(current.head)


def _readable_head(path: Path) -> bytes:
    """The first bytes; none of a packed file that is damaged or still being written."""
    try:
        return head_of(path)
    except FileNotFoundError:
        raise
    except UNPACKING_ERRORS:
        return b""


def _may_hold(path: Path, position: Position) -> bool:
    """Whether the file holds the position; a damaged packed file doesn't."""
    try:
        return holds(path, position)
    except FileNotFoundError:
        raise
    except UNPACKING_ERRORS:
        return False


def _complete_lines(file: LogFile, chunk: bytes) -> list[Line]:
    """Take the lines that have their newline."""
    end = chunk.rfind(b"\n") + 1
    if end:
        return _take(file, chunk[:end], chunk[: end - 1].split(b"\n"))
    if len(chunk) >= MAX_LINE_BYTES:
        return _take(file, chunk[:MAX_LINE_BYTES], [chunk[:MAX_LINE_BYTES]])
    return []


def _rest(file: LogFile, chunk: bytes) -> list[Line]:
    """Take what stands behind the last newline of a finished file."""
    return _take(file, chunk, [chunk]) if chunk else []


def _take(file: LogFile, taken: bytes, raws: list[bytes]) -> list[Line]:
    first = file.line + 1
    pieces = [
        raw[start : start + MAX_LINE_BYTES]
        for raw in raws
        for start in range(0, len(raw) or 1, MAX_LINE_BYTES)
    ]
    file.consume(taken, len(pieces))
    return [Line(first + index, raw) for index, raw in enumerate(pieces)]
