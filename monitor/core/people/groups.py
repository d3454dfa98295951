"""Everybody, and the people of each queue: where a person's time is booked.

Rule: a person's time counts once for everybody and once for each queue that they serve;
queue names beyond the limit are one queue.
"""

from collections.abc import Iterable

from monitor.core.people.group import Group, key_of
from monitor.core.people.states import Span
from monitor.core.rules import OTHER_QUEUE, QueueRules, Rules

MAX_SERVED = 10_000
"""Sets of queues that people serve whose groups are remembered."""


class Groups:
    """The groups of one partition's people."""

    __slots__ = ("_rules", "_served", "everybody", "queues")

    def __init__(self, rules: Rules, own: QueueRules) -> None:
        """Nobody yet; `own` says when the day of everybody starts."""
        self.everybody = Group("", rules, own)
        self.queues: dict[str, Group] = {}
        self._rules = rules
        self._served: dict[tuple[str, ...], tuple[Group, ...]] = {}

    def all(self) -> Iterable[Group]:
        """Everybody, then each queue's."""
        return (self.everybody, *self.queues.values())

    def book(self, span: Span, sign: int, start: int, end: int, now: int) -> None:
        """Add one person's `[start, end)` in the span's state, or take it back."""
        people = {key_of(span.state, span.reason): sign}
        for group in self._of(span.queues):
            group.spend(people, start, end, now)

    def move(self, span: Span, sign: int) -> None:
        """Count one person more in the span's state, or one less."""
        key = key_of(span.state, span.reason)
        for group in self._of(span.queues):
            group.move(key, sign)

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
