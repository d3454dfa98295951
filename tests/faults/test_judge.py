"""The judge is independent, and can fail: what is wrong is seen."""

import ast
import json
import random
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from monitor.config import load
from monitor.core.merge import merge_parts
from monitor.core.partition import Partition
from monitor.core.report import queue_report
from monitor.core.rules import Rules
from monitor.core.view import QueueView
from monitor.wire.errors import BadRecord
from monitor.wire.events import decode_contact_event
from monitor.wire.state import restore, take_rows
from tests.faults.compare import differences
from tests.faults.judge import Recount, truth
from tests.faults.lives import BEGIN_MS, BEYOND, Day, make_day
from tests.faults.plan import WEIGHTS, make_plan
from tests.faults.run import SETTINGS, TERMS
from tests.faults.scraper import Ledger, Scrape, counters_of

HERE = Path(__file__).parent
JUDGES = sorted(HERE.glob("judge*.py"))
ALLOWED = {
    "aiokafka",
    "ast",
    "collections",
    "dataclasses",
    "datetime",
    "json",
    "typing",
}
PARTITIONS = 2
FOREVER = 1 << 60


def rules() -> Rules:
    """The rules that the harness gives to its workers."""
    own = [
        f"{key}={value}" for key, value in SETTINGS.items() if "partitions" not in key
    ]
    return load(None, own, {}).rules()


def logs_of(day: Day) -> list[list[bytes]]:
    logs: list[list[bytes]] = [[] for _ in range(PARTITIONS)]
    for record in day.records:
        if record.key:
            logs[zlib.crc32(record.key.encode()) % PARTITIONS].append(record.value)
        else:
            for log in logs:
                log.append(record.value)
    closing = {"type": "source.heartbeat", "at": day.end, "source": "closing"}
    for log in logs:
        log.append(json.dumps(closing).encode())
    return logs


def judged(logs: Iterable[Iterable[bytes]]) -> Any:
    parts = {}
    for number, log in enumerate(logs):
        parts[number] = Recount(TERMS)
        for value in log:
            parts[number].take(value)
    return truth(parts)


def fold(log: list[bytes], seed: int) -> Partition:
    """The core's state of a log, in batches, with restarts from the durable rows."""
    chance = random.Random(seed)
    partition = Partition(rules())
    rows: dict[bytes, bytes] = {}
    begin = 0
    while begin < len(log):
        size = chance.choice((1, 10, 100, 500))
        partition.apply(decoded(log[begin : begin + size]), FOREVER)
        begin += size
        if chance.random() < 0.5:
            partition.advance(partition.watermark)
        if chance.random() < 0.1:
            partition.finished()
            for key, value in take_rows(partition):
                if value is None:
                    rows.pop(key, None)
                else:
                    rows[key] = value
            if chance.random() < 0.3:
                partition = restore(rules(), rows.items())
    partition.advance(partition.watermark)
    return partition


def decoded(values: Iterable[bytes]) -> Any:
    for value in values:
        try:
            event = decode_contact_event(value)
        except BadRecord:
            continue
        if event is not None:
            yield event


def shown(partitions: Iterable[Partition], now: int) -> dict[str, Any]:
    by_key: dict[tuple[str, str], list[Any]] = {}
    for partition in partitions:
        for part in partition.parts(partition.watermark, everything=True):
            by_key.setdefault((part.queue, part.channel), []).append(part)
    views: dict[str, list[QueueView]] = {}
    for key in sorted(by_key):
        merged = merge_parts(by_key[key])
        fields = {n: getattr(merged, n) for n in merged.__dataclass_fields__}
        views.setdefault(key[0], []).append(
            QueueView(**fields, rules=rules().queue(*key))
        )
    return {
        name: queue_report(of_queue, now)
        | {"agents_in_hand": sum(view.agents_in_hand for view in of_queue)}
        for name, of_queue in views.items()
    }


@pytest.mark.parametrize("module", JUDGES, ids=lambda path: path.name)
def test_the_judge_shares_no_code_with_the_product(module: Path) -> None:
    """Only the standard library, the Kafka client and its own modules."""
    tops = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        tops |= {
            n.split(".")[0] for n in names if not n.startswith("tests.faults.judge")
        }

    assert JUDGES
    assert tops <= ALLOWED


