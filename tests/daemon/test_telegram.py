"""A bot over the daemon as a process: clients write to it, managers are told by it and answer with buttons; and nothing is lost.

Importing the library takes a daemon seconds, so the tests share one, each with clients of its own.
"""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from tests.daemon.conftest import Make
from tests.daemon.process import Client, Daemon, Json, team, until
from tests.smtp import MailServer
from tests.telegram import NAME, TOKEN, Shown, Telegram

pytestmark = pytest.mark.asyncio(loop_scope="module")

PEOPLE: Final = {"anna": 701, "boris": 702}
CLARA, STRANGER = 703, 666
SECRET = "s3cret-of-the-webhook"
_clients = itertools.count(501)


def company(telegram: Telegram, **more: Any) -> Json:
    """A company whose managers are told by the bot that its clients write to; wholesale is offered, to Dora by mail."""
    bot = {"kind": "telegram", "token": "${TG_TOKEN}", "api_base": telegram.url, "source": "Телеграм"}
    people = team("anna", "boris", **{name: {"telegram": chat} for name, chat in PEOPLE.items()})
    people["managers"]["clara"] = {"name": "Clara"}
    people["managers"]["dora"] = {"name": "Dora", "email": "dora@example.com"}
    people["teams"]["support"] = {"managers": ["clara"]}
    people["teams"]["wholesale"] = {"managers": ["anna", "boris", "dora"], "accept_within": "3m"}
    words = {"support": "поддержка", "wholesale": "опт"}
    return {
        "channels": {"site": {"kind": "webform"}, "bot": bot},
        "notices": {"telegram": {"channel": "bot"}},
        "reasons": {"disqualified": ["спам", "вакансия"], "declined": ["занят", "не моя тема"]},
        "routing": [*({"when": {"keyword": [word]}, "team": name} for name, word in words.items()), {"team": "sales"}],
        **people,
        **more,
    }


@dataclass
class Given:
    """A lead as its manager is told of it."""

    manager: str
    message: str
    shown: Shown
    lead: Json

    @property
    def chat(self) -> int:
        return PEOPLE[self.manager]

    @property
    def other(self) -> str:
        return next(name for name in PEOPLE if name != self.manager)

    def view(self, name: str) -> str:
        return next(data for _, data in self.shown.buttons if data.endswith(f":{name}"))


@dataclass
class Office:
    """A daemon that runs, and the two Telegrams that it speaks to: one is polled, the other calls."""

    daemon: Daemon
    client: Client
    telegram: Telegram
    calling: Telegram

    async def lead(self, words: str = "Нужен цемент", within: str = "Новый лид") -> Given:
        """Somebody new writes; the lead that his manager is told of."""
        user = next(_clients)
        await self.telegram.write(user, words)
        return await self.told(user, within)

    async def told(self, user: int, within: str = "Новый лид", but: str = "") -> Given:
        """The message by which a manager is told of a client, another one than `but`."""

        def found() -> tuple[str, str, Shown] | None:
            for (chat, number), shown in reversed(self.telegram.messages.items()):
                if f"Клиент {user} " in shown.text and within in shown.text and number != but:
                    return chat, number, shown
            return None

        chat, number, shown = await self.telegram.until(found)
        manager = next(name for name, place in PEOPLE.items() if str(place) == chat)
        (lead,) = await self.client.listed("/api/leads", q=f"Клиент {user}")
        return Given(manager, number, shown, lead)

    async def press(self, given: Given, data: str, user: int | None = None) -> str:
        """A press; what the presser is told at once."""
        query = await self.telegram.press(given.chat if user is None else user, given.message, data)
        await self.telegram.until(lambda: query in self.telegram.answers)
        return self.telegram.answers[query]

    async def shows(self, given: Given, words: str) -> None:
        await self.telegram.until(lambda: words in given.shown.text)

    async def said(self, chat: int, words: str) -> Shown:
        """A message to somebody."""
        found: Shown = await self.telegram.until(
            lambda: next((shown for _, shown in self.telegram.of_chat(chat) if words in shown.text), None)
        )
        return found

    async def now(self, given: Given) -> Json:
        return await self.client.get(f"/api/leads/{given.lead['id']}")


