"""Panes and windows: what slides, what stays, what decays by itself.

Timelines show fine panes of 5 s; `[0--)` is pane 0, half-open. A window of length W at
`now` is the sum of the panes that overlap `[now - W, now]`.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.calendar import LocalDays
from monitor.core.panes import (
    COARSE_MS,
    FINE_UP_TO_MS,
    PANE_MS,
    Fresh,
    Page,
    Panes,
    difference,
)
from monitor.core.rules import Rules
from monitor.core.tally import Tally, total

DAY_MS = 86_400_000
T0 = 20_000 * DAY_MS
"""A midnight, UTC: pane borders of both widths and a day's start."""
WINDOWS = {"15s": 15_000, "1h": 3_600_000}


def panes(**windows_ms: int) -> Panes:
    return Panes(Rules(windows_ms=windows_ms or WINDOWS), LocalDays("UTC", 0))


def page(**amounts: int) -> Page:
    result = Page()
    result.update(amounts)
    return result


def at(instant_ms: int, **amounts: int) -> Fresh:
    """One contribution at `instant_ms` after T0."""
    return {(T0 + instant_ms) // PANE_MS: page(**amounts)}


def count(sums: Panes, window: str) -> int:
    return sums.windows()[window].get("n", 0)


def test_a_window_slides_over_the_panes() -> None:
    """It never shows less than its length, and at most one pane more.

    #  0    5    10   15   20   25 s
    #  [0--)[1--)[2--)[3--)[4--)
    #       n                         one contribution at 7 s
    #  [===============]              now 15 s: panes 0-3
    #       [===============]         now 20 s: panes 1-4
    #           [===============]     now 24.999 s: panes 1-4
    #            [===============]    now 25 s: panes 2-5
    """
    sums = panes()
    sums.absorb(at(7_000, n=1), T0 + 7_000)

    for now, expected in (
        (7_000, 1),
        (15_000, 1),
        (20_000, 1),
        (24_999, 1),
        (25_000, 0),
    ):
        sums.advance(T0 + now)
        assert count(sums, "15s") == expected


def test_a_coarse_window_slides_in_minutes() -> None:
    """Windows of more than 15 minutes are made of panes of one minute.

    #  0       1 min              60      61 min
    #  [0-----)[1-----) …         [60----)[61----)
    #     n                            one contribution at 30 s
    #  [==========================]    now 60:59.999: minutes 0-60
    #          [==========================]   now 61:00: minutes 1-61
    """
    sums = panes()
    sums.absorb(at(30_000, n=1), T0 + 30_000)
    sums.advance(T0 + 61 * COARSE_MS - 1)
    assert count(sums, "1h") == 1
    sums.advance(T0 + 61 * COARSE_MS)

    assert count(sums, "1h") == 0


def test_the_width_of_panes_follows_the_window_s_length() -> None:
    """Up to 15 minutes fine panes, longer ones coarse panes."""
    sums = panes(short=FINE_UP_TO_MS, long=FINE_UP_TO_MS + 1)

    assert [w.name for w in sums.fine.windows] == ["short"]
    assert [w.name for w in sums.coarse.windows] == ["long"]


def test_windows_decay_by_themselves_and_say_that_they_changed() -> None:
    """Nothing arrives, time passes: the sum goes, the total and the day stay."""
    sums = panes()
    sums.absorb(at(0, n=1), T0)
    sums.changed = False
    sums.advance(T0 + 10_000)
    assert (count(sums, "15s"), sums.changed) == (1, False)
    sums.advance(T0 + 20_000)

    assert (count(sums, "15s"), sums.changed) == (0, True)
    assert sums.total == {"n": 1}
    assert count(sums, "today") == 1


def test_a_late_contribution_goes_to_its_own_pane() -> None:
    """It shows for as long as if it had come in time.

    #  0    5    10   15   20   25 s
    #  [0--)[1--)[2--)[3--)[4--)
    #   n           .                 happened at 3 s, became known at 12 s
    #  [===============]              now 15 s
    #       [===============]         now 20 s: gone
    """
    sums = panes()
    sums.absorb({}, T0 + 12_000)
    sums.absorb(at(3_000, n=1), T0 + 12_000)
    assert count(sums, "15s") == 1
    sums.advance(T0 + 20_000)

    assert count(sums, "15s") == 0


def test_what_is_older_than_a_window_counts_in_the_longer_ones_only() -> None:
    """And always in the total."""
    sums = panes()
    sums.absorb(at(0, n=1), T0 + 60_000)

    assert (count(sums, "15s"), count(sums, "1h"), sums.total) == (0, 1, {"n": 1})


def test_what_is_ahead_of_now_counts_when_now_comes_to_it() -> None:
    """Clocks differ by some seconds; a pane that is not there yet waits."""
    sums = panes()
    sums.absorb(at(10_000, n=1), T0)
    assert count(sums, "15s") == 0
    sums.advance(T0 + 10_000)

    assert count(sums, "15s") == 1


def test_time_never_runs_backwards() -> None:
    """An earlier now than before is the one before."""
    sums = panes()
    sums.absorb(at(0, n=1), T0 + 60_000)
    sums.advance(T0)

    assert count(sums, "15s") == 0


def test_a_long_pause_empties_the_windows() -> None:
    """As fast as a short one: the sums are made anew."""
    sums = panes()
    sums.absorb(at(0, n=1), T0)
    sums.advance(T0 + 10 * DAY_MS)

    assert sums.windows() == {"15s": {}, "1h": {}, "today": {}}
    assert (sums.fine.panes, sums.coarse.panes) == ({}, {})


def test_today_begins_anew_at_the_day_s_start() -> None:
    """At that very millisecond, and it says so."""
    sums = panes()
    sums.absorb(at(DAY_MS - 1, n=1), T0 + DAY_MS - 1)
    assert count(sums, "today") == 1
    sums.changed = False
    sums.advance(T0 + DAY_MS)

    assert (count(sums, "today"), sums.changed) == (0, True)
    assert count(sums, "15s") == 1


def test_yesterday_is_corrected_without_touching_today() -> None:
    """Its row is written again, so the mirror is right too."""
    sums = panes()
    sums.absorb(at(DAY_MS - 10_000, n=2), T0 + DAY_MS)
    sums.dirty.clear()
    sums.absorb(at(DAY_MS - 10_000, n=-1, m=1), T0 + DAY_MS + 5_000)

    assert sums.days[T0] == {"n": 1, "m": 1}
    assert ("d", T0) in sums.dirty
    assert sums.windows()["today"] == {}
    assert sums.total == {"n": 1, "m": 1}


def test_days_before_yesterday_are_forgotten() -> None:
    """What is corrected there still counts in the total."""
    sums = panes()
    sums.absorb(at(0, n=1), T0)
    sums.dirty.clear()
    sums.advance(T0 + 3 * DAY_MS)
    assert sums.days == {}
    assert ("d", T0) in sums.dirty
    sums.absorb(at(0, m=1), T0 + 3 * DAY_MS)

    assert sums.days == {}
    assert sums.total == {"n": 1, "m": 1}


def test_without_windows_there_is_still_today() -> None:
    """A configuration may drop all rolling windows."""
    sums = Panes(Rules(windows_ms={}), LocalDays("UTC", 0))
    sums.absorb(at(0, n=1), T0)

    assert sums.windows() == {"today": {"n": 1}}
    assert (sums.fine.panes, sums.coarse.panes) == ({}, {})


def test_corrections_are_counted_apart() -> None:
    """What was taken back, as positive amounts, so that counters never go down."""
    sums = panes()
    sums.absorb(at(0, n=1), T0)
    sums.absorb(at(0, n=-1), T0)
    sums.correct({"n": 1})

    assert (sums.total, sums.corrected) == ({}, {"n": 1})


def test_difference_is_what_must_be_added() -> None:
    """Net by pane, and what was taken back over all panes."""
    old: Fresh = {1: page(a=2, b=1), 2: page(c=1)}
    new: Fresh = {1: page(a=1, b=1), 3: page(c=1)}
    changes, taken_back = difference(old, new)

    assert changes == {1: {"a": -1}, 2: {"c": -1}, 3: {"c": 1}}
    assert taken_back == {"a": 1, "c": 1}


steps = st.lists(
    st.tuples(
        st.integers(-100_000, 5_000),
        st.sampled_from([0, 1, 4_999, 5_000, 30_000, 61_000, 4_000_000]),
    ),
    max_size=30,
)


@settings(deadline=None)
@given(steps)
def test_windows_are_always_the_sums_of_the_panes_that_they_overlap(
    steps: list[tuple[int, int]],
) -> None:
    """Contributions early and late, time in steps of any size: against plain sums."""
    windows = {"10s": 10_000, "15m": 900_000, "16m": 960_000, "1h": 3_600_000}
    sums = panes(**windows)
    known: list[tuple[int, int]] = []
    now = T0
    for offset, step in steps:
        number = (now + offset) // PANE_MS
        sums.absorb({number: page(n=1)}, now)
        known.append((number * PANE_MS, now))
        now += step
        sums.advance(now)
        shown = sums.windows()
        for name, length in windows.items():
            width = PANE_MS if length <= FINE_UP_TO_MS else COARSE_MS
            low, high = (now - length) // width, now // width
            expected = sum(low <= at // width <= high for at, _ in known)

            assert shown[name].get("n", 0) == expected


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10),
            st.dictionaries(st.sampled_from("ab"), st.integers().filter(bool)),
        ),
        max_size=8,
    )
)
def test_a_total_is_the_sum_of_all_that_was_absorbed(
    given_pages: list[tuple[int, Tally]],
) -> None:
    """Whatever the panes keep."""
    sums = panes()
    for number, amounts in given_pages:
        sums.absorb({T0 // PANE_MS + number: page(**amounts)}, T0)

    assert sums.total == total([amounts for _, amounts in given_pages])
