"""Many runs, each in a process of its own, some at a time.

Rule: whatever becomes of a run, the others go on; one that raises, or never ends, is
wrong. Each has a seed of its own and, unless it is told, as many workers as that says.
"""

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.faults.results import Options, Result
from tests.faults.verdict import first

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 900.0
"""A run's time beyond what it was told: start, the faults' and the judge's patience."""
DYING_SECONDS = 60.0
"""Time for a run that is told to end to kill what it started."""


class Many:
    """Runs in `directory`; `say` prints a line as each one ends."""

    def __init__(self, directory: Path, say: Callable[[str], None]) -> None:
        self._directory = directory
        self._say = say
        self._over = threading.Event()

    def run(self, runs: Sequence[Options], jobs: int) -> list[Result]:
        """The results, in the order of `runs`."""
        with ThreadPoolExecutor(jobs) as pool:
            try:
                return list(pool.map(self._run, runs))
            finally:
                self._over.set()
                pool.shutdown(cancel_futures=True)

    def _run(self, options: Options) -> Result:
        try:
            result = self._result(options)
        except Exception as error:  # noqa: BLE001 - it is told as the run's verdict
            result = Result(options.seed, options.workers, wrong=[repr(error)])
        numbers = ", ".join(f"{n} {name}" for name, n in result.numbers().items())
        self._say(f"seed {result.seed}: {result.verdict}; {numbers}")
        if result.wrong:
            self._say(first(result.wrong, 10))
        return result

    def _result(self, options: Options) -> Result:
        directory = self._directory / f"seed-{options.seed}"
        directory.mkdir()
        said, told = directory / "said.txt", directory / "result.json"
        with said.open("wb") as output:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tests.faults",
                    *arguments(options),
                    f"--directory={directory}",
                    f"--result={told}",
                ],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                self._wait(process, options.seconds + PATIENCE_SECONDS)
            finally:
                _end(process)
        if told.exists():
            return Result.from_json(told.read_text())
        lines = said.read_text(errors="replace").splitlines() or ["nothing"]
        raise RunFailedError(f"exit {process.returncode}: {lines[-1]}")

    def _wait(self, process: "subprocess.Popen[bytes]", seconds: float) -> None:
        left = seconds
        while process.poll() is None and not self._over.wait(0.5):
            left -= 0.5
            if left < 0:
                raise RunFailedError(f"no end after {seconds:g} s")


class RunFailedError(Exception):
    """A run gave no result."""


def arguments(options: Options) -> list[str]:
    """The command line of one run."""
    told = [
        f"--seed={options.seed}",
        f"--seconds={options.seconds:g}",
        f"--workers={options.workers}",
        f"--rate={options.rate:g}",
        f"--clock={options.clock}",
    ]
    return [*told, *(["--long"] if options.long else [])]


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(DYING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
