"""Plays the recorded day again and again: each event at its instant by a clock.

Rule: the clock alone says when; an event whose instant is over goes out at once, so
that whoever starts late in the day has the day's earlier calls in the books.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from heapq import merge
from itertools import pairwise
from operator import attrgetter
from zoneinfo import ZoneInfo

from monitor.clocks import ScaledClock
from monitor.core.events import Event
from monitor.core.people.events import AnyEvent
from monitor.embedded.day import shifted, with_people

PAUSE_MS = 3_600_000
"""From this length on, a time without events is told,"""
PAUSE_SECONDS = 5.0
"""if this much of it, in real time, is still to come."""

Send = Callable[[AnyEvent], Awaitable[None]]


def opening(day: Iterable[Event]) -> int:
    """When the day's business begins: the first event after its longest pause."""
    instants = sorted(event.at for event in day)
    return max(pairwise(instants), key=lambda pause: pause[1] - pause[0])[1]


def days_without_end(
    recorded: list[Event], first: date, timezone: ZoneInfo
) -> Iterator[AnyEvent]:
    """The recorded day at `first` and each date after it, in order of time.

    Contacts and agents. A day's last calls end after midnight, when the next day's
    first have come.
    """
    left: list[AnyEvent] = []
    begin = first
    while True:
        day = with_people(shifted(recorded, begin, timezone))
        begin += timedelta(days=1)
        midnight = datetime(begin.year, begin.month, begin.day, tzinfo=timezone)
        midnight_ms = round(midnight.timestamp() * 1000)
        events = list(merge(left, day, key=attrgetter("at")))
        left = [event for event in events if event.at >= midnight_ms]
        yield from (event for event in events if event.at < midnight_ms)


class Feeder:
    """Sends events at their instants."""

    def __init__(
        self,
        clock: ScaledClock,
        send: Send,
        *,
        on_pause: Callable[[int], None] = lambda _: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Send by `clock`; `on_pause` is told the instant that ends a long pause."""
        self._clock = clock
        self._send = send
        self._on_pause = on_pause
        self._sleep = sleep
        self.sent = 0
        """How many events went out."""

    async def play(self, events: Iterable[AnyEvent]) -> None:
        """Send `events`, which are in order of time; return after the last."""
        last_at = None
        for event in events:
            seconds = self._clock.seconds_until(event.at)
            if seconds > 0:
                is_long = last_at is not None and event.at - last_at >= PAUSE_MS
                if is_long and seconds >= PAUSE_SECONDS:
                    self._on_pause(event.at)
                await self._sleep(seconds)
            await self._send(event)
            self.sent += 1
            last_at = event.at
