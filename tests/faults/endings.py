"""How a run ends: what is waited for before the judge speaks, by each clock.

Rule: everything is compared twice, with contacts open and when all are over; then every
visit is final, and is written once.
"""

import asyncio
import time
from collections.abc import Callable

from tests.faults.day import Day
from tests.faults.modes import Mode
from tests.faults.producer import send_everywhere
from tests.faults.real_time import SILENCE_MS
from tests.faults.verdict import PANE_SECONDS, Verdict

DAY_MS = 86_400_000
PATIENCE_SECONDS = 90.0
WRITTEN_SECONDS = 20.0
"""Time for the last checkpoint."""
CLOCKS_APART_MS = 3_000
"""More than any source's clock is off when the day happens in real time."""
Lines = list[str]
Say = Callable[[str], None]


def end(bootstrap: str, mode: Mode, day: Day, verdict: Verdict, say: Say) -> Lines:
    """What is wrong when the whole day was sent."""
    ending = _end_by_wall if mode.is_wall else _end_by_events
    return ending(bootstrap, mode, day, verdict, say)


def _end_by_events(
    bootstrap: str, mode: Mode, day: Day, verdict: Verdict, say: Say
) -> Lines:
    asyncio.run(send_everywhere(bootstrap, day.after))
    wrong = _settle(verdict, "live", PATIENCE_SECONDS, say)
    wrong += verdict.undeserved()
    asyncio.run(send_everywhere(bootstrap, day.after + DAY_MS))
    wrong += _settle(verdict, "a day later", PATIENCE_SECONDS, say)
    return wrong + verdict.written(seconds=WRITTEN_SECONDS)


def _end_by_wall(
    bootstrap: str, mode: Mode, day: Day, verdict: Verdict, say: Say
) -> Lines:
    oldest = max(mode.terms.max_age.values())
    # Those who would have spoken in the silence would be given up in this time.
    rest_begins, rest_ends = (day.end - before + oldest for before in SILENCE_MS)
    _wait_until(rest_begins)
    left = _seconds_until(rest_ends) - PANE_SECONDS
    wrong = _settle(verdict, "at rest", left, say)
    wrong += verdict.undeserved()
    _wait_until(day.end + oldest + mode.terms.horizon + CLOCKS_APART_MS)
    asyncio.run(send_everywhere(bootstrap, int(time.time() * 1000)))
    wrong += _settle(verdict, "when all is over", PATIENCE_SECONDS, say)
    return wrong + verdict.written(seconds=WRITTEN_SECONDS)


def _settle(verdict: Verdict, when: str, seconds: float, say: Say) -> Lines:
    began = time.monotonic()
    lines = verdict.settle(seconds=seconds)
    if not lines:
        passed, visits = time.monotonic() - began, verdict.open_visits()
        say(f"{when}: equal after {passed:.1f} s, {visits} visits open")
    return [f"{when}: {line}" for line in lines]


def _seconds_until(at: int) -> float:
    return at / 1000 - time.time()


def _wait_until(at: int) -> None:
    time.sleep(max(0.0, _seconds_until(at)))
