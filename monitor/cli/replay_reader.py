"""What `ccmon replay` reads: events of contacts, and offline those of people as well.

Rule: a line is one or the other; both keep the order of the file.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from monitor.core.events import Event
from monitor.core.people.events import AgentEvent
from monitor.sources import SourceKind
from monitor.sources.files import file_lines
from monitor.sources.pacing import Played, Selection, played_events
from monitor.sources.recording import Bad, Counts
from monitor.wire.agent_events import decode_agent_event
from monitor.wire.errors import BadRecord

BAD_LINES_SHOWN = 10
AGENT_LINE = b'"agent.'
"""Every agent event has it; so may a contact's, which is looked at more closely."""


class Reader:
    """The events of the file, counted; says the first bad lines."""

    def __init__(
        self,
        path: Path,
        kind: SourceKind,
        selection: Selection,
        say: Callable[[str], None],
    ) -> None:
        self.path = path
        self.counts = Counts()
        self._kind = kind
        self._selection = selection
        self._say = say

    def events(self) -> Iterable[Played]:
        """What is to be played, once."""
        return played_events(
            file_lines(self.path), self._kind, self._selection, self.counts, self._bad
        )

    def everything(self) -> Iterable[Event | AgentEvent]:
        """Events of contacts and, from canonical lines, of people, once."""
        events = self._everything()
        if self._selection.by_time:
            return sorted(events, key=lambda event: event.at)
        return events

    def _everything(self) -> Iterable[Event | AgentEvent]:
        """Told apart line by line, so both keep the order of the file."""
        said: list[AgentEvent] = []
        lines: Iterable[bytes] = file_lines(self.path)
        if self._kind.canonical:
            lines = self._contact_lines(lines, said)
        played = played_events(
            lines, self._kind, self._selection, self.counts, self._bad
        )
        for each in played:
            yield from said
            said.clear()
            yield each.event
        yield from said

    def _contact_lines(
        self, lines: Iterable[bytes], said: list[AgentEvent]
    ) -> Iterable[bytes]:
        """The same lines, a blank one in place of each that a person said."""
        until = self._selection.until
        for number, raw in enumerate(lines, start=1):
            if AGENT_LINE not in raw:
                yield raw
                continue
            try:
                event = decode_agent_event(raw)
            except BadRecord as error:
                # A contact's line that gets so far is wrong for every reader.
                self.counts.bad[error.reason] += 1
                self._bad(Bad(number, raw, error.reason, str(error)))
                yield b""
                continue
            if event is None or not event.agent:
                yield raw
                continue
            self.counts.events += 1
            if until is None or event.at <= until:
                said.append(event)
            yield b""

    def _bad(self, bad: Bad) -> None:
        if self.counts.bad.total() <= BAD_LINES_SHOWN:
            self._say(f"line {bad.number}: {bad.message}")
        if self.counts.bad.total() == BAD_LINES_SHOWN:
            self._say("further bad lines are only counted")
