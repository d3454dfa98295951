"""Recomputes the numbers of source partitions from the log, beside the live ones.

Rule: this only reads. What is compared is fixed before the log is read: what a worker
told the queues last, or, where no worker tells anything, the durable state; both hold
for one offset, and the log is folded up to exactly that one.

The log is folded as workers fold it, by the same core, but in one go, in this order and
without a checkpoint, a takeover or a restored row. What differs was lost, counted twice
or damaged on the way; or the workers ran with other settings, or another release, when
they counted it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from monitor.clocks import WallClock
from monitor.config import Settings
from monitor.core.compare import Comparison, Numbers, Reach, Scope, compare, scope_of
from monitor.core.merge import QueueKey
from monitor.core.report import instant
from monitor.core.rules import Rules
from monitor.pipeline.fatal import ForeignStateError
from monitor.pipeline.log_reader import (
    Bounds,
    LogReader,
    count_partitions,
    open_reader,
)
from monitor.pipeline.mirror import read_ranges
from monitor.pipeline.recount import Recount
from monitor.pipeline.topics import CONTACTS, CONTACTS_STATE, QUEUE_PARTIALS
from monitor.wire.errors import UnknownStateVersion
from monitor.wire.partials import decode_part
from monitor.wire.state import restore

PARTIALS = "partials"
"""What workers told last was compared."""
STATE = "state"
"""The durable state was compared: no worker told anything lately."""

COMPLETE_PARTIALS = 6
"""Intervals between complete partials to look back: 30 s as the settings come."""

Progress = Callable[[int, int, int], None]
"""Told now and then: source partition, records read, records that there may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What came of one source partition."""

    partition: int
    what: str = ""
    """`PARTIALS` or `STATE`; empty: there was neither."""
    offset: int = 0
    """Next source offset of what was compared."""
    now: int = 0
    """The instant for which it holds, milliseconds UTC."""
    behind: bool = False
    """Whether a worker was catching up: then `now` is its newest event's instant."""
    reach: Reach | None = None
    """How far back its log goes, and what of it can be compared therefore; None as
    long as nothing is compared."""
    scope: Scope | None = None
    newer: int = 0
    """Offsets of the log behind the one that was compared, when it was read."""
    records: int = 0
    """Records of the log that were folded."""
    queues: frozenset[QueueKey] = frozenset()
    clamped: int = 0
    """Events that one of the two took as of when they came, being ahead of the clock;
    a recomputation doesn't know that instant exactly."""
    comparison: Comparison | None = None
    why_not: str = ""
    """Why nothing was compared, for people; empty: nothing stood against it."""


class Moment(NamedTuple):
    """Offset and instant of which a partition's numbers are."""

    offset: int
    now: int


class Told(NamedTuple):
    """The numbers of a source partition that are compared with its log."""

    what: str
    source: int
    offset: int
    behind: bool
    numbers: Numbers


class CompleteParts:
    """Finds the latest numbers that a source partition told to all of its targets."""

    def __init__(self, targets: int) -> None:
        """Nothing is told yet; there are `targets` target partitions."""
        self._targets = targets
        self._pieces: dict[tuple[int, int], tuple[Moment, list[bytes]]] = {}
        """By source and target, pieces of a complete part that isn't whole yet."""
        self._told: dict[int, dict[Moment, dict[int, list[bytes]]]] = {}
        """By source, moment and target. As bytes: a part takes much more memory."""

    def add(self, target: int, value: bytes) -> None:
        """Take a partial that was told to `target`, in the order of its log."""
        try:
            part = decode_part(value)
        except (ValueError, TypeError, LookupError):
            return  # no worker of this release told it
        if not part.complete:
            return
        moment, key = Moment(part.offset, part.now), (part.source, target)
        if not part.piece:
            self._pieces[key] = moment, []
        known, pieces = self._pieces.get(key, (None, []))
        if known != moment or len(pieces) != part.piece:
            self._pieces.pop(
                key, None
            )  # one was lost, or another sender's came between
            return
        pieces.append(value)
        if len(pieces) == part.pieces:
            told = self._told.setdefault(part.source, {})
            told.setdefault(moment, {})[target] = pieces
            del self._pieces[key]

    def latest(self, source: int) -> Told | None:
        """The latest numbers of which every target has its share; None: there are none.

        Latest by offset, then by instant, as those who merge them judge it.
        """
        told = self._told.get(source, {})
        whole = [moment for moment in told if len(told[moment]) == self._targets]
        if not whole:
            return None
        moment = max(whole)
        values = [value for pieces in told[moment].values() for value in pieces]
        parts = [decode_part(value) for value in values]
        queues = [queue for part in parts for queue in part.queues]
        numbers = Numbers(moment.now, parts[0].counts, queues)
        return Told(PARTIALS, source, moment.offset, parts[0].behind, numbers)


class NoSuchPartitionError(Exception):
    """A source partition was asked for that isn't there."""

    def __init__(self, number: int, partitions: int) -> None:
        """Name it, and those that are there."""
        super().__init__(
            f"there is no partition {number}: {CONTACTS} has 0 to {partitions - 1}"
        )


