"""Durable rows of a source partition's state, and back.

Rule: a row is absolute and stands for itself; the last row of a key wins, no value
means gone. All rows of one checkpoint are written in one transaction with the meta row,
which holds the offset and the version, so that the offset is part of the state.

Keys: `m`; `c` + contact id; `q` + JSON `[queue, channel, kind, number]` of a pane (`f`
fine, `c` coarse, `d` day, `t` total).
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import chain, islice
from operator import itemgetter
from typing import Any

import orjson

from monitor.core.contact import Contact, source_of
from monitor.core.conversation import Base, Conversation, FirstResponse
from monitor.core.events import Event
from monitor.core.panes import Panes
from monitor.core.partition import Partition
from monitor.core.queue_state import QueueState
from monitor.core.rules import Rules
from monitor.core.terms import Terms
from monitor.wire.errors import WireError
from monitor.wire.migrations import META_KEY, STATE_VERSION, migrated

Row = tuple[bytes, bytes | None]
CONTACTS_IN_SLICE = 500
_dumps = orjson.dumps
_CONTACT = Event._fields.index("contact")
_without_contact = itemgetter(
    *(index for index in range(len(Event._fields)) if index != _CONTACT)
)


def take_rows(partition: Partition) -> list[Row]:
    """Every row that changed since the last call, the meta row last.

    The rows agree with `partition.next_offset` as it is now. The caller writes all of
    them or ends.
    """
    return list(chain.from_iterable(row_slices(partition)))


def row_slices(partition: Partition) -> Iterator[list[Row]]:
    """The rows of `take_rows` in slices that take a few milliseconds each.

    The partition must not change before the last slice was made.
    """
    dirty, partition.dirty = partition.dirty, {}
    changed = iter(dirty.items())
    while contacts := list(islice(changed, CONTACTS_IN_SLICE)):
        yield [
            (
                b"c" + contact_id.encode(),
                None if contact is None else contact_row(contact),
            )
            for contact_id, contact in contacts
        ]
    rows: list[Row] = []
    for state in partition.queues.values():
        rows += _pane_rows(state, partition.now)
        if len(rows) >= CONTACTS_IN_SLICE:
            yield rows
            rows = []
    rows.append((META_KEY, _meta_row(partition)))
    partition.taken_offset = partition.next_offset
    yield rows


def _pane_rows(state: QueueState, now: int) -> Iterator[Row]:
    state.settle(now)
    panes = state.panes
    changed, panes.dirty = panes.dirty, set()
    for kind, number in changed:
        yield pane_key(state, kind, number), pane_value(panes, kind, number)


def pane_key(state: QueueState, kind: str, number: int) -> bytes:
    """Key of the row of a queue's pane."""
    return b"q" + _dumps([state.name, state.channel, kind, number])


def pane_value(panes: Panes, kind: str, number: int) -> bytes | None:
    """Content of the row of a pane; None: there is none."""
    if kind == "t":
        return _dumps([panes.total, panes.corrected])
    tally = panes.row(kind, number)
    return _dumps(tally) if tally else None


def restore(rules: Rules, rows: Iterable[tuple[bytes, bytes]]) -> Partition:
    """The partition whose rows (the last of each key, none that is gone) these are.

    No rows give an empty partition; those of an earlier version are migrated first.
    Raises `UnknownStateVersion`, and `WireError` for rows that no release wrote.
    """
    partition = Partition(rules)
    found = dict(rows)
    if not found:
        return partition
    if META_KEY not in found:
        raise WireError("the durable state has rows but no meta row")
    # First of all the version: rows of another one may look like anything.
    found = migrated(found)
    was_told = _restore_meta(partition, found.pop(META_KEY))
    contacts: list[tuple[str, bytes]] = []
    panes: list[tuple[bytes, bytes]] = []
    for key, value in found.items():
        mark = key[:1]
        if mark == b"c":
            contacts.append((key[1:].decode(), value))
        elif mark == b"q":
            panes.append((key, value))
        else:
            raise WireError(f"a state row has the unknown key {key!r}")
    for key, value in panes:
        _restore_pane(partition, key, value)
    for state in partition.queues.values():
        state.panes.advance(partition.now)
    restored = [_contact_of(contact_id, value) for contact_id, value in contacts]
    for contact, terms, crossed in sorted(restored, key=lambda r: r[0].log[0].at):
        partition.restore_contact(contact, terms, crossed)
        if contact.engaged and not was_told:
            partition.touch(contact.id)
    return partition


def contact_row(contact: Contact) -> bytes:
    """Content of a contact's row; only a long conversation has a base."""
    visits = [[*visit.terms, visit.crossed] for visit in contact.visits]
    log = [_without_contact(event) for event in contact.log]
    conversation = contact.conversation
    if conversation is None or conversation.base is None:
        return _dumps([contact.clocked, visits, log])
    *settled, responses = conversation.base
    base = [*settled, [tuple(response) for response in responses]]
    return _dumps([contact.clocked, visits, log, base])


def _contact_of(
    contact_id: str, value: bytes
) -> tuple[Contact, list[Terms], list[bool]]:
    clocked, visits, log, *base = orjson.loads(value)
    events = [
        Event._make([*fields[:_CONTACT], contact_id, *fields[_CONTACT:]])
        for fields in log
    ]
    contact = Contact(contact_id, source_of(events))
    contact.log = events
    contact.clocked = clocked
    if base:
        *settled, responses = base[0]
        responses = [FirstResponse(*response) for response in responses]
        contact.conversation = Conversation(Base._make([*settled, responses]))
    terms = [Terms(*visit[:4]) for visit in visits]
    return contact, terms, [visit[4] for visit in visits]


def _meta_row(partition: Partition) -> bytes:
    return _dumps(
        {
            "v": STATE_VERSION,
            "app": partition.owner,
            "next": partition.next_offset,
            "watermark": partition.watermark,
            "now": partition.now,
            "starts": partition.starts,
            "told": partition.gone.is_told,
            "counts": asdict(partition.counts),
        }
    )


def _restore_meta(partition: Partition, value: bytes) -> bool:
    """False: written before contacts told of the people on them."""
    meta: dict[str, Any] = orjson.loads(value)
    partition.owner = meta["app"]
    partition.next_offset = partition.taken_offset = meta["next"]
    partition.watermark = meta["watermark"]
    partition.now = meta["now"]
    partition.starts = {s: tuple(instants) for s, instants in meta["starts"].items()}
    for name, count in meta["counts"].items():
        setattr(partition.counts, name, count)
    return bool(meta.get("told"))


def _restore_pane(partition: Partition, key: bytes, value: bytes) -> None:
    queue, channel, kind, number = orjson.loads(key[1:])
    panes = partition.queue_state(queue, channel).panes
    content = orjson.loads(value)
    if kind == "t":
        panes.total, panes.corrected = content
    else:
        panes.restore(kind, number, content)
