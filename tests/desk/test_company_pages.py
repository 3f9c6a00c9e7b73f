"""A company's page and the taking down of approaches, without a browser."""

import re
from typing import Any

from desk.ports import Json, Refused
from tests.desk.test_pages import Desk, desk

__all__ = ["desk"]


async def test_a_company_is_shown_with_its_keys_and_gets_a_name_and_an_owner(desk: Desk) -> None:
    status, body, _ = await desk.ask("GET", "/companies/o-1", "irina")
    assert status == 200
    assert "Общая линия без названия" in body
    assert "info@example.com" in body
    assert '<option value="anna" selected>' in body
    status, _, headers = await desk.post("/companies/o-1", "irina", name=" ООО «Ромашка» ", owner="")
    assert (status, headers["Location"]) == (303, "../companies/o-1")
    people: Any = desk.office.people
    assert people.orders == [{"name": "ООО «Ромашка»", "owner": None}]


async def test_a_company_is_for_directors_and_must_be_there(desk: Desk) -> None:
    assert (await desk.ask("GET", "/companies/o-1", "anna"))[0] == 403
    assert (await desk.post("/companies/o-1", "anna", name="x"))[0] == 403
    assert (await desk.ask("GET", "/companies/o-2", "irina"))[0] == 404


async def test_a_contact_and_a_lead_lead_to_their_company(desk: Desk) -> None:
    lead = desk.office.add_lead(contact=None, company={"id": "o-1", "name": None})
    _, body, _ = await desk.ask("GET", f"/leads/{lead['id']}", "irina")
    assert 'href="../companies/o-1"' in body
    _, body, _ = await desk.ask("GET", f"/leads/{lead['id']}", "anna")
    assert "companies/" not in body
    assert "Общая линия без названия" in body


async def test_whom_an_approach_may_be_from_is_shown_before_it_is_written_once(desk: Desk) -> None:
    _, body, _ = await desk.ask("GET", "/new", "irina")
    key = re.search(r'name="key" value="([^"]+)"', body)
    assert key is not None
    assert 'value="write"' not in body
    given = {"key": key[1], "name": "Николай", "phone": "8 916 123-45-67", "text": "Цемент"}
    status, body, _ = await desk.post("/new", "irina", action="look", **given)
    assert status == 200
    assert desk.office.leads_by_id == {}
    assert 'value="8 916 123-45-67"' in body
    assert f'name="key" value="{key[1]}"' in body
    assert 'name="contact" value="c-1"' in body
    assert 'value="write"' in body
    for _ in range(2):
        status, _, headers = await desk.post("/new", "irina", action="write", contact="c-1", **given)
        assert status == 303
    (lead,) = desk.office.leads_by_id.values()
    assert headers["Location"] == f"./leads/{lead['id']}"


async def test_what_cannot_be_taken_down_is_said_beside_what_was_typed(desk: Desk) -> None:
    async def refuse(order: Json, *_: Any) -> Json:
        orders.append(order)
        raise Refused(422, "incomplete", "say who it was")

    orders: list[Json] = []
    desk.office.take_down = refuse  # type: ignore[method-assign,assignment] # an office that refuses
    status, body, _ = await desk.post("/new", "irina", action="write", contact="new", city=" Тула ")
    assert status == 422
    assert "Напишите, кто это был" in body
    assert 'value=" Тула "' in body
    assert (orders[0]["city"], orders[0]["new"], orders[0]["contact"], orders[0]["preview"]) == (
        "Тула",
        True,
        None,
        False,
    )


async def test_taking_down_is_for_directors(desk: Desk) -> None:
    assert (await desk.ask("GET", "/new", "anna"))[0] == 403
    assert (await desk.post("/new", "anna", action="write", text="x"))[0] == 403
    assert 'href="./new"' in (await desk.ask("GET", "/", "irina"))[1]
    assert "new" not in re.findall(r'href="\./(\w+)"', (await desk.ask("GET", "/", "anna"))[1])


async def test_an_owner_who_has_left_stays_the_owner_until_another_is_chosen(desk: Desk) -> None:
    people: Any = desk.office.people
    people.company_owner = "gone"
    _, body, _ = await desk.ask("GET", "/companies/o-1", "irina")
    (chosen,) = re.findall(r'<option value="([^"]*)" selected>gone</option>', body)
    for owner, order in ((chosen, {}), ("boris", {"owner": "boris"}), ("", {"owner": None})):
        await desk.post("/companies/o-1", "irina", name="Ромашка", owner=owner)
        assert people.orders[-1] == {"name": "Ромашка"} | order
