"""Sums over event time: rings of panes, local days and the sum of all.

Rule: what happened at an instant belongs to the pane of that instant, whenever it
becomes known. A rolling window of length W at instant `now` is the sum of the panes
that overlap `[now - W, now]`: never less than W, at most one pane more. Sums are net: a
correction is a negative amount.
"""

from collections.abc import Iterable, Mapping

from monitor.core.calendar import LocalDays
from monitor.core.rules import TODAY, Rules
from monitor.core.tally import Tally, add, subtract

PANE_MS = 5_000
"""Width of the fine panes, and the grain in which contributions are gathered."""
COARSE_MS = 60_000
"""Width of the coarse panes; a multiple of `PANE_MS`."""
FINE_UP_TO_MS = 900_000
"""Windows up to this length are sums of fine panes, longer ones of coarse panes."""
_DAY_MS = 86_400_000

Fresh = dict[int, "Page"]
"""Contributions that the panes don't hold yet, by number of the fine pane."""


class Page(dict[str, int]):
    """A tally that is being written: an absent name reads as 0."""

    __slots__ = ()

    def __missing__(self, name: str) -> int:
        """Give 0, and keep the page sparse."""
        return 0


class Window:
    """One rolling window's running sum over panes `low` … `high`, both inclusive."""

    __slots__ = ("high", "length_ms", "low", "name", "sums")

    def __init__(self, name: str, length_ms: int) -> None:
        """An empty window; it begins to hold panes at the first `advance`."""
        self.name = name
        self.length_ms = length_ms
        self.low = 0
        self.high = -1
        self.sums: Tally = {}


class Ring:
    """Panes of one width and the windows that are made of them."""

    __slots__ = ("_keep", "panes", "width_ms", "windows")

    def __init__(self, width_ms: int, windows: Mapping[str, int]) -> None:
        """A ring for `windows` (name to length), which keeps what the longest needs."""
        self.width_ms = width_ms
        self.windows = [Window(name, length) for name, length in windows.items()]
        self.panes: dict[int, Tally] = {}
        self._keep = max(windows.values(), default=0)

    def add(self, pane: int, tally: Mapping[str, int], now: int) -> bool:
        """Add to a pane and to the windows that hold it; False: the pane is too old."""
        if pane < (now - self._keep) // self.width_ms or not self.windows:
            return False
        held = self.panes.get(pane)
        if held is None:
            self.panes[pane] = dict(tally)
        else:
            add(held, tally)
        for window in self.windows:
            if window.low <= pane <= window.high:
                add(window.sums, tally)
        return True

    def advance(self, now: int) -> tuple[bool, list[int]]:
        """Move the windows to `now`, which must not be earlier than the last one.

        Returns whether any sum changed, and the numbers of the panes that were dropped.
        """
        high = now // self.width_ms
        moved = False
        for window in self.windows:
            low = (now - window.length_ms) // self.width_ms
            if low != window.low or high != window.high:
                moved |= self._slide(window, low, high)
        first = (now - self._keep) // self.width_ms
        gone = [pane for pane in self.panes if pane < first]
        for pane in gone:
            del self.panes[pane]
        return moved, gone

    def _slide(self, window: Window, low: int, high: int) -> bool:
        panes = self.panes
        if low > window.high or len(panes) < high - window.high:
            # Far away from where it was: sum anew what there is.
            before, window.sums = window.sums, {}
            for pane, tally in panes.items():
                if low <= pane <= high:
                    add(window.sums, tally)
            moved = before != window.sums
        else:
            leaving = [p for p in range(window.low, low) if p in panes]
            entering = [p for p in range(window.high + 1, high + 1) if p in panes]
            for pane in leaving:
                subtract(window.sums, panes[pane])
            for pane in entering:
                add(window.sums, panes[pane])
            moved = bool(leaving or entering)
        window.low = low
        window.high = high
        return moved


