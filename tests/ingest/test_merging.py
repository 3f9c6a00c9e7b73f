"""Contacts that become one and part again, over both databases: leads fold by the rule, and an undo gives all back."""

from datetime import timedelta
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from desk.ports import Refused
from ingest.pipeline.settle import Joins
from storage import messages
from storage.messages import Sent
from storage.schema import (
    apart,
    companies,
    contacts,
    decisions,
    interactions,
    journal,
    leads,
    offers,
    outbox,
    suggestions,
)
from storage.store import Store
from tests.ingest.parts import NOW, Parts, company, envelope, manager, team, wire
from tests.ingest.people import Clients

HOUR = timedelta(hours=1)


@pytest.fixture
def clients(store: Store) -> Clients:
    return Clients(wire(store, company()))


def away(parts: Parts) -> None:
    for name in ("anna", "boris"):
        parts.set_available(name, available=False)


def refused(command: Any) -> tuple[int, str]:
    with pytest.raises(Refused) as error:
        command()
    return error.value.status, error.value.code


def states(clients: Clients, *numbers: int) -> list[tuple[str, str | None]]:
    return [(clients.parts.lead(number)["state"], clients.parts.lead(number)["owner"]) for number in numbers]


def test_the_newer_lead_goes_on_in_the_older_and_frees_its_manager(clients: Clients) -> None:
    first, second = clients.write(1), clients.write(2)
    assert states(clients, first, second) == [("assigned", "anna"), ("assigned", "boris")]
    clients.merge(1, 2)
    assert states(clients, first, second) == [("assigned", "anna"), ("merged", "boris")]
    assert clients.parts.lead(second)["merged_into"] == first
    assert clients.parts.shares() == {"anna": 1}
    assert clients.parts.balanced()


def test_after_a_merge_messages_of_both_come_to_the_one_lead(clients: Clients) -> None:
    first = clients.write(1)
    clients.write(2)
    clients.merge(2, 1)
    assert [clients.write(1), clients.write(2)] == [first, first]
    assert clients.contact(1)["root_id"] == clients.number(2)
    assert len({row["contact_id"] for row in clients.parts.rows(interactions)}) == 2


def test_the_accepted_lead_takes_in_an_older_one(clients: Clients) -> None:
    first, second = clients.write(1), clients.write(2, NOW + HOUR)
    clients.parts.order(second, state="in_work")
    clients.merge(1, 2)
    assert states(clients, first, second) == [("merged", "anna"), ("in_work", "boris")]
    assert clients.write(1, NOW + HOUR) == second


def test_two_accepted_leads_of_two_managers_stay_two_and_both_managers_are_told(clients: Clients) -> None:
    first, second = clients.write(1), clients.write(2, NOW + HOUR)
    for lead in (first, second):
        clients.parts.order(lead, state="in_work")
    clients.parts.store.transact(lambda db: db.execute(sa.delete(outbox)))
    clients.merge(2, 1)
    assert states(clients, first, second) == [("in_work", "anna"), ("in_work", "boris")]
    assert [clients.parts.lead(lead)["enquiry_of"] for lead in (first, second)] == [clients.number(2), None]
    told = {(row["code"], row["lead_id"]) for row in clients.parts.rows(outbox)}
    assert told == {("two_accepted", first), ("two_accepted", second)}
    assert clients.write(2, NOW + HOUR) == first


def test_leads_of_different_teams_stay(store: Store) -> None:
    rules = [
        {"when": {"city": ["саратов"]}, "team": "south", "respond_within": None},
        {"when": {}, "team": "sales", "respond_within": None},
    ]
    teams = {"sales": team("anna"), "south": team("boris")}
    clients = Clients(wire(store, company(teams=teams, routing=rules)))
    first, second = clients.write(1), clients.write(2, city="Саратов")
    clients.merge(1, 2)
    assert states(clients, first, second) == [("assigned", "anna"), ("assigned", "boris")]
    assert clients.write(1, city="Саратов") == second


