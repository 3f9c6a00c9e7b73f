"""A client is answered: by the channel that he wrote from, once, and everybody sees what became of it. Over both databases."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from channels.adapter import Misconfigured, Rejected, Unavailable
from desk.ports import Refused
from ingest.outgoing import sending
from ingest.outgoing.pauses import PAUSES
from ingest.outgoing.writing import Wanted, Writing
from ingest.turns.hand import Hand
from kernel.ids import uuid7
from storage import outbox, words
from storage.schema import interactions, journal, leads
from storage.schema import outbox as outbox_table
from storage.store import Conflict, Store
from tests.ingest.answering import Desk, Mailbox, Speaker, desk
from tests.ingest.parts import NOW, at_clock


@pytest.fixture
def work(store: Store) -> Desk:
    return desk(store)


def bot(work: Desk) -> Speaker:
    found = work.adapters["bot"]
    assert isinstance(found, Speaker)
    return found


def mail(work: Desk) -> Mailbox:
    found = work.adapters["mail"]
    assert isinstance(found, Mailbox)
    return found


async def test_an_answer_leaves_by_the_channel_and_to_the_place_that_the_client_wrote_from(work: Desk) -> None:
    lead = work.lead(ref="7", text="Есть цемент?", subject="Цемент")
    uid, new = work.write(lead, manager=lead["owner"])
    assert new
    assert await work.sending.step()
    assert not await work.sending.step()
    (said,) = bot(work).said
    assert (said.id, said.to, said.text, said.subject) == (uid, "at 7", "Да, есть.", "Цемент")
    assert said.answers is not None
    assert said.answers.ref == "7"
    (shown,) = work.said(lead)
    assert (shown["state"], shown["author"], shown["to"], shown["error"]) == ("sent", lead["owner"], "at 7", None)
    assert work.parts.balanced()


async def test_the_same_wish_is_said_once_however_often_it_comes(work: Desk) -> None:
    lead = work.lead(ref="7")
    first = work.write(lead, key="k")
    assert [work.write(lead, key="k"), work.write(lead, key="k")] == [(first[0], False)] * 2
    assert work.write(lead, key="other")[1]
    with pytest.raises(Refused, match="another reply"):
        work.write(lead, "Нет.", key="k")
    await work.send_all()
    assert len(bot(work).said) == 2


@pytest.mark.parametrize("text", ["Да\0, есть.", "Да, есть \ud83d."])
def test_a_wish_is_known_again_even_where_the_store_cannot_keep_all_of_its_letters(work: Desk, text: str) -> None:
    lead = work.lead(ref="7")
    assert work.write(lead, text, key="k") == (work.write(lead, text, key="k")[0], True)


def test_of_two_that_write_the_same_wish_at_once_the_database_refuses_one(work: Desk) -> None:
    lead = work.lead(ref="7")
    work.write(lead, key="k")
    with pytest.raises(Conflict):
        work.parts.store.transact(lambda db: _again(work, db, lead["id"]))
    assert work.parts.count(outbox_table) == len(work.notices())


def _again(work: Desk, db: sa.Connection, lead: int) -> None:
    uid = db.execute(sa.select(interactions.c.uid).where(interactions.c.direction == "out")).scalar_one()
    said = words.Said(work.parts.store.ids.take(), uid, lead, "bot", "at 7", "Да, есть.")
    work.writing.put(db, said, words.lead_for_update(db, work.parts.names, lead), NOW)


async def test_who_answers_a_lead_that_was_given_to_him_has_accepted_it_and_nothing_is_due_once_it_is_sent(
    store: Store,
) -> None:
    rule = {"when": {}, "team": "sales", "respond_within": "30m"}
    work = desk(store, routing=[rule])
    lead = work.lead(ref="7")
    assert (lead["state"], lead["due_at"] is not None) == ("assigned", True)
    work.write(lead, manager=lead["owner"], actor=lead["owner"])
    written = work.parts.lead(lead["id"])
    assert (written["state"], written["owner"], written["due_at"]) == ("in_work", lead["owner"], lead["due_at"])
    await work.sending.step()
    assert work.parts.lead(lead["id"])["due_at"] is None


@pytest.mark.parametrize(("came", "still_due"), [(timedelta(minutes=1), True), (timedelta(minutes=-1), False)])
async def test_a_client_who_has_written_since_still_waits_for_his_answer_whatever_his_own_clock_says(
    store: Store, came: timedelta, still_due: bool
) -> None:
    rule = {"when": {}, "team": "sales", "respond_within": "30m"}
    work = desk(store, routing=[rule])
    lead = work.lead(ref="7")
    work.write(lead)

    def wrote(db: sa.Connection) -> None:
        his = sa.update(interactions).where(interactions.c.direction == "in")
        db.execute(his.values(at=interactions.c.at - came // timedelta(microseconds=1)))
        db.execute(sa.update(journal).values(received_at=journal.c.received_at + came // timedelta(microseconds=1)))

    store.transact(wrote)
    await work.sending.step()
    assert (work.parts.lead(lead["id"])["due_at"] is not None) is still_due


async def test_what_a_director_says_leaves_the_lead_with_whom_it_is(work: Desk) -> None:
    lead = work.lead(ref="7")
    work.write(lead, actor="irina")
    assert work.parts.lead(lead["id"])["state"] == "assigned"
    assert work.said(lead)[0]["author"] == "irina"


async def test_a_provider_that_is_away_is_tried_again_and_one_that_says_never_ends_it_with_the_reason(
    work: Desk,
) -> None:
    lead = work.lead(ref="7")
    work.write(lead, manager=lead["owner"])
    bot(work).troubles = [Unavailable("away", again_in=100), Rejected(403, "blocked", "the client has blocked the bot")]
    await work.sending.step()
    (shown,) = work.said(lead)
    assert (shown["state"], shown["error"]) == ("sending", {"code": "unavailable", "message": "away"})
    due = next(row["due_at"] for row in work.parts.rows(outbox_table) if row["code"] == outbox.REPLY)
    assert due >= (NOW + timedelta(seconds=100)).timestamp() * 1_000_000
    work.sending._clock = at_clock(NOW + timedelta(hours=1))
    await work.sending.step()
    (shown,) = work.said(lead)
    assert (shown["state"], shown["error"]["code"]) == ("failed", "blocked")
    assert {("reply", "dead"), ("reply_failed", "due")} <= set(work.notices())


async def test_while_one_channel_is_away_the_others_are_served_and_its_own_order_is_kept(work: Desk) -> None:
    first, second = work.lead(ref="7"), work.lead("mail", phones=["8 912 000-00-01"], emails=["vera@example.com"])
    work.write(first, "Раз")
    work.write(first, "Два")
    work.write(second)
    bot(work).troubles = [Misconfigured("no token")]
    await work.sending.step()
    assert ([one.text for one in mail(work).said], bot(work).said) == (["Да, есть."], [])
    assert [one["error"] and one["error"]["code"] for one in work.said(first)] == ["misconfigured", None]
    work.sending._clock = at_clock(NOW + timedelta(hours=1))
    await work.send_all()
    assert [one.text for one in bot(work).said] == ["Раз", "Два"]


async def test_what_is_said_later_does_not_overtake_what_has_to_be_tried_again(work: Desk) -> None:
    first, other = work.lead(ref="7"), work.lead(ref="8", phones=["8 912 000-00-01"])
    work.write(first, "Раз")
    bot(work).troubles = [Unavailable("away")]
    await work.sending.step()
    work.write(first, "Два")
    work.write(other, "Другому")
    await work.send_all()
    assert [one.text for one in bot(work).said] == ["Другому"]
    work.sending._clock = at_clock(NOW + timedelta(seconds=11))
    await work.send_all()
    assert [one.text for one in bot(work).said] == ["Другому", "Раз", "Два"]


async def test_words_leave_in_the_order_of_time_also_where_another_process_has_earlier_numbers(work: Desk) -> None:
    lead = work.lead(ref="7")
    store, parts = work.parts.store, work.parts
    earlier = iter(store.transact(lambda _: [store.ids.take() for _ in range(50)]))
    work.write(lead, "Раз")
    hand = Hand(parts.names, parts.rulebooks, parts.distributor, dict, earlier.__next__)
    elsewhere = Writing(parts.names, parts.rulebooks, hand, work.adapters, earlier.__next__)
    wanted = Wanted(lead["id"], "Два", "api")
    store.transact(lambda db: elsewhere.write(db, wanted, NOW + timedelta(seconds=1)))
    work.sending._clock = at_clock(NOW + timedelta(seconds=2))
    await work.send_all()
    assert [one.text for one in bot(work).said] == ["Раз", "Два"]


async def test_behind_one_that_is_given_up_the_next_leaves(work: Desk) -> None:
    lead = work.lead(ref="7")
    work.write(lead, "Раз")
    work.write(lead, "Два")
    bot(work).troubles = [Rejected(422, "refused", "never")]
    await work.send_all()
    assert [one.text for one in bot(work).said] == ["Два"]


async def test_a_machines_answer_that_is_tried_again_is_in_no_persons_way(work: Desk) -> None:
    lead, number = work.lead(ref="7"), work.parts.store.ids.take()
    said = words.Said(number, uuid7(), lead["id"], "bot", "at 7", "Получили.", automatic=True)
    work.parts.store.transact(
        lambda db: work.writing.put(db, said, words.lead_for_update(db, work.parts.names, lead["id"]), NOW)
    )
    bot(work).untaken = {"Получили."}
    await work.send_all()
    work.write(lead, "Да, есть.")
    await work.send_all()
    assert [one.text for one in bot(work).said] == ["Да, есть."]


async def test_one_word_that_is_never_taken_keeps_no_other_from_its_client(work: Desk) -> None:
    first, second = work.lead(ref="7"), work.lead(ref="8", phones=["8 912 000-00-01"])
    work.write(first, "Раз")
    work.write(first, "Два")
    work.write(second, "Другому")
    bot(work).untaken = {"Раз"}
    for seconds in (0, 11, 22):
        work.sending._clock = at_clock(NOW + timedelta(seconds=seconds))
        await work.sending.step()
    assert [one.text for one in bot(work).said] == ["Другому"]
    waiting = [row["attempts"] for row in work.parts.rows(outbox_table) if row["code"] == outbox.REPLY]
    assert sorted(waiting) == [0, 1, 2]
    bot(work).untaken = set()
    work.sending._clock = at_clock(NOW + timedelta(hours=1))
    await work.send_all()
    assert [one.text for one in bot(work).said] == ["Другому", "Раз", "Два"]


@pytest.mark.parametrize(("automatic", "state"), [(True, "failed"), (False, "sending")])
async def test_a_machines_answer_that_cannot_leave_is_given_up_within_the_hour(
    work: Desk, automatic: bool, state: str
) -> None:
    lead, number = work.lead(ref="7"), work.parts.store.ids.take()
    said = words.Said(number, uuid7(), lead["id"], "bot", "at 7", "Получили.", automatic=automatic)
    work.parts.store.transact(
        lambda db: work.writing.put(db, said, words.lead_for_update(db, work.parts.names, lead["id"]), NOW)
    )
    bot(work).untaken = {"Получили."}
    at = NOW
    for pause in (timedelta(), *PAUSES[:7]):
        at += pause + timedelta(seconds=1)
        work.sending._clock = at_clock(at)
        assert await work.sending.step()
    assert at < NOW + timedelta(hours=1)
    assert [one["state"] for one in work.said(lead)] == [state]


async def test_nothing_is_begun_that_could_outlive_the_lease(work: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    work.write(work.lead(ref="7"))
    monkeypatch.setattr(sending, "LEASE", timedelta(seconds=sending.WITHIN / 2))
    assert await work.sending.step()
    assert bot(work).said == []


async def test_who_dies_after_he_has_sent_sends_the_same_again_under_the_same_name(work: Desk) -> None:
    lead = work.lead(ref="7")
    work.write(lead)
    work.parts.store.transact(lambda db: outbox.claim_words(db, 8, "gone", timedelta(minutes=5), NOW))
    assert not await work.sending.step()
    work.parts.store.transact(outbox.release_all)
    assert await work.sending.step()
    assert len(bot(work).said) == 1


@pytest.mark.parametrize("taken", [False, True])
async def test_a_stop_gives_back_what_is_unsaid_and_notes_what_is_said_in_that_moment(
    work: Desk, *, taken: bool
) -> None:
    work.write(work.lead(ref="7"))
    bot(work).goes_on.clear()
    saying = asyncio.create_task(work.sending.step())
    await asyncio.wait_for(bot(work).asked.wait(), 20)
    saying.cancel()
    if taken:
        bot(work).goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await saying
    (row,) = [one for one in work.parts.rows(outbox_table) if one["code"] == "reply"]
    assert (row["state"], row["claim"], row["claimed_until"]) == ("sent" if taken else "due", None, None)
    bot(work).goes_on.set()
    await work.send_all()
    assert len(bot(work).said) == 1


async def test_a_notice_and_a_word_never_take_each_others_place_in_the_outbox(work: Desk) -> None:
    lead = work.lead(ref="7")
    work.write(lead)
    names = work.parts.names
    notices = work.parts.store.transact(lambda db: outbox.claim(db, names, 9, "n", timedelta(minutes=5), NOW))
    assert "reply" not in {one.code for one in notices}
    assert work.parts.store.transact(lambda db: outbox.claim_words(db, 9, "w", timedelta(minutes=5), NOW))
    assert "reply" in {one["code"] for one in work.parts.store.peek(lambda db: outbox.unsent(db, names))}


# ---- by which way: one database is as good as the other

ON_ONE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@ON_ONE
def test_who_filled_in_a_form_is_answered_by_mail_where_one_address_and_one_mailbox_are_known(work: Desk) -> None:
    lead = work.lead("site", emails=["vera@example.com"])
    work.write(lead)
    assert work.said(lead)[0]["to"] == "vera@example.com"
    (row,) = [row for row in work.parts.rows(interactions) if row["direction"] == "out"]
    assert row["channel_id"] == work.parts.store.peek(lambda db: work.parts.names.channels.number(db, "mail"))


@ON_ONE
def test_of_several_mailboxes_the_lead_s_own_writes_else_the_first_that_can(store: Store) -> None:
    work = desk(store, mailboxes=("mail", "sales"))
    lead = work.lead("site", emails=["vera@example.com"])
    work.write(lead)
    own = work.lead("sales", phones=["8 912 000-00-01"])
    work.lead("site", phones=["8 912 000-00-01"], emails=["old@example.com"])
    work.lead("site", phones=["8 912 000-00-01"], emails=["new@example.com"])
    work.lead("site", phones=["8 912 000-00-01"])
    work.write(own)
    sent = [row for row in work.parts.rows(interactions) if row["direction"] == "out"]
    names = work.parts.store.peek(lambda db: [work.parts.names.channels.name(db, row["channel_id"]) for row in sent])
    assert list(zip(names, (one["to"] for one in work.said(lead) + work.said(own)), strict=True)) == [
        ("mail", "vera@example.com"),
        ("sales", "new@example.com"),
    ]


@ON_ONE
def test_who_called_is_answered_where_he_wrote_before(work: Desk) -> None:
    lead = work.lead(ref="7")
    work.lead("site", text="И ещё")
    work.write(lead)
    assert work.said(lead)[0]["to"] == "at 7"


@pytest.mark.parametrize(
    ("said", "code", "words_of_it"),
    [
        ({"channel": "site"}, "channel_sends_nothing", "site is a plain channel, which sends nothing"),
        ({"channel": "bot"}, "no_way_back", "by bot the client cannot be answered"),
    ],
)
@ON_ONE
def test_where_there_is_no_way_the_refusal_says_why_and_nothing_is_written(
    work: Desk, said: dict[str, str], code: str, words_of_it: str
) -> None:
    lead = work.lead(**said)
    before = work.parts.count(interactions)
    with pytest.raises(Refused, match=words_of_it) as refused:
        work.write(lead, manager=lead["owner"])
    assert refused.value.code == code
    assert work.parts.count(interactions) == before
    assert work.parts.lead(lead["id"])["state"] == "assigned"


@ON_ONE
def test_of_several_other_ways_a_person_chooses(work: Desk) -> None:
    lead = work.lead(ref="7")
    work.lead("mail", emails=["vera@example.com"])
    work.lead("site")
    with pytest.raises(Refused, match="bot, mail") as refused:
        work.write(lead)
    assert refused.value.code == "several_ways"
    letter = next(one for one in work.received(lead) if one.channel == "mail")
    work.write(lead, interaction=letter.uid)
    assert work.said(lead)[0]["to"] == "vera@example.com"


@ON_ONE
def test_a_mailbox_that_cannot_send_is_no_way_and_says_so(work: Desk) -> None:
    mail(work).sends = False
    lead = work.lead("mail", emails=["vera@example.com"])
    with pytest.raises(Refused, match="mail has no smtp"):
        work.write(lead)


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"text": " \n"}, "incomplete"),
        ({"text": "\0"}, "incomplete"),
        ({"text": "ж" * 41}, "too_long"),
        ({"manager": "nobody"}, "no_such_manager"),
        ({"interaction": "nothing"}, "no_such_interaction"),
    ],
)
@ON_ONE
def test_what_cannot_be_said_is_refused(work: Desk, wanted: dict[str, str], code: str) -> None:
    lead = work.lead(ref="7")
    with pytest.raises(Refused) as refused:
        work.write(lead, **wanted)
    assert refused.value.code == code


@ON_ONE
def test_a_lead_that_goes_on_in_another_is_answered_there(work: Desk) -> None:
    lead = work.lead(ref="7")
    work.parts.store.transact(
        lambda db: db.execute(sa.update(leads).values(state="merged", enquiry_of=None, merged_into=lead["id"]))
    )
    with pytest.raises(Refused, match="answer there"):
        work.write(lead)
