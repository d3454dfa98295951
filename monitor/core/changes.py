"""What can happen to a visit's facts, with its contributions kept in step.

Rule: a fact that is in the sums is taken back before it changes and put in again after.
"""

from monitor.core.books import Books
from monitor.core.phases import Fate, Phase
from monitor.core.visit import (
    Visit,
    post_crossed,
    post_fate,
    post_handled,
    post_mark,
)

_CLOSED = Phase.CLOSED
_WAITING_FATE = Fate.WAITING


def agree_crossed(visit: Visit, books: Books) -> None:
    """Make `crossed` agree with the wait, now that the wait is known."""
    late = visit.wait_ms > visit.terms.threshold_ms
    if late and not visit.crossed:
        visit.crossed = True
        post_crossed(visit, books.fresh(visit))
    elif visit.crossed and not late:
        books.retract(visit, post_crossed)
        visit.crossed = False


def settle_fate(
    visit: Visit, fate: Fate, at: int, wait_ms: int, reason: str, books: Books
) -> None:
    """The wait is over; a reported `wait_ms` (not negative) beats the clocks."""
    if visit.fate is not _WAITING_FATE:
        books.retract(visit, post_fate)
    visit.fate = fate
    visit.fate_at = at
    visit.reason = reason
    if wait_ms < 0:
        wait_ms = at - visit.queued_at if at > visit.queued_at else 0
    visit.wait_ms = wait_ms
    visit.alerts = 0
    if at > visit.last_at:
        visit.last_at = at
    post_fate(visit, books.fresh(visit))
    if visit.crossed or wait_ms > visit.terms.threshold_ms:
        agree_crossed(visit, books)


def finish(
    visit: Visit, at: int, talk_ms: int, hold_ms: int, *, wrap_up: bool, books: Books
) -> None:
    """The customer is gone; after-contact work may follow."""
    before = visit.phase
    if visit.handled_at:
        books.retract(visit, post_handled)
        visit.handled_at = 0
    if visit.held_since:
        visit.hold_ms += max(0, at - visit.held_since)
        visit.held_since = 0
    if hold_ms >= 0:
        visit.hold_ms = hold_ms
    if talk_ms < 0:
        talk_ms = max(0, at - visit.fate_at - visit.hold_ms)
    visit.talk_ms = talk_ms
    visit.ended_at = at
    visit.last_at = max(visit.last_at, at)
    visit.implied = False
    if wrap_up:
        visit.phase = Phase.WRAP_UP
    else:
        visit.phase = _CLOSED
        visit.handled_at = at
        post_handled(visit, books.fresh(visit))
    books.moved(visit, before)


def mark(visit: Visit, at: int, name: str, books: Books) -> None:
    """Count an extra, such as an offer to an agent, at its instant."""
    if visit.marks is None:
        visit.marks = []
    visit.marks.append((at, name))
    visit.last_at = max(visit.last_at, at)
    post_mark(at, name, books.fresh(visit))
