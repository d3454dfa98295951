"""`python -m tests.faults --seed N --seconds S`: one run, what was done, the verdict.

Exit code 0: everything equal; 1: something differs.
"""

import argparse
import logging
import shutil
import sys
import tempfile
from pathlib import Path

from tests.faults.run import Options, Result, Run
from tests.faults.verdict import first


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--workers", type=int, default=3, choices=range(1, 5))
    parser.add_argument("--rate", type=float, default=500.0, help="records a second")
    parser.add_argument("--long", action="store_true", help="broker stops of 60 s, too")
    parser.add_argument("--keep", action="store_true", help="keep the logs always")
    told = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    directory = Path(tempfile.mkdtemp(prefix="faults-"))
    options = Options(told.seed, told.seconds, told.workers, told.rate, told.long)
    result = Run(directory, options, say).run()
    print_result(result)
    if result.wrong or told.keep:
        say(f"logs are in {directory}")
    else:
        shutil.rmtree(directory)
    return 1 if result.wrong else 0


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def print_result(result: Result) -> None:
    """The table of what was done, and the verdict."""
    width = max(map(len, result.done), default=0)
    say("\n".join(f"{name:{width}}  {n}" for name, n in result.done.items()))
    if result.wrong:
        say(f"seed {result.options.seed}: {len(result.wrong)} WRONG\n")
        say(first(result.wrong))
    else:
        say(f"seed {result.options.seed}: everything equal")


if __name__ == "__main__":
    sys.exit(main())
