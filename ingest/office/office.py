"""The commands and questions of the desk and the command line, over the store. Whoever changes something is named."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from channels.adapter import Adapter
from channels.message import Envelope, Inbound
from dedup.keys import Key, normalise
from desk.ports import Json, Refused
from ingest.bells import Bells
from ingest.config.current import Current
from ingest.explaining.explain import sentences
from ingest.health.health import Health
from ingest.health.metrics import Metrics
from ingest.intake.taking_down import TakingDown
from ingest.notices.texts import render
from ingest.office.changes import Changes
from ingest.office.entrance import StoreEntrance
from ingest.office.reloading import Reloader
from ingest.outgoing.writing import Wanted, Writing
from ingest.people.who_is_who import StorePeople
from ingest.pipeline.pipeline import Pipeline
from ingest.pipeline.settle import Reading, Settled, Settler
from ingest.reactions.invitations import Named, invite
from ingest.rules.rulebook import Rulebooks
from ingest.turns.hand import Hand
from ingest.units import Units
from ingest.upkeep.upkeep import Upkeep
from kernel.clock import Clock, instant
from kernel.ids import is_uuid, uuid7
from kernel.texts import LANGUAGES, Language
from routing.distribute import find_obstacle
from storage import activities, board, decisions, expiry, outbox, rotation, views
from storage.account import account
from storage.decisions import Decision
from storage.files import Files
from storage.journal import Claimed, Journal
from storage.migrate import serves
from storage.names import Names
from storage.store import Away, Store

SLICE: Final = 200
SWEEP_WITHIN: Final = 20.0
"""Seconds that a question about a sweep waits for its end; who asked asks again."""


class StoreOffice:
    """`desk.ports.Office` over the store of this process."""

    def __init__(
        self,
        store: Store,
        names: Names,
        journal: Journal,
        rulebooks: Rulebooks,
        settler: Settler,
        hand: Hand,
        pipeline: Pipeline,
        files: Files,
        adapters: Mapping[str, Adapter[Any]],
        clock: Clock,
        metrics: Metrics,
        current: Current,
        reloader: Reloader,
        zone: ZoneInfo,
        bells: Bells,
        health: Health,
        units: Units,
        people: StorePeople,
        taking_down: TakingDown,
        changes: Changes,
        entrance: StoreEntrance,
        bot: Callable[[], Named | None],
        writing: Writing,
        standing: Callable[[], Json],
        upkeep: Upkeep,
    ) -> None:
        self._standing = standing
        self._upkeep = upkeep
        self._bot = bot
        self._writing = writing
        self._bells = bells
        self._store = store
        self._read, self._run, self._rolled_back = units.read, units.run, units.rolled_back
        self.people = people
        self._taking_down = taking_down
        self._names = names
        self._journal = journal
        self._rulebooks = rulebooks
        self._settler = settler
        self._hand = hand
        self._pipeline = pipeline
        self._files = files
        self._adapters = adapters
        self._clock = clock
        self._metrics = metrics
        self._language: Language = current.config.language
        self._current = current
        self._reloader = reloader
        self._zone = zone
        self._health = health
        self._changes = changes
        self._entrance = entrance

    def _titles(self) -> dict[str, str]:
        """What people read for the name of a manager or director."""
        return self._current.config.titles()

    async def leads(self, wanted: Mapping[str, str | None], limit: int, cursor: str | None) -> Json:
        """A page of leads."""

        def unit(db: sa.Connection) -> Json:
            text = wanted.get("q")
            chosen = views.LeadFilter(**wanted, key=self._known_key(db, text))
            return views.lead_page(db, chosen, limit, cursor).json()

        shown: Json = await self._read(unit)
        return shown

    def _known_key(self, db: sa.Connection, text: str | None) -> Key | None:
        return None if not text else views.known_key(db, text, self._rulebooks.current(db).keys.region)

    async def lead(self, uid: str, cursor: str | None = None) -> Json:
        """One lead, whole."""
        shown: Json = await self._read(lambda db: self._lead(db, _number(db, uid), cursor))
        return shown

    def _lead(self, db: sa.Connection, number: int, cursor: str | None = None) -> Json:
        made = decisions.of_lead(db, number)
        latest = {d.stage: d.record for d in made if d.stage in {"match", "assignment"}}
        first = next((d.record for d in made if d.stage == "match"), {})
        return views.lead(db, self._names, number, cursor) | {
            "decision": {"match": first, "assignment": latest.get("assignment", {})}
        }

    async def explain(self, uid: str, language: str) -> Json:
        """Every decision about a lead, in sentences."""
        chosen: Language = language if language in LANGUAGES else self._language

        def unit(db: sa.Connection) -> Json:
            number = _number(db, uid)
            lead = views.lead(db, self._names, number)
            told = sentences(db, decisions.of_lead(db, number), chosen, self._titles())
            return {
                "lead": uid,
                "title": lead["title"],
                "state": lead["state"],
                "reason": lead["reason"],
                "sentences": told,
            }

        shown: Json = await self._read(unit)
        return shown

    async def act(self, uid: str, action: str, order: Mapping[str, Any], actor: str) -> Json:
        """A person's hand on a lead."""
        now = self._clock.now()

        def unit(db: sa.Connection) -> Json:
            number = _number(db, uid)
            try:
                self._hand.act(db, number, action, order, actor, now)
            except Refused as refused:
                raise Refused(refused.status, refused.code, str(refused), self._lead(db, number)) from refused
            return self._lead(db, number)

        shown: Json = await self._run(unit)
        self._bells.turn()
        self._changes.publish("lead", uid, shown["version"])
        return shown

    async def reply(self, uid: str, order: Mapping[str, Any], key: str | None, actor: str) -> Json:
        """A word to the client of a lead: its place on the timeline. The same key and text again say nothing again."""
        now = self._clock.now()
        named = None if key is None else f"api:{uid.lower()}:{key}"

        def unit(db: sa.Connection) -> Json:
            number = _number(db, uid)
            wanted = Wanted(number, order["text"], actor, order.get("manager"), order.get("interaction"), named)
            said, new = self._writing.write(db, wanted, now)
            return {"lead": uid, "duplicate": not new} | views.interaction(db, self._names, said)

        shown: Json = await self._run(unit)
        self._bells.send()
        self._bells.turn()
        self._changes.publish("leads")
        return shown

    async def take_down(self, order: Mapping[str, Any], key: str | None, actor: str) -> Json:
        """An approach taken down by hand: its lead, or with `preview` whom it may be from and what would happen."""
        now = self._clock.now()
        envelope = self._taking_down.envelope(order, key, actor, now)

        def preview(db: sa.Connection) -> Json:
            self._taking_down.check(db, order)
            reading = self._taking_down.reading(Claimed(0, uuid7(), envelope, 1, as_client=True))
            matches = self._taking_down.matches(db, reading)
            return {"matches": matches} | self._came_of(db, reading, now)

        def unit(db: sa.Connection) -> tuple[Json, Callable[[], None]]:
            self._taking_down.check(db, order)
            lead, committed = self._taking_down.take(db, envelope, now)
            return self._lead(db, lead), committed

        if order.get("preview"):
            return await self._rolled_back(preview)
        shown, committed = await self._run(unit)
        committed()
        self._bells.turn()
        answer: Json = shown
        return answer

    async def lead_of_activity(self, uid: str) -> str:
        """The lead that an activity is about."""
        found: str | None = await self._read(lambda db: activities.lead_of(db, uid)) if is_uuid(uid) else None
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
                decisions.write(db, [Decision(self._store.ids.take(), now, "action", record, number, actor=actor)])
            return self._lead(db, _number(db, lead))

        shown: Json = await self._run(unit)
        self._changes.publish("lead", lead, shown["version"])
        return shown

    async def concerns(self, uid: str, manager: str) -> bool:
        """Whether a lead is this manager's, or is offered to him."""
        found: bool = await self._read(lambda db: board.concerns(db, _number(db, uid), manager))
        return found

    async def contacts(self, key: str | None, q: str | None, limit: int, cursor: str | None) -> Json:
        """A page of contacts."""

        def unit(db: sa.Connection) -> Json:
            wanted = None
            if key is not None:
                kind, _, value = key.partition(":")
                wanted = normalise(kind, value, self._rulebooks.current(db).keys.region)
                if wanted is None:
                    return {"items": [], "next": None}
            meant = self._known_key(db, q) if wanted is None else None
            return views.contacts_found(db, wanted or meant, None if meant else q, limit, cursor).json()

        shown: Json = await self._read(unit)
        return shown

    async def contact(self, uid: str, language: str = "") -> Json:
        """One contact, whole; an absorbed one's id leads to the root."""
        told: Language = language if language in LANGUAGES else self._language

        def unit(db: sa.Connection) -> Json:
            number = views.contact_number(db, uid) if is_uuid(uid) else None
            if number is None:
                raise Refused(404, "no_such_contact", "there is no such contact")
            return self.people.whole(db, number, told)

        shown: Json = await self._read(unit)
        return shown

    async def file(self, name: str, only: str | None = None) -> Path:
        """Where a file of a message lies; for `only` a manager, where it came with a lead of his or one that is offered to him."""
        found = self._files.path(name)
        # Whoever may not have it hears no more than whoever asks for one that is not there.
        if found is None or (only and not await self._read(lambda db: board.is_shown(db, name, only))):
            raise Refused(404, "no_such_file", "there is no such file")
        return found

    async def managers(self) -> Json:
        """Every manager and how he stands now."""
        now = self._clock.now()
        shown = await self._read(lambda db: self._managers(db, now))
        return {"items": shown, "next": None}

    def _managers(self, db: sa.Connection, now: datetime) -> list[Json]:
        policy = self._rulebooks.current(db).policy
        standings = rotation.standings(db, self._names, now, with_offers=True)
        shown = []
        for row in views.manager_rows(db):
            manager = policy.managers.get(row["name"])
            standing = standings.get(row["name"])
            own = [team for team in policy.teams.values() if row["name"] in team.members]
            # Of several teams, one that would give him a lead is enough.
            obstacles = [find_obstacle(manager, standing, now, team.accept_within) for team in own]
            why_not = None if None in obstacles else next(iter(obstacles), find_obstacle(manager, standing, now))
            shown.append(
                row
                | {
                    "title": None if manager is None else manager.title,
                    "capacity": None if manager is None else manager.capacity,
                    "offered": 0 if standing is None else standing.offered,
                    "offers": None if manager is None else manager.offers,
                    "teams": [team.name for team in own],
                    "on_shift": manager is not None and manager.hours.open_at(now, manager.zone),
                    "eligible": why_not is None,
                    "why_not": why_not,
                }
            )
        return shown

    async def set_available(self, manager: str, *, available: bool, actor: str) -> Json:
        """The availability switch; when it goes on, waiting leads go out in the same transaction."""
        now = self._clock.now()

        def unit(db: sa.Connection) -> Json:
            self._hand.set_available(db, manager, available=available, actor=actor, now=now)
            return next(row for row in self._managers(db, now) if row["name"] == manager)

        shown: Json = await self._run(unit)
        self._bells.turn()
        self._changes.publish("manager", manager, shown["version"])
        return shown

    async def hand_over(self, manager: str, to: str | None, actor: str) -> Json:
        """All open leads of a manager go to another, or to whoever has the turn."""
        now = self._clock.now()
        count: int = await self._run(lambda db: self._hand.hand_over(db, manager, to, actor, now))
        self._bells.turn()
        self._changes.publish("leads")
        return {"manager": manager, "to": to, "leads": count}

    async def plan(self) -> Json:
        """What the configuration file would change."""
        return await self._reloader.plan()

    async def reload(self, actor: str) -> Json:
        """Put the configuration file in force."""
        return await self._reloader.reload(actor)

    async def invite(self, manager: str) -> Json:
        """A link by which a manager's Telegram account becomes the way to him."""
        try:
            return dict(await invite(self._store, self._rulebooks, self._bot(), manager, self._clock.now()))
        except Away as error:
            raise Refused(503, "store_away", "the store cannot be reached; try again shortly") from error

    async def channels(self, language: str = "") -> Json:
        """Every configured channel, how it is, and what to do about that in a language; left out: the company's."""
        return {"items": [self._health.described(name, language) for name in self._health.names()], "next": None}

    async def ledger(self) -> Json:
        """The account of every envelope; `balanced` where counters, rows and effects agree."""

        def unit(db: sa.Connection) -> Json:
            items = account(db)
            drift = rotation.recount(db)
            return {
                "items": [{k: v for k, v in item.items() if k != "agrees"} for item in items],
                "balanced": all(item["agrees"] for item in items) and not drift,
            }

        shown: Json = await self._read(unit)
        return shown

    async def envelopes(
        self, outcome: str | None, channel: str | None, reason: str | None, limit: int, cursor: str | None
    ) -> Json:
        """A page of envelopes."""
        page: views.Page = await self._read(lambda db: views.envelope_page(db, outcome, channel, reason, limit, cursor))
        return page.json()

    async def envelope(self, uid: str) -> Json:
        """One envelope."""
        shown: Json | None = await self._read(lambda db: views.envelope(db, uid)) if is_uuid(uid) else None
        if shown is None:
            raise Refused(404, "no_such_envelope", "there is no such envelope")
        return shown

    async def replay(self, uids: Sequence[str] | None, *, as_client: bool, dry_run: bool, actor: str) -> Json:
        """Make envelopes pending again, or show what would become of them."""
        wanted = await self._failed() if uids is None else list(uids)
        known = [uid for uid in wanted if is_uuid(uid)]
        if dry_run:
            shown = {uid: await self._dry_run(uid, as_client=as_client) for uid in known}
            return {"items": [shown.get(uid, {"id": uid, "replayed": False}) for uid in wanted]}
        replayed: set[str] = set()
        for start in range(0, len(known), SLICE):
            part = known[start : start + SLICE]
            replayed |= await self._run(partial(self._replay, uids=part, as_client=as_client, actor=actor))
        self._bells.work()
        left = [uid for uid in known if uid not in replayed]
        expired: set[str] = await self._read(lambda db: expiry.expired(db, left)) if left else set()
        return {"items": [{"id": uid, "replayed": uid in replayed} | _why_not(uid, expired) for uid in wanted]}

    async def _failed(self) -> list[str]:
        """Every failed envelope, page by page."""
        found: list[str] = []
        cursor: str | None = None
        while True:
            read = partial(views.envelope_page, outcome="failed", channel=None, reason=None, limit=SLICE, cursor=cursor)
            page: views.Page = await self._read(read)
            found += [item["id"] for item in page.items]
            if page.next is None:
                return found
            cursor = page.next

    def _replay(self, db: sa.Connection, *, uids: Sequence[str], as_client: bool, actor: str) -> set[str]:
        replayed = self._journal.reopen(db, uids, as_client=as_client)
        if replayed:
            record = {"code": "replay", "envelopes": replayed, "as_client": as_client}
            decisions.write(db, [Decision(self._store.ids.take(), self._clock.now(), "action", record, actor=actor)])
        return set(replayed)

    async def _dry_run(self, uid: str, *, as_client: bool) -> Json:
        def unit(db: sa.Connection) -> Json:
            stored = self._journal.stored(db, [uid])
            if not stored:
                return {"id": uid, "replayed": False}
            if expiry.expired(db, [uid]):
                return {"id": uid, "replayed": False} | _why_not(uid, {uid})
            claimed = replace(stored[0], as_client=as_client, attempts=0)
            return {"id": uid, "replayed": False} | self._tried(db, claimed, self._clock.now())

        return await self._rolled_back(unit)

    async def attempt(self, given: Mapping[str, Any]) -> Json:
        """What would happen to an approach: done in full, shown, and rolled back."""
        channel = given.get("channel")
        if channel not in self._adapters:
            raise Refused(
                422, "no_such_channel", f"there is no channel {channel!r}; there are {', '.join(self._adapters)}"
            )
        at = self._moment(given.get("at"))
        said = Inbound(
            kind="form",
            name=given.get("name"),
            phones=tuple(filter(None, [given.get("phone")])),
            emails=tuple(filter(None, [given.get("email")])),
            text=given.get("text") or "",
            city=given.get("city"),
        )
        envelope = Envelope(str(channel), "try", b"", at)

        def unit(db: sa.Connection) -> Json:
            claimed = Claimed(0, uuid7(), envelope, 1, as_client=False)
            return self._tried(db, claimed, at, said)

        return await self._rolled_back(unit)

    def _moment(self, text: str | None) -> datetime:
        if text is None:
            return self._clock.now()
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise Refused(422, "bad_time", f"{text!r} is not a time; write 2026-11-28 23:10") from error
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=self._zone)

    def _tried(self, db: sa.Connection, claimed: Claimed, now: datetime, said: Inbound | None = None) -> Json:
        """Settle one envelope within this transaction and tell what came of it."""
        return self._came_of(db, self._pipeline.read(claimed) if said is None else Reading(claimed, said), now)

    def _came_of(self, db: sa.Connection, reading: Reading, now: datetime) -> Json:
        settled: Settled = self._settler.write(db, [reading], now)
        result = settled.results[0]
        shown: Json = {"outcome": result.outcome, "reason": result.reason}
        if result.lead is not None:
            lead = self._lead(db, result.lead)
            given = "lead_assigned" if lead["offer"] is None else "lead_offered"
            code = given if result.outcome == "created" else "wrote_again"
            _, latest = views.for_notices(db, [result.lead])[result.lead]
            subject, text = render(code, lead, latest, self._language, lead["due_at"])
            told = sentences(db, decisions.of_lead(db, result.lead), self._language, self._titles())
            notice = {"to": lead["owner"], "subject": subject, "text": text} if lead["owner"] else None
            shown |= {"lead": lead, "sentences": told, "notice": notice}
        return shown

    async def sweep(self, *, dry_run: bool, whole: bool) -> Json:
        """Begin a sweep of the store, unless one is under way, and how it stands a while later."""
        if whole and not self._store.embedded:
            raise Refused(422, "not_this_store", "only SQLite's file is written anew; PostgreSQL reuses what is free")
        self._upkeep.begin(dry_run=dry_run, whole=whole)
        return await self.swept()

    async def swept(self) -> Json:
        """How the latest sweep of this process stands, as soon as it is done or a while later."""
        report = await self._upkeep.progress(SWEEP_WITHIN)
        if report is None:
            raise Refused(404, "not_swept", "nobody has asked for a sweep since this process began")
        return report.json()

    async def login_link(self, person: str | None) -> Json:
        """A one-time link to the desk."""
        return await self._entrance.invite(person)

    def events(self, last: str | None) -> AsyncIterator[Sequence[Json]]:
        """What changed after the event `last`, as it happens."""
        return self._changes.follow(last)

    async def health(self) -> Json:
        """Whether the store answers, its schema serves this version and no task keeps dying; channels never spoil readiness."""
        try:
            current = await self._store.read(serves)
        except Away:
            return {"ready": False, "store": "away", "channels": self._channel_states(), **self._standing()}
        standing = self._standing()
        ready, store = current and not standing["failing"], "ok" if current else "old_schema"
        return {"ready": ready, "store": store, "channels": self._channel_states(), **standing}

    def _channel_states(self) -> list[Json]:
        """No more than anybody may know."""
        shown = [self._health.described(name, "") for name in self._health.names()]
        return [{key: one[key] for key in ("name", "kind", "state", "since")} for one in shown]

    async def metrics(self) -> bytes:
        """Prometheus text; the gauges are read from the store, and are left as they were while it is away."""
        self._metrics.channels(self._health.figures())
        try:
            figures = await self._store.read(
                lambda db: (views.pending(db), views.waiting_counts(db), outbox.counts(db))
            )
        except Away:
            return self._metrics.text(None)
        (count, oldest), waiting, unsent = figures
        age = 0.0 if oldest is None else (self._clock.now() - instant(oldest)).total_seconds()
        return self._metrics.text((count, age, waiting, unsent))

    async def notices(self) -> Json:
        """Notices that have not reached their manager."""
        return {"items": await self._read(lambda db: outbox.unsent(db, self._names)), "next": None}


def _why_not(uid: str, expired: Collection[str]) -> Json:
    """Why an envelope cannot be run again, where that is not plain from its outcome."""
    return {"code": "expired"} if uid in expired else {}


def _number(db: sa.Connection, uid: str) -> int:
    number = views.lead_number(db, uid) if is_uuid(uid) else None
    if number is None:
        raise Refused(404, "no_such_lead", "there is no such lead")
    return number
