"""Local days: when `today` began.

Rule: a day is the half-open interval from one local day start to the next, so it has 23
or 25 hours when the clocks change. Everything is decided in the queue's own zone.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


class LocalDays:
    """The days of one zone and day start, with the last one looked up remembered."""

    __slots__ = ("_end", "_start", "_time", "_zone")

    def __init__(self, timezone: str, day_start_minutes: int) -> None:
        """Days that start `day_start_minutes` after local midnight in `timezone`.

        Raises `zoneinfo.ZoneInfoNotFoundError` for an unknown zone.
        """
        self._zone = ZoneInfo(timezone)
        self._time = time(day_start_minutes // 60, day_start_minutes % 60)
        self._start = 0
        self._end = 0

    def start_of(self, at: int) -> int:
        """Start of the local day that `at` is in; both milliseconds UTC."""
        if not self._start <= at < self._end:
            self._find(at)
        return self._start

    def end_of(self, at: int) -> int:
        """End (exclusive) of the local day that `at` is in, milliseconds UTC."""
        if not self._start <= at < self._end:
            self._find(at)
        return self._end

    def _find(self, at: int) -> None:
        day = datetime.fromtimestamp(at / 1000, self._zone).date()
        # A day start may lie after `at` on the same date, and where the clocks jump
        # over it the instant that stands for it may lie on either side.
        if self._begins(day) > at:
            day -= timedelta(days=1)
        elif self._begins(day + timedelta(days=1)) <= at:
            day += timedelta(days=1)
        self._start = self._begins(day)
        self._end = self._begins(day + timedelta(days=1))

    def _begins(self, day: date) -> int:
        local = datetime.combine(day, self._time, self._zone)
        return int(local.astimezone(UTC).timestamp()) * 1000
