"""Asterisk's `queue_log`: `epoch|callid|queue|agent|VERB|data1|data2|…`.

Rule: every verb that Asterisk, Wazo or QueueMetrics writes stands in one table, with
the function that makes its contact events, as something that an agent says (then
`asterisk_members` knows what it means), or as information. An unknown verb is skipped
and counted by its name.

Agents are who the log names: `log_membername_as_agent` has to be on in `queues.conf`
where members have names, else ADDMEMBER tells of a phone and CONNECT of a person.

What is reported wins: hold and talk times come from the data fields, not from
subtraction. Not made here, on purpose: `contact.alerting`, since the log tells of
ringing only when it is over. Caller ids, caller names and dialled numbers are personal
data and never leave this module.
"""

import re
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import NamedTuple

from monitor.core.events import Event, Kind
from monitor.core.people.events import AgentEvent, AnyEvent
from monitor.sources.asterisk_members import AGENT_VERBS, QUEUE_VERBS, Members
from monitor.sources.source import BadLine, Memory, NotAnEvent, SourceKind

MAX_INSTANT_S = 253_402_300_800
"""The year 10000: instants beyond it are a damaged field."""
MAX_DURATION_S = 366 * 86_400
"""A longer or negative duration is what a PBX writes whose clock was set during the
call. It is taken as not reported."""
MAX_AHEAD_MS = 60_000
"""How far ahead of the log an event may be; beyond, workers count it as `future`."""
_EPOCH = re.compile(r"(\d{1,12})(?:\.(\d{1,9}))?", re.ASCII)
_VERB = re.compile(r"[A-Z][A-Z0-9_]{1,39}", re.ASCII)
_NUMBER = re.compile(r"([+-]?\d{1,18})(?:\.\d*)?", re.ASCII)
_HEAD_FIELDS = 5
MAX_NAME = 512
"""Longest call id, queue or agent, characters."""


class Row(NamedTuple):
    """The fields of one line."""

    at: int
    contact: str
    queue: str
    agent: str
    verb: str
    data: list[str]

    def duration_ms(self, index: int, meaning: str) -> int:
        """Seconds in `data<index>` as milliseconds; -1 when it isn't reported."""
        text = self.data[index - 1].strip() if len(self.data) >= index else ""
        if not text:
            return -1
        match = _NUMBER.fullmatch(text)
        if match is None:
            raise BadLine(
                "wrong_value",
                f"{self.verb}: data{index} ({meaning}) is not a number of seconds",
            )
        seconds = int(match[1])
        return seconds * 1000 if 0 <= seconds <= MAX_DURATION_S else -1

    def need(self, name: str, meaning: str) -> None:
        """Complain when a name isn't there."""
        if not name:
            raise BadLine("missing_field", f"{self.verb}: the {meaning} is missing")


def _need_queue(row: Row) -> None:
    row.need(row.queue, "queue (field 3)")


def _queued(row: Row) -> list[Event]:
    _need_queue(row)
    return [Event(row.at, Kind.QUEUED, row.contact, queue=row.queue)]


def _answered(row: Row) -> list[Event]:
    return [
        Event(
            row.at,
            Kind.ANSWERED,
            row.contact,
            queue=row.queue,
            agent=row.agent,
            duration_ms=row.duration_ms(1, "hold time"),
        )
    ]


def _abandoned(row: Row) -> list[Event]:
    # The agent field may name the member whose phone rang: not who took the call.
    wait = row.duration_ms(3, "wait")
    return [
        Event(row.at, Kind.ABANDONED, row.contact, queue=row.queue, duration_ms=wait)
    ]


def _left(reason: str, wait_index: int = 0) -> Callable[[Row], list[Event]]:
    def events(row: Row) -> list[Event]:
        wait = row.duration_ms(wait_index, "wait") if wait_index else -1
        return [
            Event(
                row.at,
                Kind.LEFT,
                row.contact,
                queue=row.queue,
                reason=reason,
                duration_ms=wait,
            )
        ]

    return events


