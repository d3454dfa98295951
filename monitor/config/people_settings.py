"""How people are judged: the section `agents`.

Rule: as in `sections`; what isn't said of people is what voice says of its queues.
"""

from typing import Annotated

from monitor.config.queue_settings import ChannelSettings
from monitor.config.sections import Limits, Section, setting
from monitor.config.values import DayStart, Duration, TimeZone, at_least, at_most
from monitor.core.people.rules import StaffRules
from monitor.core.rules import Rules


class AgentSettings(Section):
    """How the states of agents are judged."""

    enabled: bool = setting(
        True,
        "Whether contacts tell of the agents on them; without it agents are known by "
        "what they say only, and a worker takes up to twice as many events.",
    )
    heartbeat: Annotated[Duration, at_least("1s"), at_most("24h")] = setting(
        "60s",
        "Duration between heartbeats of a source that sends them: who ever sent one "
        "and isn't heard of for twice this is unknown.",
    )
    unannounced: Annotated[Duration, at_least("1s"), at_most("24h")] = setting(
        "30m",
        "Duration for which who never logged in is available after each contact.",
    )
    timezone: TimeZone | None = setting(
        None, "IANA time zone of an agent's day. Default: that of channels.voice."
    )
    day_start: DayStart | None = setting(
        None, "HH:MM at which an agent's today starts. Default: that of channels.voice."
    )

    def rules(self, rules: Rules, limits: Limits, voice: ChannelSettings) -> StaffRules:
        """What the core is told."""
        day_start = self.day_start
        return StaffRules(
            rules=rules,
            heartbeat_ms=self.heartbeat,
            unannounced_ms=self.unannounced,
            max_agents=limits.agents,
            timezone=self.timezone or voice.timezone,
            day_start_minutes=voice.day_start if day_start is None else day_start,
        )