def test_a_closed_lead_gives_up_its_slot_to_an_open_one_and_has_it_back_afterwards(clients: Clients) -> None:
    first, second = clients.write(1), clients.write(2)
    clients.parts.order(first, state="lost")
    before = clients.picture()
    merge = clients.merge(1, 2)
    assert [clients.parts.lead(lead)["enquiry_of"] for lead in (first, second)] == [None, clients.number(1)]
    clients.undo(merge)
    assert clients.picture() == before


def test_an_undo_is_exact_and_so_is_a_second_one(clients: Clients) -> None:
    clients.write(1, name="Анна")
    clients.write(2)
    clients.write(3, name="Вера")
    before = clients.picture()
    inner, outer = clients.merge(2, 1), clients.merge(3, 2)
    assert {row["root_id"] for row in clients.parts.rows(contacts)} == {clients.number(3)}
    assert clients.contact(2)["name"] == "Анна"
    for merge in (outer, inner):
        clients.undo(merge)
    assert clients.picture() == before
    everything = clients.parts.everything()
    clients.undo(inner)
    assert clients.parts.everything() == everything
    assert clients.parts.balanced()


def test_an_inner_merge_is_undone_while_an_outer_one_stands(clients: Clients) -> None:
    first, second, third = clients.write(1), clients.write(2), clients.write(3)
    before = clients.picture()
    inner, outer = clients.merge(2, 1), clients.merge(3, 2)
    assert states(clients, first)[0][0] == "assigned"
    clients.undo(inner)
    roots = {who: clients.contact(who)["root_id"] for who in (1, 2, 3)}
    assert roots == {1: clients.number(1), 2: clients.number(3), 3: clients.number(3)}
    assert [clients.parts.lead(n)["state"] for n in (first, second, third)] == ["assigned"] * 3
    assert clients.write(1) == first
    clients.undo(outer)
    after = clients.picture()
    assert {n: lead[:6] for n, lead in after["leads"].items()} == {n: lead[:6] for n, lead in before["leads"].items()}
    assert after["contacts"] == before["contacts"]
    assert clients.parts.balanced()


def test_what_came_since_goes_to_the_lead_that_comes_back(clients: Clients) -> None:
    first, second = clients.write(1), clients.write(2)
    merge = clients.merge(1, 2)
    clients.write(2, text="Ещё раз")
    clients.write(1)
    assert len(clients.said(first)) == 3
    clients.undo(merge)
    assert [len(clients.said(lead)) for lead in (first, second)] == [2, 2]
    entries = [row["lead_id"] for row in clients.parts.rows(journal)]
    assert sorted(entries) == [first, first, second, second]


def test_what_came_since_opens_an_unprocessed_lead_where_there_is_none(clients: Clients) -> None:
    first = clients.write(1)
    second = clients.write(2)
    clients.parts.order(second, state="converted")
    merge = clients.merge(1, 2)
    assert clients.write(2, text="Ещё цемент", name="Борис") == first
    away(clients.parts)
    clients.undo(merge)
    opened = clients.parts.leads()[-1]
    assert (opened["state"], opened["reason"]) == ("unprocessed", "nobody_available")
    assert (opened["contact_id"], opened["enquiry_of"]) == (clients.number(2), clients.number(2))
    assert [len(clients.said(lead)) for lead in (first, second, opened["id"])] == [1, 1, 1]
    (title,) = [row["title"] for row in clients.parts.rows(interactions) if row["id"] == opened["opened_by"]]
    assert title == "Борис – Ещё цемент"
    assert clients.write(2) == opened["id"]
    assert clients.parts.balanced()


def test_what_happened_to_the_surviving_lead_stays_with_it(clients: Clients) -> None:
    first, second = clients.write(1), clients.write(2)
    merge = clients.merge(1, 2)
    clients.parts.order(first, state="converted", owner="boris")
    clients.undo(merge)
    assert states(clients, first, second) == [("converted", "boris"), ("assigned", "boris")]
    assert clients.parts.balanced()


