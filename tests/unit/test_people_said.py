"""What a person said: every cell of the table."""

import pytest

from monitor.core.people.events import AgentKind
from monitor.core.people.said import SHOWN_AS, TRANSITIONS, Said

K = AgentKind
TABLE = """
              LOGGED_OUT  LOGGED_IN  QUEUES  READY      AWAY  HEARTBEAT  SCHEDULE  TRAINED
NOTHING       LOGGED_OUT  AVAILABLE  -       AVAILABLE  AWAY  -          -         -
LOGGED_OUT    LOGGED_OUT  AVAILABLE  -       AVAILABLE  AWAY  -          -         -
AVAILABLE     LOGGED_OUT  -          -       AVAILABLE  AWAY  -          -         -
AWAY          LOGGED_OUT  -          -       AVAILABLE  AWAY  -          -         -
"""  # noqa: E501 - a table
KINDS, *ROWS = [line.split() for line in TABLE.strip().splitlines()]
CELLS = [
    (before, kind, after)
    for before, *cells in ROWS
    for kind, after in zip(KINDS, cells, strict=True)
]


@pytest.mark.parametrize("before,kind,after", CELLS)
def test_each_event_in_each_state(before: str, kind: str, after: str) -> None:
    """Leads to what the table says, or changes nothing."""
    found = TRANSITIONS[Said[before]].get(AgentKind[kind])

    assert found == (None if after == "-" else Said[after])


def test_everything_is_in_the_table() -> None:
    """Each state, and each kind that a person can say."""
    assert (
        {row[0] for row in ROWS}
        == {said.name for said in Said}
        == {said.name for said in TRANSITIONS}
    )
    assert set(KINDS) == {kind.name for kind in K if kind > K.SOURCE_STARTED}
    assert set(SHOWN_AS) == set(Said)
