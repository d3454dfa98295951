"""The stream processor `queues`: from partials to the board that everybody reads.

Rule: a target partition is shown only while this worker surely owns it, has read what
was there when it took over, and hears every source partition. Otherwise its queues are
stale: visibly unknown, never shown as calm.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from monitor.clocks import Clock
from monitor.config import Settings
from monitor.core.merge import Merge, QueueKey, merge_views
from monitor.core.people.merge import StaffMerge, merge_groups
from monitor.core.people.parts import GroupPart, PersonPart
from monitor.core.queue_names import Names, share_of
from monitor.core.view import PipelineView, QueueView
from monitor.pipeline.batches import Batch, Flow, Record
from monitor.pipeline.health import LoopWatch
from monitor.pipeline.holding import Holding
from monitor.pipeline.holdings import Holdings
from monitor.pipeline.self_check import SelfCheck
from monitor.pipeline.staff_holding import StaffHolding
from monitor.pipeline.staff_partials import STAFF_KEY
from monitor.wire.partials import decode_part, decode_staff

VIEWS_A_TURN = 10
"""Queues merged before others get a turn of the event loop."""


@dataclass(slots=True)
class _Target:
    """One target partition in the hands of this worker."""

    merge: Merge
    people: StaffMerge
    read: int
    """Offset after the last partial that was merged."""
    until: int
    """Offset up to which its predecessor may have shown."""

    def is_shown(self, at_ms: int) -> bool:
        return self.read >= self.until and self.merge.is_complete(at_ms)


class Queues:
    """Merges the partials of the target partitions that this worker owns."""

    def __init__(
        self,
        settings: Settings,
        flow: Flow,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """Own nothing yet; `steady` seconds say who was heard when."""
        self._rules = settings.rules()
        self._stale_after_ms = settings.partials.stale_after
        self._flow = flow
        self._steady = steady
        self._targets: dict[int, _Target] = {}
        self._names: dict[int, Names] = {}
        """By target partition, also of those that others own now: they may come back,
        and Prometheus would compare."""

    def own(self, ranges: Mapping[int, tuple[int, int]], sources: int) -> None:
        """Own exactly these target partitions, each read from `start` to `end` first.

        All begin anew: what was merged before may be older than what others have shown
        since.
        """
        self._targets = {
            number: _Target(
                self._merge(number, sources), self._people(sources), start, end
            )
            for number, (start, end) in ranges.items()
        }

    def _merge(self, number: int, sources: int) -> Merge:
        rules = self._rules
        names = self._names.get(number)
        if names is None:
            # Of all topics alike: there are as many targets as sources.
            limit = share_of(rules.max_queues, sources)
            names = self._names[number] = Names(limit, rules.own_queues)
        return Merge(sources, rules.queue, self._stale_after_ms, names)

    def _people(self, sources: int) -> StaffMerge:
        rules = self._rules
        limit = share_of(rules.max_queues, sources)
        names = Names(limit, rules.own_queues)
        return StaffMerge(sources, self._stale_after_ms, names)

    async def process(self, batch: Batch) -> None:
        """Merge the partials of `batch`."""
        for record in batch.records:
            target = self._targets.get(batch.partition)
            if target is None or batch.epoch != self._flow.epoch:
                return
            self._accept(target, record)
            target.read = record.offset + 1
            await asyncio.sleep(0)  # each may hold a hundred queues

    def _accept(self, target: _Target, record: Record) -> None:
        if record.value is None:
            return
        if (record.key or b"").startswith(STAFF_KEY):
            target.people.accept(decode_staff(record.value), self.at_ms())
        else:
            target.merge.accept(decode_part(record.value), self.at_ms())

    def at_ms(self) -> int:
        """Steady milliseconds."""
        return int(self._steady() * 1000)

    def shown(self) -> Iterable[tuple[int, Merge]]:
        """Number and merge of every target partition that may be shown now."""
        if not self._flow.is_trusted():
            return []
        at_ms = self.at_ms()
        return [
            (number, target.merge)
            for number, target in sorted(self._targets.items())
            if target.is_shown(at_ms)
        ]

    def people(self) -> Iterable[tuple[int, StaffMerge]]:
        """The same of people, where all of them were heard."""
        if not self._flow.is_trusted():
            return []
        at_ms = self.at_ms()
        return [
            (number, target.people)
            for number, target in sorted(self._targets.items())
            if target.read >= target.until and target.people.is_complete(at_ms)
        ]

    def group_names(self) -> set[str]:
        """Of every group that an owned target partition heard of."""
        return {
            name for target in self._targets.values() for name in target.people.names()
        }

    def hidden(self) -> Iterable[Merge]:
        """Merges of owned target partitions that may not be shown now."""
        shown = {number for number, _ in self.shown()}
        return [t.merge for number, t in self._targets.items() if number not in shown]

    def unheard(self) -> set[int]:
        """Source partitions that an owned target partition doesn't hear."""
        at_ms = self.at_ms()
        return {
            source
            for target in self._targets.values()
            for source in target.merge.unheard(at_ms)
        }

    def last_event_at(self) -> dict[int, dict[str, int]]:
        """Newest event instants by source partition and source, as owned ones know.

        Also when they may not be shown: an instant stays true, and its age is what
        tells that a source, or the way to it, is gone.
        """
        return {
            number: counts.last_event_at
            for number, target in self._targets.items()
            if (counts := target.merge.counts(number)) is not None
        }

    def newest_event(self) -> int:
        """Newest event instant that an owned target partition was told of; 0: none."""
        merges = (target.merge for target in self._targets.values())
        return max((merge.newest_event() for merge in merges), default=0)

    def as_of(self) -> int:
        """The instant for which what is shown holds while events are unread; 0: now."""
        told = [at for _, merge in self.shown() if (at := merge.as_of())]
        return min(told, default=0)


