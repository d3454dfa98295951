"""A mirror of an earlier version is written anew, whole, before it is held."""

import functools

import orjson
import pytest

from monitor.pipeline import holdings
from monitor.pipeline.fatal import ForeignStateError
from monitor.wire import migrations, state
from monitor.wire.migrations import META_KEY, Rows
from tests.unit.test_pipeline_contacts import Bench, FakeLog, queued


def from_zero(rows: Rows) -> Rows:
    """What led on from a version that never was: contacts stood under `k`."""
    meta = orjson.loads(rows[META_KEY]) | {"v": 1}
    new = {
        (b"c" + key[1:] if key[:1] == b"k" else key): value
        for key, value in rows.items()
    }
    return new | {META_KEY: orjson.dumps(meta)}


@pytest.fixture(autouse=True)
def _steps(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = functools.partial(migrations.migrated, steps={0: from_zero})
    monkeypatch.setattr(holdings, "migrated", steps)
    monkeypatch.setattr(state, "migrated", steps)


async def old_log(app: str = "callcenter") -> FakeLog:
    """A log whose mirror a release of version 0 left behind."""
    log = FakeLog()
    bench = Bench(log, app=app)
    await bench.claim()
    await bench.contacts.process(bench.batch(0, queued("a"), queued("b")))
    await bench.holding().checkpoint()
    rows = log.mirrors[0].rows
    meta = orjson.loads(rows[META_KEY]) | {"v": 0}
    log.mirrors[0].rows = {
        (b"k" + key[1:] if key[:1] == b"c" else key): value
        for key, value in rows.items()
    } | {META_KEY: orjson.dumps(meta)}
    log.mirrors[0].end = 2
    log.committed.clear()
    return log


async def test_the_mirror_is_of_this_version_before_an_event_is_applied() -> None:
    """In one transaction, so that rows of two versions never stand side by side."""
    log = await old_log()
    bench = Bench(log)
    await bench.claim()

    assert bench.waiting() == 2
    assert len(log.committed) == 1
    assert sorted(key for key in log.mirrors[0].rows if key[:1] in b"ck") == [
        b"ca",
        b"cb",
    ]
    assert orjson.loads(log.mirrors[0].rows[META_KEY])["v"] == 1


async def test_another_apps_state_is_not_touched() -> None:
    """It is refused, and that app's own release may still read it."""
    log = await old_log("other")
    bench = Bench(log)
    with pytest.raises(ForeignStateError):
        await bench.claim()

    assert log.committed == []
