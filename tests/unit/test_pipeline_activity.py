"""What contacts tell the partitions of people at a checkpoint."""

from typing import Any

import orjson
import pytest

from monitor.core.events import Event, Kind
from monitor.core.people.engagement import Telling
from monitor.core.rules import Rules
from monitor.pipeline import holding as holding_module
from monitor.pipeline.checkpoints import Checkpoint
from monitor.pipeline.held import Held
from monitor.pipeline.holding import Holding
from monitor.pipeline.homes import Homes
from monitor.wire.activity import decode_activity
from monitor.wire.migrations import META_KEY
from monitor.wire.state import restore

AT = 1_767_250_800_000
PARTITIONS = 4
HOMES = Homes(PARTITIONS)
HOUR_MS = 3_600_000


class FakeWriter:
    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}
        self.last: Checkpoint | None = None

    async def claim(self) -> None: ...

    async def close(self) -> None: ...

    async def commit(self, checkpoint: Checkpoint) -> int:
        self.last = checkpoint
        for key, value in checkpoint.rows:
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value
        return 1

    def heads(self) -> dict[int, bool]:
        """Whether each target was told that events are unread."""
        activity = {} if self.last is None else self.last.activity
        return {t: decode_activity(m[-1]).behind for t, m in activity.items()}


class Bench:
    """A partition of contacts whose checkpoints go nowhere."""

    def __init__(self, rows: dict[bytes, bytes] | None = None, **more: Any) -> None:
        self.writer = FakeWriter()
        self.writer.rows |= rows or {}
        self.partition = restore(Rules(), (rows or {}).items())
        self.holding = Holding(
            0,
            self.partition,
            self.writer,
            log_end=0,
            publish_visits=False,
            **{"homes": HOMES} | more,
        )

    def happens(
        self, contact: str, kind: Kind, seconds: float, agent: str = ""
    ) -> None:
        event = Event(AT + int(1000 * seconds), int(kind), contact, agent=agent)
        if kind in (Kind.QUEUED, Kind.ANSWERED):
            event = event._replace(queue="help")
        self.partition.apply([event], 1 << 60)
        self.partition.next_offset += 1

    async def told(self) -> dict[int, list[Telling]]:
        """What the next checkpoint tells, by target."""
        self.writer.last = None
        await self.holding.checkpoint()
        checkpoint: Any = self.writer.last
        return {
            target: [t for m in messages for t in decode_activity(m).tellings]
            for target, messages in checkpoint.activity.items()
        }


def people_at_home(target: int) -> str:
    return next(f"a{n}" for n in range(99) if HOMES.home_of(f"a{n}") == target)


ANN, BO = people_at_home(1), people_at_home(2)


def spoken(told: dict[int, list[Telling]]) -> dict[int, list[str]]:
    return {target: [t.contact for t in some] for target, some in told.items() if some}


async def test_only_who_is_concerned_hears_a_contact() -> None:
    """At home; and everybody hears how far the log was read."""
    bench = Bench()
    bench.happens("c1", Kind.QUEUED, 0)
    bench.happens("c2", Kind.QUEUED, 0)
    bench.happens("c2", Kind.ANSWERED, 5, ANN)
    told = await bench.told()

    assert told.keys() == set(range(PARTITIONS))
    assert spoken(told) == {1: ["c2"]}
    bench.happens("c1", Kind.ANSWERED, 6, BO)
    assert spoken(await bench.told()) == {2: ["c1"]}