@pytest.mark.parametrize("seed", range(12))
def test_the_core_and_the_judge_agree_on_lives_of_all_kinds(seed: int) -> None:
    """Disorder, repeats, clocks, restarts, batches and restores: the same numbers."""
    day = make_day(seed, 4_000, 3_600_000)
    logs = logs_of(day)
    right = judged(logs)
    partitions = [fold(log, seed) for log in logs]

    assert differences(right.queues, shown(partitions, day.end)) == []
    for name in ("applied", "duplicate", "late"):
        counted = sum(getattr(p.counts, name) for p in partitions)
        assert counted == right.counts[name], name
    late = [e for part in right.parts.values() for e in part.late if e.contact]
    assert late
    assert all(event.id.startswith(BEYOND) for event in late)


def test_a_log_that_lacks_one_event_gives_another_verdict() -> None:
    """The judge sees each single event that decides a fate."""
    day = make_day(3, 1_500, 900_000)
    logs = logs_of(day)
    right = judged(logs)
    tampered = 0
    for place, value in enumerate(logs[0][:200]):
        fields = json.loads(value) if value.endswith(b"}") else {}
        if fields.get("type") != "contact.queued" or logs[0].count(value) > 1:
            continue
        without = [logs[0][:place] + logs[0][place + 1 :], logs[1]]
        tampered += bool(differences(judged(without).queues, right.queues))

    assert tampered > 5


@pytest.mark.parametrize(
    "path",
    [
        ("offered",),
        ("phases", "talking"),
        ("drift",),
        ("service_level", "crossed"),
        ("windows", "5m", "handled"),
        ("windows", "today", "talk_seconds_sum"),
    ],
    ids=".".join,
)
def test_a_number_that_is_off_by_one_is_a_difference(path: tuple[str, ...]) -> None:
    """Whichever number of whichever queue."""
    right = judged(logs_of(make_day(4, 800, 900_000))).queues
    wrong = json.loads(json.dumps(right))
    numbers = wrong["queue-3"]
    for name in path[:-1]:
        numbers = numbers[name]
    numbers[path[-1]] += 1

    assert differences(right, right) == []
    assert len(differences(right, wrong)) == 1


def test_a_queue_that_is_missing_or_too_many_is_a_difference() -> None:
    """An unknown queue may only be there with nothing in it."""
    right = judged(logs_of(make_day(5, 800, 900_000))).queues
    fewer = {name: numbers for name, numbers in right.items() if name != "queue-1"}

    assert differences(right, fewer) == ["queue-1: not shown"]
    assert differences(fewer, right)


def test_a_counter_that_goes_down_or_is_shown_twice_is_noticed() -> None:
    """Only what is certain: scrapes that overlap in time prove nothing."""
    text = '# TYPE a_total counter\na_total{queue="q"} 5.0\n# TYPE b gauge\nb 1.0\n'
    ledger = Ledger()
    ledger.take([Scrape("one", 0.0, 0.2, counters_of(text))])
    ledger.take([Scrape("two", 0.1, 0.3, {'a_total{queue="q"}': 4.0})])

    assert counters_of(text) == {'a_total{queue="q"}': 5.0}
    assert ledger.fallen == []

    ledger.take([Scrape("two", 1.0, 1.1, {'a_total{queue="q"}': 4.0})])
    assert len(ledger.fallen) == 1
    for at in (2.0, 3.0):
        assert ledger.doubled == []
        ledger.take(
            [
                Scrape(name, at, at, {'a_total{queue="q"}': 6.0})
                for name in ("one", "two")
            ]
        )
    assert len(ledger.doubled) == 1


def test_the_seed_decides_the_day_and_the_plan() -> None:
    """A run can be told by its seed."""
    assert make_day(6, 500, 600_000) == make_day(6, 500, 600_000)
    assert make_day(6, 500, 600_000) != make_day(7, 500, 600_000)
    assert make_plan(6, 180, 3) == make_plan(6, 180, 3)
    assert {fault.what for fault in make_plan(6, 300, 3)} == set(WEIGHTS)
    assert (
        min(record.arrives for record in make_day(6, 500, 600_000).records) >= BEGIN_MS
    )
