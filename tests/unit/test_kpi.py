"""The formulas, against the vectors of the definitions and by hand."""

import itertools

import pytest

from monitor.core import kpi
from monitor.core import tally as t
from monitor.core.rules import POLICIES, WAIT_BUCKETS_MS, QueueRules

RULES = QueueRules()
SHORT_OFF = QueueRules(short_abandon_ms=0)


def visits(
    *,
    answered: tuple[int, ...] = (),
    abandoned: tuple[int, ...] = (),
    waiting: tuple[int, ...] = (),
    rules: QueueRules = RULES,
) -> dict[str, int]:
    """Tally of visits with these waits, in seconds, counted visit by visit."""
    result: t.Tally = {}
    for wait in answered:
        in_time = wait * 1000 <= rules.threshold_ms
        t.add(result, {t.ANSWERED: 1, t.ANSWERED_WAIT: wait * 1000})
        t.add(result, {t.ANSWERED_IN_TIME if in_time else t.ANSWERED_LATE: 1})
        t.add(result, {} if in_time else {t.CROSSED: 1})
    for wait in abandoned:
        in_time = wait * 1000 <= rules.threshold_ms
        short = wait * 1000 < rules.short_abandon_ms
        name = t.ABANDONED_SHORT_IN_TIME if short else t.ABANDONED_IN_TIME
        t.add(result, {t.ABANDONED: 1, t.ABANDONED_WAIT: wait * 1000})
        t.add(result, {name: 1} if in_time else {t.CROSSED: 1})
        t.add(result, {t.ABANDONED_SHORT: 1} if short else {})
    for wait in waiting:
        t.add(result, {t.CROSSED: 1} if wait * 1000 > rules.threshold_ms else {})
    t.add(result, {t.OFFERED: len(answered) + len(abandoned) + len(waiting)})
    return result


def icmi(rules: QueueRules) -> dict[str, int]:
    """1,000 answered of which 860 in time; 60 abandoned, 20 in time, 10 short."""
    answered = (10,) * 860 + (45,) * 140
    abandoned = (3,) * 10 + (12,) * 10 + (40,) * 40
    return visits(answered=answered, abandoned=abandoned, rules=rules)


@pytest.mark.parametrize(
    "policy,rules,in_time,counted,percent",
    [
        ("abandons_ignored", RULES, 860, 1040, 82.69),
        ("abandons_negative", RULES, 860, 1050, 81.90),
        ("abandons_negative", SHORT_OFF, 860, 1060, 81.13),
        ("abandons_positive", RULES, 880, 1060, 83.02),
        ("abandons_positive", SHORT_OFF, 880, 1060, 83.02),
        ("answered_only", RULES, 860, 1000, 86.00),
    ],
)
def test_the_icmi_vector_holds(
    policy: str, rules: QueueRules, in_time: int, counted: int, percent: float
) -> None:
    """ICMI's example gives the known service level by each policy."""
    level = kpi.service_level(icmi(rules), rules, policy)

    assert level == (in_time, counted)
    assert level.ratio is not None
    assert round(100 * level.ratio, 2) == percent


@pytest.mark.parametrize(
    "policy,percent",
    [
        ("abandons_ignored", 77.78),
        ("abandons_negative", 70.00),
        ("abandons_positive", 80.00),
    ],
)
def test_the_cisco_vector_holds(policy: str, percent: float) -> None:
    """Cisco's example (70 in time, 10 abandoned in time, 20 past) holds."""
    tally = visits(answered=(15,) * 70 + (30,) * 20, abandoned=(15,) * 10)

    level = kpi.service_level(tally, RULES, policy).ratio

    assert level is not None
    assert round(100 * level, 2) == percent


def test_contacts_waiting_past_the_threshold_count_once() -> None:
    """8 in time and 2 waiting too long are 80 %, also once they are answered."""
    while_waiting = visits(answered=(10,) * 8, waiting=(25, 25))
    after_answer = visits(answered=(10,) * 8 + (30, 30))

    assert kpi.service_level(while_waiting, RULES) == (8, 10)
    assert kpi.service_level(after_answer, RULES) == (8, 10)


def test_a_wait_of_exactly_the_threshold_is_in_time() -> None:
    """In time means `wait <= T`."""
    assert kpi.service_level(visits(answered=(20, 21)), RULES) == (1, 2)


def test_the_queue_s_own_policy_is_the_default() -> None:
    """Without a policy the queue's own one is used; all four come in fixed order."""
    rules = QueueRules(policy="answered_only")
    tally = icmi(rules)

    assert kpi.service_level(tally, rules) == (860, 1000)
    assert tuple(kpi.service_levels(tally, rules)) == POLICIES


@pytest.mark.parametrize("policy", POLICIES)
def test_diverted_in_time_joins_the_denominator_when_negative(policy: str) -> None:
    """`diverted: negative` adds D to what counts, whichever the policy."""
    tally = {**icmi(RULES), t.DIVERTED_IN_TIME: 7}
    negative = QueueRules(diverted_negative=True)

    ignored = kpi.service_level(tally, RULES, policy)
    counted = kpi.service_level(tally, negative, policy)

    assert counted == (ignored.in_time, ignored.counted + 7)


def test_an_unknown_policy_is_refused() -> None:
    """A policy that doesn't exist raises and names the ones that do."""
    with pytest.raises(ValueError, match="abandons_ignored"):
        kpi.service_level({}, RULES, "best_case")


def quantile(tally: dict[str, int], which: float) -> float | None:
    return kpi.answer_wait_quantiles_seconds(tally, WAIT_BUCKETS_MS, [which])[0]


