"""The state agrees with itself and with its rows after any history."""

from itertools import chain

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.audit import audit
from monitor.core.events import Event
from monitor.core.partition import Partition
from monitor.wire.sample import Share, differences, sample
from monitor.wire.state import restore, take_rows
from tests.properties.histories import RULES, SPAN_MS, START, histories

NOW = START + SPAN_MS
DEEP = settings(max_examples=200, deadline=None)
EVERYTHING = Share(contacts=1, queues=1, turn=0)


def rows_of(partition: Partition, share: Share) -> dict[bytes, bytes]:
    rows: dict[bytes, bytes] = {}
    for some in sample(partition, share):
        rows |= some
    return rows


@DEEP
@given(histories(), st.randoms(use_true_random=False), st.integers(0, 30))
def test_live_counts_windows_and_mirror_agree_at_any_moment(
    events: list[Event], rnd: object, point: int
) -> None:
    """Also after a restore, and as events go on after it."""
    mirror: dict[bytes, bytes] = {}
    partition = Partition(RULES)
    clock = START
    for count, event in enumerate(events):
        partition.apply([event], NOW)
        clock = min(NOW, clock + rnd.randrange(90_000))  # type: ignore[attr-defined]
        partition.advance(clock)
        if count == point:
            write(mirror, partition)
            partition = restore(RULES, list(mirror.items()))
    write(mirror, partition)

    assert list(chain.from_iterable(audit(partition))) == []
    mirror.pop(b"m")
    assert differences(rows_of(partition, EVERYTHING), mirror) == []


@DEEP
@given(histories(), st.integers(1, 4), st.integers(0, 9))
def test_a_share_of_the_state_is_the_same_share_of_the_mirror(
    events: list[Event], of: int, turn: int
) -> None:
    """The shares of all turns are the whole, each row once."""
    mirror: dict[bytes, bytes] = {}
    partition = Partition(RULES)
    partition.apply(events, NOW)
    partition.advance(NOW)
    write(mirror, partition)
    share = Share(of, of, turn)

    found = {key: value for key, value in mirror.items() if share.has(key)}
    assert rows_of(partition, share) == found
    shares = [rows_of(partition, Share(of, of, number)) for number in range(of)]
    assert sum(map(len, shares)) == len(mirror) - 1


def write(mirror: dict[bytes, bytes], partition: Partition) -> None:
    for key, value in take_rows(partition):
        if value is None:
            mirror.pop(key, None)
        else:
            mirror[key] = value
