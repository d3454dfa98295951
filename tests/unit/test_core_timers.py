"""Timers wake each key once its instant has passed, whatever the order of pushes."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.timers import Timers


def test_a_timer_is_due_after_its_instant_not_at_it() -> None:
    """Exactly T is not past T."""
    timers: Timers[str] = Timers()
    timers.push(20, "a")

    assert timers.pop_before(20) == []
    assert timers.pop_before(21) == ["a"]
    assert timers.pop_before(99) == []
    assert len(timers) == 0


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("push"), st.integers(0, 50)),
            st.tuples(st.just("pop"), st.integers(0, 50)),
        )
    )
)
def test_no_timer_is_lost_or_early_or_doubled(steps: list[tuple[str, int]]) -> None:
    """Against a plain list of what is set."""
    timers: Timers[int] = Timers()
    pending: list[tuple[int, int]] = []
    for key, (step, instant) in enumerate(steps):
        if step == "push":
            timers.push(instant, key)
            pending.append((instant, key))
        else:
            due = sorted(key for at, key in pending if at < instant)
            pending = [(at, key) for at, key in pending if at >= instant]

            assert sorted(timers.pop_before(instant)) == due
        assert len(timers) == len(pending)


def test_timers_that_are_due_are_taken_in_bites() -> None:
    """A million at once would hold up everything else."""
    timers: Timers[int] = Timers()
    for due in (1, 2, 3, 2, 1):
        timers.push(due, due)

    bites = []
    while keys := timers.pop_before(3, 2):
        bites.append(keys)
    assert bites == [[1, 2], [1, 2]]
    assert timers.pop_before(4, 2) == [3]
