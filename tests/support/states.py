"""The durable states that releases wrote, kept in `tests/data/states`."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STATES = Path(__file__).parents[1] / "data" / "states"


@dataclass(frozen=True)
class KeptState:
    """What a release had written when it was stopped in the middle of a log."""

    version: int
    log: list[list[bytes]]
    """By partition, all records: those of the state, and those that came after."""
    rows: list[dict[bytes, bytes]]
    """By partition, the live rows."""
    numbers: list[list[dict[str, Any]]]
    """By partition, what each queue's numbers were at the state."""


def kept_states() -> list[KeptState]:
    """Every kept state, the oldest first."""
    folders = sorted(STATES.glob("v*"), key=lambda path: int(path.name[1:]))
    return [_read(folder) for folder in folders]


def _read(folder: Path) -> KeptState:
    numbers = _load(folder / "numbers.json.gz")
    log: list[list[bytes]] = [[] for _ in numbers]
    rows: list[dict[bytes, bytes]] = [{} for _ in numbers]
    for number, record in _load(folder / "log.json.gz"):
        log[number].append(record.encode())
    for number, key, value in _load(folder / "rows.json.gz"):
        if value is not None:
            rows[number][key.encode()] = value.encode()
    return KeptState(int(folder.name[1:]), log, rows, numbers)


def _load(path: Path) -> Any:
    return json.loads(gzip.decompress(path.read_bytes()))
