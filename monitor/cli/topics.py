"""`ccmon topics`: the Kafka topics the monitor needs, made and checked.

Rule: this command prints; what is needed and what differs, `monitor.pipeline.topics`
says.
"""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

import click

from monitor.cli.errors import CheckFailed, Unreachable, UserMistake
from monitor.cli.options import common_options, example
from monitor.config import Settings
from monitor.pipeline import topics

Result = TypeVar("Result")


@click.command(
    "topics",
    epilog=example(
        "ccmon topics create --bootstrap kafka1:9092 --set topics.replication_factor=3",
        "ccmon topics check --config monitor.yaml",
    ),
)
@click.argument("action", required=False, type=click.Choice(["create", "check"]))
@common_options
def command(settings: Settings, action: str | None) -> None:
    """Show, make or check the Kafka topics that the monitor needs.

    Without ACTION it lists them. "create" makes those that are missing and never
    alters one; it may be run again and again. "check" prints what differs and exits
    with 1 when something does.
    """
    if action == "create":
        _create(settings)
    elif action == "check":
        _check(settings)
    else:
        _list(settings)


def _create(settings: Settings) -> None:
    created = _run(topics.create_missing(settings))
    for topic in topics.TOPICS:
        click.echo(f"{'created' if topic.name in created else 'exists '} {topic.name}")
    for difference in _run(topics.differences(settings)):
        click.echo(f"note: {difference}", err=True)


def _check(settings: Settings) -> None:
    found = _run(topics.differences(settings))
    for difference in found:
        click.echo(str(difference))
    if found:
        names = {difference.topic for difference in found}
        raise CheckFailed(f"{len(names)} of {len(topics.TOPICS)} topics differ")
    click.echo(f"all {len(topics.TOPICS)} topics are as they should be")


def _list(settings: Settings) -> None:
    for topic in topics.TOPICS:
        click.echo(f"{topic.name}: {topic.meaning}")
        for setting in topic.settings:
            click.echo(f"    {setting.name:<27}{setting.wish}")
    shape = settings.topics
    click.echo(
        f"Each has {shape.partitions} partitions (topics.partitions) and a replication "
        f"factor of at least {shape.replication_factor} (topics.replication_factor)."
    )


def _run(work: Coroutine[None, None, Result]) -> Result:
    try:
        return asyncio.run(work)
    except topics.KafkaUnreachableError as error:
        raise Unreachable(str(error)) from error
    except topics.TopicsRefusedError as error:
        raise UserMistake(f"Kafka refused: {error}") from error
