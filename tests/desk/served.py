"""A small office that works, and the real API served over it on loopback."""

import base64
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from desk.access import Access
from desk.api import add_api
from desk.pages import Pages
from desk.ports import Json, Office, Refused, Visitor

TOKEN = "correct-horse"
AT = "2026-01-31T09:00:00.250000Z"
OPEN = {"unprocessed", "assigned", "in_work"}
CLOSED = {"disqualify": "disqualified", "lose": "lost", "convert": "converted"}


class SmallPeople:
    """`desk.ports.People` in memory: two contacts, of which one can be absorbed, and one suggestion about them."""

    def __init__(self, leads: Mapping[str, Json]) -> None:
        self._leads = leads
        self.undone: str | None = None
        self.verdict: str | None = None
        self.orders: list[Any] = []
        self.company_owner = "anna"

    async def contacts(self, key: str | None, q: str | None, limit: int, cursor: str | None) -> Json:
        """The one contact that there is."""
        known = key in {None, "phone:+79161234567"} and (q or "") in "Николай"
        return _page([_contact()] if known else [], limit, cursor)

    async def contact(self, uid: str, language: str = "") -> Json:
        """The one contact that there is."""
        if uid != "c-1":
            raise Refused(404, "no_such_contact", "there is no such contact")
        return _whole_contact(list(self._leads.values()))

    async def merge(self, into: str, absorbed: str, *, preview: bool, actor: str) -> Json:
        """One merge."""
        self.orders.append((into, absorbed, preview, actor))
        if into == absorbed:
            raise Refused(409, "same_contact", "a contact cannot be merged with itself")
        shown = {"contact": _whole_contact([]), "folds": [{"lead": "l-2", "into": "l-1"}]}
        return {"merge": None, "preview": shown} if preview else {"merge": "m-1"}

    async def undo(self, merge: str, actor: str) -> Json:
        """The one merge, undone."""
        if merge != "m-1":
            raise Refused(404, "no_such_merge", "there is no such merge")
        self.undone = AT
        return _merge(self.undone)

    async def split(self, contact: str, keys: Sequence[Json | str], interactions: Sequence[str], actor: str) -> Json:
        """Whatever is asked for."""
        self.orders.append((contact, list(keys), list(interactions), actor))
        return {"contact": "c-3", "undone": None}

    async def bring_in(self, rows: Sequence[Mapping[str, Any]], *, preview: bool, actor: str) -> Json:
        """Each row makes a contact."""
        self.orders.append((list(rows), preview, actor))
        made: Json = {"result": "created", "why": None, "contact": "c-1", "company": None, "keys": [], "doubts": []}
        return {"items": [{"line": row["line"], **made} for row in rows], "counts": {"created": len(rows)}}

    async def suggestions(self, state: str | None, language: str, limit: int, cursor: str | None) -> Json:
        """The one suggestion."""
        found = [self._suggestion(language)]
        return _page([one for one in found if state in {None, one["state"]}], limit, cursor)

    def _suggestion(self, language: str) -> Json:
        person = {"id": "c-1", "name": "Николай", "keys": []}
        reason = "One approach gave keys of both contacts." if language == "en" else "Названы ключи обоих."
        return {
            "id": "s-1", "code": "keys_of_two", "contact": person, "other": person | {"id": "c-2"}, "reason": reason,
            "at": AT, "state": "answered" if self.verdict else "open", "verdict": self.verdict,
        }  # fmt: skip

    async def judge(self, suggestion: str, verdict: str, language: str, actor: str) -> Json:
        """The first answer counts."""
        if self.verdict not in {None, verdict}:
            raise Refused(409, "answered", f"this suggestion was answered already: {self.verdict}")
        self.verdict = verdict
        return self._suggestion(language)

    async def describe(self, contact: str, order: Mapping[str, Any], actor: str) -> Json:
        """What is asked for."""
        self.orders.append(dict(order))
        return _whole_contact([]) | dict(order)

    async def company(self, uid: str) -> Json:
        """The one company."""
        if uid != "o-1":
            raise Refused(404, "no_such_company", "there is no such company")
        keys = [{"kind": "email", "value": "info@example.com"}]
        return {
            "id": "o-1", "name": None, "owner": self.company_owner, "keys": keys, "created_at": AT, "leads": [],
            "contacts": [],
        }  # fmt: skip

    async def describe_company(self, uid: str, order: Mapping[str, Any], actor: str) -> Json:
        """What is asked for."""
        self.orders.append(dict(order))
        return await self.company(uid) | dict(order)


