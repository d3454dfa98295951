"""One run: a Kafka, workers, a producer, faults at random instants, and the verdict.

Rule: `clock: event`. Now is then the newest event of each partition, so that the judge
can say exactly what every window, live count and expiry must be, whenever workers died;
by a wall clock the windows would depend on the instant of the last look.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.crew import Crew
from tests.faults.judge_sums import Terms
from tests.faults.lives import HORIZON_MS, Day, make_day
from tests.faults.plan import SESSION_SECONDS, Fault, make_plan
from tests.faults.producer import Feed, fence, send_everywhere
from tests.faults.proxy import Proxy
from tests.faults.scraper import Scraper
from tests.faults.verdict import Verdict
from tests.support.kafka import KafkaServer

APP = "faults"
PARTITIONS = 4
SPEED = 20
"""Event seconds in a second: a run of 3 minutes has an hour of events."""
MAX_AGE_MS = 1_200_000
CHANNELS = ("voice", "chat", "callback")
TERMS = Terms(
    horizon=HORIZON_MS,
    max_age=dict.fromkeys(CHANNELS, MAX_AGE_MS),
    threshold={"voice": 20_000, "callback": 20_000, "chat": 60_000},
)
SETTINGS: dict[str, object] = {
    "app": APP,
    "clock": "event",
    "session_timeout": f"{SESSION_SECONDS:g}s",
    "horizon": "5m",
    "topics.partitions": PARTITIONS,
    **{f"channels.{channel}.max_age": "20m" for channel in CHANNELS},
}
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Options:
    """What a run is told."""

    seed: int
    seconds: float
    workers: int = 3
    rate: float = 500.0
    long: bool = False


@dataclass
class Result:
    """What was done and what came of it."""

    options: Options
    done: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


class Run:
    """One run in `directory`; `say` prints."""

    def __init__(
        self, directory: Path, options: Options, say: Callable[[str], None]
    ) -> None:
        self._options = options
        self._say = say
        self._directory = directory
        self._began = time.monotonic()
        self._broker_lock = threading.Lock()
        self._proxy_lock = threading.Lock()

    def run(self) -> Result:
        """Do everything; nothing is left running."""
        options = self._options
        span = int(options.seconds * 1000 * SPEED)
        day = make_day(options.seed, int(options.rate * options.seconds), span)
        plan = make_plan(
            options.seed, options.seconds, options.workers, long=options.long
        )
        self._say("\n".join(map(str, plan)))
        proxy = self._proxy = Proxy()
        broker = self._broker = KafkaServer(
            self._directory / "kafka", proxy_port=proxy.port
        )
        proxy.target = broker.proxied_port
        with proxy, broker:
            crew = self._crew = Crew(self._directory, self._address, SETTINGS)
            try:
                return self._run(day, plan, crew)
            finally:
                crew.kill_all()

    def _address(self, slot: int) -> str:
        """Slot 0 comes by the proxy."""
        return self._broker.bootstrap if slot else f"127.0.0.1:{self._proxy.port}"

    def _run(self, day: Day, plan: list[Fault], crew: Crew) -> Result:
        options = self._options
        crew.tend(range(options.workers))
        self._wait(lambda: any(w.report().get("ready") for w in crew.workers()))
        feed = Feed(self._broker.bootstrap, day.records, options.rate)
        verdict = Verdict(self._broker.bootstrap, TERMS, crew.workers)
        result = Result(options)
        with Scraper(crew.workers) as scraper:
            feed.start()
            self._began = time.monotonic()
            self._play(plan, crew)
            self._tend_while(lambda: feed.sent < len(day.records), 300)
            feed.join(60)
            result.wrong += self._judge(day, verdict)
        ledger = scraper.ledger
        result.wrong += [f"went down: {line}" for line in ledger.fallen]
        result.wrong += [f"shown twice: {line}" for line in ledger.doubled]
        for slot in range(options.workers):
            if crew.running(slot):
                crew.end(slot)
        result.wrong += crew.strange
        result.wrong += [f"not sent: {line}" for line in feed.refused]
        result.done = {
            "records": feed.sent,
            **{f"events {name}": n for name, n in verdict.events().items()},
            **dict(sorted(crew.done.items())),
            "rebalances": crew.rebalances(),
            "scrapes": ledger.rounds,
            "scrapes with a series absent": ledger.absent,
        }
        return result

    def _judge(self, day: Day, verdict: Verdict) -> list[str]:
        bootstrap = self._broker.bootstrap
        asyncio.run(send_everywhere(bootstrap, day.end))
        began = time.monotonic()
        wrong = [f"live: {line}" for line in self._settle(verdict)]
        self._say(f"equal after {time.monotonic() - began:.1f} s" if not wrong else "")
        wrong += verdict.undeserved(day)
        # A day later everything is over: each visit is final, and is written once.
        asyncio.run(send_everywhere(bootstrap, day.end + DAY_MS))
        wrong += [f"a day later: {line}" for line in self._settle(verdict)]
        deadline = time.monotonic() + 20  # for the last checkpoint
        while (lines := verdict.written()) and time.monotonic() < deadline:
            time.sleep(1)
        return wrong + lines

    def _settle(self, verdict: Verdict) -> list[str]:
        stop = threading.Event()
        slots = range(self._options.workers)

        def tend() -> None:
            while not stop.wait(0.5):
                self._crew.tend(slots)

        tending = threading.Thread(target=tend)
        tending.start()
        try:
            return verdict.settle(seconds=90)
        finally:
            stop.set()
            tending.join()

    # -- faults ---------------------------------------------------------------------

    def _play(self, plan: list[Fault], crew: Crew) -> None:
        threads = []
        for fault in plan:
            due = self._began + fault.at
            self._tend_while(lambda: time.monotonic() < due, 3600)  # noqa: B023
            thread = threading.Thread(target=self._do, args=(fault,))
            thread.start()
            threads.append(thread)
        self._tend_while(lambda: any(t.is_alive() for t in threads), 200)
        for thread in threads:
            thread.join()
        self._proxy.heal()

    def _tend_while(self, condition: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while condition() and time.monotonic() < deadline:
            self._crew.tend(range(self._options.workers))
            time.sleep(0.05)

    def _do(self, fault: Fault) -> None:
        name = f"cut: {fault.detail}" if fault.detail else fault.what
        try:
            do: Callable[[Fault], bool] = getattr(self, f"_{fault.what}")
            done = do(fault)
        except Exception as error:  # noqa: BLE001 - the verdict tells
            self._crew.strange.append(f"{fault}: {error!r}")
            return
        self._crew.done[name if done else "skipped"] += 1

    def _kill(self, fault: Fault) -> bool:
        with self._crew.hold(fault.slot) as held:
            if not held or not self._crew.running(fault.slot):
                return False
            self._crew.kill(fault.slot)
            time.sleep(fault.seconds)
            self._crew.start(fault.slot)
            return True

    def _stop(self, fault: Fault) -> bool:
        with self._crew.hold(fault.slot) as held:
            if not held or not self._crew.running(fault.slot):
                return False
            self._crew.end(fault.slot)
            time.sleep(fault.seconds)
            self._crew.start(fault.slot)
            return True

    def _zombie(self, fault: Fault) -> bool:
        with self._crew.hold(fault.slot) as held:
            worker = self._crew.running(fault.slot)
            if not held or worker is None:
                return False
            worker.pause()
            time.sleep(fault.seconds)
            worker.go_on()
            return True

    _nap = _zombie

    def _join_and_leave(self, fault: Fault) -> bool:
        """One worker more, and one that leaves while the group still reassigns."""
        extra = self._options.workers + fault.slot
        with self._crew.hold(extra) as mine, self._crew.hold(fault.slot) as held:
            if not mine or not held or not self._crew.running(fault.slot):
                return False
            self._crew.start(extra)
            time.sleep(2.0 + fault.seconds / 3)
            self._crew.end(fault.slot)
            self._crew.start(fault.slot)
            time.sleep(fault.seconds)
            if self._crew.running(extra):
                self._crew.end(extra)
            else:
                self._crew.tend(range(extra, extra + 1))
            return True

    def _cut(self, fault: Fault) -> bool:
        if not self._proxy_lock.acquire(blocking=False):
            return False
        try:
            self._proxy.harm(fault.detail)
            time.sleep(fault.seconds)
            self._proxy.heal()
            return True
        finally:
            self._proxy_lock.release()

    def _fence(self, fault: Fault) -> bool:
        number = fault.slot % PARTITIONS
        owner = f"{APP}-contacts-{number}"
        with self._broker_lock:
            asyncio.run(fence(self._broker.bootstrap, owner))
        return True

    def _broker_stop(self, fault: Fault) -> bool:
        return self._restart(self._broker.stop, fault.seconds)

    def _broker_kill(self, fault: Fault) -> bool:
        return self._restart(self._broker.kill, fault.seconds)

    def _restart(self, end: Callable[[], None], seconds: float) -> bool:
        if not self._broker_lock.acquire(blocking=False):
            return False
        try:
            end()
            time.sleep(seconds)
            self._broker.start()
            return True
        finally:
            self._broker_lock.release()

    @staticmethod
    def _wait(condition: Callable[[], bool], seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError("the workers didn't get ready")
            time.sleep(0.2)
