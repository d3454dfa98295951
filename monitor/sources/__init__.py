"""Source systems: their lines become canonical events.

Rule: a source system is known in one module only, and every one is registered here.
"""

from collections.abc import Mapping

from monitor.core.people.events import AnyEvent
from monitor.sources import anonymous_bank, asterisk_queue_log, canonical
from monitor.sources.source import (
    MAX_LINE_BYTES,
    Adapter,
    BadLine,
    NotAnEvent,
    SourceKind,
)

__all__ = [
    "MAX_LINE_BYTES",
    "SOURCES",
    "Adapter",
    "AnyEvent",
    "BadLine",
    "NotAnEvent",
    "SourceKind",
    "UnknownSource",
    "source_kind",
]

SOURCES: Mapping[str, SourceKind] = {
    kind.name: kind
    for kind in (asterisk_queue_log.KIND, canonical.KIND, anonymous_bank.KIND)
}
"""Every source by its name."""

ALIASES: Mapping[str, str] = {"events": canonical.KIND.name}
"""Other names by which a source is known."""


class UnknownSource(LookupError):  # noqa: N818 - its name is what happened
    """No source has this name. The message lists those that there are."""


def source_kind(name: str) -> SourceKind:
    """The source of this name or alias; raises `UnknownSource`."""
    try:
        return SOURCES[ALIASES.get(name, name)]
    except KeyError:
        known = ", ".join(sorted([*SOURCES, *ALIASES]))
        raise UnknownSource(
            f"no source is called {name!r}; there are {known}"
        ) from None
