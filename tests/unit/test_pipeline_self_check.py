"""The worker's looks at its own state: they find what is wrong, and nothing else."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from monitor.core.phases import Phase
from monitor.core.tally import OFFERED
from monitor.pipeline import fatal
from monitor.pipeline.self_check import SelfCheck
from tests.unit.test_pipeline_contacts import AT, Bench, FakeLog, queued

NOW = AT + 1_000


class Check(SelfCheck):
    """Of a bench with contacts in two queues, reading its mirror from memory."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(
            bench.settings, bench.holdings, self._from_memory, random.Random(1)
        )
        self.bench = bench
        self.error: Exception | None = None

    async def _from_memory(
        self, number: int, end: int, keep: Callable[[bytes], bool]
    ) -> dict[bytes, bytes]:
        if self.error is not None:
            raise self.error
        assert end == len(self.bench.log.committed)
        rows = self.bench.log.mirrors[number].rows
        return {key: value for key, value in rows.items() if keep(key)}

    async def look(self) -> dict[str, int]:
        self._rest_until = 0.0
        await self.tick()
        return {name: count for name, count in self.results.items() if count}


async def check_of(log: FakeLog | None = None) -> Check:
    bench = Bench(log)
    await bench.claim()
    records = [queued(f"c{n}", queue=f"q{n % 2}") for n in range(30)]
    await bench.contacts.process(bench.batch(0, *records))
    bench.holding().partition.advance(NOW)
    return Check(bench)


async def test_a_sound_state_is_equal_to_its_mirror() -> None:
    """The look makes a checkpoint of its own, so there is always one to compare."""
    check = await check_of()

    assert await check.look() == {"equal": 1}
    assert await check.look() == {"equal": 2}
    assert len(check.bench.log.committed) == 2


async def test_a_worker_without_partitions_looks_at_nothing() -> None:
    check = Check(Bench())

    assert await check.look() == {}


async def test_a_row_that_was_forgotten_is_found(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A change that nobody marked would be lost by the next takeover."""
    check = await check_of()
    await check.look()
    contact = check.bench.holding().partition.contacts["c7"]
    contact.clocked = AT + 5

    assert await check.look() == {"equal": 1, "different": 1}
    assert "1 rows of contacts differ from the mirror" in caplog.text
    assert "c7" not in caplog.text


async def test_a_pane_that_is_not_in_the_mirror_is_found() -> None:
    check = await check_of()
    await check.look()
    check.bench.log.mirrors[0].rows.pop(b'q["q1","voice","t",0]')

    assert await check.look() == {"equal": 1, "different": 1}


async def test_a_row_that_should_be_gone_is_found() -> None:
    """It would come back to life at a takeover."""
    check = await check_of()
    await check.look()
    rows = check.bench.log.mirrors[0].rows
    rows[b"cghost"] = rows[b"cc7"]

    assert await check.look() == {"equal": 1, "different": 1}


@pytest.mark.parametrize(
    "harm, told",
    [
        ("phases", "waiting, of its contacts 15 are"),
        ("waiting", "14 waiting, of its contacts 15 are"),
        ("window", "window 5m isn't the sum of its panes"),
        ("law", "drift 1"),
    ],
)
async def test_what_disagrees_in_memory_is_found(
    harm: str, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Live counts, windows and the law are counted anew from their source."""
    check = await check_of()
    await check.look()
    state = check.bench.holding().partition.queue_state("q1", "voice")
    if harm == "phases":
        state.by_phase[Phase.WAITING] += 1
    elif harm == "waiting":
        state.waiting.pop()
    elif harm == "window":
        state.panes.fine.windows[0].sums[OFFERED] += 1
    else:
        state.panes.total[OFFERED] += 1

    assert (await check.look())["different"] == 1
    assert told in caplog.text


async def test_a_broker_that_does_not_answer_is_no_difference() -> None:
    check = await check_of()
    check.error = KafkaConnectionError("gone")

    assert await check.look() == {"unread": 1}


async def test_who_was_fenced_meanwhile_ends_instead_of_reporting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It read what its successor wrote."""
    ended: list[BaseException] = []

    def end(error: BaseException, _: str) -> Any:
        ended.append(error)
        raise SystemExit

    monkeypatch.setattr("monitor.pipeline.holding.end_process", end)
    check = await check_of()
    await check.look()
    log = check.bench.log
    log.mirrors[0].rows[b"cghost"] = b"[]"
    commits = log.make_writer(0).commit
    seen = len(log.committed)

    async def commit(checkpoint: Any) -> int:
        if len(log.committed) > seen:
            raise fatal.FencedError("somebody else has it")
        return await commits(checkpoint)

    monkeypatch.setattr(check.bench.holding()._writer, "commit", commit)
    with pytest.raises(SystemExit):
        await check.look()

    assert isinstance(ended[0], fatal.FencedError)
    assert check.results["different"] == 0


async def test_a_dear_look_is_followed_by_a_long_rest() -> None:
    check = await check_of()
    await check.tick()
    await check.tick()

    assert sum(check.results.values()) == 1
