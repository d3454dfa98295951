"""One partition of people in the hands of this worker.

Rule: as for whatever is held (`held`); two logs belong to one state: what people say,
and what contacts say of them. While any source of contacts is behind, people live in
its time: who talks may long have hung up.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from monitor.clocks import Clock
from monitor.core.people.parts import StaffCounts
from monitor.core.people.staff import StaffPartition
from monitor.pipeline.checkpoints import Checkpoint
from monitor.pipeline.held import Held, Taken, Writer
from monitor.wire.activity import Activity
from monitor.wire.staff_state import row_slices


class StaffHolding(Held):
    """One partition of people."""

    def __init__(
        self,
        number: int,
        staff: StaffPartition,
        writer: Writer,
        *,
        owner: str,
        offsets: Mapping[str, int],
    ) -> None:
        """Hold partition `number`, which goes on at `offsets` of its logs' topics."""
        self.staff = staff
        self.next = dict(offsets)
        """The next offset of each topic."""
        super().__init__(number, writer)
        self._owner = owner
        self.counts = _copy(staff.counts)
        """What became of the records, as of the last checkpoint: what is told of them
        is durable, so that no counter goes down when another worker takes over."""
        self._gathered = self.counts
        self._behind: dict[int, int] = {}
        """Sources of contacts that were behind when they told last, and their time."""

    def heard(self, activity: Activity) -> None:
        """Note whether the source that tells this is behind."""
        if activity.behind:
            self._behind[activity.source] = activity.now
        else:
            self._behind.pop(activity.source, None)

    def now(self, clock: Clock) -> int:
        """Now for these people: the clock's, or that of the slowest contacts."""
        now = clock.now(self.staff.memory.newest_at)
        return min([now, *self._behind.values()])

    @property
    def doing(self) -> str:
        return f"checkpoint of the people of partition {self.number}"

    @property
    def progress(self) -> int:
        return sum(self.next.values())

    @property
    def offsets(self) -> Mapping[str, int]:
        return self.next

    @property
    def has_changes(self) -> bool:
        return bool(self.staff.memory.dirty)

    async def gather(self) -> Checkpoint:
        progress = self.progress
        self._gathered = _copy(self.staff.counts)
        rows: list[tuple[bytes, bytes | None]] = []
        for some in row_slices(self.staff, self._owner, self.next):
            rows += some
            await asyncio.sleep(0)
        return Checkpoint(progress, rows, [], [])

    async def write(self, taken: Taken) -> int:
        counts = self._gathered
        end = await super().write(taken)
        self.counts = counts
        return end


def _copy(counts: StaffCounts) -> StaffCounts:
    return replace(counts, dead_letters=dict(counts.dead_letters))
