"""`python -m tests.fuzz`: fuzz, print the counts, compare the speed; exit 1 on harm."""

import argparse
import sys

from tests.fuzz.fuzzing import Fuzzing
from tests.fuzz.speed import speeds


def main() -> int:
    """Run with the arguments of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    fuzzing = Fuzzing(chosen.seed)
    fuzzing.run(chosen.records, told=lambda n: print(f"{n:,} records", flush=True))
    print(f"seed {chosen.seed}, {chosen.records:,} records, no crash:")
    for what, count in sorted(fuzzing.outcomes.items()):
        print(f"  {what:28}{count:12,}")
    harm = fuzzing.harm()
    for what in harm:
        print(f"HARM: {what}")
    good, bad = speeds(chosen.seed)
    print(f"all good {good:,.0f} records/s, all bad {bad:,.0f}: {bad / good:.2f}")
    if bad < good / 2:
        harm.append("bad records are read at less than half of the speed")
    return 1 if harm else 0


if __name__ == "__main__":
    sys.exit(main())
