"""What is done to the pipeline and when: a plan that the seed decides.

Rule: the same seed and seconds give the same plan; what the plan finds when its time
comes (a worker that is being restarted) is skipped and counted.
"""

import random
from typing import NamedTuple

from tests.faults.modes import PARTITIONS, SESSION_SECONDS
from tests.faults.proxy import HARMS

WEIGHTS = {
    "kill": 20,
    "stop": 14,
    "zombie": 14,
    "nap": 4,
    "join_and_leave": 12,
    "cut": 18,
    "fence": 8,
    "broker_stop": 5,
    "broker_kill": 5,
}
LONG_WEIGHTS = {"long_zombie": 8}
"""What takes too long for a short run."""
PROXIED = {"cut", "long_zombie"}
"""What needs the slot that comes to the broker by the proxy."""
ABORT_SECONDS = 30.0
"""How long a broker leaves a transaction open that nobody ends."""


class Fault(NamedTuple):
    """One thing to do; `seconds` is how long it lasts, `slot` the worker's; of a fence
    it is the partition."""

    at: float
    what: str
    slot: int
    seconds: float
    detail: str = ""

    def __str__(self) -> str:
        detail = f" {self.detail}" if self.detail else ""
        return (
            f"{self.at:6.1f} s  {self.what}{detail} of {self.slot}, "
            f"{self.seconds:.1f} s"
        )


def make_plan(
    seed: int, seconds: float, workers: int, *, long: bool = False
) -> list[Fault]:
    """Faults over `seconds`, the last ones early enough to be over by then."""
    chance = random.Random(f"plan {seed}")
    plan = []
    at = 8.0
    weights = WEIGHTS | (LONG_WEIGHTS if long else {})
    # Each kind comes once, in any order, before chance decides alone.
    rounds = list(weights)
    chance.shuffle(rounds)
    while at < seconds - 10.0:
        pick = chance.choices(list(weights), list(weights.values()))[0]
        what = rounds.pop() if rounds else pick
        detail = chance.choice(HARMS) if what == "cut" else ""
        slot = chance.randrange(PARTITIONS if what == "fence" else workers)
        slot = 0 if what in PROXIED else slot
        lasts = _lasting(chance, what, detail, long=long)
        plan.append(Fault(at, what, slot, lasts, detail))
        # Some come while the one before is still going on.
        at += (
            chance.uniform(0.5, 3.0)
            if chance.random() < 0.35
            else (min(lasts, 12.0) + chance.uniform(1.0, 5.0))
        )
    return plan


def _lasting(chance: random.Random, what: str, detail: str, *, long: bool) -> float:
    if what == "zombie":
        return SESSION_SECONDS + chance.uniform(1.0, 6.0)
    if what == "long_zombie":
        return ABORT_SECONDS + chance.uniform(2.0, 10.0)
    if what == "nap":
        return chance.uniform(0.5, SESSION_SECONDS)
    if what == "broker_stop":
        return 60.0 if long and chance.random() < 0.5 else chance.uniform(5.0, 20.0)
    if what == "broker_kill":
        return chance.uniform(0.0, 8.0)
    if what == "cut":
        return chance.uniform(1.0, 3.0 if detail == "delay" else 16.0)
    return chance.uniform(0.0, 3.0)
