"""A client is answered beside us, in the provider's own pages: it stands on his lead, once, and ends what waits for it."""

from datetime import timedelta
from typing import Any, Final

import pytest
import sqlalchemy as sa

from kernel.clock import instant
from storage.activities import ANSWER, Activity, write
from storage.journal import Result
from storage.schema import activities, contacts, interactions, journal, leads
from storage.store import Store
from tests.ingest.answering import Desk, desk
from tests.ingest.parts import NOW, envelope

VERA: Final = [["vk", "7"]]
ADMIN: Final = {"direction": "out", "kind": "text", "identities": VERA, "written_by": "77"}
LATER: Final = NOW + timedelta(minutes=5)
RULE: Final = {"when": {}, "team": "sales", "respond_within": "30m"}


@pytest.fixture
def work(store: Store) -> Desk:
    return desk(store, routing=[RULE])


def take(work: Desk, *said: dict[str, Any], at: Any = LATER) -> list[Result]:
    """Several of the bot's events, settled together."""
    accepted = work.parts.append(*(envelope({"kind": "text", **one}, at, channel="bot") for one in said))
    by_entry = {result.entry: result for result in work.parts.drain(at)}
    numbers = {row["uid"]: row["id"] for row in work.parts.rows(journal)}
    return [by_entry[numbers[one.id]] for one in accepted]


def to_answer(work: Desk, lead: int) -> None:
    number = work.parts.store.ids.take()
    work.parts.store.transact(lambda db: write(db, [Activity(number, lead, None, ANSWER, NOW, LATER)]))


def done_by(work: Desk) -> list[str | None]:
    return [row["done_by"] for row in work.parts.rows(activities)]


def test_an_administrators_answer_stands_on_the_clients_lead_and_ends_what_waits(work: Desk) -> None:
    lead = work.lead(ref="7:1", identities=VERA)
    to_answer(work, lead["id"])
    (result,) = take(work, {**ADMIN, "ref": "7:2", "text": "Есть, приезжайте"})
    assert (result.outcome, result.lead, result.contact) == ("attached", lead["id"], lead["contact_id"])
    (shown,) = work.said(lead)
    assert (shown["text"], shown["state"], shown["author"], shown["automatic"]) == (
        "Есть, приезжайте", "sent", "vk:77", False,
    )  # fmt: skip
    after = work.parts.lead(lead["id"])
    assert (after["state"], after["owner"], after["due_at"]) == ("assigned", lead["owner"], None)
    assert instant(after["last_at"]) == LATER
    assert after["version"] > lead["version"]
    assert done_by(work) == ["vk:77"]
    assert work.parts.balanced()


def test_what_is_said_to_somebody_unknown_is_ignored_and_makes_nobody(work: Desk) -> None:
    (result,) = take(work, {**ADMIN, "ref": "7:2", "text": "Здравствуйте"})
    assert (result.outcome, result.reason) == ("ignored", "own_message")
    assert [work.parts.count(table) for table in (contacts, leads, interactions)] == [0, 0, 0]
    assert work.parts.balanced()


def test_a_greeting_that_no_person_wrote_is_shown_and_ends_nothing(work: Desk) -> None:
    lead = work.lead(ref="7:1", identities=VERA)
    to_answer(work, lead["id"])
    take(work, {**ADMIN, "written_by": None, "ref": "7:2", "text": "Мы скоро ответим"})
    (shown,) = work.said(lead)
    assert (shown["state"], shown["author"], shown["automatic"]) == ("sent", None, True)
    assert done_by(work) == [None]
    assert work.parts.lead(lead["id"])["due_at"] == lead["due_at"]


def test_an_answer_that_comes_in_one_batch_with_what_it_answers_finds_the_lead(work: Desk) -> None:
    first, answer, again, other = take(
        work,
        {"ref": "7:1", "identities": VERA, "text": "Есть цемент?"},
        {**ADMIN, "ref": "7:2", "text": "Есть"},
        {**ADMIN, "ref": "7:2", "text": "Есть"},
        {**ADMIN, "ref": "8:1", "identities": [["vk", "8"]], "text": "Кому-то"},
    )
    assert [one.outcome for one in (first, answer, again, other)] == ["created", "attached", "attached", "ignored"]
    assert answer.lead == again.lead == first.lead
    assert answer.interaction == again.interaction
    assert work.parts.count(interactions) == 2


