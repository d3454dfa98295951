"""The Kafka topics that the product needs: a table, made and checked.

Rule: `TOPICS` is the one place for their names and settings. All have the same number
of partitions, because Faust gives a worker the same partition numbers of all of them.
What exists is never altered: Kafka's settings belong to who runs Kafka.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from monitor.config import Settings
from monitor.pipeline.connection import client_arguments

CONTACTS = "callcenter.contacts"
CONTACTS_STATE = "callcenter.contacts-state"
AGENTS = "callcenter.agents"
AGENT_ACTIVITY = "callcenter.agent-activity"
STAFF_STATE = "callcenter.staff-state"
QUEUE_PARTIALS = "callcenter.queue-partials"
QUEUE_METRICS = "callcenter.queue-metrics"
VISITS = "callcenter.visits"
DEAD_LETTERS = "callcenter.dead-letters"

REQUEST_TIMEOUT_MS = 10_000
DEADLINE_SECONDS = 30.0

_MINUTE_MS = 60_000
_DAY_MS = 86_400_000
_MIB = 1_048_576


class KafkaUnreachableError(Exception):
    """No bootstrap server answered; the message says which and why."""


class TopicsRefusedError(Exception):
    """Kafka answered and refused; the message says what and why."""


class Setting(NamedTuple):
    """A topic's setting: how it is made, and what is good enough when it is checked."""

    name: str
    value: str
    is_good: Callable[[str, str], bool] = str.__eq__
    """Whether found (first) serves when `value` (second) is wanted."""
    bound: str = ""
    """`at least`, `at most` or nothing, for people."""

    @property
    def wish(self) -> str:
        """The value that is wanted, for people."""
        return f"{self.bound} {self.value}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic that is needed."""

    name: str
    meaning: str
    settings: tuple[Setting, ...]


class Difference(NamedTuple):
    """What a topic is in Kafka and should not be."""

    topic: str
    what: str
    """`topic`, `partitions`, `replication_factor` or the name of Kafka's setting."""
    found: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.what} is {self.found}, wanted {self.wanted}"


def _at_least(name: str, value: int) -> Setting:
    def is_good(found: str, wanted: str) -> bool:
        return found == "-1" or int(found) >= int(wanted)  # -1: without end

    return Setting(name, str(value), is_good, "at least")


def _at_most(name: str, value: float) -> Setting:
    def is_good(found: str, wanted: str) -> bool:
        return float(found) <= float(wanted)

    return Setting(name, str(value), is_good, "at most")


def _kept(days: int) -> tuple[Setting, ...]:
    """Settings of a log that is deleted when it is old enough.

    Its age counts from arrival. By the time that producers say, a recording from years
    ago would be deleted as soon as it came in.
    """
    return (
        Setting("cleanup.policy", "delete"),
        Setting("message.timestamp.type", "LogAppendTime"),
        _at_least("retention.ms", days * _DAY_MS),
    )


# A compacted log is read to its end when a partition is taken over. Kafka compacts only
# closed segments: they are short, and compacted as soon as a tenth is out of date.
_COMPACTED = (
    Setting("cleanup.policy", "compact"),
    _at_most("segment.ms", 10 * _MINUTE_MS),
    _at_most("segment.bytes", 64 * _MIB),
    _at_most("min.cleanable.dirty.ratio", 0.1),
    _at_least("delete.retention.ms", 60 * _MINUTE_MS),
)

TOPICS = (
    Topic(
        name=CONTACTS,
        meaning="contact events, as the sources send them; key: contact",
        settings=_kept(days=7),
    ),
    Topic(
        name=CONTACTS_STATE,
        meaning="durable state of each partition of the contact events",
        settings=_COMPACTED,
    ),
    Topic(
        name=AGENTS,
        meaning="agent events, as the sources send them; key: agent",
        settings=_kept(days=7),
    ),
    Topic(
        name=AGENT_ACTIVITY,
        meaning="what contacts say of the agents on them, from `contacts` to `staff`",
        settings=_kept(days=7),
    ),
    Topic(
        name=STAFF_STATE,
        meaning="durable state of each partition of the agent events",
        settings=_COMPACTED,
    ),
    Topic(
        name=QUEUE_PARTIALS,
        meaning="each partition's share of the queues' numbers, twice a second",
        settings=(
            Setting("cleanup.policy", "delete"),
            Setting("message.timestamp.type", "LogAppendTime"),
            # A queue's new owner reads the last 15 s; the rest is only for people.
            _at_least("retention.ms", 10 * _MINUTE_MS),
            _at_most("segment.ms", 5 * _MINUTE_MS),
            _at_most("segment.bytes", 64 * _MIB),
            # One message holds all queues of a partition, with all their windows.
            _at_least("max.message.bytes", 8 * _MIB),
        ),
    ),
    Topic(
        name=QUEUE_METRICS,
        meaning="each queue's numbers as JSON; key: queue",
        settings=_COMPACTED,
    ),
    Topic(
        name=VISITS,
        meaning="visits that are over, one record each; key: contact",
        settings=_kept(days=7),
    ),
    Topic(
        name=DEAD_LETTERS,
        meaning="records that are no events, byte for byte, the reason in headers",
        settings=(
            *_kept(days=30),
            # The record as large as it came in, and its headers.
            _at_least("max.message.bytes", 2 * _MIB),
        ),
    ),
)


