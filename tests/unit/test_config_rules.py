"""What the core is told."""

import pytest

from monitor.config import Settings, load
from monitor.config.queue_settings import (
    CHANNEL_DEFAULTS,
    ChannelSettings,
    OwnServiceLevel,
    QueueSettings,
    ServiceLevel,
)
from monitor.core.events import CHANNELS
from monitor.core.rules import (
    CHAT_RULES,
    DEFAULT_WINDOWS_MS,
    VOICE_RULES,
    WAIT_BUCKETS_MS,
    QueueRules,
    Rules,
)

DAY_MS = 86_400_000
WRITTEN_RULES = QueueRules(
    threshold_ms=DAY_MS, max_age_ms=14 * DAY_MS, inactive_after_ms=DAY_MS
)


@pytest.mark.parametrize(
    "channel, rules",
    [
        ("voice", VOICE_RULES),
        ("", VOICE_RULES),
        ("smoke signals", VOICE_RULES),
        ("callback", VOICE_RULES),
        ("chat", CHAT_RULES),
        ("email", WRITTEN_RULES),
        ("task", WRITTEN_RULES),
    ],
)
def test_a_queue_that_nobody_configured_has_its_channels_rules(
    channel: str, rules: QueueRules
) -> None:
    """The defaults are those of the definitions."""
    assert Settings().rules().queue("anything", channel) == rules


def test_the_defaults_are_the_cores_own() -> None:
    """Windows, horizon and limits say the same in both places."""
    rules, core = Settings().rules(), Rules()

    assert dict(rules.windows_ms) == dict(DEFAULT_WINDOWS_MS)
    assert rules.horizon_ms == core.horizon_ms
    assert rules.future_ms == core.future_ms
    assert rules.max_queues == core.max_queues


def test_every_channel_has_defaults() -> None:
    """The channels of the settings are those of the events."""
    assert set(CHANNEL_DEFAULTS) == CHANNELS


def test_a_queue_lays_what_it_says_over_its_channel() -> None:
    """What it doesn't say is its channel's, also when that is configured."""
    settings = load(
        None,
        [
            "channels.voice.timezone=Europe/Berlin",
            "channels.voice.service_level.diverted=negative",
            "queues.support.service_level.threshold=30s",
            "queues.support.short_abandon=0",
            "queues.support.day_start=06:30",
        ],
        {},
    )

    assert settings.rules().queue("support", "voice") == QueueRules(
        threshold_ms=30_000,
        short_abandon_ms=0,
        diverted_negative=True,
        timezone="Europe/Berlin",
        day_start_minutes=390,
    )
    assert settings.rules().queue("support", "chat") == QueueRules(
        threshold_ms=30_000,
        short_abandon_ms=0,
        day_start_minutes=390,
        max_age_ms=DAY_MS,
    )


def test_a_queue_may_undo_what_its_channel_says() -> None:
    """Zero, midnight and the default are values, not absences."""
    settings = load(
        None,
        [
            "channels.voice.service_level.diverted=negative",
            "channels.voice.day_start=06:00",
            "queues.a.service_level.diverted=ignored",
            "queues.a.service_level.target=0",
            "queues.a.day_start=00:00",
        ],
        {},
    )

    rules = settings.rules().queue("a", "voice")

    assert not rules.diverted_negative
    assert rules.target_ratio == 0
    assert rules.day_start_minutes == 0


def test_rules_of_a_queue_are_made_once() -> None:
    """The same object each time; queues without rules share their channel's."""
    queue = load(None, {"queues.a.max_age": "1h"}, {}).rules().queue

    assert queue("a", "voice") is queue("a", "voice")
    assert queue("b", "voice") is queue("c", "voice")
    assert queue("a", "voice") is not queue("b", "voice")


def test_wait_buckets_have_every_threshold() -> None:
    """Percentiles and service level agree at each T."""
    settings = load(None, {"queues.a.service_level.threshold": "25s"}, {})

    assert settings.rules().wait_buckets_ms == tuple(
        sorted({*WAIT_BUCKETS_MS, 25_000, DAY_MS})
    )


def test_every_queue_s_percentiles_have_the_same_buckets() -> None:
    """Else the API and `/metrics` would interpolate differently."""
    rules = load(None, {"queues.a.service_level.threshold": "25s"}, {}).rules()

    for queue, channel in (("a", "voice"), ("b", "chat")):
        assert rules.queue(queue, channel).wait_buckets_ms == rules.wait_buckets_ms


def test_how_long_a_conversation_may_be_silent_is_set_by_channel_and_queue() -> None:
    settings = ["channels.chat.inactive_after=5m", "queues.vip.inactive_after=90s"]
    queue = load(None, settings, {}).rules().queue

    assert queue("vip", "chat").inactive_after_ms == 90_000
    assert queue("other", "chat").inactive_after_ms == 300_000
    assert queue("other", "voice").inactive_after_ms == 600_000


def test_a_queue_has_the_keys_of_a_channel() -> None:
    """Whatever a channel can say, a queue can."""
    assert list(QueueSettings.model_fields) == list(ChannelSettings.model_fields)
    assert list(OwnServiceLevel.model_fields) == list(ServiceLevel.model_fields)
