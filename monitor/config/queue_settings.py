"""How queues are judged: defaults of each channel, and what a queue has of its own.

Rule: `channels.<channel>` has every value; `queues.<name>` has the same keys, each
optional, and lays over the channel of the contact what it says.
"""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import ValidationInfo, field_validator, model_validator

from monitor.config.durations import format_duration
from monitor.config.sections import Section, setting
from monitor.config.values import DayStart, Duration, Ratio, TimeZone, at_least, one_of
from monitor.core.rules import POLICIES, QueueRules

DIVERTED = ("ignored", "negative")

T = TypeVar("T")

THRESHOLD_MEANING = (
    "Service-level threshold T, a duration: a wait of at most T is in time."
)
TARGET_MEANING = "Ratio 0-1 that the service level shall reach; changes no number."
POLICY_MEANING = f"What abandons do to the service level: {', '.join(POLICIES)}."
DIVERTED_MEANING = (
    "Contacts diverted in time: ignored, or negative (they lower the service level)."
)
SHORT_ABANDON_MEANING = (
    "Duration: an abandon after a shorter wait is a short one; 0 switches that off."
)
TIMEZONE_MEANING = "IANA time zone of the queue's day."
DAY_START_MEANING = "Local time of day HH:MM at which the window today starts."
MAX_AGE_MEANING = (
    "Duration after which a contact whose end was never seen is given up: from "
    "queueing while it waits, from its last event while it is in hand."
)
INACTIVE_MEANING = (
    "Duration: a conversation in hand in which nobody wrote for longer is shown as "
    "inactive."
)

Policy = Annotated[str, one_of(POLICIES)]
Diverted = Annotated[str, one_of(DIVERTED)]
Threshold = Annotated[Duration, at_least("1ms")]
MaxAge = Annotated[Duration, at_least("1m")]
InactiveAfter = Annotated[Duration, at_least("1s")]

CHANNEL_DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "voice": {},
    "chat": {"service_level": {"threshold": "60s"}, "max_age": "24h"},
    # A day is the usual promise for what is answered in writing, and weekends and
    # holidays pass before an unanswered mail is surely forgotten.
    "email": {
        "service_level": {"threshold": "24h"},
        "max_age": "14d",
        "inactive_after": "24h",
    },
    "callback": {},
    "task": {
        "service_level": {"threshold": "24h"},
        "max_age": "14d",
        "inactive_after": "24h",
    },
}
"""Where a channel's defaults differ from those of `ChannelSettings`."""


def overlay(
    base: Mapping[str, object], over: Mapping[str, object]
) -> dict[str, object]:
    """`base` with the values of `over` in place of its own, mappings key by key."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            result[key] = overlay(below, value)
        else:
            result[key] = value
    return result


def _longer_than_threshold(max_age: int | None, threshold: int | None) -> None:
    if max_age is not None and threshold is not None and max_age <= threshold:
        raise ValueError(
            "must be longer than service_level.threshold "
            f"({format_duration(threshold)})"
        )


class ServiceLevel(Section):
    """Service level of a channel."""

    threshold: Threshold = setting("20s", THRESHOLD_MEANING)
    target: Ratio = setting(0.8, TARGET_MEANING)
    policy: Policy = setting(POLICIES[0], POLICY_MEANING)
    diverted: Diverted = setting(DIVERTED[0], DIVERTED_MEANING)


class ChannelSettings(Section):
    """What holds for every queue of a channel that says nothing else."""

    service_level: ServiceLevel = setting({}, "Who was served in time.")
    short_abandon: Duration = setting("5s", SHORT_ABANDON_MEANING)
    timezone: TimeZone = setting("UTC", TIMEZONE_MEANING)
    day_start: DayStart = setting("00:00", DAY_START_MEANING)
    max_age: MaxAge = setting("4h", MAX_AGE_MEANING)
    inactive_after: InactiveAfter = setting("10m", INACTIVE_MEANING)

    @field_validator("max_age")
    @classmethod
    def _age(cls, value: int, info: ValidationInfo) -> int:
        level: ServiceLevel | None = info.data.get("service_level")
        _longer_than_threshold(value, level.threshold if level else None)
        return value


class Channels(Section):
    """Defaults by channel."""

    voice: ChannelSettings = setting({}, "Calls.")
    chat: ChannelSettings = setting({}, "Chats and messages.")
    email: ChannelSettings = setting({}, "Mails.")
    callback: ChannelSettings = setting({}, "Calls that the call center makes back.")
    task: ChannelSettings = setting({}, "Other work that waits in a queue.")

    @model_validator(mode="before")
    @classmethod
    def _over_defaults(cls, given: Any) -> Any:
        return overlay(CHANNEL_DEFAULTS, given) if isinstance(given, dict) else given

    def of(self, channel: str) -> ChannelSettings:
        """Defaults of `channel`; `""` and unknown ones are voice."""
        found = getattr(self, channel, None) if channel in CHANNEL_DEFAULTS else None
        return found if isinstance(found, ChannelSettings) else self.voice


class OwnServiceLevel(Section):
    """Service level of one queue, where it differs from its channel's."""

    threshold: Threshold | None = setting(None, THRESHOLD_MEANING)
    target: Ratio | None = setting(None, TARGET_MEANING)
    policy: Policy | None = setting(None, POLICY_MEANING)
    diverted: Diverted | None = setting(None, DIVERTED_MEANING)


class QueueSettings(Section):
    """One queue, where it differs from its channel."""

    service_level: OwnServiceLevel = setting({}, "Who was served in time.")
    short_abandon: Duration | None = setting(None, SHORT_ABANDON_MEANING)
    timezone: TimeZone | None = setting(None, TIMEZONE_MEANING)
    day_start: DayStart | None = setting(None, DAY_START_MEANING)
    max_age: MaxAge | None = setting(None, MAX_AGE_MEANING)
    inactive_after: InactiveAfter | None = setting(None, INACTIVE_MEANING)

    @field_validator("max_age")
    @classmethod
    def _age(cls, value: int | None, info: ValidationInfo) -> int | None:
        level: OwnServiceLevel | None = info.data.get("service_level")
        _longer_than_threshold(value, level.threshold if level else None)
        return value


def queue_rules(
    channel: ChannelSettings, own: QueueSettings | None, wait_buckets: tuple[int, ...]
) -> QueueRules:
    """What the core is told: `own` laid over `channel`."""
    if own is None:
        own = QueueSettings()
    level, own_level = channel.service_level, own.service_level
    diverted = _first(own_level.diverted, level.diverted)
    return QueueRules(
        threshold_ms=_first(own_level.threshold, level.threshold),
        target_ratio=_first(own_level.target, level.target),
        policy=_first(own_level.policy, level.policy),
        diverted_negative=diverted == "negative",
        short_abandon_ms=_first(own.short_abandon, channel.short_abandon),
        timezone=_first(own.timezone, channel.timezone),
        day_start_minutes=_first(own.day_start, channel.day_start),
        max_age_ms=_first(own.max_age, channel.max_age),
        inactive_after_ms=_first(own.inactive_after, channel.inactive_after),
        wait_buckets_ms=wait_buckets,
    )


def _first(own: T | None, default: T) -> T:
    return default if own is None else own
