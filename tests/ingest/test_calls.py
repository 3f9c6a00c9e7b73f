"""What calls do: who rings waits, who answers has the lead, a missed call is one thing to do, and who speaks gets nothing."""

import itertools
import random
from typing import Any

import pytest
from sqlalchemy import event

from storage.schema import interactions, leads
from storage.store import Store
from tests.ingest.calling import CLIENT, SECOND, Switchboard, telephones
from tests.ingest.offering import HOUR, MINUTE
from tests.ingest.parts import manager, team

# What is pure of it needs one kind of store; what each statement does is seen over both.
embedded = pytest.mark.parametrize("database", ["sqlite"])


@pytest.fixture
def board(store: Store) -> Switchboard:
    return Switchboard(store)


def offered(**of_team: Any) -> dict[str, Any]:
    return telephones(teams={"sales": team("anna", "boris", accept_within="3m", **of_team)})


# --- while it rings ---


def test_while_it_rings_the_lead_waits_and_nobody_is_told(board: Switchboard) -> None:
    board.event("Appeared")
    assert board.only() == ("unprocessed", "ringing", None)
    board.tick()
    board.event("Appeared", line="102")
    board.tick()
    assert board.only() == ("unprocessed", "ringing", None)
    assert board.notices() == []
    assert board.todo() == []
    (lead,) = board.parts.rows(leads)
    assert lead["source"] == "Яндекс Директ"
    assert board.parts.balanced()


def test_a_call_of_which_nothing_more_is_heard_for_a_minute_is_anybodys(board: Switchboard) -> None:
    board.event("Appeared")
    board.pass_time(50 * SECOND)
    board.event("Appeared", line="102")
    board.pass_time(59 * SECOND)
    board.tick()
    assert board.only() == ("unprocessed", "ringing", None)
    board.pass_time(SECOND)
    board.tick()
    assert board.only() == ("assigned", None, "anna")
    assert board.notices() == [("lead_assigned", "anna")]
    assert [(kind, done) for _, kind, done, _ in board.todo()] == [("call_back", False)]
    board.event("Connected", line="102")
    assert board.only() == ("in_work", None, "boris")
    assert board.todo()[0][2:] == (True, "boris")
    assert board.parts.balanced()


def test_a_telephone_rings_as_long_as_it_rings_where_nobody_is_free_either(board: Switchboard) -> None:
    board.parts.set_available("anna", available=False)
    board.parts.set_available("boris", available=False)
    board.event("Appeared")
    (other,) = board.post()
    board.tick()
    assert board.lead(other) == ("unprocessed", "nobody_available", None)
    assert [row["reason"] for row in board.parts.leads()] == ["ringing", "nobody_available"]
    board.pass_time(MINUTE)
    board.tick()
    assert [row["reason"] for row in board.parts.leads()] == ["nobody_available", "nobody_available"]


@embedded
def test_a_ring_that_is_settled_long_after_is_no_ring_any_more(board: Switchboard) -> None:
    board.keeping = True
    board.event("Appeared")
    board.pass_time(HOUR)
    board.deliver()
    assert board.only() == ("assigned", None, "anna")
    assert len(board.todo()) == 1


@embedded
def test_a_lead_that_waited_before_the_call_does_not_wait_for_it(store: Store) -> None:
    board = Switchboard(store, telephones(managers={n: manager(hours="Sun 01:00-01:01") for n in ("anna", "boris")}))
    board.write({"phones": [CLIENT]})
    assert board.only()[1] == "outside_hours"
    board.event("Appeared")
    assert board.only()[1] == "outside_hours"


# --- answered ---


def test_the_lead_is_his_who_answered_and_takes_no_turn(board: Switchboard) -> None:
    board.event("Appeared")
    board.event("Appeared", line="102")
    board.event("Connected", line="102")
    assert board.only() == ("in_work", None, "boris")
    assert board.notices() == [("lead_assigned", "boris")]
    assert "answered_call" in board.codes()
    board.event("Disconnected", line="102")
    board.summary(1, line="102")
    assert board.only() == ("in_work", None, "boris")
    assert board.post(2)
    assert board.parts.turns() == ["anna", "boris"]
    assert board.parts.leads()[0]["accepted_at"] is not None
    assert board.todo() == []
    assert board.parts.balanced()


