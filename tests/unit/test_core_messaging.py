"""Responses, silence and what is left of messages that are dropped."""

from collections.abc import Iterable

from monitor.core.conversation import mark_of
from monitor.core.events import Event, Kind
from monitor.core.partition import Partition
from monitor.core.rules import QueueRules, Rules
from monitor.core.view import QueuePart
from monitor.wire.state import restore, take_rows
from tests.support.contacts import (
    RULES,
    answered,
    at,
    ended,
    event,
    heartbeat,
    part_of,
    partition_of,
    queued,
)

SHORT = Rules(queue=lambda *_: QueueRules(), horizon_ms=60_000)


def wrote(author: str, seconds: float, contact: str = "a", **fields: object) -> Event:
    if author == "agent":
        fields.setdefault("agent", "ann")
    return event(seconds, contact, Kind.MESSAGE, reason=author, **fields)


def in_batches(events: list[Event], rules: Rules, size: int = 50) -> Partition:
    partition = Partition(rules)
    for begin in range(0, len(events), size):
        batch = events[begin : begin + size]
        partition.apply(batch, batch[-1].at)
        partition.advance(partition.watermark)
    return partition


def reread(partition: Partition) -> Partition:
    rows = [(key, value) for key, value in take_rows(partition) if value]
    return restore(partition.rules, rows)


def responses(part: QueuePart) -> tuple[int, int, int, int]:
    """First responses and responses, each with its sum in seconds."""
    total = part.total
    return (
        total.get("first_responses", 0),
        total.get("first_response_ms", 0) // 1000,
        total.get("responses", 0),
        total.get("response_ms", 0) // 1000,
    )


CHAT = [
    queued(0, "a"),
    wrote("customer", 5),
    answered(10, "a"),
    wrote("agent", 20),
]


def test_a_late_message_corrects_what_was_counted() -> None:
    """The customer had written before, and the first answer was another one."""
    partition = partition_of(CHAT, 30)
    assert responses(part_of(partition)) == (1, 15, 1, 15)
    partition.apply([wrote("customer", 2)], at(31))
    assert responses(part_of(partition)) == (1, 18, 1, 18)
    partition.apply([wrote("agent", 12)], at(32))
    part = part_of(partition)

    assert responses(part) == (1, 10, 1, 10)
    assert part.corrected["first_responses"] == 1
    assert part.total["messages:agent"] == 2


def test_a_message_twice_is_counted_once() -> None:
    partition = partition_of([*CHAT, *CHAT], 30)

    assert responses(part_of(partition)) == (1, 15, 1, 15)
    assert part_of(partition).total["messages:customer"] == 1


def test_a_contact_without_messages_has_no_conversation() -> None:
    """Calls carry nothing of what chats need."""
    partition = partition_of([queued(0, "a"), answered(5, "a"), ended(9, "a")])
    contact = partition.contacts["a"]

    assert contact.conversation is None
    assert contact.visits[0].talk is None


def test_falling_silent_is_a_change_that_time_alone_makes() -> None:
    """A queue in which nothing happens tells of it, and once only."""
    partition = partition_of(CHAT, 30)
    partition.parts(at(620), everything=False)

    assert partition.parts(at(620), everything=False) == []
    [part] = partition.parts(at(621), everything=False)
    assert (part.active, part.inactive, part.active_agents) == (0, 1, [])
    assert [p.inactive for p in partition.parts(at(622), everything=True)] == [1]


def test_silence_ends_with_a_message_and_begins_anew() -> None:
    """Each message starts the time again."""
    partition = partition_of(CHAT, 700)
    assert part_of(partition).inactive == 1
    partition.apply([wrote("bot", 705)], at(705))
    partition.advance(at(1305))
    assert (part_of(partition).active, part_of(partition).inactive) == (1, 0)
    partition.advance(at(1306))

    assert (part_of(partition).active, part_of(partition).inactive) == (0, 1)


def test_a_restored_conversation_is_as_silent_as_it_was() -> None:
    """Timers are made anew from the contacts."""
    for seconds in (500, 700):
        partition = partition_of(CHAT, seconds)
        again = reread(partition)
        again.advance(at(seconds))

        assert part_of(again) == part_of(partition)
        again.advance(at(701))
        assert part_of(again).inactive == 1


