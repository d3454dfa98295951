"""What a source is: a name, and a function from one line to canonical events.

Rule: an adapter is pure: bytes without the newline in, events out. What it says of
contacts depends on that line only, so lines may be read again after a restart, and a
line that comes twice gives the same event ids twice, which the core counts once.

What a line says of people may depend on the lines before it (Asterisk names one queue
at a time, an event names all). Such an adapter `Remembers`, and its memory is kept with
the position in the log: read again from there, the same lines give the same events.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from monitor.core.events import Event
from monitor.core.people.events import AgentEvent, AnyEvent

Adapter = Callable[[bytes], Sequence[AnyEvent]]
"""One line, without its newline -> its events, in the order in which they happened.

Raises `BadLine` for a line that it can't make sense of and `NotAnEvent` for one that
says nothing new. Raises nothing else, whatever the bytes are.
"""
Memory = dict[str, Any]
"""What an adapter knows from the lines that it read, as plain values of JSON."""


@runtime_checkable
class Remembers(Protocol):
    """An adapter that knows something from the lines that it read."""

    def memory(self) -> Memory:
        """What it knows now."""

    def remember(self, memory: Memory) -> None:
        """Know this instead; raises `ValueError` if it isn't what `memory` gave."""


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
    infer: Callable[[Iterable[Event], str], list[AgentEvent]] | None = None
    """What all contact events of a file and the sender's name tell of people, for
    records that say nothing of people themselves."""
    canonical: bool = False
    """Whether a line is a canonical event already, to be passed on byte for byte."""
