"""What differs between the judge's numbers and those that the product shows.

Rule: every number that the judge has is compared; the product may show more names.
"""

import math
from collections.abc import Mapping
from typing import Any

from tests.faults.judge_sums import nothing


def differences(wanted: Mapping[str, Any], shown: Mapping[str, Any]) -> list[str]:
    """One line for each number of a queue that isn't as the judge has it.

    A queue that the judge doesn't know may be shown if it is all zero: its visits were
    corrected away.
    """
    lines: list[str] = []
    for queue in sorted(wanted.keys() | shown.keys()):
        if queue not in shown:
            lines.append(f"{queue}: not shown")
        else:
            lines += _compare(queue, wanted.get(queue) or nothing(), shown[queue])
    return lines


def _compare(name: str, wanted: Any, shown: Any) -> list[str]:
    if isinstance(wanted, dict) and isinstance(shown, dict):
        names = set(wanted) if _is_table(wanted) else {*wanted, *shown}
        found: list[str] = []
        for key in sorted(names):
            if key not in shown and wanted[key]:
                found.append(f"{name}.{key}: not shown, should be {wanted[key]}")
            else:
                found += _compare(
                    f"{name}.{key}", wanted.get(key, 0), shown.get(key, 0)
                )
        return found
    if isinstance(wanted, float) and isinstance(shown, float):
        same = math.isclose(wanted, shown, rel_tol=0, abs_tol=1e-9)
    else:
        same = wanted == shown
    return [] if same else [f"{name}: {shown}, should be {wanted}"]


def _is_table(numbers: Mapping[str, Any]) -> bool:
    """Whether the names are the report's own, not reasons that come and go."""
    return any(name in numbers for name in ("offered", "counted", "today", "p50"))
