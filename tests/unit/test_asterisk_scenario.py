"""A queue_log with every trap that is known, from its lines to the numbers."""

import json
from pathlib import Path

import pytest

from monitor.cli.main import main

LOG = """\
1596512941|1596512941.163|support|NONE|ENTERQUEUE||7000|1
1596513009|1596512941.163|support|NONE|ABANDON|1|1|68
1596513054|c1|sales|NONE|ENTERQUEUE||7000|1
1596513060|c2|first|NONE|ENTERQUEUE||7|1
1596513070|c2|first|NONE|EXITWITHTIMEOUT|1|1|10
1596513070|c2|second|NONE|ENTERQUEUE||7|1
1596513080|c2|second|NONE|EXITEMPTY|1|1|10
1596513080|c2|second|NONE|LEAVEEMPTY||
1596513080|c2|first|NONE|ENTERQUEUE||7|1
1596513085|c2|first|SIP/9|RINGNOANSWER|4000
1596513090|c2|first|SIP/1|CONNECT|10|x|3
1596513090|c2|first|SIP/1|COMPLETEAGENT|10|0|1
1596513100|c3|first|NONE|ENTERQUEUE||7|1
1596513100|c3|first|NONE|ABANDON|1|1|0
1596513110|c4|first|NONE|ENTERQUEUE||7|1
1596513115|c4|first|SIP/2|CONNECT|5|x|3
1596513155|c4|first|SIP/2|ATTENDEDTRANSFER|LINK|a|b|5|40|1
1596513155|c4|second|NONE|ENTERQUEUE||7|1
1596513160|c4|second|SIP/3|CONNECT|5|x|3
1596513190|c4|second|SIP/3|COMPLETECALLER|5|30|1
1596513190|c4|second|SIP/3|WRAPUPSTART|15
1596513200|c5|second|NONE|FULL
1596513210|c6|third|NONE|ENTERQUEUE||7|1
1596513215|c6|third|SIP/3|SYSCOMPAT
1596513628|NONE|NONE|NONE|QUEUESTART|
"""

EXPECTED: dict[str, dict[str, object]] = {
    # c2 times out and comes back, c3 abandons within its second, c4 is handed on
    "first": {
        "offered": 4,
        "answered": 2,
        "abandoned": 1,
        "diverted": {"timeout": 1},
        "answered_wait_seconds_sum": 15.0,
        "talk_seconds_sum": 40.0,
    },
    # EXITEMPTY and LEAVEEMPTY are one exit; c5 never queued
    "second": {
        "offered": 2,
        "answered": 1,
        "diverted": {"empty": 1},
        "rejected": {"full": 1},
        "answered_wait_seconds_sum": 5.0,
        "talk_seconds_sum": 30.0,
        "acw_seconds_sum": 15.0,
    },
    "third": {"offered": 1, "diverted": {"error": 1}},
    # c1 was open when Asterisk started again
    "sales": {"offered": 1, "expired": 1, "waiting": 0},
    "support": {"offered": 1, "abandoned": 1, "abandoned_wait_seconds_sum": 68.0},
}


@pytest.mark.parametrize("lines", ["as written", "each twice", "backwards"])
def test_every_trap_ends_in_the_right_numbers(
    lines: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the order of the lines, and however often they come."""
    written = LOG.splitlines(keepends=True)
    arranged = {
        "as written": written,
        "each twice": written + written,
        "backwards": written[::-1],
    }[lines]
    log = tmp_path / "queue_log"
    log.write_text("".join(arranged))

    assert main(["replay", str(log), "--offline", "--output", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    found = {
        queue: {name: report["queues"][queue][name] for name in expected}
        for queue, expected in EXPECTED.items()
    }

    assert found == EXPECTED
    assert report["drift"] == 0
    assert report["total"]["waiting"] == report["total"]["in_progress"] == 0
