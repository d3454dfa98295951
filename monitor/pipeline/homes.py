"""In which partition a person is at home.

Rule: the partition that Kafka's own default partitioner gives to the person's id as a
key (murmur2 of its bytes), so that most producers send their agent events there. What
another producer put elsewhere is sent home by `staff`.
"""

from aiokafka.partitioner import murmur2

MAX_KNOWN = 100_000
"""People whose home is remembered: computing it takes some microseconds."""


class Homes:
    """The homes of people in so many partitions."""

    def __init__(self, partitions: int = 1) -> None:
        """Of the topic of agent events, and of every other topic."""
        self._partitions = partitions
        self._known: dict[str, int] = {}

    def spread_over(self, partitions: int) -> None:
        """There are so many: to be called before anybody's home matters."""
        self._partitions = partitions
        self._known.clear()

    def all(self) -> range:
        """Every partition."""
        return range(self._partitions)

    def home_of(self, agent: str) -> int:
        """The partition of this person."""
        home = self._known.get(agent)
        if home is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            hashed: int = murmur2(agent.encode()) & 0x7FFFFFFF
            home = self._known[agent] = hashed % self._partitions
        return home
