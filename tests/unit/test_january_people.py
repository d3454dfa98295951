"""The recorded day's people through the core: what a separate script counted.

`tests/data/agents_times.py` sums the recorded service times by agent and shares no code
with this product.
"""

import json
import subprocess
import sys
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.core import offline
from monitor.core.people.events import AgentEvent
from monitor.core.rules import QueueRules, Rules
from monitor.embedded.day import RECORDED_DATE, recorded_day, shifted, with_people

SCRIPT = Path(__file__).parents[1] / "data" / "agents_times.py"
RULES = Rules(queue=lambda *_: QueueRules(timezone="Asia/Jerusalem"))
Counted = dict[str, dict[str, int]]


@cache
def counted() -> Counted:
    """What the script says of the day."""
    words = [sys.executable, str(SCRIPT), f"{RECORDED_DATE:%y%m%d}"]
    told = subprocess.run(words, capture_output=True, check=True, timeout=60)
    result: Counted = json.loads(told.stdout)
    return result


@cache
def reported() -> dict[str, Any]:
    """The offline report of the day as the demo plays it."""
    recording = offline.Recording(RULES)
    recording.fold(with_people(recorded_day()))
    return recording.close()


def test_handling_time_of_each_agent_is_the_sum_of_the_recorded_times() -> None:
    """Of all 22, to the second; the script is fed with the rows, not with events."""
    agents = reported()["agents"]

    assert len(counted()) == 22
    assert sum(each["seconds"] for each in counted().values()) == 317_542
    assert {
        name: {"calls": agent["handled"], "seconds": agent["talk_seconds_sum"]}
        for name, agent in agents.items()
    } == {
        name: {"calls": each["calls"], "seconds": each["seconds"]}
        for name, each in counted().items()
    }


def test_time_in_state_is_wall_clock() -> None:
    """Where two recorded calls of one agent overlap, the time counts once."""
    agents = reported()["agents"]
    busy = {name: each["busy_seconds"] for name, each in counted().items()}

    assert {n: each["seconds"]["talking"] for n, each in agents.items()} == busy
    assert reported()["people"]["handling_seconds"] == sum(busy.values())
    assert sum(busy.values()) < sum(each["seconds"] for each in counted().values())


def test_agents_are_at_work_and_go_home() -> None:
    """Everybody has free time besides the calls; in the end nobody is there."""
    report = reported()

    assert report["people"]["states"]["logged_out"] == 22
    assert 0 < report["people"]["occupancy_ratio"] < 1
    for agent in report["agents"].values():
        assert agent["seconds"]["available"] > 0
        assert agent["queues"]
    assert report["agents"]["16"]["seconds"]["away"] == pytest.approx(4_229, abs=600)


def test_the_day_has_the_same_people_wherever_it_is_placed() -> None:
    """As the demo places it: the same agents, the same times."""
    placed = with_people(
        shifted(recorded_day(), date(2026, 11, 20), ZoneInfo("America/New_York"))
    )
    before = [e for e in with_people(recorded_day()) if isinstance(e, AgentEvent)]
    after = [e for e in placed if isinstance(e, AgentEvent)]
    shift = after[0].at - before[0].at

    assert [e._replace(at=e.at - shift, id="") for e in after] == [
        e._replace(id="") for e in before
    ]
