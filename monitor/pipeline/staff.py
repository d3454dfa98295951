"""The stream processor `staff`: what people say and do, to the state of partitions.

Rule: as in `contacts`: a batch is checked (epoch, gap), decoded, applied, and its
offset noted, without another task in between. A record that can't be decoded is a dead
letter; any other failure ends the process. Who is at home in another partition is sent
there: contacts look for people at home only.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Protocol

from monitor.clocks import Clock, WallClock
from monitor.core.contact import TOO_MANY_EVENTS
from monitor.core.people.events import AgentEvent
from monitor.pipeline import topics
from monitor.pipeline.batches import Batch, Flow, Record
from monitor.pipeline.contacts import DISTANT_FUTURE, PILE_UP_BYTES
from monitor.pipeline.dead_letters import Complaints, make_dead_letter
from monitor.pipeline.holdings import Holdings
from monitor.pipeline.homes import Homes
from monitor.pipeline.outbox import is_copy
from monitor.pipeline.staff_holding import StaffHolding
from monitor.wire.activity import decode_activity
from monitor.wire.agent_events import decode_agent_event
from monitor.wire.errors import BadRecord

RECORDS_A_TURN = 200
"""Agent events applied before others get a turn of the event loop."""
TOO_MANY = BadRecord(TOO_MANY_EVENTS, "agent: said more than one person may say")
NO_ACTIVITY = "not_activity"


class SendHome(Protocol):
    """Sends a record of a topic to another partition of it."""

    def __call__(self, record: Record, partition: int) -> Awaitable[None]: ...


class Staff:
    """Applies the batches of all partitions of people that this worker holds."""

    def __init__(
        self,
        holdings: Holdings[StaffHolding],
        flow: Flow,
        clock: Clock,
        homes: Homes,
        send_home: SendHome,
    ) -> None:
        """Judge by `clock` which events are ahead; an event clock judges none."""
        self._holdings = holdings
        self._flow = flow
        self._clock = clock
        self._homes = homes
        self._send_home = send_home
        self._wall = WallClock()
        self._complaints = Complaints()

    async def process(self, batch: Batch) -> None:
        """Apply what is new of `batch`.

        Raises:
            GapError: records between the state and the batch are missing.
        """
        holding = self._holdings.get(batch.partition)
        if holding is None or batch.epoch != self._flow.epoch:
            return  # of an earlier epoch: these records are read again
        holding.check(batch)
        said = batch.topic == topics.AGENTS
        size = RECORDS_A_TURN if said else 1  # each activity holds many tellings
        for begin in range(0, len(batch.records), size):
            if begin:
                await asyncio.sleep(0)
            async with holding.still:
                if batch.epoch != self._flow.epoch:
                    return
                some = batch.records[begin : begin + size]
                new = [r for r in some if r.offset >= holding.next[batch.topic]]
                if said:
                    self._apply(holding, new)
                else:
                    self._take(holding, new)
                end = some[-1].offset + 1
                holding.next[batch.topic] = max(holding.next[batch.topic], end)
                holding.noted_batch()
        if holding.dead_letters.bytes > PILE_UP_BYTES:
            await holding.checkpoint()

    def _apply(self, holding: StaffHolding, records: Sequence[Record]) -> None:
        """What people say."""
        counts = holding.staff.counts
        events: list[AgentEvent] = []
        accepted: list[Record] = []
        for record in records:
            try:
                event = decode_agent_event(record.value)
            except BadRecord as bad:
                counts.read += 1
                self._reject(holding, record, bad)
                continue
            if event is None:
                counts.read += 1
                counts.ignored += 1
            elif self._is_elsewhere(event, record):
                home = self._homes.home_of(event.agent)
                # In the same turn as the offset: no checkpoint may cover the record
                # without waiting for its copy.
                sending = asyncio.ensure_future(self._send_home(record, home))
                holding.forwards.append(sending)
            else:
                events.append(event)
                accepted.append(record)
        for position in holding.staff.apply(events, self._clock.now(DISTANT_FUTURE)):
            self._reject(holding, accepted[position], TOO_MANY)

    def _is_elsewhere(self, event: AgentEvent, record: Record) -> bool:
        return (
            bool(event.agent)
            and self._homes.home_of(event.agent) != record.partition
            and not is_copy(record)
        )

    def _take(self, holding: StaffHolding, records: Sequence[Record]) -> None:
        """What contacts say."""
        for record in records:
            try:
                activity = decode_activity(record.value or b"")
            except (ValueError, TypeError, KeyError) as error:
                counts = holding.staff.counts
                counts.read += 1
                self._reject(holding, record, BadRecord(NO_ACTIVITY, str(error)))
                continue
            holding.staff.take(activity.tellings, activity.watermark, activity.source)
            holding.heard(activity)

    def _reject(self, holding: StaffHolding, record: Record, bad: BadRecord) -> None:
        letters = holding.staff.counts.dead_letters
        letters[bad.reason] = letters.get(bad.reason, 0) + 1
        letter = make_dead_letter(record, bad.reason, str(bad), self._wall.now(0))
        holding.dead_letters.append(letter)
        self._complaints.tell(record, bad.reason)
