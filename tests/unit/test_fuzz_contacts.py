"""Bad records in the stream processor: bounded, told of once, and never the end."""

import logging
from typing import Any

import pytest

from monitor.clocks import EventClock
from monitor.config import Settings
from monitor.core.events import Event, Kind
from monitor.core.rules import Rules
from monitor.pipeline import contacts as contacts_module
from monitor.pipeline.batches import Batch, Flow, Record
from monitor.pipeline.checkpoints import Checkpoint
from monitor.pipeline.contacts import Contacts
from monitor.pipeline.dead_letters import MAX_BYTES, TOLD_SECONDS, Complaints
from monitor.pipeline.holding import Holding
from monitor.pipeline.holdings import Holdings
from monitor.pipeline.homes import Homes
from monitor.pipeline.mirror import Mirror
from monitor.pipeline.streams import contacts_stream
from monitor.wire.events import encode_event

AT = 1_767_250_800_000
TOPIC = "callcenter.contacts"
LARGEST_ROW = 1_000_000


class FakeWriter:
    """Remembers what was committed."""

    def __init__(self) -> None:
        self.committed: list[Checkpoint] = []

    async def claim(self) -> None: ...

    async def commit(self, checkpoint: Checkpoint) -> int:
        self.committed.append(checkpoint)
        return len(self.committed)

    async def close(self) -> None: ...


class Bench:
    """One partition's processor without a broker."""

    def __init__(self, **settings: Any) -> None:
        self.writer = FakeWriter()
        chosen = Settings(**settings)

        async def read(_: Settings, numbers: Any, *__: Any) -> dict[int, Mirror]:
            return {number: Mirror() for number in numbers}

        async def spread(record: Record) -> None: ...

        rules = Rules(max_queues=chosen.limits.queues)
        self.holdings = Holdings(
            chosen,
            contacts_stream(chosen, rules, Homes(1)),
            make_writer=lambda _: self.writer,
            read=read,
        )
        self.flow = Flow(session_seconds=10)
        self.contacts = Contacts(chosen, self.holdings, self.flow, EventClock(), spread)
        self._next = 0

    async def feed(self, *values: bytes | None, key: bytes | None = b"k") -> Holding:
        """Process `values` as one batch; the holding of the partition."""
        if not len(self.holdings):
            await self.holdings.claim({0}, 1)
            self.flow.open()
        start, self._next = self._next, self._next + len(values)
        records = [
            Record(TOPIC, 0, start + index, AT, key, value)
            for index, value in enumerate(values)
        ]
        await self.contacts.process(Batch(TOPIC, 0, self.flow.epoch, start, records))
        found = self.holdings.get(0)
        assert found is not None
        return found


def queued(contact: str, number: int = 0, **fields: Any) -> bytes:
    event = Event(AT + number, int(Kind.QUEUED), contact, queue="support")
    return encode_event(event._replace(**fields))


async def test_an_id_that_is_used_for_everything_does_not_stop_the_stream() -> None:
    """A contact takes only so many events: its durable row must fit into a record."""
    bench = Bench()
    held = [
        encode_event(Event(AT + n, int(Kind.HELD), "0", agent=f"agent-{n:020d}"))
        for n in range(3_000)
    ]
    holding = await bench.feed(queued("0"), *held, queued("other"))
    counts = holding.partition.counts
    refused = counts.dead_letters["too_many_events"]
    await holding.checkpoint()
    [checkpoint] = bench.writer.committed

    assert 900 < counts.applied < 1_300
    assert counts.applied + refused == 3_002
    assert [letter.value for letter in checkpoint.dead_letters] == held[-refused:]
    assert max(len(row or b"") for _, row in checkpoint.rows) < LARGEST_ROW
    assert holding.partition.contacts["other"].open