class SmallOffice:
    """All parts of `desk.ports.Office` in memory: two managers, one team, one channel; leads as they are added."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self.leads_by_id: dict[str, Json] = {}
        self.away: set[str] = set()
        self.journal: dict[str, Json] = {}
        self.unsent: list[Json] = []
        self.trouble: Json = {}
        self.balanced = True
        self.ready = True
        self.broken = False
        self.actors: list[str] = []
        self.meanwhile: Callable[[], object] = lambda: None
        self.people = SmallPeople(self.leads_by_id)
        self.taken_down: dict[str | None, Json] = {}
        self.swept_as: Json = {}
        self.replies: list[tuple[str, Json, str | None, str]] = []

    def parted(self, entrance: "SmallEntrance") -> Office:
        """What the API is given."""
        return Office(
            leads=self,
            approaches=self,
            people=self.people,
            managers=self,
            journal=self,
            configuration=self,
            running=self,
            sweeps=self,
            entrance=entrance,
            changes=self,
        )

    def add_lead(self, title: str = "Саратов – Николай – Цемент", **changes: Any) -> Json:
        """One more lead, newer than all before."""
        number = len(self.leads_by_id) + 1
        uid = f"00000000-0000-7000-8000-{number:012}"
        contact = {"id": "c-1", "name": "Николай", "keys": [{"kind": "phone", "value": "+79161234567"}]}
        made = {
            "id": uid, "version": 1, "title": title, "state": "assigned", "reason": None, "owner": "anna", "team": "sales",
            "channel": "site", "source": "Сайт", "created_at": AT, "due_at": None, "merged_into": None, "marks": [],
            "contact": contact, "company": None,
        }  # fmt: skip
        self.leads_by_id[uid] = made | changes
        return self.leads_by_id[uid]

    def add_envelope(self, outcome: str, reason: str | None = None) -> Json:
        """One more envelope."""
        uid = f"e-{len(self.journal) + 1}"
        self.journal[uid] = {
            "id": uid, "channel": "site", "received_at": AT, "naming": "derived", "outcome": outcome, "reason": reason,
            "attempts": 1, "lead": None, "contact": None, "expired": False,
        }  # fmt: skip
        return self.journal[uid]

    async def page(self, wanted: Mapping[str, str | None], limit: int, cursor: str | None) -> Json:
        """A page of leads, newest first."""
        if self.broken:
            raise RuntimeError("Николай +79161234567 is in this message")
        asked = {name: value for name, value in wanted.items() if value is not None and name != "q"}
        part = wanted["q"] or ""
        found = [
            lead
            for lead in reversed(self.leads_by_id.values())
            if part in lead["title"] and all(lead[name] == value for name, value in asked.items())
        ]
        return _page(found, limit, cursor)

    async def lead(self, uid: str, cursor: str | None = None) -> Json:
        """One lead, whole."""
        return _whole(self._lead(uid))

    def _lead(self, uid: str) -> Json:
        if uid not in self.leads_by_id:
            raise Refused(404, "no_such_lead", "there is no such lead")
        return self.leads_by_id[uid]

    async def explain(self, uid: str, language: str) -> Json:
        """Two sentences."""
        lead = self._lead(uid)
        texts = ["A new lead.", "Anna's turn."] if language == "en" else ["Новый лид.", "Очередь Анны."]
        told = [{"at": AT, "text": text} for text in texts]
        return {"lead": uid, **{n: lead[n] for n in ("title", "state", "reason")}, "sentences": told}

    async def act(self, uid: str, action: str, order: Mapping[str, Any], actor: str) -> Json:
        """Change a lead."""
        self.actors.append(actor)
        lead = self._lead(uid)
        if order["version"] not in {None, lead["version"]}:
            raise Refused(409, "stale", "the lead was changed meanwhile", _whole(lead))
        if action != "reopen" and lead["state"] not in OPEN:
            raise Refused(409, "closed", f"the lead is {lead['state']}", _whole(lead))
        if order["manager"] not in {None, "anna", "boris"}:
            raise Refused(422, "no_such_manager", f"there is no manager {order['manager']!r}")
        states = CLOSED | {"accept": "in_work", "decline": "unprocessed", "assign": "assigned", "reopen": "unprocessed"}
        owner = None if action == "decline" else order["manager"] or lead["owner"]
        lead |= {"state": states[action], "owner": owner, "reason": order["reason"], "version": lead["version"] + 1}
        return _whole(lead)

    async def lead_of_activity(self, uid: str) -> str:
        """The first lead there is."""
        if uid != "to-do":
            raise Refused(404, "no_such_activity", "there is no such activity")
        return next(iter(self.leads_by_id))

    async def done(self, uid: str, actor: str) -> Json:
        """What was to be done is done."""
        self.actors.append(actor)
        return _whole(self._lead(await self.lead_of_activity(uid)), done_by=actor)

    async def concerns(self, uid: str, manager: str) -> bool:
        """Whether it is his, or offered to him."""
        lead = self._lead(uid)
        return bool(lead["owner"] == manager or manager in (lead.get("offer") or {"managers": ()})["managers"])

    async def follow(self, last: str | None) -> AsyncIterator[Sequence[Json]]:
        """A reset where nothing was seen, then one lead, then the end."""
        if last is None:
            yield [{"event": "e-0", "kind": "reset", "id": None, "version": None}]
        self.meanwhile()
        yield [{"event": "e-1", "kind": "lead", "id": "l-1", "version": 7}]

    async def take_down(self, order: Mapping[str, Any], key: str | None, actor: str) -> Json:
        """A lead of Nikolai's; the same key has the same lead."""
        self.actors.append(actor)
        if order["preview"]:
            person = {name: _contact()[name] for name in ("id", "name", "keys")}
            return {"outcome": "created", "reason": None, "matches": [{"contact": person, "leads": []}]}
        if key not in self.taken_down:
            self.taken_down[key] = self.add_lead(order["text"])
        return _whole(self.taken_down[key])

    async def reply(self, uid: str, order: Mapping[str, Any], key: str | None, actor: str) -> Json:
        """A word that is on its way; the order is kept."""
        if order["text"] == "blocked":
            raise Refused(422, "blocked", "the client has blocked the bot")
        self.replies.append((uid, dict(order), key, actor))
        more = {"direction": "out", "kind": "reply", "author": order["manager"] or actor, "answers": "i-1"}
        return _interaction() | more | {"state": "sending", "error": None, "lead": uid, "duplicate": False}

    async def file(self, name: str, only: str | None = None) -> Path:
        """A file of the folder, which came with what concerns nobody in particular."""
        if self.folder is None or only is not None or not (self.folder / name).is_file():
            raise Refused(404, "no_such_file", "there is no such file")
        return self.folder / name

    async def all(self) -> Json:
        """Both of them."""
        return {"items": [self._manager("anna", "Анна Петрова"), self._manager("boris", "Борис Ким")], "next": None}

    def _manager(self, name: str, title: str) -> Json:
        here = name not in self.away
        return {
            "name": name, "title": title, "teams": ["sales"], "available": here, "on_shift": True, "eligible": here,
            "why_not": None if here else "away", "open": 1, "capacity": None, "leaving": False, "turns": {"sales": 3},
            "version": 1,
        }  # fmt: skip

    async def set_available(self, manager: str, *, available: bool, actor: str) -> Json:
        """The switch."""
        self.actors.append(actor)
        found = next((m for m in (await self.all())["items"] if m["name"] == manager), None)
        if found is None:
            raise Refused(404, "no_such_manager", f"there is no manager {manager!r}")
        (self.away.discard if available else self.away.add)(manager)
        return self._manager(manager, found["title"])

    async def hand_over(self, manager: str, to: str | None, actor: str) -> Json:
        """Two leads."""
        self.actors.append(actor)
        return {"manager": manager, "to": to, "leads": 2}

    async def plan(self) -> Json:
        """One change."""
        change = {"code": "manager_removed", "name": "anna", "open_leads": 2}
        return {"changes": [change], "restart": ["http"], "warnings": []}

    async def reload(self, actor: str) -> Json:
        """The same, done."""
        self.actors.append(actor)
        return await self.plan()

    async def invite(self, manager: str) -> Json:
        """A link that leads nowhere."""
        return {"manager": manager, "link": "https://t.me/played_bot?start=invite-word", "until": AT}

    async def channels(self, language: str = "") -> Json:
        """The one channel."""
        nothing = dict.fromkeys(("detail", "next_at", "heard_at"))
        site = {"name": "site", "kind": "webform", "state": "listening", "since": AT, "restarts": 0, "refusals": 0}
        return {"items": [site | nothing | {"remedy": None} | self.trouble], "next": None}

    async def ledger(self) -> Json:
        """One day."""
        figures = {"received": 3, "created": 2, "attached": 1, "handled": 0, "ignored": 0, "failed": 0, "pending": 0}
        return {
            "items": [{"channel": "site", "day": "2026-01-31", **figures, "duplicates": 4}],
            "balanced": self.balanced,
        }

    async def envelopes(
        self, outcome: str | None, channel: str | None, reason: str | None, limit: int, cursor: str | None
    ) -> Json:
        """A page of the journal."""
        asked = {"outcome": outcome, "channel": channel, "reason": reason}
        wanted = {name: value for name, value in asked.items() if value is not None}
        return _page([e for e in self.journal.values() if all(e[n] == v for n, v in wanted.items())], limit, cursor)

    async def envelope(self, uid: str) -> Json:
        """One envelope with its body."""
        if uid not in self.journal:
            raise Refused(404, "no_such_envelope", "there is no such envelope")
        body = {"encoding": "base64", "content": base64.b64encode(b"\xff").decode(), "content_type": None}
        return self.journal[uid] | {"body": body}

    async def replay(self, uids: Sequence[str] | None, *, as_client: bool, dry_run: bool, actor: str) -> Json:
        """Failed ones are created, ignored ones too if they are taken as a client's."""
        self.actors.append(actor)
        chosen = [e["id"] for e in self.journal.values() if e["outcome"] == "failed"] if uids is None else uids
        return {"items": [self._replayed(uid, as_client=as_client, dry_run=dry_run) for uid in chosen]}

    def _replayed(self, uid: str, *, as_client: bool, dry_run: bool) -> Json:
        found = self.journal.get(uid)
        again = found is not None and (found["outcome"] == "failed" or (as_client and found["outcome"] == "ignored"))
        if dry_run:
            return {"id": uid, "replayed": False} | ({"outcome": "created", "reason": None} if again else {})
        if found is not None and again:
            found["outcome"] = "created"
        return {"id": uid, "replayed": again}

    async def sweep(self, *, dry_run: bool, whole: bool) -> Json:
        """Nothing is ever too old here."""
        nothing = {name: {"count": 0, "bytes": 0} for name in ("bodies", "notices", "links", "files")}
        self.swept_as = {"dry_run": dry_run, "started_at": "2026-09-01T09:00:00Z", "done": True, **nothing}
        self.swept_as |= {"freed": 0, "fixed": whole, "error": None}
        return self.swept_as

    async def swept(self) -> Json:
        """As it was."""
        return self.swept_as or await self.sweep(dry_run=True, whole=False)

    async def attempt(self, given: Mapping[str, Any]) -> Json:
        """A new lead that is not kept."""
        if given["channel"] != "site":
            raise Refused(422, "no_such_channel", f"there is no channel {given['channel']!r}")
        lead = _whole(SmallOffice().add_lead(given["text"] or ""))
        notice = {"to": "anna", "subject": "Новый лид", "text": f"Телефон: {given['phone']}\n\nСпасибо"}
        sentences = [{"at": AT, "text": "Новый лид."}]
        return {"outcome": "created", "reason": None, "lead": lead, "sentences": sentences, "notice": notice}

    async def notices(self) -> Json:
        """What could not be sent."""
        return {"items": self.unsent, "next": None}

    async def health(self) -> Json:
        """As `ready` says; the store is never asked."""
        return {
            "ready": self.ready,
            "store": "ok" if self.ready else "away",
            "channels": [{"name": "site", "kind": "webform", "state": "listening", "since": AT}],
            "roles": ["receive", "listen", "work", "desk"],
            "configuration": "applied",
            "wakes": "off",
            "failing": [],
        }

    async def metrics(self) -> bytes:
        """One sample."""
        return b"priyom_pending 0.0\n"


