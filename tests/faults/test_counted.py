"""Counters and histograms are compared net of corrections, and a wrong one is seen."""

from collections import Counter

import pytest

from tests.faults import counted
from tests.faults.day import make_day
from tests.faults.judge import Truth
from tests.faults.judge_histograms import WAIT_BOUNDS, count_upto, durations_of
from tests.faults.modes import MODES
from tests.faults.offline import closed, judged

EVENT = MODES["event"]
TERMS = EVENT.terms
HANDLE_BOUNDS = (60_000, 3_600_000)


@pytest.fixture(scope="module")
def right() -> Truth:
    return judged(closed(make_day(4, 1_500, 900_000)), EVENT)


def histograms_of(right: Truth) -> dict[str, float]:
    """The series that are right while nothing was corrected."""
    series: dict[str, float] = {}
    for (queue, channel, name), durations in durations_of(right.visits).items():
        labels = f'queue="{queue}",channel="{channel}"'
        metric = f"callcenter_{name}_seconds"
        bounds = HANDLE_BOUNDS if name == "handle" else WAIT_BOUNDS
        for bound in (*bounds, float("inf")):
            le = "+Inf" if bound == float("inf") else bound / 1000
            text = f'{metric}_bucket{{{labels},le="{le}"}}'
            series[text] = count_upto(durations, bound)
        total = sum(duration * n for duration, n in durations.items())
        series[f"{metric}_sum{{{labels}}}"] = total / 1000
    return series


def fates_of(right: Truth) -> dict[str, float]:
    series: dict[str, float] = {}
    for queue, numbers in right.queues.items():
        for name, metric in counted.NET.items():
            counts = numbers[name]
            total = sum(counts.values()) if isinstance(counts, dict) else counts
            series[f'{metric}{{queue="{queue}",channel="voice"}}'] = total
    return series


def test_counters_are_right_when_what_was_taken_back_is(right: Truth) -> None:
    """One more offered is wrong, unless one was taken back."""
    series = fates_of(right)
    place = 'callcenter_contacts_offered_total{queue="queue-3",channel="voice"}'
    more = series | {place: series[place] + 1}
    back = 'callcenter_contacts_corrected_total{queue="queue-3",fate="offered"}'

    assert counted.fates(series.items(), right) == []
    assert len(counted.fates(more.items(), right)) == 1
    assert counted.fates((more | {back: 1}).items(), right) == []


def test_buckets_and_sums_are_right_when_what_was_taken_back_is(right: Truth) -> None:
    """A wait that was moved is in two buckets, and taken back from one."""
    series = histograms_of(right)
    labels = 'queue="queue-3",channel="voice"'
    moved = dict(series)
    for text in series:
        if text.startswith("callcenter_answer_wait_seconds_bucket{" + labels):
            moved[text] += float(text.partition('le="')[2].rstrip('"}')) >= 20
    moved[f"callcenter_answer_wait_seconds_sum{{{labels}}}"] += 17.5
    back = Counter({"answer_wait_le:20000": 1, "answered_wait_ms": 17_500})
    taken = {("queue-3", "voice"): back}

    assert counted.histograms(series.items(), {}, right, TERMS) == []
    assert len(counted.histograms(moved.items(), {}, right, TERMS)) == 12
    assert counted.histograms(moved.items(), taken, right, TERMS) == []


@pytest.mark.parametrize("name", counted.HISTOGRAMS)
def test_any_wrong_bucket_is_seen(right: Truth, name: str) -> None:
    """The last one, which holds all."""
    series = histograms_of(right)
    metric = f"callcenter_{name}_seconds_bucket"
    place = next(t for t in series if t.startswith(metric) and "+Inf" in t)
    series[place] -= 1

    assert len(counted.histograms(series.items(), {}, right, TERMS)) == 1


def test_a_histogram_without_a_bound_or_altogether_is_seen(right: Truth) -> None:
    """Thresholds have a bucket; a queue that has waits has a histogram."""
    series = histograms_of(right)
    queue = 'callcenter_answer_wait_seconds{part}{{queue="queue-3",channel="chat"'
    threshold = queue.format(part="_bucket") + ',le="60.0"}'
    without = {t: v for t, v in series.items() if t != threshold}
    gone = {t: v for t, v in series.items() if "queue-3" not in t}

    assert threshold in series
    assert len(counted.histograms(without.items(), {}, right, TERMS)) == 1
    assert counted.histograms(gone.items(), {}, right, TERMS)
