"""The two kinds of run: what the workers are told, and by which terms the judge counts.

Rule: settings are made from the judge's terms, so that nobody is told anything else.

`event`: now is the newest event of each partition. The judge can say exactly what every
window, live count and expiry must be, whenever workers died. Event time runs `SPEED`
times as fast as real time, so that a short run sees horizons pass and contacts expire.

`wall`: now is real time, as in production. Events happen as they are sent, so whatever
contacts do takes `SPEED` times less; what can't be that short is the age at which they
are given up (the product allows no less than a minute).
"""

from dataclasses import dataclass

from tests.faults.judge_sums import WINDOWS, Terms
from tests.faults.lives import HORIZON_MS

PARTITIONS = 4
SESSION_SECONDS = 6.0
"""The workers' session timeout: short, so that minutes see many takeovers, and twice
what a busy machine of two cores keeps a heartbeat waiting."""
SPEED = 20
"""Event seconds in a second: a run of 3 minutes has an hour of events."""
CHANNELS = ("voice", "chat", "callback")
EVENT = Terms(
    horizon=HORIZON_MS,
    max_age=dict.fromkeys(CHANNELS, 1_200_000),
    threshold={"voice": 20_000, "callback": 20_000, "chat": 60_000},
)
WALL = Terms(
    horizon=HORIZON_MS // SPEED,
    max_age=dict.fromkeys(CHANNELS, 60_000),
    threshold={"voice": 1_000, "callback": 1_000, "chat": 2_000},
    short=250,
    windows={"10s": 10_000, "30s": 30_000, "1m": 60_000, **WINDOWS},
)


@dataclass(frozen=True)
class Mode:
    """One of the two."""

    clock: str
    terms: Terms

    @property
    def is_wall(self) -> bool:
        return self.clock == "wall"

    def settings(self, app: str) -> dict[str, object]:
        """The workers' settings; `app` keeps runs apart that share a machine."""
        told: dict[str, object] = {
            "app": app,
            "clock": self.clock,
            "session_timeout": f"{SESSION_SECONDS:g}s",
            "horizon": f"{self.terms.horizon}ms",
            "topics.partitions": PARTITIONS,
            "self_check.interval": "3s",
        }
        for name, length in self.terms.windows.items():
            told[f"windows.{name}"] = f"{length}ms"
        for channel in CHANNELS:
            own = f"channels.{channel}"
            told[f"{own}.max_age"] = f"{self.terms.max_age[channel]}ms"
            told[f"{own}.short_abandon"] = f"{self.terms.short}ms"
            threshold = f"{self.terms.threshold[channel]}ms"
            told[f"{own}.service_level.threshold"] = threshold
        return told


MODES = {"event": Mode("event", EVENT), "wall": Mode("wall", WALL)}
