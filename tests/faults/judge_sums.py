"""The judge's sums: what the facts of all visits add up to, as the report names them.

Rule: every number is summed anew from the visits, per window by the pane rule that the
product documents: panes of 5 s (of 60 s for windows over 15 minutes); a window is the
panes from the one that holds `now - length` up to the one that holds `now`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.faults.judge_facts import WAITS, Visit
from tests.faults.judge_histograms import QUANTILES, quantile

WINDOWS = {"5m": 300_000, "15m": 900_000, "30m": 1_800_000, "1h": 3_600_000}
DAY_MS = 86_400_000
Numbers = dict[str, Any]


@dataclass(frozen=True)
class Terms:
    """How visits are judged; by channel where it matters."""

    horizon: int
    max_age: Mapping[str, int]
    threshold: Mapping[str, int]
    short: int = 5_000
    windows: Mapping[str, int] = field(default_factory=lambda: WINDOWS)


@dataclass(frozen=True)
class Part:
    """The visits of one partition as of `now`."""

    now: int
    visits: list[Visit]


def amounts(visit: Visit, terms: Terms, now: int) -> Iterator[tuple[int, str, int]]:
    """Instant, name and amount of everything that a visit adds."""
    limit = terms.threshold[visit.channel]
    wait = visit.wait
    if visit.fate == "rejected":
        yield visit.fate_at, f"rejected:{visit.reason}", 1
        return
    yield visit.queued_at, "offered", 1
    in_time = wait <= limit
    if visit.fate == "answered":
        yield visit.fate_at, "answered", 1
        yield visit.fate_at, "answered_wait", wait
        yield visit.fate_at, "answered_in_time", int(in_time)
        yield visit.fate_at, f"waited:{wait}", 1
    elif visit.fate == "abandoned":
        short = wait < terms.short
        yield visit.fate_at, "abandoned", 1
        yield visit.fate_at, "abandoned_wait", wait
        yield visit.fate_at, "abandoned_short", int(short)
        yield visit.fate_at, "abandoned_in_time", int(in_time)
    elif visit.fate == "diverted":
        yield visit.fate_at, f"diverted:{visit.reason}", 1
    elif visit.fate == "expired":
        yield visit.fate_at, "expired", 1
    if (now - visit.queued_at if visit.fate == "waiting" else wait) > limit:
        yield visit.queued_at + limit, "crossed", 1
    if visit.handled_at:
        yield visit.handled_at, "handled", 1
        yield visit.handled_at, "talk", visit.talk
        yield visit.handled_at, "hold", visit.hold
        yield visit.handled_at, "held", int(visit.hold != 0)
        yield visit.handled_at, "acw", visit.acw
    if visit.unfinished_at:
        yield visit.unfinished_at, "unfinished", 1
    for at, name in visit.extras:
        yield at, name, 1


def is_today(at: int, now: int) -> bool:
    return at // DAY_MS == now // DAY_MS


def is_in_window(at: int, length: int, now: int) -> bool:
    width = 5_000 if length <= 900_000 else 60_000
    return (now - length) // width <= at // width <= now // width


def queue_numbers(parts: Iterable[Part], terms: Terms) -> dict[str, Numbers]:
    """The report's numbers of every queue over all partitions."""
    sums: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    live: dict[str, Counter[str]] = defaultdict(Counter)
    oldest: dict[str, int] = {}
    now = 0
    for part in parts:
        now = max(now, part.now)
        seats = set()
        for visit in part.visits:
            name = visit.queue
            for at, what, amount in amounts(visit, terms, part.now):
                sums[name]["total"][what] += amount
                if is_today(at, part.now):
                    sums[name]["today"][what] += amount
                for window, length in terms.windows.items():
                    if is_in_window(at, length, part.now):
                        sums[name][window][what] += amount
            live[name][visit.phase] += 1
            if visit.phase in WAITS:
                oldest[name] = min(oldest.get(name, now), visit.queued_at)
                age = part.now - visit.queued_at
                live[name]["over"] += age > terms.threshold[visit.channel]
            elif visit.phase != "closed" and visit.agent:
                seats.add((name, visit.channel, visit.agent))
        for name, *_ in seats:
            live[name]["agents"] += 1
    windows = (*terms.windows, "today")
    return {
        name: _numbers(sums[name], windows, live[name], now, oldest.get(name, 0))
        for name in sorted(sums)
    }


def nothing() -> Numbers:
    """The numbers of a queue in which nothing ever happened."""
    return _numbers(defaultdict(Counter), ("today",), Counter(), 0, 0)


def _numbers(
    sums: Mapping[str, Counter[str]],
    windows: Iterable[str],
    live: Counter[str],
    now: int,
    oldest: int,
) -> Numbers:
    phases = {n: live[n] for n in ("alerting", "talking", "held", "wrap_up")}
    return _counted(sums["total"]) | {
        "waiting": live["waiting"] + live["alerting"],
        "waiting_over_threshold": live["over"],
        "in_progress": sum(phases.values()),
        "phases": phases,
        "agents_in_hand": live["agents"],
        "longest_wait_seconds": (now - oldest) / 1000 if oldest else 0.0,
        "drift": 0,
        "windows": {name: _counted(sums[name]) for name in windows},
    }


def _counted(sums: Counter[str]) -> Numbers:
    def by(prefix: str) -> dict[str, int]:
        named = {n: v for n, v in sums.items() if v and n.startswith(prefix)}
        return {n.removeprefix(prefix): v for n, v in sorted(named.items())}

    lost = sums["abandoned"] - sums["abandoned_short"]
    decided = sums["answered"] + lost + sum(by("diverted:").values())
    handling = sums["talk"] + sums["hold"] + sums["acw"]
    waits = Counter({int(wait): n for wait, n in by("waited:").items()})
    return {
        **{n: sums[n] for n in ("offered", "answered", "abandoned", "expired")},
        "abandoned_short": sums["abandoned_short"],
        "diverted": by("diverted:"),
        "rejected": by("rejected:"),
        "answered_wait_seconds_sum": sums["answered_wait"] / 1000,
        "abandoned_wait_seconds_sum": sums["abandoned_wait"] / 1000,
        "talk_seconds_sum": sums["talk"] / 1000,
        "hold_seconds_sum": sums["hold"] / 1000,
        "acw_seconds_sum": sums["acw"] / 1000,
        **{n: sums[n] for n in ("handled", "held", "unfinished", "alerts")},
        "transferred": by("transferred:"),
        "ring_no_answer": sums["alert_ended:no_answer"],
        "speed_of_answer_seconds": _mean(sums["answered_wait"], sums["answered"]),
        "time_to_abandon_seconds": _mean(sums["abandoned_wait"], sums["abandoned"]),
        "handle_time_seconds": _mean(handling, sums["handled"]),
        "abandonment_ratio": lost / decided if decided else None,
        "answer_wait_quantiles_seconds": {
            name: quantile(waits, share) for name, share in QUANTILES.items()
        },
        "service_level": {
            "in_time": sums["answered_in_time"],
            "counted": sums["answered_in_time"] + sums["crossed"],
            "answered_in_time": sums["answered_in_time"],
            "abandoned_in_time": sums["abandoned_in_time"],
            "crossed": sums["crossed"],
        },
    }


def _mean(sum_ms: int, count: int) -> float | None:
    return sum_ms / (1000 * count) if count else None
