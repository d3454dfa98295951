"""What a person said of themself, and which event leads from what to what.

Rule: `TRANSITIONS` is the only place that says it. What contacts say is no part of it;
`timeline` puts the two together.
"""

from enum import IntEnum

from monitor.core.people.events import AgentKind
from monitor.core.people.states import AVAILABLE, AWAY, LOGGED_OUT


class Said(IntEnum):
    """What a person said last."""

    NOTHING = 0
    """Never announced; known by contacts or plans only."""
    LOGGED_OUT = 1
    AVAILABLE = 2
    AWAY = 3


_ANY = {
    AgentKind.LOGGED_OUT: Said.LOGGED_OUT,
    AgentKind.READY: Said.AVAILABLE,
    AgentKind.AWAY: Said.AWAY,
}
_ENTRY = _ANY | {AgentKind.LOGGED_IN: Said.AVAILABLE}

TRANSITIONS: dict[Said, dict[int, Said]] = {
    Said.NOTHING: {int(kind): said for kind, said in _ENTRY.items()},
    Said.LOGGED_OUT: {int(kind): said for kind, said in _ENTRY.items()},
    Said.AVAILABLE: {int(kind): said for kind, said in _ANY.items()},
    Said.AWAY: {int(kind): said for kind, said in _ANY.items()},
}
"""Next by what was said before and the kind of event; any other kind changes nothing.

Who pauses or is ready without having logged in is logged in from then on; who logs in
once more while away stays away.
"""

SHOWN_AS = {
    Said.NOTHING: AVAILABLE,
    Said.LOGGED_OUT: LOGGED_OUT,
    Said.AVAILABLE: AVAILABLE,
    Said.AWAY: AWAY,
}
"""The state of a person without a contact who was heard of lately."""
