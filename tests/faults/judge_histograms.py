"""The judge's histograms: how many of some durations are how long.

Rule: durations themselves are kept, and counted anew for every bound. A bound belongs
to what is below it; a quantile is linear between the two bounds that it falls between
(0 before the first; beyond the last bound it is that bound), as kpis.md and Prometheus
have it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable

from tests.faults.judge_facts import Visit

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95}
WAIT_BOUNDS = tuple(
    seconds * 1000
    for seconds in (1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200)
)
"""What every histogram of waits has at least."""
Durations = Counter[int]
"""How often each duration came, milliseconds."""


def durations_of(visits: Iterable[Visit]) -> dict[tuple[str, str, str], Durations]:
    """By queue, channel and name of the histogram, what it is made of."""
    found: dict[tuple[str, str, str], Durations] = defaultdict(Counter)
    for visit in visits:
        key = (visit.queue, visit.channel)
        if visit.fate == "answered":
            found[*key, "answer_wait"][visit.wait] += 1
        elif visit.fate == "abandoned":
            found[*key, "abandon_wait"][visit.wait] += 1
        if visit.handled_at:
            found[*key, "handle"][visit.talk + visit.hold + visit.acw] += 1
    return found


def count_upto(durations: Durations, bound: float) -> int:
    """How many are at most `bound`."""
    return sum(n for duration, n in durations.items() if duration <= bound)


def quantile(
    durations: Durations, share: float, bounds: Iterable[int] = WAIT_BOUNDS
) -> float | None:
    """The quantile in seconds; None without durations."""
    if not durations:
        return None
    rank = share * durations.total()
    low = below = 0
    for bound in sorted(bounds):
        upto = count_upto(durations, bound)
        if upto >= rank and upto > below:
            return (low + (bound - low) * (rank - below) / (upto - below)) / 1000
        low, below = bound, upto
    return low / 1000
