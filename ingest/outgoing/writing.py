"""What somebody wants said to a client goes on the timeline and into the outbox, in the transaction of whoever asks.

Once: a word is named by what was given to name it (an Idempotency-Key, a mail, an update of a messenger), and the name is unique
in the store.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa

from channels.adapter import Adapter
from desk.ports import Refused
from ingest.outgoing.ways import Way, Ways
from ingest.rules.rulebook import Rulebooks
from ingest.turns.hand import Hand
from kernel.ids import uuid7
from kernel.texts import storable
from storage import decisions, messages, outbox, rotation, words
from storage.decisions import Decision
from storage.merging import MERGED
from storage.names import Names
from storage.words import Said, Standing


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants said about a lead. `manager`: in whose name, and then he has answered it; `actor`: who asks.

    `key` names the wish itself: wanting the same again says nothing again. `interaction` is the id of what it answers. `left_out`
    names the files that were with it, which are not sent.
    """

    lead: int
    text: str
    actor: str
    manager: str | None = None
    interaction: str | None = None
    key: str | None = None
    left_out: tuple[str, ...] = ()


class Writing:
    """Writes words. They leave once the transaction is committed and `ingest.outgoing.sending` is woken."""

    def __init__(
        self,
        names: Names,
        rulebooks: Rulebooks,
        hand: Hand,
        adapters: Mapping[str, Adapter[Any]],
        new_id: Callable[[], int],
    ) -> None:
        self._names = names
        self._rulebooks = rulebooks
        self._hand = hand
        self._adapters = adapters
        self._ways = Ways(adapters)
        self._new_id = new_id

    def write(self, db: sa.Connection, wanted: Wanted, now: datetime) -> tuple[str, bool]:
        """The id of the word on the timeline, and whether it is new. Raises Refused: why it cannot be said, and what to do.

        A manager to whom the lead was given or is offered accepts it by his answer.
        """
        uid = uuid7() if wanted.key is None else named(wanted.key)
        before = words.text_of(db, uid)
        if before is not None:
            if before != (wanted.lead, storable(wanted.text)):
                raise Refused(422, "key_reused", "this key was used for another reply")
            return uid, False
        rulebook = self._rulebooks.current(db)
        if wanted.manager is not None and wanted.manager not in rulebook.policy.managers:
            known = ", ".join(rulebook.policy.managers)
            raise Refused(422, "no_such_manager", f"there is no manager {wanted.manager!r}; there are {known}")
        if not storable(wanted.text).strip():
            raise Refused(422, "incomplete", "say what is to be said")
        rotation.lock(db, self._names, tuple(rulebook.policy.teams), now)
        lead = words.lead_for_update(db, self._names, wanted.lead)
        if lead.state == MERGED:
            raise Refused(409, "merged", "the lead goes on in another; answer there")
        way = self._ways.find(
            words.received(db, lead.id), wanted.interaction, lambda kind: words.held(db, lead.id, kind), lead.channel
        )
        self.check(way.channel, wanted.text)
        self._accept(db, lead, wanted, now)
        said = Said(
            self._new_id(),
            uid,
            lead.id,
            way.channel,
            way.to,
            wanted.text,
            _subject(way),
            wanted.manager or wanted.actor,
            way.answers,
            ref=self._adapters[way.channel].comes_back_as(uid, way.to),
            left_out=wanted.left_out,
        )
        self.put(db, said, lead, now)
        record = {"code": "reply", "manager": wanted.manager, "channel": way.channel, "interaction": said.id}
        decisions.write(db, [Decision(self._new_id(), now, "action", record, lead.id, actor=wanted.actor)])
        messages.tell_changed(db, [lead.id], self._new_id, now)
        return uid, True

    def put(self, db: sa.Connection, said: Said, lead: Standing, now: datetime) -> None:
        """Put a word on its way that nobody is asked about. Raises IntegrityError where one of its `uid` is there already."""
        words.write(db, self._names, said, lead, now)
        code = outbox.COURTESY if said.automatic else outbox.REPLY
        outbox.say(db, self._new_id(), said.uid, code, said.lead, said.id, now)

    def check(self, channel: str, text: str) -> None:
        """Raises Refused for a text that is too long for a channel."""
        longest = self._adapters[channel].longest
        if len(text.encode("utf-16-le", "surrogatepass")) // 2 > longest:
            raise Refused(422, "too_long", f"by {channel} a text of up to {longest} characters can be sent")

    def _accept(self, db: sa.Connection, lead: Standing, wanted: Wanted, now: datetime) -> None:
        manager = wanted.manager
        if manager is None or lead.state not in {"unprocessed", "assigned"}:
            return
        if lead.owner == manager or messages.offered(db, self._names, {(lead.id, manager)}):
            self._hand.act(db, lead.id, "accept", {"manager": manager}, wanted.actor, now)


def named(key: str) -> str:
    """The id that what is known by `key` has, always the same: a UUID of version 8 (RFC 9562, section 5.8)."""
    digest = int.from_bytes(blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest())
    return str(uuid.UUID(int=digest & ~(0xF << 76) & ~(0x3 << 62) | 0x8 << 76 | 0x2 << 62))


def _subject(way: Way) -> str | None:
    return None if way.answers is None else way.answers.subject
