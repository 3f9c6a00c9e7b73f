"""Features that meet: a reload while somebody is asked, a hand-over, leads that change teams, a merge while a telephone rings."""

from datetime import timedelta
from typing import Any

from ingest.turns.overdue import Overdue
from kernel.clock import instant
from storage import messages
from storage.messages import Sent
from storage.schema import contacts
from storage.store import Store
from tests.ingest.calling import Switchboard
from tests.ingest.offering import HOUR, MINUTE, Desk, offering
from tests.ingest.parts import NOW, Parts, company, envelope, manager, team, wire
from tests.ingest.people import Clients, phone


def of_two_teams() -> dict[str, Any]:
    """What comes by the bot is for the south, by the site for sales."""
    return company(
        channels={
            "site": {"kind": "webform", "source": "Сайт", "team": None},
            "bot": {"kind": "webform", "source": "Бот", "team": "south"},
        },
        teams={"sales": team("anna"), "south": team("boris")},
    )


def write(parts: Parts, who: int, channel: str, at: Any = NOW) -> int:
    """An approach by a channel; the lead that it came to."""
    parts.append(envelope({"phones": [phone(who)]}, at, channel=channel))
    (result,) = parts.drain(at)
    assert result.lead is not None
    return result.lead


# ---- a reload


def test_a_manager_who_becomes_a_director_while_he_is_asked_holds_nobody_up(store: Store) -> None:
    desk = Desk(store, offering())
    (lead,) = desk.post()
    document = offering({name: manager() for name in ("boris", "vera")})
    desk.parts.apply(document | {"directors": {**document["directors"], "anna": {"name": "Анна"}}})
    (other,) = desk.post()
    assert desk.lead(other)[2] == "boris"
    desk.later(3 * MINUTE)
    assert desk.lead(lead)[2] == "vera"
    assert desk.parts.balanced()


def test_a_lead_whose_team_is_gone_from_the_file_can_be_opened_again(store: Store) -> None:
    desk = Desk(store, of_two_teams())
    lead = write(desk.parts, 1, "bot")
    desk.act(lead, "lose")
    desk.parts.apply(company())
    desk.act(lead, "reopen")
    assert desk.lead(lead)[0] == "unprocessed"
    desk.act(lead, "assign", team="sales")
    assert desk.lead(lead) == ("assigned", None, "anna")


def test_a_merge_is_undone_though_a_team_of_its_leads_is_gone_from_the_file(store: Store) -> None:
    clients = Clients(wire(store, of_two_teams()))
    write(clients.parts, 1, "site")
    write(clients.parts, 2, "bot")
    merge = clients.merge(1, 2)
    write(clients.parts, 1, "bot")
    clients.parts.apply(company())
    clients.parts.store.transact(lambda db: clients.parts.parting.undo(db, merge, "irina", NOW))
    opened = [row for row in clients.parts.leads() if row["contact_id"] == clients.number(1)]
    assert [(row["team"], row["state"], row["enquiry_of"]) for row in opened] == [
        ("sales", "assigned", clients.number(1)),
        ("sales", "assigned", None),
    ]
    clients.consistent()


# ---- a restart


def test_what_ran_out_while_nobody_ran_is_nobodys_silence(store: Store) -> None:
    desk = Desk(store, offering({"anna": manager()}))
    desk.post(2)
    desk.now += HOUR
    desk.overdue = Overdue(desk.parts.names, store.ids.take, since=desk.now)
    desk.tick()
    assert [offer for offer in desk.offers() if offer[1] == "turn"] == [("anna", "turn", "expired")] * 2
    assert (desk.person("anna")["available"], desk.person("anna")["silences"]) == (True, 0)
    desk.post(2)
    desk.later(3 * MINUTE)
    assert not desk.person("anna")["available"]


# ---- a lead that is reopened


def test_a_lead_that_a_person_reopens_waits_behind_those_before_it_and_has_its_time_anew(store: Store) -> None:
    staff = {"anna": manager(capacity=1)}
    document = offering(staff, accept_within=None) | {
        "routing": [{"when": {}, "team": "sales", "respond_within": "30m"}]
    }
    desk = Desk(store, document)
    desk.switch("anna", available=False)
    (old,) = desk.post()
    desk.act(old, "lose")
    desk.later(HOUR)
    (other,) = desk.post()
    desk.later(MINUTE)
    desk.act(old, "reopen")
    assert instant(desk.parts.lead(old)["due_at"]) == desk.now + 30 * MINUTE
    desk.switch("anna", available=True)
    assert [desk.lead(lead)[2] for lead in (old, other)] == [None, "anna"]


# ---- a hand-over


def test_a_lead_in_work_that_is_handed_over_is_to_be_accepted_anew_or_somebody_hears_of_it(store: Store) -> None:
    desk = Desk(store, offering(accept_within=None, owner_away="30m", escalate=[{"after": "15m", "to": "head"}]))
    first, second = desk.post(2)
    desk.act(first, "accept")
    desk.act(second, "accept")
    for name in ("anna", "boris", "vera"):
        desk.switch(name, available=False)
    desk.parts.store.transact(lambda db: desk.hand.hand_over(db, "anna", None, "irina", desk.now))
    desk.parts.store.transact(lambda db: desk.hand.hand_over(db, "boris", "vera", "irina", desk.now))
    assert [desk.lead(lead)[::2] for lead in (first, second)] == [("unprocessed", None), ("assigned", "vera")]
    assert [desk.parts.lead(lead)["accepted_at"] for lead in (first, second)] == [None, None]
    desk.later(15 * MINUTE)
    assert desk.told("escalation") == [("escalation", "irina", None)]
    assert desk.records("escalation") == [{"leads": [first, second]}]


