"""Notes of the fold about who had a visit, besides what its facts say.

Rule: a note is taken only where the facts don't keep what happened: phones that ring,
holds in between, handovers. The usual visit (queued, answered, ended) has none, so it
costs nothing; `engagement` reads notes and facts together.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.core.visit import Visit

Note = tuple[int, int, str]
"""Instant in milliseconds UTC, a `Hand`, and the agent."""


class Hand(IntEnum):
    """What is noted."""

    RINGS = 0
    """The agent's phone rings."""
    SILENT = 1
    """It rings no more; `""`: none does."""
    HOLDS = 2
    """The customer is on hold."""
    TALKS = 3
    """And isn't any more."""
    HANDED_OVER = 4
    """The agent had it up to now; another one has it."""
    WRAPS_UP = 5
    """After-contact work began that nobody had announced."""


def note(visit: Visit, at: int, hand: Hand, agent: str = "") -> None:
    """Remember it; notes stand in the order of the fold."""
    if visit.hands is None:
        visit.hands = []
    visit.hands.append((at, hand, agent))
