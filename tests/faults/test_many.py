"""Many runs: none takes the others with it, and the table tells of each."""

from pathlib import Path

from tests.faults.many import Many
from tests.faults.results import Options, Result, table, workers_of

DONE = {
    "records": 100,
    "kill": 2,
    "zombie": 1,
    "long_zombie": 1,
    "broker_stop": 1,
    "broker_kill": 3,
    "cut: mute": 2,
    "cut: delay": 1,
    "fencings": 4,
    "rebalances": 9,
    "takeovers": 12,
    "scrapes": 50,
}


def test_the_table_has_a_row_for_each_run_and_the_sums() -> None:
    """In the order of the seeds, whichever ended first."""
    results = [
        Result(2, 3, DONE, wrong=["something", "else"]),
        Result(1, 2, DONE),
    ]
    lines = table(results).splitlines()

    assert lines[0].startswith("| seed | workers | records | kills | zombies |")
    assert lines[2:] == [
        "| 1 | 2 | 100 | 2 | 2 | 4 | 4 | 3 | 9 | 12 | 50 | everything equal |",
        "| 2 | 3 | 100 | 2 | 2 | 4 | 4 | 3 | 9 | 12 | 50 | WRONG (2) |",
        "| all | 5 | 200 | 4 | 4 | 8 | 8 | 6 | 18 | 24 | 100 | 1 of 2 WRONG |",
    ]


def test_a_result_is_read_back_as_it_was_written() -> None:
    """Runs tell their result as JSON."""
    result = Result(7, 4, DONE, wrong=["x"])

    assert Result.from_json(result.to_json()) == result


def test_seeds_have_all_numbers_of_workers() -> None:
    """From 1 to 4."""
    assert {workers_of(seed) for seed in range(1, 9)} == {1, 2, 3, 4}


def test_a_run_that_fails_is_wrong_and_the_others_go_on(tmp_path: Path) -> None:
    """Here all fail: there is no such clock."""
    told: list[str] = []
    runs = [Options(seed, 1.0, 1, clock="moon") for seed in (1, 2, 3)]
    results = Many(tmp_path, told.append).run(runs, jobs=2)

    assert [result.seed for result in results] == [1, 2, 3]
    assert [result.verdict for result in results] == ["WRONG (1)"] * 3
    assert all("moon" in result.wrong[0] for result in results)
    assert sum(line.startswith("seed ") for line in told) == 3