def _rejected(reason: str) -> Callable[[Row], list[Event]]:
    def events(row: Row) -> list[Event]:
        _need_queue(row)
        return [
            Event(row.at, Kind.REJECTED, row.contact, queue=row.queue, reason=reason)
        ]

    return events


def _alert_ended(reason: str) -> Callable[[Row], list[Event]]:
    def events(row: Row) -> list[Event]:
        return [
            Event(
                row.at,
                Kind.ALERT_ENDED,
                row.contact,
                queue=row.queue,
                agent=row.agent,
                reason=reason,
            )
        ]

    return events


def _ended(by: str) -> Callable[[Row], list[Event]]:
    def events(row: Row) -> list[Event]:
        return [_end_of_talk(row, by, row.duration_ms(2, "talk time"))]

    return events


def _end_of_talk(row: Row, by: str, talk_ms: int) -> Event:
    return Event(
        row.at,
        Kind.ENDED,
        row.contact,
        queue=row.queue,
        agent=row.agent,
        reason=by,
        duration_ms=talk_ms,
    )


def _transferred(row: Row, kind: str, talk_index: int) -> list[Event]:
    talk = row.duration_ms(talk_index, "talk time") if talk_index else -1
    transfer = Event(
        row.at,
        Kind.TRANSFERRED,
        row.contact,
        queue=row.queue,
        agent=row.agent,
        reason=kind,
    )
    return [transfer, _end_of_talk(row, "agent", talk)]


def _blind_transfer(row: Row) -> list[Event]:
    return _transferred(row, "blind", talk_index=4)


_ATTENDED_TALK_INDEX = {"BRIDGE": 4, "APP": 4, "LINK": 5}
"""Which data field has the talk time: a `LINK` names two channels."""


def _attended_transfer(row: Row) -> list[Event]:
    method = row.data[0].strip() if row.data else ""
    return _transferred(row, "attended", _ATTENDED_TALK_INDEX.get(method, 0))


def _wrap_up(row: Row) -> list[Event]:
    # The log names the length at the start and writes no end. So the event of the end
    # comes early, but never so early that it looks like a clock that is ahead.
    acw = row.duration_ms(1, "wrap-up time")
    return [
        Event(
            row.at + min(max(acw, 0), MAX_AHEAD_MS),
            Kind.WRAPPED_UP,
            row.contact,
            queue=row.queue,
            agent=row.agent,
            duration_ms=acw,
        )
    ]


CONTACT_VERBS: Mapping[str, Callable[[Row], list[Event]]] = {
    "ENTERQUEUE": _queued,
    "CONNECT": _answered,
    "ABANDON": _abandoned,
    "COMPLETECALLER": _ended("customer"),
    "COMPLETEAGENT": _ended("agent"),
    "EXITWITHTIMEOUT": _left("timeout", 3),
    "EXITEMPTY": _left("empty", 3),
    "EXITWITHKEY": _left("key", 4),
    "WITHDRAW": _left("withdrawn", 3),
    "SYSCOMPAT": _left("error"),
    "RINGNOANSWER": _alert_ended("no_answer"),
    "RINGCANCELED": _alert_ended("cancelled"),
    "AGENTDUMP": _alert_ended("error"),
    "BLINDTRANSFER": _blind_transfer,
    "TRANSFER": _blind_transfer,
    "ATTENDEDTRANSFER": _attended_transfer,
    "JOINEMPTY": _rejected("empty"),
    "FULL": _rejected("full"),
    "CLOSED": _rejected("closed"),
    "DIVERT_CA_RATIO": _rejected("overload"),
    "DIVERT_HOLDTIME": _rejected("overload"),
    "LEAVEEMPTY": _left("empty"),
    "WRAPUPSTART": _wrap_up,
}
"""Verbs about a contact; each line of theirs has a call id."""

REACHED_VERBS = frozenset({"CONNECT", "RINGNOANSWER", "RINGCANCELED"})
"""Those of them whose call was offered to the agent, who so serves its queue."""

SOURCE_STARTED_VERB = "QUEUESTART"
"""Asterisk has started: all its open calls are gone without an exit line."""


