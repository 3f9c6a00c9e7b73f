"""A contact's page without a browser: a merge is seen first, made, undone; keys are split off; suggestions are answered."""

from typing import Any

import pytest

from tests.desk.served import AT
from tests.desk.test_pages import Desk, desk

__all__ = ["desk"]


def people(desk: Desk) -> Any:
    return desk.office.people


async def test_what_a_merge_would_come_to_is_shown_before_it_is_made(desk: Desk) -> None:
    status, body, _ = await desk.ask("GET", "/contacts/c-1?with=c-2", "irina")
    assert status == 200
    assert "Получится один контакт" in body
    assert "Открытые обращения станут одним лидом." in body
    assert people(desk).orders == [("c-1", "c-2", True, "irina")]
    status, _, headers = await desk.post("/contacts/c-1", "irina", action="merge", absorb="c-2")
    assert (status, headers["Location"]) == (303, "../contacts/c-1")
    assert people(desk).orders[1:] == [("c-1", "c-2", False, "irina")]


async def test_another_contact_is_found_by_a_key_as_people_write_it(desk: Desk) -> None:
    _, body, _ = await desk.ask("GET", "/contacts/c-1?q=Николай", "irina")
    assert "Больше никого не нашлось" in body  # himself he is not shown
    asked: list[Any] = []

    async def contacts(*given: Any) -> dict[str, Any]:
        asked.append(given[:2])
        found = {"id": "c-2", "name": "Коля", "keys": [], "created_at": AT, "version": 1}
        return {"items": [] if given[0] == "phone:8 912 345-67-89" else [found], "next": None}

    desk.office.people.contacts = contacts  # type: ignore[method-assign,assignment] # an office that notes what it is asked
    for text in ("8 912 345-67-89", "kolya@example.com", "Коля\0"):
        _, body, _ = await desk.ask("GET", "/contacts/c-1", "irina", params={"q": text})
        assert 'href="?with=c-2"' in body
    assert asked == [
        ("phone:8 912 345-67-89", None), (None, "8 912 345-67-89"), ("email:kolya@example.com", None), (None, "Коля"),
    ]  # fmt: skip


async def test_a_merge_is_undone_where_it_is_shown(desk: Desk) -> None:
    lead = desk.office.add_lead()
    for path in ("/contacts/c-1", f"/leads/{lead['id']}"):
        _, body, _ = await desk.ask("GET", path, "irina")
        assert 'name="merge" value="m-1"' in body
    status, _, _ = await desk.post("/contacts/c-1", "irina", action="undo", merge="m-1")
    assert (status, people(desk).undone) == (303, AT)


async def test_ticked_keys_and_interactions_are_split_off(desk: Desk) -> None:
    form = {"csrf": "csrf-of-irina", "action": "split", "interaction": "i-1"}
    data = [*form.items(), ("key", "phone:+79161234567"), ("key", "phone:+74951234500;ext=12")]
    status, _, _ = await desk.ask("POST", "/contacts/c-1", "irina", data=dict(data[:3]) | {"key": data[3][1]})
    assert status == 303
    assert people(desk).orders == [("c-1", ["phone:+79161234567"], ["i-1"], "irina")]
    _, body, _ = await desk.ask("GET", "/contacts/c-1", "irina")
    for _, value in data[3:]:
        assert f'name="key" value="{value}"' in body


@pytest.mark.parametrize("verdict", ["join", "apart", "dismiss"])
async def test_a_suggestion_is_answered(desk: Desk, verdict: str) -> None:
    status, _, _ = await desk.post("/contacts/c-1", "irina", action=verdict, suggestion="s-1")
    assert (status, people(desk).verdict) == (303, verdict)


async def test_what_cannot_be_done_is_said_on_the_page_as_it_is(desk: Desk) -> None:
    status, body, _ = await desk.post("/contacts/c-1", "irina", action="merge", absorb="c-1")
    assert status == 409
    assert "Это уже один контакт." in body
    assert (await desk.post("/contacts/c-1", "irina", action="explode"))[0] == 404


async def test_who_is_who_is_for_directors(desk: Desk) -> None:
    lead = desk.office.add_lead()
    assert (await desk.ask("GET", "/contacts/c-1", "anna"))[0] == 403
    assert (await desk.post("/contacts/c-1", "anna", action="merge", absorb="c-2"))[0] == 403
    _, body, _ = await desk.ask("GET", f"/leads/{lead['id']}", "anna")
    assert "contacts/" not in body
    assert people(desk).orders == []
    assert (await desk.ask("POST", "/contacts/c-1", "irina", data={"action": "merge", "absorb": "c-2"}))[0] == 403
