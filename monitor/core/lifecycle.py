"""What each event does to a contact's visits: the table of handlers.

Rule: a handler finds the visit that its event speaks of and changes that visit's facts;
the books are told what was added and what was taken back. A handler returns False when
the contact has no such visit *yet*; an event that cannot be (`phases.TRANSITIONS`)
changes nothing.
"""

from collections.abc import Callable

from monitor.core import handling, messaging, waiting
from monitor.core.books import Books
from monitor.core.contact import Contact
from monitor.core.events import Event, Kind

HANDLERS: dict[int, Callable[[Contact, Event, Books], bool]] = {
    Kind.QUEUED: waiting.queued,
    Kind.REJECTED: waiting.rejected,
    Kind.ANSWERED: waiting.answered,
    Kind.ABANDONED: waiting.abandoned,
    Kind.LEFT: waiting.left,
    Kind.ALERTING: waiting.alerting,
    Kind.ALERT_ENDED: waiting.alert_ended,
    Kind.HELD: handling.held_or_resumed,
    Kind.RESUMED: handling.held_or_resumed,
    Kind.TRANSFERRED: handling.transferred,
    Kind.ENDED: handling.ended,
    Kind.WRAPPED_UP: handling.wrapped_up,
    Kind.MESSAGE: messaging.message,
}
"""By kind of event; kinds that aren't there change no visit."""
