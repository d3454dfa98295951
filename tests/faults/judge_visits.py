"""The judge's fold: from the sorted set of a contact's events to its visits.

Rule: one pass over the events in order, each changing plain facts; nothing is summed,
taken back or kept up to date here. What the facts add up to is `judge_sums`. The rules
are those of kpis.md, interface.md and the docstrings of `monitor.core`, written anew.
"""

from collections.abc import Callable, Iterable, Sequence

from tests.faults.judge_events import Said
from tests.faults.judge_facts import IN_HAND, WAITS, WITH_AGENT, Visit

CLOCKS_APART_MS = 60_000
SAME_WAIT_MS = 2_000


class Story:
    """The fold of one contact."""

    def __init__(
        self, max_age: Callable[[str, str], int], starts: Sequence[int]
    ) -> None:
        """`max_age` by queue and channel; `starts` of the contact's source."""
        self.visits: list[Visit] = []
        self.closed_by_time = 0
        self._max_age = max_age
        self._starts = sorted(starts)
        self._unplaced: list[Said] = []

    def tell(self, events: Iterable[Said], until: int) -> list[Visit]:
        """The visits that `events` make when time has passed up to `until`."""
        events = sorted(events)
        for event in events:
            self._pass(event.at)
            if not self._happens(event):
                self._unplaced.append(event)
            elif event.type in ("contact.queued", "contact.answered"):
                self._unplaced = [
                    other
                    for other in self._unplaced
                    if other.at >= event.at - CLOCKS_APART_MS
                    and not self._happens(other)
                ]
        self._pass(max([until, *(start + 1 for start in self._starts)]))
        return self.visits

    def _pass(self, until: int) -> None:
        for visit in self.visits:
            due = self._due(visit)
            if visit.phase == "closed" or due >= until:
                continue
            self.closed_by_time = max(self.closed_by_time, due)
            visit.phase = "closed"
            if visit.fate == "waiting":
                visit.fate, visit.fate_at = "expired", due
                visit.wait = max(0, due - visit.queued_at)
            else:
                visit.unfinished_at = due

    def _due(self, visit: Visit) -> int:
        waits = visit.phase in WAITS
        last_at = max(visit.last_at, visit.written_at)
        since = visit.queued_at if waits else last_at
        due = since + self._max_age(visit.queue, visit.channel)
        later = [start for start in self._starts if start > last_at]
        return min([due, *later[:1]])

    # -- which visit ---------------------------------------------------------------

    def _latest(
        self, event: Said, fits: Callable[[Visit], bool] = lambda _: True
    ) -> Visit | None:
        for visit in reversed(self.visits):
            if (
                event.visit in (0, visit.number)
                and event.queue in ("", visit.queue)
                and fits(visit)
            ):
                return visit
        return None

    def _in(self, event: Said, phases: set[str]) -> Visit | None:
        return self._latest(event, lambda visit: visit.phase in phases)

    def _of_agent(self, event: Said, phases: set[str]) -> Visit | None:
        if not event.agent:
            return None
        return self._latest(
            event, lambda v: v.agent == event.agent and v.phase in phases
        )

    def _served(self, event: Said) -> Visit | None:
        return self._latest(event, lambda visit: visit.fate == "answered")

    def _concluded(self, event: Said) -> Visit | None:
        return self._latest(event, lambda visit: visit.concluded)

    # -- what happens: False when the event has no visit yet -------------------------

    def _happens(self, event: Said) -> bool:
        name = event.type.removeprefix("contact.")
        happens: Callable[[Said], bool] = getattr(self, f"_{name}")
        return happens(event)

    def _message(self, event: Said) -> bool:
        for visit in self.visits:
            if visit.phase != "closed":
                visit.written_at = max(visit.written_at, event.at)
        return True

    def _queued(self, event: Said) -> bool:
        same = None
        if event.visit:
            same = self._latest(event)
        elif self.visits:
            last = self.visits[-1]
            if last.phase != "closed" and last.queue == event.queue:
                same = last
        if same is not None and same.entry_seen:
            return True
        if same is not None and (
            event.visit or event.at - same.fate_at <= CLOCKS_APART_MS
        ):
            same.queued_at, same.entry_seen = event.at, True
            return True
        self._open(event, event.at)
        return True

    def _open(self, event: Said, at: int) -> Visit:
        for visit in self.visits:
            if visit.phase in WAITS:
                visit.settle("diverted", event.at, -1, "overflow")
                visit.phase = "closed"
                visit.concluded = True
            elif visit.phase != "closed":
                visit.finish(event.at, -1, -1, wrap_up=False)
                visit.concluded = True
        return self._make(event, event.visit or len(self.visits) + 1, at)

    def _make(self, event: Said, number: int, at: int) -> Visit:
        channel = event.channel or "voice"
        visit = Visit(event.contact, number, event.queue, channel, at, last_at=at)
        self.visits.append(visit)
        return visit

    def _rejected(self, event: Said) -> bool:
        if event.visit and self._latest(event):
            return True
        visit = self._make(event, event.visit, event.at)
        visit.phase, visit.fate = "closed", "rejected"
        visit.fate_at, visit.reason = event.at, event.reason
        return True

    def _alerting(self, event: Said) -> bool:
        visit = self._in(event, WAITS) or self._latest(event)
        if visit is None:
            return False
        visit.extra(event.at, "alerts")
        if visit.phase in WAITS:
            visit.phase = "alerting"
            visit.ringing += 1
        return True

    def _alert_ended(self, event: Said) -> bool:
        visit = self._in(event, WAITS) or self._latest(event)
        if visit is None:
            return False
        visit.extra(event.at, f"alert_ended:{event.reason}")
        if visit.phase == "alerting":
            visit.ringing -= 1
            if visit.ringing <= 0:
                visit.phase = "waiting"
        return True

    def _answered(self, event: Said) -> bool:
        visit = self._in(event, WAITS)
        if visit is None:
            in_hand = self._in(event, IN_HAND)
            if in_hand is not None:
                self._take_over(in_hand, event)
                return True
            ended = self._concluded(event)
            if ended is not None and ended.fate != "answered":
                ended_at = ended.fate_at
                ended.agent = event.agent
                ended.settle("answered", event.at, event.duration)
                ended.finish(max(ended_at, event.at), -1, -1, wrap_up=False)
                return True
            if not event.queue or self._is_repeated(event):
                return bool(self.visits) and not event.visit
            visit = self._open(event, event.at - max(0, event.duration))
            visit.entry_seen = False
        visit.phase = "talking"
        visit.agent = event.agent
        visit.settle("answered", event.at, event.duration)
        return True

    def _take_over(self, visit: Visit, event: Said) -> None:
        visit.last_at = max(visit.last_at, event.at)
        if visit.held_since:
            visit.hold += max(0, event.at - visit.held_since)
            visit.held_since = 0
        visit.phase = "talking"
        if event.agent and event.agent != visit.agent:
            visit.former, visit.agent = visit.agent, event.agent

    def _is_repeated(self, event: Said) -> bool:
        visit = self._latest(event)
        if visit is None:
            return False
        if event.visit:
            return True
        over = visit.fate == "answered" and visit.ended_at
        return not over and abs(event.at - visit.fate_at) <= CLOCKS_APART_MS

    def _abandoned(self, event: Said) -> bool:
        return self._exits(event, "abandoned")

    def _left(self, event: Said) -> bool:
        return self._exits(event, "diverted")

    def _exits(self, event: Said, fate: str) -> bool:
        visit = self._in(event, WAITS) or self._concluded(event)
        if visit is None:
            return bool(self.visits) and not self._is_of_another(event)
        if visit.fate != "answered":
            visit.concluded = False
            visit.settle(fate, event.at, event.duration, event.reason)
            visit.phase = "closed"
        return True

    def _is_of_another(self, event: Said) -> bool:
        visit = self._latest(event)
        if visit is None:
            return True
        if event.duration < 0:
            return False
        entered = event.at - event.duration
        return entered > max(visit.fate_at, visit.queued_at) + SAME_WAIT_MS or (
            event.duration == 0 and event.at > visit.fate_at
        )

    def _held(self, event: Said) -> bool:
        visit = self._in(event, IN_HAND)
        if visit is not None:
            visit.last_at = max(visit.last_at, event.at)
            if visit.phase == "talking":
                visit.phase, visit.held_since = "held", event.at
        return bool(self.visits)

    def _resumed(self, event: Said) -> bool:
        visit = self._in(event, IN_HAND)
        if visit is not None:
            visit.last_at = max(visit.last_at, event.at)
            if visit.phase == "held":
                visit.hold += event.at - visit.held_since
                visit.phase, visit.held_since = "talking", 0
        return bool(self.visits)

    def _transferred(self, event: Said) -> bool:
        visit = self._in(event, IN_HAND) or self._served(event)
        if visit is not None:
            visit.extra(event.at, f"transferred:{event.reason}")
        return bool(self.visits)

    def _ended(self, event: Said) -> bool:
        visit = self._of_agent(event, IN_HAND) or self._in(event, IN_HAND)
        if visit is None:
            visit = self._concluded(event)
            if visit is None or visit.fate != "answered":
                waits = self._in(event, WAITS)
                if waits is not None:
                    self._end_waiting(waits, event)
                return bool(self.visits)
        elif event.agent and event.agent == visit.former != visit.agent:
            return True  # who handed it over leaves
        visit.finish(event.at, event.duration, event.hold, wrap_up=event.wrap_up)
        return True

    def _end_waiting(self, visit: Visit, event: Said) -> None:
        if event.reason in ("", "customer"):
            visit.settle("abandoned", event.at, -1)
        else:
            visit.settle("diverted", event.at, -1, "error")
        visit.phase = "closed"
        visit.concluded = True

    def _wrapped_up(self, event: Said) -> bool:
        visit = self._of_agent(event, WITH_AGENT) or self._served(event)
        if visit is None:
            return bool(self.visits)
        if event.agent and event.agent == visit.former != visit.agent:
            return True  # who handed it over is done; the other one isn't
        if visit.phase in IN_HAND:
            end = event.at - max(0, event.duration)
            visit.finish(max(visit.fate_at, end), -1, -1, wrap_up=True)
        if not visit.unfinished_at:
            known = event.duration >= 0
            visit.acw = event.duration if known else max(0, event.at - visit.ended_at)
            visit.handled_at = event.at
            visit.last_at = max(visit.last_at, event.at)
            visit.phase = "closed"
        return True
