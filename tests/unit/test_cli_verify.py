"""`ccmon verify`: what it prints of a comparison, and how it ends."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from monitor.cli import verify as module
from monitor.cli.main import main
from monitor.config import Settings
from monitor.core.compare import (
    ONE_SIDED,
    TOO_OLD,
    Comparison,
    Difference,
    Reach,
    Scope,
    Skip,
)
from monitor.core.merge import QueueKey
from monitor.pipeline import verification
from monitor.pipeline.fatal import ForeignStateError
from monitor.pipeline.topics import KafkaUnreachableError, TopicsRefusedError
from monitor.pipeline.verification import (
    PARTIALS,
    STATE,
    NoSuchPartitionError,
    Progress,
    Verified,
)
from monitor.wire.errors import UnknownStateVersion
from tests.support.contacts import START

WHOLE = Scope(is_whole=True)
KEYS = [("sales", "voice"), ("support", "voice")]
WAITING = Difference("support", "voice", "waiting", 3, 2)


def verified(
    *differences: Difference,
    skipped: dict[Skip, list[QueueKey]] | None = None,
    **fields: Any,
) -> Verified:
    """A partition that was compared."""
    given: dict[str, Any] = {
        "partition": 0,
        "what": PARTIALS,
        "offset": 1_200,
        "newer": 7,
        "now": START,
        "reach": Reach(0, START),
        "scope": WHOLE,
        "records": 1_199,
        "queues": frozenset(KEYS),
        "comparison": Comparison(250, list(differences), skipped or {}),
    }
    return Verified(**given | fields)


CUT = verified(
    skipped={
        Skip("counts", TOO_OLD): [],
        Skip("total", TOO_OLD): KEYS,
        Skip("today", TOO_OLD): KEYS,
        Skip("5m", ONE_SIDED): KEYS[:1],
    },
    partition=1,
    reach=Reach(77, START),
    scope=Scope(is_whole=False, complete_at=START + 1),
)
UNREADABLE = Verified(partition=2, why_not="its durable state can't be read: x")
EMPTY = Verified(partition=3)

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(name="ccmon")
def _ccmon(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `ccmon verify` with the results of another: exit code, output, errors."""

    def run(results: Sequence[Verified], *arguments: str) -> tuple[int, str, str]:
        async def verify(*_: object) -> list[Verified]:
            return list(results)

        monkeypatch.setattr(verification, "verify", verify)
        code = main(["verify", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def printed(ccmon: Run, *results: Verified) -> dict[str, Any]:
    """The JSON, whatever the exit code."""
    _, out, _ = ccmon(results, "--output", "json")
    report: dict[str, Any] = json.loads(out)
    return report


def test_equal_is_exit_code_0_and_the_sums(ccmon: Run) -> None:
    """How much was compared, and of when."""
    code, out, err = ccmon([verified(), verified(partition=1)])
    first, second, *_ = out.splitlines()

    assert (code, err) == (0, "")
    assert first.split() == [
        *("partition", "compared", "as", "of", "offset", "newer"),
        *("records", "queues", "numbers", "differences"),
    ]
    assert second.split() == [
        *("0", "partials", "2026-11-20T09:00:00.000Z", "1,200", "7"),
        *("1,199", "2", "250", "0"),
    ]
    assert (
        "2 partitions, 2,398 records, 2 queues, 500 numbers compared, 0 differences"
        in out
    )
    assert "equal: everything that was compared" in out


def test_a_difference_is_exit_code_1_and_names_everything(ccmon: Run) -> None:
    """Partition, queue, channel, number and both values."""
    code, out, err = ccmon([verified(), verified(WAITING, partition=1)])
    lines = [line.split() for line in out.splitlines()]

    assert code == 1
    assert ["1", "support", "voice", "waiting", "3", "2"] in lines
    assert "1 of 500 numbers differ" in err
    assert "equal:" not in out
    assert "with the settings and the release of this command" in out
    assert "ahead of the clock" not in out
    assert "begins in the middle" not in out


def test_what_else_may_be_behind_a_difference_is_said(ccmon: Run) -> None:
    """Clamped events, and a log without its beginning; only where it differs."""
    cut: dict[str, Any] = {"reach": Reach(77, START), "scope": CUT.scope}
    _, out, _ = ccmon([verified(WAITING, clamped=4, **cut)])

    assert "Events were ahead of the clock (4)" in out
    assert "begins in the middle" in out
    assert printed(ccmon, verified(WAITING), CUT)["notes"] == [module.SETTINGS_NOTE]
    assert printed(ccmon, verified(clamped=4), CUT)["notes"] == []


def test_what_was_not_compared_is_named(ccmon: Run) -> None:
    """With how far back the log goes."""
    code, out, _ = ccmon([CUT])

    assert code == 0
    assert (
        "partition 1: its log begins at offset 77, with events of about "
        "2026-11-20T09:00:00.000Z; what is compared began later"
    ) in out
    assert f"partition 1: not compared: counts: {TOO_OLD}\n" in out
    assert f"partition 1: not compared: total, today of 2 queues: {TOO_OLD}\n" in out
    assert f"partition 1: not compared: 5m of 1 queues: {ONE_SIDED}\n" in out


def test_a_partition_of_which_nothing_could_be_compared_is_no_success(
    ccmon: Run,
) -> None:
    """Exit code 1, though the others are equal; nothing is called equal."""
    code, out, err = ccmon([verified(), UNREADABLE])

    assert code == 1
    assert "partition 2: nothing could be compared: its durable state" in out
    assert "nothing could be compared of partition 2" in err
    assert "equal:" not in out


def test_a_partition_without_anything_is_told_apart(ccmon: Run) -> None:
    """Beside others it is no failure; alone there was nothing to compare."""
    code, out, _ = ccmon([verified(), EMPTY])

    assert code == 0
    assert "partition 3: nothing was ever in it" in out
    code, out, err = ccmon([EMPTY])
    assert code == 1
    assert "nothing could be compared" in err
    assert "equal:" not in out


def test_which_of_the_two_was_compared_is_said(ccmon: Run) -> None:
    """Once for all partitions of which it is true."""
    state = [verified(what=STATE, partition=number) for number in (0, 2)]
    _, out, _ = ccmon([*state, verified(partition=1)])

    assert out.count("compared is the durable state") == 1
    assert "partition 0, 2: no worker told its numbers lately" in out


def test_a_partition_that_is_behind_is_marked(ccmon: Run) -> None:
    """Its numbers are of an earlier instant."""
    _, out, _ = ccmon([verified(behind=True)])

    assert "partition 0: its worker was catching up" in out


def test_the_json_has_everything(ccmon: Run) -> None:
    """For programs; the exit code is the same."""
    code, out, _ = ccmon([verified(WAITING), CUT, EMPTY], "--output", "json")
    report = json.loads(out)
    sums = {name: report[name] for name in report if name != "partitions"}
    seconds = sums.pop("seconds")

    assert code == 1
    assert seconds >= 0
    assert sums == {
        "result": "different",
        "records": 2_398,
        "queues": 2,
        "numbers": 500,
        "differences": 1,
        "notes": [module.SETTINGS_NOTE],
    }
    first, cut, empty = report["partitions"]
    assert first["differences"] == [
        {
            "queue": "support",
            "channel": "voice",
            "number": "waiting",
            "live": 3,
            "recomputed": 2,
        }
    ]
    assert first["log"]["is_whole"] is True
    assert (first["compared"], first["as_of"], first["offset"], first["behind"]) == (
        *("partials", "2026-11-20T09:00:00.000Z"),
        *(1_200, False),
    )
    assert cut["not_compared"][:2] == [
        {"group": "counts", "reason": TOO_OLD, "queues": []},
        {"group": "total", "reason": TOO_OLD, "queues": [list(key) for key in KEYS]},
    ]
    assert cut["log"] == {
        "first_offset": 77,
        "begins_at": "2026-11-20T09:00:00.000Z",
        "is_whole": False,
    }
    assert (empty["compared"], empty["log"], empty["as_of"]) == (None, None, None)


@pytest.mark.parametrize(
    "results, result",
    [
        ([verified()], "equal"),
        ([verified(), EMPTY, CUT], "equal"),
        ([verified(WAITING), UNREADABLE], "different"),
        ([verified(), UNREADABLE], "not_compared"),
        ([EMPTY], "not_compared"),
    ],
)
def test_the_result_in_one_word(
    results: list[Verified], result: str, ccmon: Run
) -> None:
    """A difference is worse than not knowing."""
    assert printed(ccmon, *results)["result"] == result


def test_a_queues_name_does_not_steer_the_terminal(ccmon: Run) -> None:
    """Names come from outside."""
    _, out, _ = ccmon([verified(WAITING._replace(queue="\x1b[2Jé[red]"))])

    assert r"\x1b[2Jé[red]" in out
    assert "\x1b" not in out


def test_a_flood_of_differences_is_cut_in_the_text(ccmon: Run) -> None:
    """The JSON has all of them."""
    flood = [WAITING._replace(queue=f"q{number}") for number in range(350)]
    _, out, _ = ccmon([verified(*flood)])

    assert "and 250 more" in out
    assert "q99 " in out
    assert "q100 " not in out
    [partition] = printed(ccmon, verified(*flood))["partitions"]
    assert len(partition["differences"]) == 350


def test_partitions_and_settings_are_handed_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As they were given."""
    seen: list[Any] = []

    async def verify(
        settings: Settings, numbers: Sequence[int], progress: Progress
    ) -> list[Verified]:
        seen.append((settings.app, settings.clock, list(numbers)))
        return [verified()]

    monkeypatch.setattr(verification, "verify", verify)
    options = ["--partition", "3", "--partition=1", "--app=x", "--set=clock=event"]

    assert main(["verify", *options]) == 0
    assert seen == [("x", "event", [3, 1])]


@pytest.mark.parametrize(
    "error, code",
    [
        (KafkaUnreachableError("nobody at k:1"), 3),
        (TopicsRefusedError("there is no topic"), 2),
        (NoSuchPartitionError(9, 4), 2),
        (ForeignStateError("written by the app 'x'"), 2),
        (UnknownStateVersion(7, 1), 2),
    ],
)
def test_what_stands_in_the_way_is_one_message(
    error: Exception,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On stderr, with the exit code of whose matter it is."""

    async def verify(*_: object) -> list[Verified]:
        raise error

    monkeypatch.setattr(verification, "verify", verify)

    assert main(["verify"]) == code
    captured = capsys.readouterr()
    assert captured.err == f"ccmon: {error}\n"
    assert captured.out == ""


@pytest.mark.parametrize("wrong", [["--partition", "-1"], ["--output", "xml"]])
def test_a_wrong_option_is_the_users_mistake(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, before anything is connected."""
    assert main(["verify", *wrong]) == 2
    assert wrong[0] in capsys.readouterr().err


def test_progress_is_told_every_few_seconds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Partition, records and how fast, over all partitions so far."""
    now = 100.0
    progress = module._Progress(lambda: now)
    progress(0, 2_000, 4_000)
    assert capsys.readouterr().err == ""
    now = 104.0
    progress(0, 4_000, 4_000)
    now = 106.0
    progress(1, 2_000, 9_000)
    progress(1, 4_000, 9_000)

    assert capsys.readouterr().err == (
        "verify: partition 1: 2,000 of about 9,000 records, 1,000 records/s\n"
    )