@asynccontextmanager
async def running(daemon: Daemon, telegram: Telegram, calling: Telegram) -> AsyncIterator[Office]:
    daemon.start(TG_TOKEN=TOKEN, TG_SECRET=SECRET)
    async with daemon.client() as client:
        yield Office(daemon, client, telegram, calling)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory, mails: MailServer, founded: Make) -> AsyncIterator[Office]:
    """One daemon for all tests that leave it alive."""
    folder: Path = tmp_path_factory.mktemp("telegram")
    smtp = {"host": "127.0.0.1", "port": mails.port, "tls": False}
    async with Telegram() as telegram, Telegram() as calling:
        given = company(telegram)
        hook = {"kind": "telegram", "token": f"9{TOKEN}", "api_base": calling.url}
        given["channels"]["hook"] = hook | {"mode": "webhook", "secret": "${TG_SECRET}"}
        given["notices"]["email"] = {"smtp": smtp, "from": "leads@example.com"}
        daemon = founded(folder, **given)
        daemon.configure(http={"public_url": daemon.url})
        calling.token = f"9{TOKEN}"
        try:
            async with running(daemon, telegram, calling) as made:
                yield made
            # It ends in time while polls hang, and leaves nothing open.
            assert daemon.stop() == 0
            assert "Unclosed" not in daemon.log
            assert "Traceback" not in daemon.log
        finally:
            daemon.close()


async def test_a_client_writes_and_his_manager_accepts_by_a_button(office: Office) -> None:
    given = await office.lead("Нужен цемент <М500>")
    assert given.shown.text.startswith("<b>Новый лид: Клиент ")
    assert "Нужен цемент &lt;М500&gt;</b>" in given.shown.text
    assert [text for text, _ in given.shown.buttons] == ["✅ Беру", "🙅 Не могу взять", "🌙 Меня нет"]
    assert (given.lead["owner"], given.lead["state"], given.lead["source"]) == (given.manager, "assigned", "Телеграм")
    assert given.lead["contact"]["keys"][0]["kind"] == "telegram"
    before = len(office.telegram.of_chat(given.chat))

    assert await office.press(given, given.shown.data("accept")) == "Лид ваш."
    await office.shows(given, "В работе: Клиент")
    assert [data.partition(":")[0] for _, data in given.shown.buttons] == ["convert", "view", "view"]
    accepted = await office.now(given)
    assert (accepted["state"], accepted["owner"]) == ("in_work", given.manager)
    explained = await office.client.get(f"/api/leads/{given.lead['id']}/explain")
    assert f"{given.manager.title()}: лид принят в работу" in explained["sentences"][-1]["text"]
    assert len(office.telegram.of_chat(given.chat)) == before


async def test_a_strangers_press_changes_nothing_and_nor_does_a_colleagues(office: Office) -> None:
    given = await office.lead()
    for data in (given.shown.data("accept"), "away", f"convert:{given.lead['id']}", "nonsense"):
        assert await office.press(given, data, STRANGER) == "Эта кнопка не для вас."
    said = await office.press(given, given.shown.data("accept"), PEOPLE[given.other])
    assert said == f"Ответственный уже другой: {given.manager.title()}."
    assert await office.press(given, "nonsense") == "Эта кнопка больше не действует."
    after = await office.now(given)
    assert (after["state"], after["owner"], after["version"]) == ("assigned", given.manager, given.lead["version"])
    assert office.telegram.of_chat(STRANGER) == []


async def test_an_offer_goes_on_with_the_reason_of_who_cannot_take_it_and_is_accepted_by_the_next(
    office: Office,
) -> None:
    first = await office.lead("Интересует опт", "предложен")
    assert await office.press(first, first.shown.data("accept"), STRANGER) == "Эта кнопка не для вас."
    await refuse(office, first, "занят")
    second = await office.told(int(first.lead["contact"]["keys"][0]["value"]), "предложен", but=first.message)
    assert second.manager == first.other
    assert await office.press(first, f"accept:{first.lead['id']}") != "Лид ваш."
    assert await office.press(second, second.shown.data("accept")) == "Лид ваш."
    await office.shows(first, f"Ответственный теперь {second.manager.title()}")
    assert first.shown.buttons == []
    lead = await office.now(first)
    assert (lead["state"], lead["owner"]) == ("in_work", second.manager)
    explained = await office.client.get(f"/api/leads/{lead['id']}/explain")
    assert "Причина: занят." in "\n".join(one["text"] for one in explained["sentences"])


