"""What is known of a visit once nothing can change it any more.

Rule: one record per visit, final: it is made when the lateness horizon has passed over
the closed contact, so whoever adds records up gets the numbers that the sums show.
"""

from typing import NamedTuple

from monitor.core.contact import Contact
from monitor.core.conversation import FirstResponse
from monitor.core.phases import Fate
from monitor.core.visit import Visit


class VisitRecord(NamedTuple):
    """One visit; instants in milliseconds UTC (0: never), durations in milliseconds."""

    contact: str
    visit: int
    queue: str
    """The queue that it is counted under."""
    channel: str
    source: str
    queued_at: int
    fate: str
    """`answered`, `abandoned`, `diverted`, `expired`, `rejected` or `waiting`."""
    reason: str
    """Reason of a diverted or rejected visit."""
    fate_at: int
    wait_ms: int
    threshold_ms: int
    agent: str
    ended_at: int
    handled_at: int
    talk_ms: int
    hold_ms: int
    acw_ms: int
    first_response_at: int
    """When an agent first wrote in it; 0: none did."""
    first_response_ms: int


def records_of(contact: Contact) -> list[VisitRecord]:
    """The records of a contact's visits as their facts are now."""
    return [_record(contact.id, contact.source, visit) for visit in contact.visits]


_NO_RESPONSE = FirstResponse()
_FATES = {fate: fate.name.lower() for fate in Fate}


def _record(contact: str, source: str, visit: Visit) -> VisitRecord:
    response = visit.talk.response if visit.talk else _NO_RESPONSE
    return VisitRecord(
        contact,
        visit.number,
        visit.state.name,
        visit.state.channel,
        source,
        visit.queued_at,
        _FATES[visit.fate],
        visit.reason,
        visit.fate_at,
        visit.wait_ms,
        visit.terms.threshold_ms,
        visit.agent,
        visit.ended_at,
        visit.handled_at,
        visit.talk_ms,
        visit.hold_ms,
        visit.acw_ms,
        response.at,
        response.after_ms,
    )