def no_values() -> dict[str, object]:
    return {
        "service level": kpi.service_level({}, RULES).ratio,
        "abandonment": kpi.abandonment_ratio({}),
        "short": kpi.abandonment_ratio({t.ABANDONED: 3, t.ABANDONED_SHORT: 3}),
        "speed of answer": kpi.speed_of_answer_seconds({t.ANSWERED_WAIT: 1}),
        "time to abandon": kpi.time_to_abandon_seconds({}),
        "handle time": kpi.handle_time_seconds({}),
        "hold ratio": kpi.hold_ratio({t.HELD: 0}),
        "hold time": kpi.hold_time_seconds({t.HANDLED: 4}),
        "transfers": kpi.transfer_ratio({}),
        "quantile": quantile({}, 0.5),
        "no handle time": kpi.estimated_wait(3, None, 4),
        "no agents": kpi.estimated_wait(3, 120.0, 0),
    }


def test_there_is_no_value_without_a_denominator() -> None:
    """A denominator of 0 gives None, never 0 and never 1."""
    values = no_values()

    assert values == dict.fromkeys(values)


def test_abandonment_leaves_short_abandons_out_of_both_parts() -> None:
    """(abandoned - short) / (answered + abandoned - short + diverted)."""
    tally = {
        t.ANSWERED: 80,
        t.ABANDONED: 15,
        t.ABANDONED_SHORT: 5,
        f"{t.DIVERTED}overflow": 6,
        f"{t.DIVERTED}timeout": 4,
        t.DIVERTED_IN_TIME: 3,
    }

    assert kpi.abandonment_ratio(tally) == 10 / 100


def test_means_divide_sums_by_their_own_counts() -> None:
    """Waits by their fate, handling by handled visits, hold by held ones."""
    tally = {
        t.ANSWERED: 4,
        t.ANSWERED_WAIT: 50_000,
        t.ABANDONED: 2,
        t.ABANDONED_WAIT: 61_000,
        t.HANDLED: 5,
        t.TALK: 500_000,
        t.HOLD: 60_000,
        t.ACW: 40_000,
        t.HELD: 2,
        f"{t.TRANSFERRED}blind": 1,
        f"{t.TRANSFERRED}queue": 1,
        f"{t.ALERT_ENDED}no_answer": 9,
        f"{t.ALERT_ENDED}cancelled": 2,
    }

    assert kpi.speed_of_answer_seconds(tally) == 12.5
    assert kpi.time_to_abandon_seconds(tally) == 30.5
    assert kpi.handle_time_seconds(tally) == 120.0
    assert kpi.hold_ratio(tally) == 0.4
    assert kpi.hold_time_seconds(tally) == 30.0
    assert kpi.transfer_ratio(tally) == 0.4
    assert kpi.ring_no_answer(tally) == 9


def test_drift_is_what_has_no_fate() -> None:
    """Each offered visit has one fate; what is over or under is the drift."""
    tally = {
        t.OFFERED: 20,
        t.ANSWERED: 9,
        t.ABANDONED: 3,
        f"{t.DIVERTED}key": 2,
        f"{t.DIVERTED}full": 1,
        t.EXPIRED: 1,
        f"{t.REJECTED}closed": 8,
    }

    assert kpi.drift(tally, waiting=4) == 0
    assert kpi.drift(tally, waiting=3) == 1
    assert kpi.drift(tally, waiting=6) == -2
    assert kpi.diverted_total(tally) == 3
    assert kpi.rejected_total(tally) == 8


@pytest.mark.parametrize(
    "quantile,seconds",
    [
        (0.0, 2.0),
        (0.2, 5.0),
        (0.5, 15 + 5 * 1.5 / 3),
        (0.6, 15 + 5 * 2 / 3),
        (0.9, 20.0),
        (1.0, 20.0),
    ],
)
def test_quantiles_are_linear_inside_a_bucket(quantile: float, seconds: float) -> None:
    """Ranks are placed linearly between the bucket's bounds, as Prometheus does."""
    tally = {
        f"{t.ANSWER_WAIT_LE}5000": 1,
        f"{t.ANSWER_WAIT_LE}20000": 3,
        f"{t.ANSWER_WAIT_LE}inf": 1,
    }

    [value] = kpi.answer_wait_quantiles_seconds(
        tally, (1000, 2000, 5000, 15000, 20000), [quantile]
    )

    assert value == pytest.approx(seconds)


def test_a_quantile_starts_at_the_bound_before_even_when_that_bucket_is_empty() -> None:
    """Waits of 45-60 s alone: the median is 52.5 s, not 30 s."""
    tally = {f"{t.ANSWER_WAIT_LE}60000": 10}

    assert quantile(tally, 0.5) == 52.5


def test_a_quantile_outside_0_to_1_is_refused() -> None:
    """Percent instead of a ratio is a programmer's mistake."""
    with pytest.raises(ValueError, match="0 to 1"):
        quantile({}, 95)


def test_quantiles_never_fall_as_they_rise() -> None:
    """p50 <= p90 <= p95 whatever the data."""
    tally = {f"{t.ANSWER_WAIT_LE}{bound}": 1 for bound in WAIT_BUCKETS_MS}

    values = [quantile(tally, q / 100) or 0 for q in range(101)]

    assert all(low <= high for low, high in itertools.pairwise(values))


def test_an_estimated_wait_states_its_inputs() -> None:
    """(waiting + 1) x handle time / agents, with the three beside it."""
    estimate = kpi.estimated_wait(3, 150.0, 5)

    assert estimate == (120.0, 3, 150.0, 5)
