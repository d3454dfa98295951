"""From lines to Kafka: each line is translated and handed to a sink.

Rule: the cursor is written after the sink has acknowledged everything before it, never
sooner. A crash between the two sends some lines again, and they are counted once. What
the adapter remembers is written with it, so those lines say the same again.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from operator import attrgetter
from pathlib import Path
from typing import Protocol

from monitor.core.people.events import AnyEvent
from monitor.sources import cursor as cursors
from monitor.sources.recording import Bad, Counts, inferred, translate
from monitor.sources.source import Memory, Remembers, SourceKind
from monitor.sources.tail import Line, Tail

POLL_SECONDS = 0.25
"""How often a followed log is looked at."""
BATCH_LINES = 1000
"""Lines of a whole file between two looks at whether to stop."""


class Sink(Protocol):
    """Where events go; `monitor.pipeline.sink` has the one into Kafka."""

    async def send(self, event: AnyEvent, value: bytes | None = None) -> None:
        """Hand over an event, as these bytes if given."""

    async def dead_letter(
        self, value: bytes, *, reason: str, detail: str, source: str, line: int
    ) -> None:
        """Hand over a line that is no event, byte for byte."""

    async def flush(self) -> None:
        """Return when everything that was handed over is safe."""


class Feed:
    """Sends what lines of one source say."""

    def __init__(
        self,
        kind: SourceKind,
        source: str,
        sink: Sink,
        on_bad: Callable[[Bad], None] | None = None,
    ) -> None:
        """`source` is what events are said to come from; see each bad line `on_bad`."""
        self.counts = Counts()
        self._kind = kind
        self._source = source
        self._sink = sink
        self._on_bad = on_bad
        self._adapter = kind.adapter(source)

    def memory(self) -> Memory:
        """What the lines so far leave behind for those that follow."""
        adapter: object = self._adapter
        return adapter.memory() if isinstance(adapter, Remembers) else {}

    def remember(self, memory: Memory) -> None:
        """Go on from where `memory` was taken; raises `ValueError` if it is damaged."""
        adapter: object = self._adapter
        if memory and isinstance(adapter, Remembers):
            adapter.remember(memory)

    async def lines(self, lines: Iterable[Line]) -> None:
        """Hand over what the lines say, in their order."""
        for number, raw in lines:
            for event in await self._translated(number, raw):
                await self._sink.send(event, raw if self._kind.canonical else None)

    async def lines_in_order_of_time(self, lines: Iterable[Line]) -> None:
        """Hand over what the lines say, sorted by instant: needs all lines at once."""
        events: list[AnyEvent] = []
        for number, raw in lines:
            events += await self._translated(number, raw)
        events += inferred(self._kind, events, self._source, self.counts)
        for event in sorted(events, key=attrgetter("at")):
            await self._sink.send(event)

    async def _translated(self, number: int, raw: bytes) -> Sequence[AnyEvent]:
        result = translate(self._adapter, raw, number, self.counts)
        if not isinstance(result, Bad):
            return result
        if self._on_bad is not None:
            self._on_bad(result)
        await self._sink.dead_letter(
            raw,
            reason=result.reason,
            detail=result.message,
            source=self._source,
            line=number,
        )
        return []


async def send_file(
    feed: Feed,
    kind: SourceKind,
    lines: Iterable[bytes],
    sink: Sink,
    stop: asyncio.Event,
) -> bool:
    """Send a whole file; False when `stop` was set before its end."""
    numbered = (Line(number, raw) for number, raw in enumerate(lines, start=1))
    complete = True
    if kind.in_order:
        batch: list[Line] = []
        for line in numbered:
            batch.append(line)
            if len(batch) == BATCH_LINES:
                await feed.lines(batch)
                batch.clear()
                await asyncio.sleep(0)
                if stop.is_set():
                    complete = False
                    break
        await feed.lines(batch)
    else:
        await feed.lines_in_order_of_time(numbered)
    await sink.flush()
    return complete


async def send_chunks(
    feed: Feed, chunks: AsyncIterator[list[Line]], sink: Sink, stop: asyncio.Event
) -> bool:
    """Send lines as they come in; False when `stop` was set before their end."""
    stopping = asyncio.ensure_future(stop.wait())
    try:
        while True:
            coming = asyncio.ensure_future(anext(chunks, None))
            await asyncio.wait({coming, stopping}, return_when="FIRST_COMPLETED")
            if not coming.done():
                coming.cancel()
                with suppress(asyncio.CancelledError):
                    await coming
                return False
            lines = coming.result()
            if lines is None:
                return True
            await feed.lines(lines)
            await sink.flush()
    finally:
        stopping.cancel()


async def send_log(
    feed: Feed,
    tail: Tail,
    sink: Sink,
    stop: asyncio.Event,
    *,
    log: Path,
    cursor: Path,
    follow: bool,
    on_note: Callable[[str], None],
) -> None:
    """Send what a log has from its cursor on; `follow`: until `stop`, else to its end.

    The cursor is written after each batch that the sink acknowledged. Raises what the
    sink raises, `UnreadableFile`, and `OSError` when the cursor can't be written.
    """
    saved = tail.position
    while True:
        lines = tail.read()
        for note in tail.take_notes():
            on_note(note)
        await feed.lines(lines)
        if lines:
            await sink.flush()
        if tail.position is not None and tail.position != saved:
            cursors.save(cursor, log, tail.position, feed.memory())
            saved = tail.position
        if stop.is_set() or not (lines or follow):
            return
        if not lines:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), POLL_SECONDS)
