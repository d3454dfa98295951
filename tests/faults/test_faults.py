"""The harness itself, for a minute, with a fixed seed."""

import logging
from pathlib import Path

import pytest

from tests.faults.run import Options, Run
from tests.faults.verdict import first


@pytest.mark.usefixtures("kafka_parts")
@pytest.mark.timeout(400)
def test_numbers_are_right_after_everything_that_can_happen_in_a_minute(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Kills, zombies, fences, broker losses and cuts; then every number is equal."""
    caplog.set_level(logging.CRITICAL, "aiokafka")
    told: list[str] = []
    result = Run(tmp_path, Options(seed=1, seconds=75), told.append).run()

    assert not result.wrong, first(result.wrong)
    assert result.done["events late"] > 0
    assert result.done["events duplicate"] > 1_000
    assert result.done["rebalances"] >= 3
    assert result.done["scrapes"] > 50
