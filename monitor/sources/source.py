"""What a source is: a name, and a function from one line to canonical events.

Rule: an adapter is pure and knows one line only: bytes without the newline in, events
out, the same ones each time. So lines may be read again after a restart, and a line
that comes twice gives the same event ids twice, which the core counts once.
"""

from collections.abc import Callable
from dataclasses import dataclass

from monitor.core.events import Event

Adapter = Callable[[bytes], list[Event]]
"""One line, without its newline -> its events, in the order in which they happened.

Raises `BadLine` for a line that it can't make sense of and `NotAnEvent` for one that
says nothing about contacts. Raises nothing else, whatever the bytes are.
"""

MAX_LINE_BYTES = 512 * 1024
"""Longer lines are read in pieces of this size: each piece fits into a Kafka record."""


class BadLine(ValueError):  # noqa: N818 - its name is what happened
    """A line that should have been an event and isn't. The message names the field."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        """Short label of what is wrong, for counters and dead letters' headers."""


class NotAnEvent(Exception):  # noqa: N818 - it isn't an error
    """A line that is right and is skipped: a comment, a heading, information."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
        """What it is: the verb or type, or a word such as `blank`. Counted by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceKind:
    """A source system that the monitor can read."""

    name: str
    """As users write it: `ccmon ingest NAME`, `ccmon replay --format NAME`."""
    summary: str
    """What is read, in one line."""
    adapter: Callable[[str], Adapter]
    """Makes the adapter, given the name of the sender that its events will carry."""
    in_order: bool = True
    """Whether the lines of a file are in order of time. If not, the whole file is read
    before its first event is sent."""
    canonical: bool = False
    """Whether a line is a canonical event already, to be passed on byte for byte."""
