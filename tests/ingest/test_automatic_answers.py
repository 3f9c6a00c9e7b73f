"""Automatic answers as they are decided: once an address, in and out of hours, and never where any doubt is."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import event

from ingest.pipeline.automatic_answers import LATE
from storage.schema import interactions, journal
from storage.store import Store
from tests.channels.mails import raw
from tests.ingest.corresponding import HOUR, Post, answering, letter, mailboxes, post
from tests.ingest.parts import NOW, manager, wire

# What is pure of it needs one kind of store; what each statement does is seen over both.
embedded = pytest.mark.parametrize("database", ["sqlite"])

SUNDAY = NOW - timedelta(days=2)
WEEKDAYS = {"anna": manager(hours="Mon-Fri 09:00-18:00"), "boris": manager(hours="Mon-Fri 10:00-19:00")}


def test_a_client_s_mail_is_answered_on_its_lead_s_timeline(store: Store) -> None:
    mail = post(store)
    (result,) = mail.take(letter())
    (answer,) = mail.answers()
    assert (answer["lead_id"], answer["contact_id"], answer["kind"]) == (result.lead, result.contact, "reply")
    assert (answer["to"], answer["automatic"], answer["author"], answer["state"]) == (
        "ivan@client.example",
        True,
        None,
        "sending",
    )
    assert answer["subject"] == "Автоответ: Question"
    assert answer["text"].startswith("Здравствуйте, Иван!")
    assert mail.leaving() == [answer["id"]]
    assert mail.why() == ["in_hours"]
    assert mail.parts.balanced()


def test_an_answer_knows_which_mail_it_answers(store: Store) -> None:
    mail = post(store)
    mail.take(letter(), letter(2, From="olga@client.example"))
    rows = {row["uid"]: row["subject"] for row in mail.parts.rows(interactions)}
    assert [rows[answer["answers"]] for answer in mail.answers()] == ["Question", "Question"]
    assert len({answer["answers"] for answer in mail.answers()}) == 2


def test_an_address_is_answered_once_in_the_pause_by_whichever_way_it_writes(store: Store) -> None:
    mail = post(store)
    mail.take(letter(), letter(2))
    mail.take(letter(3, Date=None), at=NOW + 23 * HOUR)
    mail.take(letter(4, Date=None), at=NOW + 24 * HOUR)
    assert mail.why() == ["in_hours", "answered_lately", "answered_lately", "in_hours"]
    assert len(mail.answers()) == 2


@embedded
def test_addresses_of_one_person_are_limited_each_by_itself_and_plus_tags_do_not_help(store: Store) -> None:
    mail = post(store)
    for number, sender in enumerate(["ivan@gmail.com", "i.van@gmail.com", "ivan+1@gmail.com", "olga@gmail.com"]):
        mail.take(letter(number, From=sender))
    assert mail.why().count("in_hours") == len({answer["to"] for answer in mail.answers()})
    assert {answer["to"] for answer in mail.answers()} >= {"ivan@gmail.com", "olga@gmail.com"}


@embedded
@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (SUNDAY, ["out_of_hours", "вторник, 1 сентября"]),
        (NOW, ["in_hours", "скоро"]),
    ],
)
def test_out_of_the_team_s_hours_it_says_when_they_begin(store: Store, when: object, expected: list[str]) -> None:
    assert isinstance(when, type(NOW))
    closed = {**WEEKDAYS, "anna": manager(hours="Tue-Fri 11:00-18:00"), "boris": manager(hours="Tue 12:00-13:00")}
    mail = post(store, mailboxes(managers=closed))
    mail.take(letter(Date=None), at=when)
    code, words = expected
    assert mail.why() == [code]
    assert words in mail.answers()[0]["text"]


@embedded
def test_a_time_of_day_without_a_text_has_no_answer_and_uses_up_none(store: Store) -> None:
    mail = post(store, mailboxes(answer={"in_hours": False}, managers=WEEKDAYS))
    mail.take(letter())
    assert (mail.why(), mail.answers()) == (["not_now"], [])
    mail.take(letter(2), at=NOW, now=NOW + 6 * HOUR - timedelta(minutes=5))
    mail.take(letter(3, Date=None), at=NOW + 8 * HOUR)
    assert mail.why()[-1] == "out_of_hours"


@embedded
def test_the_company_s_own_words_name_the_lead(store: Store) -> None:
    mail = post(store, mailboxes(answer={"in_hours": "{name}, ваш номер {lead}", "subject": "Получено: {subject}"}))
    (result,) = mail.take(letter())
    uid = mail.parts.lead(result.lead)["uid"]
    assert mail.answers()[0]["text"] == f"Иван, ваш номер {uid}"
    assert mail.answers()[0]["subject"] == "Получено: Question"


WITHHELD = {
    "automatic mail": (letter(Precedence="bulk"), []),
    "another's Reply-To": (letter(Reply_To="victim@elsewhere.example"), ["reply_to"]),
    "no return path": (letter(Return_Path="<>"), ["null_return_path"]),
    "an address that is none": (letter(From="ivan@localhost"), ["no_key"]),
    "staff": (letter(From="anna@staff.example"), []),
    "a trial": (letter(From="qa@client.example"), ["test"]),
    "our other mailbox": (letter(From="info@other.example"), ["own"]),
}


@embedded
@pytest.mark.parametrize(("mail", "why"), WITHHELD.values(), ids=WITHHELD.keys())
def test_there_are_those_whom_no_machine_answers(mail: bytes, why: list[str], store: Store) -> None:
    document = mailboxes(
        managers={"anna": manager(email="anna@staff.example"), "boris": manager()},
        test={"phones": [], "emails": ["qa@client.example"]},
    )
    document["channels"]["other"] = {
        "kind": "mail",
        "source": None,
        "team": None,
        "answer": answering(address="Info@other.example"),
    }
    taken = post(store, document)
    taken.take(mail)
    assert (taken.why(), taken.answers(), taken.leaving()) == (why, [], [])


@embedded
def test_a_mailbox_without_an_answer_answers_nobody(store: Store) -> None:
    mail = post(store)
    mail.take(letter(), channel="quiet")
    assert (mail.why(), mail.answers()) == ([], [])


@embedded
@pytest.mark.parametrize("age", [LATE + timedelta(seconds=1), timedelta(days=30)])
def test_a_backlog_is_not_answered_nor_is_what_is_read_again_long_after(age: timedelta, store: Store) -> None:
    mail = post(store)
    mail.take(letter(Date=None), at=NOW, now=NOW + age)
    mail.take(letter(2, Date=None), at=NOW + age, now=NOW + age)
    assert mail.why() == ["late", "in_hours"]


@embedded
def test_a_mail_that_a_person_has_called_a_client_s_is_his_to_answer(store: Store) -> None:
    mail = post(store, mailboxes(managers={"anna": manager(email="anna@staff.example"), "boris": manager()}))
    mail.take(letter(Precedence="bulk"), letter(2, From="anna@staff.example"))
    uids = [row["uid"] for row in mail.parts.rows(journal)]
    mail.parts.store.transact(lambda db: mail.parts.journal.reopen(db, uids, as_client=True))
    assert [result.outcome for result in mail.settle()] == ["created", "created"]
    assert (mail.why(), mail.answers()) == (["by_hand"], [])


@embedded
def test_a_copy_of_a_mail_is_answered_no_second_time(store: Store) -> None:
    mail = post(store)
    mail.take(raw(X_Original_To="a@stroyka.example"))
    mail.take(raw(X_Original_To="b@stroyka.example"))
    assert len(mail.answers()) == 1
    assert mail.why() == ["in_hours"]


def test_two_workers_that_take_in_two_mails_of_one_address_answer_once(store: Store, database: str) -> None:
    """Each with mails of several people, in opposite orders, so that whoever locks in the wrong order is found out."""
    if database == "sqlite":
        pytest.skip("one daemon has a SQLite file")
    first = post(store)
    people = ["ivan", "olga", "oleg", "vera"]
    first.take(*(letter(n, From=f"{name}@client.example", Date=None) for n, name in enumerate(people)), channel="quiet")
    second = Post(wire(store, lane=5), first.ids)
    first.bring(*(letter(10 + n, From=f"{name}@client.example") for n, name in enumerate(people)))
    first.bring(*(letter(20 + n, From=f"{name}@client.example") for n, name in enumerate(reversed(people))))
    together = Barrier(2)

    def work(who: Post, token: str) -> None:
        together.wait()
        while who.settle(token=token, limit=4):
            pass

    workers = [Thread(target=work, args=(who, token)) for who, token in ((first, "one"), (second, "two"))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(answer["to"] for answer in first.answers()) == sorted(f"{name}@client.example" for name in people)
    assert sorted(first.why()) == ["answered_lately"] * 4 + ["in_hours"] * 4


def statements(mail: Post, *mails: bytes, channel: str = "info") -> int:
    """How many statements it takes to take these in."""
    said: list[str] = []

    def tell(_: object, __: object, statement: str, *___: object) -> None:
        said.append(statement)

    mail.bring(*mails, channel=channel)
    event.listen(mail.parts.store._main, "before_cursor_execute", tell)
    try:
        mail.settle()
    finally:
        event.remove(mail.parts.store._main, "before_cursor_execute", tell)
    return len(said)


def test_many_answers_cost_as_many_statements_as_one_and_none_at_all_where_nobody_is_answered(store: Store) -> None:
    mail = post(store)
    mail.take(letter(1))
    mail.take(letter(1), channel="quiet")
    one = statements(mail, letter(2, From="c2@client.example"))
    many = statements(mail, *(letter(n, From=f"c{n}@client.example") for n in range(3, 20)))
    quiet = statements(mail, letter(2, From="d2@client.example"), channel="quiet")
    assert len(mail.answers()) == 19
    assert one == many
    # Keys, the note of the answer, ids outside, the timeline, the outbox, the decision.
    assert one - quiet == 6