class Panes:
    """All sums of one queue in one source partition."""

    __slots__ = (
        "_days",
        "_now",
        "changed",
        "coarse",
        "corrected",
        "days",
        "dirty",
        "fine",
        "total",
    )

    def __init__(self, rules: Rules, days: LocalDays) -> None:
        """Empty sums for the windows of `rules`; `today` begins as `days` say."""
        fine = {n: w for n, w in rules.windows_ms.items() if w <= FINE_UP_TO_MS}
        coarse = {n: w for n, w in rules.windows_ms.items() if w > FINE_UP_TO_MS}
        self.fine = Ring(PANE_MS, fine)
        self.coarse = Ring(COARSE_MS, coarse)
        self.days: dict[int, Tally] = {}
        self.total: Tally = {}
        self.corrected: Tally = {}
        self.dirty: set[tuple[str, int]] = set()
        """Rows that changed since they were last taken: (`f`, `c` or `d`, number) of a
        fine pane, a coarse pane or a day, and (`t`, 0) for the total."""
        self.changed = True
        """Whether a window or the total changed since somebody cleared this."""
        self._days = days
        self._now = 0

    def absorb(self, fresh: Fresh, now: int) -> None:
        """Move contributions into the panes, and empty `fresh`."""
        self.advance(now)
        if not fresh:
            return
        coarse: dict[int, Tally] = {}
        days: dict[int, Tally] = {}
        for number, page in fresh.items():
            if self.fine.add(number, page, self._now):
                self.dirty.add(("f", number))
            add(coarse.setdefault(number * PANE_MS // COARSE_MS, {}), page)
        for number, tally in coarse.items():
            if self.coarse.add(number, tally, self._now):
                self.dirty.add(("c", number))
            # A day begins at a full minute, so a coarse pane is in one day.
            day = self._days.start_of(number * COARSE_MS)
            add(days.setdefault(day, {}), tally)
        oldest_day = self._oldest_day()
        for day, tally in days.items():
            if day >= oldest_day:
                add(self.days.setdefault(day, {}), tally)
                self.dirty.add(("d", day))
            add(self.total, tally)
        self.changed = True
        self.dirty.add(("t", 0))
        fresh.clear()

    def correct(self, taken_back: Mapping[str, int]) -> None:
        """Count amounts that a correction took back (positive amounts)."""
        add(self.corrected, taken_back)
        self.changed = True
        self.dirty.add(("t", 0))

    def advance(self, now: int) -> None:
        """Let the windows end at `now`; an earlier one than before changes nothing."""
        if now <= self._now:
            return
        if now >= self._days.end_of(self._now):
            self.changed = True
        self._now = now
        for kind, ring in (("f", self.fine), ("c", self.coarse)):
            moved, gone = ring.advance(now)
            self.changed |= moved
            self.dirty.update((kind, pane) for pane in gone)
        oldest_day = self._oldest_day()
        for day in [day for day in self.days if day < oldest_day]:
            del self.days[day]
            self.dirty.add(("d", day))

    def windows(self) -> dict[str, Tally]:
        """A copy of every window's sums, `today` last."""
        result = {
            window.name: dict(window.sums)
            for ring in (self.fine, self.coarse)
            for window in ring.windows
        }
        result[TODAY] = dict(self.days.get(self._days.start_of(self._now), {}))
        return result

    def row(self, kind: str, number: int) -> Tally | None:
        """The content of a dirty row; None: it is gone."""
        if kind == "f":
            return self.fine.panes.get(number)
        if kind == "c":
            return self.coarse.panes.get(number)
        if kind == "d":
            return self.days.get(number)
        return self.total

    def restore(self, kind: str, number: int, tally: Tally) -> None:
        """Put a row back; `advance` afterwards fills the windows."""
        if kind == "f":
            self.fine.panes[number] = tally
        elif kind == "c":
            self.coarse.panes[number] = tally
        elif kind == "d":
            self.days[number] = tally
        else:
            self.total = tally

    def _oldest_day(self) -> int:
        # The day before today stays for corrections; days are at most 25 hours long.
        return self._days.start_of(self._now) - _DAY_MS - 3_600_000


def difference(old: Fresh, new: Fresh) -> tuple[Fresh, Tally]:
    """What leads from the contributions `old` to `new`.

    Returns the net changes by pane, and the amounts taken back summed over all panes.
    """
    changes: Fresh = {}
    taken_back: Tally = {}
    for number in sorted(old.keys() | new.keys()):
        before: Mapping[str, int] = old.get(number, {})
        after: Mapping[str, int] = new.get(number, {})
        page = Page()
        for name in _names(before, after):
            amount = after.get(name, 0) - before.get(name, 0)
            if amount:
                page[name] = amount
            if amount < 0:
                taken_back[name] = taken_back.get(name, 0) - amount
        if page:
            changes[number] = page
    return changes, taken_back


def _names(*tallies: Iterable[str]) -> list[str]:
    return sorted({name for tally in tallies for name in tally})
