"""The formulas: what tallies mean as ratios, means and quantiles (kpis.md 3 and 4).

Rule: counts are added first and divided once, here, last. A denominator of 0 gives
`None`, never 0 and never 1. Functions take a tally of any span (a window, a day, a
recording) and know nothing of clocks, names of windows or outputs. Ratios are 0-1,
durations are seconds.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from monitor.core import tally as t
from monitor.core.rules import POLICIES, QueueRules

TallyLike = Mapping[str, int]

QUANTILES = (0.5, 0.9, 0.95)
"""The wait quantiles that the product shows."""


def ratio(part: int, whole: int) -> float | None:
    """`part / whole`; `None` when there is nothing to divide by."""
    return part / whole if whole > 0 else None


def mean_seconds(sum_ms: int, count: int) -> float | None:
    """Mean in seconds of `count` durations that add up to `sum_ms`."""
    return sum_ms / (1000 * count) if count > 0 else None


class ServiceLevel(NamedTuple):
    """A service level as its two parts; the ratio is formed from them."""

    in_time: int
    """Contacts that count as reached in time (the numerator)."""
    counted: int
    """Contacts that count at all (the denominator)."""

    @property
    def ratio(self) -> float | None:
        """`in_time / counted`, `None` when nothing counts."""
        return ratio(self.in_time, self.counted)


def service_level(
    tally: TallyLike, rules: QueueRules, policy: str | None = None
) -> ServiceLevel:
    """Service level by `policy`, or by the queue's own one.

    `rules.diverted_negative` joins contacts diverted in time to the denominator,
    whichever the policy. Raises `ValueError` for a policy that isn't in `POLICIES`.
    """
    policy = rules.policy if policy is None else policy
    in_time = tally.get(t.ANSWERED_IN_TIME, 0)
    if policy == "answered_only":
        counted = in_time + tally.get(t.ANSWERED_LATE, 0)
    elif policy == "abandons_ignored":
        counted = in_time + tally.get(t.CROSSED, 0)
    elif policy == "abandons_negative":
        abandoned = tally.get(t.ABANDONED_IN_TIME, 0)
        counted = in_time + abandoned + tally.get(t.CROSSED, 0)
    elif policy == "abandons_positive":
        in_time += tally.get(t.ABANDONED_IN_TIME, 0)
        in_time += tally.get(t.ABANDONED_SHORT_IN_TIME, 0)
        counted = in_time + tally.get(t.CROSSED, 0)
    else:
        message = f"unknown service-level policy {policy!r}, known: {POLICIES}"
        raise ValueError(message)
    if rules.diverted_negative:
        counted += tally.get(t.DIVERTED_IN_TIME, 0)
    return ServiceLevel(in_time, counted)


def service_levels(tally: TallyLike, rules: QueueRules) -> dict[str, ServiceLevel]:
    """Service level by each policy, in the order of `POLICIES`."""
    return {policy: service_level(tally, rules, policy) for policy in POLICIES}


def diverted_total(tally: TallyLike) -> int:
    """Visits that left the queue otherwise than answered or abandoned, any reason."""
    return _sum_of(tally, t.DIVERTED)


def rejected_total(tally: TallyLike) -> int:
    """Contacts that were refused before they queued, any reason; not offered ones."""
    return _sum_of(tally, t.REJECTED)


def transferred_total(tally: TallyLike) -> int:
    """Visits that ended by a transfer, any kind."""
    return _sum_of(tally, t.TRANSFERRED)


def drift(tally: TallyLike, waiting: int) -> int:
    """How far the law of visits is broken; 0 when each visit has exactly one fate.

    `offered - answered - abandoned - diverted - expired - waiting`. `tally` must cover
    the whole life of the state, net of corrections, at the instant of `waiting`.
    """
    fates = (
        tally.get(t.ANSWERED, 0)
        + tally.get(t.ABANDONED, 0)
        + diverted_total(tally)
        + tally.get(t.EXPIRED, 0)
    )
    return tally.get(t.OFFERED, 0) - fates - waiting


def abandonment_ratio(tally: TallyLike) -> float | None:
    """(abandoned - short) / (answered + abandoned - short + diverted)."""
    lost = tally.get(t.ABANDONED, 0) - tally.get(t.ABANDONED_SHORT, 0)
    return ratio(lost, tally.get(t.ANSWERED, 0) + lost + diverted_total(tally))


def speed_of_answer_seconds(tally: TallyLike) -> float | None:
    """ASA: mean wait of answered visits."""
    return mean_seconds(tally.get(t.ANSWERED_WAIT, 0), tally.get(t.ANSWERED, 0))


def time_to_abandon_seconds(tally: TallyLike) -> float | None:
    """Mean wait of abandoned visits, short ones too."""
    return mean_seconds(tally.get(t.ABANDONED_WAIT, 0), tally.get(t.ABANDONED, 0))


def handle_ms(tally: TallyLike) -> int:
    """Talk, hold and after-contact work of handled visits, milliseconds."""
    return tally.get(t.TALK, 0) + tally.get(t.HOLD, 0) + tally.get(t.ACW, 0)


def handle_time_seconds(tally: TallyLike) -> float | None:
    """AHT: mean of talk, hold and after-contact work of handled visits."""
    return mean_seconds(handle_ms(tally), tally.get(t.HANDLED, 0))


def hold_ratio(tally: TallyLike) -> float | None:
    """Share of handled visits that were on hold at least once."""
    return ratio(tally.get(t.HELD, 0), tally.get(t.HANDLED, 0))


def hold_time_seconds(tally: TallyLike) -> float | None:
    """Mean time on hold of the visits that were on hold at least once."""
    return mean_seconds(tally.get(t.HOLD, 0), tally.get(t.HELD, 0))


def transfer_ratio(tally: TallyLike) -> float | None:
    """Visits that ended by a transfer of any kind / handled visits."""
    return ratio(transferred_total(tally), tally.get(t.HANDLED, 0))


def first_response_seconds(tally: TallyLike) -> float | None:
    """Mean time to the first message of an agent, of the visits that got one."""
    return mean_seconds(tally.get(t.FIRST_RESPONSE, 0), tally.get(t.FIRST_RESPONSES, 0))


def response_seconds(tally: TallyLike) -> float | None:
    """Mean time from the first unanswered customer message of a run to its response."""
    return mean_seconds(tally.get(t.RESPONSE, 0), tally.get(t.RESPONSES, 0))


def concurrency(active: int, agents: int) -> float | None:
    """Active conversations per agent who has at least one; `None` without one."""
    return ratio(active, agents)


def ring_no_answer(tally: TallyLike) -> int:
    """Offers to an agent that weren't taken: attempts, never abandons."""
    return tally.get(f"{t.ALERT_ENDED}no_answer", 0)


