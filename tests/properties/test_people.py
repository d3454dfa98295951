"""The laws of people: order, repetition, time, and that seconds add up."""

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.people.engagement import Engagement, telling_of
from monitor.core.people.events import AgentEvent, AgentKind
from monitor.core.people.group import state_ms
from monitor.core.people.parts import (
    StaffPart,
    adherence,
    occupancy,
    staffed_ms,
)
from monitor.core.people.person import stretches
from monitor.core.people.plan import ADHERED, SCHEDULED
from monitor.core.people.slots import BUSY, utilization
from monitor.core.people.states import HELD, STAFFED, TALKING, UNKNOWN
from monitor.core.tally import total
from monitor.wire.agent_events import shifted
from tests.properties.histories import SPAN_MS, START
from tests.properties.people_histories import (
    NOW,
    STAFF_RULES,
    Center,
    Input,
    fed,
    inputs,
)

DEEP = settings(max_examples=300, deadline=None)
LATER = NOW + 4_000_000


@DEEP
@given(inputs(), st.randoms(use_true_random=False))
def test_any_order_inside_the_horizon_gives_the_same_seconds(
    items: list[Input], rnd: object
) -> None:
    """Shuffled inputs end in the numbers of the sorted ones."""
    shuffled = list(items)
    rnd.shuffle(shuffled)  # type: ignore[attr-defined]
    in_order = sorted(items, key=lambda item: item.at)

    assert fed(shuffled).numbers() == fed(in_order).numbers()


@DEEP
@given(inputs(), st.randoms(use_true_random=False))
def test_time_may_pass_anywhere_between_inputs(items: list[Input], rnd: object) -> None:
    """Looks in between, at any instants up to now, change no second."""
    shuffled = list(items)
    rnd.shuffle(shuffled)  # type: ignore[attr-defined]
    center = Center()
    clock = START
    for item in shuffled:
        center.feed(item)
        clock = min(NOW, clock + rnd.randrange(90_000))  # type: ignore[attr-defined]
        if rnd.random() < 0.7:  # type: ignore[attr-defined]
            center.advance(clock)
        if rnd.random() < 0.3:  # type: ignore[attr-defined]
            center.staff.part(clock)

    assert center.numbers() == fed(shuffled).numbers()


@DEEP
@given(inputs(), st.data())
def test_what_comes_twice_counts_once(items: list[Input], data: st.DataObject) -> None:
    """Events and tellings repeated at any later place change no second."""
    doubled = list(items)
    for item in data.draw(st.lists(st.sampled_from(items)) if items else st.just([])):
        doubled.insert(data.draw(st.integers(0, len(doubled))), item)
    center = fed(doubled)
    center.tell()
    for contact in center.contacts.contacts.values():
        center.staff.take([telling_of(contact)], center.contacts.watermark)

    assert center.numbers() == fed(doubled[::-1]).numbers()
    assert center.numbers() == fed(items).numbers()


@DEEP
@given(inputs(), st.lists(st.integers(0, SPAN_MS), max_size=3), inputs(8))
def test_what_is_folded_away_is_what_was_there(
    items: list[Input], cuts: list[int], more: list[Input]
) -> None:
    """Memory that begins later gives the seconds of endless memory, also later on."""
    forgetful, other = fed(items), fed(items)
    forgetful.advance(NOW)
    other.advance(NOW)
    for cut in sorted(cuts):
        for person in forgetful.staff.people.values():
            person.forget_before(START + cut, STAFF_RULES, forgetful.staff._days)

    assert forgetful.numbers() == other.numbers()
    for center in (forgetful, other):
        for item in more:
            if isinstance(item, AgentEvent):
                late = shifted(item, SPAN_MS)._replace(id="")
                center.staff.apply([late], NOW + SPAN_MS)
    assert forgetful.numbers(LATER) == other.numbers(LATER)


@DEEP
@given(inputs())
def test_a_start_from_the_same_inputs_gives_the_same_seconds(
    items: list[Input],
) -> None:
    """What contacts say at last is enough: nobody needs what they said before."""
    center = fed(items)
    again = Center()
    again.contacts = center.contacts
    for contact in center.contacts.contacts.values():
        again.staff.take([telling_of(contact)], 0)
    again.staff.apply([item for item in items if isinstance(item, AgentEvent)], NOW)

    assert again.numbers() == fed(items).numbers()


@DEEP
@given(inputs(), st.integers(0, SPAN_MS + 500_000))
def test_seconds_add_up(items: list[Input], later: int) -> None:
    """By state to the time logged in; by person to everybody; occupancy is 0 to 1."""
    center = fed(items)
    now = START + later
    part, persons = center.numbers(now)
    everybody = part.everybody

    for person in center.staff.people.values():
        logged_in = sum(
            end - begin
            for span, begin, end in stretches(person.spans, 0, now)
            if span.state in STAFFED
        )
        [own] = [each for each in persons if each.agent == person.id]
        assert staffed_ms(own.total) == logged_in
    for state in STAFFED:
        summed = sum(state_ms(person.total, state) for person in persons)
        assert state_ms(everybody.total, state) == summed
    for group in (everybody, *part.queues):
        for sums in (group.total, *group.windows.values()):
            assert all(amount > 0 for amount in sums.values())
            assert 0 <= (occupancy(sums) or 0) <= 1
            assert staffed_ms(sums) <= staffed_ms(group.total)
        assert total([group.windows["today"]]) == group.total


