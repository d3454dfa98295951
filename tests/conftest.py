"""Fixtures that every part uses: a real Kafka, and its topics made anew for a test.

What needs Java, Maven, promtool or Chromium is skipped with the reason where they are
missing, and fails there when CI=true.
"""

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support import kafka as kafka_support
from tests.support.kafka import KafkaServer
from tests.support.topics import delete_topics

# How long an example takes says more of the machine than of the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

MARKERS = {"kafka_parts": "kafka", "promtool": "promtool", "chromium": "browser"}
"""By fixture, how a test that uses it is marked."""


def _needs(what: str) -> None:
    """Skip the test that lacks `what`; fail it where nothing may be skipped."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have {what}", pytrace=False)
    pytest.skip(f"needs {what}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses a real Kafka, promtool or Chromium, so that -m can choose."""
    for item in items:
        names = getattr(item, "fixturenames", ())
        for fixture, marker in MARKERS.items():
            if fixture in names:
                item.add_marker(marker)


@pytest.fixture(scope="session")
def kafka_parts() -> None:
    """What a real Kafka needs is there: for tests that start one of their own."""
    missing = kafka_support.what_is_missing()
    if missing:
        _needs(missing)


@pytest.fixture(scope="session")
def kafka(
    kafka_parts: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KafkaServer]:
    """One real Kafka for the whole run. A test that kills it must start it again."""
    with KafkaServer(tmp_path_factory.mktemp("kafka")) as server:
        yield server


@pytest.fixture
def fresh_kafka(kafka: KafkaServer) -> KafkaServer:
    """The session's Kafka, running and without any of the product's topics."""
    kafka.start()
    asyncio.run(delete_topics(kafka.bootstrap))
    return kafka


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Prometheus' own checker."""
    found = shutil.which("promtool")
    if found is None:
        _needs("promtool (Debian package prometheus)")
        raise AssertionError
    return Path(found)


@pytest.fixture(scope="session")
def chromium() -> Path:
    """A real browser's program."""
    from tests.support.browser import find_browser

    found = find_browser()
    if found is None:
        _needs("Chromium (Debian package chromium)")
        raise AssertionError
    return found
