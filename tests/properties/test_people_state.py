"""The durable rows of people: whoever goes on from them goes on as if nothing was."""

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.people.events import AgentEvent
from monitor.core.people.following import all_told
from monitor.core.people.staff import StaffPartition
from monitor.wire.activity import (
    Activity,
    decode_activity,
    encode_activity,
    encode_telling,
)
from monitor.wire.agent_events import shifted
from monitor.wire.staff_state import Restored, row_slices
from tests.properties.histories import SPAN_MS, START
from tests.properties.people_histories import NOW, STAFF_RULES, Center, Input, inputs

FAR = 5 * SPAN_MS


class Durable(Center):
    """A center whose people are told over the wire, and come back from their rows."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[bytes, bytes] = {}

    def feed(self, item: Input) -> None:
        if isinstance(item, AgentEvent):
            self.staff.apply([item], item.at)
        else:
            self.contacts.apply([item], item.at)

    def tell(self) -> None:
        """As `contacts` does at a checkpoint."""
        dirty, self.contacts.dirty = self.contacts.dirty, {}
        told = [
            encode_telling(telling, telling.engagements)
            for telling in all_told(self.contacts.gone.words(), dirty.values())
        ]
        head = Activity(
            source=0, watermark=self.contacts.watermark, now=0, behind=False
        )
        for message in encode_activity(head, told):
            heard = decode_activity(message)
            self.staff.take(heard.tellings, heard.watermark, heard.source)

    def restart(self) -> None:
        """Make everything durable and go on from the rows alone."""
        for some in row_slices(self.staff, "callcenter", {"agents": 1}):
            for key, value in some:
                if value is None:
                    self.rows.pop(key, None)
                else:
                    self.rows[key] = value
        restored = Restored(STAFF_RULES, 1, self.rows.items())
        assert (restored.owner, restored.offsets) == ("callcenter", {"agents": 1})
        self.staff = restored.staff


def later(items: list[Input], by: int) -> list[Input]:
    """The same at a later time, of people that are known and contacts that are not."""
    return [
        shifted(item, by)._replace(id="")
        if isinstance(item, AgentEvent)
        else item._replace(at=item.at + by, contact=item.contact + str(by))
        for item in items
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(inputs(), min_size=1, max_size=3),
    st.integers(0, 1 << 30),
    st.sampled_from((SPAN_MS, FAR)),
)
def test_a_restart_anywhere_changes_no_second(
    waves: list[list[Input]], seed: int, apart: int
) -> None:
    """Also when most of what was is folded away, and contacts are forgotten."""
    rnd = random.Random(seed)
    durable, straight = Durable(), Durable()
    for number, wave in enumerate(waves):
        for item in later(wave, number * apart):
            for center in (durable, straight):
                center.feed(item)
            if rnd.random() < 0.3:
                durable.advance(item.at)
            if rnd.random() < 0.3:
                durable.tell()
                durable.restart()
        for center in (durable, straight):
            center.advance(NOW + number * apart)
    durable.tell()
    durable.restart()
    end = NOW + len(waves) * apart

    assert durable.numbers(end) == straight.numbers(end)
    assert counted(durable.staff) == counted(straight.staff)


def counted(staff: StaffPartition) -> dict[str, Any]:
    return {
        agent: (person.counted[1:], person.since, len(person.contacts))
        for agent, person in staff.people.items()
        if person.counted is not None
    }


def test_nobody_gives_no_rows_but_the_meta_row() -> None:
    """And no rows give nobody."""
    staff = StaffPartition(STAFF_RULES)
    rows = [row for some in row_slices(staff, "callcenter", {}) for row in some]

    assert [key for key, _ in rows] == [b"m"]
    assert Restored(STAFF_RULES, 1, []).staff.people == {}
    assert START < NOW
