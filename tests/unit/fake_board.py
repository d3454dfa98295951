"""A board in memory, and the sample that the tests of the edges show."""

from dataclasses import dataclass, field

from monitor.core import tally as t
from monitor.core.people.parts import GroupPart, PersonPart, StaffCounts
from monitor.core.rules import QueueRules
from monitor.core.view import PartitionCounts, PipelineView, QueueView

NOW = 1_795_165_500_000
"""2026-11-20T09:05:00Z."""


@dataclass
class FakeBoard:
    """A `Board` that shows what a test puts in."""

    views: list[QueueView] = field(default_factory=list)
    stale: list[tuple[str, str]] = field(default_factory=list)
    pipe: PipelineView = field(default_factory=PipelineView)
    at: int = NOW
    unknown_groups: list[str] = field(default_factory=list)
    people: list[GroupPart] = field(default_factory=list)
    agents: list[PersonPart] = field(default_factory=list)

    async def prepare(self) -> None:
        pass

    def queues(self) -> list[QueueView]:
        return self.views

    def stale_queues(self) -> list[tuple[str, str]]:
        return self.stale

    def groups(self) -> list[GroupPart]:
        return self.people

    def stale_groups(self) -> list[str]:
        return self.unknown_groups

    async def persons(self) -> list[PersonPart]:
        return self.agents

    def pipeline(self) -> PipelineView:
        return self.pipe

    def now(self) -> int:
        return self.at


TODAY: t.Tally = {
    t.OFFERED: 21,
    t.ANSWERED: 14,
    t.ANSWERED_WAIT: 210_000,
    t.ANSWERED_IN_TIME: 12,
    t.ANSWERED_LATE: 2,
    t.ABANDONED: 3,
    t.ABANDONED_WAIT: 47_000,
    t.ABANDONED_SHORT: 1,
    t.ABANDONED_IN_TIME: 1,
    t.ABANDONED_SHORT_IN_TIME: 1,
    f"{t.DIVERTED}overflow": 1,
    t.DIVERTED_IN_TIME: 1,
    t.CROSSED: 4,
    t.EXPIRED: 1,
    f"{t.REJECTED}closed": 2,
    t.HANDLED: 10,
    t.TALK: 1_500_000,
    t.HOLD: 90_000,
    t.ACW: 210_500,
    t.HELD: 3,
    t.UNFINISHED: 1,
    f"{t.TRANSFERRED}blind": 1,
    t.ALERTS: 19,
    f"{t.ALERT_ENDED}no_answer": 4,
    f"{t.ANSWER_WAIT_LE}5000": 4,
    f"{t.ANSWER_WAIT_LE}20000": 8,
    f"{t.ANSWER_WAIT_LE}inf": 2,
    f"{t.ABANDON_WAIT_LE}5000": 1,
    f"{t.ABANDON_WAIT_LE}20000": 1,
    f"{t.ABANDON_WAIT_LE}60000": 1,
    f"{t.HANDLE_LE}60000": 2,
    f"{t.HANDLE_LE}300000": 8,
}
LAST_5M: t.Tally = {
    t.OFFERED: 3,
    t.ANSWERED: 2,
    t.ANSWERED_WAIT: 21_500,
    t.ANSWERED_IN_TIME: 2,
    t.CROSSED: 1,
    f"{t.ANSWER_WAIT_LE}20000": 2,
}


def support() -> QueueView:
    """A busy queue of today, one correction, two contacts waiting."""
    return QueueView(
        queue="support",
        channel="voice",
        waiting=2,
        waiting_over_threshold=1,
        oldest_waiting=NOW - 34_500,
        phases={"alerting": 1, "talking": 3, "held": 1, "wrap_up": 0},
        agents_in_hand=4,
        windows={"5m": dict(LAST_5M), "today": dict(TODAY)},
        total=dict(TODAY),
        corrected={t.ANSWERED: 1, t.ANSWERED_WAIT: 7_000, f"{t.DIVERTED}key": 1},
        rules=QueueRules(target_ratio=0.85),
        waiting_max=5,
    )


def calm(queue: str = "chat desk", channel: str = "chat") -> QueueView:
    """A known queue in which nothing has happened."""
    rules = QueueRules(threshold_ms=60_000, policy="answered_only")
    return QueueView(queue=queue, channel=channel, rules=rules)


def sample_pipeline() -> PipelineView:
    """A ready worker that owns two partitions."""
    counts = {
        0: PartitionCounts(
            read=118,
            applied=100,
            duplicate=10,
            late=3,
            ignored=2,
            dead_letters={"not_json": 2, "odd": 1},
            future=1,
            last_event_at={"pbx:a": NOW - 1_500, "pbx:b": NOW - 60_000},
        ),
        10: PartitionCounts(read=5, applied=5, last_event_at={"pbx:b": NOW - 250}),
    }
    return PipelineView(
        counts=counts,
        last_event_at={n: count.last_event_at for n, count in counts.items()},
        staff={
            0: StaffCounts(
                read=40, applied=30, duplicate=5, late=1, ignored=2, folded=1, future=1
            )
        },
        staff_checkpoint_age_ms={0: 4_000},
        lag_ms={0: 1_500, 10: 250},
        lag_records={0: 7, 10: 0},
        checkpoint_age_ms={0: 400, 10: 0},
        ready=True,
        reason="",
    )


def people(name: str) -> GroupPart:
    """Five people, and what they did in an hour."""
    sums = {
        "talking": 5_400_000,
        "held": 60_000,
        "wrap_up": 340_000,
        "ringing": 20_000,
        "available": 5_780_000,
        "away:lunch": 1_800_000,
        "away:": 600_000,
        "slots_busy:chat": 9_000_000,
        "slots_offered:chat": 14_400_000,
        "adhered": 12_600_000,
        "scheduled": 14_000_000,
    }
    group = GroupPart(name=name, windows={"1h": sums, "today": sums}, total=sums)
    group.states |= {"talking": 2, "available": 1, "away": 2}
    group.away = {"lunch": 1, "": 1}
    group.oldest = {
        "talking": NOW - 65_000,
        "available": NOW - 4_000,
        "away": NOW - 1_200_000,
    }
    return group


def sample() -> FakeBoard:
    """Two queues that are known, one that is stale, a name that needs escaping."""
    return FakeBoard(
        views=[calm('say "hi"\\\n\x00', "email"), support()],
        stale=[("lost", "voice")],
        pipe=sample_pipeline(),
        people=[people(""), people("support")],
        unknown_groups=["lost"],
        agents=[
            PersonPart(
                agent="ann",
                state="talking",
                reason="",
                since=NOW - 65_000,
                queues=("support",),
                total={"talking": 600_000, "available": 300_000, "handled": 4},
                today={"talking": 60_000, "available": 60_000, "handled": 1},
            )
        ],
    )
