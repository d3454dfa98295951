"""Which sources are told apart, and which of their restarts are remembered.

Rule: bounded, whatever is sent; the first ones have the room. With these limits the
meta row of the durable state always fits into one record.
"""

from collections.abc import Mapping

MAX_SOURCES = 1_000
"""Sources told apart; the events of further ones count under `OTHER_SOURCE`."""
MAX_SOURCE_NAME = 64
"""Characters of a source's name; longer ones count under `OTHER_SOURCE`."""
MAX_STARTS = 5_000
"""Restarts that are remembered, of all sources together; further ones are taken for a
flood and expire nothing."""
OTHER_SOURCE = "__other__"

Starts = dict[str, tuple[int, ...]]
"""Instants of restarts by source, ascending."""


def counted_as(source: str, known: Mapping[str, int]) -> str:
    """The name that a source counts under, beside those that are known."""
    if source in known:
        return source
    if len(known) >= MAX_SOURCES or len(source) > MAX_SOURCE_NAME:
        return OTHER_SOURCE
    return source


def remember_start(starts: Starts, source: str, at: int, oldest: int) -> bool:
    """Add a restart and drop those before `oldest`; False: there is no room for it."""
    if len(source) > MAX_SOURCE_NAME:
        return False
    if _are_full(starts, source):
        for name in [name for name, past in starts.items() if past[-1] < oldest]:
            del starts[name]
        if _are_full(starts, source):
            return False
    kept = [start for start in (*starts.get(source, ()), at) if start >= oldest]
    starts[source] = tuple(sorted(kept))
    return True


def _are_full(starts: Starts, source: str) -> bool:
    if source not in starts and len(starts) >= MAX_SOURCES:
        return True
    return sum(map(len, starts.values())) >= MAX_STARTS
