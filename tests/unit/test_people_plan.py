"""Plans and slots of people: what suits a plan, what replaces it, and what is kept."""

import pytest

from monitor.core.people import plan as plan_module
from monitor.core.people.engagement import Engagement, Telling
from monitor.core.people.events import AgentEvent, AgentKind, Interval
from monitor.core.people.parts import PersonPart, adherence
from monitor.core.people.plan import ahead, replaced, suits
from monitor.core.people.rules import StaffRules
from monitor.core.people.slots import load_of, utilization
from monitor.core.people.staff import StaffPartition
from monitor.core.rules import QueueRules, Rules
from monitor.wire.staff_state import Restored, row_slices
from tests.support.contacts import START, at

RULES = StaffRules(rules=Rules(queue=lambda *_: QueueRules()))
HOUR = 3_600
DAY = 24 * HOUR


def schedule(seconds: float, *plan: tuple[float, float, str]) -> AgentEvent:
    intervals = tuple(sorted(Interval(at(a), at(b), what) for a, b, what in plan))
    kind = int(AgentKind.SCHEDULE)
    return AgentEvent(at(seconds), kind, "ann", intervals=intervals)


def in_seconds(plan: tuple[Interval, ...]) -> list[tuple[float, float, str]]:
    return [((a - START) / 1000, (b - START) / 1000, what) for a, b, what in plan]


@pytest.mark.parametrize(
    "activity, state, reason, expected",
    [
        ("work", "talking", "", True),
        ("contacts", "available", "", True),
        ("On Queue", "ringing", "", True),
        ("work", "away", "work", False),
        ("work", "logged_out", "", False),
        ("work", "unknown", "", False),
        ("lunch", "away", "Lunch ", True),
        ("team meeting", "away", "team-meeting", True),
        ("lunch", "away", "break", False),
        ("lunch", "away", "", True),
        ("lunch", "available", "", False),
        ("away", "away", "doctor", True),
        ("yoga", "away", "yoga", True),
    ],
)
def test_what_suits_a_plan(
    activity: str, state: str, reason: str, expected: bool
) -> None:
    """Work is to be there for contacts; anything else is to be away for it."""
    assert suits(activity, state, reason) is expected


def test_where_intervals_overlap_the_one_that_begins_last_holds() -> None:
    """The others go on after it."""
    told = schedule(0, (0, 100, "work"), (10, 30, "break"), (20, 40, "meeting"))

    assert in_seconds(replaced((), told)) == [
        (0, 10, "work"),
        (10, 20, "break"),
        (20, 40, "meeting"),
        (40, 100, "work"),
    ]


def test_a_plan_replaces_between_its_ends_from_when_it_is_said() -> None:
    """What is before and after stays; `off` and gaps plan nothing."""
    old = replaced((), schedule(0, (0, 100, "work")))
    told = schedule(15, (10, 20, "break"), (30, 40, "off"), (50, 60, "lunch"))

    assert in_seconds(replaced(old, told)) == [
        (0, 15, "work"),
        (15, 20, "break"),
        (50, 60, "lunch"),
        (60, 100, "work"),
    ]


def test_a_plan_that_is_over_or_empty_replaces_nothing() -> None:
    """It was said too late."""
    old = replaced((), schedule(0, (0, 100, "work")))

    assert replaced(old, schedule(60, (10, 60, "break"))) == old
    assert replaced(old, schedule(60)) == old


def test_a_plan_of_months_is_remembered_as_far_as_it_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The nearest part of it."""
    monkeypatch.setattr(plan_module, "MAX_CHARACTERS", 100)
    plan = replaced((), schedule(0, *[(n, n + 1, "work") for n in range(9)]))

    assert in_seconds(ahead(plan, at(2.5))) == [(2.5, 3, "work"), (3, 4, "work")]


def test_busy_slots_are_contacts_by_channel() -> None:
    """Two visits of one contact at once are one; nobody's channel counts nothing."""

    def chat(contact: str, visit: int, channel: str = "chat") -> Engagement:
        return Engagement("ann", contact, visit, "q", channel, ())

    in_hand = [chat("a", 1), chat("a", 2), chat("b", 1), chat("c", 1, "voice")]
    load = load_of((("chat", 3), ("email", 2), ("task", 0)), in_hand)

    assert dict(load) == {
        "slots_busy:chat": 2,
        "slots_offered:chat": 3,
        "slots_offered:email": 2,
    }
    assert utilization({}) == {}