async def verify(
    settings: Settings, numbers: Sequence[int], progress: Progress
) -> list[Verified]:
    """Recompute the source partitions `numbers` (none: all of them) and compare.

    Raises:
        KafkaUnreachableError: no server answers.
        TopicsRefusedError: a topic isn't there, or may not be read.
        NoSuchPartitionError: one of `numbers` isn't there.
        ForeignStateError: the durable state is another app's.
        UnknownStateVersion: the durable state is of another release.
    """
    names = CONTACTS, CONTACTS_STATE, QUEUE_PARTIALS
    sources, _, targets = await count_partitions(settings, names)
    for number in numbers:
        if number >= sources:
            raise NoSuchPartitionError(number, sources)
    async with open_reader(settings) as reader:
        told = await _told_lately(settings, reader, targets)
        return [
            await _verify(settings, reader, told.latest(number), number, progress)
            for number in sorted(set(numbers)) or range(sources)
        ]


async def _told_lately(
    settings: Settings, reader: LogReader, targets: int
) -> CompleteParts:
    look_back = COMPLETE_PARTIALS * settings.partials.complete_interval
    since = WallClock().now(0) - look_back
    ranges = await read_ranges(settings, QUEUE_PARTIALS, range(targets), since)
    told = CompleteParts(targets)
    for number, (start, end) in ranges.items():
        tp = TopicPartition(QUEUE_PARTIALS, number)
        async for records in reader.read(tp, start, end):
            for record in records:
                if record.value is not None:
                    told.add(number, record.value)
    return told


async def _verify(
    settings: Settings,
    reader: LogReader,
    told: Told | None,
    number: int,
    progress: Progress,
) -> Verified:
    try:
        told = told or await _durable(settings, reader, number)
    except UnknownStateVersion:
        raise
    except (ValueError, TypeError, LookupError) as error:
        # WireError for what is known to be wrong; damaged rows can fail anywhere.
        why = f"its durable state can't be read: {error!r}"
        return Verified(partition=number, why_not=why)
    while True:
        bounds = await reader.bounds(TopicPartition(CONTACTS, number))
        if told is None:
            why = "no worker has counted it yet" if bounds.first < bounds.end else ""
            return Verified(partition=number, why_not=why)
        if told.offset > bounds.end:
            why = (
                f"what is counted goes up to offset {told.offset}, but its log ends at "
                f"{bounds.end}: it was deleted and made anew"
            )
            return Verified(partition=number, why_not=why)
        try:
            recount = await _recount(settings, reader, told, bounds.first, progress)
        except OffsetOutOfRangeError:
            continue  # retention has overtaken us: the log begins later now
        return _judged(settings.rules(), told, recount, bounds)


async def _durable(settings: Settings, reader: LogReader, number: int) -> Told | None:
    """The durable state as numbers; None: there is no state."""
    tp = TopicPartition(CONTACTS_STATE, number)
    rows: dict[bytes, bytes] = {}
    # Up to an end that no transaction reaches across: the rows are of one moment.
    async for records in reader.read(tp, *await reader.bounds(tp)):
        for record in records:
            if record.value is None:
                rows.pop(record.key, None)
            else:
                rows[record.key] = record.value
    if not rows:
        return None
    state = restore(settings.rules(), rows.items())
    if state.owner != settings.app:
        raise ForeignStateError(
            f"the state of partition {number} was written by the app {state.owner!r}, "
            f"this is {settings.app!r}: run with --app {state.owner}"
        )
    parts = state.parts(state.now, everything=True)
    numbers = Numbers(state.now, state.counts, parts)
    return Told(STATE, number, state.next_offset, False, numbers)


async def _recount(
    settings: Settings, reader: LogReader, told: Told, first: int, progress: Progress
) -> Recount:
    recount = Recount(settings, told.numbers.now)
    tp = TopicPartition(CONTACTS, told.source)
    async for records in reader.read(tp, first, told.offset):
        recount.add(records)
        progress(told.source, recount.records, told.offset - first)
    return recount


def _judged(rules: Rules, told: Told, recount: Recount, bounds: Bounds) -> Verified:
    live, recomputed = told.numbers, recount.numbers()
    reach = Reach(bounds.first, recount.begins_at)
    scope = scope_of(reach, live, recomputed, rules)
    comparison = compare(live, recomputed, scope, rules)
    keys = {(p.queue, p.channel) for p in (*live.queues, *recomputed.queues)}
    return Verified(
        partition=told.source,
        what=told.what,
        offset=told.offset,
        now=live.now,
        behind=told.behind,
        reach=reach,
        scope=scope,
        newer=bounds.end - told.offset,
        records=recount.records,
        queues=frozenset(keys),
        clamped=max(live.counts.future, recomputed.counts.future),
        comparison=comparison,
        why_not="" if comparison.numbers else _nothing_left(reach),
    )


def _nothing_left(reach: Reach) -> str:
    if not reach.begins_at:
        return f"its log begins at offset {reach.first_offset} and holds no event"
    return (
        f"its log begins with events of about {instant(reach.begins_at)}; nothing that "
        "is shown began later by the horizon and the max_age of its queue"
    )
