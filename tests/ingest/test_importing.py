"""Contacts that are brought in, over both databases: matched as approaches are, without a lead, a notice or a joined pair."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from desk.ports import Json, Refused
from ingest.assembly import assemble
from storage import contact_files
from storage.schema import companies, contacts, journal, keys, leads, outbox, suggestions
from storage.store import Store
from tests.ingest.configured import configured
from tests.ingest.parts import NOW, at_clock, wire
from tests.ingest.people import Clients, phone

CONFIG = """\
channels: {site: {kind: webform, source: Сайт}}
own: {domains: [ours.example]}
matching: {shared: {emails: ["info@*"]}}
managers: {anna: {name: Анна}, boris: {name: Борис}}
teams: {sales: {managers: [anna, boris]}}
routing: [{team: sales}]
"""


class Desk(Clients):
    """Clients, and the office of their store."""

    def __init__(self, store: Store, people: Any) -> None:
        super().__init__(wire(store))
        self.people = people

    async def take(self, *rows: Json, preview: bool = False) -> list[Json]:
        numbered = [{"line": line, **row} for line, row in enumerate(rows, 2)]
        shown = await self.people.bring_in(numbered, preview=preview, actor="irina")
        return list(shown["items"])


@pytest.fixture
async def desk(store: Store, tmp_path: Path) -> Desk:
    assembled = await assemble(configured(tmp_path, CONFIG), store, at_clock(NOW))
    return Desk(store, assembled.serving.office.people)


async def test_rows_make_contacts_with_owners_and_companies_and_nothing_else(desk: Desk) -> None:
    first, second = await desk.take(
        {
            "name": "Анна  Орлова",
            "phones": ["8 912 345-00-01"],
            "emails": ["a@mail.ru"],
            "owner": "boris",
            "company": "Вега",
        },
        {"name": "Пётр", "phones": ["8 912 345-00-02"], "company": "Вега"},
    )
    assert (first["result"], first["keys"], first["doubts"]) == (
        "created",
        ["phone:+79123450001", "email:a@mail.ru"],
        [],
    )
    assert first["company"] == second["company"]
    shown = await desk.people.describe(first["contact"], {}, "irina")
    assert (shown["name"], shown["owner"], shown["company"]["name"]) == ("Анна Орлова", "boris", "Вега")
    assert [row["journal_id"] for row in desk.parts.rows(keys)] == [None] * 3
    assert [len(desk.parts.rows(table)) for table in (contacts, companies, leads, outbox, journal)] == [2, 1, 0, 0, 0]


async def test_rows_that_are_taken_again_change_nothing(desk: Desk) -> None:
    rows: list[Json] = [
        {"name": "Анна", "phones": [phone(1)], "owner": "anna", "company": "Вега"},
        {"emails": ["info@vega.ru"]},
    ]
    await desk.take(*rows)
    before = {table.name: desk.parts.rows(table) for table in (contacts, companies, keys, suggestions)}
    assert [one["result"] for one in await desk.take(*rows)] == ["known", "company"]
    assert {table.name: desk.parts.rows(table) for table in (contacts, companies, keys, suggestions)} == before


async def test_who_is_known_keeps_his_name_and_owner_and_gains_his_other_keys(desk: Desk) -> None:
    desk.write(1, name="Анна")
    (known,) = await desk.take({"name": "Анна", "phones": [phone(1)], "emails": ["a@mail.ru"], "owner": "boris"})
    assert known["result"] == "known"
    (again,) = await desk.take({"name": "Ольга", "emails": ["a@mail.ru"], "owner": "anna"})
    assert again["doubts"] == ["another_name", "another_owner"]
    assert (desk.contact(1)["name"], len(desk.parts.rows(contacts))) == ("Анна", 1)


async def test_several_accounts_of_one_person_in_one_cell_are_several_keys(desk: Desk) -> None:
    (row,) = await desk.take({"name": "Анна", "telegram": "111, 222", "vk": "5"})
    assert row["keys"] == ["telegram:111", "telegram:222", "vk:5"]


async def test_what_is_no_account_in_a_messenger_s_column_joins_nobody(desk: Desk) -> None:
    said = ("нет", "есть", "да", "-", "1", "@anna_k", "https://t.me/anna_k", "telegram")
    taken = await desk.take(
        *({"phones": [phone(2 * n + who)], "telegram": one, "vk": one} for n, one in enumerate(said) for who in (0, 1)),
        {"telegram": "есть"},
        {"vk": "https://vk.com/id12345"},
        {"vk": "id12345"},
    )
    assert [row["result"] for row in taken] == ["created"] * 2 * len(said) + ["refused", "created", "known"]
    assert [row["keys"] for row in taken[:2]] == [[f"phone:{phone(0)}"], [f"phone:{phone(1)}"]]
    assert taken[-3]["doubts"] == ["unreadable"]
    assert taken[-1]["keys"] == ["vk:12345"]


async def test_who_works_somewhere_stays_there_and_the_other_company_is_not_founded(desk: Desk) -> None:
    (first,) = await desk.take({"phones": [phone(1)], "company": "Вега"})
    (again, other, both) = await desk.take(
        {"phones": [phone(1)], "company": "Лира"},
        {"phones": [phone(2)], "company": "Орион"},
        {"phones": [phone(2)], "company": "Лира"},
    )
    assert (again["company"], again["doubts"]) == (first["company"], ["another_company"])
    assert (other["doubts"], both["doubts"], both["company"]) == ([], ["another_company"], other["company"])
    assert [row["name"] for row in desk.parts.rows(companies)] == ["Вега", "Орион"]
    assert (await desk.take({"phones": [phone(1)]}))[0]["company"] == first["company"]


def test_what_somebody_else_gave_meanwhile_stays(desk: Desk) -> None:
    desk.write(1)
    number, names = desk.number(1), desk.parts.names.managers

    def unit(db: sa.Connection) -> None:
        anna, boris = names.number(db, "anna"), names.number(db, "boris")
        for owner in (anna, boris):  # the second as if it had read before the first was written
            contact_files._GIVE_CONTACT(db, [(number, owner, None)])

    desk.parts.store.transact(unit)
    owner = desk.contact(1)["owner_id"]
    assert desk.parts.store.transact(lambda db: names.name(db, owner)) == "anna"


async def test_a_client_of_the_file_goes_to_the_owner_that_it_names(desk: Desk) -> None:
    for who in range(1, 5):
        await desk.take({"phones": [phone(who)], "owner": "boris"})
        assert desk.parts.lead(desk.write(who))["owner"] == "boris"


async def test_a_row_that_names_two_known_people_joins_nobody(desk: Desk) -> None:
    desk.write(1)
    desk.write(2)
    (row,) = await desk.take({"phones": [phone(1), phone(2)], "telegram": "77"})
    assert (row["result"], row["doubts"]) == ("known", ["keys_of_two"])
    assert {c["root_id"] for c in desk.parts.rows(contacts)} == {desk.number(1), desk.number(2)}


async def test_ids_of_messengers_in_two_rows_join_nobody_either(desk: Desk) -> None:
    await desk.take({"telegram": "77"}, {"vk": "88"})
    (row,) = await desk.take({"telegram": "77", "vk": "88"})
    assert row["doubts"] == ["keys_of_two"]
    assert len({c["root_id"] for c in desk.parts.rows(contacts)}) == 2


async def test_a_shared_address_is_a_companys_with_its_name_and_owner(desk: Desk) -> None:
    (row,) = await desk.take({"name": "Секретарь", "emails": ["info@vega.ru"], "company": "Вега", "owner": "anna"})
    assert (row["result"], row["contact"]) == ("company", None)
    company = await desk.people.company(row["company"])
    assert (company["name"], company["owner"]) == ("Вега", "anna")


async def test_a_row_that_cannot_be_taken_says_why_and_costs_only_itself(desk: Desk) -> None:
    rows: list[Json] = [
        {"name": "Никто"},
        {"phones": ["12"]},
        {"phones": [phone(1)], "owner": "ghost"},
        {"emails": ["anna@ours.example"]},
        {"phones": [phone(2)]},
    ]
    assert [(one["result"], one["why"]) for one in await desk.take(*rows)] == [
        ("refused", "no_key"),
        ("refused", "no_key"),
        ("refused", "no_such_owner"),
        ("refused", "staff"),
        ("created", None),
    ]
    assert len(desk.parts.rows(contacts)) == 1


async def test_a_preview_says_the_same_and_leaves_no_trace(desk: Desk) -> None:
    row = {"name": "Анна", "phones": [phone(1)], "company": "Вега"}
    before = desk.parts.everything()
    (would,) = await desk.take(row, preview=True)
    assert desk.parts.everything() == before
    (did,) = await desk.take(row)
    assert would["result"] == did["result"] == "created"
    with pytest.raises(Refused):
        await desk.people.company(would["company"])
