"""A bot that takes updates in, over a played Telegram: what is acknowledged when, and what follows each kind of trouble."""

import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from pydantic import SecretStr

import channels.telegram.bot_api  # noqa: F401 - aiogram takes seconds to import, and those are no test's
from channels.adapter import Misconfigured, Unavailable
from channels.message import Position
from channels.telegram import Adapter, Config
from channels.telegram.connection import Connection
from channels.telegram.courier import LONGEST, Courier
from channels.telegram.trouble import Undeliverable
from tests.channels.listening import NOW, Port, failure, listening
from tests.played import Fault
from tests.telegram import (
    BAD_GATEWAY,
    BLOCKED,
    CONFLICT,
    HOOKED,
    NAME,
    NOT_FOUND,
    SLOWER,
    TOKEN,
    UNKNOWN,
    Telegram,
)


class Store(Port):
    """The port of a bot. After a week of silence an era may follow another without a word."""

    def _check(self, before: Position | None, position: Position) -> None:
        if before is not None and before.era == position.era:
            super()._check(before, position)

    async def holding(self, count: int) -> None:
        """Return when so many updates are kept."""
        await self.until(lambda: len(self.kept) >= count)

    @property
    def last(self) -> Position:
        """How far the bot has come."""
        return self.reached["updates"]

    @property
    def texts(self) -> list[str]:
        return [orjson.loads(e.body)["message"]["text"] for e in self.kept.values()]


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with Telegram() as played:
        yield played


def bot(telegram: Telegram, **config: Any) -> Adapter:
    given = {"kind": "telegram", "token": TOKEN, "api_base": telegram.url, **config}
    return Adapter("bot", Config(**given), secret=b"k" * 32, language="ru")


async def fails(adapter: Adapter, store: Store | None = None) -> Exception:
    return await failure(adapter, store or Store(), TOKEN)


# --- polling ---


async def test_an_update_is_kept_as_it_came_and_acknowledged_after_its_commit(telegram: Telegram) -> None:
    store = Store()
    sent = await telegram.write(7, "Нужен цемент", something_new={"in": ["a", "later", "version"]})
    async with listening(bot(telegram), store):
        await store.holding(1)
        await telegram.until(lambda: not telegram.waiting)
    (kept,) = store.kept.values()
    assert orjson.loads(kept.body) == sent
    assert kept.received_at == NOW
    assert store.last == Position("updates", "1", sent["update_id"])
    offsets = [call.get("offset") for call in telegram.called("getUpdates")]
    assert offsets[:2] == [None, str(sent["update_id"] + 1)]
    asked = telegram.called("getUpdates")[0]
    assert set(asked["allowed_updates"]) >= {"message", "edited_message", "callback_query", "my_chat_member"}
    assert int(asked["timeout"]) >= 25


async def test_what_could_not_be_committed_is_never_acknowledged(telegram: Telegram) -> None:
    store = Store(refuse=[Unavailable("the store is away")])
    await telegram.write(7, "раз")
    adapter = bot(telegram)
    assert isinstance(await fails(adapter, store), Unavailable)
    assert len(telegram.waiting) == 1
    async with listening(adapter, store):
        await store.holding(1)
        await telegram.until(lambda: not telegram.waiting)
    assert store.texts == ["раз"]
    assert telegram.called("getUpdates")[1].get("offset") is None


async def test_a_batch_that_was_committed_and_not_acknowledged_is_known_again(telegram: Telegram) -> None:
    store = Store()
    for text in ("раз", "два"):
        await telegram.write(7, text)
    again = list(telegram.waiting)
    async with listening(bot(telegram), store):
        await telegram.until(lambda: not telegram.waiting)
    telegram.waiting = again
    await telegram.write(7, "три")
    async with listening(bot(telegram), store):
        await telegram.until(lambda: not telegram.waiting)
    assert store.texts == ["раз", "два", "три"]
    assert store.eras == []


async def test_numbers_that_start_anew_after_a_week_are_new_updates_in_a_new_era(telegram: Telegram) -> None:
    store = Store()
    await telegram.update(900_000_000, message=telegram.message(7, text="давно"))
    async with listening(bot(telegram), store):
        await telegram.until(lambda: not telegram.waiting)
    await telegram.update(5, message=telegram.message(7, text="через неделю"))
    async with listening(bot(telegram), store):
        await telegram.until(lambda: not telegram.waiting)
    # Higher numbers need no new era, and the same number with another message is another update.
    await telegram.update(900_000_000, message=telegram.message(7, text="ещё через две"))
    async with listening(bot(telegram), store):
        await telegram.until(lambda: not telegram.waiting)
    assert store.texts == ["давно", "через неделю", "ещё через две"]
    assert [era.era for era in store.eras] == ["2"]
    assert store.last == Position("updates", "2", 900_000_000)