def test_leads_that_are_handed_over_to_nobody_in_particular_do_not_go_straight_back(store: Store) -> None:
    staff = {"anna": manager(), "boris": manager(capacity=4)}
    desk = Desk(store, offering(staff, accept_within=None, sticky={"wait": "10m"}))
    known = {"phones": ["8 912 345-67-89"]}
    first = desk.parts.take(known, at=desk.now)[0].lead
    assert first is not None
    desk.act(first, "lose")
    desk.later(timedelta(days=20))
    again = desk.parts.take(known, at=desk.now)[0].lead
    assert again is not None
    numbers = [again, *desk.post(4)]
    assert [desk.lead(lead)[2] for lead in numbers] == ["anna", "boris", "anna", "boris", "anna"]
    desk.parts.store.transact(lambda db: desk.hand.hand_over(db, "anna", None, "irina", desk.now))
    assert [desk.lead(lead)[2] for lead in numbers] == ["boris", "boris", "boris", "boris", None]
    assert desk.parts.balanced()


def test_a_lead_that_is_handed_over_has_the_whole_time_with_an_owner_who_is_away(store: Store) -> None:
    desk = Desk(store, offering(accept_within=None, owner_away="30m"))
    (lead,) = desk.post()
    for name in ("anna", "boris", "vera"):
        desk.switch(name, available=False)
    desk.later(20 * MINUTE)
    desk.parts.store.transact(lambda db: desk.hand.hand_over(db, "anna", "boris", "irina", desk.now))
    desk.later(20 * MINUTE)
    assert desk.lead(lead)[2] == "boris"
    desk.later(HOUR)
    assert desk.lead(lead)[:2] == ("unprocessed", "owner_away")


def test_the_message_about_a_lead_that_is_handed_over_is_edited(store: Store) -> None:
    desk = Desk(store, offering(accept_within=None))
    (lead,) = desk.post()
    desk.send()
    sent = [Sent(lead, "anna", "telegram", "1", "7")]
    desk.parts.store.transact(lambda db: messages.keep(db, desk.parts.names, sent, store.ids.take, desk.now))
    desk.parts.store.transact(lambda db: desk.hand.hand_over(db, "anna", "boris", "irina", desk.now))
    assert desk.told("lead_changed", "lead_assigned")[1:] == [
        ("lead_assigned", "boris", lead),
        ("lead_changed", "anna", lead),
    ]


# ---- a lead that changes teams


def test_an_open_lead_that_a_person_gives_to_a_team_takes_messages_there_before_a_closed_one(store: Store) -> None:
    desk = Desk(store, of_two_teams())
    closed = write(desk.parts, 1, "bot")
    desk.act(closed, "lose")
    lead = write(desk.parts, 1, "site")
    desk.act(lead, "assign", team="south")
    assert write(desk.parts, 1, "bot", NOW + timedelta(days=1)) == lead
    assert desk.lead(closed)[0] == "lost"


# ---- a merge while a telephone rings


def joined(store: Store) -> Switchboard:
    """Of two people who are one now the first has a lead; the other's, which goes on in it, is about a call that still rings."""
    board = Switchboard(store)
    board.write({"phones": [phone(1)]})
    board.event("Appeared", line="102")
    first, second = (row["uid"] for row in board.parts.rows(contacts))
    board.parts.store.transact(lambda db: board.parts.merging.merge(db, first, second, "irina", board.now))
    assert [row["state"] for row in board.parts.leads()] == ["assigned", "merged"]
    return board


def test_a_call_that_is_missed_after_a_merge_is_to_be_called_back_on_the_lead_that_goes_on(store: Store) -> None:
    board = joined(store)
    board.event("Disconnected", line="102")
    board.summary(0, line="102")
    lead = board.parts.leads()[0]["id"]
    assert board.todo() == [(lead, "call_back", False, None)]
    assert board.parts.balanced()


def test_who_answers_a_call_after_a_merge_has_the_lead_that_goes_on(store: Store) -> None:
    board = joined(store)
    board.event("Connected", line="102")
    assert [(row["state"], row["owner"]) for row in board.parts.leads()] == [("in_work", "boris"), ("merged", None)]
    assert board.parts.balanced()


# ---- whose client somebody is after a merge


def test_a_client_who_comes_back_is_his_who_dealt_with_him_and_not_his_whose_lead_was_folded(store: Store) -> None:
    desk = Desk(store, company(teams={"sales": team("anna", "boris", sticky={"wait": "10m"})}))
    clients = Clients(desk.parts)
    lead, folded = clients.write(1), clients.write(2)
    assert [desk.lead(one)[2] for one in (lead, folded)] == ["anna", "boris"]
    clients.merge(1, 2)
    desk.act(lead, "accept")
    desk.act(lead, "convert")
    desk.now += timedelta(days=20)
    desk.switch("anna", available=False)
    waiting = clients.write(2, desk.now)
    desk.tick()
    assert desk.lead(waiting) == ("unprocessed", "waiting_for_owner", None)
    desk.switch("anna", available=True)
    assert desk.lead(waiting)[2] == "anna"
