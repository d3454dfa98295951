"""A recording played again: which events, when, and moved to which instants.

Rule: pure but for waiting, and the wait is an argument. Events are played in the order
of the recording; an event is never sent before its time.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from monitor.core.events import Event
from monitor.core.people.events import AnyEvent
from monitor.sources.recording import Bad, Counts, inferred, translate
from monitor.sources.source import SourceKind
from monitor.wire.agent_events import moved_agent_event, shifted
from monitor.wire.events import moved


class Played(NamedTuple):
    """An event of a recording, and its bytes where it was recorded as an event."""

    event: AnyEvent
    value: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which events of a recording are played, in which order."""

    until: int | None = None
    """Events after this instant are left out; None: none are."""
    by_time: bool = False
    """Sort by instant first, instead of playing in the order of arrival."""


def played_events(
    lines: Iterable[bytes],
    kind: SourceKind,
    selection: Selection,
    counts: Counts,
    on_bad: Callable[[Bad], None],
) -> Iterable[Played]:
    """The events to play; canonical lines keep their bytes."""
    events = _translated(lines, kind, counts, on_bad)
    if kind.infer is not None:
        said = list(events)
        told = (played.event for played in said)
        events = [*said, *map(Played, inferred(kind, told, kind.name, counts))]
    if selection.until is not None:
        until = selection.until
        events = (played for played in events if played.event.at <= until)
    if selection.by_time or not kind.in_order:
        return sorted(events, key=lambda played: played.event.at)
    return events


def _translated(
    lines: Iterable[bytes],
    kind: SourceKind,
    counts: Counts,
    on_bad: Callable[[Bad], None],
) -> Iterable[Played]:
    adapter = kind.adapter(kind.name)
    for number, raw in enumerate(lines, start=1):
        result = translate(adapter, raw, number, counts)
        if isinstance(result, Bad):
            on_bad(result)
            continue
        for event in result:
            yield Played(event, raw if kind.canonical else None)


class Pace:
    """When each event is due, and at which instant it is sent."""

    def __init__(
        self,
        speed: float | None,
        rebase_to: int | None,
        clock: Callable[[], float],
        wait: Callable[[float], Awaitable[object]],
    ) -> None:
        """Play `speed` times as fast as it happened, `None`: at once.

        `rebase_to`: the instant of the first event, milliseconds UTC; the others keep
        their distance. `clock`: seconds that never go back; `wait`: sleeps that long.
        """
        self._speed = speed
        self._rebase_to = rebase_to
        self._clock = clock
        self._wait = wait
        self._first_at: int | None = None
        self._started = 0.0

    async def due(self, played: Played) -> Played:
        """Wait until the event is due, and give it as it is to be sent."""
        if self._first_at is None:
            self._first_at = played.event.at
            self._started = self._clock()
        if self._speed is not None:
            offset = (played.event.at - self._first_at) / 1000 / self._speed
            left = self._started + offset - self._clock()
            if left > 0:
                await self._wait(left)
        if self._rebase_to is None:
            return played
        return _moved(played, self._rebase_to - self._first_at)


def _moved(played: Played, shift: int) -> Played:
    """The event with all of its instants `shift` milliseconds later."""
    event, value = played
    if isinstance(event, Event):
        later = event._replace(at=event.at + shift)
        return Played(later, value and moved(value, shift))
    return Played(shifted(event, shift), value and moved_agent_event(value, shift))
