"""The sections of the settings that say how the pipeline works.

Rule: a setting's default stands as a person would write it, its description says what
it means and in which unit; both are shown by `ccmon config reference`.
"""

from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from monitor.config.durations import format_duration
from monitor.config.values import (
    Duration,
    Instant,
    Speed,
    at_least,
    at_most,
    one_of,
    whole,
)

CLOCKS = ("wall", "event", "scaled")
PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
SASL_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


def setting(default: object, description: str) -> Any:
    """A setting with its default in the form of a file, and its meaning."""
    return Field(default=default, description=description, validate_default=True)


class Section(BaseModel):
    """Settings that belong together; unknown keys are refused, values don't change."""

    # Pydantic's own messages would show a password's value.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Scaled(Section):
    """The clock of recordings that are shown faster than they happened."""

    start: Instant | None = setting(
        None,
        "What the scaled clock shows at its origin: RFC 3339 with an offset, or "
        "milliseconds UTC. Needed with clock: scaled.",
    )
    origin: Instant | None = setting(
        None,
        "Real instant at which the scaled clock starts to run; the same in every "
        "process that shall show the same time. Default: when the process started.",
    )
    speed: Speed = setting(1.0, "Scaled seconds per real second.")


class Security(Section):
    """How Kafka is connected to."""

    protocol: Annotated[str, one_of(PROTOCOLS, fold=str.upper)] = setting(
        "PLAINTEXT", f"One of {', '.join(PROTOCOLS)}."
    )
    sasl_mechanism: Annotated[str, one_of(SASL_MECHANISMS, fold=str.upper)] = setting(
        "PLAIN", f"One of {', '.join(SASL_MECHANISMS)}; used with the SASL protocols."
    )
    username: str | None = setting(None, "SASL user name.")
    password: SecretStr | None = setting(
        None, "SASL password. Better given as CCMON_SECURITY__PASSWORD than in a file."
    )
    ca_file: Path | None = setting(
        None, "PEM file of the authorities to trust. Default: the system's."
    )
    cert_file: Path | None = setting(None, "PEM file of the client's certificate.")
    key_file: Path | None = setting(None, "PEM file of the client's private key.")

    @field_validator("username", "password")
    @classmethod
    def _needed_with_sasl(cls, value: Any, info: ValidationInfo) -> Any:
        protocol = info.data.get("protocol", "")
        if not value and protocol.startswith("SASL"):
            raise ValueError(f"is needed when security.protocol is {protocol}")
        return value

    @field_validator("key_file")
    @classmethod
    def _needs_certificate(cls, value: Path | None, info: ValidationInfo) -> Any:
        if value is not None and info.data.get("cert_file", value) is None:
            raise ValueError("needs security.cert_file as well")
        return value


class Topics(Section):
    """The topics that `ccmon topics create` makes."""

    partitions: Annotated[int, whole(1, 10_000)] = setting(
        4, "Partitions of every topic of the app; more let more workers share the work."
    )
    replication_factor: Annotated[int, whole(1, 100)] = setting(
        1, "Copies of every partition; 3 in production, 1 on a single broker."
    )


class Checkpoint(Section):
    """When the state of a partition is written to its durable mirror."""

    interval: Annotated[Duration, at_least("50ms"), at_most("5m")] = setting(
        "1s", "Duration between checkpoints of a partition that has changed."
    )
    max_rows: Annotated[int, whole(1, 10_000_000)] = setting(
        20_000, "Changed rows that cause a checkpoint before its interval is over."
    )


class Partials(Section):
    """How the numbers of the partitions reach the queues."""

    interval: Annotated[Duration, at_least("50ms"), at_most("1m")] = setting(
        "500ms", "Duration between messages of a partition about changed queues."
    )
    complete_interval: Annotated[Duration, at_most("5m")] = setting(
        "5s", "Duration between messages of a partition about all of its queues."
    )
    stale_after: Annotated[Duration, at_most("1h")] = setting(
        "10s", "A partition that is unheard for this duration makes its queues stale."
    )

    @field_validator("complete_interval")
    @classmethod
    def _complete_is_rarer(cls, value: int, info: ValidationInfo) -> int:
        interval = info.data.get("interval", 0)
        if value < interval:
            raise ValueError(
                f"must be at least partials.interval ({format_duration(interval)})"
            )
        return value

    @field_validator("stale_after")
    @classmethod
    def _stale_is_after_complete(cls, value: int, info: ValidationInfo) -> int:
        complete = info.data.get("complete_interval", -1)
        if value <= complete:
            raise ValueError(
                "must be more than partials.complete_interval "
                f"({format_duration(complete)})"
            )
        return value


class SelfCheck(Section):
    """How the worker looks at its own state while it runs."""

    interval: Annotated[Duration, at_least("1s"), at_most("24h")] = setting(
        "1m",
        "Duration between looks at one partition's state: does it agree with itself, "
        "and is its durable mirror the same? A look that takes long is followed by a "
        "longer rest: they cost some 2 % at most.",
    )


class Batch(Section):
    """How records are fetched."""

    max_records: Annotated[int, whole(1, 100_000)] = setting(
        2_000, "Records that are processed at once; more delay everything else longer."
    )


class Visits(Section):
    """The topic of finished visits."""

    publish: bool = setting(
        True,
        "Whether finished visits are sent to the topic callcenter.visits.",
    )


class Limits(Section):
    """What keeps a mistake of a source from becoming a flood."""

    queues: Annotated[int, whole(1, 1_000_000)] = setting(
        1_000, "New queue names beyond this many are counted together as __other__."
    )
    agents: Annotated[int, whole(1, 1_000_000)] = setting(
        10_000,
        "What is said of agents beyond this many in a partition is counted, and "
        "dropped.",
    )


class Exporter(Section):
    """What Prometheus is shown."""

    per_agent: bool = setting(
        False,
        "Whether metrics are labelled with agents: many series, and personal data.",
    )
