"""Who is in which queues of a PBX: what the agents' lines of a `queue_log` add up to.

Rule: a line speaks of one agent and one queue (or of all of the agent's), an event of
everything that the agent serves. So what the lines said is kept, and each line becomes
the difference that it makes to the agent, or nothing.

* Logged in: a member of any queue. Where the log has AGENTLOGIN or AGENTCALLBACKLOGIN,
  the phone counts: between its logoff and its next login nobody is there.
* Paused in some queues: serves the others, and isn't away. Paused in all: away, with
  the reason that was given last, and serves all of them again as far as it is told.
* PAUSEALL comes with the phone's name, which may be another one than the member's, and
  the same PAUSE follows for each queue. So it only counts for names that are known.
* Members that a configuration file names are never announced: who answers or lets a
  call ring is known to serve that queue, once anything is said of them.
* A restart of Asterisk forgets calls, not members.

Lines of one second keep their order: the events of an agent are at least a millisecond
apart. A line up to 15 minutes older than what is known of agent and queue is one that
came twice or too late, and changes nothing; an older one means that the clock was set
back or an old log is read again, and is taken as it comes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from monitor.core.people.events import AgentEvent, AgentKind
from monitor.sources.source import Memory

MAX_AGENTS = 10_000
"""Agents that are remembered; of more, those who are logged out are forgotten."""
MAX_QUEUES = 200
"""Queues of one agent; an event holds no more."""
LATE_MS = 15 * 60_000
STEP_MS = 1
"""How far apart the events of one agent are at least."""


class Member(NamedTuple):
    """What was said last of an agent and a queue."""

    at: int
    """Instant of the line, milliseconds UTC."""
    serves: bool
    paused: bool


class Standing(NamedTuple):
    """What all lines say of an agent."""

    is_in: bool
    queues: tuple[str, ...]
    away: bool
    reason: str


@dataclass(slots=True)
class Agent:
    """What is known of one agent."""

    queues: dict[str, Member] = field(default_factory=dict)
    phone: bool | None = None
    """Whether the phone is logged in; None: the log doesn't say."""
    phone_at: int = 0
    all_paused: bool = False
    all_paused_at: int = 0
    reason: str = ""
    """Why paused, as it was said last."""
    told: Standing | None = None
    """What the events told; None: nothing yet."""
    told_at: int = 0
    """The instant of the latest event."""

    @property
    def is_known(self) -> bool:
        """Whether a line named a queue of this agent, or the phone."""
        return bool(self.queues) or self.phone is not None

    def standing(self) -> Standing:
        """What the lines add up to."""
        served = {name: each for name, each in self.queues.items() if each.serves}
        free = [name for name, each in served.items() if not each.paused]
        away = not free if served else self.all_paused
        return Standing(
            is_in=bool(served) if self.phone is None else self.phone,
            queues=tuple(sorted(free or served)),
            away=away,
            reason=self.reason if away else "",
        )

    def put(self, queue: str, at: int, *, serves: bool, paused: bool) -> None:
        """Take what a line says of a queue, unless a later one said something else."""
        known = self.queues.get(queue)
        if known is not None and _is_late(at, known.at):
            return
        if known is None and len(self.queues) >= MAX_QUEUES:
            gone = [name for name, each in self.queues.items() if not each.serves]
            for name in gone:
                del self.queues[name]
            if not gone:
                return
        self.queues[queue] = Member(at, serves, paused)

    def next_instant(self, at: int) -> int:
        """When an event of a line of the instant `at` happens."""
        if at < self.told_at - LATE_MS:
            return at
        return max(at, self.told_at + STEP_MS)


def _is_late(at: int, known_at: int) -> bool:
    return known_at - LATE_MS <= at < known_at


class Members:
    """The agents of one PBX."""

    def __init__(self) -> None:
        """Nobody is known."""
        self._agents: dict[str, Agent] = {}
        self._is_full = False
        """Whether there is no room, and nobody to be forgotten."""

    def hear(
        self, verb: str, at: int, agent: str, queue: str, detail: str
    ) -> list[AgentEvent]:
        """The events of a line; empty: it says nothing new.

        `detail` is the line's first data field. Events have neither source nor id.
        """
        known = self._agent(agent)
        if known is None:
            return []
        before = known.told
        _VERBS[verb](known, at, queue, detail)
        if not known.is_known:
            return []
        standing = known.standing()
        said = _difference(
            before,
            standing,
            announced=verb in _LOGINS,
            knows_queues=bool(known.queues),
        )
        known.told = standing
        if not standing.is_in:
            self._is_full = False
        if not said:
            return []
        known.told_at = known.next_instant(at)
        return [event._replace(at=known.told_at, agent=agent) for event in said]

    def at_work(self, agent: str, queue: str, at: int) -> None:
        """A call of the queue reached the agent, who therefore serves it."""
        if not agent or not queue:
            return
        known = self._agent(agent)
        # What was said of the two is better than what follows from a call.
        if known is not None and queue not in known.queues:
            known.put(queue, at, serves=True, paused=known.all_paused)

    def _agent(self, name: str) -> Agent | None:
        agent = self._agents.get(name)
        if agent is None:
            if len(self._agents) >= MAX_AGENTS:
                self._make_room()
            if self._is_full:
                return None
            agent = self._agents[name] = Agent()
        return agent

    def _make_room(self) -> None:
        """Forget who is logged out; once that is nobody, wait until somebody is."""
        if not self._is_full:
            agents = self._agents.items()
            self._agents = {n: each for n, each in agents if each.standing().is_in}
            self._is_full = len(self._agents) >= MAX_AGENTS

    def memory(self) -> Memory:
        """Everything that is known, as plain values."""
        return {"agents": {n: _plain(each) for n, each in self._agents.items()}}

    def remember(self, memory: Memory) -> None:
        """Know what `memory` gave; raises `ValueError` for anything else."""
        try:
            agents = {str(n): _agent_of(v) for n, v in memory["agents"].items()}
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"what was remembered of agents: {error!r}") from error
        self._agents = agents


