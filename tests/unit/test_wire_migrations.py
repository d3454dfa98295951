"""State of every released version is read, and goes on as if nothing had happened."""

from dataclasses import asdict

import orjson
import pytest

from monitor.core.events import Kind
from monitor.core.partition import Partition
from monitor.core.rules import Rules
from monitor.wire.errors import UnknownStateVersion
from monitor.wire.events import decode_contact_event
from monitor.wire.migrations import (
    META_KEY,
    STATE_VERSION,
    STEPS,
    Rows,
    changes,
    migrated,
)
from monitor.wire.state import restore, take_rows
from tests.support.contacts import (
    answered,
    at,
    event,
    part_of,
    partition_of,
    queued,
)
from tests.support.feeding import DISTANT_FUTURE
from tests.support.states import KeptState, kept_states

KEPT = kept_states()
each_version = pytest.mark.parametrize(
    "kept", KEPT, ids=[f"v{kept.version}" for kept in KEPT]
)


def test_what_every_released_version_wrote_is_kept() -> None:
    """Nobody can check a migration from a state that nobody has any more."""
    assert [kept.version for kept in KEPT] == list(range(1, STATE_VERSION + 1))
    assert set(STEPS) == set(range(1, STATE_VERSION))


@each_version
def test_the_numbers_of_a_kept_state_are_what_they_were(kept: KeptState) -> None:
    """Names that came later may be added to them."""
    for rows, wanted in zip(kept.rows, kept.numbers, strict=True):
        partition = restore(Rules(), rows.items())
        parts = partition.parts(partition.watermark, everything=True)
        shown = {(part.queue, part.channel): asdict(part) for part in parts}

        assert len(shown) == len(wanted) > 0
        for old in wanted:
            new = shown[old["queue"], old["channel"]]
            assert {name: new[name] for name in old} == old


@each_version
def test_a_kept_state_goes_on_to_the_numbers_of_the_whole_log(kept: KeptState) -> None:
    """As a worker does that replaces one of the release before."""
    for rows, log in zip(kept.rows, kept.log, strict=True):
        resumed = restore(Rules(), rows.items())
        assert 0 < resumed.next_offset < len(log)
        apply(resumed, log[resumed.next_offset :])
        anew = Partition(Rules())
        apply(anew, log)

        assert resumed.parts(resumed.watermark, everything=True) == anew.parts(
            anew.watermark, everything=True
        )
        assert resumed.counts == anew.counts


def apply(partition: Partition, log: list[bytes]) -> None:
    events = [event for value in log if (event := decode_contact_event(value))]
    partition.apply(events, DISTANT_FUTURE)


def test_a_thinned_conversation_is_among_what_is_kept() -> None:
    """Else nobody would notice that its base isn't read any more."""
    chats = [
        orjson.loads(value)
        for rows in KEPT[2].rows
        for key, value in rows.items()
        if key.startswith(b"cchat")
    ]

    assert sum(len(chat) == 4 for chat in chats) > 5


def test_messages_of_which_nobody_knew_the_author_ask_for_no_response() -> None:
    """Version 2 didn't keep authors: who had responded before can't be told."""
    events = [
        queued(0, "a", channel="chat"),
        answered(10, "a"),
        event(20, "a", Kind.MESSAGE),
        event(30, "a", Kind.MESSAGE),
    ]
    rows = dict(take_rows(partition_of(events)))
    meta = orjson.loads(rows[META_KEY] or b"")
    rows[META_KEY] = orjson.dumps(meta | {"v": 2})
    partition = restore(Rules(), [(k, v) for k, v in rows.items() if v])
    later = [
        event(40, "a", Kind.MESSAGE, reason="customer"),
        event(50, "a", Kind.MESSAGE, reason="agent"),
    ]
    partition.apply(later, at(50))
    partition.advance(at(50))
    part = part_of(partition, channel="chat")

    assert part.total["responses"] == 1
    assert part.total["response_ms"] == 10_000
    assert "first_responses" not in part.total
    assert (part.active, part.inactive) == (1, 0)


# -- steps, shown with a version that never was ----------------------------------------


def to_zero(rows: Rows) -> Rows:
    """As a release before the first would have written them: contacts under `k`."""
    old = {
        (b"k" + key[1:] if key[:1] == b"c" else key): value
        for key, value in rows.items()
    }
    meta = orjson.loads(rows[META_KEY])
    return old | {META_KEY: orjson.dumps(meta | {"v": 0})}


def from_zero(rows: Rows) -> Rows:
    new = {
        (b"c" + key[1:] if key[:1] == b"k" else key): value
        for key, value in rows.items()
    }
    meta = orjson.loads(rows[META_KEY])
    return new | {META_KEY: orjson.dumps(meta | {"v": 1})}


def rows_of_one() -> Rows:
    return KEPT[0].rows[0]


def test_rows_of_this_version_are_left_alone() -> None:
    rows = {row: value for row, value in take_rows(Partition(Rules())) if value}

    assert migrated(rows) is rows


def test_steps_lead_from_an_older_version_to_this_one() -> None:
    rows = rows_of_one()

    assert migrated(to_zero(rows), {0: from_zero}, to=1) == rows


def test_a_mirror_becomes_one_of_this_version_by_its_changes() -> None:
    """Also what is gone is written, and the meta row last: the version with all."""
    new = rows_of_one()
    mirror = to_zero(new)
    written = changes(mirror, new)
    for key, value in written:
        if value is None:
            del mirror[key]
        else:
            mirror[key] = value

    assert mirror == new
    assert written[-1][0] == META_KEY
    assert len(written) < len(new) * 2


@pytest.mark.parametrize("version", [0, -1, 2, None, "1", 1.5])
def test_a_version_that_no_step_leads_from_is_refused(version: object) -> None:
    """A newer one, or one that was never released."""
    rows = rows_of_one() | {META_KEY: orjson.dumps({"v": version})}

    with pytest.raises(UnknownStateVersion, match=f"has version {version!r}"):
        migrated(rows, {}, to=1)
