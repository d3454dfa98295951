"""How many contacts a person takes at once, and how many of them are in hand.

Rule: apart from occupancy, which counts by the clock. Whoever said how many contacts of
a channel they take offers so many slots as long as they are logged in and not away, by
the state that is shown: so offered slots are those of the time that occupancy divides
by. A contact of that channel that is talked with, held or wrapped up is a busy slot; a
ringing one isn't. Contacts beyond the offered slots, and those of channels that nobody
offered slots of, are no busy slots: busy is never more than offered.
"""

from collections.abc import Iterable
from typing import NamedTuple

from monitor.core.people.engagement import Engagement
from monitor.core.people.states import Load
from monitor.core.tally import Tally, with_prefix

Slots = tuple[tuple[str, int], ...]
"""Contacts that a person takes at once, by channel, sorted."""
BUSY = "slots_busy:"
"""Prefix of the sums of busy slots' time; the channel follows."""
OFFERED = "slots_offered:"
"""The same of all slots that were offered."""


class Utilization(NamedTuple):
    """Time of the slots of one channel."""

    busy_ms: int
    offered_ms: int

    @property
    def ratio(self) -> float | None:
        """Share of the offered slots that was busy, 0-1; None if none was offered."""
        return self.busy_ms / self.offered_ms if self.offered_ms > 0 else None


def utilization(sums: Tally) -> dict[str, Utilization]:
    """By channel, sorted; only channels whose slots were offered."""
    return {
        channel: Utilization(sums.get(BUSY + channel, 0), offered)
        for channel, offered in with_prefix(sums, OFFERED).items()
    }


def load_of(slots: Slots, in_hand: Iterable[Engagement]) -> Load:
    """What is counted of a person with these slots and contacts at one instant."""
    contacts = {(each.channel, each.contact) for each in in_hand}
    load: list[tuple[str, int]] = []
    for channel, offered in slots:
        if not offered:
            continue
        busy = min(offered, sum(found == channel for found, _ in contacts))
        if busy:
            load.append((BUSY + channel, busy))
        load.append((OFFERED + channel, offered))
    return tuple(load)
