"""The judge is independent, agrees with the core, and can fail."""

import ast
import json
from pathlib import Path

import pytest

from tests.faults.compare import differences
from tests.faults.day import BEGIN_MS, BEYOND, Record, make_day
from tests.faults.judge_histograms import count_upto, durations_of, quantile
from tests.faults.modes import MODES, SPEED
from tests.faults.offline import (
    closed,
    fold_by_events,
    fold_by_wall,
    judged,
    logs_of,
    rules_of,
    shown,
)
from tests.faults.plan import LONG_WEIGHTS, WEIGHTS, make_plan
from tests.faults.real_time import RealTime

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
EVENT, WALL = MODES["event"], MODES["wall"]
BEGIN = 1_800_000_000_000
"""A real instant."""
CHAT = {"contact": "c1", "queue": "help", "channel": "chat", "agent": "a1"}
AT_REST_MS = 150_000
"""When a day of 100 s is over, and has its rest."""


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
    logs = closed(day)
    right = judged(logs, EVENT)
    partitions = [fold_by_events(log, rules_of(EVENT), seed) for log in logs]

    assert differences(right.queues, shown(partitions, EVENT, day.after)) == []
    for name in ("applied", "duplicate", "late"):
        counted = sum(getattr(p.counts, name) for p in partitions)
        assert counted == right.counts[name], name
    late = [e for part in right.parts.values() for e in part.late if e.contact]
    assert late
    assert all(event.id.startswith(BEYOND) for event in late)


@pytest.mark.parametrize("seed", range(12))
def test_the_core_and_the_judge_agree_by_a_wall_clock(seed: int) -> None:
    """Also when the clock went on while nothing came, and gave contacts up."""
    span = 100_000
    whole = make_day(seed, 10_000, span * SPEED)
    day = RealTime(BEGIN, SPEED).day(whole, BEGIN + span)
    logs, now = logs_of(day), BEGIN + AT_REST_MS
    right = judged(logs, WALL, now)
    partitions = [fold_by_wall(log, rules_of(WALL), seed, now) for log in logs]

    assert differences(right.queues, shown(partitions, WALL, now)) == []
    assert sum(visit.phase != "closed" for visit in right.visits) > 20
    assert sum(visit.fate == "expired" for visit in right.visits) > 20


@pytest.mark.parametrize("last", ["message", "held"])
def test_what_happens_at_the_instant_of_a_restart_shows_that_the_contact_goes_on(
    last: str,
) -> None:
    """Only the next restart ends it: for the core and for the judge."""
    told = [
        ("contact.queued", 0),
        ("contact.answered", 5_000),
        (f"contact.{last}", 60_000),
        ("source.started", 60_000),
        ("source.started", 900_000),
        ("source.heartbeat", 1_000_000),
    ]
    events = [
        {"type": name, "at": BEGIN + at, "source": "pbx:1"}
        | ({} if name.startswith("source") else CHAT)
        for name, at in told
    ]
    log = [Record(0, "c1", json.dumps(event).encode()) for event in events]
    partition = fold_by_events(log, rules_of(EVENT), 1)
    (visit,) = partition.contacts["c1"].visits

    assert visit.unfinished_at == BEGIN + 900_000
    (judged_visit,) = judged([log], EVENT).visits
    assert judged_visit.unfinished_at == BEGIN + 900_000


def test_the_numbers_rest_when_a_silence_is_as_old_as_contacts_may_become() -> None:
    """Only the windows move, at the ends of panes."""
    span = 100_000
    day = RealTime(BEGIN, SPEED).day(make_day(1, 5_000, span * SPEED), BEGIN + span)
    rest = range(BEGIN + 140_001, BEGIN + 155_000, 4_999)
    found = [judged(logs_of(day), WALL, now).queues for now in rest]
    for queues in found:
        for numbers in queues.values():
            del numbers["windows"], numbers["longest_wait_seconds"]

    assert any(numbers["waiting"] for numbers in found[0].values())
    assert found == [found[0]] * len(found)


def test_a_log_that_lacks_one_event_gives_another_verdict() -> None:
    """The judge sees each single event that decides a fate."""
    logs = closed(make_day(3, 1_500, 900_000))
    values = [record.value for record in logs[0]]
    right = judged(logs, EVENT)
    tampered = 0
    for place, value in enumerate(values[:200]):
        fields = json.loads(value) if value.endswith(b"}") else {}
        if fields.get("type") != "contact.queued" or values.count(value) > 1:
            continue
        without = [logs[0][:place] + logs[0][place + 1 :], logs[1]]
        tampered += bool(differences(judged(without, EVENT).queues, right.queues))

    assert tampered > 5


@pytest.mark.parametrize(
    "path",
    [
        ("offered",),
        ("phases", "talking"),
        ("drift",),
        ("service_level", "crossed"),
        ("answer_wait_quantiles_seconds", "p90"),
        ("windows", "5m", "handled"),
        ("windows", "today", "talk_seconds_sum"),
    ],
    ids=".".join,
)
def test_a_number_that_is_off_by_one_is_a_difference(path: tuple[str, ...]) -> None:
    """Whichever number of whichever queue."""
    right = judged(closed(make_day(4, 800, 900_000)), EVENT).queues
    wrong = json.loads(json.dumps(right))
    numbers = wrong["queue-3"]
    for name in path[:-1]:
        numbers = numbers[name]
    numbers[path[-1]] += 1

    assert differences(right, right) == []
    assert len(differences(right, wrong)) == 1


def test_a_queue_that_is_missing_or_too_many_is_a_difference() -> None:
    """An unknown queue may only be there with nothing in it."""
    right = judged(closed(make_day(5, 800, 900_000)), EVENT).queues
    fewer = {name: numbers for name, numbers in right.items() if name != "queue-1"}

    assert differences(right, fewer) == ["queue-1: not shown"]
    assert differences(fewer, right)


def test_a_quantile_is_linear_between_bounds() -> None:
    """10 waits: 4 up to 1 s, 4 up to 2 s, 2 beyond all bounds."""
    waits = {500: 3, 1_000: 1, 1_001: 4, 9_000: 2}
    right = judged(closed(make_day(5, 800, 900_000)), EVENT)
    durations = durations_of(right.visits)
    key = next(key for key in durations if key[2] == "answer_wait")
    counter = durations[key]
    counter.clear()
    counter.update(waits)

    assert count_upto(counter, 1_000) == 4
    assert quantile(counter, 0.2, (1_000, 2_000)) == 0.5
    assert quantile(counter, 0.6, (1_000, 2_000)) == 1.5
    assert quantile(counter, 0.9, (1_000, 2_000)) == 2.0
    counter.clear()
    assert quantile(counter, 0.9) is None


def test_the_seed_decides_the_day_and_the_plan() -> None:
    """A run can be told by its seed."""
    assert make_day(6, 500, 600_000) == make_day(6, 500, 600_000)
    assert make_day(6, 500, 600_000) != make_day(7, 500, 600_000)
    assert make_plan(6, 180, 3) == make_plan(6, 180, 3)
    assert {fault.what for fault in make_plan(6, 300, 3)} == set(WEIGHTS)
    more = {fault.what for fault in make_plan(6, 400, 3, long=True)}
    assert more == {*WEIGHTS, *LONG_WEIGHTS}
    assert (
        min(record.arrives for record in make_day(6, 500, 600_000).records) >= BEGIN_MS
    )