def test_an_edited_answer_is_the_same_answer(work: Desk) -> None:
    lead = work.lead(ref="7:1", identities=VERA)
    take(work, {**ADMIN, "ref": "7:2", "text": "Нет"})
    (result,) = take(work, {**ADMIN, "ref": "7:2", "text": "Есть"})
    (shown,) = work.said(lead)
    assert (result.outcome, shown["state"], shown["author"]) == ("attached", "sent", "vk:77")


@pytest.mark.parametrize("sent_first", [True, False])
async def test_what_we_have_sent_comes_back_as_itself_whichever_comes_first(work: Desk, sent_first: bool) -> None:
    lead = work.lead(ref="7", identities=VERA)
    uid, _ = work.write(lead)
    if sent_first:
        await work.sending.step()
    # No person's number: it was said by the API. Its place is told by nobody but this event.
    echo = {**ADMIN, "written_by": None, "ref": "7:2", "echo": f"sent:at 7:{uid}", "text": "Да, есть."}
    (result,) = take(work, echo)
    if not sent_first:
        await work.sending.step()
    assert (result.outcome, result.lead) == ("attached", lead["id"])
    (shown,) = work.said(lead)
    assert (shown["state"], shown["to"]) == ("sent", "at 7")
    assert work.parts.lead(lead["id"])["due_at"] is None
    assert work.parts.balanced()


def test_an_answer_to_what_he_wrote_before_ends_nothing_once_he_has_written_again(work: Desk) -> None:
    lead = work.lead(ref="7:1", identities=VERA)
    answer = envelope({**ADMIN, "ref": "7:2"}, LATER, channel="bot")
    again = envelope({"kind": "text", "ref": "7:3", "identities": VERA}, LATER + timedelta(minutes=1), channel="bot")
    work.parts.append(answer, again)
    work.parts.drain(LATER + timedelta(minutes=2))
    assert work.parts.lead(lead["id"])["due_at"] is not None


def test_a_closed_lead_stays_closed(work: Desk) -> None:
    lead = work.lead(ref="7:1", identities=VERA)
    work.parts.order(lead["id"], state="converted")
    (result,) = take(work, {**ADMIN, "ref": "7:2", "text": "Спасибо вам"})
    assert result.lead == lead["id"]
    assert work.parts.lead(lead["id"])["state"] == "converted"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_person_may_still_call_it_a_clients(work: Desk) -> None:
    take(work, {**ADMIN, "ref": "7:2", "text": "Пишу клиенту"})
    uids = [row["uid"] for row in work.parts.rows(journal)]
    assert work.parts.store.transact(lambda db: work.parts.journal.reopen(db, uids, as_client=True))
    (again,) = work.parts.drain(LATER)
    assert again.outcome == "created"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_it_stands_where_the_client_wrote_by_this_channel_else_wherever_he_wrote_last(work: Desk) -> None:
    other = work.lead("site", identities=VERA)
    (result,) = take(work, {**ADMIN, "ref": "7:2", "text": "Видели вашу заявку"})
    assert result.lead == other["id"]
    work.parts.order(other["id"], state="converted")
    work.parts.store.transact(lambda db: db.execute(sa.update(leads).values(enquiry_of=None)))
    own = work.lead(ref="7:3", identities=VERA)
    assert own["id"] != other["id"]
    work.parts.store.transact(
        lambda db: db.execute(sa.update(leads).where(leads.c.id == own["id"]).values(enquiry_of=None))
    )
    assert work.lead("site", identities=VERA)["id"] != own["id"]
    (result,) = take(work, {**ADMIN, "ref": "7:4", "text": "Отвечаем"})
    assert result.lead == own["id"]