def parse(line: bytes) -> Row:
    """The fields of a line; raises `BadLine` or, for blanks and comments, `NotAnEvent`.

    Bytes that aren't UTF-8 (callers' names in old encodings) are replaced.
    """
    text = line.decode("utf-8", "replace").rstrip("\r\n")
    if not text.strip():
        raise NotAnEvent("blank")
    if text.startswith("#"):
        raise NotAnEvent("comment")
    fields = text.split("|")
    if len(fields) < _HEAD_FIELDS:
        raise BadLine(
            "missing_field", f"{len(fields)} fields; a queue_log line has 5 or more"
        )
    time, contact, queue, agent, verb = (field.strip() for field in fields[:5])
    if _VERB.fullmatch(verb) is None:
        raise BadLine("wrong_value", "the verb (field 5) is not a word in capitals")
    names = ("call id", contact), ("queue", queue), ("agent", agent)
    for index, (meaning, name) in enumerate(names, start=2):
        if len(name) > MAX_NAME:
            raise BadLine(
                "wrong_value",
                f"the {meaning} (field {index}) is longer than {MAX_NAME} characters",
            )
    return Row(
        _instant(time), _name(contact), _name(queue), _name(agent), verb, fields[5:]
    )


def _instant(text: str) -> int:
    match = _EPOCH.fullmatch(text)
    if match is None or not 0 < int(match[1]) < MAX_INSTANT_S:
        raise BadLine("wrong_value", "the time (field 1) is not in seconds since 1970")
    return int(match[1]) * 1000 + int((match[2] or "").ljust(3, "0")[:3])


def _name(text: str) -> str:
    return "" if text == "NONE" else text


class QueueLog:
    """The adapter of one PBX; it remembers who is in which queues."""

    def __init__(self, source: str) -> None:
        """Know nobody yet; `source` is what the events name as their source."""
        self._source = source
        self._key = blake2b(source.encode("utf-8", "replace"), digest_size=32).digest()
        self._members = Members()

    def memory(self) -> Memory:
        """Who is in which queues."""
        return self._members.memory()

    def remember(self, memory: Memory) -> None:
        """Know what `memory` gave; raises `ValueError` for anything else."""
        self._members.remember(memory)

    def __call__(self, line: bytes) -> list[AnyEvent]:
        """The events of a line."""
        row = parse(line)
        found: list[AnyEvent] = []
        if row.verb == SOURCE_STARTED_VERB:
            found += [Event(row.at, Kind.SOURCE_STARTED, "")]
        elif row.verb in CONTACT_VERBS:
            found += self._of_contact(row)
        elif row.verb in AGENT_VERBS:
            found += self._of_agent(row)
        else:
            raise NotAnEvent(row.verb)
        digest = blake2b(
            line.rstrip(b"\r\n"), digest_size=12, key=self._key
        ).hexdigest()
        return [
            event._replace(source=self._source, id=f"{digest}-{index}")
            for index, event in enumerate(found)
        ]

    def _of_contact(self, row: Row) -> list[Event]:
        row.need(row.contact, "call id (field 2)")
        events = CONTACT_VERBS[row.verb](row)
        if row.verb in REACHED_VERBS:
            self._members.at_work(row.agent, row.queue, row.at)
        return events

    def _of_agent(self, row: Row) -> list[AgentEvent]:
        row.need(row.agent, "agent (field 4)")
        if row.verb in QUEUE_VERBS:
            _need_queue(row)
        detail = row.data[0].strip() if row.data else ""
        if len(detail) > MAX_NAME:
            raise BadLine(
                "wrong_value",
                f"{row.verb}: data1 is longer than {MAX_NAME} characters",
            )
        events = self._members.hear(row.verb, row.at, row.agent, row.queue, detail)
        if not events:
            raise NotAnEvent(f"{row.verb} without news")
        return events


KIND = SourceKind(
    name="asterisk-queue-log",
    summary="Asterisk's queue_log file, of one PBX: calls, and who is in which queues",
    adapter=QueueLog,
)
