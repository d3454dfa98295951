"""A TCP proxy on loopback that cuts, half-closes, delays and swallows.

Rule: it knows nothing of Kafka. It runs in a thread of its own; a fault lasts until
`heal`, which also ends every connection that a fault has harmed.
"""

import asyncio
import threading
from types import TracebackType
from typing import Self

from tests.support.kafka import free_port

CHUNK = 65_536
HARMS = ("refuse", "stall", "delay", "swallow", "half_close", "mute")


class Proxy:
    """From `port` to a target port, both on 127.0.0.1. As a context manager: running.

    `refuse` ends all connections and takes no new ones; `stall` lets nothing through;
    `delay` lets all through late; `swallow` loses what the target answers on the
    connections that are there; `half_close` ends one direction of those; `mute` holds
    back what the target answers, and lets all through that it is told.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.target = 0
        self._mode = ""
        self._swallowed: set[asyncio.StreamWriter] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._to_clients: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._may_pass = asyncio.Event()
        self._may_answer = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._ready = threading.Event()
        self._delay = 0.0

    def harm(self, mode: str, *, delay: float = 0.5) -> None:
        """Begin one of `HARMS`."""
        self._loop.call_soon_threadsafe(self._harm, mode, delay)

    def heal(self) -> None:
        """Let everything through again."""
        self._loop.call_soon_threadsafe(self._heal)

    def _harm(self, mode: str, delay: float) -> None:
        self._mode = mode
        if mode == "refuse":
            for writer in self._writers:
                writer.close()
        elif mode == "stall":
            self._may_pass.clear()
            self._may_answer.clear()
        elif mode == "mute":
            self._may_answer.clear()
        elif mode == "delay":
            self._delay = delay
        elif mode == "swallow":
            self._swallowed = set(self._to_clients)
        elif mode == "half_close":
            for writer in self._to_clients:
                if writer.can_write_eof() and not writer.is_closing():
                    writer.write_eof()

    def _heal(self) -> None:
        for writer in self._swallowed:
            writer.close()
        self._swallowed.clear()
        self._mode, self._delay = "", 0.0
        self._may_pass.set()
        self._may_answer.set()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stopped = asyncio.Event()
        self._heal()
        server = await asyncio.start_server(self._client, "127.0.0.1", self.port)
        self._ready.set()
        await self._stopped.wait()
        server.close()
        for writer in list(self._writers):
            writer.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _client(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self._mode == "refuse":
            writer.close()
            return
        try:
            there, to_target = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        mine = {writer, to_target}
        self._writers |= mine
        self._to_clients.add(writer)
        try:
            await asyncio.gather(
                self._pump(reader, to_target, self._may_pass),
                self._pump(there, writer, self._may_answer),
            )
        finally:
            self._writers -= mine
            self._to_clients.discard(writer)
            self._swallowed.discard(writer)
            for end in mine:
                end.close()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        may_pass: asyncio.Event,
    ) -> None:
        try:
            while data := await reader.read(CHUNK):
                await may_pass.wait()
                if self._delay:
                    await asyncio.sleep(self._delay)
                if writer not in self._swallowed:
                    writer.write(data)
                    await writer.drain()
        except (OSError, RuntimeError):
            pass  # an end is gone, or closed for writing: so is the other
        writer.close()

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(10)
