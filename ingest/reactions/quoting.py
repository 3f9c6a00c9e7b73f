"""What managers answer to a notice, in a messenger or by mail, is said to the client of its lead.

In the transaction that settles what came, so that it is neither lost nor said twice. A messenger's chat proves itself; a mail has
to come from the address of whom the notice was for, and carry the id that we have signed.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from channels.message import Signal
from desk.ports import Refused
from ingest.config.schema import Config
from ingest.notices.people import People
from ingest.notices.texts import facts
from ingest.outgoing.texts import refused
from ingest.outgoing.writing import Wanted, Writing
from ingest.pipeline.signals import Handler, Proof
from ingest.reactions.presses import Reply
from ingest.rules.rulebook import Rulebooks
from kernel.texts import LANGUAGES
from storage import chats, handling, lead_views, messages, outbox, rotation
from storage.journal import Claimed
from storage.names import Names
from storage.rotation import Notice

CHAT: Final = "chat_reply"
MAIL: Final = "mail_reply"


class Quoting:
    """Handles answers to notices. `taken` gives what is to be told once their envelopes are settled."""

    def __init__(
        self,
        names: Names,
        rulebooks: Rulebooks,
        writing: Writing,
        people: People,
        config: Callable[[], Config],
        new_id: Callable[[], int],
    ) -> None:
        self._names = names
        self._rulebooks = rulebooks
        self._writing = writing
        self._people = people
        self._config = config
        self._new_id = new_id
        self._replies: dict[int, Reply] = {}

    def handlers(self) -> Mapping[str, Handler]:
        """By kind of signal."""
        return {CHAT: self.by_chat, MAIL: self.by_mail}

    def proofs(self) -> Mapping[str, Proof]:
        """By kind of signal: whether whoever sent it is one of ours."""
        return {CHAT: self._is_managers_chat, MAIL: self._is_managers_mail}

    def taken(self, entries: Iterable[int]) -> list[Reply]:
        """What is to be told about these envelopes, which are settled now."""
        return [reply for entry in entries if (reply := self._replies.pop(entry, None)) is not None]

    # ---- by a messenger

    def _is_managers_chat(self, db: sa.Connection, claimed: Claimed, signal: Signal) -> bool:
        return self._whose_chat(db, claimed, signal) is not None

    def _whose_chat(self, db: sa.Connection, claimed: Claimed, signal: Signal) -> str | None:
        if claimed.envelope.channel != self._config().telegram_channel():
            return None
        rulebook = self._rulebooks.current(db)
        return chats.by_chat(db, rulebook.policy.managers, rulebook.chats).get(signal.values["identity"])

    def by_chat(self, db: sa.Connection, claimed: Claimed, signal: Signal, now: datetime) -> bool:
        """A manager has quoted a notice; whether the outbox may have something due now."""
        values, channel = signal.values, claimed.envelope.channel
        manager = self._whose_chat(db, claimed, signal)
        if manager is None:
            return False
        try:
            lead = self._quoted(db, manager, values)
            self._say(db, lead, manager, values["text"], f"telegram:{channel}:{values['key']}", now)
        except Refused as error:
            text = refused(error.code, str(error), self._people.language(manager))
            self._replies[claimed.entry] = Reply(channel, values["identity"], None, text)
            return False
        return True

    def _quoted(self, db: sa.Connection, manager: str, values: Mapping[str, str]) -> int:
        """The lead that a quoted notice is about. Raises Refused, for a picture too, without which its caption says little."""
        if values["kind"] != "text":
            raise Refused(422, "not_words", "only words are passed on")
        quoted = messages.quoted(db, "telegram", values["identity"], values["quoted"])
        if quoted is None or quoted[1] != self._names.managers.number(db, manager):
            raise Refused(422, "unknown", "no notice is known that this answers")
        return quoted[0]

    # ---- by mail

    def _is_managers_mail(self, db: sa.Connection, _claimed: Claimed, signal: Signal) -> bool:
        return self._whose_mail(db, signal) is not None

    def _whose_mail(self, db: sa.Connection, signal: Signal) -> tuple[int, str] | None:
        """The lead of the notice that is answered and whom it was for, where the mail is from his address."""
        told = outbox.addressee(db, self._names, signal.values["notice"])
        return told if told is not None and self._people.owns(told[1], signal.values["from"]) else None

    def by_mail(self, db: sa.Connection, claimed: Claimed, signal: Signal, now: datetime) -> bool:
        """Somebody has answered a notice that was his; whether the outbox may have something due now."""
        told = self._whose_mail(db, signal)
        if told is None:
            return False
        lead, person = told
        key = signal.values["key"] or claimed.envelope.digest.hex()
        try:
            text = self._own_words(db, lead, signal.values)
            files = tuple(filter(None, signal.values["files"].split("\n")))
            if self._say(db, lead, person, text, f"mail:{signal.values['notice']}:{key}", now, files) and files:
                self._tell(db, Notice("reply_without_files", lead, person, record={"files": len(files)}), now)
        except Refused as error:
            record = {"why": {"code": error.code, "message": str(error)}}
            self._tell(db, Notice("reply_refused", lead, person, record=record, critical=True), now)
        return True

    def _tell(self, db: sa.Connection, notice: Notice, now: datetime) -> None:
        rotation.tell(db, self._names, [notice], [self._new_id()], now)

    def _own_words(self, db: sa.Connection, lead: int, values: Mapping[str, str]) -> str:
        """What is for the client. Raises Refused where the notice is still in it, or the part of it above its links."""
        if values["doubt"] == "forged":
            raise Refused(422, "forged", "the mail server doubts that the mail is from this address")
        text = values["text"]
        told, latest = lead_views.for_notices(db, [lead])[lead]
        line = " ".join(text.split())
        notice = [fact for language in LANGUAGES for fact in facts(told, latest, language)]
        notice += [lead_views.lead_uid(db, lead), f"{self._people.address()}/act/"]
        if any(" ".join(one.split()) in line for one in notice):
            raise Refused(422, "quoted", "the notice's own text could not be cut off")
        return text

    # ---- either way

    def _say(
        self,
        db: sa.Connection,
        lead: int,
        person: str,
        text: str,
        key: str,
        now: datetime,
        left_out: tuple[str, ...] = (),
    ) -> bool:
        """Whether it was not said before. Raises Refused: a manager answers what is his or offered to him, who oversees all."""
        manager = person if person in self._rulebooks.current(db).policy.managers else None
        standing = handling.standing(db, self._names, lead)
        mine = standing.owner == person or messages.offered(db, self._names, {(lead, person)})
        if manager is not None and not mine:
            raise Refused(409, "not_yours", "the lead is with another")
        try:
            return self._writing.write(db, Wanted(lead, text, person, manager, key=key, left_out=left_out), now)[1]
        except Refused as error:
            if error.code == "key_reused":
                raise Refused(422, "changed", "the answer has left as it was") from error
            raise
