"""A mirror of an earlier version is written anew, whole, before it is held."""

import orjson
import pytest

from monitor.core.events import Kind
from monitor.pipeline.fatal import ForeignStateError
from monitor.pipeline.mirror import Bounds
from monitor.pipeline.topics import CONTACTS
from monitor.wire.migrations import META_KEY, STATE_VERSION, Rows
from tests.unit.test_pipeline_contacts import AT, Bench, FakeLog, queued


def as_version_1(rows: Rows) -> Rows:
    """As the first release wrote it: with the newest message as a number."""
    old = dict(rows)
    for key, value in rows.items():
        if key[:1] == b"c":
            clocked, visits, log = orjson.loads(value)
            old[key] = orjson.dumps([clocked, AT + 7, visits, log])
    meta = orjson.loads(rows[META_KEY])
    return old | {META_KEY: orjson.dumps(meta | {"v": 1})}


async def old_log(app: str = "callcenter") -> FakeLog:
    """A log whose mirror the first release left behind."""
    log = FakeLog()
    bench = Bench(log, app=app)
    await bench.claim()
    await bench.contacts.process(bench.batch(0, queued("a"), queued("b")))
    await bench.holding().checkpoint()
    log.mirrors[0].rows = as_version_1(log.mirrors[0].rows)
    log.mirrors[0].logs[CONTACTS] = Bounds(0, 2)
    log.committed.clear()
    return log


async def test_the_mirror_is_of_this_version_before_an_event_is_applied() -> None:
    """In one transaction, so that rows of two versions never stand side by side."""
    log = await old_log()
    bench = Bench(log)
    await bench.claim()

    assert bench.waiting() == 2
    assert len(log.committed) == 1
    assert orjson.loads(log.mirrors[0].rows[META_KEY])["v"] == STATE_VERSION
    events = bench.holding().partition.contacts["a"].log
    assert [(one.at, Kind(one.kind)) for one in events] == [
        (AT, Kind.QUEUED),
        (AT + 7, Kind.MESSAGE),
    ]


async def test_another_apps_state_is_not_touched() -> None:
    """It is refused, and that app's own release may still read it."""
    log = await old_log("other")
    bench = Bench(log)
    with pytest.raises(ForeignStateError):
        await bench.claim()

    assert log.committed == []
