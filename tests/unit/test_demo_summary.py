"""What the demo tells: lines about queues and people, and the verdict on a day."""

from datetime import datetime
from typing import Any

import pytest

from monitor.cli.main import main
from monitor.config import read
from monitor.core.offline import Recording
from monitor.core.report import Report
from monitor.embedded import summary
from monitor.embedded.day import known_answers, recorded_day, with_people

NOW = datetime(2026, 11, 20, 16, 42, 30)  # noqa: DTZ001, local time is what is shown


def folded_day(**settings: object) -> Report:
    """The recorded day as the core alone sees it."""
    recording = Recording(read(overrides=settings, environ={}).settings.rules())
    recording.fold(recorded_day())
    return recording.close(None)


def test_the_days_numbers_are_the_known_ones() -> None:
    """Those of all queues and of each one."""
    compared = summary.compare(folded_day(), known_answers())

    assert summary.differences(compared) == []
    assert {one.queue for one in compared} == {"", *known_answers().queues}
    assert "offered                          2,053         2,053" in (
        summary.verdict(compared)
    )


def test_another_threshold_leaves_out_what_is_counted_by_it() -> None:
    """The known numbers are those within 20 s."""
    key = "channels.voice.service_level.threshold"
    compared = summary.compare(folded_day(**{key: "30s"}), known_answers())

    assert summary.differences(compared) == []
    assert not [one for one in compared if "20s" in one.name]


def test_a_wrong_number_is_named() -> None:
    """With its queue, what came out and what had to."""
    report = folded_day()
    report["queues"]["PS"]["offered"] += 1
    del report["queues"]["IN"]
    wrong = summary.differences(summary.compare(report, known_answers()))

    known = known_answers().queues
    assert f"PS: offered is {known['PS'].offered + 1:,}, must be " in wrong[-1]
    assert wrong[0] == f"IN: offered is 0, must be {known['IN'].offered}"


EVERYBODY = {"talking": 5, "held": 1, "wrap_up": 1, "ringing": 1, "away": 2}
EVERYBODY |= {"available": 12, "logged_out": 3, "unknown": 0}


def status(people: Any = None, **total: Any) -> str:
    today = {
        "offered": 1_200,
        "answered": 1_000,
        "abandoned": 90,
        "service_level": {"ratio": 0.7654, "in_time": 900, "counted": 1_176},
    }
    numbers = {"waiting": 0, "longest_wait_seconds": 0.0, "windows": {"today": today}}
    report = {"total": numbers | total, "people": people}
    return summary.status_line(report, NOW, 120.0, 8.6)


def test_a_line_tells_the_state_of_all_queues() -> None:
    """Ratios with their parts."""
    assert status(waiting=7, longest_wait_seconds=93.9) == (
        "16:42  120x  waiting  7, longest 1:33    service level 76.5% (900 of 1,176)  "
        "today: offered 1,200, answered 1,000, abandoned 90  9 events/s"
    )


def test_a_line_tells_the_state_of_the_people() -> None:
    """When it is known."""
    assert "agents: 12 available,  8 busy,  2 away  " in status({"states": EVERYBODY})
    assert "agents" not in status()


def test_the_day_ends_with_what_the_people_did() -> None:
    """Once all have gone home: seconds together, and the occupancy that they make."""
    recording = Recording(read(environ={}).settings.rules())
    recording.fold(with_people(recorded_day()))
    report = recording.close(None)

    assert summary.have_gone_home(report)
    assert summary.people(report) == (
        "22 agents were there for 156:53:19 hours together: 86:48:46 with customers, "
        "55:19:07 available,\n14:45:26 away. Occupancy 61.1%."
    )
    assert not summary.have_gone_home({"people": {"states": EVERYBODY}})
    assert not summary.have_gone_home({"people": None})
    assert "nothing is known" in summary.people({"people": None})


def test_a_line_does_without_what_is_not_there() -> None:
    """Nobody waits, and no contact counts yet."""
    level = {"ratio": None, "in_time": 0, "counted": 0}
    today = {"offered": 0, "answered": 0, "abandoned": 0, "service_level": level}

    assert "longest" not in status()
    assert "service level – (0 of 0)" in status(windows={"today": today})
    assert status(windows={}) == f"16:42  120x  {'waiting  0':<26}  9 events/s"


@pytest.mark.parametrize(
    "seconds,short,words",
    [
        (0, "0:00", "0 s"),
        (59.4, "0:59", "59 s"),
        (60, "1:00", "1 min"),
        (195, "3:15", "3 min 15 s"),
        (3_725, "1:02:05", "62 min 5 s"),
    ],
)
def test_durations_are_for_people(seconds: float, short: str, words: str) -> None:
    """A wait as on a phone's display, a length in words."""
    assert summary.duration(seconds) == short
    assert summary.in_words(seconds) == words


@pytest.mark.parametrize(
    "arguments,message",
    [
        (["--bootstrap", "kafka1:9092"], "never writes to yours"),
        (["--once", "--for", "5s"], "choose one"),
        (["--for", "soon"], "must be a duration"),
        (["--for", "0"], "must be more than 0"),
        (["--speed", "0"], "not in the range"),
        (["--set", "lissten=x"], "lissten"),
    ],
)
def test_a_mistake_ends_with_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is started, with a word about it."""
    assert main(["demo", *arguments]) == 2

    told = capsys.readouterr()
    assert message in told.err
    assert "Traceback" not in told.err
    assert told.out == ""
