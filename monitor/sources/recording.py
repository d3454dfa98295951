"""A recording as events, and the counting that `replay` and `ingest` share.

Rule: a bad line never stops the reading and never disappears: it is counted by what is
wrong with it and handed to whoever asked for it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path

from monitor.core.events import Event
from monitor.core.people.events import AgentEvent, AnyEvent
from monitor.sources import SOURCES, SourceKind, source_kind
from monitor.sources.files import PACKED_SUFFIXES, file_lines
from monitor.sources.source import Adapter, BadLine, NotAnEvent


@dataclass(slots=True)
class Counts:
    """How many lines were what."""

    lines: int = 0
    events: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    """Lines that say nothing, or nothing new, by verb or type."""
    bad: Counter[str] = field(default_factory=Counter)
    """Lines that are wrong, by reason."""


@dataclass(frozen=True, slots=True)
class Bad:
    """A bad line, for the report and the dead letters."""

    number: int
    """Line number, from 1."""
    raw: bytes
    reason: str
    message: str


def translate(
    adapter: Adapter, raw: bytes, number: int, counts: Counts
) -> Sequence[AnyEvent] | Bad:
    """What a line says, counted; an empty list when it says nothing."""
    counts.lines += 1
    try:
        events = adapter(raw)
    except NotAnEvent as skipped:
        counts.skipped[skipped.what] += 1
        return []
    except BadLine as error:
        counts.bad[error.reason] += 1
        return Bad(number, raw, error.reason, str(error))
    counts.events += len(events)
    return events


def kind_of(path: Path, name: str | None = None) -> SourceKind:
    """The source of this name, or for none the one that the file's extension says.

    Raises `UnknownSource` (a `LookupError`) for a name that isn't one.
    """
    if name is not None:
        return source_kind(name)
    extensions = [end for end in path.suffixes if end not in PACKED_SUFFIXES]
    if extensions and extensions[-1] == ".tsv":
        return SOURCES["anonymous-bank"]
    if path.name.startswith("queue_log"):
        return SOURCES["asterisk-queue-log"]
    return SOURCES["jsonl"]


def inferred(
    kind: SourceKind, events: Iterable[AnyEvent], source: str, counts: Counts
) -> list[AgentEvent]:
    """What all events of a file tell of people besides, counted; often nothing."""
    if kind.infer is None:
        return []
    found = kind.infer([event for event in events if isinstance(event, Event)], source)
    counts.events += len(found)
    return found


class Recording:
    """The contact events of a file, in the order in which they arrived.

    Iterate it once; `counts` is complete afterwards. `on_bad` is called for each bad
    line. Iterating raises `UnreadableFile`.
    """

    def __init__(
        self,
        path: Path,
        kind: SourceKind,
        *,
        source: str = "",
        on_bad: Callable[[Bad], None] | None = None,
    ) -> None:
        self.counts = Counts()
        self._lines: Callable[[], Iterable[bytes]] = lambda: file_lines(path)
        self._kind = kind
        self._adapter = kind.adapter(source or kind.name)
        self._on_bad = on_bad

    def __iter__(self) -> Iterator[Event]:
        if self._kind.in_order:
            return self._events()
        return iter(sorted(self._events(), key=attrgetter("at")))

    def _events(self) -> Iterator[Event]:
        for number, raw in enumerate(self._lines(), start=1):
            result = translate(self._adapter, raw, number, self.counts)
            if isinstance(result, Bad):
                if self._on_bad is not None:
                    self._on_bad(result)
            else:
                yield from (event for event in result if isinstance(event, Event))
