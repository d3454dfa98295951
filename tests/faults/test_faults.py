"""The harness itself, for two minutes, with a fixed seed."""

import logging
from pathlib import Path

import pytest

from tests.faults.plan import WEIGHTS
from tests.faults.results import Options
from tests.faults.run import Run
from tests.faults.verdict import first

OPTIONS = Options(seed=23, seconds=120, workers=4)
"""A plan with every kind of fault, many of them at the same time."""


@pytest.mark.usefixtures("kafka_parts")
@pytest.mark.timeout(600)
def test_numbers_are_right_after_everything_that_can_happen_in_two_minutes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Kills, zombies, fences, broker losses and cuts; then every number is equal."""
    caplog.set_level(logging.CRITICAL, "aiokafka")
    result = Run(tmp_path, OPTIONS, print).run()
    done = result.done

    assert not result.wrong, first(result.wrong)
    assert {name.partition(":")[0] for name in done} >= set(WEIGHTS)
    assert done["events late"] > 0
    assert done["events duplicate"] > 1_000
    assert done["fencings"] > 0
    assert done["rebalances"] >= 3
    assert done["takeovers"] >= 10
    assert done["scrapes"] > 50
