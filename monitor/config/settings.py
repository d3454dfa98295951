"""All settings of the monitor.

Rule: `Settings` is plain, checked data. Attributes are named like the keys of the YAML
file; durations are integers of milliseconds, instants milliseconds UTC.
"""

from collections.abc import Callable
from functools import cache
from typing import Annotated

from pydantic import ValidationInfo, field_validator

from monitor.config.people_settings import AgentSettings
from monitor.config.queue_settings import (
    CHANNEL_DEFAULTS,
    Channels,
    QueueSettings,
    queue_rules,
)
from monitor.config.sections import (
    CLOCKS,
    Batch,
    Checkpoint,
    Exporter,
    Limits,
    Partials,
    Scaled,
    Section,
    Security,
    SelfCheck,
    Topics,
    Visits,
    setting,
)
from monitor.config.values import (
    AppName,
    Bootstrap,
    Duration,
    Listen,
    QueueName,
    Windows,
    at_least,
    at_most,
    one_of,
)
from monitor.core.people.rules import StaffRules
from monitor.core.rules import WAIT_BUCKETS_MS, QueueRules, Rules


class Settings(Section):
    """Everything that can be set. `monitor.config.load` makes one from its sources."""

    bootstrap: Bootstrap = setting(
        "127.0.0.1:9092", "Kafka servers to begin with: HOST:PORT, commas between."
    )
    app: AppName = setting(
        "callcenter",
        "Name of this monitor: its consumer group and the prefix of its transactions.",
    )
    listen: Listen = setting(
        "127.0.0.1:8090",
        "HOST:PORT of /metrics, the API and the pages; port 0 picks a free one.",
    )
    clock: Annotated[str, one_of(CLOCKS, fold=str.lower)] = setting(
        "wall",
        "What now is: wall (production), event (recordings: the newest event of the "
        "partition) or scaled (the demo: see below).",
    )
    scaled: Scaled = setting({}, "The clock when it is scaled.")
    security: Security = setting({}, "How Kafka is connected to.")
    topics: Topics = setting({}, "What ccmon topics create makes.")
    checkpoint: Checkpoint = setting({}, "When state is made durable.")
    partials: Partials = setting({}, "How partitions tell the queues their numbers.")
    batch: Batch = setting({}, "How records are fetched.")
    session_timeout: Annotated[Duration, at_least("1s"), at_most("80s")] = setting(
        "10s",
        "Duration after which Kafka gives the partitions of a silent worker to others; "
        "brokers refuse less than 6s unless they are told otherwise.",
    )
    self_check: SelfCheck = setting({}, "How the worker looks at its own state.")
    visits: Visits = setting({}, "The topic of finished visits.")
    embedded: bool = setting(
        False,
        "Whether the broker is the demo's own: no topics are created and state isn't "
        "read back.",
    )
    horizon: Annotated[Duration, at_least("1s"), at_most("24h")] = setting(
        "15m",
        "Duration: an event that is older than the newest one by more than this is "
        "late and dropped; within it, late events correct the numbers.",
    )
    future: Annotated[Duration, at_most("24h")] = setting(
        "60s", "Duration: an event further ahead of now than this is moved to now."
    )
    windows: Windows = setting(
        {},
        "Rolling windows, duration by name: multiples of 5s up to 15m, of 1m up to "
        "24h. A file adds to these four; off as the duration takes one away. The "
        "window today is always there.",
    )
    agents: AgentSettings = setting({}, "How the states of agents are judged.")
    limits: Limits = setting({}, "Against floods.")
    exporter: Exporter = setting({}, "What Prometheus is shown.")
    channels: Channels = setting(
        {}, "How the queues of a channel are judged that say nothing else."
    )
    queues: dict[QueueName, QueueSettings] = setting(
        {},
        "How single queues are judged: the keys of a channel, each optional, by the "
        "name of the queue.",
    )

    @field_validator("scaled")
    @classmethod
    def _scaled_has_start(cls, value: Scaled, info: ValidationInfo) -> Scaled:
        if info.data.get("clock") == "scaled" and value.start is None:
            raise ValueError("must have a start when clock is scaled")
        return value

    def rules(self) -> Rules:
        """What the core is told: rules of queues, windows, bounds and limits."""
        return Rules(
            queue=self._queue_rules(),
            windows_ms=self.windows,
            wait_buckets_ms=self._wait_buckets(),
            horizon_ms=self.horizon,
            future_ms=self.future,
            max_queues=self.limits.queues,
            own_queues=frozenset(self.queues),
        )

    def staff_rules(self) -> StaffRules:
        """What the core is told of people, besides."""
        return self.agents.rules(self.rules(), self.limits, self.channels.voice)

    def _queue_rules(self) -> Callable[[str, str], QueueRules]:
        wait_buckets = self._wait_buckets()

        # The cache is bounded by what is configured: all other queues share `None`.
        @cache
        def configured(queue: str | None, channel: str) -> QueueRules:
            own = None if queue is None else self.queues[queue]
            return queue_rules(self.channels.of(channel), own, wait_buckets)

        def rules_of(queue: str, channel: str) -> QueueRules:
            return configured(
                queue if queue in self.queues else None,
                channel if channel in CHANNEL_DEFAULTS else "voice",
            )

        return rules_of

    def _wait_buckets(self) -> tuple[int, ...]:
        """The same for all queues, so that their histograms can be added up."""
        return tuple(sorted({*WAIT_BUCKETS_MS, *self._thresholds()}))

    def _thresholds(self) -> set[int]:
        channels = (self.channels.of(channel) for channel in CHANNEL_DEFAULTS)
        defaults = {channel.service_level.threshold for channel in channels}
        own = {queue.service_level.threshold for queue in self.queues.values()}
        return defaults | {threshold for threshold in own if threshold is not None}