@embedded
def test_a_call_whose_events_come_at_once_is_his_who_answered(board: Switchboard) -> None:
    board.keeping = True
    board.call(1, "c1", "102")
    board.deliver()
    assert board.only() == ("in_work", None, "boris")
    assert board.parts.count(interactions) == 1
    assert board.spoken() == [
        {"phase": "answered", "over": True, "extension": "102", "seconds": None, "recording": None}
    ]
    assert board.on_call() == set()
    assert board.parts.balanced()


@embedded
def test_a_line_that_is_no_managers_answers_for_nobody(board: Switchboard) -> None:
    board.call(1, "c1", "999")
    assert board.only() == ("assigned", None, "anna")
    assert board.todo() == []


@embedded
def test_an_accepted_lead_stays_and_its_owner_hears_of_the_call(board: Switchboard) -> None:
    (lead,) = board.post()
    board.act(lead, "accept", manager="anna")
    board.send()
    board.call(1, "c1", "102", client="79120000000")
    assert board.lead(lead) == ("in_work", None, "anna")
    assert board.notices()[-1] == ("client_called", "anna")
    assert "client_called" in board.codes()
    board.send()
    board.call(1, "c2", "101", client="79120000000")
    assert [code for code, _ in board.notices()].count("client_called") == 1
    assert board.parts.balanced()


def test_a_lead_that_nobody_has_accepted_goes_to_who_answered(store: Store) -> None:
    board = Switchboard(store, offered())
    (lead,) = board.post()
    assert board.offers(lead) == [("anna", "turn", "open")]
    board.send()
    board.call(1, "c1", "102", client="79120000000")
    assert board.lead(lead) == ("in_work", None, "boris")
    assert board.offers(lead) == [("anna", "turn", "withdrawn")]
    assert ("taken_by", "anna") in board.notices()
    assert board.parts.balanced()


@embedded
def test_who_answers_the_client_of_his_own_offer_has_accepted_it(store: Store) -> None:
    board = Switchboard(store, offered())
    (lead,) = board.post()
    board.call(1, "c1", "101", client="79120000000")
    assert board.lead(lead) == ("in_work", None, "anna")
    assert board.offers(lead) == [("anna", "turn", "accepted")]
    board.later(10 * MINUTE)
    assert board.lead(lead) == ("in_work", None, "anna")
    assert board.parts.balanced()


@embedded
def test_a_call_that_is_handed_on_takes_its_new_lead_with_it(board: Switchboard) -> None:
    board.event("Appeared")
    board.event("Connected")
    board.pass_time(20 * SECOND)
    board.event("Disconnected")
    board.event("Appeared", line="102")
    board.pass_time(SECOND)
    board.event("Connected", line="102")
    assert board.only() == ("in_work", None, "boris")
    assert board.on_call() == {"boris"}
    assert board.parts.balanced()


@embedded
def test_a_lead_that_was_accepted_before_the_call_is_not_handed_on_with_it(board: Switchboard) -> None:
    (lead,) = board.post()
    board.act(lead, "accept", manager="anna")
    board.send()
    board.event("Appeared", client="79120000000")
    board.event("Connected", client="79120000000")
    board.event("Disconnected", client="79120000000")
    board.pass_time(SECOND)
    board.event("Connected", line="102", client="79120000000")
    assert board.lead(lead) == ("in_work", None, "anna")
    assert board.notices()[-1] == ("client_called", "anna")
    assert board.parts.balanced()


def test_a_closed_lead_is_opened_again_by_a_call_and_is_his_who_answers(board: Switchboard) -> None:
    board.call(1, "c1", "101")
    (lead,) = (row["id"] for row in board.parts.leads())
    board.act(lead, "convert")
    board.event("Appeared", "c2", "102")
    assert board.only() == ("unprocessed", "ringing", None)
    board.event("Connected", "c2", "102")
    assert board.only() == ("in_work", None, "boris")
    assert board.parts.balanced()