async def test_after_an_hour_of_silence_nothing_is_hidden_by_an_old_offset(telegram: Telegram) -> None:
    store = Store()
    await telegram.write(7, "раз")
    async with listening(bot(telegram), store):
        await telegram.until(lambda: len(telegram.called("getUpdates")) == 2)
        await telegram.end_polls()
        await telegram.until(lambda: len(telegram.called("getUpdates")) == 3)
        store.moment += timedelta(hours=1)
        await telegram.end_polls()
        await telegram.until(lambda: len(telegram.called("getUpdates")) == 4)
    offsets = [call.get("offset") for call in telegram.called("getUpdates")]
    assert offsets == [None, offsets[1], offsets[1], None]


async def test_a_webhook_that_is_set_is_removed_without_losing_what_waits(telegram: Telegram) -> None:
    telegram.webhook = {"url": "https://old.example.com/hook"}
    await telegram.write(7, "раз")
    store = Store()
    async with listening(bot(telegram), store):
        await store.holding(1)
    assert telegram.webhook == {"url": ""}
    (removed,) = telegram.called("deleteWebhook")
    assert removed.get("drop_pending_updates") in {None, "false"}


@pytest.mark.parametrize("fault", [BAD_GATEWAY, "html", "reset"], ids=["502", "html", "reset"])
async def test_what_passes_is_tried_again(telegram: Telegram, fault: Fault) -> None:
    await telegram.write(7, "раз")
    telegram.faults["getUpdates"].append(fault)
    adapter, store = bot(telegram), Store()
    assert isinstance(await fails(adapter, store), Unavailable)
    async with listening(adapter, store):
        await store.holding(1)


async def test_telegram_says_how_long_to_wait(telegram: Telegram) -> None:
    telegram.faults["getUpdates"].append(SLOWER)
    error = await fails(bot(telegram))
    assert isinstance(error, Unavailable)
    assert error.again_in == 2.0


@pytest.mark.parametrize("fault", [UNKNOWN, NOT_FOUND], ids=["401", "404"])
async def test_a_token_that_nobody_knows_names_the_remedy(telegram: Telegram, fault: Fault) -> None:
    telegram.faults["deleteWebhook"].append(fault)
    error = await fails(bot(telegram))
    assert isinstance(error, Misconfigured)
    assert "@BotFather" in str(error)


@pytest.mark.parametrize(
    ("fault", "words"),
    [(CONFLICT, "another program polls this bot"), (HOOKED, "a webhook of another program is set")],
    ids=["poller", "webhook"],
)
async def test_who_else_takes_the_updates_is_named_when_it_goes_on(
    telegram: Telegram, fault: Fault, words: str
) -> None:
    adapter = bot(telegram)
    telegram.faults["getUpdates"] += [fault] * 3
    kinds = []
    for _ in range(3):
        error = await fails(adapter)
        assert words in str(error)
        kinds.append(type(error))
    assert issubclass(kinds[0], Unavailable)
    assert issubclass(kinds[1], Unavailable)
    assert kinds[2] is Misconfigured
    store = Store()
    await telegram.write(7, "раз")
    async with listening(adapter, store):
        await store.holding(1)


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    error = await fails(bot(Telegram(port=9)))
    assert isinstance(error, Unavailable)


# --- webhook ---


async def test_a_webhook_is_set_with_its_secret_and_looked_after(telegram: Telegram) -> None:
    store = Store()
    adapter = bot(telegram, mode="webhook", secret="s3cret")
    async with listening(adapter, store):
        await telegram.until(lambda: telegram.called("getWebhookInfo"))
        assert telegram.webhook["url"] == store.address
        assert telegram.webhook["secret_token"] == "s3cret"
        assert "callback_query" in telegram.webhook["allowed_updates"]


async def test_a_webhook_that_somebody_took_away_is_noticed(telegram: Telegram) -> None:
    adapter = bot(telegram, mode="webhook", secret="s3cret")
    elsewhere = {"url": "https://elsewhere.example.com", "has_custom_certificate": False, "pending_update_count": 0}
    telegram.faults["getWebhookInfo"].append({"ok": True, "result": elsewhere})
    assert "somebody else" in str(await fails(adapter))
    store = Store()
    async with listening(adapter, store):
        await telegram.until(lambda: telegram.webhook["url"] == store.address)