def test_a_lead_that_was_opened_meanwhile_belongs_to_whose_key_opened_it(clients: Clients) -> None:
    first = clients.write(1)
    clients.write(2)
    merge = clients.merge(1, 2)
    clients.parts.order(first, state="lost")
    opened = clients.write(2, NOW + timedelta(days=40))
    clients.write(1, NOW + timedelta(days=40))
    clients.undo(merge, NOW + timedelta(days=40))
    assert clients.parts.lead(opened)["contact_id"] == clients.number(2)
    own = clients.parts.leads()[-1]
    assert (own["contact_id"], own["state"]) == (clients.number(1), "assigned")
    assert clients.parts.balanced()


def test_the_owner_of_an_absorbed_contact_is_the_owner_of_the_whole(clients: Clients) -> None:
    first = clients.write(1)
    clients.parts.order(first, owner="boris", state="converted")
    clients.write(2)
    clients.merge(2, 1)
    clients.parts.order(clients.parts.leads()[-1]["id"], state="lost")
    later = clients.write(2, NOW + timedelta(days=60))
    assert clients.parts.lead(later)["owner"] in {"anna", "boris"}
    assert clients.parts.lead(later)["contact_id"] == clients.number(2)


def test_where_an_absorbed_contact_works_is_not_lost_and_an_undo_gives_it_back(clients: Clients) -> None:
    clients.write(1)
    clients.write(2)
    clients.parts.take({"emails": ["info@vega.example"], "company": "Вега"})
    (line,) = clients.parts.rows(companies)
    absorbed = contacts.c.id == clients.number(2)
    clients.parts.store.transact(
        lambda db: db.execute(sa.update(contacts).where(absorbed).values(company_id=line["id"]))
    )
    merge = clients.merge(1, 2)
    assert clients.contact(1)["company_id"] == line["id"]
    clients.undo(merge)
    assert (clients.contact(1)["company_id"], clients.contact(2)["company_id"]) == (None, line["id"])


def test_undone_pairs_are_remembered_until_a_person_joins_them(clients: Clients) -> None:
    clients.write(1)
    clients.write(2)
    clients.undo(clients.merge(1, 2))
    (pair,) = clients.parts.rows(apart)
    assert (pair["low_id"], pair["high_id"]) == (clients.number(1), clients.number(2))
    clients.merge(2, 1)
    assert clients.parts.rows(apart) == []


def test_two_ids_that_providers_give_in_one_message_join_two_people_with_their_leads(clients: Clients) -> None:
    parts = clients.parts
    first, second = parts.take({"identities": [("telegram", "7")]}, {"identities": [("vk", "8")]})
    (joined,) = parts.take({"identities": [("telegram", "7"), ("vk", "8")]})
    assert joined.lead == first.lead
    assert second.lead is not None
    assert parts.lead(second.lead)["merged_into"] == first.lead
    (merge,) = clients.standing()
    assert merge["actor"] == "priyom"
    assert parts.balanced()
    clients.undo(merge["uid"])
    (again,) = parts.take({"identities": [("vk", "8"), ("telegram", "7")]})
    assert (again.lead, clients.standing()) == (second.lead, [])
    assert parts.rows(suggestions) == []


def test_a_batch_that_joins_two_people_is_settled_in_parts(clients: Clients) -> None:
    parts = clients.parts
    parts.append(*(envelope({"identities": one}) for one in ([("vk", "8")], [("telegram", "7")])))
    parts.append(envelope({"identities": [("telegram", "7"), ("vk", "8")]}))
    claimed = parts.claim()
    with pytest.raises(Joins) as joins:
        parts.settle(claimed)
    assert joins.value.entry == claimed[2].entry
    assert parts.count(leads) == 0


