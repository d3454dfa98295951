"""Reads `/metrics`.

Rule: the text format alone; nothing of the product's own names but the labels that say
whose a series is.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

_LABEL = re.compile(r'[{,](\w+)="((?:[^"\\]|\\.)*)"')


class Sample(NamedTuple):
    """One line of an exposition."""

    name: str
    series: str
    """Name and labels as written."""
    counts: bool
    """Whether it may never go down."""
    value: float


@lru_cache(maxsize=1 << 16)
def labels_of(series: str) -> Mapping[str, str]:
    """Labels by name; their values as written."""
    return dict(_LABEL.findall(series))


@lru_cache(maxsize=1 << 16)
def queue_of(series: str) -> str:
    """Queue and channel; empty when it isn't a series of a queue's contacts."""
    labels = labels_of(series)
    return f"{labels['queue']} {labels['channel']}" if "channel" in labels else ""


def samples_of(body: str) -> Iterator[Sample]:
    """Every sample, in the order of the text."""
    counts = False
    for line in body.splitlines():
        if line.startswith("# TYPE "):
            counts = line.endswith((" counter", " histogram"))
        elif line and line[0] != "#":
            series, _, value = line.rpartition(" ")
            yield Sample(series.partition("{")[0], series, counts, float(value))
