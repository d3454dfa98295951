"""What `ccmon verify` compares: the fold of the log, and what workers told last."""

import asyncio
from collections.abc import Sequence

import pytest

from monitor.clocks import EventClock
from monitor.config import Settings
from monitor.core.compare import Numbers, Scope, compare
from monitor.core.events import Event, Kind
from monitor.core.view import PartitionCounts, PartitionPart, QueuePart
from monitor.pipeline.batches import Record
from monitor.pipeline.partials import Partials
from monitor.pipeline.recount import FIRST_EVENTS, Recount, clock_at
from monitor.pipeline.verification import CompleteParts, Told
from monitor.wire.events import encode_event
from monitor.wire.partials import encode_part
from tests.support.contacts import (
    START,
    abandoned,
    answered,
    at,
    ended,
    heartbeat,
    queued,
)
from tests.support.generated_day import generate_day
from tests.unit.test_pipeline_contacts import TOPIC, Bench

RECORDINGS = Settings(clock="event")
WALL = Settings()
WHOLE = Scope(is_whole=True)
BAD = (b"", b"no json", b'{"type": "contact.queued"}', b'{"type": "contact.sang"}')


def records(values: Sequence[bytes | Event], came_at: int = 0) -> list[Record]:
    """Records of a log; they came when they happened, or at `came_at`."""
    return [
        Record(
            TOPIC,
            0,
            offset,
            came_at or (value.at if isinstance(value, Event) else at(0)),
            b"k",
            encode_event(value) if isinstance(value, Event) else value,
        )
        for offset, value in enumerate(values)
    ]


def recount_of(
    values: Sequence[bytes | Event],
    until: int,
    settings: Settings = RECORDINGS,
    came_at: int = 0,
) -> Recount:
    recount = Recount(settings, until)
    log = records(values, came_at)
    for begin in range(0, len(log), 700):
        recount.add(log[begin : begin + 700])
    return recount


def total(numbers: Numbers, name: str) -> int:
    return sum(part.total.get(name, 0) for part in numbers.queues)


