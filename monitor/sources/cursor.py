"""Where a follower was: a position in a log file, kept in a file of its own.

Rule: a position is written after everything before it has been acknowledged, and in
one step (write aside, sync, rename), so that a crash leaves the old one or the new one.
"""

import json
import os
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

HEAD_BYTES = 256
"""How much of a file's beginning tells it from another one."""
_VERSION = 1


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


def head_digest(head: bytes) -> str:
    """What a position remembers of a file's beginning."""
    return sha256(head).hexdigest()


def load(cursor: Path, log: Path) -> Position | None:
    """The position in the file; None when there is no such file yet.

    Raises `UnreadableCursor` when it can't be understood or is another log's.
    """
    try:
        content = json.loads(cursor.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UnreadableCursor(f"{cursor}: not a cursor: {error}") from error
    if not isinstance(content, dict) or content.get("version") != _VERSION:
        raise UnreadableCursor(f"{cursor}: not a cursor of version {_VERSION}")
    if content.get("log") != str(log.absolute()):
        raise UnreadableCursor(
            f"{cursor}: is the cursor of {content.get('log')}, not of {log.absolute()}"
        )
    try:
        return Position(
            device=_integer(content, "device"),
            inode=_integer(content, "inode"),
            offset=_integer(content, "offset"),
            line=_integer(content, "line"),
            head_bytes=_integer(content, "head_bytes"),
            head_digest=str(content["head_digest"]),
            modified_ns=_integer(content, "modified_ns"),
        )
    except (KeyError, TypeError) as error:
        raise UnreadableCursor(f"{cursor}: damaged: {error}") from error


def _integer(content: dict[str, Any], name: str) -> int:
    value = content[name]
    if type(value) is not int or value < 0:
        raise TypeError(f"{name} is {value!r}")
    return value


def save(cursor: Path, log: Path, position: Position) -> None:
    """Write the position; raises `OSError` when the file can't be written."""
    content = {"version": _VERSION, "log": str(log.absolute()), **asdict(position)}
    cursor.parent.mkdir(parents=True, exist_ok=True)
    aside = cursor.with_name(f"{cursor.name}.new")
    with aside.open("w", encoding="utf-8") as stream:
        json.dump(content, stream, indent=1)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
    aside.replace(cursor)