def ann_of(staff: StaffPartition, seconds: float) -> PersonPart:
    staff.advance(at(seconds))
    [ann] = staff.persons()
    return ann


def restarted(staff: StaffPartition) -> StaffPartition:
    rows = [
        (key, value)
        for some in row_slices(staff, "callcenter", {})
        for key, value in some
        if value is not None
    ]
    return Restored(RULES, 1, rows).staff


@pytest.mark.parametrize("restart", [False, True])
def test_a_plan_of_a_month_is_kept_for_weeks(restart: bool) -> None:
    """Long after what was said is folded away, and over jumps of the clock."""
    shifts = [(n * DAY, n * DAY + 8 * HOUR, "work") for n in range(28)]
    staff = StaffPartition(RULES)
    staff.apply([schedule(0, *shifts)], 1 << 60)
    ready = AgentEvent(at(0), int(AgentKind.LOGGED_IN), "ann", slots=(("chat", 2),))
    staff.apply([ready], 1 << 60)
    for day in (1, 2, 9, 28):
        beat = AgentEvent(
            at(day * DAY), int(AgentKind.SOURCE_HEARTBEAT), "", source="s"
        )
        staff.apply([beat], 1 << 60)
        staff.take([], at(day * DAY))
        own = beat._replace(kind=int(AgentKind.READY), agent="ann")
        staff.apply([own], 1 << 60)
        ann = ann_of(staff, day * DAY + HOUR)
        staff.advance(at(day * DAY + HOUR))
        assert len(staff.people["ann"].spans) < 12
        if restart:
            before = staff.people["ann"].base
            staff = restarted(staff)
            assert staff.people["ann"].base == before

    assert ann.total["scheduled"] == ann.total["adhered"] == 28 * 8 * HOUR * 1000
    assert ann.total["slots_offered:chat"] == 2 * (28 * DAY + HOUR) * 1000
    assert adherence(ann.total) == 1
    assert staff.part(at(28 * DAY + HOUR)).everybody.total == ann.total


def test_a_clock_that_jumps_over_weeks_books_the_plan_between() -> None:
    """A timeline shows a day or two of the plan; time makes it anew."""
    shifts = [(n * DAY, n * DAY + 8 * HOUR, "work") for n in range(28)]
    staff = StaffPartition(RULES)
    staff.apply([schedule(0, *shifts)], 1 << 60)
    first = ann_of(staff, DAY)
    second = ann_of(staff, 20 * DAY)

    assert first.total == {"scheduled": 8 * HOUR * 1000}
    assert second.total == {"scheduled": 20 * 8 * HOUR * 1000}


def test_training_is_summed_beyond_memory() -> None:
    """In whichever parts it was said."""
    staff = StaffPartition(RULES)
    for day in range(10):
        kind = int(AgentKind.TRAINED)
        staff.apply([AgentEvent(at(day * DAY), kind, "ann", days=0.1)], 1 << 60)
        staff.take([], at(day * DAY))
        staff.advance(at(day * DAY))
        staff = restarted(staff)
    ann = ann_of(staff, 9 * DAY)

    assert len(staff.people["ann"].events) < 3
    assert ann.total == {"trained_micro_days": 1_000_000}
    assert ann.today == {"trained_micro_days": 100_000}


def test_a_contact_whose_channel_is_learnt_late_is_busy_from_its_beginning() -> None:
    """However far back that is in memory."""
    staff = StaffPartition(RULES)
    slots = (("chat", 2), ("voice", 1))
    staff.apply(
        [AgentEvent(at(0), int(AgentKind.LOGGED_IN), "ann", slots=slots)], at(0)
    )
    marks = ((at(10), "talking"), (at(20), ""))
    for channel in ("voice", "chat"):
        engagement = Engagement("ann", "c", 1, "q", channel, marks)
        staff.take([Telling("c", (engagement,))], at(20))
        ann = ann_of(staff, 900)

    assert {name: slots.busy_ms for name, slots in utilization(ann.total).items()} == {
        "chat": 10_000,
        "voice": 0,
    }