async def test_silence_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who hears nothing else learns how far the log was read, but not each second."""
    bench = Bench()
    bench.happens("c1", Kind.QUEUED, 0)
    await bench.told()
    bench.happens("c2", Kind.QUEUED, 1)
    assert await bench.told() == {}
    monkeypatch.setattr(holding_module, "TOLD_SECONDS", 0.0)
    bench.happens("c3", Kind.QUEUED, 2)

    assert (await bench.told()).keys() == set(range(PARTITIONS))


async def test_whoever_heard_that_contacts_are_behind_hears_that_they_are_not() -> None:
    """Also when no event comes any more: people would stay in the past."""
    bench = Bench()
    bench.happens("c1", Kind.QUEUED, 0)
    for behind in (True, False):
        bench.holding.unread = behind
        assert await bench.told()
        assert bench.writer.heads() == dict.fromkeys(range(PARTITIONS), behind)
        assert bench.holding.is_due is False


async def test_a_successor_says_whether_it_is_behind() -> None:
    """Its predecessor may have said that it was."""
    bench = Bench()
    assert not bench.holding.is_due
    bench.happens("c1", Kind.QUEUED, 0)
    await bench.told()
    heir = Bench(bench.writer.rows)
    assert heir.holding.is_due
    await heir.told()

    assert heir.writer.heads() == dict.fromkeys(range(PARTITIONS), False)


async def test_who_handed_a_contact_over_hears_it_to_its_end() -> None:
    """Both agents' partitions do; the last word says that nothing will follow."""
    bench = Bench()
    bench.happens("c1", Kind.QUEUED, 0)
    bench.happens("c1", Kind.ANSWERED, 5, ANN)
    bench.happens("c1", Kind.ANSWERED, 60, BO)
    assert spoken(await bench.told()) == {1: ["c1"], 2: ["c1"]}
    bench.happens("c1", Kind.ENDED, 90, BO)
    await bench.told()
    bench.happens("c9", Kind.QUEUED, HOUR_MS / 1000)
    bench.partition.advance(AT + HOUR_MS)
    told = await bench.told()

    assert spoken(told) == {1: ["c1"], 2: ["c1"]}
    (word,) = told[1]
    assert (word.final, word.unchanged, word.engagements) == (True, True, ())


async def test_an_agent_who_turns_out_to_have_had_nothing_hears_so() -> None:
    """A late event may show that somebody else answered."""
    bench = Bench()
    bench.happens("c1", Kind.QUEUED, 0)
    bench.happens("c1", Kind.ANSWERED, 5, ANN)
    bench.happens("c1", Kind.ENDED, 65, ANN)
    await bench.told()
    bench.happens("c1", Kind.ABANDONED, 4)
    told = await bench.told()

    assert spoken(told) == {1: ["c1"]}
    assert told[1][0].engagements == ()


async def test_a_successor_tells_whom_its_predecessor_told() -> None:
    """Who heard of a contact is known from the contact itself."""
    bench = Bench()
    bench.happens("c1", Kind.QUEUED, 0)
    bench.happens("c1", Kind.ANSWERED, 5, ANN)
    await bench.told()
    heir = Bench(bench.writer.rows)
    assert heir.partition.dirty == {}
    heir.happens("c9", Kind.QUEUED, 2 * HOUR_MS / 1000)
    heir.happens("c1", Kind.ENDED, 2 * HOUR_MS / 1000, ANN)

    assert spoken(await heir.told()) == {1: ["c1"]}


async def test_state_from_before_people_were_told_is_told_whole() -> None:
    """An upgrade while calls go on: who talks is talking."""
    bench = Bench()
    bench.happens("c1", Kind.QUEUED, 0)
    bench.happens("c1", Kind.ANSWERED, 5, ANN)
    bench.happens("c2", Kind.QUEUED, 0)
    await bench.told()
    meta = orjson.loads(bench.writer.rows[META_KEY])
    del meta["told"]
    heir = Bench(bench.writer.rows | {META_KEY: orjson.dumps(meta)})

    assert spoken(await heir.told()) == {1: ["c1"]}


async def test_without_transactions_it_is_sent_after_the_checkpoint() -> None:
    """The embedded broker can't read what is in a transaction."""
    sent: list[tuple[int, bytes]] = []

    async def publish(target: int, message: bytes) -> None:
        assert bench.writer.last is not None
        sent.append((target, message))

    bench = Bench(publish=publish)
    bench.happens("c1", Kind.QUEUED, 0)
    bench.happens("c1", Kind.ANSWERED, 5, ANN)

    assert await bench.told() == {}
    assert {t: decode_activity(m).tellings for t, m in sent if t == 1}[1]
    assert isinstance(bench.holding, Held)


async def test_nobody_is_told_when_people_are_not_followed() -> None:
    """And once they are again, everything is told."""
    bench = Bench(homes=None)
    bench.partition.gone.is_told = False
    bench.happens("c1", Kind.QUEUED, 0)
    bench.happens("c1", Kind.ANSWERED, 5, ANN)
    assert await bench.told() == {}
    heir = Bench(bench.writer.rows)

    assert spoken(await heir.told()) == {1: ["c1"]}
