"""The facts of one visit, as the judge finds them.

Rule: plain facts that events change; nothing here is summed.
"""

from dataclasses import dataclass, field

WAITS = {"waiting", "alerting"}
"""Phases in which a visit waits."""
IN_HAND = {"talking", "held"}
WITH_AGENT = {"talking", "held", "wrap_up"}


@dataclass(eq=False)
class Visit:
    """Facts of one visit; instants and durations in milliseconds, 0: not yet."""

    contact: str
    number: int
    queue: str
    channel: str
    queued_at: int
    source: str = ""
    entry_seen: bool = True
    phase: str = "waiting"
    fate: str = "waiting"
    reason: str = ""
    fate_at: int = 0
    wait: int = 0
    concluded: bool = False
    agent: str = ""
    former: str = ""
    ringing: int = 0
    held_since: int = 0
    talk: int = 0
    hold: int = 0
    acw: int = 0
    ended_at: int = 0
    handled_at: int = 0
    unfinished_at: int = 0
    last_at: int = 0
    written_at: int = 0
    """Instant of the last message."""
    extras: list[tuple[int, str]] = field(default_factory=list)

    def settle(self, fate: str, at: int, wait: int, reason: str = "") -> None:
        """The wait is over; a reported wait beats the clocks."""
        self.fate, self.fate_at, self.reason = fate, at, reason
        self.wait = wait if wait >= 0 else max(0, at - self.queued_at)
        self.ringing = 0
        self.last_at = max(self.last_at, at)

    def finish(self, at: int, talk: int, hold: int, *, wrap_up: bool) -> None:
        """The customer is gone."""
        if self.held_since:
            self.hold += max(0, at - self.held_since)
            self.held_since = 0
        if hold >= 0:
            self.hold = hold
        self.talk = talk if talk >= 0 else max(0, at - self.fate_at - self.hold)
        self.ended_at = at
        self.last_at = max(self.last_at, at)
        self.concluded = False
        self.handled_at = 0 if wrap_up else at
        self.phase = "wrap_up" if wrap_up else "closed"

    def extra(self, at: int, name: str) -> None:
        self.extras.append((at, name))
        self.last_at = max(self.last_at, at)
