"""`ccmon worker`: the pipeline against a Kafka, with metrics, API and pages.

Rule: it says what it does while it starts, keeps trying a broker that is down, and on
SIGTERM or Ctrl-C checkpoints, leaves the group and ends with 0.
"""

import asyncio
import contextlib
import logging
import os
import signal
from typing import Any

import click
import uvloop

from monitor.cli.errors import Unreachable, UserMistake
from monitor.cli.logs import set_up_logs
from monitor.cli.options import common_options, example, serving_options
from monitor.config import Settings
from monitor.core.rules import TODAY
from monitor.exposition.queues import Scale
from monitor.exposition.render import Exposition
from monitor.pipeline import topics
from monitor.pipeline.app import AppEndedError, DifferentPartitionsError, Pipeline
from monitor.pipeline.connection import RETRY_SECONDS, wait_for_broker
from monitor.pipeline.fatal import NoLastCheckpointError, end_process
from monitor.web.server import CannotListen, WebServer

log = logging.getLogger(__name__)

STOP_SECONDS = 10.0
"""What is not finished this long after the last checkpoint doesn't matter."""


@click.command(
    "worker",
    short_help="The pipeline against a Kafka: live numbers, metrics and pages.",
    epilog=example(
        "ccmon worker --bootstrap kafka1:9092,kafka2:9092 --listen 0.0.0.0:8090",
        "ccmon worker --config callcenter.yaml --set checkpoint.interval=500ms",
    ),
)
@serving_options
@common_options
def command(settings: Settings) -> None:
    """Read events from Kafka and export the queues' numbers until stopped.

    Start as many workers as you like with the same --app: they share the partitions,
    and take over from each other without losing or repeating an event. A broker that
    can't be reached is tried again and again. SIGTERM or Ctrl-C: a last checkpoint,
    then the end.

    Exit codes besides the usual: 4 another worker took over while this one was paused
    or cut off (start it again), 5 the durable state is a newer release's (run that
    one; nothing was written), 70 something is wrong inside (see the log).
    """
    set_up_logs()
    # As the policy, so that the consumer's thread gets the faster loop as well.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(work(settings))


async def work(settings: Settings) -> None:
    """Run a worker until SIGTERM or SIGINT."""
    stopping = _stop_on_signals()
    pipeline = Pipeline(settings)
    metrics = Exposition(
        pipeline.board, _scale(settings), per_agent=settings.exporter.per_agent
    )
    site = WebServer(pipeline.board, settings.listen, metrics.render_beside)
    try:
        await site.start()
    except CannotListen as error:
        raise UserMistake(str(error)) from error
    log.info("state=serving url=%s metrics=%s/metrics", site.url, site.url)
    try:
        if await _unless(stopping, _connect(settings, pipeline)):
            log.info("state=running stop=Ctrl-C_or_SIGTERM pid=%d", os.getpid())
            await _unless(stopping, pipeline.run())
        await _stop(pipeline)
    except DifferentPartitionsError as error:
        raise UserMistake(str(error)) from error
    except topics.KafkaUnreachableError as error:
        raise Unreachable(str(error)) from error
    except AppEndedError as error:
        end_process(error, "running")
    finally:
        await site.stop()
    log.info("state=stopped")


def _scale(settings: Settings) -> Scale:
    rules = settings.rules()
    return Scale(
        windows=(*rules.windows_ms, TODAY), wait_buckets_ms=rules.wait_buckets_ms
    )


def _stop_on_signals() -> asyncio.Event:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        if stopping.is_set():
            os._exit(128 + number)  # asked twice: at once
        log.info("state=stopping signal=%s", signal.Signals(number).name)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    return stopping


async def _unless(stopping: asyncio.Event, work: Any) -> bool:
    """Whether `work` ended, or raised, before `stopping` was set."""
    task = asyncio.ensure_future(work)
    stop = asyncio.ensure_future(stopping.wait())
    await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if task.done():
        await task
        return True
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return False


async def _connect(settings: Settings, pipeline: Pipeline) -> None:
    log.info(
        "state=starting app=%s clock=%s broker=%s",
        settings.app,
        settings.clock,
        settings.bootstrap,
    )
    await wait_for_broker(settings)
    if not settings.embedded:
        await _see_to_topics(settings)
    await pipeline.start()


async def _see_to_topics(settings: Settings) -> None:
    while True:
        try:
            created = await topics.create_missing(settings)
            different = await topics.differences(settings)
        except topics.KafkaUnreachableError as error:
            log.warning("doing=topics state=retrying error=%s", error)
            await asyncio.sleep(RETRY_SECONDS)
        except topics.TopicsRefusedError as error:
            raise UserMistake(f"Kafka refused: {error}") from error
        else:
            break
    log.info(
        "topics_needed=%d created=%s", len(topics.TOPICS), ",".join(created) or "none"
    )
    for difference in different:
        log.warning("topic_differs=%s", difference)


async def _stop(pipeline: Pipeline) -> None:
    limit = asyncio.timeout(STOP_SECONDS)
    with contextlib.suppress(TimeoutError):
        async with limit:
            await pipeline.stop()
    # Asked of the limit: Faust swallows it, and leaves a thread that goes on.
    if limit.expired():
        error = NoLastCheckpointError(
            f"Kafka took no last checkpoint within {STOP_SECONDS:g} s. Nothing is "
            "lost: the next owner reads on from the checkpoint before"
        )
        end_process(error, "stopping")
