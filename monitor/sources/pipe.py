"""Lines of a pipe as they come, without holding up the event loop.

Rule: bytes are read from the descriptor in a thread of its own that dies with the
process, because nothing can interrupt a read from a pipe in which nothing comes.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from threading import Semaphore, Thread

from monitor.sources.source import MAX_LINE_BYTES
from monitor.sources.tail import Line

_READ_BYTES = 256 * 1024
_CHUNKS_AHEAD = 4


async def pipe_lines(descriptor: int) -> AsyncIterator[list[Line]]:
    """The lines as they come in, those of one read at a time; ends with the pipe."""
    number = 0
    rest = b""
    async for chunk in _chunks(descriptor):
        *raws, rest = (rest + chunk).split(b"\n")
        while len(rest) > MAX_LINE_BYTES:
            raws.append(rest[:MAX_LINE_BYTES])
            rest = rest[MAX_LINE_BYTES:]
        if raws:
            yield [Line(number + index, raw) for index, raw in enumerate(raws, start=1)]
            number += len(raws)
    if rest:
        yield [Line(number + 1, rest)]


async def _chunks(descriptor: int) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[bytes] = asyncio.Queue()
    free = Semaphore(_CHUNKS_AHEAD)

    def pump() -> None:
        chunk = b"-"
        while chunk:
            free.acquire()
            chunk = os.read(descriptor, _READ_BYTES)
            try:
                loop.call_soon_threadsafe(arrived.put_nowait, chunk)
            except RuntimeError:
                return  # the loop is closed: nobody waits for it any more

    Thread(target=pump, name="pipe", daemon=True).start()
    while chunk := await arrived.get():
        free.release()
        yield chunk
