"""One run: a Kafka, workers, a producer, faults at random instants, and the verdict.

Rule: nothing is shared with another run, so that several can go on beside each other:
each has its broker, its ports, its directory and its app. Nothing is left running.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults import endings
from tests.faults.acts import Acts
from tests.faults.crew import Crew
from tests.faults.day import Day, Record, make_day
from tests.faults.modes import MODES, SPEED
from tests.faults.plan import Fault, make_plan
from tests.faults.producer import Feed
from tests.faults.proxy import Proxy
from tests.faults.real_time import SILENCE_MS, RealTime
from tests.faults.results import Options, Result
from tests.faults.scraper import Scraper
from tests.faults.verdict import Verdict
from tests.support.kafka import KafkaServer

READY_SECONDS = 60.0
PLAYED_SECONDS = 200.0
"""The longest that a fault can take."""
SENT_SECONDS = 300.0
"""The longest that what is to be sent can lie when no fault is left."""


class Run:
    """One run in `directory`; `say` prints."""

    def __init__(
        self, directory: Path, options: Options, say: Callable[[str], None]
    ) -> None:
        self._directory = directory
        self._options = options
        self._mode = MODES[options.clock]
        self._app = f"faults-{options.seed}"
        self._slots = range(options.workers)
        self._say = say

    def run(self) -> Result:
        """Do everything."""
        options = self._options
        calm = SILENCE_MS[0] / 1000 if self._mode.is_wall else 0.0
        plan = make_plan(
            options.seed, options.seconds - calm, options.workers, long=options.long
        )
        self._say("\n".join(map(str, plan)))
        span = int(options.seconds * 1000 * SPEED)
        day = make_day(options.seed, int(options.rate * options.seconds), span)
        proxy = Proxy()
        broker = KafkaServer(self._directory / "kafka", proxy_port=proxy.port)
        proxy.target = broker.proxied_port
        addresses = (f"127.0.0.1:{proxy.port}", broker.bootstrap)
        with proxy, broker:
            crew = Crew(
                self._directory,
                lambda slot: addresses[slot > 0],
                self._mode.settings(self._app),
            )
            try:
                acts = Acts(self._app, crew, broker, proxy, options.workers)
                return self._run(day, plan, crew, acts, broker.bootstrap)
            finally:
                crew.kill_all()

    def _run(
        self, day: Day, plan: list[Fault], crew: Crew, acts: Acts, bootstrap: str
    ) -> Result:
        self._start(crew)
        day, due = self._timed(day)
        feed = Feed(bootstrap, day.records, due)
        verdict = Verdict(bootstrap, self._mode, crew.workers)
        result = Result(self._options.seed, self._options.workers)
        with Scraper(crew.workers) as scraper:
            feed.start()
            self._play(plan, crew, acts)
            self._tend_while(crew, lambda: feed.sent < len(day.records), SENT_SECONDS)
            feed.join(60.0)
            with self._tended(crew):
                result.wrong += endings.end(
                    bootstrap, self._mode, day, verdict, self._say
                )
        result.wrong += scraper.ledger.wrong()
        crew.end_all()
        result.wrong += crew.strange
        result.wrong += [f"not sent: {line}" for line in feed.refused]
        result.done = {
            "records": feed.sent,
            **{f"events {name}": n for name, n in verdict.events().items()},
            **dict(sorted(crew.done.items())),
            "rebalances": crew.rebalances(),
            "takeovers": crew.takeovers(),
            "self-checks": int(
                sum(sound for sound, _ in scraper.ledger.looks.values())
            ),
            "scrapes": scraper.ledger.rounds,
            "scrapes with a queue shown by nobody": scraper.ledger.absent,
            "scrapes with a queue told as unknown": scraper.ledger.unknown,
        }
        return result

    def _start(self, crew: Crew) -> None:
        crew.tend(self._slots)
        deadline = time.monotonic() + READY_SECONDS
        while not any(worker.report().get("ready") for worker in crew.workers()):
            if time.monotonic() > deadline:
                raise TimeoutError("no worker got ready")
            time.sleep(0.2)

    def _timed(self, day: Day) -> tuple[Day, Callable[[int, Record], float]]:
        """The day as it is sent from now on, and when each record is due."""
        began = time.monotonic()
        if not self._mode.is_wall:
            rate = self._options.rate
            return day, lambda count, _: began + count / rate
        begin = int(time.time() * 1000)
        end = begin + int(self._options.seconds * 1000)
        day = RealTime(begin, SPEED).day(day, end)
        return day, lambda _, record: began + (record.arrives - begin) / 1000

    def _play(self, plan: list[Fault], crew: Crew, acts: Acts) -> None:
        began = time.monotonic()
        for fault in plan:
            due = began + fault.at
            self._tend_while(crew, lambda: True, due - time.monotonic())
            acts.begin(fault)
        self._tend_while(crew, lambda: not acts.are_over, PLAYED_SECONDS)
        acts.end()

    def _tend_while(
        self, crew: Crew, condition: Callable[[], bool], seconds: float
    ) -> None:
        deadline = time.monotonic() + seconds
        while condition() and time.monotonic() < deadline:
            crew.tend(self._slots)
            time.sleep(0.05)

    @contextmanager
    def _tended(self, crew: Crew) -> Iterator[None]:
        """Workers that end are started again, in a thread of its own."""
        over = threading.Event()

        def tend() -> None:
            while not over.wait(0.5):
                crew.tend(self._slots)

        tending = threading.Thread(target=tend)
        tending.start()
        try:
            yield
        finally:
            over.set()
            tending.join()