async def test_a_recount_is_what_a_worker_makes_of_the_same_records() -> None:
    """Bad records, unknown types, repeated and late events included."""
    day: list[bytes | Event] = [*generate_day(1_000, seed=8)]
    for place in range(0, len(day), 40):
        day.insert(place, BAD[place // 40 % len(BAD)])
    bench = Bench()
    await bench.claim()
    values = [encode_event(v) if isinstance(v, Event) else v for v in day]
    for start in range(0, len(values), 333):
        await bench.contacts.process(bench.batch(start, *values[start : start + 333]))
    partition = bench.holding().partition
    now = partition.watermark
    live = Numbers(now, partition.counts, partition.parts(now, everything=True))
    recounted = recount_of(day, now).numbers()
    result = compare(live, recounted, WHOLE, partition.rules)

    assert result.differences == []
    assert result.numbers > 1_000
    assert live.counts.duplicate > 0
    assert live.counts.ignored > 0
    assert sum(live.counts.dead_letters.values()) > 0
    assert recounted.now == now


def test_time_passes_up_to_the_instant_and_no_further() -> None:
    """Also when an event is ahead of the clock by less than is allowed."""
    ahead = [queued(0, "a"), queued(50, "b")]
    numbers = recount_of(ahead, at(10), WALL, came_at=at(0)).numbers()
    [part] = numbers.queues

    assert numbers.now == at(10)
    assert (part.waiting, part.waiting_over_threshold) == (2, 0)


def test_an_event_ahead_of_the_clock_is_taken_as_of_when_it_came() -> None:
    """By a wall clock; its neighbours stay where they are."""
    log = [queued(0, "a"), queued(7_200, "b"), queued(1, "c")]
    wall = recount_of(log, at(10), WALL, came_at=at(5)).numbers()
    recording = recount_of(log, at(7_200), came_at=at(5)).numbers()

    assert wall.counts.future == 1
    assert wall.counts.last_event_at == {"unknown": at(5)}
    assert wall.queues[0].oldest_waiting == at(0)
    assert recording.counts.future == 0
    assert recording.counts.last_event_at == {"unknown": at(7_200)}


def test_each_event_is_judged_by_its_own_coming() -> None:
    """Records of hours are read at once."""
    log = [queued(0, "a"), queued(7_200, "b"), queued(7_300, "c")]
    numbers = recount_of(log, at(7_300), WALL).numbers()

    assert numbers.counts.future == 0
    assert numbers.counts.last_event_at == {"unknown": at(7_300)}


@pytest.mark.parametrize(
    "settings, came_at, shown",
    [
        ({}, 77, 77),
        ({}, -1, 1 << 60),
        ({"clock": "event"}, 77, 1 << 60),
        ({"clock": "scaled", "scaled": {"start": START}}, at(7), 1 << 60),
        (
            {"clock": "scaled"}
            | {"scaled": {"start": START, "origin": at(3), "speed": 10}},
            at(7),
            at(40),
        ),
    ],
)
def test_the_clock_at_a_records_coming(
    settings: dict[str, object], came_at: int, shown: int
) -> None:
    """What isn't known of it judges no event."""
    assert clock_at(Settings.model_validate(settings))(came_at) == shown


def test_memory_holds_what_is_open_and_not_the_log() -> None:
    """A long recording must fit."""
    log: list[Event] = []
    for hour in range(100):
        begin = hour * 3_600
        log += [queued(begin, f"c{hour}"), abandoned(begin + 9, f"c{hour}")]
    recount = recount_of([*log, heartbeat(101 * 3_600)], at(101 * 3_600))
    recount.add(records([heartbeat(102 * 3_600)]))
    partition = recount._partition

    assert len(partition.contacts) == 0
    assert partition.dirty == {}
    assert partition.finished() == []
    [state] = partition.queues.values()
    assert (state.fresh, state.panes.dirty) == ({}, set())
    assert total(recount.numbers(), "abandoned") == 100


def test_a_visit_expires_at_its_age_and_not_when_somebody_looks() -> None:
    """Also the second visit of a contact whose first one was over for long."""
    log = [
        queued(0, "a"),
        answered(60, "a"),
        ended(840, "a"),
        heartbeat(910),
        queued(960, "a"),
    ]
    after = at(960 + 4 * 3_600)

    for until, waiting in ((after, 1), (after + 1, 0)):
        recount = Recount(RECORDINGS, until)
        for record in records(log):
            recount.add([record])
        assert recount.numbers().queues[0].waiting == waiting


def test_the_beginning_is_where_the_first_events_are() -> None:
    """The newest of a number of them: a single one may be late."""
    late = [queued(-500, "late")]
    first = [queued(second, f"c{second}") for second in range(FIRST_EVENTS)]
    day = [*late, *first, queued(4_000, "z")]

    assert recount_of(day, at(5_000)).begins_at == at(FIRST_EVENTS - 2)
    assert recount_of(day[:3], at(5_000)).begins_at == at(1)
    assert recount_of([], at(5_000)).begins_at == 0
    one_by_one = Recount(RECORDINGS, at(5_000))
    for record in records(day):
        one_by_one.add([record])
    assert one_by_one.begins_at == at(FIRST_EVENTS - 2)


# -- what was told ------------------------------------------------------------------


def message(
    offset: int,
    *queues: str,
    source: int = 0,
    now: int = 50,
    offered: int = 1,
    piece: int = 0,
    pieces: int = 1,
    complete: bool = True,
) -> bytes:
    return encode_part(
        PartitionPart(
            source=source,
            offset=offset,
            complete=complete,
            counts=PartitionCounts(read=offset),
            queues=[
                QueuePart(queue=queue, channel="voice", total={"offered": offered})
                for queue in queues
            ],
            now=now,
            piece=piece,
            pieces=pieces,
        )
    )


def told_to(targets: int, *messages: tuple[int, bytes]) -> CompleteParts:
    told = CompleteParts(targets)
    for target, value in messages:
        told.add(target, value)
    return told


def offered(told: Told | None) -> dict[str, int]:
    assert told is not None
    return {part.queue: part.total["offered"] for part in told.numbers.queues}


def test_the_shares_of_all_targets_are_the_numbers_of_a_source() -> None:
    """Each target is told its own queues only."""
    told = told_to(2, (0, message(7, "a", "b")), (1, message(7, "c")))
    found = told.latest(0)

    assert offered(found) == {"a": 1, "b": 1, "c": 1}
    assert found is not None
    assert (found.what, found.source, found.offset) == ("partials", 0, 7)
    assert (found.numbers.now, found.numbers.counts.read) == (50, 7)
    assert told.latest(1) is None


def test_only_a_moment_that_every_target_was_told_counts() -> None:
    """The newest may still be on its way, and offset and instant must agree."""
    told = told_to(
        2,
        (0, message(7, "a")),
        (0, message(7, "a", now=60, offered=2)),
        (0, message(9, "a", now=70, offered=3)),
        (1, message(7)),
        (1, message(7, now=60)),
        (1, message(9, now=80)),
    )

    assert offered(told.latest(0)) == {"a": 2}


def test_what_is_told_again_of_the_same_moment_replaces_the_former() -> None:
    """Another worker may have told other numbers of it."""
    told = told_to(1, (0, message(7, "a", "b")), (0, message(7, "a", offered=5)))

    assert offered(told.latest(0)) == {"a": 5}


def test_changed_queues_alone_are_not_the_whole() -> None:
    """They come twice a second between complete ones."""
    told = told_to(1, (0, message(7, "a")), (0, message(8, "a", complete=False)))

    assert told.latest(0) == told_to(1, (0, message(7, "a"))).latest(0)
    assert told_to(1, (0, message(8, "a", complete=False))).latest(0) is None


def test_what_no_worker_told_is_passed_over() -> None:
    """The numbers of before are there still."""
    told = told_to(1, (0, message(7, "a")), (0, b"garbage"), (0, b"{}"), (0, b"7"))

    assert offered(told.latest(0)) == {"a": 1}


def test_pieces_make_a_whole_only_together() -> None:
    """Others' messages between them don't matter, a lost or foreign piece does."""
    first = (0, message(7, "a", piece=0, pieces=3))
    second = (0, message(7, "b", piece=1, pieces=3))
    third = (0, message(7, "c", piece=2, pieces=3))
    other = (0, message(4, "x", source=1))
    foreign = (0, message(9, "b", piece=1, pieces=3))

    assert offered(told_to(1, first, other, second, third).latest(0)) == {
        "a": 1,
        "b": 1,
        "c": 1,
    }
    assert told_to(1, first, third).latest(0) is None
    assert told_to(1, second, third).latest(0) is None
    assert told_to(1, first, second, second).latest(0) is None
    assert told_to(1, first, foreign, third).latest(0) is None
    whole = told_to(1, first, second, first, second, third)
    assert offered(whole.latest(0)) == {"a": 1, "b": 1, "c": 1}


async def test_what_a_worker_tells_is_understood() -> None:
    """Its own messages, to several targets and in pieces."""
    bench = Bench()
    await bench.claim()
    names = [f"queue-{number}" for number in range(450)]
    values = [
        encode_event(Event(at(0), Kind.QUEUED, name, queue=name)) for name in names
    ]
    await bench.contacts.process(bench.batch(0, *values))
    told = CompleteParts(2)
    targets: list[int] = []

    async def send(topic: str, key: bytes, value: bytes, *, partition: int) -> None:
        targets.append(partition)
        told.add(partition, value)

    partials = Partials(
        bench.settings, bench.holdings, EventClock(), lambda _: None, send, 2
    )
    await partials.tick()
    for _ in range(50):  # turns for what runs on its own
        await asyncio.sleep(0)

    assert len(targets) > 4
    assert set(targets) == {0, 1}
    assert offered(told.latest(0)) == dict.fromkeys(names, 1)
