"""What the demo tells of queues and people: a line now and then, a verdict on the day.

Rule: pure; reads the report's names (`monitor.core.report`) and counts nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from monitor.core.people.states import AVAILABLE, AWAY, LOGGED_OUT, WITH_CONTACT
from monitor.core.report import Report
from monitor.core.rules import TODAY
from monitor.embedded.day import Answers, KnownAnswers

ANSWERS_THRESHOLD_SECONDS = 20
_FATES = ("offered", "answered", "abandoned")


class Compared(NamedTuple):
    """One number of the day: what came out, and what had to."""

    queue: str
    """Empty: all queues."""
    name: str
    came_out: int
    known: int


def status_line(
    report: Report, now: datetime, speed: float, events_per_second: float
) -> str:
    """One line about all queues and people at `now`, local time on the demo's clock."""
    total = report["total"]
    today = total["windows"].get(TODAY)
    waiting = f"waiting {total['waiting']:>2}"
    if total["waiting"]:
        waiting += f", longest {duration(total['longest_wait_seconds'])}"
    parts = [f"{now:%H:%M}  {speed:g}x", f"{waiting:<26}"]
    if report["people"] is not None:
        parts.append(_agents(report["people"]["states"]))
    if today is not None:
        level = today["service_level"]
        ratio = "–" if level["ratio"] is None else f"{level['ratio']:.1%}"
        fates = ", ".join(f"{fate} {today[fate]:,}" for fate in _FATES)
        parts += [
            f"service level {ratio} ({level['in_time']:,} of {level['counted']:,})",
            f"today: {fates}",
        ]
    parts.append(f"{events_per_second:.0f} events/s")
    return "  ".join(parts)


def _agents(states: Mapping[str, int]) -> str:
    busy = sum(states[state] for state in WITH_CONTACT)
    return (
        f"agents: {states[AVAILABLE]:>2} available, {busy:>2} busy, "
        f"{states[AWAY]:>2} away"
    )


def have_gone_home(report: Report) -> bool:
    """Whether there were people, and all of them have logged out."""
    states = report["people"] and report["people"]["states"]
    return bool(states and states[LOGGED_OUT] == sum(states.values()))


def people(report: Report) -> str:
    """What everybody did on the day, in a sentence."""
    everybody = report["people"]
    if everybody is None:
        return "Of the agents nothing is known."
    ratio = everybody["occupancy_ratio"]
    return (
        f"{sum(everybody['states'].values())} agents were there for "
        f"{duration(everybody['staffed_seconds'])} hours together: "
        f"{duration(everybody['handling_seconds'])} with customers, "
        f"{duration(everybody['available_seconds'])} available,\n"
        f"{duration(everybody['away_seconds'])} away. "
        f"Occupancy {'–' if ratio is None else f'{ratio:.1%}'}."
    )


def duration(seconds: float) -> str:
    """`m:ss`, or `h:mm:ss` from an hour on."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def in_words(seconds: float) -> str:
    """`45 s`, `3 min 15 s`."""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def compare(report: Report, known: KnownAnswers) -> list[Compared]:
    """Every known answer beside what came out: all queues first, then each queue.

    What is counted within 20 s is left out where the threshold is another one.
    """
    queues: Mapping[str, Report] = report["queues"]
    compared = list(_compare("", report["total"], known.total))
    for name in sorted(known.queues.keys() | queues.keys()):
        compared += _compare(name, queues.get(name), known.queues.get(name))
    return compared


def _compare(
    queue: str, numbers: Report | None, answers: Answers | None
) -> Iterator[Compared]:
    level = numbers["service_level"] if numbers else None
    other = level is not None and (
        level["threshold_seconds"] != ANSWERS_THRESHOLD_SECONDS
    )
    for name, read in _NUMBERS.items():
        if other and name.endswith("_within_20s"):
            continue
        came_out = read(numbers) if numbers else 0
        yield Compared(queue, name, came_out, getattr(answers, name, 0))


def _milliseconds(name: str) -> Callable[[Report], int]:
    return lambda numbers: round(numbers[name] * 1000)


def _plain(name: str) -> Callable[[Report], int]:
    def read(numbers: Report) -> int:
        value: Any = numbers[name]
        return int(value)

    return read


_NUMBERS: Mapping[str, Callable[[Report], int]] = {
    "offered": _plain("offered"),
    "answered": _plain("answered"),
    "abandoned": _plain("abandoned"),
    "answered_wait_ms": _milliseconds("answered_wait_seconds_sum"),
    "abandoned_wait_ms": _milliseconds("abandoned_wait_seconds_sum"),
    "answered_within_20s": lambda numbers: int(
        numbers["service_level"]["answered_in_time"]
    ),
    "abandoned_within_20s": lambda numbers: int(
        numbers["service_level"]["abandoned_in_time"]
    ),
    "talk_ms": _milliseconds("talk_seconds_sum"),
}
"""How each field of `Answers` is read from the numbers of a queue."""


def verdict(compared: list[Compared]) -> str:
    """The numbers of all queues beside the known ones, as a table."""
    lines = [f"{'':24}{'came out':>14}{'known':>14}"]
    lines += [
        f"{one.name:24}{one.came_out:>14,}{one.known:>14,}"
        for one in compared
        if not one.queue
    ]
    return "\n".join(lines)


def differences(compared: list[Compared]) -> list[str]:
    """What isn't as it has to be, for people."""
    return [
        f"{one.queue or 'all queues'}: {one.name} is {one.came_out:,}, "
        f"must be {one.known:,}"
        for one in compared
        if one.came_out != one.known
    ]
