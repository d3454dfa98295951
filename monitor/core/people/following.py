"""A partition of contacts that people can follow.

Rule: whoever follows hears every contact once more before the partition forgets it, and
hears the lives of one id in their order.
"""

from monitor.core.contact import Contact
from monitor.core.partition import Partition
from monitor.core.people.engagement import Telling, telling_of
from monitor.core.rules import Rules


class FollowedPartition(Partition):
    """A partition whose changed contacts tell of the people on them."""

    def __init__(self, rules: Rules) -> None:
        """An empty state."""
        super().__init__(rules)
        self._last_words: list[Telling] = []

    def forget(self, contact: Contact) -> None:
        """Let go of a contact; what it says at last is final."""
        # Its latest change may be untold, and its id may begin another life at once.
        self._last_words.append(telling_of(contact, final=True))
        super().forget(contact)

    def tellings(self) -> list[Telling]:
        """What contacts that changed since the last call say of people.

        Takes the dirty contacts, so it is for use without checkpoints.
        """
        told, self._last_words = self._last_words, []
        dirty, self.dirty = self.dirty, {}
        return told + [telling_of(c) for c in dirty.values() if c is not None]
