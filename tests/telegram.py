"""A played Telegram: the Bot API's wire format on loopback, with the people who write to its one bot, and with its faults."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import orjson
from aiohttp import web

from tests.played import Json, PlayedServer

TOKEN: Final = "1234567:AAplayed-token"
NAME: Final = "played_bot"
DATE: Final = 1_780_000_000


def refusal(code: int, description: str, **parameters: int) -> Json:
    """The answer to a call that fails."""
    return {"ok": False, "error_code": code, "description": description, "parameters": parameters}


CONFLICT: Final = refusal(409, "Conflict: terminated by other getUpdates request; make sure that only one bot runs")
HOOKED: Final = refusal(409, "Conflict: can't use getUpdates method while webhook is active")
SLOWER: Final = refusal(429, "Too Many Requests: retry after 2", retry_after=2)
UNKNOWN: Final = refusal(401, "Unauthorized")
NOT_FOUND: Final = refusal(404, "Not Found")
BAD_GATEWAY: Final = refusal(502, "Bad Gateway")
BLOCKED: Final = refusal(403, "Forbidden: bot was blocked by the user")
STRANGER: Final = refusal(400, "Bad Request: chat not found")


@dataclass
class Shown:
    """A message as a chat shows it now."""

    text: str
    buttons: list[tuple[str, str]]
    answers: int | None = None
    business: str | None = None
    versions: int = 1

    def data(self, start: str) -> str:
        """The data of the first button whose data begins so."""
        return next(data for _, data in self.buttons if data.startswith(start))


@dataclass
class Telegram(PlayedServer):
    """A bot's side of it, with the chats of all who write to it."""

    messages: dict[tuple[str, str], Shown] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    blocked: set[str] = field(default_factory=set)
    strangers: set[str] = field(default_factory=set)
    waiting: list[Json] = field(default_factory=list)
    webhook: Json = field(default_factory=lambda: {"url": ""})
    token: str = TOKEN

    def __post_init__(self) -> None:
        super().__post_init__()
        self._numbers = itertools.count(100)
        self._messages = itertools.count(1)

    def routes(self) -> Iterable[web.RouteDef]:
        """Methods and files."""
        return web.post("/bot{token}/{method}", self._called), web.get("/file/bot{token}/{path}", self._file)

    def refused(self, fault: Json) -> web.Response:
        """With its code as the status."""
        return _answer(fault)

    # --- what people do ---

    async def update(self, number: int | None = None, **said: Any) -> Json:
        """Something happens; the update about it waits."""
        made = {"update_id": next(self._numbers) if number is None else number, **said}
        self.waiting.append(made)
        await self._notify()
        return made

    async def write(self, user: int, text: str, **more: Any) -> Json:
        """Somebody writes to the bot."""
        return await self.update(message=self.message(user, text=text, **more))

    def message(self, user: int, **content: Any) -> Json:
        """A message of somebody."""
        number = next(self._messages)
        person = {"id": user, "is_bot": False, "first_name": f"Клиент {user}", "language_code": "ru"}
        chat = {"id": user, "type": "private", "first_name": person["first_name"]}
        return {"message_id": number, "date": DATE + number, "from": person, "chat": chat, **content}

    async def press(self, user: int, message: str, data: str) -> str:
        """Somebody presses a button; the number of the press, by which it is answered."""
        query = f"press-{next(self._messages)}"
        shown = {"message_id": int(message), "date": DATE, "chat": {"id": user, "type": "private"}}
        person = {"id": user, "is_bot": False, "first_name": "Кто-то"}
        await self.update(callback_query={"id": query, "from": person, "message": shown, "data": data})
        return query

    async def deliver(self, update: Json, **headers: str) -> int:
        """Call the webhook; what it answers."""
        secret = {"X-Telegram-Bot-Api-Secret-Token": str(self.webhook.get("secret_token", ""))}
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.webhook["url"], data=orjson.dumps(update), headers=secret | headers) as response,
        ):
            return response.status

    # --- what is seen ---

    def of_chat(self, chat: int) -> list[tuple[str, Shown]]:
        """The messages in a chat, oldest first."""
        return [(number, shown) for (where, number), shown in self.messages.items() if where == str(chat)]

    # --- what the bot says ---

    async def _called(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        given = {name: _read(str(value)) for name, value in (await request.post()).items()}
        fault = await self._note(method, given)
        if request.match_info["token"] != self.token:
            return _answer(UNKNOWN)
        if fault is not None:
            return await self._fail(request, fault)
        result = await getattr(self, f"_{method}")(given)
        await self._notify()
        return _answer(result if isinstance(result, dict) and "ok" in result else {"ok": True, "result": result})

    async def _getMe(self, _: Json) -> Json:  # noqa: N802 - the Bot API's names, here and below
        return {"id": int(TOKEN.partition(":")[0]), "is_bot": True, "first_name": "Played", "username": NAME}

    async def _getUpdates(self, given: Json) -> list[Json] | Json:  # noqa: N802
        if self.webhook["url"]:
            return HOOKED
        offset = int(given.get("offset") or 0)
        if offset:
            self.waiting = [update for update in self.waiting if update["update_id"] >= offset]
        await self._poll(int(given["timeout"]), lambda: self.waiting)
        return self.waiting[: int(given.get("limit", 100))]

    async def _deleteWebhook(self, _: Json) -> bool:  # noqa: N802
        self.webhook = {"url": ""}
        return True

    async def _setWebhook(self, given: Json) -> bool:  # noqa: N802
        self.webhook = given
        return True

    async def _getWebhookInfo(self, _: Json) -> Json:  # noqa: N802
        known = {name: value for name, value in self.webhook.items() if name != "secret_token"}
        return {"has_custom_certificate": False, "pending_update_count": len(self.waiting), **known}

    async def _sendMessage(self, given: Json) -> Json:  # noqa: N802
        chat = str(given["chat_id"])
        if chat in self.blocked:
            return BLOCKED
        if chat in self.strangers:
            return STRANGER
        number = next(self._messages)
        quoted = given.get("reply_parameters") or {}
        self.messages[chat, str(number)] = Shown(
            given["text"], _buttons(given), quoted.get("message_id"), given.get("business_connection_id")
        )
        return {"message_id": number, "date": DATE, "chat": {"id": int(chat), "type": "private"}, "text": given["text"]}

    async def _editMessageText(self, given: Json) -> Json:  # noqa: N802
        shown = self.messages.get((str(given["chat_id"]), str(given["message_id"])))
        if shown is None:
            return refusal(400, "Bad Request: message to edit not found")
        if (shown.text, shown.buttons) == (given["text"], _buttons(given)):
            return refusal(400, "Bad Request: message is not modified: specified new message content is the same")
        shown.text, shown.buttons, shown.versions = given["text"], _buttons(given), shown.versions + 1
        chat = {"id": int(given["chat_id"]), "type": "private"}
        return {"message_id": int(given["message_id"]), "date": DATE, "chat": chat, "text": given["text"]}

    async def _answerCallbackQuery(self, given: Json) -> bool | Json:  # noqa: N802
        query = str(given["callback_query_id"])
        if query in self.answers:
            return refusal(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        self.answers[query] = given.get("text", "")
        return True

    async def _getFile(self, given: Json) -> Json:  # noqa: N802
        name = given["file_id"]
        if name not in self.files:
            return refusal(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        return {"file_id": name, "file_unique_id": name, "file_path": name, "file_size": len(self.files[name])}

    async def _file(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=self.files[request.match_info["path"]])


def _answer(said: Json) -> web.Response:
    return web.json_response(said, status=200 if said["ok"] else said["error_code"])


def _read(text: str) -> Any:
    """Nested values come as JSON; texts are not quoted."""
    return orjson.loads(text) if text[:1] in {"{", "["} else text


def _buttons(given: Json) -> list[tuple[str, str]]:
    rows = (given.get("reply_markup") or {}).get("inline_keyboard", [])
    return [(button["text"], button["callback_data"]) for row in rows for button in row]
