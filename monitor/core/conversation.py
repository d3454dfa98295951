"""The facts of a conversation: who has written, and who still waits for a response.

Rule: what messages add to the sums is kept with the visit by instant, so that it can be
taken out and put in again like everything else. Messages may be thousands in one
contact; those that no late event can change any more are dropped, and what they said
is kept in a small `Base`, from which the fold goes on.
"""

from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from monitor.core.panes import PANE_MS, Fresh, Page

REMEMBERED_AGENTS = 20_000


class FirstResponse(NamedTuple):
    """What a visit's first response depends on; instants and durations in ms."""

    asked_at: int = 0
    """From when on its customer waits for it; 0: from the entry into the queue."""
    at: int = 0
    """When an agent wrote first; 0: not yet."""
    after_ms: int = 0
    """How long that took."""


class Base(NamedTuple):
    """What the messages before an instant have left of themselves."""

    until: int
    """All that messages and entries before this instant did is in here, and final."""
    last_at: int
    asked_at: int
    is_outside: bool
    carried: dict[str, int]
    responses: list[FirstResponse]
    """Of the visits that had opened by then, in their order."""


class Conversation:
    """What the messages of one contact say now; instants in milliseconds, 0: none."""

    __slots__ = ("asked_at", "base", "carried", "is_outside", "last_at")

    def __init__(self, base: Base | None = None) -> None:
        """Nobody has written since `base`."""
        self.base = base
        self.last_at = 0
        """Instant of the latest message, whoever wrote it."""
        self.asked_at = 0
        """The first customer message that no agent has responded to."""
        self.is_outside = False
        """Whether that was written while the contact was in no visit."""
        self.carried: dict[str, int] = {}
        """Messages by author that the next visit brings along."""
        if base is not None:
            self.last_at = base.last_at
            self.asked_at = base.asked_at
            self.is_outside = base.is_outside
            self.carried = dict(base.carried)

    def is_settled(self, at: int) -> bool:
        """Whether what happened at `at` is in the base already."""
        return self.base is not None and at < self.base.until


class Talk:
    """One visit's part of a conversation."""

    __slots__ = (
        "conversation",
        "is_silent",
        "is_timed",
        "response",
        "said",
        "shown",
        "talker",
    )

    def __init__(self, conversation: Conversation) -> None:
        """Nothing was written in the visit so far."""
        self.conversation = conversation
        self.response = FirstResponse()
        self.said: Fresh = {}
        """What its messages add to the sums, since the base."""
        self.is_silent = False
        """Nobody has written for so long that it is inactive, as of the last look."""
        self.is_timed = False
        """A timer will look whether it is."""
        self.shown = 0
        """How the queue counts it now: `NOT_SHOWN`, `ACTIVE` or `INACTIVE`."""
        self.talker = ""
        """The agent under whom the queue counts it as active."""

    def say(self, at: int, name: str, amount: int) -> None:
        """Note a contribution."""
        page = self.said.get(at // PANE_MS)
        if page is None:
            page = self.said[at // PANE_MS] = Page()
        page[name] += amount

    def forget_before(self, until: int) -> None:
        """Let go of contributions that are final; `until` is a multiple of a pane."""
        for number in [number for number in self.said if number * PANE_MS < until]:
            del self.said[number]


NOT_SHOWN, ACTIVE, INACTIVE = range(3)


def post_said(talk: Talk, fresh: Fresh) -> None:
    """Contribute what was written, at the instants of the messages."""
    for number, page in talk.said.items():
        target = fresh.get(number)
        if target is None:
            target = fresh[number] = Page()
        for name, amount in page.items():
            target[name] += amount


@lru_cache(maxsize=REMEMBERED_AGENTS)
def mark_of(agent: str) -> int:
    """A number that stands for an agent, so that names needn't travel.

    48 bits: among 10,000 agents two have the same one in 1 of 5 million call centers.
    """
    name = agent.encode(errors="surrogatepass")
    return int.from_bytes(blake2b(name, digest_size=6).digest(), "big")
