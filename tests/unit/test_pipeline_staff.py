"""The stream processor of people without a broker."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from monitor.clocks import EventClock, WallClock
from monitor.config import Settings
from monitor.core.people.engagement import Engagement, Telling
from monitor.core.people.events import AgentEvent, AgentKind
from monitor.core.people.parts import StaffMessage
from monitor.pipeline.batches import Batch, Flow, Record
from monitor.pipeline.checkpoints import Checkpoint
from monitor.pipeline.fatal import ForeignStateError, GapError, LogBehindStateError
from monitor.pipeline.holdings import Holdings
from monitor.pipeline.homes import Homes
from monitor.pipeline.mirror import Bounds, Mirror
from monitor.pipeline.staff import NO_ACTIVITY, RECORDS_A_TURN, Staff
from monitor.pipeline.staff_holding import StaffHolding
from monitor.pipeline.staff_partials import StaffPartials
from monitor.pipeline.streams import staff_stream
from monitor.pipeline.topics import AGENT_ACTIVITY, AGENTS
from monitor.wire.activity import Activity, encode_activity, encode_telling
from monitor.wire.agent_events import encode_agent_event
from monitor.wire.partials import decode_staff

AT = 1_767_250_800_000
TARGETS = 3


class FakeLog:
    """What survives a worker: the mirror, and the ends of the logs."""

    def __init__(self) -> None:
        self.mirror = Mirror()
        self.committed: list[Checkpoint] = []

    async def claim(self) -> None: ...

    async def close(self) -> None: ...

    async def commit(self, checkpoint: Checkpoint) -> int:
        self.committed.append(checkpoint)
        for key, value in checkpoint.rows:
            if value is None:
                self.mirror.rows.pop(key, None)
            else:
                self.mirror.rows[key] = value
        return len(self.committed)

    async def read(self, *_: Any) -> Mapping[int, Mirror]:
        return {0: self.mirror}


class Bench:
    """One worker's people in partition 0 of so many."""

    def __init__(
        self, log: FakeLog | None = None, *, partitions: int = 1, **settings: Any
    ) -> None:
        self.log = log or FakeLog()
        self.settings = Settings(**settings)
        self.homes = Homes(partitions)
        self.holdings: Holdings[StaffHolding] = Holdings(
            self.settings,
            staff_stream(self.settings, self.settings.staff_rules(), self.homes),
            make_writer=lambda _: self.log,
            read=self.log.read,
        )
        self.flow = Flow(session_seconds=10)
        self.sent: list[tuple[int, bytes | None]] = []
        self.told: list[tuple[int, StaffMessage]] = []
        self.staff = Staff(
            self.holdings, self.flow, EventClock(), self.homes, self._send_home
        )

    async def _send_home(self, record: Record, partition: int) -> None:
        self.sent.append((partition, record.value))

    async def _tell(
        self, topic: str, key: bytes, value: bytes, *, partition: int
    ) -> None:
        del topic
        assert key == b"s0"
        self.told.append((partition, decode_staff(value)))

    def partials(self) -> StaffPartials:
        return StaffPartials(
            self.settings, self.holdings, EventClock(), self._tell, TARGETS
        )

    async def claim(self) -> dict[tuple[str, int], int]:
        offsets = await self.holdings.claim({0}, 1)
        self.flow.open()
        return offsets

    @property
    def holding(self) -> StaffHolding:
        found = self.holdings.get(0)
        assert found is not None
        return found

    def states(self) -> dict[str, int]:
        staff = self.holding.staff
        part = staff.part(self.holding.now(EventClock()))
        return {state: n for state, n in part.everybody.states.items() if n}

    async def feed(self, topic: str, *values: bytes, start: int | None = None) -> None:
        start = self.holding.next[topic] if start is None else start
        records = [
            Record(topic, 0, start + place, AT, None, value)
            for place, value in enumerate(values)
        ]
        await self.staff.process(Batch(topic, 0, self.flow.epoch, start, records))


def said(agent: str, kind: AgentKind = AgentKind.LOGGED_IN, at: int = AT) -> bytes:
    return encode_agent_event(AgentEvent(at, int(kind), agent))


def talks(agent: str, contact: str, at: int = AT, *, behind: bool = False) -> bytes:
    """What contacts tell: the agent has the contact in hand."""
    engagement = Engagement(agent, contact, 1, "help", "voice", ((at, "talking"),))
    telling = Telling(contact, (engagement,))
    head = Activity(source=0, watermark=at, now=at, behind=behind)
    told = [encode_telling(telling, telling.engagements)]
    (message,) = encode_activity(head, told)
    return message


async def test_what_people_say_and_do_comes_together() -> None:
    """Both logs move one state, each with its own offset."""
    bench = Bench()
    assert await bench.claim() == {(AGENTS, 0): 0, (AGENT_ACTIVITY, 0): 0}
    await bench.feed(AGENTS, said("ann"), said("bo"), said("cy"))
    await bench.feed(AGENT_ACTIVITY, talks("bo", "c1"))

    assert bench.states() == {"talking": 1, "available": 2}
    assert bench.holding.next == {AGENTS: 3, AGENT_ACTIVITY: 1}


