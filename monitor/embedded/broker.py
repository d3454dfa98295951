"""The embedded broker: librdkafka's mock cluster in a child process.

Rule: good for the demo and for quick tests, never the only proof of anything. It keeps
about 5 MB of each partition in memory and loses all when it stops. It can't create
topics by request: they appear at first use, with `PARTITIONS` partitions. A group has
one member at a time. Records have no real timestamps. Transactions are accepted, but
nobody is fenced, and a transactional topic can't be read back.

The child speaks with us over two pipes: on its output it says its address, and when its
input ends, it ends. So it lives no longer than we do, however we end.
"""

import signal
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

PARTITIONS = 4
"""Partitions of every topic of the mock cluster; it can't be told otherwise."""

_CHILD = Path(__file__).with_name("mock_cluster.py")
_STOP_SECONDS = 5.0


class EmbeddedBrokerError(Exception):
    """The embedded broker can't be started; the message says what to do."""


class EmbeddedBroker:
    """A mock Kafka on a free loopback port. As a context manager: started and stopped.

    Example:
        with EmbeddedBroker() as broker:
            settings = load(overrides=[f"bootstrap={broker.bootstrap}", …])
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[str] | None = None
        self._bootstrap = ""

    @property
    def bootstrap(self) -> str:
        """`HOST:PORT`; empty before it was started."""
        return self._bootstrap

    def is_running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def start(self, *, seconds: float = 20.0) -> str:
        """Start it and give its `HOST:PORT`. Does nothing when it runs already.

        Raises:
            EmbeddedBrokerError: confluent-kafka isn't installed, or it did not answer
                in `seconds`.
        """
        if self.is_running():
            return self._bootstrap
        if find_spec("confluent_kafka") is None:
            raise EmbeddedBrokerError(
                "the embedded broker needs the package confluent-kafka: "
                "pip install 'callcenter-monitor[demo]'"
            )
        # A session of its own: Ctrl-C ends the program first and then its broker.
        # -P: the child's folder is no place to import from.
        self._child = subprocess.Popen(
            [sys.executable, "-P", str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._bootstrap = self._first_line(self._child, seconds)
        if not self._bootstrap:
            code = self._child.wait()
            self.stop()
            killed = code == -signal.SIGKILL
            how = f"no answer in {seconds:g} s" if killed else f"exit code {code}"
            raise EmbeddedBrokerError(f"the embedded broker did not start: {how}")
        return self._bootstrap

    def stop(self) -> None:
        """End it; everything in it is gone. Does nothing when it doesn't run."""
        child, self._child = self._child, None
        if child is None:
            return
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()
        try:
            child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @staticmethod
    def _first_line(child: "subprocess.Popen[str]", seconds: float) -> str:
        """What the child says first; empty when it ends or the time does."""
        silence = threading.Timer(seconds, child.kill)
        silence.start()
        try:
            return child.stdout.readline().strip() if child.stdout else ""
        finally:
            silence.cancel()
