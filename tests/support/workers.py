"""Workers as real processes, and what they show."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[2]
URL = re.compile(r"state=serving url=(\S+)")


class WorkerProcess:
    """One `ccmon worker`; its log is `<name>.log` in `directory`.

    As a context manager: killed at the end, if it is still there.
    """

    def __init__(
        self, directory: Path, name: str, bootstrap: str, **settings: object
    ) -> None:
        self.name = name
        self.log = directory / f"{name}.log"
        options = [f"--set={key}={value}" for key, value in settings.items()]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "monitor",
                    "worker",
                    f"--bootstrap={bootstrap}",
                    "--listen=127.0.0.1:0",
                    *options,
                ],
                cwd=directory,
                env=os.environ | {"PYTHONPATH": _path()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def url(self) -> str:
        found = URL.search(self.log.read_text())
        return "" if found is None else found[1]

    def get(self, path: str, *, seconds: float = 2.0) -> bytes | None:
        """What the worker answers; None when it doesn't."""
        if not self.url or self.process.poll() is not None:
            return None
        try:
            with urllib.request.urlopen(self.url + path, timeout=seconds) as answer:
                body: bytes = answer.read()
                return body
        except OSError:
            return None

    def report(self) -> dict[str, Any]:
        """The report of its queues (interface.md section 3); empty when it is mute."""
        body = self.get("/api/v1/queues")
        return {} if body is None else dict(json.loads(body))

    def metrics(self) -> dict[str, float]:
        """Every sample of `/metrics`, by name and labels as written."""
        samples = {}
        for line in (self.get("/metrics") or b"").decode().splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                samples[name] = float(value)
        return samples

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()
        self.process.wait(30)

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def stop(self, *, seconds: float = 30.0) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)
        if error is not None:
            sys.stderr.write(f"--- {self.name}\n{self.log.read_text()[-4000:]}\n")


def _path() -> str:
    """The checkout before what the environment has already, as for profilers."""
    return os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))


def counters(workers: list[WorkerProcess]) -> dict[str, dict[str, float]]:
    """The counters of all workers at about the same moment, by worker and sample."""
    return {
        worker.name: {
            name: value
            for name, value in worker.metrics().items()
            if name.partition("{")[0].endswith(("_total", "_count", "_bucket"))
        }
        for worker in workers
    }


def wait_for_exit(worker: WorkerProcess, *, seconds: float = 60.0) -> int:
    """The exit code of a worker that ends by itself."""
    deadline = time.monotonic() + seconds
    return worker.process.wait(max(0.1, deadline - time.monotonic()))
