"""The desk's questions about leads, and a person's hand on them, over the store."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from desk.ports import Json, Refused
from ingest.bells import Bells
from ingest.config.current import Current
from ingest.explaining.explain import sentences
from ingest.office.changes import Changes
from ingest.office.showing import lead_number, whole_lead
from ingest.outgoing.writing import Wanted, Writing
from ingest.rules.rulebook import Rulebooks
from ingest.turns.hand import Hand
from ingest.units import Units
from kernel.clock import Clock
from kernel.ids import is_uuid
from kernel.texts import LANGUAGES, Language
from storage import activities, board, decisions, key_views, lead_views, timelines
from storage.decisions import Decision
from storage.files import Files
from storage.names import Names


class StoreLeads:
    """`desk.ports.Leads` over the store of this process. Whatever is changed, rings and is published once it is stored."""

    def __init__(
        self,
        units: Units,
        names: Names,
        rulebooks: Rulebooks,
        hand: Hand,
        writing: Writing,
        files: Files,
        clock: Clock,
        current: Current,
        bells: Bells,
        changes: Changes,
    ) -> None:
        self._units = units
        self._names = names
        self._rulebooks = rulebooks
        self._hand = hand
        self._writing = writing
        self._files = files
        self._clock = clock
        self._current = current
        self._bells = bells
        self._changes = changes

    async def page(self, wanted: Mapping[str, str | None], limit: int, cursor: str | None) -> Json:
        """A page of leads."""

        def unit(db: sa.Connection) -> Json:
            text = wanted.get("q")
            key = key_views.known_key(db, text, self._rulebooks.current(db).keys.region) if text else None
            return lead_views.lead_page(db, lead_views.LeadFilter(**wanted, key=key), limit, cursor).json()

        shown: Json = await self._units.read(unit)
        return shown

    async def lead(self, uid: str, cursor: str | None = None) -> Json:
        """One lead, whole."""
        shown: Json = await self._units.read(lambda db: whole_lead(db, self._names, lead_number(db, uid), cursor))
        return shown

    async def explain(self, uid: str, language: str) -> Json:
        """Every decision about a lead, in sentences."""
        config = self._current.config
        chosen: Language = language if language in LANGUAGES else config.language

        def unit(db: sa.Connection) -> Json:
            number = lead_number(db, uid)
            lead = lead_views.lead(db, self._names, number)
            told = sentences(db, decisions.of_lead(db, number), chosen, config.titles())
            return {"lead": uid, **{name: lead[name] for name in ("title", "state", "reason")}, "sentences": told}

        shown: Json = await self._units.read(unit)
        return shown

    async def act(self, uid: str, action: str, order: Mapping[str, Any], actor: str) -> Json:
        """A person's hand on a lead."""
        now = self._clock.now()

        def unit(db: sa.Connection) -> Json:
            number = lead_number(db, uid)
            try:
                self._hand.act(db, number, action, order, actor, now)
            except Refused as refused:
                present = whole_lead(db, self._names, number)
                raise Refused(refused.status, refused.code, str(refused), present) from refused
            return whole_lead(db, self._names, number)

        shown: Json = await self._units.run(unit)
        self._bells.turn()
        self._changes.publish("lead", uid, shown["version"])
        return shown

    async def reply(self, uid: str, order: Mapping[str, Any], key: str | None, actor: str) -> Json:
        """A word to the client of a lead: its place on the timeline. The same key and text again say nothing again."""
        now = self._clock.now()
        named = None if key is None else f"api:{uid.lower()}:{key}"

        def unit(db: sa.Connection) -> Json:
            number = lead_number(db, uid)
            wanted = Wanted(number, order["text"], actor, order.get("manager"), order.get("interaction"), named)
            said, new = self._writing.write(db, wanted, now)
            return {"lead": uid, "duplicate": not new} | timelines.interaction(db, self._names, said)

        shown: Json = await self._units.run(unit)
        self._bells.send()
        self._bells.turn()
        self._changes.publish("leads")
        return shown

    async def lead_of_activity(self, uid: str) -> str:
        """The lead that an activity is about."""
        found: str | None = None
        if is_uuid(uid):
            found = await self._units.read(lambda db: activities.lead_of(db, uid))
        if found is None:
            raise Refused(404, "no_such_activity", "there is no such activity")
        return found

    async def done(self, uid: str, actor: str) -> Json:
        """A person says that something is done; saying it again changes nothing."""
        lead, now = await self.lead_of_activity(uid), self._clock.now()

        def unit(db: sa.Connection) -> Json:
            closed = activities.by_hand(db, uid, actor, now)
            if closed is not None:
                number, kind = closed
                record = {"code": "done", "kind": kind}
                decisions.write(db, [Decision(self._units.new_id(), now, "action", record, number, actor=actor)])
            return whole_lead(db, self._names, lead_number(db, lead))

        shown: Json = await self._units.run(unit)
        self._changes.publish("lead", lead, shown["version"])
        return shown

    async def concerns(self, uid: str, manager: str) -> bool:
        """Whether a lead is this manager's, or is offered to him."""
        found: bool = await self._units.read(lambda db: board.concerns(db, lead_number(db, uid), manager))
        return found

    async def file(self, name: str, only: str | None = None) -> Path:
        """Where a file of a message lies; for `only` a manager, where it came with a lead of his or one that is offered to him."""
        found = self._files.path(name)
        # Whoever may not have it hears no more than whoever asks for one that is not there.
        if found is None or (only and not await self._units.read(lambda db: board.is_shown(db, name, only))):
            raise Refused(404, "no_such_file", "there is no such file")
        return found
