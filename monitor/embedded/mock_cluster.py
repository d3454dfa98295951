"""The child process of the embedded broker: says its address, ends with its input.

Rule: started by path, imports nothing of the product. The mock cluster is part of
librdkafka, for its own tests, and two of its habits would spoil a live view:

* The first member of a group waits 3 s for others. The C interface can change that, so
  the cluster is made through it; where it isn't found (on Windows), by a producer, as
  the Python package offers it, and the 3 s stay.
* A fetch that finds nothing is answered when its longest wait is over, also when
  records come meanwhile. Clients ask for waits of up to 1.5 s, so what is read would be
  as old. Hence clients talk to a relay in front of the cluster, which shortens the wait
  that a fetch asks for, and puts its own port where the cluster names its own.
"""

import asyncio
import ctypes
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from confluent_kafka import Producer, cimpl

ANSWER_SECONDS = 10.0
LONGEST_WAIT_MS = 20
"""Longest wait of a fetch that finds nothing: how old a record is when it is read."""

_PRODUCER = 0
_FETCH = 1
_LAST_PLAIN_FETCH = 11
"""Newest version of a fetch whose wait stands where `_shorten_wait` looks for it."""
_CLIENT_ID_AT = 8
"""Where a request's client id begins: after its kind, version and correlation id."""

Change = Callable[[bytearray], None]


def main() -> None:
    """Run the mock cluster until standard input ends."""
    threading.Thread(target=_end_with_input, daemon=True).start()
    asyncio.run(_relay(*_start_cluster()))


def _end_with_input() -> None:
    sys.stdin.read()
    # Nothing is worth keeping, and librdkafka's own end can take seconds.
    os._exit(0)


def _start_cluster() -> tuple[str, int]:
    """Host and port of a mock cluster of one broker, which runs until we end."""
    try:
        address = _make_by_c()
    except (AttributeError, OSError):  # the C interface isn't where we look for it
        address = _make_by_producer()
    host, _, port = address.rpartition(":")
    return host, int(port)


def _make_by_c() -> str:
    rdkafka = ctypes.CDLL(cimpl.__file__)
    for name in ("conf_new", "new", "mock_cluster_new"):
        getattr(rdkafka, f"rd_kafka_{name}").restype = ctypes.c_void_p
    rdkafka.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    error = ctypes.create_string_buffer(256)
    conf = ctypes.c_void_p(rdkafka.rd_kafka_conf_new())
    rdkafka.rd_kafka_conf_set(conf, b"log_level", b"0", error, len(error))
    client = rdkafka.rd_kafka_new(_PRODUCER, conf, error, len(error))
    if client is None:
        raise OSError(error.value.decode())
    cluster = ctypes.c_void_p(
        rdkafka.rd_kafka_mock_cluster_new(ctypes.c_void_p(client), 1)
    )
    rdkafka.rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 0)
    address: bytes = rdkafka.rd_kafka_mock_cluster_bootstraps(cluster)
    return address.decode()


_kept: list[Producer] = []
"""A cluster ends with the producer that made it."""


def _make_by_producer() -> str:
    client = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    _kept.append(client)
    broker = next(iter(client.list_topics(timeout=ANSWER_SECONDS).brokers.values()))
    return f"{broker.host}:{broker.port}"


async def _relay(host: str, port: int) -> None:
    """Stand in front of the cluster at `host` and `port`; say where; never return."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(host, port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(
            _pass_on(reader, far_writer, _shorten_wait),
            _pass_on(far_reader, writer, name_relay),
        )

    def name_relay(answer: bytearray) -> None:
        answer[:] = answer.replace(theirs, ours)

    server = await asyncio.start_server(serve, host, 0)
    address: Any = server.sockets[0].getsockname()
    # In an answer an address is the host's name and then the port in four bytes.
    theirs, ours = (host.encode() + n.to_bytes(4, "big") for n in (port, address[1]))
    print(f"{host}:{address[1]}", flush=True)  # noqa: T201, for the parent
    await server.serve_forever()


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, change: Change
) -> None:
    """Pass messages on, each changed, until one side closes."""
    try:
        while True:
            size = await reader.readexactly(4)
            message = bytearray(await reader.readexactly(int.from_bytes(size, "big")))
            change(message)
            writer.write(size + message)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        return
    finally:
        writer.close()


def _shorten_wait(request: bytearray) -> None:
    kind = int.from_bytes(request[:2], "big")
    version = int.from_bytes(request[2:4], "big")
    if kind != _FETCH or version > _LAST_PLAIN_FETCH:
        return
    client_id = int.from_bytes(
        request[_CLIENT_ID_AT : _CLIENT_ID_AT + 2], "big", signed=True
    )
    # Between client id and wait: the id of the replica, four bytes.
    wait_at = _CLIENT_ID_AT + 2 + max(0, client_id) + 4
    wait_ms = int.from_bytes(request[wait_at : wait_at + 4], "big")
    shorter = min(wait_ms, LONGEST_WAIT_MS)
    request[wait_at : wait_at + 4] = shorter.to_bytes(4, "big")


if __name__ == "__main__":
    main()
