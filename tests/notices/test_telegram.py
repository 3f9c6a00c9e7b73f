"""Notices by a played Telegram: posted, edited in place, given up or tried again."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from pydantic import SecretStr

from channels.telegram.connection import Connection
from channels.telegram.courier import Courier
from ingest.notices.choices import Choices, mark
from ingest.notices.route import Button, Delivery, Message
from ingest.notices.telegram import Telegram as Route
from ingest.notices.texts import render_standing
from ingest.rules.rulebook import Rulebooks
from storage import chats
from storage.store import Store
from tests.ingest.parts import company, manager, wire
from tests.telegram import BAD_GATEWAY, SLOWER, TOKEN, UNKNOWN, Telegram

LEAD: Mapping[str, Any] = {
    "id": "01a20055-d2c5-7663-8085-000000000001", "title": "Вера – цемент", "state": "assigned", "owner": "anna",
    "contact": {"name": "Вера", "keys": [{"kind": "phone", "value": "+79161234567"}]}, "company": None, "source": "Сайт",
    "marks": [],
}  # fmt: skip
TITLES = {"anna": "Анна", "boris": "Борис"}


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with Telegram() as played:
        yield played


def route(telegram: Telegram, rulebooks: Rulebooks | None = None) -> Route:
    known = rulebooks or Rulebooks(None)  # type: ignore[arg-type] # nobody is looked up here
    return Route(Courier(Connection(SecretStr(TOKEN), telegram.url)), known, "ru")


def message(number: int = 1, chat: str = "701", **more: object) -> Message:
    given = {"id": str(number), "to": "anna", "address": chat, "subject": f"Лид {number}", "text": "Вера", **more}
    return Message(**given)  # type: ignore[arg-type] # as said


async def test_a_notice_is_posted_and_its_message_edited_in_place(telegram: Telegram) -> None:
    sending = route(telegram)
    buttons = (Button("Беру", "accept:1"),)
    (posted,) = await sending.send([message(buttons=buttons)])
    assert posted == Delivery(sent=True, ref=posted.ref)
    shown = telegram.messages["701", str(posted.ref)]
    assert (shown.text, shown.buttons) == ("<b>Лид 1</b>\nВера", [("Беру", "accept:1")])
    assert await sending.send([message(text="взято", edit=posted.ref)]) == [Delivery(sent=True)]
    assert (shown.text, shown.buttons, len(telegram.messages)) == ("<b>Лид 1</b>\nвзято", [], 1)


async def test_a_message_that_was_deleted_needs_no_edit(telegram: Telegram) -> None:
    assert await route(telegram).send([message(edit="12345")]) == [Delivery(sent=True)]


async def test_the_old_message_gives_way_to_the_new_one_or_stays(telegram: Telegram) -> None:
    sending = route(telegram)
    (first,) = await sending.send([message(buttons=(Button("Беру", "accept:1"),))])
    (second,) = await sending.send([message(2, replaces=first.ref)])
    assert second.sent
    shown = telegram.messages["701", str(first.ref)]
    assert "сообщении ниже" in shown.text
    assert shown.buttons == []
    telegram.faults["editMessageText"].append(BAD_GATEWAY)
    (third,) = await sending.send([message(3, replaces=second.ref)])
    assert third.sent


async def test_who_blocked_the_bot_costs_his_neighbour_nothing(telegram: Telegram) -> None:
    telegram.blocked.add("701")
    first, second = await route(telegram).send([message(1), message(2, "702")])
    assert (first.sent, first.again) == (False, False)
    assert "blocked by the user" in str(first.error)
    assert second.sent


@pytest.mark.parametrize(
    ("fault", "again_in"), [(SLOWER, 2.0), (BAD_GATEWAY, None), (UNKNOWN, None)], ids=["429", "502", "401"]
)
async def test_what_passes_holds_back_the_rest_until_later(
    telegram: Telegram, fault: dict[str, object], again_in: float | None
) -> None:
    telegram.faults["sendMessage"].append(fault)
    deliveries = await route(telegram).send([message(1), message(2, "702")])
    assert [(one.sent, one.again, one.again_in) for one in deliveries] == [(False, True, again_in)] * 2
    assert len(telegram.called("sendMessage")) == 1
    assert TOKEN not in str(deliveries)


async def test_who_is_reached_is_what_the_file_says_and_else_what_an_invitation_bound(
    store: Store, telegram: Telegram
) -> None:
    people = {"anna": manager(telegram="701"), "boris": manager(), "clara": manager()}
    parts = wire(store, company(managers=people))
    sending = route(telegram, parts.rulebooks)
    assert sending.address("anna") is None
    store.transact(lambda db: chats.bind(db, parts.names, "anna", "1"))
    store.transact(lambda db: chats.bind(db, parts.names, "boris", "2"))
    store.transact(sending.learn)
    assert [sending.address(name) for name in people] == ["701", "2", None]
    parts.apply(company(managers={"anna": people["anna"]}))
    store.transact(sending.learn)
    assert [sending.address(name) for name in people] == ["701", None, None]  # Boris has left


# --- what a message offers ---


def offered(lead: Mapping[str, Any], who: str, view: str = "", *, reasons: tuple[str, ...] = ("спам",)) -> list[str]:
    choices = Choices(reasons, TITLES, "ru")
    numbers = {"anna": 1, "boris": 2}
    buttons = choices.of({**LEAD, **lead}, who, view, numbers.__getitem__, offered=False)
    return [button.data.replace(str(LEAD["id"]), "L") for button in buttons]


def test_the_buttons_are_in_their_order_and_only_for_whoever_may() -> None:
    assert offered({}, "anna") == ["accept:L", "decline:L", "away"]
    assert offered({}, "boris") == []
    work = {"state": "in_work"}
    assert offered(work, "anna") == ["convert:L", "view:L:reasons", "view:L:hand_over"]
    assert offered(work, "boris") == []
    assert offered(work, "anna", "reasons") == [f"disqualify:L:{mark('спам')}", "view:L"]
    assert offered(work, "anna", "reasons", reasons=()) == [f"disqualify:L:{mark('без причины')}", "view:L"]
    assert offered(work, "anna", "hand_over") == ["handover:L:2", "view:L"]
    for state in ("converted", "lost", "disqualified", "merged", "unprocessed"):
        assert offered({"state": state}, "anna") == []


@pytest.mark.parametrize(
    ("lead", "who", "subject"),
    [
        ({}, "anna", "Ваш лид: Вера – цемент"),
        ({"state": "in_work"}, "anna", "В работе: Вера – цемент"),
        ({"state": "in_work"}, "boris", "Ответственный теперь Анна: Вера – цемент"),
        ({"state": "unprocessed", "owner": None}, "anna", "Лид снова ждёт: Вера – цемент"),
        ({"state": "converted"}, "anna", "Успешно завершён: Вера – цемент"),
        ({"state": "lost"}, "boris", "Упущен: Вера – цемент"),
        ({"state": "disqualified"}, "boris", "Нецелевой: Вера – цемент"),
        ({"state": "merged"}, "boris", "Объединён с другим лидом: Вера – цемент"),
    ],
)
def test_an_edited_message_says_how_the_lead_stands_for_its_reader(
    lead: Mapping[str, Any], who: str, subject: str
) -> None:
    shown = {**LEAD, **lead}
    said, text = render_standing(shown, None, who, TITLES, "ru", None, offered=False)
    assert said == subject
    own = shown["owner"] == who and shown["state"] in {"assigned", "in_work"}
    assert ("+79161234567" in text) is own
    english = render_standing(shown, None, who, TITLES, "en", None, offered=False)[0]
    assert english.endswith(": Вера – цемент")
    assert english != said
