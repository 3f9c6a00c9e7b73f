"""Offers over the store: accepted, refused, left in silence; owners who are away; who hears of what nobody accepts."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import orjson
import pytest

from desk.ports import Refused
from ingest.explaining.explain import sentences
from storage import decisions as kept
from storage.schema import decisions, outbox
from storage.store import Store
from tests.ingest.offering import HOUR, MINUTE, Desk, offering
from tests.ingest.parts import NOW, manager

ACCEPT = 3 * MINUTE
HOURS = "Mon-Fri 09:00-18:00"


def refusal(desk: Desk, *arguments: Any, **order: Any) -> tuple[int, str]:
    with pytest.raises(Refused) as error:
        desk.act(*arguments, **order)
    return error.value.status, error.value.code


# ---- asked, accepted, refused


async def test_an_offer_is_written_with_its_lead_and_told_with_its_deadline(store: Store) -> None:
    desk = Desk(store, offering())
    (lead,) = desk.post()
    assert desk.lead(lead) == ("assigned", None, "anna")
    assert desk.offers() == [("anna", "turn", "open")]
    assert desk.told("lead_offered", "lead_assigned") == [("lead_offered", "anna", lead)]
    assert desk.records("lead_offered") == [{"by": "turn", "answer_by": "2026-09-01T09:03:00Z"}]
    assert desk.parts.balanced()


async def test_a_team_that_does_not_ask_writes_no_offers(store: Store) -> None:
    desk = Desk(store, offering(accept_within=None))
    desk.post(3)
    assert (desk.offers(), len(desk.told("lead_assigned"))) == ([], 3)


async def test_an_accepted_lead_is_in_work_and_its_offer_never_runs_out(store: Store) -> None:
    desk = Desk(store, offering())
    (lead,) = desk.post()
    desk.now += MINUTE
    desk.act(lead, "accept", manager="anna")
    desk.later(HOUR)
    assert desk.lead(lead) == ("in_work", None, "anna")
    assert desk.offers() == [("anna", "turn", "accepted")]
    assert desk.parts.lead(lead)["accepted_at"] is not None
    desk.act(lead, "accept", manager="anna")
    assert refusal(desk, lead, "accept", manager="boris") == (409, "taken")
    assert refusal(desk, lead, "decline", manager="anna") == (409, "taken")


async def test_who_cannot_take_it_has_used_his_turn_and_the_next_is_asked(store: Store) -> None:
    desk = Desk(store, offering())
    (lead,) = desk.post()
    desk.act(lead, "decline", manager="anna", reason="в отпуске с завтра")
    assert desk.lead(lead) == ("assigned", None, "boris")
    desk.act(lead, "decline", manager="anna")
    assert desk.offers() == [("anna", "turn", "declined"), ("boris", "turn", "open")]
    (other,) = desk.post()
    assert desk.lead(other)[2] == "vera"
    assert desk.parts.balanced()


async def test_only_who_has_an_offer_can_refuse_it_and_who_has_is_known(store: Store) -> None:
    desk = Desk(store, offering())
    (lead,) = desk.post()
    assert refusal(desk, lead, "decline", manager="boris") == (409, "not_offered")
    assert refusal(desk, lead, "decline", manager="nobody") == (422, "no_such_manager")
    assert refusal(desk, lead, "decline", version=7) == (409, "stale")
    desk.act(lead, "decline")
    assert desk.lead(lead)[2] == "boris"
    for name in ("boris", "vera"):
        desk.act(lead, "decline", manager=name)
    assert refusal(desk, lead, "decline") == (422, "incomplete")


async def test_a_lead_that_was_given_for_good_can_be_refused_too(store: Store) -> None:
    desk = Desk(store, offering(accept_within=None))
    (lead,) = desk.post()
    desk.act(lead, "decline")
    assert desk.lead(lead) == ("assigned", None, "boris")
    assert desk.offers() == [("anna", "hand", "declined")]
    assert desk.parts.balanced()


async def test_a_button_that_is_pressed_too_late_takes_nothing_from_another(store: Store) -> None:
    desk = Desk(store, offering())
    (lead,) = desk.post()
    late = desk.parts.rows(outbox)[0]["offer_id"]
    desk.later(ACCEPT)
    assert desk.lead(lead)[2] == "boris"
    assert refusal(desk, lead, "accept", manager="anna", offer=late) == (409, "taken")
    for name in ("boris", "vera"):
        desk.switch(name, available=False)
    desk.later(ACCEPT)
    assert desk.lead(lead)[0] == "unprocessed"
    desk.act(lead, "accept", manager="anna", offer=late)
    assert desk.lead(lead) == ("in_work", None, "anna")


async def test_a_person_who_gives_the_lead_to_another_ends_the_offer_and_its_holder_is_told(store: Store) -> None:
    desk = Desk(store, offering())
    first, second = desk.post(2)
    desk.send()
    desk.act(first, "assign", manager="vera")
    desk.act(second, "lose")
    assert desk.offers() == [("anna", "turn", "withdrawn"), ("boris", "turn", "withdrawn")]
    assert desk.told("taken_by", "offer_withdrawn", "lead_assigned") == [
        ("taken_by", "anna", first),
        ("lead_assigned", "vera", first),
        ("offer_withdrawn", "boris", second),
    ]
    desk.later(HOUR)
    assert desk.lead(first) == ("assigned", None, "vera")


async def test_a_refusal_lasts_over_a_persons_hand_until_somebody_accepts_or_another_team_has_it(store: Store) -> None:
    document = offering()
    document["teams"]["south"] = {**document["teams"]["sales"], "managers": ["anna"]}
    desk = Desk(store, document)
    (lead,) = desk.post()
    desk.act(lead, "decline", manager="anna")
    desk.act(lead, "assign", manager="vera")
    desk.act(lead, "decline", manager="vera")
    assert desk.lead(lead)[2] == "boris"
    desk.act(lead, "assign", team="south")
    assert desk.lead(lead)[2] == "anna"
    desk.act(lead, "accept", manager="anna")
    assert desk.parts.lead(lead)["refusals"] == 0


# ---- silence


async def test_silence_sends_the_lead_on_and_two_in_a_row_make_him_away_until_one_tap(store: Store) -> None:
    desk = Desk(store, offering({name: manager() for name in ("anna", "boris")}))
    (lead,) = desk.post()
    desk.later(ACCEPT - timedelta(seconds=1))
    assert desk.lead(lead)[2] == "anna"
    desk.later(timedelta(seconds=1))
    assert desk.lead(lead) == ("assigned", None, "boris")
    assert (desk.person("anna")["silences"], desk.person("anna")["available"]) == (1, True)
    assert desk.told("offer_expired") == [("offer_expired", "anna", lead)]
    desk.act(lead, "accept", manager="boris")
    (second,) = desk.post()
    assert desk.lead(second)[2] == "anna"
    desk.later(ACCEPT)
    assert not desk.person("anna")["available"]
    assert desk.told("made_away") == [("made_away", "anna", second)]
    assert desk.lead(second)[2] == "boris"
    desk.switch("anna", available=True)
    assert desk.person("anna")["silences"] == 0
    assert desk.parts.balanced()


@pytest.mark.parametrize("answer", ["accept", "decline"])
async def test_an_answer_ends_a_row_of_silences(store: Store, answer: str) -> None:
    desk = Desk(store, offering({name: manager() for name in ("anna", "boris")}))
    desk.post()
    desk.later(ACCEPT)
    (second,) = desk.post()
    desk.act(second, answer, manager="anna")
    assert desk.person("anna")["silences"] == 0


async def test_silence_of_one_who_has_gone_is_not_held_against_him(store: Store) -> None:
    desk = Desk(store, offering({name: manager() for name in ("anna", "boris")}))
    desk.post()
    desk.switch("anna", available=False)
    desk.later(ACCEPT)
    assert desk.person("anna")["silences"] == 0


async def test_an_offer_runs_in_working_time_only(store: Store) -> None:
    desk = Desk(store, offering({"anna": manager(hours=HOURS)}, accept_within="2h"))
    desk.now = NOW + 5 * HOUR  # an hour before the end of the shift
    (lead,) = desk.post()
    desk.later(16 * HOUR + 59 * MINUTE)
    assert desk.lead(lead)[2] == "anna"
    desk.later(MINUTE)  # an hour into the next shift
    assert desk.lead(lead) == ("unprocessed", "refused_by_all", None)


# ---- refused by all


async def test_a_lead_that_all_have_refused_is_put_before_all_at_once_and_the_head_is_told(store: Store) -> None:
    desk = Desk(store, offering())
    (lead,) = desk.post()
    for name in ("anna", "boris"):
        desk.act(lead, "decline", manager=name)
    desk.later(ACCEPT)
    assert desk.lead(lead) == ("unprocessed", "refused_by_all", None)
    assert [one for one in desk.offers() if one[1] == "everyone"] == [
        ("anna", "everyone", "open"),
        ("boris", "everyone", "open"),
        ("vera", "everyone", "open"),
    ]
    assert desk.told("refused_by_all") == [("refused_by_all", "irina", lead)]
    assert [row["critical"] for row in desk.parts.rows(outbox) if row["code"] == "refused_by_all"] == [True]
    assert desk.held() == {}


async def test_the_first_of_all_to_accept_has_it_and_the_others_are_told_who(store: Store) -> None:
    desk = Desk(store, offering())
    (lead,) = desk.post()
    for name in ("anna", "boris", "vera"):
        desk.act(lead, "decline", manager=name)
    desk.act(lead, "decline", manager="anna")
    desk.send()
    desk.act(lead, "accept", actor="vera", manager="vera")
    assert desk.lead(lead) == ("in_work", None, "vera")
    assert desk.told("taken_by") == [("taken_by", "boris", lead)]
    assert desk.records("taken_by") == [{"manager": "vera"}]
    assert refusal(desk, lead, "accept", manager="boris") == (409, "taken")
    assert desk.parts.balanced()


async def test_one_who_comes_later_is_asked_for_what_all_others_refused(store: Store) -> None:
    desk = Desk(store, offering())
    desk.switch("vera", available=False)
    (lead,) = desk.post()
    for name in ("anna", "boris"):
        desk.act(lead, "decline", manager=name)
    desk.send()
    desk.switch("vera", available=True)
    assert desk.offers(lead)[-1] == ("vera", "everyone", "open")
    desk.tick()
    assert [one[1] for one in desk.told("lead_offered")] == ["anna", "boris", "vera"]
    assert len(desk.told("refused_by_all")) == 1


async def test_without_a_head_the_directors_are_told(store: Store) -> None:
    desk = Desk(store, offering({"anna": manager()}, head=None))
    (lead,) = desk.post()
    desk.act(lead, "decline")
    assert desk.told("refused_by_all") == [("refused_by_all", "irina", lead), ("refused_by_all", "oleg", lead)]
    assert [desk.person(name)["role"] for name in ("anna", "irina", "oleg")] == ["manager", "director", "director"]


# ---- the first to accept


async def test_where_the_first_to_accept_has_it_all_are_asked_and_nobody_owns_it_before(store: Store) -> None:
    desk = Desk(store, offering(strategy="first_to_accept"))
    (lead,) = desk.post()
    assert desk.lead(lead) == ("assigned", None, None)
    assert desk.held() == {"anna": 1, "boris": 1, "vera": 1}
    desk.send()
    desk.act(lead, "decline", manager="anna")
    assert desk.lead(lead) == ("assigned", None, None)
    desk.act(lead, "accept", manager="boris", actor="boris")
    assert desk.lead(lead) == ("in_work", None, "boris")
    assert desk.told("taken_by") == [("taken_by", "vera", lead)]
    assert desk.parts.balanced()


async def test_when_nobody_accepts_it_is_everybodys_and_the_head_is_told_and_nobody_is_away(store: Store) -> None:
    desk = Desk(store, offering(strategy="first_to_accept"))
    (lead,) = desk.post()
    desk.act(lead, "decline", manager="anna")
    desk.later(ACCEPT)
    assert desk.lead(lead) == ("unprocessed", "refused_by_all", None)
    assert desk.told("refused_by_all") == [("refused_by_all", "irina", lead)]
    assert [desk.person(name)["silences"] for name in ("anna", "boris", "vera")] == [0, 0, 0]
    desk.act(lead, "accept", manager="boris")
    assert desk.parts.balanced()


async def test_when_all_have_said_no_nobody_waits_for_the_time_to_pass(store: Store) -> None:
    desk = Desk(store, offering(strategy="first_to_accept"))
    (lead,) = desk.post()
    for name in ("anna", "boris", "vera"):
        desk.act(lead, "decline", manager=name)
    assert desk.lead(lead) == ("unprocessed", "refused_by_all", None)


async def test_an_offer_of_his_own_client_counts_once_against_the_limit_of_the_first_to_accept(store: Store) -> None:
    staff = {"anna": manager(capacity=2)}
    desk = Desk(store, offering(staff, strategy="first_to_accept", sticky={"wait": "10m"}))
    known = {"phones": ["8 912 345-67-89"]}
    first = desk.parts.take(known, at=desk.now)[0].lead
    assert first is not None
    desk.act(first, "accept", manager="anna")
    desk.act(first, "lose")
    desk.later(timedelta(days=20))
    again = desk.parts.take(known, at=desk.now)[0].lead
    assert again is not None
    assert desk.lead(again) == ("assigned", None, "anna")
    second, third = desk.post(2)
    assert desk.lead(second) == ("assigned", None, None)
    assert desk.lead(third) == ("unprocessed", "all_at_limit", None)


# ---- limits


async def test_nobody_holds_more_offers_than_his_limit_and_an_answer_brings_the_next(store: Store) -> None:
    desk = Desk(store, offering({name: manager(offers=2) for name in ("anna", "boris")}))
    numbers = desk.post(6)
    assert desk.held() == {"anna": 2, "boris": 2}
    assert desk.lead(numbers[5]) == ("unprocessed", "all_at_limit", None)
    desk.act(numbers[0], "accept", manager="anna")
    assert desk.lead(numbers[4]) == ("assigned", None, "anna")
    assert desk.held() == {"anna": 2, "boris": 2}


async def test_leads_that_all_refused_do_not_hide_those_behind_them(store: Store) -> None:
    desk = Desk(store, offering({name: manager(offers=1) for name in ("anna", "boris")}))
    refused = desk.post(3)
    for lead in refused:
        for name in ("anna", "boris"):
            while desk.lead(lead)[2] not in {None, name} or desk.lead(lead)[1] == "all_at_limit":
                other = next(one for one in refused if desk.lead(one)[0] == "assigned")
                desk.act(other, "decline")
            if desk.lead(lead)[2] == name:
                desk.act(lead, "decline")
    assert {desk.lead(one)[1] for one in refused} == {"refused_by_all"}
    (lead,) = desk.post()
    assert desk.lead(lead)[0] == "assigned"


# ---- owners who are away


async def test_a_lead_comes_back_from_an_owner_who_stays_away(store: Store) -> None:
    desk = Desk(store, offering(accept_within=None, owner_away="30m"))
    (lead,) = desk.post()
    desk.switch("anna", available=False)
    desk.later(29 * MINUTE)
    assert desk.lead(lead)[2] == "anna"
    desk.later(MINUTE)
    assert desk.lead(lead) == ("assigned", None, "boris")
    assert desk.told("owner_away") == [("owner_away", "anna", lead)]
    assert desk.parts.balanced()


async def test_while_nobody_else_is_there_the_reason_is_that_its_owner_is_away(store: Store) -> None:
    desk = Desk(store, offering({name: manager() for name in ("anna", "boris")}, accept_within=None, owner_away="30m"))
    (lead,) = desk.post()
    for name in ("boris", "anna"):
        desk.switch(name, available=False)
    desk.later(HOUR)
    assert desk.lead(lead) == ("unprocessed", "owner_away", None)
    desk.switch("boris", available=True)
    assert desk.lead(lead) == ("assigned", None, "boris")


async def test_an_owner_who_is_back_in_time_keeps_his_lead(store: Store) -> None:
    desk = Desk(store, offering(accept_within=None, owner_away="30m"))
    (lead,) = desk.post()
    desk.switch("anna", available=False)
    desk.later(20 * MINUTE)
    desk.switch("anna", available=True)
    desk.later(HOUR)
    assert desk.lead(lead)[2] == "anna"
    assert desk.parts.lead(lead)["away_at"] is None


async def test_an_accepted_lead_comes_back_only_when_its_client_writes_again(store: Store) -> None:
    desk = Desk(store, offering(owner_away="30m"))
    (lead,) = desk.post()
    desk.act(lead, "accept", manager="anna")
    desk.switch("anna", available=False)
    desk.later(2 * HOUR)
    assert desk.lead(lead) == ("in_work", None, "anna")
    desk.parts.take({"phones": ["+79120000000"]}, at=desk.now)
    desk.later(30 * MINUTE)
    assert desk.lead(lead) == ("assigned", None, "boris")
    assert desk.offers(lead)[-1] == ("boris", "turn", "open")
    assert desk.parts.balanced()


async def test_a_client_who_writes_again_to_an_owner_who_is_there_changes_no_owner(store: Store) -> None:
    desk = Desk(store, offering(owner_away="30m"))
    (lead,) = desk.post()
    desk.act(lead, "accept", manager="anna")
    desk.parts.take({"phones": ["+79120000000"]}, at=desk.now)
    desk.switch("anna", available=False)
    desk.later(2 * HOUR)
    assert desk.lead(lead) == ("in_work", None, "anna")


async def test_a_leaving_manager_keeps_his_leads(store: Store) -> None:
    document = offering(accept_within=None, owner_away="30m")
    desk = Desk(store, document)
    (lead,) = desk.post()
    rest = {name: one for name, one in document["managers"].items() if name != "anna"}
    desk.parts.apply(offering(rest, accept_within=None, owner_away="30m"))
    desk.later(2 * HOUR)
    assert desk.lead(lead)[2] == "anna"


async def test_the_absence_of_an_owner_runs_in_the_teams_working_time(store: Store) -> None:
    staff = {"anna": manager(hours="Mon-Fri 09:00-15:00"), "boris": manager(hours=HOURS)}
    desk = Desk(store, offering(staff, accept_within=None, owner_away="4h"))
    (lead,) = desk.post()
    desk.now = NOW + 3 * HOUR  # 15:00: her shift ends, his has three hours to go
    desk.tick()
    desk.later(10 * HOUR)
    assert desk.lead(lead)[2] == "anna"
    desk.now = NOW + 21 * HOUR  # both are there again
    desk.tick()
    desk.later(HOUR)
    assert desk.lead(lead)[2] == "anna"


# ---- who hears of it

CHAIN = [{"after": "15m", "to": "head"}, {"after": "1h", "to": "oleg"}]


async def test_leads_that_nobody_accepts_are_told_step_by_step_each_time_in_one_notice(store: Store) -> None:
    desk = Desk(store, offering(accept_within=None, escalate=CHAIN))
    numbers = desk.post(3)
    desk.act(numbers[1], "accept", manager="boris")
    desk.later(14 * MINUTE)
    assert desk.told("escalation") == []
    desk.later(MINUTE)
    assert desk.told("escalation") == [("escalation", "irina", None)]
    assert desk.records("escalation") == [{"leads": [numbers[0], numbers[2]]}]
    desk.send()
    desk.later(45 * MINUTE)
    assert desk.told("escalation")[1:] == [("escalation", "oleg", None)]
    desk.later(10 * HOUR)
    assert len(desk.told("escalation")) == 2


async def test_a_notice_that_is_still_to_be_sent_takes_further_leads_in(store: Store) -> None:
    desk = Desk(store, offering(accept_within=None, escalate=CHAIN))
    first = desk.post()
    desk.now += MINUTE
    second = desk.post()
    desk.later(15 * MINUTE)
    assert desk.records("escalation") == [{"leads": first + second}]


async def test_what_waits_to_be_told_runs_in_working_time(store: Store) -> None:
    desk = Desk(store, offering({"anna": manager(hours=HOURS)}, accept_within=None, escalate=CHAIN))
    desk.now = NOW + 5 * HOUR + 50 * MINUTE
    desk.post()
    desk.later(15 * HOUR + 14 * MINUTE)
    assert desk.told("escalation") == []
    desk.later(MINUTE)
    assert len(desk.told("escalation")) == 1


async def test_steps_that_were_due_while_nobody_ran_are_told_together(store: Store) -> None:
    desk = Desk(store, offering(accept_within=None, escalate=CHAIN))
    desk.post()
    desk.now += 5 * HOUR
    desk.tick()
    assert desk.told("escalation") == [("escalation", "irina", None), ("escalation", "oleg", None)]


async def test_a_closed_lead_is_told_to_nobody_and_one_that_is_reopened_begins_anew(store: Store) -> None:
    desk = Desk(store, offering(accept_within=None, escalate=CHAIN))
    (lead,) = desk.post()
    desk.act(lead, "lose")
    desk.later(2 * HOUR)
    assert desk.told("escalation") == []
    desk.act(lead, "reopen")
    desk.later(15 * MINUTE)
    assert len(desk.told("escalation")) == 1


async def test_a_chain_that_was_taken_out_of_the_file_tells_nobody(store: Store) -> None:
    desk = Desk(store, offering(accept_within=None, escalate=CHAIN))
    desk.post()
    desk.parts.apply(offering(accept_within=None))
    desk.later(2 * HOUR)
    assert desk.told("escalation") == []


# ---- due times


async def test_a_lead_is_due_in_its_teams_working_time_and_takes_its_place_by_plain_time(store: Store) -> None:
    desk = Desk(store, offering({"anna": manager(hours=HOURS)}, respond_within="30m"))
    evening = datetime(2026, 9, 1, 20, 0, tzinfo=NOW.tzinfo)
    desk.now = evening
    (lead,) = desk.post()
    row = desk.parts.lead(lead)
    morning = evening + 10 * HOUR  # nine o'clock in Moscow
    assert row["due_at"] == us(morning + 30 * MINUTE)
    assert row["place_at"] == us(evening + 30 * MINUTE)
    desk.later(10 * HOUR)
    desk.act(lead, "accept", manager="anna")
    desk.parts.take({"phones": ["+79120000000"]}, at=morning + 20 * HOUR, now=morning + 20 * HOUR)
    assert desk.parts.lead(lead)["due_at"] == us(morning + 24 * HOUR + 30 * MINUTE)


def us(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)


# ---- told


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (
            "en",
            [
                "It went to anna, whose turn it was. It is an offer: an answer is awaited for 3m of working time. Also free",
                "There was no answer to the offer. The lead is no longer with anna.",
                "It went to boris, whose turn it was. It is an offer",
                "api: lead declined, boris cannot take it. Reason: болею.",
                "put before them all at once: anna, boris.",
                "Nobody has accepted the lead yet. irina has been told.",
            ],
        ),
        (
            "ru",
            [
                "Это предложение: ответа ждём 3m рабочего времени.",
                "Ответа на предложение не было.",
                "Очередь: boris.",
                "api: лид взять не может boris. Причина: болею.",
                "предложен им всем сразу: anna, boris.",
                "Лид всё ещё никем не принят.",
            ],
        ),
    ],
)
async def test_what_happened_to_an_offer_is_told_in_sentences(store: Store, language: Any, expected: list[str]) -> None:
    staff = {name: manager() for name in ("anna", "boris")}
    desk = Desk(store, offering(staff, escalate=[{"after": "15m", "to": "head"}]))
    (lead,) = desk.post()
    desk.later(ACCEPT)
    desk.act(lead, "decline", manager="boris", reason="болею")
    desk.later(HOUR)
    told = store.transact(lambda db: sentences(db, kept.of_lead(db, lead), language))
    texts = [one["text"] for one in told][1:]
    for text, part in zip(texts, expected, strict=True):
        assert part in text


async def test_decisions_about_offers_name_managers_and_no_client(store: Store) -> None:
    desk = Desk(store, offering({"anna": manager()}))
    (lead,) = desk.post()
    desk.later(ACCEPT)
    desk.tick()
    made = [orjson.loads(row["record"]) for row in desk.parts.rows(decisions) if row["stage"] == "offer"]
    assert made == [{"code": "expired", "manager": "anna", "team": "sales", "by": "turn"}]
    assert partial(desk.lead, lead)()[1] == "refused_by_all"
