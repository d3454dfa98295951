"""Contacts with all kinds of lives, as sources would tell of them.

Rule: what is told is what a source could know, by its own clock; nothing here is meant
to be easy on whoever reads it.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

HORIZON_MS = 300_000
OFFSETS_MS = {
    "pbx:exact": 0,
    "pbx:fast": 30_000,
    "pbx:slow": -30_000,
    "pbx:odd": 7_345,
    "cloud:1": -2_500,
    "desktop:1": -21_000,
}
"""How far each source's clock is off."""
QUEUES = tuple(f"queue-{number}" for number in range(8))
LEFT = ("timeout", "empty", "key", "overflow", "voicemail", "callback", "moon phase")
REFUSED = ("full", "closed", "empty", "too nice")

Fields = dict[str, Any]


class Life:
    """One contact's life; `tell` gives true instants and what is said of them."""

    def __init__(
        self, contact: str, chance: random.Random, restarts: dict[str, list[int]]
    ) -> None:
        self.chance = chance
        self.contact = contact
        self.source = chance.choice(list(OFFSETS_MS))
        self.second = chance.choice(list(OFFSETS_MS))
        self.two_sources = chance.random() < 0.2
        self.names_queue = chance.random() < 0.8
        self.numbered = chance.random() < 0.1
        self.with_ids = chance.random() < 0.7
        self.channel = chance.choice(("", "voice", "voice", "chat", "callback"))
        self.queue = chance.choice(QUEUES)
        self.agent = f"agent-{chance.randrange(60)}"
        self.visit = 1
        self._told = 0
        self._restarts = restarts.get(self.source, [])
        self._cut_off = chance.random() < 0.8

    def tell(self, begin: int) -> Iterator[tuple[int, Fields]]:
        """The events; after a restart of the source mostly nothing more is heard."""
        cut = min((at for at in self._restarts if at > begin), default=1 << 60)
        for at, fields in self._live(begin):
            if at > cut and self._cut_off:
                return
            yield at, fields

    def _say(self, at: int, what: str, **own: Any) -> tuple[int, Fields]:
        second = self.two_sources and what in ("answered", "ended", "held", "resumed")
        source = self.second if second else self.source
        stamp: int | str = at + OFFSETS_MS[source]
        if self.chance.random() < 0.1:
            moment = datetime.fromtimestamp(int(stamp) / 1000, UTC)
            stamp = moment.isoformat(timespec="milliseconds")
        fields: Fields = {"type": f"contact.{what}", "at": stamp, "source": source}
        fields["contact"] = self.contact
        if self.names_queue or what in ("queued", "rejected"):
            fields["queue"] = self.queue
        if self.channel and what in ("queued", "rejected", "answered"):
            fields["channel"] = self.channel
        if self.numbered:
            fields["visit"] = self.visit
        if self.with_ids:
            fields["id"] = f"{self.contact}:{self._told}"
        self._told += 1
        return at, fields | own

    def _wait(self, mean: int) -> int:
        return 200 + int(self.chance.expovariate(1 / mean))

    def _live(self, at: int) -> Iterator[tuple[int, Fields]]:
        kind = self.chance.random()
        if kind < 0.04:
            yield self._say(at, "rejected", reason=self.chance.choice(REFUSED))
            return
        if kind < 0.08:  # known by its answer only
            queue, wait = {"queue": self.queue}, self._wait(20_000)
            yield self._say(at, "answered", agent=self.agent, wait_ms=wait, **queue)
            yield from self._hand(at)
            return
        wait = self._wait(25_000)
        if kind < 0.13:
            wait = self._wait(2_000)
        yield self._say(at, "queued")
        yield from self._after_entry(at, wait)

    def _after_entry(self, at: int, wait: int) -> Iterator[tuple[int, Fields]]:
        kind = self.chance.random()
        reported = (
            {"wait_ms": wait // 1000 * 1000} if self.chance.random() < 0.4 else {}
        )
        out = at + wait
        if kind < 0.14:
            yield self._say(out, "abandoned", **reported)
        elif kind < 0.22:
            yield self._say(out, "left", reason=self.chance.choice(LEFT), **reported)
            if self.chance.random() < 0.4:
                yield from self._next_queue(out + self.chance.randrange(3_000))
        elif kind < 0.25:
            return  # nobody ever tells how it ended
        elif kind < 0.27:
            by = self.chance.choice(("customer", "system"))
            yield self._say(out, "ended", by=by)
        elif kind < 0.30:
            yield from self._next_queue(out)  # overflow that nobody announces
        else:
            for begin in range(at, out, 12_000):
                yield self._say(begin + 500, "alerting", agent=self.agent)
                if begin + 12_000 < out:
                    reason = self.chance.choice(("no_answer", "no_answer", "rejected"))
                    yield self._say(begin + 11_000, "alert_ended", reason=reason)
            yield self._say(out, "answered", agent=self.agent, **reported)
            yield from self._hand(out)

    def _hand(self, at: int) -> Iterator[tuple[int, Fields]]:
        held = 0
        while self.chance.random() < 0.3:
            at += self._wait(30_000)
            yield self._say(at, "held", agent=self.agent)
            rest = self._wait(20_000)
            if self.chance.random() < 0.9:
                at, held = at + rest, held + rest
                yield self._say(at, "resumed", agent=self.agent)
        if self.channel == "chat":
            for _ in range(self.chance.randrange(6)):
                at += self._wait(20_000)
                yield self._say(at, "message", author="agent", agent=self.agent)
        end = at + self._wait(90_000)
        kind = self.chance.random()
        if kind < 0.04:
            return  # the end is never heard
        if kind < 0.10:
            yield self._say(end, "transferred", kind="queue", agent=self.agent)
            yield self._say(end, "ended", by="agent", agent=self.agent)
            yield from self._next_queue(end + self.chance.randrange(2_000))
            return
        if kind < 0.16:
            yield from self._to_colleague(end)
            return
        yield from self._end(end, held)

    def _to_colleague(self, at: int) -> Iterator[tuple[int, Fields]]:
        first, self.agent = self.agent, f"agent-{self.chance.randrange(60)}"
        how = self.chance.choice(("blind", "attended"))
        yield self._say(at, "transferred", kind=how, agent=first)
        yield self._say(at + 3_000, "answered", agent=self.agent)
        if self.chance.random() < 0.5:
            yield self._say(at + 4_000, "ended", by="agent", agent=first)
        yield from self._end(at + self._wait(60_000), 0)

    def _end(self, at: int, held: int) -> Iterator[tuple[int, Fields]]:
        own: Fields = {"by": self.chance.choice(("customer", "agent"))}
        if self.chance.random() < 0.5:
            own["agent"] = self.agent
        if self.chance.random() < 0.3:
            own |= {"talk_ms": self._wait(90_000), "hold_ms": held}
        wrap_up = self.chance.random() < 0.6
        yield self._say(at, "ended", **own, wrap_up=wrap_up)
        if wrap_up or self.chance.random() < 0.1:
            acw = self._wait(25_000)
            if self.chance.random() < 0.02:
                acw += 2 * HORIZON_MS  # gone to lunch in between
            told = {"acw_ms": acw} if self.chance.random() < 0.5 else {}
            at += acw
            yield self._say(at, "wrapped_up", agent=self.agent, **told)
        if self.chance.random() < 0.1:
            yield self._say(at + 5_000, "rated", survey="csat", score=4)
        if self.chance.random() < 0.03:
            back = self.chance.choice((60_000, 2 * HORIZON_MS, 3 * HORIZON_MS))
            yield from self._next_queue(at + back)

    def _next_queue(self, at: int) -> Iterator[tuple[int, Fields]]:
        self.visit += 1
        self.queue = self.chance.choice(QUEUES)
        yield self._say(at, "queued")
        yield from self._after_entry(at, self._wait(20_000))