def test_a_handover_moves_the_conversation_to_the_new_agent() -> None:
    """Who has several counts once, who has none any more not at all."""
    partition = partition_of([*CHAT, answered(30, "a", agent="bo")], 40)

    assert part_of(partition).active_agents == [mark_of("bo")]
    partition.apply([queued(41, "b"), wrote("bot", 42, "b")], at(42))
    partition.apply([answered(43, "b", agent="bo")], at(43))
    part = part_of(partition)
    assert (part.active, part.active_agents) == (2, [mark_of("bo")])
    partition.apply([ended(50, "a", agent="bo"), ended(51, "b", agent="bo")], at(51))
    part = part_of(partition)
    assert (part.active, part.inactive, part.active_agents) == (0, 0, [])


def test_marks_of_agents_are_numbers_that_stay() -> None:
    """Workers of all releases must give the same ones."""
    assert mark_of("ann") == 0x2D7ED522AECA
    assert len({mark_of(f"agent-{n}") for n in range(10_000)}) == 10_000
    assert mark_of("\ud800") < 1 << 48


def long_conversation(minutes: int) -> Iterable[Event]:
    """The customer asks every minute, the agent responds 10 s later."""
    yield queued(0, "a")
    yield answered(5, "a")
    for minute in range(minutes):
        yield wrote("customer", 60 * minute + 10)
        yield wrote("bot", 60 * minute + 15)
        yield wrote("agent", 60 * minute + 20)


def test_a_long_conversation_keeps_its_numbers_and_not_its_messages() -> None:
    """Ten hours of it: dropped from memory and row, and nothing is lost."""
    partition = in_batches(list(long_conversation(600)), SHORT)
    contact = partition.contacts["a"]
    [visit] = contact.visits

    assert responses(part_of(partition)) == (1, 10, 600, 6_000)
    assert len(contact.log) < 60
    assert visit.talk
    assert len(visit.talk.said) < 60
    # Folded anew, by an event that comes late and after a restore, it's the same.
    for again in (partition, reread(partition)):
        last = again.watermark
        again.apply([Event(last - 30_000, Kind.HELD, "a")], last)
        again.advance(last)
        part = part_of(again)
        assert responses(part) == (1, 10, 600, 6_000)
        assert part.total["messages:bot"] == 600
        assert "responses" not in part.corrected


def test_a_question_that_was_dropped_still_waits_for_its_response() -> None:
    """An hour of a bot's messages later the agent writes."""
    events = [queued(0, "a"), wrote("customer", 1)]
    events += [wrote("bot", 10 * n) for n in range(1, 360)]
    events += [answered(3_600, "a"), wrote("agent", 3_601)]
    partition = in_batches(events, SHORT)

    assert len(partition.contacts["a"].log) < 80
    assert responses(part_of(partition)) == (1, 3_600, 1, 3_600)


def test_a_long_talk_with_a_bot_before_the_queue_comes_along_in_full() -> None:
    """Though its messages are dropped before there is any visit."""
    events = [wrote("customer", 20 * n) for n in range(300)]
    events += [wrote("bot", 20 * n + 1) for n in range(300)]
    events.sort()
    events += [queued(6_000, "a"), answered(6_010, "a"), wrote("agent", 6_030)]
    partition = in_batches(events, SHORT)
    part = part_of(partition)

    assert responses(part) == (1, 6_030, 1, 6_030)
    assert part.total["messages:customer"] == part.total["messages:bot"] == 300
    assert len(partition.contacts["a"].log) < 60


def test_a_conversation_that_is_over_begins_anew_with_its_id() -> None:
    """Tomorrow's messages of a customer who is known by one id."""
    partition = partition_of(
        [*CHAT, ended(30, "a"), heartbeat(4_000), wrote("customer", 5_000)], rules=RULES
    )
    partition.apply([queued(5_010, "a"), answered(5_020, "a")], at(5_020))
    partition.apply([wrote("agent", 5_030)], at(5_030))

    assert responses(part_of(partition)) == (2, 15 + 30, 2, 15 + 30)