def test_a_merge_that_makes_no_sense_is_refused_and_the_same_again_is_not(clients: Clients) -> None:
    for who in (1, 2, 3):
        clients.write(who)
    assert refused(lambda: clients.merge(1, 1)) == (409, "same_contact")
    merge = clients.merge(1, 2)
    everything = clients.parts.everything()
    assert clients.merge(1, 2) == merge
    assert refused(lambda: clients.merge(2, 1)) == (409, "same_contact")
    assert refused(lambda: clients.merge(3, 2)) == (409, "already_merged")
    assert refused(lambda: clients.merge(2, 3)) == (409, "already_merged")
    assert clients.parts.everything() == everything
    uid = clients.contact(1)["uid"]
    other = "01890a5d-ac96-774b-bcce-b302099a8057"
    unknown = clients.parts.merging
    assert refused(lambda: clients.parts.store.transact(lambda db: unknown.merge(db, uid, other, "i", NOW))) == (
        404,
        "no_such_contact",
    )
    assert refused(lambda: clients.undo(other)) == (404, "no_such_merge")


def test_decisions_hold_no_personal_values(clients: Clients) -> None:
    clients.write(1, name="Анна")
    clients.write(2, name="Борис")
    clients.undo(clients.merge(1, 2))
    records = [row["record"] for row in clients.parts.rows(decisions) if row["stage"] == "people"]
    codes = {orjson.loads(record)["code"] for record in records}
    assert codes == {"folded", "took_in", "undo", "returned"}
    assert not any("Анна" in record or "+7" in record for record in records)
    assert clients.parts.rows(suggestions) == []
    assert clients.parts.count(leads) == 2


def test_who_goes_over_his_limit_by_an_undo_gets_nothing_new(store: Store) -> None:
    clients = Clients(wire(store, company(managers={"anna": manager(capacity=2)}, teams={"sales": team("anna")})))
    for who in (1, 2, 3):
        clients.write(who)
    merge = clients.merge(1, 2)
    assert clients.parts.shares() == {"anna": 2}
    clients.undo(merge)
    assert clients.parts.shares() == {"anna": 3}
    assert clients.parts.balanced()


def test_an_offer_ends_with_the_fold_and_goes_on_with_the_time_that_was_left_of_it(store: Store) -> None:
    teams = {"sales": team("anna", "boris", accept_within="1h")}
    clients = Clients(wire(store, company(teams=teams)))
    clients.write(1)
    second = clients.write(2)
    before = {row["id"]: (row["state"], row["answer_by"]) for row in clients.parts.rows(offers)}
    assert [state for state, _ in before.values()] == ["open", "open"]
    merge = clients.merge(1, 2, NOW + HOUR / 2)
    assert [row["state"] for row in clients.parts.rows(offers)] == ["open", "withdrawn"]
    clients.undo(merge, NOW + 2 * HOUR)
    (again,) = [row for row in clients.parts.rows(offers) if row["lead_id"] == second]
    later = int((HOUR * 3 / 2).total_seconds() * 1_000_000)
    assert (again["state"], again["answer_by"]) == ("open", before[again["id"]][1] + later)
    assert clients.parts.balanced()


def test_whoever_was_asked_together_hears_that_the_lead_has_gone_and_messages_about_it_are_brought_up_to_date(
    store: Store,
) -> None:
    teams = {"sales": team("anna", "boris", accept_within="1h", strategy="first_to_accept")}
    clients = Clients(wire(store, company(teams=teams)))
    first, second = clients.write(1), clients.write(2)
    names = clients.parts.names
    sent = [Sent(second, "anna", "telegram", "77", "5")]
    store.transact(lambda db: messages.keep(db, names, sent, store.ids.take, NOW))
    store.transact(lambda db: db.execute(sa.delete(outbox)))
    merge = clients.merge(1, 2, NOW + HOUR / 2)
    told = {(row["code"], row["lead_id"]) for row in clients.parts.rows(outbox)}
    assert told == {("offer_withdrawn", second), (messages.CHANGED, second)}
    assert len([row for row in clients.parts.rows(offers) if row["state"] == "open" and row["lead_id"] == first]) == 2
    assert all(row["answered_at"] for row in clients.parts.rows(offers) if row["state"] == "withdrawn")
    clients.undo(merge, NOW + HOUR)
    assert {row["state"] for row in clients.parts.rows(offers)} == {"open"}
    assert clients.parts.balanced()
