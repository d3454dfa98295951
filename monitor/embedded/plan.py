"""The demo's plan: the recorded day at today's date, and a worker that lives in it.

Rule: the settings of the plan say everything about the worker's clock, so whoever makes
a clock from them has the same time.
"""

import os
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from monitor.clocks import ScaledClock, WallClock
from monitor.config import Loaded, Settings
from monitor.core.events import Event
from monitor.embedded.day import recorded_day, shifted
from monitor.embedded.feeder import opening

START_SECONDS = 2.0
"""How long the clock stands still at the beginning, while the pipeline gets ready."""
LEAD_MS = 60_000
"""How long before the first call of the morning the clock begins, on that clock."""
PARTIALS_MS = 100
"""Half a second, the default, is a minute on the demo's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is shown, when and where."""

    settings: Settings
    recorded: list[Event]
    first: date
    """The date on which the recorded day is placed."""
    timezone: ZoneInfo
    opens_at: int
    """Instant of the first call of the morning."""
    may_take_free_port: bool
    """Whether nobody asked for the address that the settings name."""

    @property
    def length_ms(self) -> int:
        """From the first call of the morning to the day's last event."""
        return max(event.at for event in self.recorded) - opening(self.recorded)

    @property
    def clock(self) -> ScaledClock:
        """The worker's clock: the settings say all of it."""
        scaled = self.settings.scaled
        return ScaledClock(scaled.start or 0, scaled.speed, origin_ms=scaled.origin)

    def local(self, instant: int) -> datetime:
        """An instant as local time of the place where the day is."""
        return datetime.fromtimestamp(instant / 1000, self.timezone)


def make_plan(loaded: Loaded, bootstrap: str, speed: float) -> Plan:
    """The day at today's date, and the settings of a worker that lives in its time.

    The day is placed in the time zone that the settings give to queues of voice; if
    they give none, in this machine's.
    """
    settings = loaded.settings
    voice = settings.channels.voice
    timezone = ZoneInfo(voice.timezone)
    if ("channels", "voice", "timezone") not in loaded.origins:
        timezone = local_zone()
        voice = voice.model_copy(update={"timezone": timezone.key})
    recorded = recorded_day()
    now = WallClock().now(0)
    first = datetime.fromtimestamp(now / 1000, timezone).date()
    opens_at = opening(shifted(recorded, first, timezone))
    scaled = {
        "start": opens_at - LEAD_MS,
        "speed": speed,
        "origin": now + round(START_SECONDS * 1000),
    }
    changes: dict[str, Any] = {
        "bootstrap": bootstrap,
        "embedded": True,
        "clock": "scaled",
        "scaled": settings.scaled.model_copy(update=scaled),
        "channels": settings.channels.model_copy(update={"voice": voice}),
    }
    if ("partials", "interval") not in loaded.origins:
        interval = {"interval": PARTIALS_MS}
        changes["partials"] = settings.partials.model_copy(update=interval)
    return Plan(
        settings=settings.model_copy(update=changes),
        recorded=recorded,
        first=first,
        timezone=timezone,
        opens_at=opens_at,
        may_take_free_port=("listen",) not in loaded.origins,
    )


def local_zone(
    name: str | None = None, link: Path = Path("/etc/localtime")
) -> ZoneInfo:
    """This machine's time zone; UTC when it has none that is known by a name."""
    named = os.environ.get("TZ", "") if name is None else name
    _, _, linked = str(link.resolve()).partition("/zoneinfo/")
    for key in (named.removeprefix(":"), linked):
        try:
            if key:
                return ZoneInfo(key)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return ZoneInfo("UTC")