class SmallBoard:
    """`desk.ports.Board` over the small office: who waits, and who has what."""

    def __init__(self, office: "SmallOffice") -> None:
        self.office = office

    async def board(self, only: str | None, language: str) -> Json:
        """The live page's facts."""
        leads = [_listed(lead) for lead in self.office.leads_by_id.values()]
        owners = [only] if only else ["anna", "boris"]
        work = [
            {"owner": owner, "title": owner.title(), "count": len(found), "leads": found}
            for owner in owners
            if (found := [lead for lead in leads if lead["owner"] == owner and lead["state"] in OPEN])
        ]
        people = [_person(name, available=name not in self.office.away) for name in owners]
        shown: Json = {
            "now": AT,
            "zone": "Europe/Moscow",
            "work": work,
            "teams": [{"name": "sales", "managers": people}],
        }
        if only is not None:
            return shown
        waiting = [lead for lead in leads if lead["state"] == "unprocessed"]
        figures = {"received": 3, "created": 2, "attached": 1, "handled": 0, "ignored": 0, "failed": 0, "pending": 0}
        channels = [one | {"today": 3} for one in (await self.office.channels())["items"]]
        return shown | {
            "waiting": waiting, "waiting_count": len(waiting), "channels": channels, "day": {"site": figures},
        }  # fmt: skip

    async def choices(self, language: str) -> Json:
        """What forms offer."""
        managers = {"anna": "Анна Петрова", "boris": "Борис Ким"}
        reasons = {"disqualified": ["спам"]}
        return {
            "now": AT,
            "zone": "Europe/Moscow",
            "managers": managers,
            "people": {"irina": "Ирина Орлова"} | managers,
            "teams": ["sales"],
            "reasons": reasons,
            "why": {},
            "replies": {"blocked": "клиент нас заблокировал", "no_way_back": "клиент не оставил, куда ответить"},
        }


