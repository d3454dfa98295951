"""What time alone does to a partition: thresholds, ages, and the end of memory.

Rule: whoever a timer wakes is looked at as it is now; that decides, not the timer. Many
timers can be due at once (after a takeover, or when a clock jumps), so they are worked
off in slices, each of which leaves the state whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from monitor.core.fold import cross_if_due, pass_time
from monitor.core.live import silent_from
from monitor.core.timers import Timers

if TYPE_CHECKING:
    from monitor.core.contact import Contact
    from monitor.core.partition import Partition
    from monitor.core.visit import Visit

TIMERS_IN_SLICE = 200
"""Timers that are looked at before others get a turn: at most a few milliseconds."""
K = TypeVar("K")


def passing(partition: Partition) -> Iterator[None]:
    """Let time pass up to `partition.now`, a slice at each step."""
    live, rules = partition.live, partition.rules
    now, watermark = partition.now, partition.watermark
    yield from _each(live.crossings, now, lambda visit: _cross(partition, visit))
    yield from _each(live.silences, now, lambda visit: _silence(partition, visit))
    yield from _each(live.ages, now, lambda contact: _age_open(partition, contact))
    past = max(now, watermark) - rules.horizon_ms
    yield from _each(partition.reviews, past, lambda name: _review(partition, name))
    past = watermark - rules.horizon_ms
    yield from _each(partition.endings, past, lambda name: _end(partition, name, past))


def _each(timers: Timers[K], before: int, look: Callable[[K], None]) -> Iterator[None]:
    while keys := timers.pop_before(before, TIMERS_IN_SLICE):
        for key in keys:
            look(key)
        yield


def _cross(partition: Partition, visit: Visit) -> None:
    if visit.waiting and not visit.crossed:
        cross_if_due(visit, partition.now, partition.live)
        visit.state.over.add(visit)
        partition.touch(visit.contact)


def _silence(partition: Partition, visit: Visit) -> None:
    talk = visit.talk
    if talk is None:
        return
    talk.is_timed = False
    if not visit.open:
        return
    due = silent_from(visit)
    if due < partition.now:
        talk.is_silent = True
        visit.state.place(visit)
        partition.live.changed.add(visit.state)
    else:
        talk.is_timed = True
        partition.live.silences.push(due, visit)


def _age_open(partition: Partition, contact_id: str) -> None:
    contact = partition.contacts.get(contact_id)
    if contact is not None and contact.open:
        _age(partition, contact)


def _age(partition: Partition, contact: Contact) -> None:
    if contact.due < partition.now:
        pass_time(contact, partition.now, partition.live)
        partition.touch(contact.id)
    if contact.open:
        partition.live.ages.push(max(contact.due, partition.now), contact.id)


def _review(partition: Partition, contact_id: str) -> None:
    contact = partition.contacts.get(contact_id)
    if contact is None:
        return  # an event of its next life forgot it
    contact.reviewed = True
    if contact.open:
        _age(partition, contact)
    partition.endings.push(contact.last_at, contact_id)


def _end(partition: Partition, contact_id: str, past: int) -> None:
    """Forget the contact if it is over for good, else look again later."""
    contact = partition.contacts.get(contact_id)
    if contact is None:
        return
    if contact.open and contact.due < partition.now:
        _age(partition, contact)
    if contact.open:
        # Not at each call: contacts that wait for hours may be many.
        partition.endings.push(past + partition.rules.horizon_ms // 4, contact_id)
    elif contact.last_at < past:
        partition.forget(contact)
    else:
        partition.endings.push(contact.last_at, contact_id)
