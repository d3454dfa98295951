"""One log file that is being read: the live one, or one that was rotated away.

Rule: a file is known by device, inode and its first bytes, never by its name. What was
read is believed only if the first bytes are still the same afterwards; else the file
was cut (copytruncate) and what was read may be a mixture of old and new.
"""

import os
from pathlib import Path
from typing import BinaryIO

from monitor.sources.cursor import HEAD_BYTES, Position, head_digest
from monitor.sources.files import PACKED_SUFFIXES, unpacked

CHUNK_BYTES = 1024 * 1024

Identity = tuple[int, int]
"""Device and inode."""


class LogFile:
    """An open log file and how far it has been read."""

    def __init__(
        self, path: Path, *, offset: int = 0, line: int = 0, since_ns: int = 0
    ) -> None:
        """Open the file; raises `OSError` when it is gone or can't be read.

        `since_ns`: up to when its predecessor had been read; 0: it has none.
        """
        self.path = path
        self.offset = offset
        self.line = line
        self._file = path.open("rb")
        self._packed = path.suffix in PACKED_SUFFIXES
        self._stream = unpacked(self._file, path.suffix)
        self._ahead = b""
        """Of a packed file: unpacked bytes after `offset` that nobody consumed yet."""
        self.head = _read(self._stream, min(HEAD_BYTES, offset))
        """The first bytes, as far as they were read."""
        if self._packed:
            _skip(self._stream, offset - len(self.head))
        self.since_ns = since_ns or self.modified_ns
        """Rotated files that are newer than this come before this file's content."""

    @property
    def identity(self) -> Identity:
        status = os.fstat(self._file.fileno())
        return status.st_dev, status.st_ino

    @property
    def modified_ns(self) -> int:
        """When the file was last written to."""
        return os.fstat(self._file.fileno()).st_mtime_ns

    @property
    def position(self) -> Position:
        """The place after what was consumed."""
        device, inode = self.identity
        return Position(
            device=device,
            inode=inode,
            offset=self.offset,
            line=self.line,
            head_bytes=len(self.head),
            head_digest=head_digest(self.head),
            modified_ns=self.modified_ns if self.offset else self.since_ns,
        )

    def peek(self) -> bytes | None:
        """What follows the offset, a chunk or more if there is; None: file was cut."""
        if self._packed:
            if len(self._ahead) < CHUNK_BYTES:
                self._ahead += _read(self._stream, CHUNK_BYTES)
            return self._ahead
        descriptor = self._file.fileno()
        chunk = os.pread(descriptor, CHUNK_BYTES, self.offset)
        if os.fstat(descriptor).st_size < self.offset + len(chunk):
            return None
        if os.pread(descriptor, len(self.head), 0) != self.head:
            return None
        return chunk

    def consume(self, taken: bytes, lines: int) -> None:
        """Move on behind bytes that `peek` gave."""
        if len(self.head) < HEAD_BYTES:
            self.head += taken[: HEAD_BYTES - len(self.head)]
        self.offset += len(taken)
        self.line += lines
        self._ahead = self._ahead[len(taken) :]

    def close(self) -> None:
        self._stream.close()
        self._file.close()


def head_of(path: Path) -> bytes:
    """The first bytes of a file; raises `OSError` when it is gone or can't be read."""
    with path.open("rb") as file, unpacked(file, path.suffix) as stream:
        return _read(stream, HEAD_BYTES)


def holds(path: Path, position: Position) -> bool:
    """Whether the file begins with what the position remembers and reaches up to it.

    Says nothing about a position at the very start, which remembers no file.
    Raises `OSError` when the file is gone or can't be read.
    """
    with path.open("rb") as file, unpacked(file, path.suffix) as stream:
        head = _read(stream, position.head_bytes)
        if head_digest(head) != position.head_digest:
            return False
        if path.suffix not in PACKED_SUFFIXES:
            return os.fstat(file.fileno()).st_size >= position.offset
        rest = position.offset - len(head)
        return _skip(stream, rest) == rest


def _read(stream: BinaryIO, count: int) -> bytes:
    """So many bytes, fewer only at the end of the file."""
    parts = []
    while count > 0 and (part := stream.read(count)):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _skip(stream: BinaryIO, count: int) -> int:
    """Read and forget so many bytes; how many there were."""
    done = 0
    while done < count:
        part = stream.read(min(CHUNK_BYTES, count - done))
        if not part:
            break
        done += len(part)
    return done
