"""The terms by which a visit is judged.

Rule: they are fixed when the visit opens and written down with it.
"""

from typing import NamedTuple


class Terms(NamedTuple):
    """How one visit is judged, fixed when it opens.

    A change of settings judges later visits only: what an earlier one has contributed
    can still be taken back exactly.
    """

    counted_as: str
    """Name of the queue that it is counted under."""
    threshold_ms: int
    short_abandon_ms: int
    max_age_ms: int
