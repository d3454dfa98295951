"""What contacts say of people: each change once, and a last word.

Rule: whoever was told of a contact hears of it until it is forgotten: also that it no
longer has to do with them, and that nothing will follow. The lives of one id are told
in their order.
"""

from collections.abc import Iterable, Iterator

from monitor.core.contact import Contact
from monitor.core.people.engagement import Telling, telling_of


def told_by(contact: Contact, *, final: bool = False) -> Telling | None:
    """What a changed contact says now; None: nothing, and it never did.

    Notes on the contact who hears it.
    """
    before = contact.engaged
    telling = telling_of(contact, final=final)
    engaged = tuple(dict.fromkeys(each.agent for each in telling.engagements))
    if not engaged and not before:
        return None
    contact.engaged = engaged
    if engaged == before:
        return telling
    return telling._replace(others=tuple(a for a in before if a not in engaged))


def last_word(contact: Contact, *, changed: bool) -> Telling | None:
    """What a contact says when it is forgotten; None: it never said anything.

    `changed`: it did since it was last told.
    """
    if changed:
        return told_by(contact, final=True)
    if not contact.engaged:
        return None
    return Telling(contact.id, (), final=True, others=contact.engaged, unchanged=True)


def all_told(
    last_words: Iterable[Telling], changed: Iterable[Contact | None]
) -> Iterator[Telling]:
    """Last words of contacts that are gone, then what changed ones say now."""
    yield from last_words
    for contact in changed:
        if contact is not None and (telling := told_by(contact)) is not None:
            yield telling


def engaged_in(contact: Contact) -> tuple[str, ...]:
    """Everybody whom a restored contact may have told of itself."""
    agents: dict[str, None] = {}
    for visit in contact.visits:
        if visit.agent:
            agents[visit.agent] = None
        for _, _, agent in visit.hands or ():
            if agent:
                agents[agent] = None
    return tuple(agents)
