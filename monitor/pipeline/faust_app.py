"""The Faust app of one worker: which topics go to which processor, and how.

Rule: Faust gives membership of the group, rebalances, fetches and back-pressure, and
nothing else; every processor gets batches.
"""

from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet

import faust
from faust.types import TP

from monitor.config import Settings
from monitor.pipeline import topics
from monitor.pipeline.batches import Batch, BatchApp, Flow, QuietMonitor
from monitor.pipeline.connection import faust_arguments

PEOPLE = (topics.AGENTS, topics.AGENT_ACTIVITY)
"""What `staff` reads."""
METADATA_MS = 5_000
"""How long a group's leader that joined while the broker started may not know of a
topic: it assigns that to nobody, and anew as soon as it learns of it."""
BUFFERED_BATCHES = 16
"""Batches that may wait for a processor, of all its partitions."""


def make_app(
    settings: Settings,
    flow: Flow,
    take_over: Callable[[AbstractSet[TP], int], Awaitable[Mapping[TP, int]]],
    process: Callable[[Batch], Awaitable[None]],
) -> BatchApp:
    """The Faust app of one worker; its processors hand batches to `process`."""
    session_seconds = settings.session_timeout / 1000
    app = BatchApp(
        settings.app,
        **faust_arguments(settings),
        broker_session_timeout=session_seconds,
        broker_heartbeat_interval=min(3.0, session_seconds / 4),
        broker_max_poll_records=settings.batch.max_records,
        consumer_metadata_max_age_ms=METADATA_MS,
        consumer_auto_offset_reset="earliest",
        stream_buffer_maxsize=BUFFERED_BATCHES,
        stream_wait_empty=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        store="memory://",
        web_enabled=False,
        autodiscover=False,
        Monitor=QuietMonitor,
    )
    app.flow = flow
    app.takeover = take_over
    app.reads_committed = not settings.embedded

    @app.agent(app.stream_of(topics.CONTACTS), name="contacts")
    async def contacts(stream: faust.StreamT[Batch]) -> None:
        async for batch in stream:
            await process(batch)

    @app.agent(app.stream_of(*PEOPLE), name="staff")
    async def staff(stream: faust.StreamT[Batch]) -> None:
        async for batch in stream:
            await process(batch)

    @app.agent(app.stream_of(topics.QUEUE_PARTIALS), name="queues")
    async def queues(stream: faust.StreamT[Batch]) -> None:
        async for batch in stream:
            await process(batch)

    del contacts, staff, queues
    return app