# --- missed ---


@embedded
def test_a_missed_call_is_to_be_called_back_and_goes_to_whose_turn_it_is(board: Switchboard) -> None:
    board.call(0, "c1")
    assert board.only() == ("assigned", None, "anna")
    assert board.notices() == [("lead_assigned", "anna")]
    assert [(kind, done) for _, kind, done, _ in board.todo()] == [("call_back", False)]
    assert board.due() == [board.now + 30 * MINUTE]
    assert "missed_call" in board.codes()


@embedded
def test_calling_back_is_due_in_the_working_time_of_the_team(store: Store) -> None:
    hours = {
        name: manager(extension=[line], hours="Mon-Fri 13:00-18:00")
        for name, line in (("anna", "101"), ("boris", "102"))
    }
    board = Switchboard(store, telephones(managers=hours, teams={"sales": team("anna", "boris", respond_within="15m")}))
    board.call(0, "c1")
    assert board.only() == ("unprocessed", "outside_hours", None)
    assert [at.isoformat() for at in board.due()] == ["2026-09-01T10:15:00+00:00"]


@embedded
def test_five_redials_are_one_lead_one_notice_and_one_thing_to_do(board: Switchboard) -> None:
    for number in range(5):
        board.call(0, f"c{number}", ("101", "102")[number % 2])
        board.pass_time(20 * SECOND)
    assert board.parts.count(interactions) == 5
    assert board.only() == ("assigned", None, "anna")
    assert board.notices() == [("lead_assigned", "anna")]
    assert len(board.todo()) == 1


def test_five_redials_in_one_batch_are_the_same(board: Switchboard) -> None:
    board.keeping = True
    for number in range(5):
        board.call(0, f"c{number}")
        board.pass_time(20 * SECOND)
    board.deliver()
    assert board.only() == ("assigned", None, "anna")
    assert (board.parts.count(interactions), len(board.todo()), len(board.notices())) == (5, 1, 1)
    assert board.parts.balanced()


@embedded
def test_a_missed_call_of_a_client_who_has_a_manager_is_told_to_him_once(board: Switchboard) -> None:
    (lead,) = board.post()
    board.act(lead, "accept", manager="anna")
    board.send()
    for number in range(3):
        board.call(0, f"c{number}", "102", client="79120000000")
    assert board.lead(lead) == ("in_work", None, "anna")
    assert [told for told in board.notices() if told[0] != "lead_assigned"] == [("missed_call", "anna")]
    assert [row[0] for row in board.todo()] == [lead]


@pytest.mark.parametrize("out", [False, True])
def test_whoever_speaks_with_the_client_either_way_has_called_back(board: Switchboard, *, out: bool) -> None:
    board.call(0, "c1")
    board.call(0, "c2", "102", out=True)
    assert board.todo()[0][2:] == (False, None)
    board.call(1, "c3", "102", out=out)
    assert [row[1:] for row in board.todo()] == [("call_back", True, "boris")]
    board.call(0, "c4")
    assert [row[2] for row in board.todo()] == [True, False]


@embedded
def test_a_call_answered_by_somebody_closes_what_another_lead_of_the_client_asks_for(store: Store) -> None:
    rules = [
        {"when": {"channel": ["site"]}, "team": "help", "respond_within": None},
        {"when": {}, "team": "sales", "respond_within": None},
    ]
    board = Switchboard(store, telephones(teams={"sales": team("anna"), "help": team("boris")}, routing=rules))
    board.call(0, "c1")
    board.write({"phones": [CLIENT]})
    assert len(board.parts.leads()) == 2
    board.call(1, "c2", "102", out=True)
    assert [row[2] for row in board.todo()] == [True]


