"""`ccmon demo`: a recorded day of a real call center, live, with nothing but Python.

Rule: this command wires what exists (embedded broker, feeder, pipeline, pages) and says
what it does. Worker and feeder are one process with one clock; the broker is a child.
"""

import asyncio
import errno
import logging
import os
import signal
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import click
import uvloop

from monitor.cli.errors import (
    EXIT_INTERRUPTED,
    CheckFailed,
    Unreachable,
    UserMistake,
)
from monitor.cli.logs import set_up_logs
from monitor.cli.options import example, reading_options, serving_options
from monitor.config import Loaded, split_address
from monitor.config.durations import parse_duration
from monitor.core.people.report import add_groups
from monitor.core.report import Report, report
from monitor.core.rules import TODAY
from monitor.core.view import PartitionCounts
from monitor.embedded import summary
from monitor.embedded.broker import EmbeddedBroker, EmbeddedBrokerError
from monitor.embedded.day import known_answers, shifted, with_people
from monitor.embedded.feeder import Feeder, days_without_end
from monitor.embedded.plan import Plan, make_plan
from monitor.exposition.queues import Scale
from monitor.exposition.render import Exposition
from monitor.pipeline.app import AppEndedError, Pipeline
from monitor.pipeline.connection import wait_for_broker
from monitor.pipeline.sink import EventSink
from monitor.pipeline.topics import KafkaUnreachableError
from monitor.web.server import CannotListen, WebServer

DEFAULT_SPEED = 120.0
HIGHEST_SPEED = 5_000.0
LINE_SECONDS = 5.0
LOOK_SECONDS = 0.1
LAST_NUMBERS_SECONDS = 10.0
"""How long after the day's last event its numbers may take to be complete."""
STOP_SECONDS = 5.0


class Duration(click.ParamType):
    """A duration such as `30s` or `5m`, in milliseconds, above 0."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Milliseconds; `click.BadParameter` for what is no duration."""
        if isinstance(value, int):
            return value
        try:
            milliseconds = parse_duration(value)
        except ValueError as error:
            self.fail(f"{value!r} {error}", param, ctx)
        if milliseconds <= 0:
            self.fail(f"{value!r} must be more than 0", param, ctx)
        return milliseconds


@click.command(
    "demo",
    short_help="A recorded day of a real call center, live and faster; needs no Kafka.",
    epilog=example(
        "ccmon demo",
        "ccmon demo --speed 60 --listen 127.0.0.1:0 --for 5m",
        "ccmon demo --once --speed 2000",
    ),
)
@click.option(
    "--speed",
    type=click.FloatRange(0, HIGHEST_SPEED, min_open=True),
    default=DEFAULT_SPEED,
    show_default=True,
    help="How many times as fast as it happened.",
)
@click.option(
    "--for",
    "duration_ms",
    metavar="DURATION",
    type=Duration(),
    help="End after this time, for example 30s.",
)
@click.option(
    "--once",
    is_flag=True,
    help="End after one day, and compare its numbers with the known ones: exit code 1 "
    "when one differs.",
)
@serving_options
@reading_options
def command(
    read_settings: Callable[[], Loaded],
    speed: float,
    duration_ms: int | None,
    *,
    once: bool,
) -> None:
    """Show a real day of a bank's call center, in accelerated time.

    Brings its own broker, which keeps everything in memory, and plays the day again
    and again until Ctrl-C. It never writes to a Kafka of yours.
    """
    if once and duration_ms is not None:
        raise UserMistake("--once ends after a day, --for after a time: choose one")
    set_up_logs()
    logging.getLogger().setLevel(logging.WARNING)
    loaded = read_settings()
    if loaded.origins.get(("bootstrap",)) == "command line":
        raise UserMistake(
            "the demo brings its own broker and never writes to yours, so it has no "
            "--bootstrap; ccmon worker and ccmon replay work with your Kafka"
        )
    try:
        with EmbeddedBroker() as broker:
            plan = make_plan(loaded, broker.bootstrap, speed)
            complete = uvloop.run(_Demo(plan, duration_ms, once=once).run())
    except EmbeddedBrokerError as error:
        raise Unreachable(str(error)) from error
    except (KafkaUnreachableError, AppEndedError) as error:
        raise Unreachable(f"the embedded broker is lost: {error}") from error
    click.echo("The demo has stopped; the broker and all that it kept are gone.")
    if once and not complete:
        raise click.exceptions.Exit(EXIT_INTERRUPTED)


for _option in command.params:
    # Common to all commands, and refused by this one with a word about it.
    if isinstance(_option, click.Option) and _option.name == "bootstrap":
        _option.hidden = True


