"""Who is who by the desk's orders, over both databases: previews without a trace, splits, suggestions, companies, notes by hand."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from channels.adapter import Rejected
from channels.message import Request
from desk.ports import Office, Refused
from ingest.assembly import Parts as Assembled
from ingest.assembly import assemble
from storage import people_views
from storage.schema import apart, contacts, decisions, interactions, journal, leads, outbox, suggestions
from storage.store import Store
from tests.ingest.configured import configured
from tests.ingest.parts import NOW, at_clock, wire
from tests.ingest.people import Clients, phone

CONFIG = """\
channels: {site: {kind: webform, source: Сайт}}
matching: {shared: {emails: ["info@*"]}}
managers: {anna: {name: Анна}, boris: {name: Борис}}
teams: {sales: {managers: [anna, boris]}, south: {managers: [boris], respond_within: 5m}}
routing: [{team: sales}]
"""
NOBODY = "01890a5d-ac96-774b-bcce-b302099a8057"


class Desk(Clients):
    """Clients, and the office of their store."""

    def __init__(self, store: Store, assembled: Assembled) -> None:
        super().__init__(wire(store))
        self.assembled = assembled
        self.desk: Office = assembled.serving.office
        self.people: Any = assembled.serving.office.people

    def uid(self, who: int) -> str:
        return str(self.contact(who)["uid"])

    async def shown(self, who: int) -> dict[str, Any]:
        return dict(await self.desk.people.contact(self.uid(who)))

    async def take_down(self, key: str | None = None, **order: Any) -> dict[str, Any]:
        return dict(await self.desk.approaches.take_down({"preview": False, **order}, key, "irina"))


@pytest.fixture
async def desk(store: Store, tmp_path: Path) -> Desk:
    return Desk(store, await assemble(configured(tmp_path, CONFIG), store, at_clock(NOW)))


async def refused(command: Callable[[], Awaitable[Any]]) -> tuple[int, str]:
    with pytest.raises(Refused) as error:
        await command()
    return error.value.status, error.value.code


# ---- merges


async def test_a_preview_shows_what_the_merge_then_does_and_leaves_no_trace(desk: Desk) -> None:
    first, second = desk.write(1, name="Анна"), desk.write(2)
    before = desk.parts.everything()
    order = partial(desk.people.merge, desk.uid(2), desk.uid(1), actor="irina")
    shown = (await order(preview=True))["preview"]
    assert desk.parts.everything() == before
    (fold,) = shown["folds"]
    assert [desk.parts.lead(n)["uid"] for n in (second, first)] == [fold["lead"], fold["into"]]
    merge = (await order(preview=False))["merge"]
    after = await desk.shown(2)
    assert {k: after[k] for k in ("id", "name", "keys", "leads")} == {
        k: shown["contact"][k] for k in ("id", "name", "keys", "leads")
    }
    assert (after["name"], [key["value"] for key in after["keys"]]) == ("Анна", [phone(1), phone(2)])
    assert [(one["id"], one["absorbed"]["name"], one["undone_at"]) for one in after["merges"]] == [
        (merge, "Анна", None)
    ]


async def test_an_absorbed_contact_leads_to_its_root_by_id_and_key_and_name(desk: Desk) -> None:
    desk.write(1, name="Николай")
    desk.write(2, name="Коля")
    absorbed, root = desk.uid(2), desk.uid(1)
    await desk.people.merge(root, absorbed, preview=False, actor="irina")
    assert (await desk.desk.people.contact(absorbed))["id"] == root
    for asked in ({"key": f"phone:{phone(2)}", "q": None}, {"key": None, "q": "2345000"}, {"key": None, "q": "коля"}):
        found = await desk.desk.people.contacts(**asked, limit=50, cursor=None)
        assert [one["id"] for one in found["items"]] == [root]
    wanted = {"state": None, "owner": None, "team": None, "channel": None, "q": phone(2)[-6:]}
    page = await desk.desk.leads.page(wanted, 50, None)
    assert {lead["state"] for lead in page["items"]} == {"assigned", "merged"}


async def test_a_surviving_lead_shows_what_was_said_on_both_and_a_folded_one_where_it_goes_on(desk: Desk) -> None:
    numbers = desk.write(1, text="Цемент"), desk.write(2, text="Доставка")
    first, second = (desk.parts.lead(number)["uid"] for number in numbers)
    done = await desk.people.merge(desk.uid(1), desk.uid(2), preview=False, actor="irina")
    desk.write(2, text="Ещё")
    survivor, folded = await desk.desk.leads.lead(first), await desk.desk.leads.lead(second)
    assert [said["text"] for said in survivor["interactions"]] == ["Цемент", "Доставка", "Ещё"]
    assert (folded["state"], folded["merged_into"]) == ("merged", first)
    assert [said["text"] for said in folded["interactions"]] == ["Доставка"]
    assert await refused(lambda: desk.desk.leads.act(second, "reopen", {}, "irina")) == (409, "merged")
    undone = await desk.people.undo(done["merge"], "irina")
    assert undone["undone_at"] is not None
    assert [said["text"] for said in (await desk.desk.leads.lead(second))["interactions"]] == ["Доставка", "Ещё"]
    assert await desk.people.undo(done["merge"], "boris") == undone


async def test_merges_and_undos_are_told_in_both_languages(desk: Desk) -> None:
    numbers = desk.write(1), desk.write(2)
    done = await desk.people.merge(desk.uid(1), desk.uid(2), preview=False, actor="irina")
    await desk.people.undo(done["merge"], "irina")
    uid = desk.parts.lead(numbers[1])["uid"]
    english = [one["text"] for one in (await desk.desk.leads.explain(uid, "en"))["sentences"]]
    folded = "irina: contacts were merged, and this lead goes on as a part of the client's other lead."
    returned = "irina: contacts were parted, and this lead stands by itself again, as before they were merged."
    assert english[-2:] == [f"{folded} Its state before: assigned.", f"{returned} Its state: assigned."]
    russian = [one["text"] for one in (await desk.desk.leads.explain(uid, "ru"))["sentences"]]
    assert russian[-1].startswith("irina: контакты разделены, и лид снова стоит отдельно")


async def test_what_is_not_there_is_not_found(desk: Desk) -> None:
    desk.write(1)
    for uid in ("nothing", NOBODY):
        assert await refused(partial(desk.people.merge, desk.uid(1), uid, preview=True, actor="i")) == (
            404,
            "no_such_contact",
        )
        assert await refused(partial(desk.people.undo, uid, "i")) == (404, "no_such_merge")
        assert await refused(partial(desk.people.split, uid, [f"phone:{phone(1)}"], [], "i")) == (
            404,
            "no_such_contact",
        )
        assert await refused(partial(desk.people.judge, uid, "join", "", "i")) == (404, "no_such_suggestion")
        assert await refused(partial(desk.people.company, uid)) == (404, "no_such_company")
        assert await refused(partial(desk.people.describe, uid, {}, "i")) == (404, "no_such_contact")


# ---- splits


async def test_a_key_that_is_split_off_takes_what_came_by_it_and_opens_a_lead(desk: Desk) -> None:
    lead = desk.write(1, emails=["wife@example.com"])
    desk.parts.take({"emails": ["wife@example.com"], "name": "Мария", "text": "Доставка"})
    done = await desk.people.split(desk.uid(1), ["email:Wife@example.com"], [], "irina")
    assert done["undone"] is None
    fresh = await desk.desk.people.contact(done["contact"])
    assert (fresh["name"], fresh["keys"]) == ("Мария", [{"kind": "email", "value": "wife@example.com"}])
    assert [(one["state"], one["title"]) for one in fresh["leads"]] == [("assigned", "Мария – Доставка")]
    assert [one["text"] for one in fresh["interactions"]] == ["Доставка"]
    assert len(desk.said(lead)) == 1
    assert desk.parts.count(apart) == 1
    (later,) = desk.parts.take({"emails": ["wife@example.com"]})
    assert desk.parts.lead(later.lead)["uid"] == fresh["leads"][0]["id"]
    (both,) = desk.parts.take({"phones": [phone(1)], "emails": ["wife@example.com"]})
    assert both.lead == lead
    assert [row["code"] for row in desk.parts.rows(suggestions) if row["settled_at"] is None] == []
    assert desk.parts.balanced()


async def test_a_lead_that_loses_all_it_has_goes_along(desk: Desk) -> None:
    desk.parts.take({"phones": [phone(1)], "emails": ["wife@example.com"]})
    lead = desk.parts.leads()[0]["id"]
    desk.parts.order(lead, state="converted")
    later = desk.parts.take({"emails": ["wife@example.com"]}, at=NOW + timedelta(days=60))[0].lead
    done = await desk.people.split(desk.uid(1), ["email:wife@example.com"], [], "irina")
    fresh = await desk.desk.people.contact(done["contact"])
    assert [one["id"] for one in fresh["leads"]] == [desk.parts.lead(later)["uid"]]
    assert [one["state"] for one in (await desk.shown(1))["leads"]] == ["converted"]
    assert desk.parts.balanced()


async def test_a_lead_that_keeps_something_is_called_after_what_it_keeps(desk: Desk) -> None:
    lead = desk.write(1, name="Анна", text="Цемент")
    desk.write(1, text="Доставка")
    first = (await desk.shown(1))["interactions"][0]["id"]
    done = await desk.people.split(desk.uid(1), [], [first], "irina")
    left = await desk.desk.leads.lead(desk.parts.lead(lead)["uid"])
    assert (left["title"], [said["text"] for said in left["interactions"]]) == ("Доставка", ["Доставка"])
    fresh = await desk.desk.people.contact(done["contact"])
    assert (fresh["keys"], fresh["leads"][0]["title"]) == ([], "Анна – Цемент")


async def test_to_split_off_all_that_a_merge_brought_is_to_undo_it(desk: Desk) -> None:
    desk.write(1)
    desk.write(2)
    before = desk.picture()
    done = await desk.people.merge(desk.uid(1), desk.uid(2), preview=False, actor="irina")
    split = await desk.people.split(desk.uid(1), [{"kind": "phone", "value": phone(2)}], [], "irina")
    assert split == {"contact": desk.uid(2), "undone": done["merge"]}
    assert desk.picture() == before


async def test_a_split_that_makes_no_sense_changes_nothing(desk: Desk) -> None:
    desk.write(1)
    before = desk.parts.everything()
    split = partial(desk.people.split, desk.uid(1))
    assert await refused(lambda: split([], [], "i")) == (422, "incomplete")
    assert await refused(lambda: split([f"phone:{phone(1)}"], [], "i")) == (409, "nothing_left")
    assert await refused(lambda: split([f"phone:{phone(2)}"], [], "i")) == (422, "no_such_key")
    assert await refused(lambda: split(["phone:nonsense"], [], "i")) == (422, "no_such_key")
    assert await refused(lambda: split([], [NOBODY], "i")) == (422, "no_such_interaction")
    assert desk.parts.everything() == before


# ---- suggestions


async def suggested(desk: Desk) -> str:
    """Two people of whom one approach gave a key each."""
    desk.write(1)
    desk.write(2)
    desk.parts.take({"phones": [phone(1), phone(2)]})
    page = await desk.people.suggestions("open", "en", 50, None)
    (one,) = page["items"]
    assert (one["code"], one["reason"]) == ("keys_of_two", "One approach gave keys of both contacts.")
    assert {one["contact"]["id"], one["other"]["id"]} == {desk.uid(1), desk.uid(2)}
    assert [(await desk.shown(who))["suggestions"][0]["id"] for who in (1, 2)] == [one["id"]] * 2
    return str(one["id"])


async def test_a_suggestion_that_is_followed_merges_the_younger_into_the_older(desk: Desk) -> None:
    uid = await suggested(desk)
    judged = await desk.people.judge(uid, "join", "ru", "irina")
    assert (judged["state"], judged["verdict"], judged["reason"]) == (
        "answered",
        "join",
        "Одно обращение назвало ключи обоих контактов.",
    )
    (merge,) = desk.standing()
    assert (merge["contact_id"], merge["into_id"], merge["actor"]) == (desk.number(2), desk.number(1), "irina")
    assert await desk.people.judge(uid, "join", "ru", "irina") == judged
    assert await refused(lambda: desk.people.judge(uid, "apart", "", "irina")) == (409, "answered")
    await desk.people.undo(merge["uid"], "irina")
    assert (await desk.people.suggestions("open", "", 50, None))["items"] == []


async def test_two_who_are_said_to_be_two_are_not_suggested_again(desk: Desk) -> None:
    await desk.people.judge(await suggested(desk), "apart", "", "irina")
    desk.parts.take({"phones": [phone(2), phone(1)]})
    assert (await desk.people.suggestions("open", "", 50, None))["items"] == []
    assert desk.standing() == []


async def test_a_suggestion_that_is_dismissed_changes_nobody(desk: Desk) -> None:
    uid = await suggested(desk)
    before = desk.picture()
    assert (await desk.people.judge(uid, "dismiss", "", "irina"))["verdict"] == "dismiss"
    assert (desk.picture(), desk.parts.count(apart)) == (before, 0)
    answered = await desk.people.suggestions("answered", "", 50, None)
    assert [one["id"] for one in answered["items"]] == [uid]


async def test_another_name_is_answered_by_a_split(desk: Desk) -> None:
    desk.write(1, name="Анна")
    desk.write(1, name="Борис")
    (one,) = (await desk.people.suggestions("open", "", 50, None))["items"]
    assert one["code"] == "another_name"
    assert await refused(lambda: desk.people.judge(one["id"], "join", "", "irina")) == (409, "one_contact")
    said = (await desk.shown(1))["interactions"][1]["id"]
    fresh = await desk.people.split(desk.uid(1), [], [said], "irina")
    assert (await desk.desk.people.contact(fresh["contact"]))["name"] == "Борис"
    assert (await desk.people.suggestions("open", "", 50, None))["items"] == []


# ---- owners


async def test_a_shared_line_belongs_to_a_company_whose_owner_gets_what_comes_by_it(desk: Desk) -> None:
    info = {"emails": ["info@client.example"]}
    (first,) = desk.parts.take(info)
    shown = await desk.desk.leads.lead(desk.parts.lead(first.lead)["uid"])
    assert (shown["contact"], shown["company"]["name"]) == (None, None)
    uid = shown["company"]["id"]
    named = await desk.people.describe_company(uid, {"name": "ООО «Ромашка»", "owner": "boris"}, "irina")
    assert (named["name"], named["owner"], [key["value"] for key in named["keys"]]) == (
        "ООО «Ромашка»",
        "boris",
        ["info@client.example"],
    )
    desk.parts.order(first.lead or 0, state="lost")
    later = desk.parts.take(info, at=NOW + timedelta(days=60))[0].lead
    assert desk.parts.lead(later)["owner"] == "boris"
    for name in ("anna", "boris"):
        desk.parts.set_available(name, available=False)
    desk.parts.order(later or 0, state="lost")
    waits = desk.parts.take(info, at=NOW + timedelta(days=120))[0].lead
    assert desk.parts.lead(waits)["owner"] is None
    for name in ("anna", "boris"):
        desk.parts.set_available(name, available=True)
    desk.parts.distribute(NOW + timedelta(days=120))
    assert desk.parts.lead(waits)["owner"] == "boris"
    desk.write(1, name="Анна")
    works_there = sa.update(contacts).where(contacts.c.id == desk.number(1)).values(company_id=named_number(desk, uid))
    desk.parts.store.transact(lambda db: db.execute(works_there))
    shown = await desk.people.company(uid)
    assert (len(shown["leads"]), [one["name"] for one in shown["contacts"]]) == (3, ["Анна"])
    assert (await desk.shown(1))["company"] == {"id": uid, "name": "ООО «Ромашка»"}
    assert (await desk.people.describe_company(uid, {"owner": None}, "irina"))["name"] == "ООО «Ромашка»"


def named_number(desk: Desk, uid: str) -> int:
    """A company's number inside."""
    number = desk.parts.store.transact(lambda db: people_views.company_number(db, uid))
    assert number is not None
    return number


