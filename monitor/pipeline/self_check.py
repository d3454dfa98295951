"""The worker looks at its own state while it runs: a cheap, continuous `ccmon verify`.

Rule: one partition at a time, and a share of it that takes milliseconds; a look that
takes long is followed by a rest that is many times longer. What is found is counted
and logged, never mended: a state that disagrees with itself is a bug to be reported.
"""

import asyncio
import functools
import logging
import random
import time

from aiokafka.errors import KafkaError

from monitor.config import Settings
from monitor.core.audit import audit
from monitor.core.view import SELF_CHECK_RESULTS
from monitor.pipeline.holding import Holding, ReadShare
from monitor.pipeline.holdings import Holdings
from monitor.pipeline.mirror import read_share
from monitor.wire.sample import Share

log = logging.getLogger(__name__)

CONTACTS_A_LOOK = 5_000
QUEUES_A_LOOK = 20
REST_FACTOR = 49
"""A look rests this many times as long as it took: it costs a fiftieth at most."""
TOLD_AT_MOST = 5
"""Differences that are logged in words; all are counted."""


class SelfCheck:
    """Looks at the partitions that this worker holds, in random order."""

    def __init__(
        self,
        settings: Settings,
        holdings: Holdings[Holding],
        read: ReadShare | None = None,
        chance: random.Random | None = None,
    ) -> None:
        """Look at `holdings`; `read` reads their mirrors, `chance` chooses."""
        self.results = dict.fromkeys(SELF_CHECK_RESULTS, 0)
        """Looks so far by result."""
        self._holdings = holdings
        self._has_mirror = not settings.embedded
        self._read = read or functools.partial(read_share, settings)
        self._chance = chance or random.Random()  # noqa: S311 - which one is no secret
        self._rest_until = 0.0

    async def tick(self) -> None:
        """Look at one partition, unless the last look was too dear."""
        began = time.monotonic()
        held = list(self._holdings)
        if not held or began < self._rest_until:
            return
        result = await self._look(self._chance.choice(held))
        self.results[result] += 1
        took = time.monotonic() - began
        self._rest_until = time.monotonic() + took * REST_FACTOR

    async def _look(self, holding: Holding) -> str:
        found = await self._disagreements(holding)
        try:
            if self._has_mirror:
                share = self._share(holding)
                found += await holding.compare_with_mirror(share, self._read)
        except (KafkaError, TimeoutError) as error:
            log.warning(
                "doing=self-check partition=%d state=unread error=%r",
                holding.number,
                error,
            )
            if not found:
                return "unread"
        if not found:
            return "equal"
        log.error(
            "doing=self-check partition=%d differences=%d told=%r hint=this is a bug: "
            "please report it; `ccmon verify` compares everything with the log",
            holding.number,
            len(found),
            "; ".join(found[:TOLD_AT_MOST]),
        )
        return "different"

    @staticmethod
    async def _disagreements(holding: Holding) -> list[str]:
        found: list[str] = []
        async with holding.still:
            for some in audit(holding.partition):
                found += some
                await asyncio.sleep(0)
        return found

    def _share(self, holding: Holding) -> Share:
        partition = holding.partition
        return Share(
            contacts=1 + len(partition.contacts) // CONTACTS_A_LOOK,
            queues=1 + len(partition.queues) // QUEUES_A_LOOK,
            turn=self._chance.getrandbits(32),
        )
