"""Bad records, a seeded sample of the millions that `python -m tests.fuzz` tries."""

from contextlib import suppress
from random import Random

import pytest

from monitor.core.contact import CROWDED
from monitor.wire.errors import BadRecord
from monitor.wire.events import MAX_SHARED, _names, decode_contact_event, encode_event
from tests.fuzz.fuzzing import Fuzzing
from tests.fuzz.records import MUTATIONS, RARE, mutated
from tests.fuzz.speed import speeds
from tests.fuzz.valid import valid_fields
from tests.support.contacts import at, queued

RECORDS = 30_000


@pytest.mark.parametrize("seed", [1, 2])
def test_bad_records_are_refused_with_a_reason_and_harm_nothing(seed: int) -> None:
    """Each is an event, ignored, or refused; good contacts between keep their numbers.

    No drift, no negative live number, and the state is restored as it was.
    """
    fuzzing = Fuzzing(seed)

    fuzzing.run(RECORDS)

    assert fuzzing.harm() == []
    assert fuzzing.outcomes.total() == RECORDS
    assert fuzzing.good > 20
    assert {f"bad: {reason}" for reason in REASONS} <= fuzzing.outcomes.keys()
    assert set(MUTATIONS) <= fuzzing.mutations.keys()


REASONS = (
    "missing_field",
    "newer_version",
    "not_json",
    "not_object",
    "null_value",
    "wrong_type",
    "wrong_value",
)


@pytest.mark.parametrize("name", sorted(RARE))
def test_large_records_are_refused_or_read(name: str) -> None:
    """Deep nesting, a field's name and a value as long as Kafka lets through.

    Anything else than a `BadRecord` would end the worker.
    """
    chance = Random(name)
    for _ in range(30):
        value = RARE[name](chance, valid_fields(chance, at(0)))
        with suppress(BadRecord):
            decode_contact_event(value)


def test_the_same_seed_gives_the_same_records() -> None:
    """What was found once can be looked at again."""
    some, again = Random(7), Random(7)

    assert [mutated(some, at(0)) for _ in range(500)] == [
        mutated(again, at(0)) for _ in range(500)
    ]


def test_reading_bad_records_costs_no_more_than_good_ones() -> None:
    """A source that has gone mad must not slow the others down."""
    good, bad = speeds(1, records=5_000)

    assert bad > good / 2, f"good {good:,.0f} records/s, bad {bad:,.0f}"


def test_names_that_are_shared_are_bounded() -> None:
    """A million names leave no more behind than so many as are kept."""
    for number in range(3 * MAX_SHARED):
        value = encode_event(queued(0, f"c{number}", f"q{number}", agent=f"a{number}"))
        decode_contact_event(value)

        assert len(_names) <= MAX_SHARED


def test_the_same_name_is_one_string() -> None:
    """State that holds a name a million times holds it once."""
    first = decode_contact_event(encode_event(queued(0, "a", "support")))
    second = decode_contact_event(encode_event(queued(1, "b", "support")))

    assert first is not None
    assert second is not None
    assert first.queue is second.queue


def test_few_events_are_surely_not_too_many() -> None:
    """A contact that isn't crowded fits into a row, however long its names are."""
    name = "\x00" * 512
    value = encode_event(
        queued(0, "c", name, agent=name, customer=name, id=name, source=name)
    )

    assert CROWDED * 2 * len(value) < 1_048_576