async def test_the_largest_contact_fits_into_a_record() -> None:
    """Names as long as they get, of characters that JSON writes with six bytes."""
    bench = Bench()
    name = "\x01" * 512
    events = [
        queued("c", number, queue=f"{number:03d}{name[3:]}", agent=name, customer=name)
        for number in range(500)
    ]
    for begin in range(0, 500, 100):
        holding = await bench.feed(*events[begin : begin + 100])
    await holding.checkpoint()
    rows = [row for checkpoint in bench.writer.committed for _, row in checkpoint.rows]

    assert holding.partition.counts.dead_letters["too_many_events"] > 300
    assert max(len(row or b"") for row in rows) < LARGEST_ROW


async def test_where_a_contact_is_full_does_not_depend_on_the_batches() -> None:
    """The fold of the same log is the same, whoever reads it in whatever pieces."""
    events = [queued("0", number, id=f"{number:0100d}") for number in range(1_500)]
    whole, pieces = Bench(), Bench()
    one = await whole.feed(*events)
    for begin in range(0, 1_500, 7):
        other = await pieces.feed(*events[begin : begin + 7])

    assert one.partition.counts == other.partition.counts
    assert one.partition.counts.dead_letters["too_many_events"] > 500


async def test_dead_letters_that_pile_up_are_written_before_more_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Large bad records must not fill the memory until the next checkpoint."""
    monkeypatch.setattr(contacts_module, "PILE_UP_BYTES", 1_000_000)
    bench = Bench()
    for _ in range(10):
        holding = await bench.feed(*[b"x" * 50_000] * 10)

        assert holding.dead_letters.bytes <= 1_000_000

    assert sum(len(c.dead_letters) for c in bench.writer.committed) >= 80


async def test_many_small_dead_letters_are_due_for_a_checkpoint() -> None:
    """They count like changed rows."""
    bench = Bench(checkpoint={"max_rows": 10})
    await bench.feed(*[b"bad"] * 100)

    assert [len(c.dead_letters) for c in bench.writer.committed] == [100]


async def test_a_letter_too_large_for_the_topic_is_cut_and_says_so() -> None:
    """It must not end the worker; the place that it came from has it whole."""
    bench = Bench()
    holding = await bench.feed(b"y" * (MAX_BYTES + 1), key=b"")
    [letter] = holding.dead_letters
    headers = dict(letter.headers)

    assert headers["cut"] == str(MAX_BYTES + 1).encode()
    assert 0 < len(letter.value or b"") < MAX_BYTES


async def test_a_flood_of_bad_records_is_a_few_lines_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The first of each reason with its place; no content, and not one line each."""
    bench = Bench()
    with caplog.at_level(logging.WARNING):
        await bench.feed(*[b"secret"] * 500, *[None] * 500, *[b"secret"] * 500)
    told = [record.getMessage() for record in caplog.records]

    assert len(told) == 2
    assert "dead_letter=not_json" in told[0]
    assert "offset=0 " in told[0]
    assert "dead_letter=null_value" in told[1]
    assert not any("secret" in line for line in told)


def test_a_flood_that_goes_on_is_told_of_again_with_a_count(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Every few seconds, so that its end can be seen."""
    now = 0.0
    complaints = Complaints(lambda: now)
    record = Record(TOPIC, 0, 7, AT, None, None)
    with caplog.at_level(logging.WARNING):
        for _ in range(10):
            complaints.tell(record, "not_json")
        now = TOLD_SECONDS
        complaints.tell(record, "not_json")

    assert [
        r.getMessage().partition("more_since_last_told=")[2] for r in caplog.records
    ] == [
        "0",
        "9",
    ]


async def test_folding_of_queues_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """With what to do about it; the metric counts."""
    bench = Bench(limits={"queues": 2})
    with caplog.at_level(logging.ERROR):
        for number in range(50):
            value = queued(f"c{number}", number, queue=f"queue-{number}")
            holding = await bench.feed(value)
    [told] = [record.getMessage() for record in caplog.records]

    assert "limits.queues" in told
    assert "queue-" not in told
    assert holding.partition.counts.queues_folded == 48
