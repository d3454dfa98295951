"""What is left of contacts that were forgotten, until somebody takes it.

Rule: their final visits, and their last word to the people who were on them, each once.
"""

from monitor.core.contact import Contact
from monitor.core.people.engagement import Telling
from monitor.core.people.following import last_word
from monitor.core.visit_record import VisitRecord, records_of


class Gone:
    """Final visits and last words."""

    __slots__ = ("_visits", "_words", "is_told")

    def __init__(self) -> None:
        """Nobody is gone yet."""
        self.is_told = True
        """Whether people hear of contacts; whoever makes the state durable says so."""
        self._visits: list[VisitRecord] = []
        self._words: list[Telling] = []

    def __len__(self) -> int:
        return len(self._visits)

    def add(self, contact: Contact, *, changed: bool) -> None:
        """Take leave of a contact; `changed`: it did since people were told."""
        self._visits += records_of(contact)
        if not self.is_told:
            return
        word = last_word(contact, changed=changed)
        if word is not None:
            self._words.append(word)

    def visits(self) -> list[VisitRecord]:
        """Visits that became final since the last call."""
        taken, self._visits = self._visits, []
        return taken

    def words(self) -> list[Telling]:
        """Last words since the last call."""
        taken, self._words = self._words, []
        return taken
