"""The live page's facts over both databases: who waits and why, who has what, whose turn it is, the account of the day."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from desk.ports import Refused
from ingest.assembly import Parts as Assembled
from ingest.assembly import assemble
from ingest.office.board import MOST_OF_ONE
from kernel.clock import iso, micros
from storage.schema import interactions, leads, offers
from storage.store import Store
from tests.ingest.configured import configured
from tests.ingest.parts import NOW, Parts, at_clock, wire

CONFIG = """\
channels: {site: {kind: webform, source: Сайт}}
directors: {irina: {name: Ирина}}
reasons: {disqualified: [спам]}
managers:
  anna: {name: Анна, capacity: 2}
  boris: {name: Борис, hours: "Mon-Fri 09:00-18:00"}
  vera: {name: Вера, hours: "Sat 10:00-12:00"}
teams: {sales: {managers: [anna, boris, vera], respond_within: 30m}, night: {managers: [vera]}}
routing: [{team: sales}]
"""


class Company:
    """A store with people in it, and its board."""

    def __init__(self, parts: Parts, assembled: Assembled) -> None:
        self.parts, self.office, self.board, self.clock = (
            parts,
            assembled.serving.office,
            assembled.serving.board,
            assembled.core.clock,
        )
        self.files = assembled.core.files
        self._number = 10

    def post(self, count: int = 1) -> list[str]:
        """So many leads of people who are new."""
        people = [{"phones": [f"8 912 345-{self._number + n:04}"], "name": f"Клиент {n}"} for n in range(count)]
        self._number += count
        return [str(self.parts.lead(r.lead)["uid"]) for r in self.parts.take(*people, at=self.clock.now())]

    async def shown(self, only: str | None = None, language: str = "ru") -> dict[str, Any]:
        return await self.board.board(only, language)

    async def away(self, *names: str) -> None:
        for name in names:
            await self.office.managers.set_available(name, available=False, actor="irina")


@pytest.fixture
async def company(store: Store, tmp_path: Path) -> Company:
    assembled = await assemble(configured(tmp_path, CONFIG), store, at_clock(NOW))
    return Company(wire(store), assembled)


async def test_an_empty_company_has_nobody_waiting(company: Company) -> None:
    shown = await company.shown()
    assert (shown["waiting"], shown["waiting_count"], shown["work"], shown["day"]) == ([], 0, [], {})
    assert [one["name"] for one in shown["channels"]] == ["site"]


async def test_who_waits_is_told_the_oldest_place_first_and_why_in_the_readers_words(company: Company) -> None:
    await company.away("anna", "boris")
    (first,) = company.post()
    company.clock.advance(timedelta(minutes=1))
    (second,) = company.post()
    shown = await company.shown()
    assert [lead["id"] for lead in shown["waiting"]] == [first, second]
    assert shown["waiting_count"] == 2
    assert {lead["why"] for lead in shown["waiting"]} == {"свободных менеджеров нет"}
    assert {lead["why"] for lead in (await company.shown(language="en"))["waiting"]} == {"no manager is free"}
    received, due = (datetime.fromisoformat(shown["waiting"][0][name]) for name in ("created_at", "due_at"))
    assert due - received == timedelta(minutes=30)


async def test_each_manager_has_his_leads_what_is_to_be_accepted_first(company: Company) -> None:
    uids = company.post(3)
    owners = {uid: (await company.office.leads.lead(uid))["owner"] for uid in uids}
    first = next(uid for uid, owner in owners.items() if owner == "anna")
    await company.office.leads.act(first, "accept", {}, "irina")
    work = {group["owner"]: group for group in (await company.shown())["work"]}
    assert [(lead["id"] == first, lead["state"]) for lead in work["anna"]["leads"]] == [
        (False, "assigned"),
        (True, "in_work"),
    ]
    assert (work["anna"]["title"], work["anna"]["count"], work["boris"]["count"]) == ("Анна", 2, 1)


async def test_of_many_leads_of_one_the_first_are_shown_and_all_are_counted(company: Company) -> None:
    await company.away("anna")
    company.post(MOST_OF_ONE + 3)
    (group,) = (await company.shown())["work"]
    assert (len(group["leads"]), group["count"]) == (MOST_OF_ONE, MOST_OF_ONE + 3)


async def test_who_is_next_in_turn_stands_first_and_who_cannot_have_leads_says_why(company: Company) -> None:
    team = (await company.shown())["teams"][0]
    assert [(one["name"], one["next"], one["why"]) for one in team["managers"]] == [
        ("anna", True, None),
        ("boris", False, None),
        ("vera", False, "вне смены"),
    ]
    company.post()
    team = (await company.shown())["teams"][0]
    assert [one["name"] for one in team["managers"]] == ["boris", "anna", "vera"]
    anna = team["managers"][1]
    assert (anna["open"], anna["capacity"], anna["unanswered"], anna["shift_changes"]) == (1, 2, 1, None)
    assert team["managers"][0]["shift_changes"] == iso(NOW.replace(hour=15))
    company.post(2)
    team = (await company.shown())["teams"][0]
    assert ("anna", "предел открытых лидов") in [(one["name"], one["why"]) for one in team["managers"][1:]]


async def test_a_limit_of_offers_is_shown_with_how_many_wait_and_keeps_further_ones_away(
    store: Store, tmp_path: Path
) -> None:
    text = CONFIG.replace("capacity: 2", "offers: 1").replace("respond_within: 30m", "accept_within: 30m")
    assembled = await assemble(configured(tmp_path, text), store, at_clock(NOW))
    asked = Company(wire(store), assembled)
    (uid,) = asked.post()
    for only in (None, "anna"):
        members = (await asked.shown(only))["teams"][0]["managers"]
        anna = next(one for one in members if one["name"] == "anna")
        assert (anna["offers"], anna["unanswered"], anna["why_not"]) == (1, 1, "at_offers")
    await assembled.serving.office.leads.act(
        uid, "decline", {"manager": "anna", "reason": None, "version": None}, "anna"
    )
    members = (await asked.shown())["teams"][0]["managers"]
    assert {one["name"]: (one["unanswered"], one["open"]) for one in members} == {
        "anna": (0, 0),
        "boris": (1, 1),
        "vera": (0, 0),
    }
    assert not await assembled.serving.office.leads.concerns(uid, "anna")


async def test_the_account_of_the_day_is_of_today_and_agrees_with_the_ledger(company: Company) -> None:
    company.post(2)
    today = (await company.shown())["day"]
    (item,) = (await company.office.journal.ledger())["items"]
    assert today == {"site": {name: item[name] for name in today["site"]}}
    assert (today["site"]["received"], today["site"]["created"], today["site"]["pending"]) == (2, 2, 0)
    company.clock.advance(timedelta(days=1))
    assert (await company.shown())["day"] == {}


async def test_a_manager_is_shown_his_own_and_what_is_offered_to_him(company: Company) -> None:
    uids = company.post(2)
    lead_of = {(await company.office.leads.lead(uid))["owner"]: uid for uid in uids}
    shown = await company.shown("anna")
    assert set(shown) == {"now", "zone", "work", "teams"}
    assert [lead["id"] for group in shown["work"] for lead in group["leads"]] == [lead_of["anna"]]
    assert [one["name"] for team in shown["teams"] for one in team["managers"]] == ["anna"]
    assert await company.office.leads.concerns(lead_of["anna"], "anna")
    assert not await company.office.leads.concerns(lead_of["boris"], "anna")

    offered = lead_of["boris"]
    until = NOW + timedelta(minutes=3)
    company.parts.store.transact_raw(lambda db: _offer(db, offered, "anna", company, micros(until)))
    assert await company.office.leads.concerns(offered, "anna")
    found = {lead["id"]: lead["answer_by"] for g in (await company.shown("anna"))["work"] for lead in g["leads"]}
    assert found == {lead_of["anna"]: None, offered: iso(until)}


async def test_a_file_is_for_those_whom_its_lead_concerns(company: Company) -> None:
    anna, boris = sorted(company.post(2), key=lambda uid: company.parts.leads()[0]["uid"] != uid)
    names = {uid: company.files.keep(uid.encode()) for uid in (anna, boris)}
    owners = {uid: str((await company.office.leads.lead(uid))["owner"]) for uid in names}

    def attach(db: sa.Connection) -> None:
        for uid, name in names.items():
            lead = sa.select(leads.c.id).where(leads.c.uid == uid).scalar_subquery()
            details = orjson.dumps({"fields": {}, "attachments": [{"name": "a", "file": name}]}).decode()
            db.execute(sa.update(interactions).where(interactions.c.lead_id == lead).values(details=details))

    company.parts.store.transact(attach)
    for uid, name in names.items():
        assert (await company.office.leads.file(name)).read_bytes() == uid.encode()
        for manager in ("anna", "boris"):
            if manager == owners[uid]:
                assert (await company.office.leads.file(name, manager)).is_file()
            else:
                with pytest.raises(Refused, match="no such file"):
                    await company.office.leads.file(name, manager)
    await company.office.leads.act(anna, "assign", {"manager": owners[boris], "version": None}, "irina")
    assert (await company.office.leads.file(names[anna], owners[boris])).is_file()


def _offer(db: sa.Connection, uid: str, manager: str, company: Company, until: int) -> None:
    lead = db.execute(sa.select(leads.c.id, leads.c.team_id).where(leads.c.uid == uid)).one()
    number = company.parts.names.managers.number(db, manager)
    values = {"id": 1, "uid": uid, "lead_id": lead.id, "team_id": lead.team_id, "manager_id": number}
    db.execute(sa.insert(offers).values(**values, offered_at=micros(NOW), answer_by=until, state="open"))


async def test_forms_offer_who_there_is_and_the_reasons_of_the_company(company: Company) -> None:
    choices = await company.board.choices("en")
    assert choices["managers"] == {"anna": "Анна", "boris": "Борис", "vera": "Вера"}
    assert choices["people"] == choices["managers"] | {"irina": "Ирина"}
    assert (choices["teams"], choices["reasons"]) == (["sales", "night"], {"disqualified": ["спам"]})
    assert choices["why"]["outside_hours"] == "nobody is on shift now"