@embedded
def test_a_line_that_many_share_is_called_back_as_well(store: Store) -> None:
    rules = {"shared": {"emails": [], "phones": [CLIENT]}, "enquiry": {"reopen_within": "14d", "new_after": "30d"}}
    board = Switchboard(store, telephones(matching=rules))
    board.call(0, "c1")
    assert board.parts.leads()[0]["contact_id"] is None
    board.call(1, "c2", "102", out=True)
    assert [row[1:] for row in board.todo()] == [("call_back", True, "boris")]


# --- outgoing ---


@embedded
def test_an_outgoing_call_to_an_unknown_number_is_a_lead_of_the_callers(board: Switchboard) -> None:
    board.event("Appeared", out=True, line="102")
    assert board.only() == ("in_work", None, "boris")
    board.pass_time(SECOND)
    board.event("Connected", out=True, line="102")
    board.summary(1, line="102", out=True)
    assert board.only() == ("in_work", None, "boris")
    assert "called_out" in board.codes()
    assert board.notices() == []
    assert board.parts.turns() == []
    assert board.parts.balanced()


def test_an_outgoing_call_to_a_known_client_is_on_his_lead_and_moves_nothing(board: Switchboard) -> None:
    (lead,) = board.post()
    before = board.parts.lead(lead)
    board.call(1, "c1", "102", client="79120000000", out=True)
    after = board.parts.lead(lead)
    assert board.lead(lead) == ("assigned", None, "anna")
    assert (after["due_at"], after["place_at"]) == (before["due_at"], before["place_at"])
    assert [code for code, _ in board.notices()] == ["lead_assigned"]
    assert board.parts.count(interactions) == 2


@embedded
def test_who_reaches_the_client_of_a_waiting_lead_has_it(store: Store) -> None:
    board = Switchboard(
        store,
        telephones(
            managers={
                n: manager(extension=[x], hours="Sun 01:00-01:01") for n, x in (("anna", "101"), ("boris", "102"))
            }
        ),
    )
    (lead,) = board.post()
    board.call(1, "c1", "102", client="79120000000", out=True)
    assert board.lead(lead) == ("in_work", None, "boris")


@embedded
def test_an_outgoing_call_opens_no_closed_lead(board: Switchboard) -> None:
    (lead,) = board.post()
    board.act(lead, "convert", manager="anna")
    board.call(1, "c1", "102", client="79120000000", out=True)
    assert board.lead(lead)[0] == "converted"
    assert len(board.parts.leads()) == 1
    assert board.parts.balanced()


@embedded
def test_a_call_to_a_strange_number_from_a_line_that_is_no_managers_is_no_lead(board: Switchboard) -> None:
    board.call(1, "c1", "999", out=True)
    assert board.parts.leads() == []
    assert set(board.parts.outcomes()) == {("ignored", "outgoing")}
    assert board.parts.balanced()


# --- no clients ---


@embedded
def test_staff_and_colleagues_are_no_clients(board: Switchboard) -> None:
    board.call(0, "c1", client="79161110001")
    board.call(1, "c2", client="102")
    assert {reason for _, reason in board.parts.outcomes()} == {"staff", "internal"}
    assert board.parts.leads() == []


@embedded
def test_hidden_numbers_join_nobody(board: Switchboard) -> None:
    board.call(0, "c1", client="")
    board.call(0, "c2", client="anonymous")
    assert len({row["contact_id"] for row in board.parts.leads()}) == 2
    assert all("no_way_back" in row["marks"] for row in board.parts.leads())


# --- on a call ---


@embedded
def test_who_speaks_gets_no_leads_and_those_that_waited_go_out_when_he_hangs_up(store: Store) -> None:
    board = Switchboard(store, telephones(teams={"sales": team("anna")}))
    board.event("Appeared")
    board.event("Connected")
    assert board.on_call() == {"anna"}
    (lead,) = board.post()
    assert board.lead(lead) == ("unprocessed", "nobody_available", None)
    board.pass_time(10 * MINUTE)
    board.event("Disconnected")
    assert board.on_call() == set()
    assert board.lead(lead) == ("assigned", None, "anna")
    assert board.parts.balanced()


