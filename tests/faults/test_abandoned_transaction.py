"""A transaction that nobody ends, and nobody takes over: the broker aborts it itself.

Rule: what was in it is as if it had never been sent. The worker that held it finds out
when it is heard again, ends, and one that starts anew reads on from the checkpoint
before.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from aiokafka import AIOKafkaConsumer

from tests.faults import endings
from tests.faults.crew import FENCED, Crew
from tests.faults.day import make_day
from tests.faults.modes import MODES
from tests.faults.producer import Feed
from tests.faults.proxy import Proxy
from tests.faults.scraper import Scraper
from tests.faults.verdict import VISITS, Verdict, first
from tests.support.feeding import read_all
from tests.support.kafka import KafkaServer
from tests.support.workers import wait_for_exit

RATE = 400.0
SECONDS = 40
"""How long records come: from before the transaction until after its end."""
SPEED = 60
"""Event seconds in a second: visits are final, and in transactions, after 6 s."""
ABORTED = "Completed rollback of ongoing transaction for transactionalId"
BY_TIMEOUT = "due to timeout"


class PromptBroker(KafkaServer):
    """Looks for transactions that take too long every second, not every ten."""

    def _properties(self) -> str:
        name = "transaction.abort.timed.out.transaction.cleanup.interval.ms"
        return f"{super()._properties()}{name}=1000\n"


class Scene(NamedTuple):
    """What becomes of a worker that isn't heard in the middle of a transaction."""

    name: str
    is_paused: bool
    session: str


PAUSED = Scene("paused", is_paused=True, session="35s")
"""A session that outlives the transaction: the group keeps the worker, so that nothing
but the broker's abort is in its way."""
CUT_OFF = Scene("cut-off", is_paused=False, session="6s")
"""It goes on, and its commit reaches the broker when that has aborted."""


@pytest.mark.usefixtures("kafka_parts")
@pytest.mark.timeout(300)
def test_a_transaction_that_the_broker_aborted_leaves_no_trace(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Rows of it are never read, its worker ends with 4, and every number is equal."""
    caplog.set_level(logging.CRITICAL, "aiokafka")
    with ThreadPoolExecutor(2) as pool:
        wrong = list(pool.map(lambda scene: _play(scene, tmp_path), (PAUSED, CUT_OFF)))

    assert wrong == [[], []], "\n".join(map(first, wrong))


def _play(scene: Scene, parent: Path) -> list[str]:
    """Everything that is wrong in the end."""
    directory = parent / scene.name
    directory.mkdir()
    mode = MODES["event"]
    day = make_day(11, int(RATE * SECONDS), SECONDS * SPEED * 1_000)
    proxy = Proxy()
    broker = PromptBroker(directory / "kafka", proxy_port=proxy.port)
    proxy.target = broker.proxied_port
    with proxy, broker:
        settings = mode.settings(scene.name) | {"session_timeout": scene.session}
        crew = Crew(directory, lambda _: f"127.0.0.1:{proxy.port}", settings)
        try:
            worker = crew.start(0)
            _wait("a worker", lambda: bool(worker.report().get("ready")))
            began = time.monotonic()
            feed = Feed(
                broker.bootstrap, day.records, lambda count, _: began + count / RATE
            )
            with Scraper(crew.workers) as scraper:
                feed.start()
                _wait("final visits", lambda: asyncio.run(_has_visits(broker)))
                held = _hold_a_transaction(proxy, broker.bootstrap)
                if scene.is_paused:
                    worker.pause()
                _wait("the broker's abort", lambda: _aborted(broker.log) >= held)
                if scene.is_paused:
                    worker.go_on()
                proxy.heal()
                code = wait_for_exit(worker)
                crew.tend(range(1))
                feed.join(SECONDS + 60)
                verdict = Verdict(broker.bootstrap, mode, crew.workers)
                wrong = endings.end(broker.bootstrap, mode, day, verdict, print)
            crew.end_all()
        finally:
            crew.kill_all()
    if code != FENCED:
        wrong.append(f"exit {code}")
    return wrong + crew.strange + scraper.ledger.wrong()


def _hold_a_transaction(proxy: Proxy, bootstrap: str) -> set[int]:
    """Cut the worker off in the middle of transactions; gives their partitions."""
    for _ in range(5):
        proxy.harm("delay")  # so that a transaction takes seconds
        _wait("a transaction", lambda: bool(asyncio.run(_unsettled(bootstrap))))
        proxy.harm("stall")
        time.sleep(1.0)
        held = asyncio.run(_unsettled(bootstrap))
        if held:
            return held
        proxy.heal()  # its end was quicker
    raise AssertionError("no transaction could be held")


async def _has_visits(broker: KafkaServer) -> bool:
    return bool(await read_all(broker.bootstrap, VISITS))


async def _unsettled(bootstrap: str) -> set[int]:
    """Partitions in which an open transaction has visits: its last records but for
    dead letters."""
    uncommitted = await _ends(bootstrap, "read_uncommitted")
    committed = await _ends(bootstrap, "read_committed")
    return {number for number, end in uncommitted.items() if end > committed[number]}


async def _ends(bootstrap: str, isolation: str) -> dict[int, int]:
    consumer = AIOKafkaConsumer(
        VISITS,
        bootstrap_servers=bootstrap,
        isolation_level=isolation,
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        ends = await consumer.end_offsets(consumer.assignment())
    finally:
        await consumer.stop()
    return {tp.partition: end for tp, end in ends.items()}


def _aborted(log: Path) -> set[int]:
    """Partitions whose transactions the broker aborted because they took too long."""
    return {
        int(line.partition(ABORTED)[2].split()[0].rpartition("-")[2])
        for line in log.read_text(errors="replace").splitlines()
        if ABORTED in line and BY_TIMEOUT in line
    }


def _wait(what: str, condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} didn't come")
        time.sleep(0.1)