@DEEP
@given(inputs(), st.integers(0, SPAN_MS + 500_000))
def test_everybody_is_counted_once(items: list[Input], later: int) -> None:
    """States add up to people; by queue to those who serve it."""
    center = fed(items)
    now = START + later
    part, persons = center.numbers(now)

    known = [p for p in center.staff.people.values() if p.counted is not None]
    assert sum(part.everybody.states.values()) == len(known)
    for group in part.queues:
        serving = [each for each in persons if group.name in each.queues]
        assert sum(group.states.values()) == len(serving)
        for state, count in group.states.items():
            assert count == sum(each.state == state for each in serving)
    for state, count in part.everybody.states.items():
        with_queues = sum(each.state == state and bool(each.queues) for each in persons)
        assert with_queues <= sum(group.states[state] for group in part.queues)
        if state != UNKNOWN:
            assert count == sum(each.state == state for each in persons)


@DEEP
@given(inputs(), st.integers(0, SPAN_MS))
def test_who_has_a_contact_is_never_shown_as_free(
    items: list[Input], later: int
) -> None:
    """Whatever the status feed says; and who has none is never shown as busy."""
    center = fed(items)
    now = START + later
    center.advance(NOW)
    center.staff.advance(NOW)
    connected: dict[str, list[str]] = {}
    for contact in center.contacts.contacts.values():
        for engagement in telling_of(contact).engagements:
            state = state_of(engagement, now)
            connected.setdefault(engagement.agent, []).append(state)
    for person in center.staff.people.values():
        [shown] = [
            span.state for span, *_ in stretches(person.spans, now, now + 1)
        ] or [UNKNOWN]
        having = connected.get(person.id, [])
        if TALKING in having:
            assert shown == TALKING
        elif HELD in having:
            assert shown == HELD
        else:
            assert shown not in (TALKING, HELD)


def state_of(engagement: Engagement, now: int) -> str:
    past = [state for at, state in engagement.marks if at <= now]
    return past[-1] if past else ""


@DEEP
@given(inputs(), st.integers(1, 3))
def test_contacts_at_the_same_time_count_once(items: list[Input], copies: int) -> None:
    """More contacts just like those that a person has change no second of anybody."""
    center = fed(items)
    expected, _ = center.numbers()
    for contact in list(center.contacts.contacts.values()):
        told = telling_of(contact)
        for copy in range(copies):
            name = f"{contact.id}{copy}"
            alike = [each._replace(contact=name) for each in told.engagements]
            center.staff.take(
                [told._replace(contact=name, engagements=tuple(alike))], 0
            )

    assert by_the_clock(center.numbers()[0]) == by_the_clock(expected)


def by_the_clock(part: StaffPart) -> StaffPart:
    """Without the busy slots, which count contacts at the same time apart."""
    for group in (part.everybody, *part.queues):
        for sums in (group.total, *group.windows.values()):
            for name in [name for name in sums if name.startswith(BUSY)]:
                del sums[name]
    return part


@DEEP
@given(inputs())
def test_plans_and_trainings_move_nobody(items: list[Input]) -> None:
    """Only who speaks of themself, or has a contact, changes state."""
    plans = (AgentKind.SCHEDULE, AgentKind.TRAINED)
    everything = [item._replace(id="") for item in items]
    others = [
        item
        for item in everything
        if not (isinstance(item, AgentEvent) and item.kind in plans)
    ]
    part, _ = fed(everything).numbers()
    less, _ = fed(others).numbers()

    for group in (part.everybody, *part.queues):
        for sums in (group.total, *group.windows.values()):
            adhered, scheduled = sums.pop(ADHERED, 0), sums.pop(SCHEDULED, 0)
            assert adhered <= scheduled
    assert part.everybody.total == less.everybody.total
    assert part.everybody.windows == less.everybody.windows


@DEEP
@given(inputs(), st.integers(0, SPAN_MS + 500_000))
def test_slots_are_busy_while_they_are_offered(items: list[Input], later: int) -> None:
    """So their ratio is 0 to 1; everybody's slots and plans are the sum of all."""
    center = fed(items)
    part, persons = center.numbers(START + later)

    sums = [group.total for group in (part.everybody, *part.queues)]
    for each in (*sums, *[person.total for person in persons]):
        for slots in utilization(each).values():
            assert 0 <= slots.busy_ms <= slots.offered_ms
            assert 0 <= (slots.ratio or 0) <= 1
        assert 0 <= (adherence(each) or 0) <= 1
        assert {name for name in each if name.startswith(BUSY)} <= {
            BUSY + channel for channel in utilization(each)
        }
    together = total([person.total for person in persons])
    for name in (SCHEDULED, ADHERED):
        assert part.everybody.total.get(name, 0) == together.get(name, 0)
    assert utilization(part.everybody.total) == utilization(together)


def test_the_rules_of_these_tests_reach_every_state() -> None:
    """Silence comes soon enough for its states to be met."""
    assert 2 * STAFF_RULES.heartbeat_ms < SPAN_MS
    assert STAFF_RULES.unannounced_ms < SPAN_MS
