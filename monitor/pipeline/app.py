"""The pipeline of one worker, put together. Nothing is created at import.

Rule: an event's way reads straight here: `contacts` takes batches to the partitions,
`partials` tells the queues' owners, `queues` merges, the board is read by the edges.
What Faust does: membership of the group, rebalances, fetches, back-pressure.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from aiokafka.errors import KafkaError
from faust.types import TP

from monitor import clocks
from monitor.config import Settings
from monitor.pipeline import topics
from monitor.pipeline.batches import Batch, BatchApp, Flow
from monitor.pipeline.contacts import Contacts
from monitor.pipeline.fatal import end_process
from monitor.pipeline.faust_app import PEOPLE, make_app
from monitor.pipeline.health import LoopWatch, collect_when_quiet, tune_collector
from monitor.pipeline.held import Held
from monitor.pipeline.holdings import Holdings
from monitor.pipeline.homes import Homes
from monitor.pipeline.metrics_topic import MetricsTopic
from monitor.pipeline.mirror import read_ranges
from monitor.pipeline.outbox import Outbox
from monitor.pipeline.partials import Partials
from monitor.pipeline.queues import Queues, WorkerBoard
from monitor.pipeline.self_check import SelfCheck
from monitor.pipeline.staff import Staff
from monitor.pipeline.staff_partials import StaffPartials
from monitor.pipeline.streams import contacts_stream, staff_stream

log = logging.getLogger(__name__)

LOOK_BACK_MS = 15_000
"""How far back partials are read by a queue's new owner: three complete intervals."""
METRICS_SECONDS = 1.0
RETRY_SECONDS = 1.0
PARTITIONED = (
    topics.CONTACTS,
    topics.CONTACTS_STATE,
    *PEOPLE,
    topics.STAFF_STATE,
    topics.QUEUE_PARTIALS,
)
"""Topics that must have one and the same number of partitions."""
STAFF_CHECKPOINTS = 5
"""People are checkpointed this many times as rarely as contacts: each time takes rows
of all of their queues, and what is read again after a crash is little."""
TAKEOVER_SECONDS = 80.0
"""Faust stops waiting for a seek after `broker_request_timeout`, 90 s, and would go on
without it; a takeover that takes longer ends the process before."""
REST_FACTOR = 9
"""What runs on its own rests this many times as long as it took: a tenth at most."""
LONGEST_REST_SECONDS = 2.0
"""But never so long that a partition counts as unheard."""


