"""How fast the pure core is: from bytes to state, with checkpoint rows, without Kafka.

    python -m tests.bench.core_bench [EVENTS]

Prints events per second of each stage in one run: JSON alone (the reference), decoding,
the fold, the fold with rows and partials as the worker takes them, and the memory of
an open contact.
"""

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable
from typing import TypeVar

import orjson

from monitor.core.events import Event
from monitor.core.partition import Partition
from monitor.core.rules import Rules
from monitor.wire.events import decode_contact_event
from monitor.wire.state import take_rows
from tests.bench.generated import contact_records

T = TypeVar("T")
BATCH = 2_000
CHECKPOINT_EVERY = 60
"""Batches between two checkpoints: a second's worth at the aimed rate."""


def decoded(values: list[bytes]) -> list[Event]:
    """The events of a batch."""
    return [e for v in values if (e := decode_contact_event(v)) is not None]


def fold(batches: list[list[bytes]], *, rows: bool) -> Partition:
    """Decode and apply everything; with `rows`, checkpoint and report as live."""
    partition = Partition(Rules())
    for number, batch in enumerate(batches, start=1):
        events = decoded(batch)
        partition.apply(events, events[-1].at)
        partition.next_offset += len(batch)
        if rows and number % CHECKPOINT_EVERY == 0:
            partition.parts(partition.watermark, everything=False)
            take_rows(partition)
            partition.finished()
    return partition


def each(work: Callable[[T], object], items: Iterable[T]) -> None:
    """Do the work for every item, and keep nothing."""
    for item in items:
        work(item)


def rate(count: int, work: Callable[[], object]) -> float:
    """Events per second of one call of `work`, with the worker's collector settings."""
    gc.collect()
    gc.freeze()
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


def memory_per_open_contact(contacts: int = 20_000) -> float:
    """Bytes of one contact that is talking, with everything that refers to it."""
    records = [
        value
        for contact, value in contact_records(contacts * 8, gap_ms=1)
        if b'"contact.ended"' not in value and b"abandoned" not in value
    ]
    partition = Partition(Rules())
    gc.collect()
    tracemalloc.start()
    for start in range(0, len(records), BATCH):
        partition.apply(decoded(records[start : start + BATCH]), 1 << 60)
    partition.parts(partition.watermark, everything=False)
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return used / len(partition.contacts)


def main() -> None:
    """Run all stages once and print them."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000
    values = [value for _, value in contact_records(count)]
    batches = [values[i : i + BATCH] for i in range(0, count, BATCH)]
    gc.set_threshold(100_000, 50, 1_000_000)
    stages: dict[str, Callable[[], object]] = {
        "json": lambda: each(orjson.loads, values),
        "decode": lambda: each(decoded, batches),
        "decode+fold": lambda: fold(batches, rows=False),
        "decode+fold+rows": lambda: fold(batches, rows=True),
    }
    reference = 0.0
    for name, work in stages.items():
        speed = rate(count, work)
        reference = reference or speed
        print(f"{name:20} {speed:12,.0f} events/s {speed / reference:8.1%} of json")
    print(f"open contact {memory_per_open_contact():,.0f} bytes")


if __name__ == "__main__":
    main()
