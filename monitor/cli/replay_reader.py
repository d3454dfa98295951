"""What `ccmon replay` reads: events of contacts and of people, counted.

Rule: what a line says is the same whether it is played into Kafka or folded offline,
and both kinds of events keep the order of the file.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from monitor.sources import AnyEvent, SourceKind
from monitor.sources.files import file_lines
from monitor.sources.pacing import Played, Selection, played_events
from monitor.sources.recording import Bad, Counts

BAD_LINES_SHOWN = 10


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

    def played(self) -> Iterable[Played]:
        """What is to be played, once."""
        return played_events(
            file_lines(self.path), self._kind, self._selection, self.counts, self._bad
        )

    def events(self) -> Iterable[AnyEvent]:
        """The same, without the bytes to send."""
        return (played.event for played in self.played())

    def _bad(self, bad: Bad) -> None:
        if self.counts.bad.total() <= BAD_LINES_SHOWN:
            self._say(f"line {bad.number}: {bad.message}")
        if self.counts.bad.total() == BAD_LINES_SHOWN:
            self._say("further bad lines are only counted")
