"""Where a follower was: a position in a log file, kept in a file of its own.

Rule: a position is written after everything before it has been acknowledged, and in
one step (write aside, sync, rename), so that a crash leaves the old one or the new one.
What the lines before it leave behind (who serves which queues) stands in the same file.
"""

import json
import os
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from monitor.sources.source import Memory

HEAD_BYTES = 256
"""How much of a file's beginning tells it from another one."""
_VERSION = 2
_POSITION_ONLY = 1
"""An earlier version, which remembered nothing of what the lines had said."""


class UnreadableCursor(ValueError):  # noqa: N818 - its name is what happened
    """The cursor file is not one, or belongs to another log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place between two lines of a log file, and what that file was."""

    device: int
    inode: int
    offset: int
    """Bytes before the place, unpacked."""
    line: int
    """Lines before the place."""
    head_bytes: int
    """How many of the first bytes the digest covers: 256, or what was read so far."""
    head_digest: str
    """A digest, because the bytes themselves may hold a caller's number."""
    modified_ns: int
    """When the file was last written to, and at its very start when its predecessor
    was; rotated files that are newer have not been read."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """What the file holds."""

    position: Position
    memory: Memory
    """What the adapter knew at that position; empty: nothing."""


def head_digest(head: bytes) -> str:
    """What a position remembers of a file's beginning."""
    return sha256(head).hexdigest()


def load(cursor: Path, log: Path) -> Cursor | None:
    """What is in the file; None when there is no such file yet.

    Raises `UnreadableCursor` when it can't be understood or is another log's.
    """
    try:
        content = json.loads(cursor.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UnreadableCursor(f"{cursor}: not a cursor: {error}") from error
    versions = (_VERSION, _POSITION_ONLY)
    if not isinstance(content, dict) or content.get("version") not in versions:
        raise UnreadableCursor(f"{cursor}: not a cursor of version {_VERSION}")
    if content.get("log") != str(log.absolute()):
        raise UnreadableCursor(
            f"{cursor}: is the cursor of {content.get('log')}, not of {log.absolute()}"
        )
    try:
        return Cursor(_position(content), _memory(content))
    except (KeyError, TypeError) as error:
        raise UnreadableCursor(f"{cursor}: damaged: {error}") from error


def _position(content: dict[str, Any]) -> Position:
    return Position(
        device=_integer(content, "device"),
        inode=_integer(content, "inode"),
        offset=_integer(content, "offset"),
        line=_integer(content, "line"),
        head_bytes=_integer(content, "head_bytes"),
        head_digest=str(content["head_digest"]),
        modified_ns=_integer(content, "modified_ns"),
    )


def _memory(content: dict[str, Any]) -> Memory:
    memory: Any = {} if content["version"] == _POSITION_ONLY else content["memory"]
    if type(memory) is not dict:
        raise TypeError(f"memory is {memory!r}")
    return memory


def _integer(content: dict[str, Any], name: str) -> int:
    value = content[name]
    if type(value) is not int or value < 0:
        raise TypeError(f"{name} is {value!r}")
    return value


def save(
    cursor: Path, log: Path, position: Position, memory: Memory | None = None
) -> None:
    """Write the position, and what the adapter knows there.

    Raises `OSError` when the file can't be written.
    """
    content = {
        "version": _VERSION,
        "log": str(log.absolute()),
        **asdict(position),
        "memory": memory or {},
    }
    cursor.parent.mkdir(parents=True, exist_ok=True)
    aside = cursor.with_name(f"{cursor.name}.new")
    with aside.open("w", encoding="utf-8") as stream:
        stream.write(json.dumps(content) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    aside.replace(cursor)
