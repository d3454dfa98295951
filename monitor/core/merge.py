"""From the parts of all source partitions to the numbers of a queue.

Rule: parts are absolute, so the latest part of each source partition is all there is to
keep: a lost, repeated or late part is healed by the next complete one. What a part may
never do is take a shown counter down; `Merge.accept` says which parts are believed.
Time is an argument: `at_ms` is the reader's own steady clock, never an event's.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from monitor.core.pieces import Pieces
from monitor.core.queue_names import Names
from monitor.core.rules import OTHER_QUEUE, QueueRules
from monitor.core.tally import OFFERED, add
from monitor.core.view import PartitionCounts, PartitionPart, QueuePart, QueueView

QueueKey = tuple[str, str]
"""Queue and channel."""


def merge_parts(parts: Iterable[QueuePart]) -> QueuePart:
    """The sum of `parts`, all of one queue and channel; a new one.

    Associative and commutative: sums of merged parts are the merge of all parts.

    Raises:
        ValueError: there is no part.
    """
    merged: QueuePart | None = None
    for part in parts:
        if merged is None:
            merged = QueuePart(queue=part.queue, channel=part.channel)
        _add_part(merged, part)
    if merged is None:
        raise ValueError("nothing to merge: no part was given")
    return merged


def _add_part(into: QueuePart, part: QueuePart) -> None:
    into.waiting += part.waiting
    into.waiting_over_threshold += part.waiting_over_threshold
    if part.oldest_waiting:
        known = into.oldest_waiting or part.oldest_waiting
        into.oldest_waiting = min(known, part.oldest_waiting)
    for phase, count in part.phases.items():
        into.phases[phase] = into.phases.get(phase, 0) + count
    into.agents_in_hand += part.agents_in_hand
    into.active += part.active
    into.inactive += part.inactive
    if part.active_agents:
        into.active_agents = sorted({*into.active_agents, *part.active_agents})
    for name, tally in part.windows.items():
        add(into.windows.setdefault(name, {}), tally)
    add(into.total, part.total)
    add(into.corrected, part.corrected)


def goes_down(shown: QueuePart, part: QueuePart) -> bool:
    """Whether a counter of `part` is lower than the same one of `shown`.

    A counter is `total + corrected` of a name, and `corrected` itself.
    """
    total, corrected = part.total, part.corrected
    for name, value in shown.corrected.items():
        if corrected.get(name, 0) < value:
            return True
    for name in shown.total.keys() | shown.corrected.keys():
        before = shown.total.get(name, 0) + shown.corrected.get(name, 0)
        if total.get(name, 0) + corrected.get(name, 0) < before:
            return True
    return False


@dataclass(slots=True)
class _Source:
    """The latest that was believed of one source partition."""

    offset: int
    heard_ms: int
    counts: PartitionCounts
    queues: dict[QueueKey, QueuePart] = field(default_factory=dict)
    doubted_ms: int | None = None
    """Since when its parts are held back, because a counter would go down."""
    as_of: int = 0
    """The instant for which its numbers hold if it is behind; 0: it isn't."""


def merge_views(views: Sequence[QueueView]) -> QueueView:
    """One queue's shares as one: `OTHER_QUEUE` has one in each target partition.

    The most that waited at once is the sum of the shares' own: an upper bound.
    """
    if len(views) == 1:
        return views[0]
    merged = merge_parts(views)
    fields = {name: getattr(merged, name) for name in QueuePart.__slots__}
    peak = sum(view.waiting_max for view in views)
    return QueueView(rules=views[0].rules, waiting_max=peak, **fields)


