"""Sums: adding, taking out, buckets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.tally import (
    Buckets,
    Tally,
    add,
    cumulative,
    subtract,
    total,
    with_prefix,
)

tallies = st.dictionaries(st.sampled_from("abcd"), st.integers().filter(bool))


@given(tallies, tallies)
def test_what_is_added_can_be_taken_out(one: Tally, other: Tally) -> None:
    """And nothing of it stays, not even a zero."""
    sums = dict(one)
    add(sums, other)
    subtract(sums, other)

    assert sums == one


@given(tallies, tallies, tallies)
def test_sums_do_not_depend_on_grouping(one: Tally, two: Tally, three: Tally) -> None:
    """Panes of partitions, partitions of panes: the same."""
    assert total([total([one, two]), three]) == total([one, total([three, two])])


def test_a_value_that_becomes_zero_is_gone() -> None:
    """Tallies are sparse, so equal ones compare equal."""
    sums = {"a": 2, "b": 1}
    add(sums, {"a": -2})
    subtract(sums, {"b": 1, "c": 0})

    assert sums == {}


def test_names_with_a_prefix_come_sorted_without_it() -> None:
    """As the report shows reasons."""
    sums = {"diverted:timeout": 2, "diverted_in_time": 9, "diverted:empty": 1}

    assert list(with_prefix(sums, "diverted:").items()) == [
        ("empty", 1),
        ("timeout", 2),
    ]


@pytest.mark.parametrize(
    "duration_ms,name",
    [
        (0, "w:1000"),
        (1000, "w:1000"),
        (1001, "w:2000"),
        (2000, "w:2000"),
        (2001, "w:inf"),
        (10**9, "w:inf"),
    ],
)
def test_a_bucket_s_upper_bound_is_in_it(duration_ms: int, name: str) -> None:
    """As Prometheus' `le`; bounds may come in any order and twice."""
    assert Buckets("w:", [2000, 1000, 2000]).name(duration_ms) == name


def test_cumulative_counts_end_with_all() -> None:
    """Each bound counts what is not longer; the last is everything."""
    sums = {"w:1000": 3, "w:2000": 2, "w:inf": 1}

    assert cumulative(sums, "w:", [1000, 2000]) == [(1000, 3), (2000, 5), (None, 6)]


def test_buckets_of_other_settings_count_from_the_next_bound() -> None:
    """A bound that is no longer configured is not lost."""
    sums = {"w:1500": 3, "w:9000": 1}

    assert cumulative(sums, "w:", [1000, 2000]) == [(1000, 0), (2000, 3), (None, 4)]


@given(st.lists(st.integers(0, 5000), max_size=30))
def test_cumulative_counts_are_those_of_the_durations(durations: list[int]) -> None:
    """What a histogram says is what counting says."""
    bounds = [500, 1000, 4000]
    buckets = Buckets("w:", bounds)
    sums = total({buckets.name(duration): 1} for duration in durations)

    for bound, count in cumulative(sums, "w:", bounds):
        assert count == sum(bound is None or d <= bound for d in durations)