async def test_a_contact_is_given_a_name_and_an_owner_who_then_gets_its_leads(desk: Desk) -> None:
    lead = desk.write(1, name="Анна")
    shown = await desk.people.describe(desk.uid(1), {"owner": "boris"}, "irina")
    assert (shown["name"], shown["owner"], shown["version"]) == ("Анна", "boris", 2)
    assert (await desk.people.describe(desk.uid(1), {"name": "Анна Петрова"}, "irina"))["owner"] == "boris"
    desk.parts.order(lead, state="lost")
    later = desk.write(1, NOW + timedelta(days=60))
    assert desk.parts.lead(later)["owner"] == "boris"
    order = {"owner": "nobody"}
    assert await refused(lambda: desk.people.describe(desk.uid(1), order, "i")) == (422, "no_such_manager")


# ---- taken down by hand


async def test_what_is_taken_down_goes_through_the_journal_to_a_lead(desk: Desk) -> None:
    lead = await desk.take_down(name="Анна", phone="8 912 345-00-01", text="Цемент", source="Выставка")
    assert (lead["title"], lead["state"], lead["source"], lead["channel"]) == (
        "Анна – Цемент",
        "assigned",
        "Выставка",
        "desk",
    )
    assert [(said["kind"], said["channel"]) for said in lead["interactions"]] == [("note", "desk")]
    (entry,) = desk.parts.rows(journal)
    assert (entry["outcome"], entry["lead_id"]) == ("created", desk.parts.leads()[0]["id"])
    assert desk.parts.balanced()
    again = await desk.take_down(phone="8 912 345-00-01", text="Ещё")
    assert (again["id"], len(again["interactions"])) == (lead["id"], 2)


