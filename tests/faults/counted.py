"""What `/metrics` counts, less what corrections took back, against the judge's counts.

Rule: counters show what was added, so that they never go down. What corrections took
back is told by fate in a counter of its own; of histograms it is in the partials, by
which the partitions tell the queues' owners their numbers.
"""

import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer

from tests.faults.exposition import labels_of
from tests.faults.judge import Truth
from tests.faults.judge_histograms import (
    WAIT_BOUNDS,
    Durations,
    count_upto,
    durations_of,
)
from tests.faults.judge_sums import Terms

NET = {
    "offered": "callcenter_contacts_offered_total",
    "answered": "callcenter_contacts_answered_total",
    "abandoned": "callcenter_contacts_abandoned_total",
    "diverted": "callcenter_contacts_diverted_total",
    "expired": "callcenter_contacts_expired_total",
    "rejected": "callcenter_contacts_rejected_total",
    "handled": "callcenter_contacts_handled_total",
}
"""Counters of which corrections are told by fate."""
CORRECTED = "callcenter_contacts_corrected_total"
HISTOGRAMS = ("answer_wait", "abandon_wait", "handle")
PARTIALS = "callcenter.queue-partials"
COMPLETE_SECONDS = 20.0
"""Within this long every partition has told all of its queues, and more than once."""
Lines = list[str]
Series = Mapping[str, float]
Key = tuple[str, str, str]
"""Queue, channel and name of a histogram."""
TakenBack = Mapping[tuple[str, str], Counter[str]]
"""By queue and channel, what corrections took back, by the partials' names."""


def fates(series: Iterable[tuple[str, float]], right: Truth) -> Lines:
    """Differences of the counters of fates, by queue."""
    net: Counter[tuple[str, str]] = Counter()
    names = {metric: name for name, metric in NET.items()}
    for text, value in series:
        metric, labels = text.partition("{")[0], labels_of(text)
        if metric in names:
            net[labels["queue"], names[metric]] += int(value)
        elif metric == CORRECTED:
            net[labels["queue"], labels["fate"]] -= int(value)
    lines = []
    for queue, numbers in right.queues.items():
        for name in NET:
            wanted = numbers[name]
            if isinstance(wanted, dict):
                wanted = sum(wanted.values())
            found = net[queue, name]
            if found != wanted:
                lines.append(f"/metrics {queue} {name}: {found} net, not {wanted}")
    return lines


def histograms(
    series: Iterable[tuple[str, float]], taken: TakenBack, right: Truth, terms: Terms
) -> Lines:
    """Differences of every bucket and sum of every histogram."""
    buckets: dict[Key, dict[float, float]] = {}
    sums: dict[Key, float] = {}
    for text, value in series:
        metric, labels = text.partition("{")[0], labels_of(text)
        for name in HISTOGRAMS:
            key = (labels.get("queue", ""), labels.get("channel", ""), name)
            if metric == f"callcenter_{name}_seconds_bucket":
                buckets.setdefault(key, {})[1000 * float(labels["le"])] = value
            elif metric == f"callcenter_{name}_seconds_sum":
                sums[key] = 1000 * value
    wanted = durations_of(right.visits)
    lines = []
    for key in sorted(wanted.keys() | buckets.keys()):
        durations, back = wanted.get(key, Counter()), taken.get(key[:2], Counter())
        shown = buckets.get(key, {})
        found = _bucket_differences(shown, key[2], durations, back)
        bounds = {*WAIT_BOUNDS, *terms.threshold.values()}
        if key[2] != "handle" and (missing := bounds - shown.keys()):
            found.append(f"no bucket up to {sorted(missing)} ms")
        total = sum(duration * n for duration, n in durations.items())
        net = sums.get(key, 0.0) - sum(back[name] for name in SUMMED[key[2]])
        if round(net) != total:
            found.append(f"sum {net:.0f} ms net, not {total}")
        lines += [f"/metrics {' '.join(key)}: {line}" for line in found]
    return lines


SUMMED = {
    "answer_wait": ("answered_wait_ms",),
    "abandon_wait": ("abandoned_wait_ms",),
    "handle": ("talk_ms", "hold_ms", "acw_ms"),
}
"""Names in partials of what a histogram's sum is made of."""


def _bucket_differences(
    shown: Mapping[float, float], name: str, durations: Durations, back: Counter[str]
) -> Lines:
    prefix = f"{name}_le:"
    taken = {
        float(text.removeprefix(prefix)): n
        for text, n in back.items()
        if text.startswith(prefix)
    }
    lines = []
    for bound, added in sorted(shown.items()):
        net = added - sum(n for upto, n in taken.items() if upto <= bound)
        wanted = count_upto(durations, bound)
        if net != wanted:
            lines.append(f"up to {bound:g} ms {net:g} net, not {wanted}")
    if durations and not shown:
        lines.append(f"not shown, should have {durations.total()}")
    return lines


async def taken_back(bootstrap: str) -> TakenBack:
    """What corrections took back, as the partitions told last."""
    latest: dict[tuple[int, str, str], tuple[int, Counter[str]]] = {}
    for told in await _partials(bootstrap):
        for queue in told.get("queues", ()):  # else it is about people
            key = (told["source"], queue["queue"], queue["channel"])
            if told["offset"] >= latest.get(key, (0,))[0]:  # else a zombie's
                latest[key] = (told["offset"], Counter(queue["corrected"]))
    taken: dict[tuple[str, str], Counter[str]] = {}
    for (_, queue, channel), (_, corrected) in latest.items():
        taken.setdefault((queue, channel), Counter()).update(corrected)
    return taken


async def _partials(bootstrap: str) -> list[dict[str, Any]]:
    """The partials of the last seconds, in the order of each partition."""
    consumer = AIOKafkaConsumer(
        PARTIALS, bootstrap_servers=bootstrap, enable_auto_commit=False
    )
    await consumer.start()
    try:
        tps = sorted(consumer.assignment())
        since = int((time.time() - COMPLETE_SECONDS) * 1000)
        found = await consumer.offsets_for_times(dict.fromkeys(tps, since))
        ends = await consumer.end_offsets(tps)
        for tp in tps:
            consumer.seek(tp, found[tp].offset if found[tp] else ends[tp])
        told = []
        while any([await consumer.position(tp) < ends[tp] for tp in tps]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                told += [json.loads(record.value) for record in records]
        return told
    finally:
        await consumer.stop()