def _listed(lead: Json) -> Json:
    return lead | {"why": "никого нет", "wait_until": None, "accepted_at": None, "answer_by": None}


def _person(name: str, *, available: bool) -> Json:
    return {
        "name": name, "title": name.title(), "available": available, "on_shift": True, "shift_changes": None,
        "eligible": available, "why_not": None if available else "away", "why": None if available else "нет на месте",
        "open": 1, "capacity": 5, "unanswered": 1, "offers": None, "next": False,
    }  # fmt: skip


class SmallEntrance:
    """`desk.ports.Entrance` in memory: sessions by their cookies, links by their tokens."""

    def __init__(self) -> None:
        self.visitors = {
            "of-irina": Visitor("irina", "director", "Ирина Орлова", "csrf-of-irina"),
            "of-anna": Visitor("anna", "manager", "Анна Петрова", "csrf-of-anna"),
        }
        self.links = {"once": "of-irina"}

    async def invite(self, person: str | None) -> Json:
        """A link for the one director."""
        if person not in {None, "irina"}:
            raise Refused(422, "no_such_person", f"there is no {person!r}")
        return {"url": "http://127.0.0.1:8080/login/once", "person": "irina", "until": AT}

    async def invited(self, token: str) -> Visitor | None:
        """For whom a link is."""
        return self.visitors.get(self.links.get(token, ""))

    async def enter(self, token: str) -> str | None:
        """Use a link up."""
        return self.links.pop(token, None)

    async def visitor(self, cookie: str) -> Visitor | None:
        """Whose session it is."""
        return self.visitors.get(cookie)

    async def leave(self, cookie: str) -> None:
        """End a session."""
        self.visitors.pop(cookie, None)


