"""Time of people that is booked and not in the panes yet.

Rule: however long a stretch is, it costs the same: of the panes that it fills only the
first and the last are noted, and all of them are summed up once, when most of it has
cancelled out.
"""

from collections.abc import Iterable

from monitor.core.panes import PANE_MS, Fresh, Page

Counted = Iterable[tuple[str, int]]
"""Keys of sums, each with how many times it counts."""


class Booked:
    """Milliseconds by pane and key."""

    __slots__ = ("pages", "steps")

    def __init__(self) -> None:
        """Nothing is booked."""
        self.pages: Fresh = {}
        self.steps: dict[str, dict[int, int]] = {}
        """By key, how many more, or fewer, fill panes from this one on."""

    def add(self, counted: Counted, start: int, end: int) -> None:
        """Book `[start, end)`, which isn't empty."""
        first, last = start // PANE_MS, end // PANE_MS
        if first == last:
            self.spend(first, counted, end - start)
            return
        self.spend(first, counted, (first + 1) * PANE_MS - start)
        if end > last * PANE_MS:
            self.spend(last, counted, end - last * PANE_MS)
        if last > first + 1:
            for key, times in counted:
                steps = self.steps.setdefault(key, {})
                steps[first + 1] = steps.get(first + 1, 0) + times
                steps[last] = steps.get(last, 0) - times

    def spend(self, pane: int, counted: Counted, length: int) -> None:
        """Book so many milliseconds in one pane."""
        page = self.pages.get(pane)
        if page is None:
            page = self.pages[pane] = Page()
        for key, times in counted:
            page[key] += times * length

    def __len__(self) -> int:
        """How many entries it takes."""
        return len(self.pages) + sum(map(len, self.steps.values()))

    def merge(self, other: "Booked") -> None:
        """Book what `other` holds as well."""
        for pane, page in other.pages.items():
            mine = self.pages.get(pane)
            if mine is None:
                mine = self.pages[pane] = Page()
            for key, amount in page.items():
                if amount:
                    mine[key] += amount
        for key, steps in other.steps.items():
            own = self.steps.setdefault(key, {})
            for pane, times in steps.items():
                if times:
                    own[pane] = own.get(pane, 0) + times

    def net(self) -> Fresh:
        """What is left by pane, only keys whose amount isn't 0; then nothing is."""
        for key, steps in self.steps.items():
            people = before = 0
            for pane, more in sorted(steps.items()):
                if people:
                    self._fill(key, people, before, pane)
                people += more
                before = pane
        pages, self.pages, self.steps = self.pages, {}, {}
        return {
            pane: Page(left)
            for pane, page in pages.items()
            if (left := [item for item in page.items() if item[1]])
        }

    def _fill(self, key: str, people: int, first: int, end: int) -> None:
        for pane in range(first, end):
            self.spend(pane, ((key, people),), PANE_MS)
