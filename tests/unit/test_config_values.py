"""Single settings: tables of what is taken and what is refused."""

import pytest

from monitor.config import ConfigurationError, Settings, load, split_address


def value_of(key: str, given_value: object) -> object:
    """The setting at the dotted `key` after it was given."""
    found: object = load(None, {key: given_value}, {})
    for name in key.split("."):
        found = found[name] if isinstance(found, dict) else getattr(found, name)
    return found


def refusal_of(key: str, given_value: object) -> str:
    """The message that refuses a value."""
    with pytest.raises(ConfigurationError) as caught:
        load(None, {key: given_value}, {})
    return str(caught.value)


@pytest.mark.parametrize(
    "key, given_value, value",
    [
        ("bootstrap", "kafka1:9092, kafka2:9093", "kafka1:9092,kafka2:9093"),
        ("bootstrap", "[::1]:9092", "[::1]:9092"),
        ("listen", "0.0.0.0:0", "0.0.0.0:0"),
        ("app", "eu.callcenter_2", "eu.callcenter_2"),
        ("clock", "Event", "event"),
        ("scaled.start", "2026-01-19T08:00:00Z", 1_768_809_600_000),
        ("scaled.start", "2026-01-19T09:00:00.250+01:00", 1_768_809_600_250),
        ("scaled.start", 1_768_809_600_000, 1_768_809_600_000),
        ("scaled.start", "1768809600000", 1_768_809_600_000),
        ("scaled.speed", "60", 60.0),
        ("security.username", "me", "me"),
        ("topics.partitions", "12", 12),
        ("checkpoint.interval", "250ms", 250),
        ("batch.max_records", 1, 1),
        ("visits.publish", "false", False),
        ("embedded", True, True),
        ("session_timeout", 30, 30_000),
        ("horizon", "1h", 3_600_000),
        ("future", 0, 0),
        ("limits.queues", "50", 50),
        ("exporter.per_agent", "true", True),
        ("channels.voice.service_level.threshold", "30s", 30_000),
        ("channels.chat.service_level.target", "0.9", 0.9),
        ("channels.email.service_level.policy", "answered_only", "answered_only"),
        ("channels.task.service_level.diverted", "negative", "negative"),
        ("channels.voice.short_abandon", 0, 0),
        ("channels.voice.timezone", "Australia/Lord_Howe", "Australia/Lord_Howe"),
        ("channels.voice.day_start", "6:05", 365),
        ("channels.voice.max_age", "8h", 28_800_000),
        ("queues.support.day_start", "23:59", 1439),
    ],
    ids=repr,
)
def test_a_good_value_is_taken(key: str, given_value: object, value: object) -> None:
    """Text and plain values give what the program works with."""
    assert value_of(key, given_value) == value


