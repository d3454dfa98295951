"""Runs with faults: what was done, and the verdict.

    python -m tests.faults --seed 1 --seconds 100 --clock wall
    python -m tests.faults --seeds 1-20 --seconds 180 --jobs 2 --table results.md

Exit code 0: everything equal; 1: something differs.
"""

import argparse
import logging
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from tests.faults.many import Many
from tests.faults.modes import MODES
from tests.faults.results import MOST_WORKERS, Options, Result, table, workers_of
from tests.faults.run import Run
from tests.faults.verdict import first


def main() -> int:
    told = _arguments()
    # So that what a run has started ends with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    directory = told.directory or Path(tempfile.mkdtemp(prefix="faults-"))
    runs = [
        Options(
            seed=seed,
            seconds=told.seconds,
            workers=told.workers or workers_of(seed),
            rate=told.rate,
            clock=told.clock,
            long=told.long,
        )
        for seed in told.seeds or [told.seed]
    ]
    try:
        if told.seeds:
            results = Many(directory, say).run(runs, told.jobs)
            say(table(results))
        else:
            results = [_run(directory, runs[0])]
    except BaseException:
        say(f"logs are in {directory}")
        raise
    if told.table:
        told.table.write_text(table(results))
    if told.result:
        told.result.write_text(results[0].to_json())
    wrong = any(result.wrong for result in results)
    if wrong or told.keep:
        say(f"logs are in {directory}")
    elif not told.directory:
        shutil.rmtree(directory)
    return 1 if wrong else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--seed", type=int, default=1, help="of one run (default: 1)")
    add("--seeds", type=_seeds, help="of many runs: 1-20, or 3,5,8-10")
    add("--jobs", type=int, default=1, help="how many run at a time (default: 1)")
    add("--seconds", type=float, default=180.0, help="of faults (default: 180)")
    counts = range(1, MOST_WORKERS + 1)
    add("--workers", type=int, choices=counts, help="default: as the seed says")
    add("--rate", type=float, default=500.0, help="records a second (default: 500)")
    add("--clock", default="event", choices=MODES, help="of the workers")
    add("--long", action="store_true", help="broker stops of 60 s, pauses of 32 s")
    add("--table", type=Path, metavar="FILE", help="write the table there as well")
    add("--keep", action="store_true", help="keep the logs always")
    add("--directory", type=Path, help="for the logs (default: a new one)")
    add("--result", type=Path, metavar="FILE", help="write a run's result, as JSON")
    return parser.parse_args()


def _seeds(text: str) -> list[int]:
    seeds: list[int] = []
    for part in text.split(","):
        low, _, high = part.partition("-")
        seeds += range(int(low), int(high or low) + 1)
    return seeds


def _run(directory: Path, options: Options) -> Result:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    result = Run(directory, options, say).run()
    width = max(map(len, result.done), default=0)
    say("\n".join(f"{name:{width}}  {n}" for name, n in result.done.items()))
    say(f"seed {options.seed}: {result.verdict}")
    if result.wrong:
        say(f"\n{first(result.wrong)}")
    return result


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