class WorkerBoard:
    """What exposition and web read of this worker (`monitor.core.view.Board`)."""

    def __init__(
        self,
        queues: Queues,
        holdings: Holdings[Holding],
        staff: Holdings[StaffHolding],
        flow: Flow,
        clock: Clock,
        end_of_log: Callable[[int], int | None],
        checks: SelfCheck,
        loop: LoopWatch,
    ) -> None:
        """Show what `queues` merges, who is in `staff`, and how the worker keeps up."""
        self._checks = checks
        self._loop = loop
        self._queues = queues
        self._holdings = holdings
        self._staff = staff
        self._flow = flow
        self._clock = clock
        self._end_of_log = end_of_log
        self.starting = "connecting to the broker"
        """Why nothing is owned yet, until the first assignment."""

    async def prepare(self) -> None:
        """Merge the parts of every queue that changed since it was last merged."""
        for _, merge in self._queues.shown():
            for count, key in enumerate(merge.queues(), 1):
                if merge.knows(key):
                    merge.view(key)
                if not count % VIEWS_A_TURN:
                    await asyncio.sleep(0)

    def queues(self) -> list[QueueView]:
        """Every queue of owned and complete partitions, sorted by queue and channel."""
        shares: dict[QueueKey, list[QueueView]] = {}
        for _, merge in self._queues.shown():
            for key in merge.queues():
                shares.setdefault(key, []).append(merge.view(key))
        for key in self.stale_queues():
            shares.pop(key, None)  # a share of it isn't known
        groups = {group.name: group for group in self.groups()}
        return [
            replace(merge_views(shares[key]), people=groups.get(key[0]))
            for key in sorted(shares)
        ]

    def groups(self) -> list[GroupPart]:
        """Everybody, if this worker owns that, and the people of owned queues."""
        by_name: dict[str, list[GroupPart]] = {}
        for _, merge in self._queues.people():
            for group in merge.groups():
                by_name.setdefault(group.name, []).append(group)
        return [
            each[0] if len(each) == 1 else merge_groups(name, each)
            for name, each in sorted(by_name.items())
        ]

    def stale_groups(self) -> list[str]:
        """Owned groups whose numbers aren't known now."""
        known = {name for _, merge in self._queues.people() for name in merge.names()}
        return sorted(self._queues.group_names() - known)

    async def persons(self) -> list[PersonPart]:
        """Everybody in the partitions of people that this worker surely holds."""
        if not self._flow.is_trusted():
            return []
        persons: list[PersonPart] = []
        for holding in self._staff:
            for some in holding.staff.person_slices():
                persons += some
                await asyncio.sleep(0)
        return sorted(persons, key=lambda person: person.agent)

    def stale_queues(self) -> list[tuple[str, str]]:
        """`(queue, channel)` of owned queues whose state isn't known now.

        All of them when the group doesn't answer: another worker may show them by now,
        or, if it is the broker that is gone, nobody.
        """
        return sorted(
            {key for merge in self._queues.hidden() for key in merge.queues()}
        )

    def pipeline(self) -> PipelineView:
        """The pipeline's own state."""
        view = PipelineView()
        for number, merge in self._queues.shown():
            counts = merge.counts(number)
            if counts is not None:
                view.counts[number] = counts
        for number, told in self._queues.people():
            said = told.counts(number)
            if said is not None:
                view.staff[number] = said
        view.last_event_at = self._queues.last_event_at()
        view.as_of = self._queues.as_of()
        for holding in self._holdings:
            number, partition = holding.number, holding.partition
            now = self._clock.now(partition.watermark)
            lag = now - partition.watermark if partition.watermark else 0
            end = holding.end_of_log(self._end_of_log(number))
            view.lag_ms[number] = lag
            view.lag_records[number] = max(0, end - partition.next_offset)
            view.checkpoint_age_ms[number] = holding.age_ms()
        for people in self._staff:
            view.staff_checkpoint_age_ms[people.number] = people.age_ms()
        view.stale_partitions = len(self._queues.unheard())
        view.self_checks = self._checks.results
        view.loop_delay = self._loop.worst()
        view.loop_blocked = self._loop.blocked
        view.reason = self._why_not_ready()
        view.ready = not view.reason
        return view

    def _why_not_ready(self) -> str:
        if self.starting:
            return self.starting
        if not self._flow.is_open:
            return "partitions are being assigned"
        if not self._flow.is_trusted():
            return "no answer from the group for a session; the assignment may be lost"
        unheard = self._queues.unheard()
        if unheard:
            numbers = ", ".join(map(str, sorted(unheard)))
            return f"not heard from source partitions {numbers}"
        if list(self._queues.hidden()):
            return "reading what was shown before"
        return ""

    def now(self) -> int:
        """Now by the worker's clock, milliseconds UTC."""
        watermarks = [holding.partition.watermark for holding in self._holdings]
        return self._clock.now(max([self._queues.newest_event(), *watermarks]))