@pytest.mark.parametrize(
    "key, given_value, allowed",
    [
        ("bootstrap", "kafka", "must be HOST:PORT"),
        ("bootstrap", "kafka://kafka:9092", "must be HOST:PORT"),
        ("bootstrap", "kafka:9092,", "must be HOST:PORT"),
        ("bootstrap", "kafka:0", "must be HOST:PORT"),
        ("bootstrap", 9092, "must be HOST:PORT"),
        ("listen", ":8090", "must be HOST:PORT"),
        ("listen", "localhost:65536", "must be HOST:PORT"),
        ("listen", "::1:8090", "must be HOST:PORT"),
        ("app", "", "must be 1-100 letters"),
        ("app", "call center", "must be 1-100 letters"),
        ("app", 5, "in quotes"),
        ("clock", "sundial", "must be one of wall, event, scaled"),
        ("clock", "scaled", "must have a start when clock is scaled"),
        ("scaled.start", "2026-01-19T08:00:00", "must be an instant"),
        ("scaled.start", "yesterday", "must be an instant"),
        ("scaled.start", 1_768_809_600, "from the years 2000 to 2099"),
        ("scaled.start", True, "must be an instant"),
        ("scaled.speed", 0, "must be a number above 0"),
        ("scaled.speed", "nan", "must be a number above 0"),
        ("scaled.speed", "inf", "must be a number above 0"),
        ("security.protocol", "TLS", "must be one of PLAINTEXT, SSL"),
        ("security.protocol", "sasl_ssl", "is needed when security.protocol is SASL"),
        ("security.username", 5, "needs quotes"),
        ("security.key_file", "key.pem", "needs security.cert_file"),
        ("topics.partitions", 0, "from 1 to 10000"),
        ("topics.partitions", 2.5, "must be a whole number"),
        ("topics.partitions", True, "must be a whole number"),
        ("topics.partitions", "four", "must be a whole number"),
        ("topics", 5, "must be a section with partitions, replication_factor"),
        ("queues", "support", "must be a section"),
        ("checkpoint.interval", "-1s", "must not be negative"),
        ("checkpoint.interval", "1ms", "must be at least 50ms"),
        ("checkpoint.interval", "1h", "must be at most 5m"),
        ("partials.complete_interval", "100ms", "at least partials.interval (500ms)"),
        ("partials.complete_interval", "20s", "more than partials.complete_interval"),
        ("partials.stale_after", "5s", "more than partials.complete_interval (5s)"),
        ("visits.publish", "maybe", "must be true or false"),
        ("horizon", "2d", "must be at most 24h"),
        ("windows.today", "5m", "is always there"),
        ("windows.a-b", "5m", "letters, digits and underscores"),
        ("windows.w", "7s", "multiple of 5s"),
        ("windows.w", "15m5s", "multiple of 1m"),
        ("windows.w", "25h", "up to 24h"),
        ("windows.w", 0, "off for no such window"),
        ("windows.w", "soon", "must be a duration"),
        ("channels.voice.service_level.threshold", 0, "must be at least 1ms"),
        ("channels.voice.service_level.threshold", "5h", "must be longer than"),
        ("channels.voice.service_level.target", 80, "ratio from 0 to 1"),
        ("channels.voice.service_level.target", "80%", "ratio from 0 to 1"),
        ("channels.voice.service_level.policy", "kind", "must be one of abandons_ig"),
        ("channels.voice.service_level.diverted", "yes", "must be one of ignored"),
        ("channels.voice.timezone", "Europe/Berln", "did you mean Europe/Berlin?"),
        ("channels.voice.timezone", "../etc/passwd", "must be an IANA time zone"),
        ("channels.voice.timezone", "Europe", "must be an IANA time zone"),
        ("channels.voice.timezone", "", "must be an IANA time zone"),
        ("channels.voice.day_start", "24:00", "HH:MM from 00:00 to 23:59"),
        ("channels.voice.day_start", 6, "HH:MM from 00:00 to 23:59"),
        ("channels.voice.max_age", "10s", "must be at least 1m"),
        ("channels.fax.max_age", "1h", "is no setting"),
        ("queues.support.service_level.target", -0.1, "ratio from 0 to 1"),
        ('queues."".max_age', "1h", "must be the name of a queue"),
    ],
    ids=repr,
)
def test_a_bad_value_is_refused(key: str, given_value: object, allowed: str) -> None:
    """The message says what is allowed."""
    assert allowed in refusal_of(key, given_value)


def test_windows_are_added_to_the_defaults_and_can_be_taken_away() -> None:
    """A board that shows the default windows keeps working when one is added."""
    settings = load(None, {"windows.2h": "2h", "windows.30m": "off"}, {})

    assert list(settings.windows.items()) == [
        ("5m", 300_000),
        ("15m", 900_000),
        ("1h", 3_600_000),
        ("2h", 7_200_000),
    ]


def test_a_channel_keeps_its_other_defaults() -> None:
    """Setting a chat's target doesn't give it the threshold of a call."""
    level = load(
        None, {"channels.chat.service_level.target": 0.9}, {}
    ).channels.chat.service_level

    assert (level.threshold, level.target) == (60_000, 0.9)


def test_settings_do_not_change() -> None:
    """What was checked stays as it was."""
    with pytest.raises(ValueError, match="frozen"):
        Settings().app = "other"  # type: ignore[misc]


def test_the_password_is_in_no_representation() -> None:
    """Neither `repr` nor JSON shows it; who needs it asks for it."""
    settings = load(None, ["security.password=hunter2"], {})

    assert "hunter2" not in repr(settings)
    assert "hunter2" not in settings.model_dump_json()
    assert settings.security.password is not None
    assert settings.security.password.get_secret_value() == "hunter2"


@pytest.mark.parametrize(
    "address, parts",
    [("127.0.0.1:8090", ("127.0.0.1", 8090)), ("[::1]:0", ("::1", 0))],
)
def test_an_address_is_host_and_port(address: str, parts: tuple[str, int]) -> None:
    """IPv6 hosts come without their brackets."""
    assert split_address(address) == parts
