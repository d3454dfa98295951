"""The recorded day that is shipped: a real call center's third of January 1999.

Rule: the day is moved, never changed: a call keeps its time of day, and the times
between its events. `data/README.md` says where it comes from. When its agents were
there is not recorded: `core.people.inferred` says how it is concluded.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from gzip import GzipFile
from importlib.resources import files
from operator import attrgetter
from zoneinfo import ZoneInfo

from monitor.core.events import Event
from monitor.core.people.events import AnyEvent
from monitor.core.people.inferred import inferred_people
from monitor.wire.events import decode_contact_event

SOURCE = "anonymous-bank"
RECORDED_DATE = date(1999, 1, 3)
RECORDED_ZONE = ZoneInfo("Asia/Jerusalem")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What must come out of the day, or of one queue's share of it.

    Counted from the recording's duration columns, not from its events. Talk is that of
    the answered.
    """

    offered: int
    answered: int
    abandoned: int
    answered_wait_ms: int
    abandoned_wait_ms: int
    answered_within_20s: int
    abandoned_within_20s: int
    longest_wait_ms: int
    talk_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAnswers:
    """The day's answers, in total and for each queue."""

    total: Answers
    queues: Mapping[str, Answers]


def recorded_day() -> list[Event]:
    """The day's events in order of time, as they happened in 1999."""
    packed = files("monitor.embedded").joinpath("data", "day.jsonl.gz")
    with packed.open("rb") as file, GzipFile(fileobj=file) as lines:
        events = (decode_contact_event(line) for line in lines)
        return [event for event in events if event is not None]


def with_people(day: list[Event]) -> list[AnyEvent]:
    """The day's events and what its agents must have said, in order of time.

    Take a day that was placed: the agents of two days are the same people.
    """
    events: list[AnyEvent] = [*day, *inferred_people(day, SOURCE)]
    return sorted(events, key=attrgetter("at"))


def known_answers() -> KnownAnswers:
    """What must come out of `recorded_day`, wherever it was moved to."""
    text = files("monitor.embedded").joinpath("data", "known_answers.json").read_text()
    content = json.loads(text)
    return KnownAnswers(
        total=Answers(**content["total"]),
        queues={name: Answers(**part) for name, part in content["queues"].items()},
    )


def shifted(events: Iterable[Event], to_date: date, timezone: ZoneInfo) -> list[Event]:
    """The day placed at `to_date` in `timezone`, in order of time.

    A call that came at 9:15 comes at 9:15 there; its later events follow at the same
    distances, also where the clock is changed. Contact and event ids get the date in
    front, so that two days' calls are different contacts.
    """
    prefix = f"{to_date:%Y%m%d}-"
    days = (to_date - RECORDED_DATE).days
    shifts: dict[str, int] = {}
    moved = []
    for event in sorted(events, key=attrgetter("at")):
        shift = shifts.get(event.contact)
        if shift is None:
            shift = _shift_ms(event.at, days, timezone)
            shifts[event.contact] = shift
        moved.append(
            event._replace(
                at=event.at + shift,
                contact=prefix + event.contact,
                id=prefix + event.id,
            )
        )
    moved.sort(key=attrgetter("at"))
    return moved


def _shift_ms(at: int, days: int, timezone: ZoneInfo) -> int:
    """What to add to a recorded instant for the same local time, `days` later."""
    recorded = datetime.fromtimestamp(at // 1000, UTC)
    local = recorded.astimezone(RECORDED_ZONE).replace(tzinfo=None)
    target = datetime.fromordinal(local.toordinal() + days).replace(
        hour=local.hour, minute=local.minute, second=local.second, tzinfo=timezone
    )
    return round((target.astimezone(UTC) - recorded).total_seconds()) * 1000