async def test_a_scanner_that_opens_the_links_of_an_offer_by_mail_answers_nothing_and_their_reader_does(
    office: Office, mails: MailServer
) -> None:
    before = len(mails.mails)
    user = next(_clients)
    for colleague in PEOPLE:
        await office.client.set_available(colleague, available=False)
    await office.telegram.write(user, "опт для Доры")
    (mail,) = (await mails.wait(lambda mails: len(mails) > before))[before:]
    for colleague in PEOPLE:
        await office.client.set_available(colleague, available=True)
    assert mail.recipients == ("dora@example.com",)
    links = re.findall(r"http://127\.0\.0\.1:\d+(/act/\S+)", mail.message.get_content())
    for link in links:
        assert (await office.client.ask("GET", link, token=None)).status == 200
    (lead,) = await office.client.listed("/api/leads", q=f"Клиент {user}")
    assert (lead["state"], lead["owner"]) == ("assigned", "dora")
    reasons = (await office.client.ask("GET", links[1], token=None)).body.decode()
    refused = re.search(r'href="([^"]+)">не моя тема<', reasons)
    assert refused is not None
    assert (await office.client.ask("GET", f"/act/{refused[1]}", token=None)).status == 200
    assert (await office.client.get(f"/api/leads/{lead['id']}"))["owner"] == "dora"
    await office.client.ask("POST", f"/act/{refused[1]}", token=None)
    given = await office.told(user, "предложен")
    assert await office.press(given, given.shown.data("accept")) == "Лид ваш."
    assert (await office.now(given))["owner"] == given.manager


async def refuse(office: Office, given: Given, reason: str) -> None:
    """A manager who cannot take a lead chooses why."""
    await office.press(given, given.view("declined"))
    await office.telegram.until(lambda: any(text == reason for text, _ in given.shown.buttons))
    await office.press(given, next(data for text, data in given.shown.buttons if text == reason))


async def test_an_accepted_lead_is_handed_over_and_closed_with_a_reason(office: Office) -> None:
    first = await office.lead("Вакансии есть?")
    await office.press(first, first.shown.data("accept"))
    await office.shows(first, "В работе")
    await office.press(first, first.view("hand_over"))
    await office.telegram.until(lambda: any(data.startswith("handover") for _, data in first.shown.buttons))
    assert [text for text, _ in first.shown.buttons] == [first.other.title(), "Clara", "Dora", "← Назад"]
    await office.press(first, first.shown.data("handover"))
    await office.shows(first, f"Ответственный теперь {first.other.title()}")
    # Whoever the lead is nothing to any more reads nothing of its client.
    assert "Telegram" not in first.shown.text
    assert first.shown.buttons == []

    user = int(first.lead["contact"]["keys"][0]["value"])
    second = await office.told(user)
    assert second.manager == first.other
    await office.press(second, second.shown.data("accept"))
    await office.shows(second, "В работе")
    await office.press(second, second.view("reasons"))
    await office.telegram.until(lambda: any(data.startswith("disqualify") for _, data in second.shown.buttons))
    assert [text for text, _ in second.shown.buttons] == ["спам", "вакансия", "← Назад"]
    await office.press(second, next(data for text, data in second.shown.buttons if text == "вакансия"))
    await office.shows(second, "Нецелевой")
    after = await office.now(second)
    assert (after["state"], after["reason"]) == ("disqualified", "вакансия")
    # The message of the first one shows it too, and a press that comes late says so.
    await office.shows(first, "Нецелевой")
    assert await office.press(second, f"convert:{second.lead['id']}") == "Лид уже закрыт."


async def test_what_a_manager_must_notice_is_a_new_message_and_the_old_one_gives_way(office: Office) -> None:
    user = next(_clients)
    first = await office.telegram.write(user, "два куба")
    given = await office.told(user)
    await office.telegram.write(user, "и доставка")
    again = await office.told(user, "Клиент написал снова")
    assert again.shown.data("accept")
    await office.shows(given, "сообщении ниже")
    assert given.shown.buttons == []
    # A lead that moves on by another hand is shown as it is by the newest message.
    answer = await office.client.ask("POST", f"/api/leads/{given.lead['id']}/assign", json={"manager": given.other})
    assert answer.status == 200
    await office.shows(again, "Ответственный теперь")

    # What was edited is the same interaction.
    edited = {**first["message"], "text": "три куба", "edit_date": first["message"]["date"] + 60}
    await office.telegram.update(edited_message=edited)

    async def texts() -> bool:
        return [one["text"] for one in (await office.now(given))["interactions"]] == ["три куба", "и доставка"]

    await until(texts)