async def test_matches_are_shown_first_and_leave_no_trace(desk: Desk) -> None:
    desk.write(1, name="Анна")
    before = desk.parts.everything()
    shown = await desk.take_down(phone=phone(1), text="Ещё", preview=True)
    assert [(one["contact"]["name"], len(one["leads"])) for one in shown["matches"]] == [("Анна", 1)]
    assert (shown["outcome"], shown["lead"]["contact"]["name"]) == ("attached", "Анна")
    assert (await desk.take_down(phone=phone(2), preview=True))["matches"] == []
    assert desk.parts.everything() == before


async def test_whom_a_person_names_is_the_sender_and_somebody_new_is_new(desk: Desk) -> None:
    desk.write(1, name="Анна")
    desk.write(2)
    named = await desk.take_down(contact=desk.uid(2), phone=phone(1), text="Это он")
    assert named["contact"]["id"] == desk.uid(2)
    assert named["decision"]["match"]["code"] == "new_contact"
    fresh = await desk.take_down(new=True, phone=phone(1), email="husband@example.com", name="Пётр")
    assert (fresh["contact"]["name"], [key["value"] for key in fresh["contact"]["keys"]]) == (
        "Пётр",
        ["husband@example.com"],
    )
    assert fresh["decision"]["match"]["code"] == "new_by_hand"
    assert desk.parts.count(contacts) == 3


