"""A client's mail is something to do: once a lead, due in working time, until somebody has done it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ingest.turns.hand import Hand
from kernel.clock import instant
from storage import activities, lead_views, summary, words
from storage.activities import ANSWER
from storage.store import Store
from storage.summary import ToDo
from storage.words import Ended, Said
from tests.ingest.corresponding import HOUR, Post, letter, mailboxes, post
from tests.ingest.parts import DAY, NOW, manager, team

# What is pure of it needs one kind of store; what each statement does is seen over both.
embedded = pytest.mark.parametrize("database", ["sqlite"])

FRIDAY = NOW + timedelta(days=3, hours=8)  # 20:00 in Moscow
MONDAY = datetime.fromisoformat("2026-09-07T06:00:00+00:00")
HOURS = {name: manager(hours="Mon-Fri 09:00-18:00") for name in ("anna", "boris")}


def due(mail: Post) -> list[datetime]:
    return [instant(one["due_at"]) for one in mail.to_do()]


def standing(mail: Post) -> list[tuple[int, str, bool, str | None]]:
    return [(one["lead_id"], one["kind"], one["done_at"] is not None, one["done_by"]) for one in mail.to_do()]


def say(mail: Post, lead: int, at: datetime, *, automatic: bool = False) -> None:
    """What anna has said to the client, as the sender notes that it was delivered."""

    def unit(db: sa.Connection) -> None:
        now = words.lead_for_update(db, mail.parts.names, lead)
        number = mail.parts.store.ids.take()
        uid = f"00000000-0000-8000-8000-{number:012}"
        said = Said(number, uid, lead, "info", "ivan@client.example", "Есть", author="anna", automatic=automatic)
        words.write(db, mail.parts.names, said, now, at)
        words.answered(db, [Ended(number, "anna")], at)

    mail.parts.store.transact(unit)


def test_a_mail_is_to_be_answered_however_often_its_client_writes(store: Store) -> None:
    mail = post(store)
    first, second = mail.take(letter(1), letter(2))
    (third,) = mail.take(letter(3), at=NOW + HOUR)
    assert first.lead == second.lead == third.lead
    assert standing(mail) == [(first.lead, ANSWER, False, None)]
    assert mail.to_do()[0]["interaction_id"] == first.interaction


@embedded
def test_it_is_due_in_working_time_as_soon_as_the_team_has_promised(store: Store) -> None:
    quick = team("anna", "boris", respond_within="30m")
    mail = post(store, mailboxes(managers=HOURS, teams={"sales": quick}))
    mail.take(letter(), at=FRIDAY)
    assert due(mail) == [MONDAY + timedelta(minutes=30)]


@embedded
def test_where_nobody_has_promised_anything_it_is_four_hours_of_working_time(store: Store) -> None:
    mail = post(store, mailboxes(managers=HOURS))
    mail.take(letter(), at=FRIDAY)
    assert due(mail) == [MONDAY + 4 * HOUR]


@embedded
@pytest.mark.parametrize("document", [{"test": {"phones": [], "emails": ["ivan@client.example"]}}])
def test_a_trial_s_mail_is_nothing_to_do(document: dict[str, Any], store: Store) -> None:
    mail = post(store, mailboxes(**document))
    mail.take(letter())
    assert standing(mail) == []


@embedded
def test_automatic_mail_is_nothing_to_do(store: Store) -> None:
    mail = post(store)
    mail.take(letter(Precedence="bulk"))
    assert standing(mail) == []


def test_an_answer_to_the_client_ends_it_and_his_next_mail_begins_it_again(store: Store) -> None:
    mail = post(store)
    (result,) = mail.take(letter())
    assert result.lead is not None
    say(mail, result.lead, NOW + HOUR)
    assert standing(mail) == [(result.lead, ANSWER, True, "anna")]
    mail.take(letter(2, Date=None), at=NOW + 2 * HOUR)
    assert [done for _, _, done, _ in standing(mail)] == [True, False]


def test_an_answer_to_what_he_wrote_before_leaves_his_last_mail_to_be_answered(store: Store) -> None:
    mail = post(store)
    (result,) = mail.take(letter(Date=None), letter(2, Date=None))[:1]
    mail.take(letter(3, Date=None), at=NOW + 2 * HOUR)
    assert result.lead is not None
    say(mail, result.lead, NOW + HOUR)
    assert [done for _, _, done, _ in standing(mail)] == [False]


@embedded
def test_a_machine_s_answer_ends_nothing(store: Store) -> None:
    mail = post(store)
    mail.take(letter())
    assert len(mail.answers()) == 1
    assert [done for _, _, done, _ in standing(mail)] == [False]


def test_whoever_closes_the_lead_ends_it(store: Store) -> None:
    mail = post(store)
    (result,) = mail.take(letter())
    assert result.lead is not None
    parts, lead = mail.parts, result.lead
    hand = Hand(parts.names, parts.rulebooks, parts.distributor, dict, store.ids.take)
    parts.store.transact(lambda db: hand.act(db, lead, "convert", {}, "irina", NOW))
    assert standing(mail) == [(lead, ANSWER, True, "irina")]


def test_a_lead_that_went_on_in_another_shows_there_what_is_to_be_done(store: Store) -> None:
    mail = post(store)
    (one,) = mail.take(letter())
    (other,) = mail.take(letter(2, From="olga@client.example"))
    assert one.lead is not None
    assert other.lead is not None
    first, second = one.lead, other.lead
    mail.parts.order(second, state="merged")
    merged = sa.text("UPDATE leads SET merged_into = :into WHERE id = :lead")
    store.transact(lambda db: db.execute(merged, {"into": first, "lead": second}).rowcount)
    shown = store.peek(lambda db: activities.of_lead(db, first))
    assert [activity["kind"] for activity in shown] == [ANSWER, ANSWER]
    # And so it does in the overview, in notices and in the summary, even where nothing else is to be done.
    store.transact(lambda db: activities.by_hand(db, shown[0]["id"], "irina", NOW))
    uid = str(mail.parts.lead(first)["uid"])
    assert [one["kind"] for one in store.peek(lambda db: activities.open_of(db, [uid]))[uid]] == [ANSWER]
    assert [*store.peek(lambda db: lead_views.for_notices(db, [first]))[first][0]["to_do"]] == [ANSWER]
    assert store.peek(lambda db: summary.day(db, mail.parts.names, DAY, NOW, NOW, None)).to_do == [ToDo(ANSWER, 1, 0)]


def test_notices_the_overview_and_the_summary_know_of_it(store: Store) -> None:
    mail = post(store, mailboxes(managers=HOURS))
    (result,) = mail.take(letter())
    assert result.lead is not None
    lead = result.lead
    (at,) = due(mail)
    told = store.peek(lambda db: lead_views.for_notices(db, [lead]))[lead][0]["to_do"]
    assert [(kind, datetime.fromisoformat(by)) for kind, by in told.items()] == [(ANSWER, at)]
    uid = str(mail.parts.lead(lead)["uid"])
    listed = store.peek(lambda db: activities.open_of(db, [uid]))
    assert [(one["kind"], datetime.fromisoformat(one["due_at"])) for one in listed[uid]] == [(ANSWER, at)]
    for now, overdue in ((NOW, 0), (at + HOUR, 1)):
        figures = store.peek(lambda db, now=now: summary.day(db, mail.parts.names, DAY, NOW, now, None))  # type: ignore[misc] # bound default
        assert figures.to_do == [ToDo(ANSWER, 1, overdue)]


def test_the_latest_of_a_notice_is_what_the_client_wrote_and_not_what_a_machine_answered(store: Store) -> None:
    mail = post(store)
    (result,) = mail.take(letter())
    assert result.lead is not None
    lead = result.lead
    shown, latest = store.peek(lambda db: lead_views.for_notices(db, [lead]))[lead]
    assert len(mail.answers()) == 1
    assert latest is not None
    assert latest["text"] == "Нужен цемент"
    assert "reply" not in shown