async def test_an_album_is_one_interaction_and_its_files_are_fetched(office: Office) -> None:
    user = next(_clients)
    office.telegram.files |= {"f1": b"one", "f2": b"two"}
    for name, caption in (("f1", {}), ("f2", {"caption": "два вида"})):
        sizes = [{"file_id": name, "file_unique_id": name, "width": 9, "height": 9}]
        said = office.telegram.message(user, photo=sizes, media_group_id="g1", **caption)
        await office.telegram.update(message=said)
    given = await office.told(user)

    async def fetched() -> list[str]:
        (only,) = (await office.now(given))["interactions"]
        files = [file["file"] for file in only.get("attachments", ())]
        assert only["kind"] in {"photo", "album"}
        return files if len(files) == 2 and all(files) else []

    files = await until(fetched)
    answers = [await office.client.ask("GET", f"/api/files/{name}") for name in files]
    assert [answer.body for answer in answers] == [b"one", b"two"]
    (only,) = (await office.now(given))["interactions"]
    assert (only["kind"], only["text"]) == ("album", "два вида")


async def test_a_manager_is_away_comes_back_and_asks_why(office: Office) -> None:
    await office.telegram.write(PEOPLE["boris"], "/away")
    await office.said(PEOPLE["boris"], "/back")
    given = await office.lead("лид мимо Бориса")
    assert given.manager == "anna"
    await office.telegram.write(PEOPLE["boris"], "/why")
    why = await office.said(PEOPLE["boris"], "лид мимо Бориса»")
    assert "Boris — нет на месте" in why.text
    await office.telegram.write(PEOPLE["boris"], "/back")
    await office.said(PEOPLE["boris"], "Вы снова получаете лиды")
    shown = {item["name"]: item["available"] for item in (await office.client.get("/api/managers"))["items"]}
    assert shown["boris"] is True


async def test_what_managers_write_is_no_approach_and_clients_commands_do_nothing(office: Office) -> None:
    await office.telegram.write(PEOPLE["boris"], "это я, не клиент")

    async def ignored() -> list[Json]:
        return await office.client.listed("/api/envelopes", outcome="ignored", reason="staff")

    assert len(await until(ignored)) == 1
    await office.telegram.write(STRANGER, "/away")
    await office.telegram.write(STRANGER, "/why")
    given = await office.lead()
    await office.client.settled()
    assert given.lead["owner"] in PEOPLE
    assert office.telegram.of_chat(STRANGER) == []
    assert (await office.client.get("/api/ledger"))["balanced"] is True


async def test_an_invitation_binds_a_manager_once(office: Office) -> None:
    refused = await office.client.ask("POST", "/api/managers/boris/invite")
    assert (refused.status, refused.error) == (409, "configured")
    assert (await office.client.ask("POST", "/api/managers/nobody/invite")).status == 404
    made = await asyncio.to_thread(
        office.daemon.command, "managers", "invite", "clara", TG_TOKEN=TOKEN, TG_SECRET=SECRET
    )
    assert made.returncode == 0, made.stderr
    link = made.stdout.splitlines()[0]
    assert link.startswith(f"https://t.me/{NAME}?start=invite-")
    start = "/start " + link.partition("start=")[2]
    await office.telegram.write(CLARA, start)
    await office.said(CLARA, "Готово, Clara")
    await office.telegram.write(STRANGER, start)
    await office.said(STRANGER, "Приглашение не действует")
    await office.telegram.write(next(_clients), "Нужна поддержка")
    told = await office.said(CLARA, "Новый лид")
    await office.telegram.press(CLARA, office.telegram.of_chat(CLARA)[-1][0], told.data("accept"))
    await office.telegram.until(lambda: "В работе" in told.text)