class Merge:
    """One target partition: the latest part of every source partition, merged.

    Nothing of it is durable: it is filled again within one complete interval.

    Each source partition folds what is beyond its own limit of queue names, but it may
    know other names than the next one. So names are limited here as well: those beyond
    are shown together as `OTHER_QUEUE`. Which ones is decided once, when all sources
    were heard and before anything is shown, and sticks: no counter ever goes down.
    """

    def __init__(
        self,
        sources: int,
        rules: Callable[[str, str], QueueRules],
        stale_after_ms: int,
        names: Names | None = None,
    ) -> None:
        """Merge `sources` source partitions; one unheard for `stale_after_ms` is stale.

        `rules` gives the rules of `(queue, channel)`, `names` the queues that are
        shown by their own name (default: all of them).
        """
        self._expected = sources
        self._rules = rules
        self._stale_after_ms = stale_after_ms
        self._sources: dict[int, _Source] = {}
        self._pieces: Pieces[PartitionPart] = Pieces()
        self._holders: dict[QueueKey, set[int]] = {}
        self._names = names or Names(None)
        self._names.begin()
        self._keys: dict[QueueKey, set[QueueKey]] = {}
        """By the key that is shown, the keys that it holds: its own, or folded ones."""
        self._views: dict[QueueKey, QueueView] = {}
        self._most_waiting: dict[QueueKey, int] = {}
        self._changed: set[QueueKey] = set()

    def accept(self, part: PartitionPart, at_ms: int) -> bool:
        """Take `part`, heard at `at_ms`; false when it isn't believed.

        A source partition starts with a complete part. One behind what was accepted is
        refused: its sender is a zombie, or a successor that has yet to catch up, and
        the fold gives the same sums at the same offset. At the same or a higher offset
        the clock alone can still set a counter back (two workers' clocks differ); such
        a part is held back until its source is stale, and believed then, because a
        state that was reset must not stay invisible.
        """
        pieces = self._pieces.join(part)
        if not pieces:
            return False
        if len(pieces) > 1:
            queues = [queue for piece in pieces for queue in piece.queues]
            part = replace(part, queues=queues, piece=0, pieces=1)
        return self._accept(part, at_ms)

    def _accept(self, part: PartitionPart, at_ms: int) -> bool:
        known = self._sources.get(part.source)
        is_first = known is None
        if known is None:
            if not part.complete:
                return False
            known = _Source(part.offset, at_ms, part.counts)
            self._sources[part.source] = known
        elif part.offset < known.offset or self._is_held_back(known, part, at_ms):
            return False
        known.offset = part.offset
        known.heard_ms = at_ms
        known.counts = part.counts
        known.doubted_ms = None
        known.as_of = part.now if part.behind else 0
        self._take_queues(part, known)
        if is_first and len(self._sources) == self._expected:
            self._choose_names()
        return True

    def _is_held_back(self, known: _Source, part: PartitionPart, at_ms: int) -> bool:
        queues = known.queues
        for new in part.queues:
            shown = queues.get((new.queue, new.channel))
            if shown is not None and goes_down(shown, new):
                break
        else:
            return False
        if known.doubted_ms is None:
            known.doubted_ms = at_ms
        return at_ms - known.doubted_ms < self._stale_after_ms

    def _take_queues(self, part: PartitionPart, known: _Source) -> None:
        new = {(queue.queue, queue.channel): queue for queue in part.queues}
        if part.complete:
            for key in known.queues.keys() - new.keys():
                self._forget(part.source, key)
            known.queues = new
        else:
            known.queues.update(new)
        touched = set()
        for key in new:
            if key not in self._holders:
                self._holders[key] = set()
                self._place(key)
            self._holders[key].add(part.source)
            touched.add(self._shown_as(key))
        for key in touched:
            self._touch(key)

    def _shown_as(self, key: QueueKey) -> QueueKey:
        return key if key[0] in self._names else (OTHER_QUEUE, key[1])

    def _place(self, key: QueueKey) -> None:
        self._names.admit(key[0])
        self._keys.setdefault(self._shown_as(key), set()).add(key)

    def _choose_names(self) -> None:
        """All sources are heard: the busiest queues keep their names."""
        offered: dict[str, int] = {}
        for source in self._sources.values():
            for (name, _), part in source.queues.items():
                offered[name] = offered.get(name, 0) + part.total.get(OFFERED, 0)
        self._names.choose(sorted(offered, key=lambda name: (-offered[name], name)))
        self._keys.clear()
        self._views.clear()
        self._most_waiting.clear()
        for key in self._holders:
            self._place(key)
        for key in self._keys:
            self._touch(key)
        self._changed &= self._keys.keys()

    def _forget(self, source: int, key: QueueKey) -> None:
        holders = self._holders[key]
        holders.discard(source)
        shown = self._shown_as(key)
        if not holders:
            del self._holders[key]
            self._keys[shown].discard(key)
        if self._keys[shown]:
            self._touch(shown)
            return
        del self._keys[shown]
        self._views.pop(shown, None)
        self._changed.discard(shown)

    def _touch(self, key: QueueKey) -> None:
        self._views.pop(key, None)
        self._changed.add(key)
        waiting = sum(part.waiting for part in self._parts(key))
        if waiting > self._most_waiting.get(key, 0):
            self._most_waiting[key] = waiting

    def _parts(self, shown: QueueKey) -> Iterable[QueuePart]:
        for key in sorted(self._keys[shown]):
            for number in sorted(self._holders[key]):
                yield self._sources[number].queues[key]

    def unheard(self, at_ms: int) -> list[int]:
        """Source partitions that were never heard, or not for the stale time."""
        since = at_ms - self._stale_after_ms
        return [
            number
            for number in range(self._expected)
            if (source := self._sources.get(number)) is None or source.heard_ms < since
        ]

    def is_complete(self, at_ms: int) -> bool:
        """Whether every source partition is heard: only then is a sum a number."""
        return not self.unheard(at_ms)

    def queues(self) -> list[QueueKey]:
        """Every queue and channel that is shown, sorted."""
        return sorted(self._keys)

    def knows(self, key: QueueKey) -> bool:
        """Whether the queue is still shown."""
        return key in self._keys

    def view(self, key: QueueKey) -> QueueView:
        """The queue's numbers over all source partitions.

        Raises:
            KeyError: the queue isn't known.
        """
        view = self._views.get(key)
        if view is None:
            view = self._views[key] = self._make_view(key)
        return view

    def _make_view(self, key: QueueKey) -> QueueView:
        if key not in self._keys:
            raise KeyError(key)
        queue, channel = key
        merged = merge_parts(self._parts(key))
        return QueueView(
            queue=queue,
            channel=channel,
            waiting=merged.waiting,
            waiting_over_threshold=merged.waiting_over_threshold,
            oldest_waiting=merged.oldest_waiting,
            phases=merged.phases,
            agents_in_hand=merged.agents_in_hand,
            active=merged.active,
            inactive=merged.inactive,
            active_agents=merged.active_agents,
            windows=merged.windows,
            total=merged.total,
            corrected=merged.corrected,
            rules=self._rules(*key),
            waiting_max=self._most_waiting.get(key, 0),
        )

    def take_changed(self) -> list[QueueKey]:
        """Queues whose numbers changed since the last call, sorted."""
        changed, self._changed = self._changed, set()
        return sorted(changed)

    def counts(self, source: int) -> PartitionCounts | None:
        """Counts of a source partition as last believed; None: never heard."""
        known = self._sources.get(source)
        return None if known is None else known.counts

    def as_of(self) -> int:
        """The instant for which the numbers hold while events are unread; 0: now."""
        told = [source.as_of for source in self._sources.values() if source.as_of]
        return min(told, default=0)

    def newest_event(self) -> int:
        """Newest event instant that any source partition told of, ms UTC; 0: none."""
        return max(
            (
                at
                for source in self._sources.values()
                for at in source.counts.last_event_at.values()
            ),
            default=0,
        )
