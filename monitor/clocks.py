"""What "now" is: wall time, the newest event's, or a faster one.

Rule: this is where a running program gets its time from; what is told the time (core,
wire, exposition) never asks. All instants are integers of milliseconds UTC.
"""

import time
from collections.abc import Callable
from typing import Protocol

from monitor.config import Settings


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


_PROCESS_STARTED_MS = _wall_ms()
"""Origin of scaled clocks that are told none: one for the whole process, so that all
of its clocks show the same time."""


class Clock(Protocol):
    """Tells now."""

    def now(self, watermark: int) -> int:
        """Now, where the newest event that was seen is of the instant `watermark`."""
        ...


class WallClock:
    """Real time, whatever the events say."""

    def __init__(self, wall: Callable[[], int] = _wall_ms) -> None:
        """Take real time, in milliseconds UTC, from `wall`."""
        self._wall = wall

    def now(self, watermark: int) -> int:
        """Real time."""
        del watermark
        return self._wall()


class EventClock:
    """The newest event's time: a recording is seen as it was, at any speed."""

    def now(self, watermark: int) -> int:
        """`watermark` itself; 0 before the first event."""
        return watermark


class ScaledClock:
    """Shows `start_ms` at the real instant `origin_ms`, and runs `speed` times as fast.

    Two processes with the same three values show the same time as far as their
    machines' clocks agree, times `speed`. Real time is asked once; from then on the
    monotonic clock counts, so that a step of the machine's clock isn't multiplied.
    Before its origin the clock stands at `start_ms`. It never goes back.
    """

    def __init__(
        self,
        start_ms: int,
        speed: float,
        *,
        origin_ms: int | None = None,
        wall: Callable[[], int] = _wall_ms,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make a clock.

        Args:
            start_ms: what it shows at its origin.
            speed: scaled seconds per real second, above 0.
            origin_ms: real instant at which it starts to run; `None`: now.
            wall: real time, milliseconds UTC.
            monotonic: seconds that never go back, from any beginning.
        """
        if speed <= 0:
            raise ValueError(f"speed is {speed}, it must be above 0")
        self._start_ms = start_ms
        self._speed = speed
        self._monotonic = monotonic
        passed_ms = 0 if origin_ms is None else wall() - origin_ms
        self._origin = monotonic() - passed_ms / 1000

    def now(self, watermark: int) -> int:
        """The scaled time."""
        del watermark
        passed = max(0.0, self._monotonic() - self._origin)
        return self._start_ms + int(passed * 1000 * self._speed)

    def seconds_until(self, instant_ms: int) -> float:
        """Real seconds until the clock shows `instant_ms`; negative when it has."""
        scaled_seconds = (instant_ms - self._start_ms) / 1000
        return self._origin + scaled_seconds / self._speed - self._monotonic()


def from_settings(settings: Settings) -> Clock:
    """The clock that `settings` ask for."""
    if settings.clock == "event":
        return EventClock()
    if settings.clock == "scaled" and settings.scaled.start is not None:
        origin = settings.scaled.origin
        return ScaledClock(
            settings.scaled.start,
            settings.scaled.speed,
            origin_ms=_PROCESS_STARTED_MS if origin is None else origin,
        )
    return WallClock()