async def test_a_webhook_takes_updates_in_and_only_telegrams(office: Office) -> None:
    calling = office.calling
    await calling.until(lambda: calling.webhook["url"] == f"{office.daemon.url}/in/hook")
    user = next(_clients)
    update = {"update_id": 5, "message": calling.message(user, text="Нужен цемент")}
    wrong = {"X-Telegram-Bot-Api-Secret-Token": "guess"}
    assert await calling.deliver(update, **wrong) == 401
    assert [await calling.deliver(update) for _ in range(3)] == [200] * 3
    given = await office.told(user)
    assert len((await office.now(given))["interactions"]) == 1
    (item,) = [one for one in (await office.client.get("/api/ledger"))["items"] if one["channel"] == "hook"]
    assert (item["received"], item["duplicates"], item["created"]) == (1, 2, 1)

    async def listening() -> bool:
        states = {one["name"]: one["state"] for one in (await office.client.get("/api/channels"))["items"]}
        return {states["hook"], states["bot"]} == {"listening"}

    await until(listening)
    for secret in (SECRET, TOKEN):
        assert secret not in office.daemon.log


async def test_a_kill_between_a_press_and_its_effect_loses_none_and_doubles_none(make: Make) -> None:
    pressed: list[Given] = []
    async with Telegram() as telegram:
        daemon = make(**company(telegram))
        for point in ("accept.after_commit", "settle.before_commit", "settle.after_commit"):
            async with running(daemon, telegram, telegram) as office:
                for one in pressed[-1:]:
                    await _accepted_once(office, one)
                pressed.append(await office.lead())
                await office.client.settled()
                assert (await office.client.ask("POST", "/test/crash", json={"at": point})).status == 200
                await telegram.press(pressed[-1].chat, pressed[-1].message, pressed[-1].shown.data("accept"))
                await asyncio.to_thread(daemon.ended)
        async with running(daemon, telegram, telegram) as office:
            for one in pressed:
                await _accepted_once(office, one)


async def _accepted_once(office: Office, given: Given) -> None:
    await office.shows(given, "В работе")
    after = await office.now(given)
    assert (after["state"], after["owner"]) == ("in_work", given.manager)
    explained = await office.client.get(f"/api/leads/{given.lead['id']}/explain")
    assert sum("принят в работу" in one["text"] for one in explained["sentences"]) == 1
    about = [text for _, text in office.telegram.of_chat(given.chat) if given.lead["id"] in text.text]
    assert len(about) == 1
    await office.client.settled()
    assert (await office.client.get("/api/ledger"))["balanced"] is True


async def test_a_manager_who_quotes_his_notice_answers_the_client_and_the_notice_says_so(office: Office) -> None:
    given = await office.lead("Есть цемент?")
    user = int(given.lead["contact"]["keys"][0]["value"])
    notice = {"message_id": int(given.message), "from": {"id": 1, "is_bot": True}, "chat": {"id": given.chat}}
    said = office.telegram.message(given.chat, text="Да, есть.", reply_to_message=notice)
    await office.telegram.update(message=said)
    await office.shows(given, "Ответ отправлен: «Да, есть.»")
    asked, answer = (await office.now(given))["interactions"]
    assert (answer["direction"], answer["state"], answer["author"]) == ("out", "sent", given.manager)
    assert (answer["answers"], (await office.now(given))["state"]) == (asked["id"], "in_work")
    ((_, shown),) = office.telegram.of_chat(user)
    assert (shown.text, str(shown.answers)) == ("Да, есть.", asked["fields"]["message_id"])
    # The same again, as after a crash, or changed: nothing more is said. And what the client quotes is a message of his.
    await office.telegram.update(edited_message=said | {"text": "Нет.", "edit_date": said["date"] + 1})
    await office.said(given.chat, "правка не отправлена")
    await office.telegram.write(user, "Отлично", reply_to_message=notice | {"chat": {"id": user}})
    await office.told(user, "Клиент написал снова")
    assert len(office.telegram.of_chat(user)) == 1


async def test_a_quotation_of_what_is_no_notice_of_his_is_answered_with_the_reason(office: Office) -> None:
    given = await office.lead()
    notice = {"message_id": 999_999, "from": {"id": 1, "is_bot": True}}
    await office.telegram.write(given.chat, "Да", reply_to_message=notice)
    await office.said(given.chat, "ответьте на последнее сообщение")
    sticker = {
        "sticker": {"file_id": "a", "file_unique_id": "a", "emoji": "👍", "width": 1, "height": 1, "type": "regular"}
    }
    known = notice | {"message_id": int(given.message)}
    await office.telegram.update(message=office.telegram.message(given.chat, reply_to_message=known, **sticker))
    await office.said(given.chat, "передаётся только текст")
    assert len((await office.now(given))["interactions"]) == 1
