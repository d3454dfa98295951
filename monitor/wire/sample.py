"""A share of the durable rows, as they would be written now.

Rule: which rows belong to a share is a hash of what they are of (a contact, a queue),
so a share of the state in memory and the same share of its mirror hold the same keys.
"""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple
from zlib import crc32

import orjson

from monitor.core.partition import Partition
from monitor.core.queue_state import QueueState
from monitor.wire.state import CONTACTS_IN_SLICE, contact_row, pane_key, pane_value


class Share(NamedTuple):
    """One of `contacts` equal shares of the contacts, one of `queues` of the queues."""

    contacts: int
    queues: int
    turn: int
    """Which one; any number."""

    def has_contact(self, contact_id: str) -> bool:
        """Whether the contact's row belongs to it."""
        return crc32(contact_id.encode()) % self.contacts == self.turn % self.contacts

    def has_queue(self, queue: str, channel: str) -> bool:
        """Whether the queue's rows belong to it."""
        name = f"{queue}\n{channel}".encode()
        return crc32(name) % self.queues == self.turn % self.queues

    def has(self, key: bytes) -> bool:
        """Whether the row of a key belongs to it; the meta row never does."""
        if key[:1] == b"c":
            return self.has_contact(key[1:].decode())
        if key[:1] == b"q":
            queue, channel, *_ = orjson.loads(key[1:])
            return self.has_queue(queue, channel)
        return False


def sample(partition: Partition, share: Share) -> Iterator[dict[bytes, bytes]]:
    """The rows of the share, a slice of a few milliseconds at each step.

    The partition must not change before the last step.
    """
    contacts = (c for c in partition.contacts.values() if share.has_contact(c.id))
    while some := list(islice(contacts, CONTACTS_IN_SLICE)):
        yield {b"c" + contact.id.encode(): contact_row(contact) for contact in some}
    for (queue, channel), state in partition.queues.items():
        if share.has_queue(queue, channel):
            state.settle(partition.now)
            yield dict(_rows_of(state))


def _rows_of(state: QueueState) -> Iterator[tuple[bytes, bytes]]:
    panes = state.panes
    numbers = (
        *(("f", number) for number in panes.fine.panes),
        *(("c", number) for number in panes.coarse.panes),
        *(("d", number) for number in panes.days),
        ("t", 0),
    )
    for kind, number in numbers:
        value = pane_value(panes, kind, number)
        if value is not None:
            yield pane_key(state, kind, number), value


def differences(expected: dict[bytes, bytes], found: dict[bytes, bytes]) -> list[str]:
    """Which rows aren't the same, told for a person: counts by kind, no names."""
    keys = [
        k for k in expected.keys() | found.keys() if expected.get(k) != found.get(k)
    ]
    told = []
    for mark, name in ((b"c", "contacts"), (b"q", "panes")):
        wrong = [key for key in keys if key[:1] == mark]
        if wrong:
            absent = sum(key not in found for key in wrong)
            extra = sum(key not in expected for key in wrong)
            told.append(
                f"{len(wrong)} rows of {name} differ from the mirror, "
                f"{absent} of them aren't in it, {extra} should be gone"
            )
    return told