async def test_a_named_manager_gets_it_without_a_turn(desk: Desk) -> None:
    first = await desk.take_down(phone=phone(1), manager="boris")
    assert (first["owner"], first["state"], first["decision"]["assignment"]["code"]) == ("boris", "assigned", "by_hand")
    assert [(await desk.take_down(phone=phone(n)))["owner"] for n in (2, 3)] == ["anna", "boris"]
    assert desk.parts.turns() == ["anna", "boris"]
    moved = await desk.take_down(phone=phone(1), manager="anna", text="Ему удобнее с Анной")
    assert (moved["id"], moved["owner"]) == (first["id"], "anna")
    south = await desk.take_down(phone=phone(4), team="south")
    assert (south["team"], south["owner"]) == ("south", "boris")
    assert south["due_at"] is not None
    assert desk.parts.balanced()


async def test_a_closed_lead_that_a_note_gives_to_somebody_goes_to_nobody_else_on_the_way(desk: Desk) -> None:
    first = await desk.take_down(phone=phone(1))
    assert first["owner"] == "anna"
    await desk.desk.leads.act(first["id"], "lose", {"reason": None}, "irina")
    desk.parts.store.transact(lambda db: db.execute(sa.delete(outbox)))
    again = await desk.take_down(phone=phone(1), manager="boris", text="Передумал")
    assert (again["id"], again["state"], again["owner"]) == (first["id"], "assigned", "boris")
    told = [(row["code"], row["manager_id"] == desk.parts.leads()[0]["owner_id"]) for row in desk.parts.rows(outbox)]
    assert told == [("lead_assigned", True)]
    assert desk.parts.turns() == ["anna"]
    assert (await desk.take_down(phone=phone(2)))["owner"] == "boris"
    assert desk.parts.balanced()


