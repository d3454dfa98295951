"""A contact's log: canonical order, each event once."""

from itertools import permutations

import pytest

from monitor.core.contact import insert
from monitor.core.events import Event, Kind
from tests.support.contacts import answered, at, ended, event, queued


def logged(*events: Event) -> tuple[list[Event], list[bool]]:
    """The log after these events in this order, and whether each changed it."""
    log: list[Event] = []
    changed = [insert(log, event) for event in events]
    return log, changed


def test_events_are_kept_in_the_order_of_their_instants() -> None:
    """However they come."""
    events = [queued(0, "a"), answered(5, "a"), ended(9, "a")]

    for order in permutations(events):
        assert logged(*order) == (events, [True] * 3)


def test_exits_come_before_entries_of_the_same_instant() -> None:
    """Whole seconds put the exit from one queue and the entry into another together."""
    exit_of = event(5, "a", Kind.LEFT, queue="p", reason="timeout")
    entry = queued(5, "a")

    assert logged(entry, exit_of)[0] == [exit_of, entry]


def test_the_same_event_is_kept_once() -> None:
    """Without ids, all of its content makes it the same."""
    one = answered(5, "a")

    assert logged(one, one._replace(agent="bo"), one)[1] == [True, True, False]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_of_one_id_the_earliest_event_stays(order: tuple[int, ...]) -> None:
    """Whichever came first."""
    events = [answered(5, "a", id="e"), ended(7, "a", id="e"), answered(9, "a", id="e")]

    assert logged(*(events[i] for i in order))[0] == [events[0]]


def test_an_event_that_is_replaced_counts_as_a_change() -> None:
    """The fold must run again, and the later twin is a duplicate."""
    late, early = answered(9, "a", id="e"), answered(5, "a", id="e")

    assert logged(late, early) == ([early], [True, True])
    assert logged(early, late) == ([early], [True, False])


def test_kinds_of_one_instant_have_a_fixed_order() -> None:
    """So that any order of arrival sorts the same: exits, entries, then the rest."""
    exits = {Kind.TRANSFERRED, Kind.ENDED, Kind.WRAPPED_UP, Kind.ABANDONED, Kind.LEFT}

    assert all(kind < Kind.QUEUED for kind in exits)
    assert Kind.QUEUED < Kind.ALERTING < Kind.ANSWERED < Kind.HELD < Kind.RESUMED
    assert queued(1, "a") < queued(1, "b") < queued(1.001, "a")
    assert at(0) == queued(0, "a").at