def _plain(agent: Agent) -> list[Any]:
    return [
        {name: list(each) for name, each in agent.queues.items()},
        [agent.phone, agent.phone_at],
        [agent.all_paused, agent.all_paused_at, agent.reason],
        [agent.told and list(agent.told), agent.told_at],
    ]


def _agent_of(plain: Any) -> Agent:
    queues, (phone, phone_at), (paused, paused_at, reason), (told, told_at) = plain
    standing = None
    if told is not None:
        is_in, served, away, why = told
        names = tuple(str(name) for name in served)
        standing = Standing(bool(is_in), names, bool(away), str(why))
    return Agent(
        queues={
            str(name): Member(int(at), bool(serves), bool(is_paused))
            for name, (at, serves, is_paused) in queues.items()
        },
        phone=None if phone is None else bool(phone),
        phone_at=int(phone_at),
        all_paused=bool(paused),
        all_paused_at=int(paused_at),
        reason=str(reason),
        told=standing,
        told_at=int(told_at),
    )


# -- what each verb does ----------------------------------------------------------

Hear = Callable[[Agent, int, str, str], None]
"""Takes the agent, the instant, the queue and the first data field."""


def _added(agent: Agent, at: int, queue: str, detail: str) -> None:
    paused = detail == "PAUSED"
    if paused and not agent.standing().away:
        agent.reason = ""
    agent.put(queue, at, serves=True, paused=paused)
    if agent.phone is False and not _is_late(at, agent.phone_at):
        agent.phone = None


def _removed(agent: Agent, at: int, queue: str, detail: str) -> None:
    del detail
    agent.put(queue, at, serves=False, paused=False)


def _paused(agent: Agent, at: int, queue: str, detail: str) -> None:
    agent.reason = detail
    agent.put(queue, at, serves=True, paused=True)


def _unpaused(agent: Agent, at: int, queue: str, detail: str) -> None:
    del detail
    agent.all_paused = False
    agent.put(queue, at, serves=True, paused=False)


def _all(*, paused: bool) -> Hear:
    def hear(agent: Agent, at: int, queue: str, detail: str) -> None:
        del queue
        if _is_late(at, agent.all_paused_at):
            return
        agent.all_paused, agent.all_paused_at = paused, at
        if paused:
            agent.reason = detail
        for name, each in agent.queues.items():
            if each.serves:
                agent.put(name, at, serves=True, paused=paused)

    return hear


def _phone(*, is_in: bool) -> Hear:
    def hear(agent: Agent, at: int, queue: str, detail: str) -> None:
        del queue, detail
        if _is_late(at, agent.phone_at):
            return
        agent.phone, agent.phone_at = is_in, at
        if not is_in:
            agent.all_paused = False

    return hear


_VERBS: Mapping[str, Hear] = {
    "ADDMEMBER": _added,
    "REMOVEMEMBER": _removed,
    "PAUSE": _paused,
    "UNPAUSE": _unpaused,
    "PAUSEALL": _all(paused=True),
    "UNPAUSEALL": _all(paused=False),
    "AGENTLOGIN": _phone(is_in=True),
    "AGENTLOGOFF": _phone(is_in=False),
    "AGENTCALLBACKLOGIN": _phone(is_in=True),
    "AGENTCALLBACKLOGOFF": _phone(is_in=False),
}
AGENT_VERBS = frozenset(_VERBS)
"""Verbs about what an agent says."""
QUEUE_VERBS = frozenset({"ADDMEMBER", "REMOVEMEMBER", "PAUSE", "UNPAUSE"})
"""Those of them that name a queue."""
_LOGINS = frozenset({"ADDMEMBER", "AGENTLOGIN", "AGENTCALLBACKLOGIN"})


def _difference(
    told: Standing | None, now: Standing, *, announced: bool, knows_queues: bool
) -> list[AgentEvent]:
    """What is to be said when `told` was; in the canonical order."""
    if not now.is_in:
        was_in = told is None or told.is_in
        return [AgentEvent(0, AgentKind.LOGGED_OUT, "")] if was_in else []
    if told is None and not announced:
        # Whom no line announced was there before the log began, ready or not.
        stance = AgentKind.AWAY if now.away else AgentKind.READY
        return [*_serves(now.queues), AgentEvent(0, stance, "", now.reason)]
    said = []
    if told is None or not told.is_in:
        login = AgentEvent(0, AgentKind.LOGGED_IN, "", "", knows_queues, now.queues)
        said.append(login)
        told = Standing(is_in=True, queues=now.queues, away=False, reason="")
    elif now.queues != told.queues:
        said += _serves(now.queues)
    if now.away and (not told.away or now.reason != told.reason):
        said.append(AgentEvent(0, AgentKind.AWAY, "", now.reason))
    elif told.away and not now.away:
        said.append(AgentEvent(0, AgentKind.READY, ""))
    return said


def _serves(queues: tuple[str, ...]) -> list[AgentEvent]:
    return [AgentEvent(0, AgentKind.QUEUES, "", "", True, queues)]
