"""The stream processors that keep state: from a partition's mirror to what is held.

Rule: state that another app wrote, or that was made from another log than the one that
is there, is refused; state of an earlier release is made anew in this release's form
before anything else happens.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from monitor.config import Settings
from monitor.core.people.rules import StaffRules
from monitor.core.rules import Rules
from monitor.pipeline import topics
from monitor.pipeline.checkpoints import Checkpoint
from monitor.pipeline.fatal import ForeignStateError, LogBehindStateError
from monitor.pipeline.held import Writer
from monitor.pipeline.holding import Holding
from monitor.pipeline.holdings import Stream
from monitor.pipeline.homes import Homes
from monitor.pipeline.mirror import Bounds, Mirror
from monitor.pipeline.staff_holding import StaffHolding
from monitor.wire.migrations import STATE_VERSION, changes, migrated
from monitor.wire.staff_state import Restored
from monitor.wire.state import restore

log = logging.getLogger(__name__)

Publish = Callable[[int, bytes], Awaitable[object]]
"""Sends one message of what contacts say to a partition of the people."""


def contacts_stream(
    settings: Settings, rules: Rules, homes: Homes, publish: Publish | None = None
) -> Stream[Holding]:
    """The contacts; with `publish` what they say of people isn't in transactions."""

    async def load(number: int, writer: Writer, mirror: Mirror) -> Holding:
        # In a thread: a large state takes longer than others may wait for a turn.
        partition = await asyncio.to_thread(restore, rules, mirror.rows.items())
        bounds = mirror.log(topics.CONTACTS)
        if mirror.rows:
            _check_owner(number, partition.owner, settings.app, topics.CONTACTS_STATE)
            _check_log(
                number, partition.next_offset, bounds, topics.CONTACTS, stream.state
            )
            await _migrate(number, partition.next_offset, writer, mirror)
        partition.owner = settings.app
        partition.gone.is_told = settings.agents.enabled
        partition.next_offset = max(partition.next_offset, bounds.first)
        return Holding(
            number,
            partition,
            writer,
            log_end=bounds.end,
            publish_visits=settings.visits.publish,
            homes=homes if settings.agents.enabled else None,
            publish=publish,
        )

    stream = Stream(
        name="contacts",
        state=topics.CONTACTS_STATE,
        logs=(topics.CONTACTS,),
        load=load,
    )
    return stream


def staff_stream(
    settings: Settings, rules: StaffRules, homes: Homes
) -> Stream[StaffHolding]:
    """The people."""

    async def load(number: int, writer: Writer, mirror: Mirror) -> StaffHolding:
        restored = await asyncio.to_thread(
            Restored, rules, len(homes.all()), mirror.rows.items()
        )
        if mirror.rows:
            _check_owner(number, restored.owner, settings.app, topics.STAFF_STATE)
        offsets = {}
        for topic in stream.logs:
            bounds = mirror.log(topic)
            offset = restored.offsets.get(topic, 0)
            if mirror.rows:
                _check_log(number, offset, bounds, topic, stream.state)
            offsets[topic] = max(offset, bounds.first)
        return StaffHolding(
            number, restored.staff, writer, owner=settings.app, offsets=offsets
        )

    stream = Stream(
        name="staff",
        state=topics.STAFF_STATE,
        logs=(topics.AGENTS, topics.AGENT_ACTIVITY),
        load=load,
    )
    return stream


async def _migrate(number: int, offset: int, writer: Writer, mirror: Mirror) -> None:
    """Make the mirror one of this release's version, whole or not at all."""
    rows = await asyncio.to_thread(migrated, mirror.rows)
    if rows is mirror.rows:
        return
    log.info(
        "partition=%d doing=migration version=%d rows=%d",
        number,
        STATE_VERSION,
        len(rows),
    )
    await writer.commit(Checkpoint(offset, changes(mirror.rows, rows), [], []))


def _check_owner(number: int, owner: str, app: str, state: str) -> None:
    if owner != app:
        raise ForeignStateError(
            f"the state of partition {number} in {state} was written "
            f"by the app {owner!r}, this is {app!r}; one Kafka holds one app's state. "
            f"Run with --app {owner}, or delete the topic to count anew"
        )


def _check_log(
    number: int, offset: int, bounds: Bounds, topic: str, state: str
) -> None:
    if offset > bounds.end:
        raise LogBehindStateError(
            f"the state of partition {number} is at offset {offset} of {topic}, but "
            f"the log ends at {bounds.end}: it was deleted and made anew. Delete the "
            f"topic {state} as well, to count anew"
        )
    if offset < bounds.first:
        log.error(
            "topic=%s partition=%d lost_records=%d first=%d state_at=%d reason=the "
            "log's retention removed records before they were counted",
            topic,
            number,
            bounds.first - offset,
            bounds.first,
            offset,
        )
