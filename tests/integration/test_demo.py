"""`ccmon demo` as a process: a whole day comes out right, and it ends when told to."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from monitor.embedded import summary
from monitor.embedded.day import known_answers, recorded_day, with_people
from tests.support.feeding import offline_report
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
PAGE = re.compile(r"page\s+(http://\S+)")
PEOPLE_TALK = re.compile(
    r'^callcenter_agents\{state="talking"\} [1-9].*'
    r'^callcenter_queue_agents\{queue="PS",state="talking"\} \d',
    re.MULTILINE | re.DOTALL,
)
FIRST_NUMBER_SECONDS = 30.0
"""Far above what it takes (3 s), for machines that are busy with other tests."""


class Demo:
    """One running demo; its output is a file."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.output = directory / "demo.log"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "monitor", "demo", *arguments],
                cwd=directory,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def told(self) -> str:
        return self.output.read_text()

    @property
    def url(self) -> str:
        found = PAGE.search(self.told)
        return found[1] if found else ""

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            text: str = answer.read().decode()
            return text

    def queues(self) -> dict[str, Any]:
        """The queues that the API knows; empty while it doesn't answer."""
        if not self.url:
            return {}
        try:
            return dict(json.loads(self.get("api/v1/queues"))["queues"])
        except OSError:
            return {}

    def agents(self) -> dict[str, Any]:
        """The people whom the API knows; empty while it doesn't answer."""
        if not self.url:
            return {}
        try:
            return dict(json.loads(self.get("api/v1/agents"))["agents"])
        except OSError:
            return {}

    def until_somebody_talks(self) -> None:
        wait_until(
            lambda: any(one["state"] == "talking" for one in self.agents().values()),
            "an agent with a call",
            seconds=FIRST_NUMBER_SECONDS,
        )

    def until_first_number(self) -> None:
        wait_until(
            lambda: bool(self.queues()), "a number", seconds=FIRST_NUMBER_SECONDS
        )

    def children(self) -> list[int]:
        """Process ids of what it started; empty where the system doesn't tell."""
        pid = self.process.pid
        try:
            told = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        except OSError:
            return []
        return [int(child) for child in told.split()]


@contextmanager
def demo(directory: Path, *arguments: str) -> Iterator[Demo]:
    running = Demo(directory, *arguments)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait(30)
        sys.stderr.write(running.told)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_the_whole_day_gives_the_known_numbers(tmp_path: Path) -> None:
    """Page, API and metrics serve while it runs; in the end every number is right.

    The people's too: the demo says of them what the core alone does.
    """
    alone = offline_report(with_people(recorded_day()))
    with demo(tmp_path, "--once", "--speed", "2000", "--listen=127.0.0.1:0") as running:
        running.until_first_number()
        running.until_somebody_talks()
        page = running.get("")
        wait_until(
            lambda: PEOPLE_TALK.search(running.get("metrics")) is not None,
            "people who talk, in the metrics",
        )
        metrics = running.get("metrics")
        health = json.loads(running.get("api/v1/health"))
        code = running.process.wait(120)

    assert "<title>" in page
    assert 'callcenter_contacts_offered_total{queue="PS",channel="voice"}' in metrics
    assert health["ready"]
    assert code == 0
    known = known_answers().total
    for number in (known.offered, known.answered_wait_ms, known.answered_within_20s):
        assert re.search(rf" {number:,} +{number:,}\n", running.told)
    assert "Equal, in total and for each of the 6 queues" in running.told
    assert re.search(r"agents: +\d+ available, +[1-9]\d* busy, ", running.told)
    assert summary.people(alone) in running.told


def test_numbers_that_are_not_the_known_ones_end_with_1(tmp_path: Path) -> None:
    """Calls that are given up after five minutes make other sums."""
    with demo(
        tmp_path,
        "--once",
        "--speed=5000",
        "--listen=127.0.0.1:0",
        "--set=channels.voice.max_age=5m",
    ) as running:
        code = running.process.wait(120)

    assert code == 1
    assert "all queues: talk_ms is " in running.told
    assert "Traceback" not in running.told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_of_it_at_once(
    tmp_path: Path, number: signal.Signals
) -> None:
    """With 0, quickly, and without leaving the broker behind."""
    with demo(tmp_path, "--listen=127.0.0.1:0") as running:
        running.until_first_number()
        children = running.children()
        began = time.monotonic()
        running.process.send_signal(number)
        code = running.process.wait(30)
        seconds = time.monotonic() - began
        wait_until(lambda: all(map(is_gone, children)), "the broker's end")

    assert code == 0
    assert seconds < 5
    assert children or not Path("/proc/self/task").exists()
    assert "The demo has stopped" in running.told
    assert "level=" not in running.told


def test_it_can_be_stopped_while_it_starts(tmp_path: Path) -> None:
    """When its page is there and nothing else yet."""
    with demo(tmp_path, "--listen=127.0.0.1:0") as running:
        wait_until(lambda: bool(running.url), "its page")
        running.process.send_signal(signal.SIGINT)
        code = running.process.wait(30)

    assert code == 0
    assert "The demo has stopped" in running.told
    assert "level=" not in running.told


def test_a_day_that_was_stopped_is_not_a_success(tmp_path: Path) -> None:
    """With --once, somebody waits for the verdict."""
    with demo(tmp_path, "--once", "--listen=127.0.0.1:0") as running:
        running.until_first_number()
        running.process.send_signal(signal.SIGINT)

        assert running.process.wait(30) == 130


def test_a_taken_port_is_left_to_who_has_it(tmp_path: Path) -> None:
    """The default one: another is taken, and told. It ends when its time is over."""
    with socket.socket() as other:
        try:
            other.bind(("127.0.0.1", 8090))
            other.listen()
        except OSError:
            pass  # another program has it: as good
        with demo(tmp_path, "--for=4s") as running:
            code = running.process.wait(60)

    assert code == 0
    assert "Another program listens on 127.0.0.1:8090" in running.told
    assert "127.0.0.1:8090/" not in running.told
    assert running.url


def test_a_taken_port_that_was_asked_for_is_a_mistake(tmp_path: Path) -> None:
    """Whoever names a port wants that one."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with demo(tmp_path, f"--listen=127.0.0.1:{port}") as running:
            code = running.process.wait(60)

    assert code == 2
    assert "another program listens there" in running.told
    assert "Traceback" not in running.told
