"""A batch from what it says to what is written: enquiries, reopening, turns, limits, reasons; over both databases."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from kernel.clock import instant, micros
from storage.rotation import WAITING_LIMIT
from storage.schema import companies, contacts, interactions, journal, leads, managers, outbox, suggestions, together
from storage.store import Store
from tests.ingest.parts import NOW, Parts, company, crew, envelope, manager, team, wire

ANNA = {"phones": ["8 912 345-67-81"], "name": "Анна"}
BORIS = {"phones": ["8 912 345-67-82"], "name": "Борис"}
LINE = {"emails": ["info@example.com"]}
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def person(number: int) -> dict[str, Any]:
    return {"phones": [f"+7912{number:07}"]}


def alone(**more: Any) -> dict[str, Any]:
    """One manager in one team."""
    return company(managers={"anna": manager(**more)}, teams={"sales": team("anna")})


@pytest.fixture
def parts(store: Store) -> Parts:
    return wire(store, company())


# --- the person ---


def test_a_first_approach_makes_a_contact_and_a_lead_that_a_manager_has(parts: Parts) -> None:
    (result,) = parts.take(ANNA)
    assert (result.outcome, result.reason) == ("created", None)
    (lead,) = parts.leads()
    assert (lead["id"], lead["state"], lead["owner"], lead["contact_id"]) == (
        result.lead,
        "assigned",
        "anna",
        result.contact,
    )
    assert lead["enquiry_of"] == result.contact
    assert [row["code"] for row in parts.rows(outbox)] == ["lead_assigned"]
    assert parts.balanced()


def test_the_second_envelope_of_a_person_in_a_batch_sees_the_first(parts: Parts) -> None:
    results = parts.take(ANNA, {**BORIS, "emails": ["b@example.com"]}, {"emails": ["B@Example.com"]}, ANNA)
    assert [r.outcome for r in results] == ["created", "created", "attached", "attached"]
    assert (results[0].lead, results[1].lead) == (results[3].lead, results[2].lead)
    assert (parts.count(contacts), parts.count(leads), parts.count(interactions)) == (2, 2, 4)


def test_another_name_is_noted_on_the_interaction_and_suggested_once(parts: Parts) -> None:
    parts.take(ANNA)
    parts.take({**ANNA, "name": "Борис"}, {**ANNA, "name": "Вера"})
    parts.take({**ANNA, "name": "Борис"})
    assert [row["introduced_as"] for row in parts.rows(interactions)] == [None, "Борис", "Вера", "Борис"]
    assert [row["code"] for row in parts.rows(suggestions)] == ["another_name"]
    assert [row["name"] for row in parts.rows(contacts)] == ["Анна"]


def test_a_contact_without_a_name_takes_the_first_one_given(parts: Parts) -> None:
    parts.take({"phones": ANNA["phones"]})
    parts.take(ANNA)
    assert [row["name"] for row in parts.rows(contacts)] == ["Анна"]


def test_keys_of_two_people_join_nothing_and_are_suggested_once(parts: Parts) -> None:
    first, second = parts.take(ANNA, {"emails": ["b@example.com"]})
    for _ in range(2):
        (both,) = parts.take({**ANNA, "emails": ["b@example.com"]})
        assert (both.contact, both.lead) == (first.contact, first.lead)
    (suggestion,) = parts.rows(suggestions)
    assert (suggestion["contact_id"], suggestion["other_id"]) == (first.contact, second.contact)
    assert parts.count(contacts) == 2


def test_a_line_has_one_company_one_lead_and_no_contact(parts: Parts) -> None:
    first, second = parts.take(LINE, {**LINE, "name": "Анна"})
    (third,) = parts.take(LINE)
    assert [r.outcome for r in (first, second, third)] == ["created", "attached", "attached"]
    assert (parts.count(companies), parts.count(contacts), parts.count(leads)) == (1, 0, 1)
    assert parts.lead(first.lead)["company_id"] is not None


def test_a_key_that_comes_to_be_listed_joins_nobody_from_then_on(parts: Parts) -> None:
    shared = {"emails": ["shop@example.com"]}
    (before,) = parts.take({**shared, **ANNA})
    parts.apply(company(matching={**company()["matching"], "shared": {"emails": ["shop@*"], "phones": []}}))
    (line,) = parts.take(shared)
    (boris,) = parts.take({**shared, **BORIS})
    (anna,) = parts.take(ANNA)
    assert (line.contact, line.outcome) == (None, "created")
    assert boris.contact not in {None, before.contact}
    assert anna.contact == before.contact
    assert parts.balanced()


def test_a_lead_keeps_the_source_that_its_first_approach_came_by_and_rules_ask_for_it(store: Store) -> None:
    rules = [
        {"when": {"source": ["Яндекс Директ"]}, "team": "ads", "respond_within": "5m"},
        {"when": {"to": ["8 495 123-45-67"], "region": ["RU"]}, "team": "calls", "respond_within": None},
        {"when": {}, "team": "sales", "respond_within": None},
    ]
    teams = {name: team("anna") for name in ("sales", "ads", "calls")}
    parts = wire(store, company(teams=teams, routing=rules))
    marked = {"campaign": {"utm_source": "yandex", "utm_medium": "cpc"}}
    ads, call, plain = parts.take({**ANNA, **marked}, {**BORIS, "to": "74951234567"}, person(3))
    assert {lead["id"]: (lead["source"], lead["team"]) for lead in parts.leads()} == {
        ads.lead: ("Яндекс Директ", "ads"),
        call.lead: ("Сайт", "calls"),
        plain.lead: ("Сайт", "sales"),
    }


def test_without_any_way_back_there_is_a_lead_marked_so_each_time(parts: Parts) -> None:
    results = parts.take({"text": "привет"}, {"text": "привет"}, {"phones": ["000"], "text": "привет"})
    assert [r.outcome for r in results] == ["created"] * 3
    assert {lead["marks"] for lead in parts.leads()} == {"no_way_back"}
    assert parts.count(contacts) == 3


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_whether_a_line_is_known_does_not_depend_on_the_batch(store: Store, batch: int) -> None:
    rules = [
        {"when": {"known": ["true"]}, "team": "again", "respond_within": None},
        {"when": {}, "team": "sales", "respond_within": None},
    ]
    both = {"sales": team("anna"), "again": team("boris")}
    parts = wire(store, company(teams=both, routing=rules))
    said: list[dict[str, Any]] = [LINE, LINE, ANNA, ANNA]
    parts.append(*(envelope(one, NOW + n * MINUTE) for n, one in enumerate(said)))
    parts.drain(batch=batch)
    by_entry = [parts.lead(row["lead_id"])["team"] for row in parts.rows(journal)]
    assert by_entry == ["sales", "again", "sales", "again"]


# --- texts that a database refuses ---


def test_texts_that_a_database_refuses_lose_only_what_it_refuses(parts: Parts) -> None:
    from channels.message import Inbound  # noqa: PLC0415
    from ingest.pipeline.settle import Reading  # noqa: PLC0415

    odd = "a\0b\ud800c"
    said = Inbound(
        "form", text=odd, subject=odd, name=odd, company=odd, city=odd, page=odd, referrer=odd, to=odd,
        phones=(odd, *ANNA["phones"]), emails=(odd,), identities=(("telegram", odd), ("vk", "1")),
        fields={odd: odd}, campaign={"utm_source": odd},
    )  # fmt: skip
    parts.append(envelope(b"x"))
    (claimed,) = parts.claim()
    settled = parts.store.transact(lambda db: parts.settler.settle(db, "worker", [Reading(claimed, said)], NOW))
    assert [r.outcome for r in settled.results] == ["created"]
    (kept,) = parts.rows(interactions)
    assert (kept["text"], kept["subject"]) == ("ab\ufffdc", "ab\ufffdc")
    assert parts.balanced()


# --- the enquiry ---


def test_a_repeat_on_an_open_lead_attaches_and_tells_its_owner(parts: Parts) -> None:
    (first,) = parts.take(ANNA)
    parts.store.transact(lambda db: db.execute(sa.update(outbox).values(slot=None)))
    (again,) = parts.take(ANNA, at=NOW + DAY)
    assert (again.outcome, again.lead) == ("attached", first.lead)
    assert [row["code"] for row in parts.rows(outbox)] == ["lead_assigned", "wrote_again"]


def test_no_activity_for_new_after_opens_a_new_lead_and_the_old_one_gives_up_its_slot(parts: Parts) -> None:
    (first,) = parts.take(ANNA)
    (kept,) = parts.take(ANNA, at=NOW + 30 * DAY)
    (new,) = parts.take(ANNA, at=NOW + 60 * DAY + MINUTE)
    assert (kept.outcome, kept.lead) == ("attached", first.lead)
    assert (new.outcome, new.contact) == ("created", first.contact)
    old = parts.lead(first.lead)
    assert (old["enquiry_of"], old["state"]) == (None, "assigned")
    (later,) = parts.take(ANNA, at=NOW + 61 * DAY)
    assert later.lead == new.lead


def test_a_batch_over_months_opens_the_same_leads_as_one_at_a_time(parts: Parts) -> None:
    days = [0, 20, 45, 76, 77, 200]
    parts.append(*(envelope(ANNA, NOW + d * DAY) for d in days))
    parts.drain()
    numbers = [row["lead_id"] for row in parts.rows(journal)]
    assert [numbers.index(n) for n in numbers] == [0, 0, 0, 3, 3, 5]
    slots = [lead["enquiry_of"] is not None for lead in parts.leads()]
    assert slots == [False, False, True]
    assert parts.balanced()


@pytest.mark.parametrize("state", ["converted", "lost", "disqualified"])
def test_a_closed_lead_is_reopened_within_its_time(parts: Parts, state: str) -> None:
    (first,) = parts.take(ANNA)
    assert first.lead is not None
    parts.order(first.lead, NOW + DAY, state=state)
    assert parts.balanced()
    (again,) = parts.take(ANNA, at=NOW + 15 * DAY)
    assert (again.outcome, again.lead) == ("attached", first.lead)
    lead = parts.lead(first.lead)
    assert (lead["state"], lead["closed_at"]) == ("assigned", None)
    assert lead["had_owner_id"] is not None
    assert instant(lead["place_at"]) == NOW + 15 * DAY + 24 * HOUR
    assert parts.balanced()


def test_a_closed_lead_is_replaced_after_its_time(parts: Parts) -> None:
    (first,) = parts.take(ANNA)
    assert first.lead is not None
    parts.order(first.lead, NOW, state="lost")
    (new,) = parts.take(ANNA, at=NOW + 14 * DAY + MINUTE)
    assert new.outcome == "created"
    old = parts.lead(first.lead)
    assert (old["state"], old["enquiry_of"]) == ("lost", None)


def test_two_approaches_reopen_a_lead_once(parts: Parts) -> None:
    (first,) = parts.take(ANNA)
    assert first.lead is not None
    parts.order(first.lead, NOW, state="lost")
    both = parts.take(ANNA, ANNA, at=NOW + DAY)
    assert [r.outcome for r in both] == ["attached", "attached"]
    assert parts.count(leads) == 1
    assert parts.balanced()


def test_what_came_before_the_last_word_and_is_read_after_the_closing_sets_nothing_back(parts: Parts) -> None:
    (first,) = parts.take(ANNA)
    assert first.lead is not None
    parts.take(ANNA, at=NOW + 2 * DAY)
    parts.order(first.lead, NOW + 3 * DAY, state="lost")
    (late,) = parts.take(ANNA, at=NOW + DAY, now=NOW + 4 * DAY)
    assert (late.outcome, late.lead) == ("attached", first.lead)
    assert instant(parts.lead(first.lead)["last_at"]) == NOW + 2 * DAY


def test_a_lead_that_is_reopened_while_nobody_is_free_says_why_it_waits(store: Store) -> None:
    parts = wire(store, alone(capacity=1))
    (first,) = parts.take(ANNA)
    assert first.lead is not None
    parts.order(first.lead, NOW, state="lost")
    parts.take(BORIS)
    parts.take(ANNA, at=NOW + DAY)
    lead = parts.lead(first.lead)
    assert (lead["state"], lead["reason"]) == ("unprocessed", "all_at_limit")


def test_the_response_time_starts_again_only_for_a_lead_with_an_owner(store: Store) -> None:
    prompt = company(managers={"anna": manager(capacity=1)}, teams={"sales": team("anna", respond_within="30m")})
    parts = wire(store, prompt)
    owned, waits = parts.take(ANNA, BORIS)
    assert [instant(lead["due_at"]) for lead in parts.leads()] == [NOW + 30 * MINUTE] * 2
    parts.take(ANNA, BORIS, at=NOW + 10 * MINUTE)
    assert instant(parts.lead(owned.lead)["due_at"]) == NOW + 40 * MINUTE
    assert instant(parts.lead(waits.lead)["due_at"]) == NOW + 30 * MINUTE


def test_nothing_moves_the_place_of_a_waiting_lead(store: Store) -> None:
    parts = wire(store, alone())
    parts.set_available("anna", available=False)
    first, second = parts.take(ANNA)[0], parts.take(BORIS, at=NOW + MINUTE)[0]
    for n in range(2, 5):
        parts.take(ANNA, at=NOW + n * HOUR)
    assert [instant(lead["place_at"]) for lead in parts.leads()] == [NOW + DAY, NOW + MINUTE + DAY]
    parts.apply(alone(capacity=1))
    parts.set_available("anna", available=True)
    parts.distribute(NOW + 9 * HOUR)
    assert [parts.lead(n.lead)["state"] for n in (first, second)] == ["assigned", "unprocessed"]


def test_a_shorter_response_time_of_a_rule_puts_a_lead_before_older_ones(store: Store) -> None:
    rules = [
        {"when": {"city": ["саратов"]}, "team": "sales", "respond_within": "5m"},
        {"when": {}, "team": "sales", "respond_within": None},
    ]
    parts = wire(store, {**alone(capacity=1), "routing": rules})
    parts.set_available("anna", available=False)
    parts.take(ANNA)
    (urgent,) = parts.take({**BORIS, "city": "Саратов"}, at=NOW + HOUR)
    parts.set_available("anna", available=True)
    parts.distribute(NOW + 2 * HOUR)
    assert parts.lead(urgent.lead)["state"] == "assigned"


def test_a_rule_with_a_when_opens_a_second_lead_in_another_team(store: Store) -> None:
    rules = [
        {"when": {"city": ["саратов"]}, "team": "south", "respond_within": None},
        {"when": {}, "team": "sales", "respond_within": None},
    ]
    both = {"sales": team("anna"), "south": team("boris")}
    parts = wire(store, company(teams=both, routing=rules))
    first, second = parts.take(ANNA, {**ANNA, "city": "Саратов"})
    assert first.contact == second.contact
    assert first.lead != second.lead
    assert [lead["owner"] for lead in parts.leads()] == ["anna", "boris"]
    third, fourth = parts.take({**ANNA, "city": "Саратов"}, ANNA)
    assert [third.lead, fourth.lead] == [second.lead, first.lead]


def test_what_belongs_to_a_thing_that_is_there_is_attached_to_it_in_any_batch(store: Store) -> None:
    kept = []
    for batch in (1, 100):
        parts = wire(store, company())
        before = parts.count(contacts), parts.count(interactions)
        call = [{"ref": f"call-{batch}", **person(n + batch)} for n in (1, 2, 3)]
        parts.append(*(envelope(said, NOW + n * MINUTE) for n, said in enumerate(call)))
        results = parts.drain(batch=batch)
        assert [r.outcome for r in results] == ["created", "attached", "attached"]
        assert len({(r.interaction, r.lead, r.contact) for r in results}) == 1
        kept.append((parts.count(contacts) - before[0], parts.count(interactions) - before[1]))
    assert kept == [(1, 1), (1, 1)]


# --- turns and limits ---


def test_five_hundred_leads_over_five_managers_are_a_hundred_each(store: Store) -> None:
    staff = crew(5)
    parts = wire(store, company(managers=staff, teams={"sales": team(*staff)}))
    parts.append(*(envelope(person(n), NOW + timedelta(seconds=n)) for n in range(500)))
    parts.drain(batch=16)
    assert set(parts.shares().values()) == {100}
    turns = parts.turns()
    assert all(sorted(turns[i : i + 5]) == sorted(staff) for i in range(0, 500, 5))


def test_turns_differ_by_at_most_one_with_one_away_and_one_at_his_limit(store: Store) -> None:
    staff = {**crew(4), "m04": manager(capacity=1)}
    parts = wire(store, company(managers=staff, teams={"sales": team(*staff)}))
    parts.set_available("m00", available=False)
    parts.append(*(envelope(person(n), NOW + timedelta(seconds=n)) for n in range(100)))
    parts.drain(batch=16)
    assert parts.shares() == {"m01": 33, "m02": 33, "m03": 33, "m04": 1}
    parts.set_available("m00", available=True)
    parts.append(*(envelope(person(n), NOW + timedelta(seconds=n)) for n in range(100, 104)))
    parts.drain(batch=3)
    assert parts.shares()["m00"] == 1


def test_nobody_over_a_limit_away_leaving_or_off_shift_gets_a_lead(store: Store) -> None:
    staff = {
        "full": manager(capacity=0 + 1),
        "away": manager(),
        "gone": manager(),
        "asleep": manager(hours="Mon-Sun 00:00-03:00"),
        "there": manager(capacity=3),
    }
    document = company(managers=staff, teams={"sales": team(*staff)})
    parts = wire(store, document)
    parts.set_available("away", available=False)
    del staff["gone"]
    parts.apply({**document, "teams": {"sales": team(*staff)}, "managers": staff})
    results = parts.take(*(person(n) for n in range(8)))
    assert parts.shares() == {"full": 1, "there": 3}
    left = [parts.lead(r.lead) for r in results[4:]]
    assert {(lead["state"], lead["reason"], lead["owner"]) for lead in left} == {("unprocessed", "all_at_limit", None)}


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"hours": "Mon-Sun 00:00-03:00"}, "outside_hours"), ({"capacity": 1}, "all_at_limit"), ({}, "nobody_available")],
)
def test_what_cannot_go_out_waits_with_its_reason(store: Store, change: dict[str, Any], reason: str) -> None:
    parts = wire(store, alone(**change))
    if reason == "nobody_available":
        parts.set_available("anna", available=False)
    parts.take(ANNA, BORIS)
    waits = [lead for lead in parts.leads() if lead["state"] == "unprocessed"]
    assert waits
    assert {(lead["reason"], lead["owner"]) for lead in waits} == {(reason, None)}


def test_the_reasons_of_what_waits_are_kept_up_to_date(store: Store) -> None:
    parts = wire(store, alone(hours="Mon-Fri 09:00-18:00"))
    night = NOW.replace(hour=20)
    parts.take(ANNA, at=night)
    assert [lead["reason"] for lead in parts.leads()] == ["outside_hours"]
    parts.set_available("anna", available=False)
    morning = night + 10 * HOUR
    parts.distribute(morning)
    assert [lead["reason"] for lead in parts.leads()] == ["nobody_available"]
    version = parts.leads()[0]["version"]
    parts.distribute(morning)
    assert parts.leads()[0]["version"] == version
    parts.set_available("anna", available=True)
    parts.distribute(morning)
    assert [(lead["state"], lead["reason"]) for lead in parts.leads()] == [("assigned", None)]


def test_a_freed_manager_gets_the_oldest_and_a_newcomer_does_not_overtake(store: Store) -> None:
    parts = wire(store, alone(capacity=1))
    first, second, third = (parts.take(person(n), at=NOW + n * MINUTE)[0].lead for n in range(3))
    assert first is not None
    parts.order(first, state="converted")
    (newcomer,) = parts.take(person(9), at=NOW + HOUR)
    states = [parts.lead(number)["state"] for number in (second, third, newcomer.lead)]
    assert states == ["assigned", "unprocessed", "unprocessed"]


def stock(parts: Parts, count: int, document: dict[str, Any]) -> None:
    """So many leads that wait, each with its interaction, entry and contact."""
    parts.set_available("anna", available=False)
    parts.append(*(envelope(person(n), NOW + timedelta(seconds=n)) for n in range(count)))
    parts.drain(NOW, batch=count)
    assert {lead["reason"] for lead in parts.leads()} == {"nobody_available"}
    parts.apply(document)
    parts.set_available("anna", available=True)


def test_more_than_a_page_of_waiting_leads_drains_oldest_first(store: Store) -> None:
    count, room = WAITING_LIMIT * 2 + 50, WAITING_LIMIT + 7
    parts = wire(store, alone())
    stock(parts, count, alone(capacity=room))
    assert parts.distribute(NOW) is False
    states = [lead["state"] for lead in sorted(parts.leads(), key=lambda lead: (lead["place_at"], lead["id"]))]
    assert states == ["assigned"] * room + ["unprocessed"] * (count - room)
    assert {lead["reason"] for lead in parts.leads() if lead["state"] == "unprocessed"} == {"all_at_limit"}
    assert parts.balanced()


def test_a_newcomer_overtakes_nobody_however_many_wait(store: Store) -> None:
    count = WAITING_LIMIT * 4 + 1
    parts = wire(store, alone())
    stock(parts, count, alone(capacity=count))
    (newcomer,) = parts.take(person(9_999), at=NOW + DAY)
    assert parts.lead(newcomer.lead)["state"] == "unprocessed"
    assert parts.lead(newcomer.lead)["reason"] is not None
    while parts.distribute(NOW + DAY):
        pass
    left = [lead["id"] for lead in parts.leads() if lead["state"] == "unprocessed"]
    assert left == [newcomer.lead]


# --- the client's own manager ---


def sticky(wait: str | None = "10m", **anna: Any) -> dict[str, Any]:
    staff = {"anna": manager(**anna), "boris": manager(), "vera": manager()}
    return company(managers=staff, teams={"sales": team(*staff, sticky=None if wait is None else {"wait": wait})})


def lost(parts: Parts, said: dict[str, Any], at: datetime = NOW) -> int:
    """A lead that was taken and lost: its client keeps its manager."""
    number = parts.take(said, at=at)[0].lead
    assert number is not None
    parts.order(number, at, state="lost")
    return number


def test_a_known_client_goes_to_his_own_manager_without_a_turn(store: Store) -> None:
    parts = wire(store, sticky())
    number = lost(parts, ANNA)
    turns = parts.turns()
    (again,) = parts.take(ANNA, at=NOW + 20 * DAY)
    assert again.lead != number
    assert parts.lead(again.lead)["owner"] == "anna"
    assert parts.turns() == turns


def test_a_reopened_lead_goes_back_to_who_had_it(store: Store) -> None:
    parts = wire(store, sticky())
    number = lost(parts, ANNA)
    parts.take(ANNA, at=NOW + DAY)
    assert parts.lead(number)["owner"] == "anna"


def test_a_lead_waits_for_its_clients_manager_no_longer_than_agreed(store: Store) -> None:
    parts = wire(store, sticky())
    lost(parts, ANNA)
    parts.set_available("anna", available=False)
    then = NOW + 20 * DAY
    (again,) = parts.take(ANNA, at=then)
    waits = parts.lead(again.lead)
    assert (waits["state"], waits["reason"], instant(waits["wait_until"])) == (
        "unprocessed",
        "waiting_for_owner",
        then + 10 * MINUTE,
    )
    parts.distribute(then + 9 * MINUTE)
    assert parts.lead(again.lead)["state"] == "unprocessed"
    parts.distribute(then + 10 * MINUTE)
    assert parts.lead(again.lead)["owner"] == "boris"


def test_a_lead_goes_to_its_clients_manager_when_he_comes_back_in_time(store: Store) -> None:
    parts = wire(store, sticky())
    lost(parts, ANNA)
    parts.set_available("anna", available=False)
    (again,) = parts.take(ANNA, at=NOW + 20 * DAY)
    parts.set_available("anna", available=True)
    parts.distribute(NOW + 20 * DAY + MINUTE)
    assert parts.lead(again.lead)["owner"] == "anna"


def test_a_wait_that_is_over_does_not_begin_again(store: Store) -> None:
    parts = wire(store, sticky())
    lost(parts, ANNA)
    for name in ("anna", "boris", "vera"):
        parts.set_available(name, available=False)
    then = NOW + 20 * DAY
    (again,) = parts.take(ANNA, at=then)
    parts.distribute(then + 11 * MINUTE)
    assert parts.lead(again.lead)["reason"] == "nobody_available"
    parts.set_available("boris", available=True)
    parts.distribute(then + 12 * MINUTE)
    assert parts.lead(again.lead)["owner"] == "boris"


# --- the ends ---


def test_each_entry_has_one_outcome_and_what_made_none_says_why(parts: Parts) -> None:
    parts.append(
        envelope(ANNA),
        envelope(ANNA),
        envelope({"signal": "presence"}),
        envelope({"ignored": "honeypot", **BORIS}),
        envelope(b"boom"),
    )
    parts.drain()
    assert parts.outcomes() == [
        ("created", None),
        ("attached", None),
        ("handled", "presence"),
        ("ignored", "honeypot"),
        ("failed", "unreadable"),
    ]
    assert parts.balanced()


def test_a_manager_who_left_the_file_keeps_his_leads_and_gets_nothing_new(parts: Parts) -> None:
    parts.take(ANNA, BORIS)
    parts.apply(company(managers={"boris": manager()}, teams={"sales": team("boris")}))
    parts.take(*(person(n) for n in range(4)))
    assert parts.shares() == {"anna": 1, "boris": 5}
    assert {row["name"]: bool(row["leaving"]) for row in parts.rows(managers)} == {"anna": True, "boris": False}
    assert parts.balanced()


def test_settling_twice_what_was_settled_changes_nothing(parts: Parts) -> None:
    parts.append(envelope(ANNA))
    claimed = parts.claim()
    parts.settle(claimed)
    before = parts.everything()
    assert parts.settle(claimed) == []
    assert parts.everything() == before


def test_times_are_kept_to_the_microsecond(parts: Parts) -> None:
    moment = NOW + timedelta(microseconds=123_457)
    parts.take(ANNA, at=moment)
    assert parts.leads()[0]["created_at"] == micros(moment)


# --- staff, trials, keys that many use ---

OWN = {
    "own": {"domains": ["example.org"], "phones": ["+74951234500"]},
    "test": {"phones": ["+79990000000"], "emails": ["qa@example.org"]},
    "directors": {"irina": {"email": "irina@work.example"}},
    "managers": {"anna": manager(extension=["101"], telegram="7654321", email="a@work.example"), "boris": manager()},
}


@pytest.mark.parametrize(
    "said",
    [
        {"phones": ["8 495 123-45-00"]},
        {"emails": ["anybody@example.org"]},
        {"emails": ["A@work.example"], "text": "клиент просит +79123456789"},
        {"emails": ["irina@work.example"]},
        {"identities": [("telegram", "7654321")]},
        {"kind": "call", "phones": ["101"]},
    ],
)
def test_staff_are_no_clients_and_a_person_can_say_that_they_are(parts: Parts, said: dict[str, Any]) -> None:
    parts.apply(company(**OWN))
    (result,) = parts.take(said)
    assert (result.outcome, result.reason) == ("ignored", "staff")
    assert (parts.count(contacts), parts.count(leads)) == (0, 0)
    uids = [row["uid"] for row in parts.rows(journal)]
    parts.store.transact(lambda db: parts.journal.reopen(db, uids, as_client=True))
    (again,) = parts.drain()
    assert again.outcome == "created"
    assert parts.balanced()


def test_further_envelopes_of_a_thing_that_staff_sent_are_ignored_with_it(parts: Parts) -> None:
    parts.apply(company(**OWN))
    call = {"kind": "call", "ref": "call-1", "phones": ["101"]}
    results = parts.take(call, call, ANNA)
    assert [(r.outcome, r.reason) for r in results] == [("ignored", "staff"), ("ignored", "staff"), ("created", None)]
    assert parts.balanced()


@pytest.mark.parametrize("said", [{"phones": ["8 999 000-00-00"]}, {"emails": ["qa@example.org"], "name": "Проба"}])
def test_a_trial_opens_a_marked_lead_that_is_closed_and_takes_no_turn(parts: Parts, said: dict[str, Any]) -> None:
    parts.apply(company(**OWN))
    results = parts.take(said, ANNA, said)
    assert [r.outcome for r in results] == ["created"] * 3
    trials = [lead for lead in parts.leads() if lead["marks"] == "test"]
    assert len(trials) == 2
    for trial in trials:
        assert (trial["state"], trial["reason"], trial["owner"]) == ("disqualified", "test", None)
        assert (trial["enquiry_of"], trial["closed_at"]) == (None, trial["created_at"])
    assert [row["lead_id"] for row in parts.rows(outbox)] == [results[1].lead]
    assert sum(row["open"] for row in parts.rows(managers)) == 1
    assert parts.balanced()


@pytest.mark.parametrize("batched", [True, False])
def test_a_trial_leaves_the_leads_of_its_sender_alone_and_they_leave_it_alone(parts: Parts, batched: bool) -> None:
    trial, real = {"phones": ["8 999 000-00-00"], "emails": ["q@work.example"]}, {"emails": ["q@work.example"]}
    parts.apply(company(**OWN))
    said = [trial, real, trial, real]
    results = parts.take(*said) if batched else [parts.take(one)[0] for one in said]
    assert [r.outcome for r in results] == ["created", "created", "created", "attached"]
    assert results[3].lead == results[1].lead
    assert len({r.contact for r in results}) == 1
    assert [lead["state"] for lead in parts.leads()] == ["disqualified", "assigned", "disqualified"]
    assert parts.balanced()


def test_a_batch_of_nothing_but_trials_is_settled_too(parts: Parts) -> None:
    parts.apply(company(**OWN))
    (result,) = parts.take({"phones": ["8 999 000-00-00"]})
    assert parts.lead(result.lead)["state"] == "disqualified"


def limited(over: int | None) -> dict[str, Any]:
    return company(matching={**company()["matching"], "shared": {"emails": [], "phones": [], "over": over}})


@pytest.mark.parametrize("batched", [True, False])
def test_a_key_that_too_many_use_joins_nobody_until_the_limit_is_raised(parts: Parts, batched: bool) -> None:
    parts.apply(limited(2))
    guests = [{**ANNA, "emails": [f"guest{n}@example.com"]} for n in range(4)]
    results = parts.take(*guests) if batched else [parts.take(guest)[0] for guest in guests]
    assert results[0].contact == results[1].contact
    assert len({result.contact for result in results}) == 3
    (alone,) = parts.take(ANNA)
    assert alone.contact is None
    assert parts.lead(alone.lead)["company_id"] is not None
    (again,) = parts.take(ANNA)
    assert again.lead == alone.lead
    parts.apply(limited(None))
    assert parts.take(ANNA)[0].contact == results[0].contact
    parts.apply(limited(4))
    assert parts.take(ANNA)[0].contact == results[0].contact
    assert parts.count(companies) == 1
    assert parts.balanced()


def test_keys_are_counted_before_there_is_a_limit(parts: Parts) -> None:
    parts.take(*({**ANNA, "emails": [f"guest{n}@example.com"]} for n in range(4)))
    parts.take({**ANNA, "emails": ["guest0@example.com"]})
    assert parts.count(together) == 8
    parts.apply(limited(3))
    assert parts.take(ANNA)[0].contact is None