class _Demo:
    """One run of the demo."""

    def __init__(self, plan: Plan, duration_ms: int | None, *, once: bool) -> None:
        self._plan = plan
        self._duration_ms = duration_ms
        self._once = once
        self._complete = False
        self._pipeline = Pipeline(plan.settings)
        self._sink = EventSink(plan.settings)
        self._feeder = Feeder(plan.clock, self._sink.send, on_pause=self._say_pause)

    async def run(self) -> bool:
        """Show the day until it is to end; whether it was shown to its end."""
        stopping = _stop_on_signals()
        site = await self._serve()
        self._say_what_it_is(site.url)
        try:
            await _until_first(stopping.wait(), self._end_of_time(), self._show())
        finally:
            # Connections that were only half made complain when they are collected.
            logging.getLogger("asyncio").setLevel(logging.CRITICAL)
            await site.stop()
        return self._complete

    async def _serve(self) -> WebServer:
        plan = self._plan
        rules = plan.settings.rules()
        scale = Scale(
            windows=(*rules.windows_ms, TODAY), wait_buckets_ms=rules.wait_buckets_ms
        )
        metrics = Exposition(self._pipeline.board, scale)
        listen = plan.settings.listen
        host, _ = split_address(listen)
        for address in (listen, f"[{host}]:0" if ":" in host else f"{host}:0"):
            site = WebServer(self._pipeline.board, address, metrics.render_beside)
            try:
                await site.start()
            except CannotListen as error:
                cause = error.__cause__
                taken = isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE
                if not (taken and plan.may_take_free_port and address == listen):
                    raise UserMistake(str(error)) from error
                click.echo(f"Another program listens on {listen}: taking a free port.")
            else:
                break
        return site

    async def _end_of_time(self) -> None:
        if self._duration_ms is None:
            await asyncio.Event().wait()
        else:
            await asyncio.sleep(self._duration_ms / 1000)

    async def _show(self) -> None:
        await wait_for_broker(self._plan.settings)
        await self._sink.start()
        feeding = asyncio.create_task(self._feed())
        try:
            # The first calls are in the log before the pipeline is there to read it.
            await self._pipeline.start()
            await _until_first(
                _result(feeding), self._say_lines(), self._pipeline.run()
            )
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
            await self._stop()

    async def _stop(self) -> None:
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._sink.stop()
                if self._pipeline.app is not None:
                    await self._pipeline.stop()
        except TimeoutError:
            logging.getLogger(__name__).warning("state=stopping gave_up=yes")

    async def _feed(self) -> None:
        plan = self._plan
        if not self._once:
            days = days_without_end(plan.recorded, plan.first, plan.timezone)
            await self._feeder.play(days)
            return
        day = shifted(plan.recorded, plan.first, plan.timezone)
        await self._feeder.play(with_people(day))
        await self._sink.flush()
        await self._judge()
        self._complete = True

    async def _judge(self) -> None:
        """Compare the day's numbers with the known ones, once all of them are in."""
        known = known_answers()
        deadline = time.monotonic() + LAST_NUMBERS_SECONDS
        while True:
            numbers = self._report()
            compared = summary.compare(numbers, known)
            wrong = summary.differences(compared)
            if numbers["drift"]:
                wrong.append(f"drift is {numbers['drift']}, must be 0")
            is_complete = not wrong and summary.have_gone_home(numbers)
            if is_complete or time.monotonic() > deadline:
                break
            await asyncio.sleep(LOOK_SECONDS)
        click.echo("\nThe day is over.\n\n" + summary.verdict(compared))
        if wrong:
            raise CheckFailed("the day's numbers are wrong:\n" + "\n".join(wrong))
        click.echo(
            f"\nEqual, in total and for each of the {len(known.queues)} queues. Known "
            "is what was counted from the\nrecording's durations, by another program."
            f"\n\n{summary.people(numbers)}"
        )

    def _report(self) -> Report:
        board = self._pipeline.board
        numbers = report(board.queues(), PartitionCounts(), board.now())
        return add_groups(numbers, {group.name: group for group in board.groups()})

    # -- what it says -------------------------------------------------------------

    def _say_what_it_is(self, url: str) -> None:
        plan = self._plan
        speed = plan.settings.scaled.speed
        click.echo(
            "A real day of a real call center: a bank's in Israel, on January 3rd, "
            "1999, recorded call by\ncall by Ilan Guedj and Avishai Mandelbaum, "
            "Technion. Thank you. It happens again today, on\n"
            f"{plan.first:%A, %B %d} ({plan.timezone.key}), {speed:g} times as fast: "
            f"from {plan.local(plan.opens_at):%H:%M} to midnight in "
            f"{summary.in_words(plan.length_ms / 1000 / speed)}.\n\n"
            "Queues: PS regular service, NW new customers, NE stock exchange, IN help "
            "with the internet, and PE, TT.\nWhich agent took a call is recorded; when "
            "agents came, were away and went is concluded from that.\n\n"
            f"  page     {url}/\n"
            f"  metrics  {url}/metrics\n"
            f"  API      {url}/api/v1/queues, {url}/api/v1/agents\n\n"
            "The broker is embedded and keeps everything in memory: all of it is gone "
            "when the demo stops.\nCtrl-C stops it.\n"
        )

    async def _say_lines(self) -> None:
        speed = self._plan.settings.scaled.speed
        sent = self._feeder.sent
        told = time.monotonic()
        while True:
            numbers = self._report()
            board = self._pipeline.board
            if board.pipeline().ready and numbers["queues"]:
                passed = max(time.monotonic() - told, 0.001)
                rate = (self._feeder.sent - sent) / passed
                sent, told = self._feeder.sent, time.monotonic()
                now = self._plan.local(board.now())
                click.echo(summary.status_line(numbers, now, speed, rate))
                await asyncio.sleep(LINE_SECONDS)
            else:
                await asyncio.sleep(LOOK_SECONDS)

    def _say_pause(self, until: int) -> None:
        clock = self._plan.clock
        click.echo(
            f"{self._plan.local(clock.now(0)):%H:%M}  nobody calls until "
            f"{self._plan.local(until):%H:%M}, which is in "
            f"{summary.in_words(clock.seconds_until(until))}"
        )


def _stop_on_signals() -> asyncio.Event:
    stopping = asyncio.Event()

    def on_signal(number: int) -> None:
        if stopping.is_set():
            os._exit(128 + number)  # asked twice: at once
        stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    return stopping


async def _result(task: "asyncio.Task[None]") -> None:
    await task


async def _until_first(*works: Coroutine[Any, Any, Any]) -> None:
    """Return when the first of `works` ends, or raise as it does; end the others."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        _cancel(tasks)
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


def _cancel(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    for task in tasks:
        task.cancel()