def _page(found: Sequence[Json], limit: int, cursor: str | None) -> Json:
    start = int(cursor or 0)
    end = start + limit
    return {"items": list(found[start:end]), "next": str(end) if end < len(found) else None}


def _merge(undone_at: str | None = None) -> Json:
    absorbed = {"id": "c-2", "name": None}
    return {"id": "m-1", "into": "c-1", "absorbed": absorbed, "at": AT, "actor": "api", "undone_at": undone_at}


def _whole_contact(leads: Sequence[Json]) -> Json:
    names = ("id", "state", "title", "owner", "team")
    shown = [{name: lead[name] for name in names} for lead in leads]
    more = {"merges": [_merge()], "suggestions": []}
    return _contact() | {"leads": shown, "interactions": [_interaction()]} | more


def _contact() -> Json:
    keys = [{"kind": "phone", "value": "+79161234567"}, {"kind": "phone", "value": "+74951234500", "extension": "12"}]
    known = {"id": "c-1", "version": 1, "name": "Николай", "keys": keys, "created_at": AT}
    return known | {"owner": None, "company": None}


def _interaction() -> Json:
    dropped = {"name": "b.pdf", "media_type": "application/pdf", "size": 9, "file": None, "dropped": "too_large"}
    kept = {"name": "a.pdf", "media_type": "application/pdf", "size": 9, "file": "ab12", "dropped": None}
    consent = {"given": True, "version": None, "url": None, "at": AT, "remote": "127.0.0.1"}
    return {
        "id": "i-1", "envelopes": ["e-1"], "channel": "site", "kind": "form", "at": AT, "direction": "in", "subject": None,
        "text": "Цемент", "introduced_as": None, "fields": {"color": ["red"]}, "name": "Николай",
        "phones": ["8 916 123-45-67"], "campaign": {"utm_source": "yandex"}, "attachments": [kept, dropped],
        "consent": consent,
        "call": {"phase": "answered", "over": True, "extension": "101", "seconds": 31, "recording": None},
    }  # fmt: skip


def _whole(lead: Json, done_by: str | None = None) -> Json:
    lead = dict(lead)
    said = lead.pop("said", {})
    decision = {"match": {"code": "new"}, "assignment": {"rule": 0}}
    done_at = None if done_by is None else AT
    to_do = {"id": "to-do", "kind": "call_back", "created_at": AT, "due_at": AT, "done_at": done_at, "done_by": done_by}
    timeline = {"interactions": [_interaction() | said], "interactions_next": None}
    return lead | timeline | {"activities": [to_do], "decision": decision}


@asynccontextmanager
async def serving(office: SmallOffice, token: str = TOKEN, entrance: SmallEntrance | None = None) -> AsyncIterator[str]:
    """The API and the pages over `office` on a port of their own; their address."""
    application = web.Application()
    entrance = entrance or SmallEntrance()
    access, parted = Access(token, entrance), office.parted(entrance)
    add_api(application, parted, access)
    application.add_routes(Pages(parted, SmallBoard(office), access, "ru").routes())
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
