"""A recorded month of a real call center through the core: its known answers.

31,599 calls of January 1999 (tests/data/README.md): the sums were counted by a separate
program from the duration columns, not by this product.
"""

import csv
import gc
import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.core import offline
from monitor.core.rules import QueueRules, Rules
from monitor.core.visit_record import VisitRecord
from monitor.sources import SOURCES
from monitor.sources.recording import Counts, Recording

DATA = Path(__file__).parents[1] / "data"
ZONE = ZoneInfo("Asia/Jerusalem")
KNOWN: dict[str, Any] = json.loads((DATA / "known_answers_january.json").read_text())
RULES = Rules(queue=lambda *_: QueueRules(timezone="Asia/Jerusalem"))


@dataclass
class January:
    """What came of the month."""

    report: dict[str, Any]
    visits: list[VisitRecord]
    source: Counts
    most_contacts: int
    cycles: int
    """Objects that only the cyclic garbage collector could free."""


@pytest.fixture(scope="module")
def january() -> January:
    """The month folded once, with the collector off."""
    source = Recording(DATA / "january1999.tsv.gz", SOURCES["anonymous-bank"])
    events = list(source)
    gc.collect()
    gc.disable()
    try:
        recording = offline.Recording(RULES)
        most = 0
        for start in range(0, len(events), offline.CHUNK):
            recording.fold(events[start : start + offline.CHUNK])
            most = max(most, len(recording.partition.contacts))
        report = recording.close()
        cycles = gc.collect()
    finally:
        gc.enable()
    return January(report, recording.visits, source.counts, most, cycles)


def test_every_row_is_understood(january: January) -> None:
    """No bad line, and the rows that are no visits are the known ones."""
    assert january.source.bad == {}
    assert january.source.skipped["phantom"] == KNOWN["phantom"]
    hung_up = january.source.skipped["hung up in the voice unit"]
    assert hung_up == KNOWN["vru_only_hangup"]


def test_the_month_has_its_known_answers(january: January) -> None:
    """Offered, answered, abandoned and the sums of waits and talk."""
    total = january.report["total"]

    assert total["offered"] == KNOWN["offered_to_queue"] == 30_161
    assert total["answered"] == KNOWN["answered"] == 27_060
    assert total["abandoned"] == KNOWN["abandoned_in_queue"] == 3_101
    assert total["answered_wait_seconds_sum"] == KNOWN["sum_wait_answered"] == 947_857
    assert total["abandoned_wait_seconds_sum"] == KNOWN["sum_wait_abandoned"]
    assert total["talk_seconds_sum"] == KNOWN["sum_service"]
    assert total["handled"] == KNOWN["answered"]
    assert round(total["speed_of_answer_seconds"], 3) == KNOWN["asa_all_answered"]
    assert round(total["time_to_abandon_seconds"], 3) == KNOWN["mean_wait_abandoned"]


def test_the_month_has_its_known_service_level(january: January) -> None:
    """Answered and abandoned within 20 s, and the share of the answered."""
    level = january.report["total"]["service_level"]

    assert level["answered_in_time"] == KNOWN["answered_within_20"] == 16_402
    assert level["abandoned_in_time"] == KNOWN["abandoned_within_20"] == 1_006
    assert round(level["policies"]["answered_only"], 6) == KNOWN["sl20_of_answered"]
    offered = level["answered_in_time"] / january.report["total"]["offered"]
    assert round(offered, 6) == KNOWN["sl20_of_offered"]


def test_the_month_is_whole(january: January) -> None:
    """Every visit has one fate, nothing was late, nothing came twice."""
    events = january.report["events"]

    assert january.report["drift"] == 0
    assert january.report["total"]["waiting"] == 0
    assert (events["late"], events["duplicate"], events["dead_letters"]) == (0, 0, 0)
    assert events["applied"] == events["read"] == january.source.events


def test_queues_are_the_types_of_service(january: January) -> None:
    """One queue for each that anybody queued for, and the total is their sum."""
    queues = january.report["queues"]

    assert set(queues) == set(KNOWN["rows_by_type"]) - {"AA"}
    assert sum(queue["offered"] for queue in queues.values()) == 30_161


def test_visits_are_what_the_sums_say(january: January) -> None:
    """Counted from the records that the visits topic carries."""
    fates = Counter(visit.fate for visit in january.visits)
    waits = [visit.wait_ms for visit in january.visits]

    assert fates == {"answered": 27_060, "abandoned": 3_101}
    assert max(waits) == KNOWN["max_wait"] * 1000
    assert sum(waits) == 1000 * (
        KNOWN["sum_wait_answered"] + KNOWN["sum_wait_abandoned"]
    )


def test_each_hour_of_the_month_has_its_known_figures(january: January) -> None:
    """By the local hour in which the contact came to its queue, exactly."""
    hours: dict[tuple[str, int], Counter[str]] = {}
    for visit in january.visits:
        local = datetime.fromtimestamp(visit.queued_at / 1000, UTC).astimezone(ZONE)
        hour = hours.setdefault((f"{local:%y%m%d}", local.hour), Counter())
        hour["offered"] += 1
        hour[visit.fate] += 1
        if visit.fate == "answered":
            hour["sum_wait_answered"] += visit.wait_ms // 1000
            hour["answered_within_20"] += visit.wait_ms <= 20_000
            hour["sum_service"] += visit.talk_ms // 1000
    with (DATA / "known_hourly_january.csv").open(newline="") as file:
        known = {(row["date"], int(row["hour"])): row for row in csv.DictReader(file)}
    names = ["offered", "answered", "abandoned", "sum_wait_answered"]
    names += ["answered_within_20", "sum_service"]

    assert hours.keys() == known.keys()
    for key, row in known.items():
        expected = {name: int(row[name]) for name in names}
        assert {name: hours[key][name] for name in names} == expected, key


def test_memory_holds_the_horizon_not_the_month(january: January) -> None:
    """Of 30,161 contacts no more are kept than a busy quarter of an hour has."""
    assert january.most_contacts < 300


def test_the_month_leaves_no_cycles_to_collect(january: January) -> None:
    """All that was made and dropped was freed by counting references."""
    assert january.cycles == 0
