"""The settings that the numbers of people depend on besides `core.rules`.

Rule: values only, durations in milliseconds.
"""

from dataclasses import dataclass, field

from monitor.core.rules import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffRules:
    """How people are judged."""

    rules: Rules = field(default_factory=Rules)
    """Windows, horizon, and each queue's day."""
    heartbeat_ms: int = 60_000
    """How often a source that sends heartbeats sends them. Who ever sent one and isn't
    heard of for twice this is unknown."""
    unannounced_ms: int = 1_800_000
    """Who never logged in is available for this long after each contact."""
    max_agents: int = 10_000
    """People told apart; what further ones say is counted and dropped."""
    max_reasons: int = 100
    """Reasons of being away told apart; further ones are `other`."""
    timezone: str = "UTC"
    """IANA name of the zone of a person's day."""
    day_start_minutes: int = 0
    """Local minute of the day at which a person's `today` starts."""
