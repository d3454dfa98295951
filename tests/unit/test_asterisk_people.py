"""A queue_log with its members, from its lines to the numbers of the people."""

import json
from pathlib import Path
from typing import Any

import pytest

from monitor.cli.main import main

LOG = """\
1600000000|NONE|support|Ann|ADDMEMBER|
1600000000|NONE|sales|Ann|ADDMEMBER|
1600000010|MANAGER|support|Bo|ADDMEMBER|PAUSED
1600000030|NONE|support|Bo|UNPAUSE|
1600000040|c1|support|NONE|ENTERQUEUE||7000|1
1600000045|c1|support|Bo|RINGNOANSWER|5000
1600000050|c1|support|Ann|CONNECT|10|x|3
1600000060|NONE|NONE|Ann|PAUSEALL|lunch
1600000060|NONE|support|Ann|PAUSE|lunch
1600000060|NONE|sales|Ann|PAUSE|lunch
1600000080|c1|support|Ann|COMPLETECALLER|10|30|1
1600000100|NONE|NONE|Ann|UNPAUSEALL|
1600000100|NONE|support|Ann|UNPAUSE|
1600000100|NONE|sales|Ann|UNPAUSE|
1600000110|c2|sales|NONE|ENTERQUEUE||7001|1
1600000115|c2|sales|Ann|CONNECT|5|y|3
1600000155|c2|sales|Ann|COMPLETEAGENT|5|40|1
1600000155|c2|sales|Ann|WRAPUPSTART|15
1600000180|NONE|sales|Ann|PAUSE|training
1600000200|NONE|sales|Ann|REMOVEMEMBER|
1600000200|NONE|support|Ann|REMOVEMEMBER|
1600000230|NONE|support|Bo|REMOVEMEMBER|
"""

ANN = {
    # 50-80 and 115-155; the pause of 60 is shown from the end of the call on
    "talking": 70.0,
    "held": 0.0,
    # 155-170: the log tells its length when it begins
    "wrap_up": 15.0,
    "ringing": 0.0,
    # 80-100; paused in sales alone she is there for support
    "away": 20.0,
    # 0-50, 100-115, 170-200, but for the two lines of the second 0 and 200
    "available": 95.0,
}
BO = {
    "talking": 0.0,
    "held": 0.0,
    "wrap_up": 0.0,
    "ringing": 0.0,
    # 10-30
    "away": 20.0,
    # 30-230: a call that he lets ring changes nothing
    "available": 200.0,
}


def reported(
    log: Path, text: str, capsys: pytest.CaptureFixture[str], *words: str
) -> dict[str, Any]:
    """The offline report of a queue_log of this text."""
    log.write_text(text)
    words = ("--offline", "--output", "json", *words)
    assert main(["replay", str(log), *words]) == 0
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return report


@pytest.mark.parametrize("times", [1, 2])
def test_seconds_by_state_are_those_counted_by_hand(
    times: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also when every line of the log is there twice."""
    report = reported(tmp_path / "queue_log", LOG * times, capsys)
    ann, bo = report["agents"]["Ann"], report["agents"]["Bo"]

    assert ann["seconds"] == pytest.approx(ANN, abs=0.002)
    assert bo["seconds"] == pytest.approx(BO, abs=0.002)
    assert (ann["handled"], bo["handled"]) == (2, 0)
    assert (ann["talk_seconds_sum"], ann["acw_seconds_sum"]) == (70.0, 15.0)
    assert (ann["state"], bo["state"]) == ("logged_out", "logged_out")
    people = report["people"]
    assert people["handling_seconds"] == 85.0
    assert people["available_seconds"] == pytest.approx(295, abs=0.002)
    assert people["staffed_seconds"] == pytest.approx(420, abs=0.002)
    assert people["occupancy_ratio"] == pytest.approx(85 / (85 + 295), abs=1e-5)
    assert report["drift"] == 0


@pytest.mark.parametrize(
    "seconds, state, since",
    [(55, "talking", 50), (79, "talking", 50), (81, "away", 80)],
)
def test_a_pause_during_a_call_starts_when_the_call_ends(
    seconds: int,
    state: str,
    since: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Asterisk tells it at once; a contact in hand is shown before it."""
    until = str((1_600_000_000 + seconds) * 1000)
    log = tmp_path / "queue_log"
    ann = reported(log, LOG, capsys, "--until", until)["agents"]["Ann"]
    minutes, rest = divmod(26 * 60 + 40 + since, 60)

    assert ann["state"] == state
    assert ann["since"] == f"2020-09-13T12:{minutes}:{rest:02}.000Z"
    assert ann["reason"] == ("lunch" if state == "away" else "")


def test_who_is_paused_in_one_queue_is_not_counted_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At 190 Ann is ready for support and serves no sales."""
    until = "1600000190000"
    queues = reported(tmp_path / "queue_log", LOG, capsys, "--until", until)["queues"]

    assert queues["support"]["agents"]["available"] == 2
    assert sum(queues["sales"]["agents"].values()) == 0
