"""Counts from the recorded rows alone how long each agent served on a day.

    python tests/data/agents_times.py 990103 [FILE]

Rule: nothing of the product is used, and no event is made: the service times of a
day's rows are summed by the agent's number. `seconds` is that sum; `busy_seconds` is
the time in which at least one call was there, which is less where two overlap.
"""

import csv
import gzip
import json
import sys
from pathlib import Path

JANUARY = Path(__file__).parent / "january1999.tsv.gz"
DAY_SECONDS = 86_400
Served = tuple[int, int]
"""From and to, in seconds from the day's midnight."""


def services(file: Path, date: str) -> dict[str, list[Served]]:
    """Each numbered agent's calls of the day."""
    found: dict[str, list[Served]] = {}
    with gzip.open(file, "rt", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            served = row["outcome"] == "AGENT" and row["server"] != "NO_SERVER"
            if served and (not date or row["date"] == date):
                found.setdefault(row["server"], []).append(_service(row))
    return found


def _service(row: dict[str, str]) -> Served:
    """When the agent had the call: after its wait, for as long as it was recorded."""
    queued = (row["q_start"], row["q_exit"]) != ("0:00:00", "0:00:00")
    start = _seconds(row["q_start"]) + int(row["q_time"]) if queued else 0
    start = start if queued else _seconds(row["ser_start"])
    return start, start + int(row["ser_time"])


def _seconds(clock: str) -> int:
    hours, minutes, seconds = clock.split(":")
    return (int(hours) * 60 + int(minutes)) * 60 + int(seconds)


def busy(served: list[Served]) -> int:
    """Seconds in which at least one of these calls was there."""
    total = until = 0
    for start, end in sorted(served):
        total += max(0, end - max(start, until))
        until = max(until, end)
    return total


def counted(file: Path, date: str) -> dict[str, dict[str, int]]:
    """Calls, their seconds and the busy seconds, by agent."""
    return {
        agent: {
            "calls": len(served),
            "seconds": sum(end - start for start, end in served),
            "busy_seconds": busy(served),
        }
        for agent, served in sorted(services(file, date).items())
    }


def main() -> None:
    """Print what was counted as JSON."""
    date, *rest = sys.argv[1:]
    file = Path(rest[0]) if rest else JANUARY
    json.dump(counted(file, date), sys.stdout, indent=1)


if __name__ == "__main__":
    main()
