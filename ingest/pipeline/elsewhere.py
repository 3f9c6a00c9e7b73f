"""A client is answered beside us, in VK's or Telegram's own pages: that belongs on his lead's timeline, and ends what waits for it.

It opens no lead and joins nobody. What we have sent ourselves comes back the same way and is known by the name that we gave it,
which stands in the store before anything is sent; so it does not matter which comes first, the provider's yes or its event.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from channels.message import Inbound
from kernel.clock import iso
from storage import decisions, elsewhere, fetches, leads, messages, words
from storage.decisions import Decision
from storage.elsewhere import Place
from storage.journal import Claimed, Result
from storage.leads import NewInteraction
from storage.names import Names
from storage.words import Ended

STRANGER: Final = "own_message"

Said = Sequence[tuple[Claimed, Inbound]]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, and the entries that say it: the first, and others about the very same."""

    claimed: Claimed
    said: Inbound
    entries: tuple[int, ...]

    @property
    def asked(self) -> tuple[str, str, str]:
        """Whom it is said to, and by which channel."""
        return (*self.said.identities[0], self.claimed.envelope.channel)


def is_answer(claimed: Claimed, said: Inbound) -> bool:
    """Whether this was said to a client beside us. What a person took down, or called a client's, is none."""
    outgoing = said.direction == "out" and said.call is None and said.taken_down is None
    return outgoing and not claimed.as_client and bool(said.identities)


def without_echoes(
    db: sa.Connection, names: Names, inbound: Said
) -> tuple[list[tuple[Claimed, Inbound]], list[Result]]:
    """All but what we have sent ourselves, and the outcomes of that. A statement only where something can be."""
    asked = {(claimed.envelope.channel, said.echo) for claimed, said in inbound if said.echo is not None}
    if not asked:
        return list(inbound), []
    known = leads.known_refs(db, names, asked)
    results = [
        Result(claimed.entry, "attached", None, interaction, contact, lead)
        for claimed, said in inbound
        for interaction, lead, contact in [known.get((claimed.envelope.channel, said.echo or ""), (None, None, None))]
        if interaction is not None
    ]
    ours = {result.entry for result in results}
    return [one for one in inbound if one[0].entry not in ours], results


def parted(
    fresh: Said, later: Sequence[tuple[int, int]]
) -> tuple[list[tuple[Claimed, Inbound]], list[tuple[int, int]], list[Answer]]:
    """What clients say, the entries that follow it, and the answers. `later`: each entry with the first about the same thing."""
    answers = [
        Answer(claimed, said, (claimed.entry, *(entry for entry, first in later if first == claimed.entry)))
        for claimed, said in fresh
        if is_answer(claimed, said)
    ]
    if not answers:
        return list(fresh), list(later), []
    theirs = {entry for answer in answers for entry in answer.entries}
    kept = [one for one in fresh if one[0].entry not in theirs]
    return kept, [pair for pair in later if pair[0] not in theirs], answers


def details(said: Inbound) -> Mapping[str, Any]:
    """What the timeline shows of it as of any answer. Without a person's number it is the greeting of a page, or a robot's."""
    kind, to = said.identities[0]
    author = None if said.written_by is None else f"{kind}:{said.written_by}"
    told = {"to": to, "author": author, "answers": None, "automatic": said.written_by is None}
    at = {} if said.at is None else {"sent_at": iso(said.at)}
    return {**told, "state": "sent", "error": None, **at}


def write(
    db: sa.Connection,
    names: Names,
    answers: Sequence[tuple[Answer, NewInteraction]],
    came: Mapping[int, datetime],
    new_id: Callable[[], int],
    now: datetime,
) -> tuple[list[Result], bool]:
    """Put answers on their leads, under the locks of the teams; their outcomes, and whether notices may be in the outbox.

    A fixed number of statements. One to somebody who has no lead is ignored. `came`: when the clients of leads wrote last in
    the same batch, which the journal does not tell yet.
    """
    places = elsewhere.places(db, names, [answer.asked for answer, _ in answers])
    placed = [(answer, written, place) for (answer, written), place in zip(answers, places, strict=True) if place]
    results = [
        Result(entry, "ignored", STRANGER)
        for (answer, _), place in zip(answers, places, strict=True)
        if place is None
        for entry in answer.entries
    ]
    if not placed:
        return results, False
    made = [_at(written, place) for _, written, place in placed]
    leads.write_interactions(db, names, made)
    fetches.want(db, [(one.id, where, locator) for one in made for where, locator in one.remote], now)
    numbers = {place.lead for _, _, place in placed}
    elsewhere.note(db, numbers, now)
    ended = [_ended(answer, written) for answer, written, place in placed if _ends(answer, came.get(place.lead))]
    words.answered(db, ended, now)
    decisions.write(db, [_decision(answer, written, place, new_id()) for answer, written, place in placed])
    told = messages.tell_changed(db, numbers, new_id, now)
    return results + [
        Result(entry, "attached", None, written.id, place.contact, place.lead)
        for answer, written, place in placed
        for entry in answer.entries
    ], told


def _at(written: NewInteraction, place: Place) -> NewInteraction:
    written.lead, written.contact, written.key = place.lead, place.contact, place.key
    return written


def _ends(answer: Answer, came: datetime | None) -> bool:
    """Whether a person has answered all that this batch brings from the client."""
    return answer.said.written_by is not None and (came is None or came <= answer.claimed.envelope.received_at)


def _ended(answer: Answer, written: NewInteraction) -> Ended:
    return Ended(written.id, str(written.details["author"]), answer.claimed.envelope.received_at)


def _decision(answer: Answer, written: NewInteraction, place: Place, number: int) -> Decision:
    claimed = answer.claimed
    record = {"code": "answered_there", "channel": claimed.envelope.channel, "interaction": written.id}
    return Decision(number, claimed.envelope.received_at, "action", record, place.lead, claimed.entry)