class Pipeline:
    """Contacts and queues of one worker, and the board that shows them."""

    def __init__(self, settings: Settings) -> None:
        """Put everything together; nothing connects before `start`."""
        self._settings = settings
        clock = clocks.from_settings(settings)
        flow = Flow(session_seconds=settings.session_timeout / 1000)
        self._homes = Homes()
        publish = self._publish_activity if settings.embedded else None
        self.holdings = Holdings(
            settings, contacts_stream(settings, settings.rules(), self._homes, publish)
        )
        self.staff = Holdings(
            settings, staff_stream(settings, settings.staff_rules(), self._homes)
        )
        self._queues = Queues(settings, flow)
        self._self_check = SelfCheck(settings, self.holdings)
        self._loop_watch = LoopWatch()
        self.board = WorkerBoard(
            self._queues,
            self.holdings,
            self.staff,
            flow,
            clock,
            self._end_of_log,
            self._self_check,
            self._loop_watch,
        )
        self._clock = clock
        self._flow = flow
        self._outbox = Outbox(settings)
        self._metrics = MetricsTopic(self._queues, self._outbox.send)
        self._contacts = Contacts(
            settings, self.holdings, flow, clock, self._outbox.spread
        )
        self._people = Staff(
            self.staff, flow, clock, self._homes, self._outbox.send_home
        )
        self._partitions = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._taken_over = asyncio.Event()
        """Set when partitions were taken over: their numbers are told at once."""
        self.app: BatchApp | None = None

    async def start(self) -> None:
        """Join the group; returns after the first assignment.

        Raises:
            KafkaUnreachableError: the broker was lost meanwhile.
            DifferentPartitionsError: the topics don't have one number of partitions.
        """
        try:
            await self._start()
        except KafkaError as error:
            raise topics.KafkaUnreachableError(
                f"Kafka at {self._settings.bootstrap} was lost while starting: {error}"
            ) from error

    async def _start(self) -> None:
        await self._outbox.start()
        self._partitions = await self._count_partitions()
        self._homes.spread_over(self._partitions)
        app = self.app = make_app(
            self._settings, self._flow, self._take_over, self._process
        )
        on_revoked: Any = self._on_revoked
        app.on_partitions_revoked.connect(on_revoked, weak=False)
        partials = Partials(
            self._settings,
            self.holdings,
            self._clock,
            self._end_of_log,
            self._outbox.send,
            self._partitions,
        )
        staff_partials = StaffPartials(
            self._settings, self.staff, self._clock, self._outbox.send, self._partitions
        )
        self.board.starting = "joining the consumer group"
        checkpoint_seconds = self._settings.checkpoint.interval / 1000
        partial_seconds = self._settings.partials.interval / 1000
        self._repeat(checkpoint_seconds, self._checkpoint, "checkpoints")
        staff_seconds = STAFF_CHECKPOINTS * checkpoint_seconds
        self._repeat(staff_seconds, self._checkpoint_staff, "checkpoints of people")
        self._repeat(partial_seconds, partials.tick, "partials", self._taken_over)
        self._repeat(partial_seconds, staff_partials.tick, "partials of people")
        self._repeat(METRICS_SECONDS, self._publish, "queue metrics")
        check_seconds = self._settings.self_check.interval / 1000
        self._repeat(check_seconds, self._self_check.tick, "self-check")
        self._tasks.append(asyncio.create_task(self._loop_watch.watch()))
        tune_collector()  # while there is no state yet that it would have to walk
        await app.start()
        self._tasks.append(asyncio.create_task(collect_when_quiet(self.holdings)))

    async def _count_partitions(self) -> int:
        counts = {name: await self._outbox.partitions(name) for name in PARTITIONED}
        if len(set(counts.values())) > 1:
            raise DifferentPartitionsError(counts)
        return counts[topics.CONTACTS]

    async def run(self) -> None:
        """Return when the app ends by itself, which it only does when it fails.

        Raises:
            AppEndedError: always.
        """
        app = self._running()
        await app.wait_until_stopped()
        raise AppEndedError(f"the Faust app ended: {app.crash_reason!r}")

    async def stop(self) -> None:
        """Checkpoint everything, let go of it, and leave the group."""
        if self.app is not None:
            self.app.consumer.stop_flow()
        await asyncio.gather(self.holdings.close(), self.staff.close())
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.app is not None:
            await self.app.stop()
        await self._outbox.stop()

    def _running(self) -> BatchApp:
        if self.app is None:
            raise RuntimeError("the pipeline wasn't started")
        return self.app

    # -- what runs on its own ----------------------------------------------------

    def _repeat(
        self,
        seconds: float,
        do: Callable[[], Awaitable[None]],
        name: str,
        wake: asyncio.Event | None = None,
    ) -> None:
        """Do it again and again; `wake` ends a rest before its time."""
        wake = wake or asyncio.Event()

        async def repeat() -> None:
            pause = seconds
            while True:
                await _rest(pause, wake)
                began = time.monotonic()
                try:
                    await do()
                except KafkaError as error:
                    log.warning("doing=%s state=retrying error=%r", name, error)
                except Exception as error:  # noqa: BLE001, ends the process
                    end_process(error, name)
                # Catching up, a look at the numbers costs more (event time flies) and
                # is worth less: never more than its share of the time.
                rest = (time.monotonic() - began) * REST_FACTOR
                pause = max(seconds, min(rest, LONGEST_REST_SECONDS))

        self._tasks.append(asyncio.create_task(repeat(), name=name))

    async def _checkpoint(self) -> None:
        for holding in self.holdings:
            if holding.age_ms() and not holding.is_committing:
                # Not awaited: a slow partition must not delay the others.
                holding.checkpoint()

    async def _checkpoint_staff(self) -> None:
        for holding in self.staff:
            if holding.age_ms() and not holding.is_committing:
                holding.checkpoint()

    async def _publish_activity(self, target: int, message: bytes) -> None:
        await self._outbox.send(topics.AGENT_ACTIVITY, None, message, partition=target)

    async def _publish(self) -> None:
        await self._metrics.tick(self.board.now())

    async def _process(self, batch: Batch) -> None:
        try:
            if batch.topic == topics.CONTACTS:
                await self._contacts.process(batch)
            elif batch.topic in PEOPLE:
                await self._people.process(batch)
            else:
                await self._queues.process(batch)
        except Exception as error:  # noqa: BLE001, ends the process
            end_process(error, f"batch of {batch.topic} {batch.partition}")

    # -- rebalances ---------------------------------------------------------------

    async def _on_revoked(self, _: Any, revoked: AbstractSet[TP], **__: Any) -> None:
        numbers = {tp.partition for tp in revoked if tp.topic == topics.CONTACTS}
        held: list[Held] = [h for h in self.holdings if h.number in numbers]
        held += [h for h in self.staff if h.number in numbers]
        log.info("state=revoking partitions=%d", len(revoked))
        # So that the successor starts without replay.
        await asyncio.gather(*(holding.checkpoint() for holding in held))

    async def _take_over(
        self, assigned: AbstractSet[TP], generation: int
    ) -> Mapping[TP, int]:
        log.info(
            "state=assigned generation=%d partitions=%d", generation, len(assigned)
        )
        try:
            async with asyncio.timeout(TAKEOVER_SECONDS):
                while True:
                    try:
                        return await self._offsets(assigned, generation)
                    except KafkaError as error:
                        log.warning("doing=takeover state=retrying error=%r", error)
                        await asyncio.sleep(RETRY_SECONDS)
        except Exception as error:  # noqa: BLE001, ends the process
            end_process(error, "taking partitions over")

    async def _offsets(
        self, assigned: AbstractSet[TP], generation: int
    ) -> Mapping[TP, int]:
        sources = {tp.partition for tp in assigned if tp.topic == topics.CONTACTS}
        people = {tp.partition for tp in assigned if tp.topic == topics.AGENTS}
        targets = {tp.partition for tp in assigned if tp.topic == topics.QUEUE_PARTIALS}
        since = clocks.WallClock().now(0) - LOOK_BACK_MS
        ranges = await read_ranges(
            self._settings, topics.QUEUE_PARTIALS, targets, since
        )
        claims = await asyncio.gather(
            self.holdings.claim(sources, generation),
            self.staff.claim(people, generation),
            return_exceptions=True,  # each to its end: whoever tries again begins anew
        )
        claimed = []
        for claim in claims:
            if isinstance(claim, BaseException):
                raise claim
            claimed.append(claim)
        self._queues.own(ranges, self._partitions)
        self.board.starting = ""
        self._taken_over.set()
        log.info(
            "stream=queues generation=%d owned=%s",
            generation,
            ",".join(map(str, sorted(targets))) or "none",
        )
        return {TP(*where): at for claim in claimed for where, at in claim.items()} | {
            TP(topics.QUEUE_PARTIALS, n): start for n, (start, _) in ranges.items()
        }

    def _end_of_log(self, number: int) -> int | None:
        app = self.app
        if app is None or not self._flow.is_open:
            return None
        return app.consumer.end_of_log(TP(topics.CONTACTS, number))


class DifferentPartitionsError(Exception):
    """Topics of the app have different numbers of partitions."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        """Name the numbers."""
        told = ", ".join(f"{name} has {count}" for name, count in counts.items())
        super().__init__(f"the topics must have the same number of partitions: {told}")


class AppEndedError(Exception):
    """The Faust app ended without being asked to."""


async def _rest(seconds: float, wake: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await wake.wait()
    wake.clear()
