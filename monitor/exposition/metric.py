"""What a metric is, and the label values that are known beforehand.

Rule: gauges whose label values are known have all of them always, zeros too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from monitor.core.events import (
    AUTHORS,
    DIVERTED_REASONS,
    REJECTED_REASONS,
    TRANSFER_KINDS,
)
from monitor.core.kpi import QUANTILES
from monitor.core.people.states import STATES
from monitor.core.rules import POLICIES
from monitor.core.view import PHASES, SELF_CHECK_RESULTS


class MetricKind(StrEnum):
    """Prometheus' types that are used."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"
    SUMMARY = "summary"
    """Quantiles over a sliding window, without sum and count."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family."""

    name: str
    """As Prometheus shows it, counters with `_total`."""
    kind: MetricKind
    help: str
    """What it counts or measures, with unit and definition."""
    labels: tuple[str, ...]


LABEL_VALUES: Mapping[str, tuple[str, ...]] = {
    "phase": PHASES,
    "policy": POLICIES,
    "part": ("in_time", "counted"),
    "quantile": tuple(str(quantile) for quantile in QUANTILES),
    "fate": ("answered", "abandoned", "diverted", "expired"),
    "component": ("talk", "hold", "after_contact_work"),
    "result": SELF_CHECK_RESULTS,
    "state": STATES,
    "activity": ("handling", "available", "away"),
}
"""Labels of gauges whose values are known: all are there always, zeros too."""

CORRECTED_FATES = (*LABEL_VALUES["fate"], "offered", "handled", "rejected")
"""What a correction can take back: a fate, or that the visit was there at all."""

STANDARD_REASONS: Mapping[str, tuple[str, ...]] = {
    "callcenter_contacts_diverted_total": tuple(sorted(DIVERTED_REASONS)),
    "callcenter_contacts_rejected_total": tuple(sorted(REJECTED_REASONS)),
    "callcenter_transfers_total": tuple(sorted(TRANSFER_KINDS)),
    "callcenter_messages_total": tuple(sorted(AUTHORS)),
    "callcenter_dead_letters_total": (
        "missing_field",
        "newer_version",
        "not_json",
        "not_object",
        "null_value",
        "wrong_type",
        "wrong_value",
    ),
}
"""Reasons that are exposed from the start, at 0: `increase()` doesn't see a series that
begins at 1. Others join when they occur."""
