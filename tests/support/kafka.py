"""A real Apache Kafka of one node as a Python object: start, stop, kill, start again.

Runs `deploy/kafka/start`. Everything that the broker writes is in one directory, its
log in `kafka.log` there. Started again, it has the same data and the same port. It dies
with the process that started it, however that one ends.
"""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

START = Path(__file__).parents[2] / "deploy" / "kafka" / "start"
STARTED = b"Kafka Server started"
PORTS = range(20_000, 32_000)
"""Below the ports that systems give to clients. Among those, a client that keeps on
trying to reach a dead broker may connect to itself, and the broker can't come back."""
OLDEST_JAVA = 17


class KafkaServerError(Exception):
    """The broker did not start or stop in time; the message has the end of its log."""


def what_is_missing() -> str | None:
    """Say which program a real Kafka needs that isn't here; None: all are here."""
    version = _java_version()
    if version is None:
        return f"Java {OLDEST_JAVA} or later"
    if version < OLDEST_JAVA:
        return f"Java {OLDEST_JAVA} or later (there is {version})"
    return None if shutil.which("mvn") else "Maven (mvn)"


def _java_version() -> int | None:
    home = os.environ.get("JAVA_HOME")
    java = shutil.which(f"{home}/bin/java" if home else "java")
    if java is None:
        return None
    told = subprocess.run(  # Java tells its version on stderr: openjdk version "17.0.1"
        [java, "-version"], capture_output=True, text=True, timeout=60, check=False
    ).stderr
    _, _, rest = told.partition('version "')
    digits = rest.split(".")[0].split('"')[0].split("-")[0]
    return int(digits) if digits.isdigit() else None


def free_port() -> int:
    """Give a port of 127.0.0.1 that is free now, outside of the clients' range."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class KafkaServer:
    """One broker in `directory`. As a context manager: started, and stopped at the end.

    `start()` and `stop()` may be called again and again; so may `kill()`, which is
    `kill -9`. All of them block, for seconds: in a coroutine, call them in a thread.
    """

    def __init__(self, directory: Path, *, proxy_port: int | None = None) -> None:
        """`proxy_port`: clients of a second listener, `proxied_port`, are told to come
        by that port, where a proxy of the caller's leads them back."""
        self.directory = directory
        self.log = directory / "kafka.log"
        self._ports = (free_port(), free_port())
        self.proxied_port = free_port()
        self._proxy_port = proxy_port
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return self._ports[0]

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, *, seconds: float = 120.0) -> Self:
        """Return when the broker serves. `seconds` include fetching it the first time.

        KafkaServerError when it ends or the time does.
        """
        if self.is_running():
            return self
        self.directory.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            before = log.tell()
            self._process = subprocess.Popen(
                [START, self.directory, *map(str, self._ports)],
                env=os.environ | {"KAFKA_PROPERTIES": self._properties()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the tests, which then stop it
            )
        self._guard = _kill_when_we_die(self._process.pid)
        deadline = time.monotonic() + seconds
        while not self._says_started(before):
            if not self.is_running() or time.monotonic() > deadline:
                self.kill()
                raise KafkaServerError(f"no start in {seconds:g} s\n{self._end()}")
            time.sleep(0.05)
        return self

    def stop(self, *, seconds: float = 60.0) -> None:
        """Stop it in good order; KafkaServerError when it had to be killed."""
        if not self.is_running() or self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise KafkaServerError(f"no end in {seconds:g} s\n{self._end()}") from None
        self._release()

    def kill(self) -> None:
        """End it at once, like `kill -9` or a power cut."""
        if self._process is not None and self.is_running():
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(30)
        self._release()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.stop()
        finally:
            self.kill()

    def _properties(self) -> str:
        if self._proxy_port is None:
            return ""
        own, controller = (f"127.0.0.1:{port}" for port in self._ports)
        return (
            f"listeners=PLAINTEXT://{own},PROXIED://127.0.0.1:{self.proxied_port},"
            f"CONTROLLER://{controller}\n"
            f"advertised.listeners=PLAINTEXT://{own},"
            f"PROXIED://127.0.0.1:{self._proxy_port}\n"
            "inter.broker.listener.name=PLAINTEXT\n"
            "listener.security.protocol.map="
            "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
        )

    def _says_started(self, since: int) -> bool:
        with self.log.open("rb") as log:
            log.seek(since)
            return STARTED in log.read()

    def _end(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])

    def _release(self) -> None:
        if self._guard is not None:
            self._guard.kill()
            self._guard.wait()
            if self._guard.stdin is not None:
                self._guard.stdin.close()
            self._guard = None


def _kill_when_we_die(pid: int) -> subprocess.Popen[bytes]:
    """Start a guard who kills the group of `pid` when this process is gone.

    The guard reads a pipe that only this process can write: its end is our end.
    """
    return subprocess.Popen(
        ["/bin/sh", "-c", f"read _; kill -s KILL -- -{pid}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