async def test_that_telegram_cannot_reach_us_is_said_in_its_own_words(telegram: Telegram) -> None:
    adapter = bot(telegram, mode="webhook", secret="s3cret")
    store = Store()
    ill = {
        "url": store.address,
        "has_custom_certificate": False,
        "pending_update_count": 3,
        "last_error_date": int(NOW.timestamp()) - 5,
        "last_error_message": "SSL error: certificate verify failed",
    }
    telegram.faults["getWebhookInfo"].append({"ok": True, "result": ill})
    assert "certificate verify failed" in str(await fails(adapter, store))


async def test_telegrams_own_server_calls_only_https_on_its_ports() -> None:
    adapter = Adapter(
        "bot",
        Config(kind="telegram", token=SecretStr(TOKEN), mode="webhook", secret=SecretStr("s3cret")),
        secret=b"",
        language="ru",
    )
    for address in ("http://leads.example.com/in/bot", "https://leads.example.com:8080/in/bot"):
        error = await fails(adapter, Store(address=address))
        assert isinstance(error, Misconfigured)
        assert "http.public_url" in str(error)


# --- the sending side ---


def courier(telegram: Telegram) -> Courier:
    return Courier(Connection(SecretStr(TOKEN), telegram.url))


async def test_a_message_goes_out_escaped_and_is_edited_in_place(telegram: Telegram) -> None:
    sending = courier(telegram)
    ref = await sending.post("7", "2 < 3 & <b>цемент</b>", [("Принять", "accept:1")], title="Новый <лид>")
    shown = telegram.messages["7", ref]
    assert shown.text == "<b>Новый &lt;лид&gt;</b>\n2 &lt; 3 &amp; &lt;b&gt;цемент&lt;/b&gt;"
    assert shown.buttons == [("Принять", "accept:1")]
    await sending.edit("7", ref, "взято")
    assert (shown.text, shown.buttons) == ("взято", [])
    await sending.edit("7", ref, "взято")
    assert shown.versions == 2


async def test_a_text_that_is_too_long_is_cut_and_never_within_a_character(telegram: Telegram) -> None:
    sending = courier(telegram)
    ref = await sending.post("7", "😀" * 5000, title="Заголовок")
    text = telegram.messages["7", ref].text
    assert text.endswith("😀…")
    assert LONGEST - 2 <= len(text.removeprefix("<b>").replace("</b>", "").encode("utf-16-le")) // 2 <= LONGEST + 1


async def test_who_blocked_the_bot_is_never_reached_and_others_are_later(telegram: Telegram) -> None:
    sending = courier(telegram)
    telegram.blocked.add("7")
    telegram.strangers.add("8")
    for chat in ("7", "8"):
        with pytest.raises(Undeliverable):
            await sending.post(chat, "лид")
    telegram.faults["sendMessage"] += [SLOWER, BAD_GATEWAY, "reset"]
    with pytest.raises(Unavailable) as slower:
        await sending.post("9", "лид")
    assert slower.value.again_in == 2.0
    for _ in range(2):
        with pytest.raises(Unavailable):
            await sending.post("9", "лид")
    assert await sending.post("9", "лид")
    with pytest.raises(Undeliverable):
        await sending.edit("9", "12345", "нет такого")


async def test_a_press_is_answered_once_and_too_late_is_no_trouble(telegram: Telegram) -> None:
    sending = courier(telegram)
    await sending.answer("press-1", "Лид ваш")
    await sending.answer("press-1", "Лид ваш")
    assert telegram.answers == {"press-1": "Лид ваш"}


async def test_the_bots_name_is_asked_for_once(telegram: Telegram) -> None:
    sending = courier(telegram)
    assert [await sending.name(), await sending.name()] == [NAME, NAME]
    assert len(telegram.called("getMe")) == 1


async def test_a_file_is_fetched_up_to_a_size(telegram: Telegram) -> None:
    telegram.files["f1"] = b"x" * 1000
    assert await courier(telegram).file("f1", 1000) == b"x" * 1000
    for name, most in (("f1", 999), ("gone", 1000)):
        with pytest.raises(Undeliverable):
            await courier(telegram).file(name, most)


async def test_faults_of_the_played_server_are_the_real_ones(telegram: Telegram) -> None:
    telegram.faults["sendMessage"].append(BLOCKED)
    with pytest.raises(Undeliverable, match="blocked by the user"):
        await courier(telegram).post("7", "лид")


def test_whoever_has_no_bot_pays_nothing_for_the_library() -> None:
    code = (
        "import sys; from channels.telegram import Adapter, Config\n"
        f"a = Adapter('bot', Config(kind='telegram', token='{TOKEN}'), secret=b'', language='ru')\n"
        "assert not [m for m in sys.modules if m.startswith('aiogram')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
