"""Everybody, and the people of each queue: where a person's time is booked.

Rule: a person's time counts once for everybody and once for each queue that they serve;
queue names beyond the limit are one queue. What is booked is gathered by the set of
queues that people serve, where most of it cancels out, and goes to the groups of the
set with `distributing`; before that no group may be read.
"""

from collections.abc import Iterable, Iterator

from monitor.core.people.booked import Booked
from monitor.core.people.group import Group, is_summed, key_of
from monitor.core.people.states import Span
from monitor.core.rules import OTHER_QUEUE, QueueRules, Rules

MAX_SERVED = 10_000
"""Sets of queues that people serve whose groups are remembered."""
SETS_IN_SLICE = 20


class Groups:
    """The groups of one partition's people."""

    __slots__ = ("_booked", "_rules", "_served", "everybody", "queues")

    def __init__(self, rules: Rules, own: QueueRules) -> None:
        """Nobody yet; `own` says when the day of everybody starts."""
        self.everybody = Group("", rules, own)
        self.queues: dict[str, Group] = {}
        self._rules = rules
        self._served: dict[tuple[str, ...], tuple[Group, ...]] = {}
        self._booked: dict[tuple[str, ...], Booked] = {}

    def all(self) -> Iterable[Group]:
        """Everybody, then each queue's."""
        return (self.everybody, *self.queues.values())

    def book(self, span: Span, sign: int, start: int, end: int, now: int) -> None:
        """Add one person's `[start, end)` in the span's state, or take it back."""
        key = key_of(span.state, span.reason)
        counted = [(key, sign)] if is_summed(key) else []
        if span.load:
            counted += [(name, sign * times) for name, times in span.load]
        if not counted:
            return
        recent = self.everybody.recent(now)
        if start < recent:
            for group in self._of(span.queues):
                group.spend(dict(counted), start, min(end, recent), now)
            start = recent
        if start < end:
            booked = self._booked.get(span.queues)
            if booked is None:
                booked = self._booked[span.queues] = Booked()
            booked.add(counted, start, end)

    def distributing(self) -> Iterator[None]:
        """Give the groups what was booked, a slice at each step."""
        everything, self._booked = self._booked, {}
        for count, (queues, booked) in enumerate(everything.items(), 1):
            for group in self._of(queues):
                group.booked.merge(booked)
            if not count % SETS_IN_SLICE:
                yield

    def move(self, span: Span, sign: int) -> None:
        """Count one person more in the span's state, or one less."""
        key = key_of(span.state, span.reason)
        for group in self._of(span.queues):
            group.move(key, sign)
            for name, times in span.load:
                group.move(name, sign * times)

    def look(self, span: Span, since: int) -> None:
        """Note that somebody has been in the span's state since then."""
        for group in self._of(span.queues):
            oldest = group.oldest.get(span.state)
            if oldest is None or since < oldest:
                group.oldest[span.state] = since

    def named(self, name: str) -> Group:
        """The group of exactly this name, `""` of everybody; made if there is none."""
        return self._group(name) if name else self.everybody

    def _of(self, queues: tuple[str, ...]) -> tuple[Group, ...]:
        """Everybody and the groups of these queues, each once."""
        groups = self._served.get(queues)
        if groups is None:
            if len(self._served) >= MAX_SERVED:
                self._served.clear()
            found = dict.fromkeys(self._group(queue) for queue in queues)
            groups = self._served[queues] = (self.everybody, *found)
        return groups

    def _group(self, queue: str) -> Group:
        group = self.queues.get(queue)
        if group is not None:
            return group
        rules = self._rules
        if len(self.queues) >= rules.max_queues and queue not in rules.own_queues:
            queue = OTHER_QUEUE
        if queue not in self.queues:
            own = rules.queue(queue, "voice")
            self.queues[queue] = Group(queue, rules, own)
        return self.queues[queue]