async def test_the_same_key_is_the_same_approach_and_another_body_is_refused(desk: Desk) -> None:
    first = await desk.take_down("a", phone=phone(1), text="Цемент")
    assert await desk.take_down("a", phone=phone(1), text="Цемент") == first
    assert await refused(lambda: desk.take_down("a", phone=phone(1), text="Другое")) == (422, "key_reused")
    assert desk.parts.count(interactions) == 1
    assert [row["duplicates"] for row in desk.parts.account()] == [1]


async def test_an_order_that_cannot_be_done_keeps_nothing(desk: Desk) -> None:
    before = desk.parts.everything()
    for order, code in (
        ({}, "incomplete"),
        ({"name": "Анна", "team": "nowhere"}, "no_such_team"),
        ({"name": "Анна", "manager": "nobody"}, "no_such_manager"),
        ({"name": "Анна", "channel": "nothing"}, "no_such_channel"),
        ({"contact": NOBODY}, "no_such_contact"),
        ({"contact": NOBODY, "new": True}, "contradictory"),
    ):
        assert await refused(partial(desk.take_down, **order)) == (422, code)
    assert desk.parts.everything() == before


async def test_nothing_comes_in_for_the_desk_from_outside_and_it_is_no_channel_of_the_list(desk: Desk) -> None:
    request = Request("POST", "", {}, {}, b"{}", NOW)
    with pytest.raises(Rejected) as error:
        desk.assembled.core.adapters["desk"].receive(request)
    assert error.value.status == 404
    assert [one["name"] for one in (await desk.desk.running.channels())["items"]] == ["site"]


async def test_decisions_about_people_hold_numbers_only(desk: Desk) -> None:
    desk.write(1, name="Анна", emails=["wife@example.com"])
    await desk.people.split(desk.uid(1), ["email:wife@example.com"], [], "irina")
    await desk.people.describe(desk.uid(1), {"name": "Мария"}, "irina")
    await desk.take_down(phone=phone(7), name="Вера", text="Тайна", manager="anna")
    written = " ".join(row["record"] for row in desk.parts.rows(decisions))
    assert not [word for word in ("Анна", "Мария", "Вера", "wife", "+7", "Тайна") if word in written]
    assert desk.parts.count(leads) > 0