async def test_a_successor_goes_on_where_the_checkpoint_ends() -> None:
    """What came after it is read again, and changes nothing twice."""
    bench = Bench()
    await bench.claim()
    await bench.feed(AGENTS, said("ann"), said("bo"))
    await bench.holding.checkpoint()
    await bench.feed(AGENT_ACTIVITY, talks("bo", "c1"))
    bench.log.mirror.logs = {AGENTS: Bounds(0, 2), AGENT_ACTIVITY: Bounds(0, 1)}
    heir = Bench(bench.log)

    assert await heir.claim() == {(AGENTS, 0): 2, (AGENT_ACTIVITY, 0): 0}
    await heir.feed(AGENT_ACTIVITY, talks("bo", "c1"))
    assert heir.states() == bench.states() == {"talking": 1, "available": 1}


async def test_records_that_are_in_the_state_are_skipped() -> None:
    """A batch may begin before the state, never after it."""
    bench = Bench()
    await bench.claim()
    await bench.feed(AGENTS, said("ann"), said("bo"))
    await bench.feed(AGENTS, said("ann"), said("bo"), said("cy"), start=0)

    assert bench.holding.staff.counts.read == 3
    with pytest.raises(GapError, match="at offset 3, the batch begins at 5"):
        await bench.feed(AGENTS, said("dee"), start=5)


async def test_a_batch_of_an_earlier_epoch_is_dropped() -> None:
    """Also in the middle of it: the rest is read again."""
    bench = Bench()
    await bench.claim()
    many = [said(f"a{n}") for n in range(RECORDS_A_TURN + 5)]
    processing = asyncio.create_task(bench.feed(AGENTS, *many))
    await asyncio.sleep(0)
    bench.flow.close()
    await processing

    assert bench.holding.next[AGENTS] == RECORDS_A_TURN


async def test_who_is_at_home_elsewhere_is_sent_there() -> None:
    """And the checkpoint waits until that is acknowledged; a copy is taken as it is."""
    bench = Bench(partitions=4)
    await bench.claim()
    people = [f"a{n}" for n in range(40)]
    await bench.feed(AGENTS, *(said(name) for name in people))
    await bench.holding.checkpoint()
    here = {name for name in people if bench.homes.home_of(name) == 0}

    assert 0 < len(here) < 40
    assert bench.holding.staff.people.keys() == here
    assert sorted(bench.sent) == sorted(
        (bench.homes.home_of(name), said(name)) for name in people if name not in here
    )
    copy = Record(AGENTS, 0, 40, AT, None, said("a1"), [("callcenter-spread", b"1")])
    await bench.staff.process(Batch(AGENTS, 0, bench.flow.epoch, 40, [copy]))
    assert "a1" in bench.holding.staff.people


async def test_bad_records_are_dead_letters() -> None:
    """Of both logs; unknown types are counted and ignored."""
    bench = Bench()
    await bench.claim()
    await bench.feed(AGENTS, b"{", b'{"type":"agent.new","at":1}', said("ann"))
    await bench.feed(AGENT_ACTIVITY, b"{}", b"[1]", b"", talks("ann", "c1"))
    await bench.holding.checkpoint()
    counts = bench.holding.staff.counts

    assert counts.dead_letters == {"not_json": 1, NO_ACTIVITY: 3}
    assert (counts.applied, counts.ignored) == (1, 1)
    letters = bench.log.committed[-1].dead_letters
    assert [letter.value for letter in letters] == [b"{", b"{}", b"[1]", b""]
    assert bench.states() == {"talking": 1}


async def test_people_live_in_the_time_of_contacts_that_are_behind() -> None:
    """Who talks may long have hung up: no time passes before that is known."""
    bench = Bench()
    wall = WallClock(lambda: AT + 3_600_000)
    await bench.claim()
    await bench.feed(AGENT_ACTIVITY, talks("ann", "c1", behind=True))
    assert bench.holding.now(wall) == AT
    await bench.feed(AGENT_ACTIVITY, talks("ann", "c1"))

    assert bench.holding.now(wall) == AT + 3_600_000


async def test_state_of_another_app_or_another_log_is_refused() -> None:
    """Before anything is read on."""
    bench = Bench(app="one")
    await bench.claim()
    await bench.feed(AGENTS, said("ann"))
    await bench.holding.checkpoint()

    bench.log.mirror.logs = {AGENTS: Bounds(0, 1)}
    with pytest.raises(ForeignStateError, match="written by the app 'one'"):
        await Bench(bench.log, app="two").claim()
    bench.log.mirror.logs = {AGENTS: Bounds(0, 0)}
    with pytest.raises(LogBehindStateError, match="the log ends at 0"):
        await Bench(bench.log, app="one").claim()


async def test_every_target_hears_everything_and_then_what_changed() -> None:
    """Everybody is one group, whose owner is one target."""
    bench = Bench()
    await bench.claim()
    login = AgentEvent(
        AT, int(AgentKind.LOGGED_IN), "ann", says_queues=True, queues=("help", "vip")
    )
    await bench.feed(AGENTS, encode_agent_event(login))
    partials = bench.partials()
    await partials.tick()
    told = [group.name for _, message in bench.told for group in message.groups]

    assert {target for target, _ in bench.told} == set(range(TARGETS))
    assert sorted(told) == ["", "help", "vip"]
    bench.told.clear()
    await partials.tick()
    assert bench.told == []
    await bench.feed(AGENTS, said("ann", AgentKind.AWAY, AT + 1))
    await partials.tick()
    assert all(not message.complete for _, message in bench.told)
    assert sorted(g.name for _, m in bench.told for g in m.groups) == [
        "",
        "help",
        "vip",
    ]