def quantile_seconds(
    buckets: Sequence[tuple[int | None, int]], quantile: float
) -> float | None:
    """The `quantile` (0-1) of a histogram, linear inside the bucket that it falls into.

    `buckets` are as `tally.cumulative` gives them, empty ones too: they say where the
    next one starts. As histogram_quantile of Prometheus: beyond the last finite bound
    that bound is the answer. `None` without data.
    """
    if not 0 <= quantile <= 1:
        message = f"quantile must be 0 to 1, is {quantile}"
        raise ValueError(message)
    count = buckets[-1][1]
    if count <= 0:
        return None
    rank = quantile * count
    start, below = 0, 0
    for bound, upto in buckets:
        if bound is None:
            break
        if upto >= rank and upto > below:
            return (start + (bound - start) * (rank - below) / (upto - below)) / 1000
        start, below = bound, upto
    return start / 1000


def answer_wait_quantiles_seconds(
    tally: TallyLike,
    bounds_ms: Iterable[int],
    quantiles: Sequence[float] = QUANTILES,
) -> list[float | None]:
    """The quantiles of answered waits, by the histogram with `bounds_ms`."""
    buckets = t.cumulative(tally, t.ANSWER_WAIT_LE, bounds_ms)
    return [quantile_seconds(buckets, quantile) for quantile in quantiles]


class EstimatedWait(NamedTuple):
    """How long a contact that queues now would wait, with what that rests on."""

    seconds: float
    waiting: int
    """Contacts that wait already."""
    handle_time_seconds: float
    agents: int
    """Agents who can take the queue now or work for it."""


def estimated_wait(
    waiting: int, handle_time: float | None, agents: int
) -> EstimatedWait | None:
    """`(waiting + 1) x handle time / agents`; `None` without handle time or agents.

    `handle_time` is seconds, from `handle_time_seconds` of a span that the caller
    chooses.
    """
    if handle_time is None or agents <= 0:
        return None
    seconds = (waiting + 1) * handle_time / agents
    return EstimatedWait(seconds, waiting, handle_time, agents)


def _sum_of(tally: TallyLike, prefix: str) -> int:
    return sum(n for name, n in tally.items() if name.startswith(prefix))