def test_who_has_two_calls_on_gets_no_leads_until_both_are_over(store: Store) -> None:
    board = Switchboard(store, telephones(teams={"sales": team("anna")}))
    board.event("Connected", "c1")
    board.event("Connected", "c2", client="79160000002")
    (lead,) = board.post()
    board.event("Disconnected", "c1")
    assert board.on_call() == {"anna"}
    assert board.lead(lead) == ("unprocessed", "nobody_available", None)
    board.event("Disconnected", "c2", client="79160000002")
    assert board.on_call() == set()
    assert board.lead(lead) == ("assigned", None, "anna")
    assert board.parts.balanced()


@embedded
def test_a_call_that_is_handed_on_leaves_the_other_calls_of_who_had_it(board: Switchboard) -> None:
    board.event("Connected", "c1")
    board.event("Connected", "c2", client="79160000002")
    board.event("Disconnected", "c1")
    board.event("Connected", "c1", "102")
    assert board.on_call() == {"anna", "boris"}
    board.event("Disconnected", "c2", client="79160000002")
    assert board.on_call() == {"boris"}


@embedded
def test_a_call_whose_end_was_lost_holds_nobody_once_a_later_one_is_over(board: Switchboard) -> None:
    board.event("Connected", "c1")
    board.pass_time(10 * MINUTE)
    board.event("Connected", "c2", client="79160000002")
    board.pass_time(6 * MINUTE)
    assert board.on_call() == {"anna"}
    board.event("Disconnected", "c2", client="79160000002")
    assert board.on_call() == set()


@embedded
def test_a_lost_end_is_waited_for_a_quarter_of_an_hour_since_the_last_sign_of_life(store: Store) -> None:
    board = Switchboard(store, telephones(teams={"sales": team("anna")}))
    board.event("Connected")
    (lead,) = board.post()
    board.pass_time(14 * MINUTE)
    board.event("OnHold")
    board.pass_time(14 * MINUTE)
    board.tick()
    assert board.lead(lead)[0] == "unprocessed"
    board.pass_time(MINUTE)
    board.tick()
    assert board.lead(lead) == ("assigned", None, "anna")


@embedded
def test_no_call_counts_for_longer_than_two_hours(board: Switchboard) -> None:
    board.event("Connected")
    for _ in range(12):
        board.pass_time(10 * MINUTE)
        board.event("OnHold")
    assert board.on_call() == set()


# --- any order ---


def test_events_of_a_call_in_any_order_end_alike(store: Store) -> None:
    chance = random.Random(7)
    board = Switchboard(store)
    board.keeping = True
    ends = []
    orders = list(itertools.permutations(range(4)))
    for number, order in enumerate(chance.sample(orders, 8)):
        client = f"7912000{number:04}"
        board.call(1, f"c{number}", "102", client=client)
        events, board.kept = board.kept, []
        for place in order:
            board.kept.append(events[place])
            board.deliver(batch=1 + number % 2)
        lead = board.parts.leads()[-1]
        ends.append((lead["state"], lead["owner"], board.spoken()[-1]))
    assert {(state, owner, call["phase"], call["over"], call["extension"]) for state, owner, call in ends} == {
        ("in_work", "boris", "answered", True, "102")
    }
    assert len(board.parts.leads()) == len(ends)
    assert all(done for _, _, done, _ in board.todo())
    assert board.on_call() <= {"boris"}
    assert board.parts.balanced()


@embedded
def test_a_batch_without_calls_asks_nothing_about_calls(board: Switchboard) -> None:
    said: list[str] = []

    def tell(_: Any, __: Any, statement: str, *___: Any) -> None:
        said.append(statement)

    event.listen(board.parts.store._main, "before_cursor_execute", tell)
    try:
        board.post()
    finally:
        event.remove(board.parts.store._main, "before_cursor_execute", tell)
    assert said
    assert not [one for one in said if "activities" in one or "UPDATE managers SET on_call" in one]
