"""What managers do from a messenger: buttons under their messages, commands, and the invitation that makes a chat theirs.

All effects are in the transaction that settles the envelope, so a press is neither lost nor done twice. What the presser is
told at once is kept aside under the envelope's number until that is committed, and may be lost: what lasts is the message
itself, which is edited by a notice of its own.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from channels.message import Signal
from desk.ports import Refused
from ingest.explaining.explain import sentences
from ingest.notices.choices import VIEWS, Choice, Choices, read
from ingest.notices.replies import TEXTS
from ingest.pipeline.signals import Handler
from ingest.reactions.invitations import hashed
from ingest.rules.rulebook import Rulebooks
from ingest.turns.hand import OPEN, Hand
from storage import chats, decisions, handling, lead_views, messages, rotation
from storage.handling import Standing
from storage.journal import Claimed
from storage.names import Names

# What a press of a button asks of the hand, and which of its words the order needs.
_ACTIONS: Final[Mapping[str, str]] = {
    "accept": "accept",
    "decline": "decline",
    "convert": "convert",
    "disqualify": "disqualify",
    "handover": "assign",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What to tell whoever did something: as the answer to a press (`query`), or as a message in his chat."""

    channel: str
    chat: str
    query: str | None
    text: str


class Presses:
    """Handles the signals of managers. `taken` gives what is to be answered once their envelopes are settled."""

    def __init__(
        self,
        names: Names,
        rulebooks: Rulebooks,
        hand: Hand,
        choices: Callable[[str | None], Choices],
        new_id: Callable[[], int],
    ) -> None:
        self._names = names
        self._rulebooks = rulebooks
        self._hand = hand
        self._choices = choices
        self._new_id = new_id
        self._replies: dict[int, Reply] = {}

    def handlers(self) -> Mapping[str, Handler]:
        """By kind of signal."""
        return {"button": self.button, "command": self.command}

    def taken(self, entries: Iterable[int]) -> list[Reply]:
        """The replies to these envelopes, which are settled now."""
        return [reply for entry in entries if (reply := self._replies.pop(entry, None)) is not None]

    def button(self, db: sa.Connection, claimed: Claimed, signal: Signal, now: datetime) -> bool:
        """A press; whether the outbox may have something due now."""
        manager = self._manager(db, signal)
        text = self._say(None, "stranger") if manager is None else self.choose(db, manager, signal.values["data"], now)
        self._reply(claimed, signal, text, signal.values["query"])
        return manager is not None

    def command(self, db: sa.Connection, claimed: Claimed, signal: Signal, now: datetime) -> bool:
        """A command; whether the outbox may have something due. Of whoever is no manager, only an invitation does something."""
        name = signal.values["name"]
        if name == "start":
            self._reply(claimed, signal, self._bind(db, signal, now))
            return False
        manager = self._manager(db, signal)
        if manager is None:
            return False
        if name == "why":
            text = self._why(db, manager)
        else:
            text = self._switch(db, manager, available=name == "back", now=now)
        self._reply(claimed, signal, text)
        return name == "back"

    def _manager(self, db: sa.Connection, signal: Signal) -> str | None:
        rulebook = self._rulebooks.current(db)
        return chats.by_chat(db, rulebook.policy.managers, rulebook.chats).get(signal.values["identity"])

    def _reply(self, claimed: Claimed, signal: Signal, text: str, query: str | None = None) -> None:
        self._replies[claimed.entry] = Reply(claimed.envelope.channel, signal.values["identity"], query, text)

    def _say(self, reader: str | None, code: str, **values: object) -> str:
        return TEXTS.say(code, self._choices(reader).language, **values)

    # --- buttons ---

    def choose(self, db: sa.Connection, manager: str, data: str, now: datetime, offer: int | None = None) -> str:
        """Do what `data` of a button says, wherever it was pressed; what to tell the manager. Never raises for what data may be.

        `offer`: the one that was being answered, where the button was made for one only.
        """
        choice = read(data)
        if choice is None:
            return self._say(manager, "unknown")
        if choice.action == "away":
            return self._switch(db, manager, available=False, now=now)
        number = lead_views.lead_number(db, choice.lead or "")
        if number is None:
            return self._say(manager, "unknown")
        # In the order of all locks, and before looking: nobody can take the lead away between the look and the deed.
        rotation.lock(db, self._names, tuple(self._rulebooks.current(db).policy.teams), now)
        before = handling.lead_for_update(db, self._names, number)
        stale = self._stale(db, manager, choice, before)
        if stale is not None:
            messages.tell_changed(db, [number], self._new_id, now)
            return stale
        if choice.action == "view":
            return self._turn(db, manager, number, choice.argument, now)
        return self._act(db, manager, choice, before, now, offer)

    def _stale(self, db: sa.Connection, manager: str, choice: Choice, lead: Standing) -> str | None:
        """Why this press comes too late; None where the lead is his, or his to take."""
        pair = (lead.id, manager)
        if lead.owner == manager and lead.state in {"assigned", "in_work"}:
            return None
        if choice.action in {"accept", "decline", "view"} and messages.offered(db, self._names, {pair}):
            return None
        if lead.state not in OPEN:
            return self._say(manager, "closed")
        if lead.owner is None or lead.owner == manager:
            return self._say(manager, "not_yours")
        return self._say(manager, "with_other", owner=self._title(lead.owner))

    def _turn(self, db: sa.Connection, manager: str, number: int, view: str, now: datetime) -> str:
        messages.turn(db, self._names, (number, manager), view if view in VIEWS else "")
        messages.tell_changed(db, [number], self._new_id, now)
        return self._say(manager, "view")

    def _act(
        self, db: sa.Connection, manager: str, choice: Choice, before: Standing, now: datetime, offer: int | None
    ) -> str:
        order = self._order(db, manager, choice)
        if order is None:
            return self._say(manager, "unknown")
        if offer is not None and choice.action in {"accept", "decline"}:
            order["offer"] = offer
        try:
            self._hand.act(db, before.id, _ACTIONS[choice.action], order, manager, now)
        except Refused as refused:
            return self._say(manager, "closed" if refused.code == "closed" else "not_possible")
        messages.turn(db, self._names, (before.id, manager), "")
        messages.tell_changed(db, [before.id], self._new_id, now)
        return self._say(manager, choice.action, manager=self._title(str(order.get("manager"))))

    def _order(self, db: sa.Connection, manager: str, choice: Choice) -> dict[str, Any] | None:
        """What the hand is told; None where a button named what is there no more."""
        match choice.action:
            case "disqualify":
                reason = self._choices(manager).reason(choice.argument)
                return None if reason is None else {"reason": reason}
            case "handover":
                numbered = {str(number): name for name, number in self._names.managers.all(db).items()}
                colleague = numbered.get(choice.argument)
                return None if colleague is None else {"manager": colleague}
            case "decline":
                refusal = self._choices(manager).refusal(choice.argument)
                return None if choice.argument and refusal is None else {"manager": manager, "reason": refusal}
            case _:
                return {"manager": manager}

    def _switch(self, db: sa.Connection, manager: str, *, available: bool, now: datetime) -> str:
        try:
            self._hand.set_available(db, manager, available=available, actor=manager, now=now)
        except Refused:
            return self._say(manager, "not_possible")
        return self._say(manager, "back" if available else "away")

    # --- commands ---

    def _bind(self, db: sa.Connection, signal: Signal, now: datetime) -> str:
        manager = chats.redeem(db, hashed(signal.values["argument"]), now)
        if manager is None:
            return self._say(None, "bad_invitation")
        chats.bind(db, self._names, manager, signal.values["identity"])
        return self._say(manager, "bound", manager=self._title(manager))

    def _why(self, db: sa.Connection, manager: str) -> str:
        """Why the last lead that could have been his went to somebody else, as `explain` tells it."""
        passed = decisions.last_past(db, manager)
        if passed is None or passed.lead is None:
            return self._say(manager, "why_nothing")
        title = lead_views.for_notices(db, [passed.lead])[passed.lead][0]["title"]
        told = sentences(db, [passed], self._choices(manager).language, self._choices(manager).titles)
        return "\n".join([self._say(manager, "why_lead", title=title), *(one["text"] for one in told)])

    def _title(self, manager: str) -> str:
        return self._choices(None).titles.get(manager, manager)
