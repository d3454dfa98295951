"""Tells the queues' owners how many people are in which state, and for how long.

Rule: as in `partials`, what is told is absolute. All of it are gauges and sums of
windows, which may go back when a partition moves, so nothing waits to be durable. What
only time changes is told every few seconds, a change of somebody's state at once.
"""

import asyncio
import time
from collections.abc import Iterable

from monitor.clocks import Clock
from monitor.config import Settings
from monitor.core.people.parts import GroupPart, StaffMessage
from monitor.pipeline import topics
from monitor.pipeline.holdings import Holdings
from monitor.pipeline.staff_holding import StaffHolding
from monitor.pipeline.targets import Completions, Send, by_target, shares
from monitor.wire.partials import encode_staff

STAFF_KEY = b"s"
"""Begins the key of every message about people."""


class StaffPartials:
    """Sends the groups of the partitions of people that this worker holds."""

    def __init__(
        self,
        settings: Settings,
        holdings: Holdings[StaffHolding],
        clock: Clock,
        send: Send,
        targets: int,
    ) -> None:
        """Send to `targets` target partitions."""
        self._completions: Completions[StaffHolding] = Completions(
            settings.partials.complete_interval / 1000
        )
        self._holdings = holdings
        self._clock = clock
        self._send = send
        self._targets = targets

    async def tick(self) -> None:
        """Let time pass for every partition and send what changed."""
        held = list(self._holdings)
        self._completions.keep(held)
        for holding in held:
            await self._tell(holding)
            await asyncio.sleep(0)

    async def _tell(self, holding: StaffHolding) -> None:
        told_at = time.monotonic()
        everything = self._completions.is_due(holding, told_at)
        async with holding.still:
            if self._holdings.get(holding.number) is not holding:
                return
            messages = await self._messages(holding, everything=everything)
        if everything:
            self._completions.note(holding, told_at)
        key = STAFF_KEY + str(holding.number).encode()
        for target, message in messages:
            await self._send(topics.QUEUE_PARTIALS, key, message, partition=target)

    async def _messages(
        self, holding: StaffHolding, *, everything: bool
    ) -> list[tuple[int, bytes]]:
        """What to tell which target; hold `still`. Others get turns in between."""
        now = holding.now(self._clock)
        groups: list[GroupPart] = []
        for some in holding.staff.part_slices(now, everything=everything):
            groups += some
            await asyncio.sleep(0)
        grouped = by_target(
            groups, lambda group: group.name, self._targets, everything=everything
        )
        messages = []
        for target, some in grouped.items():
            for piece in _pieces(holding, some, everything=everything):
                messages.append((target, encode_staff(piece)))
                await asyncio.sleep(0)
        return messages


def _pieces(
    holding: StaffHolding, groups: list[GroupPart], *, everything: bool
) -> Iterable[StaffMessage]:
    for share in shares(groups, everything=everything):
        yield StaffMessage(
            source=holding.number,
            offset=holding.progress,
            complete=everything,
            groups=share.parts,
            counts=holding.counts,
            piece=share.piece,
            pieces=share.pieces,
        )
