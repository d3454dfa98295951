"""What a run is told, and what came of it: values, and a table of them.

Rule: a run that didn't come to its end is wrong, whatever it had found until then.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

MOST_WORKERS = 4
COLUMNS = (
    "workers",
    "records",
    "kills",
    "zombies",
    "fencings",
    "broker stops and kills",
    "cuts",
    "rebalances",
    "takeovers",
    "scrapes",
)
"""Numbers of the table, in its order."""


def workers_of(seed: int) -> int:
    """How many workers a run has that isn't told."""
    return 1 + seed % MOST_WORKERS


@dataclass(frozen=True)
class Options:
    """What a run is told."""

    seed: int
    seconds: float
    workers: int
    rate: float = 500.0
    clock: str = "event"
    long: bool = False


@dataclass
class Result:
    """What was done and what came of it."""

    seed: int
    workers: int
    done: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        return f"WRONG ({len(self.wrong)})" if self.wrong else "everything equal"

    def numbers(self) -> dict[str, int]:
        """What the table has of it."""
        done = Counter(self.done)
        cuts = sum(n for name, n in done.items() if name.startswith("cut: "))
        counted = {
            "workers": self.workers,
            "kills": done["kill"],
            "zombies": done["zombie"] + done["long_zombie"],
            "broker stops and kills": done["broker_stop"] + done["broker_kill"],
            "cuts": cuts,
        }
        return {name: counted.get(name, done[name]) for name in COLUMNS}

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Result":
        return cls(**json.loads(text))


def table(results: Iterable[Result]) -> str:
    """A Markdown table: a row for each run, and the sums."""
    results = sorted(results, key=lambda result: result.seed)
    sums: Counter[str] = Counter()
    rows: list[list[object]] = []
    for result in results:
        numbers = result.numbers()
        sums.update(numbers)
        rows.append([result.seed, *numbers.values(), result.verdict])
    wrong = sum(bool(result.wrong) for result in results)
    of_all = f"{wrong} of {len(results)} WRONG" if wrong else "everything equal"
    rows.append(["all", *(sums[name] for name in COLUMNS), of_all])
    rules = ["---:"] * (1 + len(COLUMNS)) + ["---"]
    lines: list[list[object]] = [["seed", *COLUMNS, "verdict"], [*rules], *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)
