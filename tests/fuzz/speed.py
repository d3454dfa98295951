"""How fast bad records are, beside good ones: decoding and folding, nothing else."""

import time
from random import Random

from monitor.core.partition import Partition
from monitor.wire.errors import BadRecord
from monitor.wire.events import decode_contact_event
from tests.bench.generated import contact_records
from tests.fuzz.fuzzing import CHUNK, RULES, START, STEP_MS
from tests.fuzz.records import Bytes, mutated

RECORDS = 40_000
ROUNDS = 3
DISTANT_FUTURE = 1 << 60


def speeds(seed: int, records: int = RECORDS) -> tuple[float, float]:
    """Records per second, all of them good, and all of them bad: the best of three."""
    chance = Random(seed)
    good: list[Bytes] = [value for _, value in contact_records(records)]
    bad: list[Bytes] = []
    while len(bad) < records:
        _, value = mutated(chance, START + len(bad) * STEP_MS)
        if _is_bad(value):
            bad.append(value)
    rounds = [(_rate(good), _rate(bad)) for _ in range(ROUNDS)]
    return max(g for g, _ in rounds), max(b for _, b in rounds)


def _is_bad(value: Bytes) -> bool:
    try:
        decode_contact_event(value)
    except BadRecord:
        return True
    return False


def _rate(values: list[Bytes]) -> float:
    partition = Partition(RULES)
    began = time.perf_counter()
    for begin in range(0, len(values), CHUNK):
        events = []
        for value in values[begin : begin + CHUNK]:
            try:
                event = decode_contact_event(value)
            except BadRecord:
                continue
            if event is not None:
                events.append(event)
        partition.apply(events, DISTANT_FUTURE)
        partition.advance(partition.watermark)
    return len(values) / (time.perf_counter() - began)