async def create_missing(settings: Settings) -> list[str]:
    """Make the topics that don't exist and give their names. Safe to repeat.

    Raises:
        KafkaUnreachableError: no server answers.
        TopicsRefusedError: Kafka refuses, for example a replication factor that is
            higher than its number of brokers.
    """
    async with _admin(settings) as admin:
        existing = set(await admin.list_topics())
        missing = [topic for topic in TOPICS if topic.name not in existing]
        if not missing:
            return []
        new = [_new_topic(topic, settings) for topic in missing]
        answer = await admin.create_topics(new, timeout_ms=REQUEST_TIMEOUT_MS)
        created = []
        for name, code, *message in answer.topic_errors:
            error = for_code(code)
            if code == 0:
                created.append(name)
            elif error is not TopicAlreadyExistsError:
                told = next((str(text) for text in message if text), error.__name__)
                raise TopicsRefusedError(f"{name} could not be made: {told}")
        await _until_all_have_leaders(admin, [topic.name for topic in TOPICS])
        return created


async def differences(settings: Settings) -> list[Difference]:
    """Say what Kafka has otherwise than it is needed; empty when all is well.

    Raises:
        KafkaUnreachableError: no server answers.
        TopicsRefusedError: Kafka doesn't let this user ask.
    """
    async with _admin(settings) as admin:
        described = {found["topic"]: found for found in await admin.describe_topics()}
        existing = [topic for topic in TOPICS if topic.name in described]
        configs = await _configs(admin, [topic.name for topic in existing])
    found: list[Difference] = []
    for topic in TOPICS:
        if topic not in existing:
            found.append(Difference(topic.name, "topic", "missing", "there"))
            continue
        partitions = described[topic.name]["partitions"]
        found += _shape_differences(topic.name, partitions, settings)
        found += _setting_differences(topic, configs[topic.name])
    return found


def _new_topic(topic: Topic, settings: Settings) -> NewTopic:
    return NewTopic(
        topic.name,
        settings.topics.partitions,
        settings.topics.replication_factor,
        topic_configs={setting.name: setting.value for setting in topic.settings},
    )


def _shape_differences(
    name: str, partitions: Sequence[Mapping[str, Any]], settings: Settings
) -> list[Difference]:
    wanted = settings.topics.partitions
    found = []
    if len(partitions) != wanted:
        found.append(Difference(name, "partitions", str(len(partitions)), str(wanted)))
    replicas = min((len(partition["replicas"]) for partition in partitions), default=0)
    least = settings.topics.replication_factor
    if replicas < least:
        wish = f"at least {least}"
        found.append(Difference(name, "replication_factor", str(replicas), wish))
    return found


def _setting_differences(topic: Topic, found: Mapping[str, str]) -> list[Difference]:
    return [
        Difference(
            topic.name,
            setting.name,
            found.get(setting.name, "unknown"),
            setting.wish,
        )
        for setting in topic.settings
        if setting.name not in found
        or not setting.is_good(found[setting.name], setting.value)
    ]


async def _configs(
    admin: AIOKafkaAdminClient, names: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Kafka's settings of each topic, by name."""
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    configs: dict[str, dict[str, str]] = {}
    for answer in await admin.describe_configs(resources):
        for code, message, _, name, entries in answer.resources:
            if code:
                told = message or for_code(code).__name__
                raise TopicsRefusedError(f"{name}: settings can't be read: {told}")
            configs[name] = {entry[0]: entry[1] for entry in entries}
    return configs


async def _until_all_have_leaders(
    admin: AIOKafkaAdminClient, names: Sequence[str]
) -> None:
    """Return when every partition can be used: Kafka answers a moment before."""
    wanted = set(names)
    while True:
        described = [t for t in await admin.describe_topics() if t["topic"] in wanted]
        if len(described) == len(wanted) and all(
            topic["error_code"] == 0
            and all(partition["leader"] >= 0 for partition in topic["partitions"])
            for topic in described
        ):
            return
        await asyncio.sleep(0.05)


class _Reasons(logging.Handler):
    """What aiokafka logs while it connects: its errors don't say why."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(record.getMessage())


@asynccontextmanager
async def _admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """An administrator's connection, within a deadline, closed in any case."""
    arguments = client_arguments(settings)
    admin = AIOKafkaAdminClient(**arguments, request_timeout_ms=REQUEST_TIMEOUT_MS)
    reasons = _Reasons()
    log = logging.getLogger("aiokafka")
    log.addHandler(reasons)
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await admin.start()
            yield admin
    except (KafkaError, OSError, TimeoutError) as error:
        why = "; ".join(reasons.told) or str(error)
        why = why or f"no answer in {DEADLINE_SECONDS:g} s"
        raise KafkaUnreachableError(
            f"Kafka at {settings.bootstrap} can't be reached: {why}"
        ) from error
    finally:
        log.removeHandler(reasons)
        await admin.close()
