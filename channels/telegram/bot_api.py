"""The Bot API by aiogram: its methods, its errors as the three kinds of trouble. The only module that imports aiogram.

Importing aiogram takes three seconds and 130 MB, so nobody imports this module before there is something to say to Telegram:
`channels.telegram.connection` does, in a thread.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Final, TypeVar

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.methods import (
    AnswerCallbackQuery,
    DeleteWebhook,
    EditMessageText,
    GetFile,
    GetMe,
    GetWebhookInfo,
    SendMessage,
    SetWebhook,
    TelegramMethod,
)
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions, ReplyParameters, WebhookInfo
from aiohttp import ClientError, ClientSession

from channels.adapter import Misconfigured, Unavailable
from channels.telegram.trouble import Conflicting, TooLarge, Undeliverable

CALL_WITHIN: Final = 20
"""Seconds for any call but the long poll, which waits that much longer than the server does."""
POLL_MOST: Final = 100
"""Updates of one answer, the most that the Bot API gives."""

_NO_PREVIEW: Final = LinkPreviewOptions(is_disabled=True)
# https://core.telegram.org/bots/api#making-requests: the words of 400 are not promised, so only these are looked at.
_NOT_MODIFIED: Final = "message is not modified"
_TOO_OLD: Final = "query is too old"
_TOO_BIG: Final = "file is too big"

Keyboard = Sequence[tuple[str, str]]
R = TypeVar("R")


class _RawUpdates(TelegramMethod[list[dict[str, Any]]]):
    """getUpdates with each update as it came: aiogram's own type refuses all of an answer for one field that it cannot read."""

    __returning__ = list[dict[str, Any]]
    __api_method__: ClassVar[str] = "getUpdates"
    offset: int | None = None
    limit: int = POLL_MOST
    timeout: int
    allowed_updates: list[str]


class _Session(AiohttpSession):
    """aiogram's session, which would know a proxy only with another package, and sleeps when it is closed."""

    def __init__(self, api: TelegramAPIServer, proxy: str | None) -> None:
        super().__init__(api=api)
        self._through = proxy

    async def create_session(self) -> ClientSession:
        """The client session, made anew where there is none that is open."""
        if self._session is None or self._session.closed:
            self._session = ClientSession(connector=self._connector_type(**self._connector_init), proxy=self._through)
        return self._session

    async def close(self) -> None:
        """Let the connections go at once."""
        if self._session is not None and not self._session.closed:
            await self._session.close()


class BotApi:
    """The methods that we use. Raises Unavailable, Misconfigured, Conflicting and, where a chat is meant, Undeliverable."""

    def __init__(self, token: str, api_base: str | None, proxy: str | None) -> None:
        server = PRODUCTION if api_base is None else TelegramAPIServer.from_base(api_base)
        self._session = _Session(server, proxy)
        self._bot = Bot(token, session=self._session)

    async def close(self) -> None:
        """Let the connections go; the next call opens new ones."""
        await self._session.close()

    async def updates(self, offset: int | None, wait: int, wanted: Sequence[str]) -> list[dict[str, Any]]:
        """Up to a hundred updates from `offset` on, as soon as there is one or after `wait` seconds. Acknowledges all before it."""
        method = _RawUpdates(offset=offset, timeout=wait, allowed_updates=list(wanted))
        return await self._call(method, wait + CALL_WITHIN)

    async def name(self) -> str:
        """The bot's own user name, without the @."""
        return (await self._call(GetMe())).username or ""

    async def stop_webhook(self) -> None:
        """Have no webhook; what waits for delivery goes on waiting."""
        await self._call(DeleteWebhook(drop_pending_updates=False))

    async def set_webhook(self, url: str, secret: str, wanted: Sequence[str]) -> None:
        """Have updates sent to `url`."""
        await self._call(SetWebhook(url=url, secret_token=secret, allowed_updates=list(wanted)))

    async def webhook(self) -> WebhookInfo:
        """Where updates are sent to, and how that goes."""
        return await self._call(GetWebhookInfo())

    async def post(self, chat: str, text: str, keyboard: Keyboard) -> str:
        """Send a message of HTML with a button a line; its number in the chat."""
        method = SendMessage(
            chat_id=chat,
            text=text,
            parse_mode="HTML",
            link_preview_options=_NO_PREVIEW,
            reply_markup=_markup(keyboard) if keyboard else None,
        )
        return str((await self._call(method)).message_id)

    async def say(self, chat: str, text: str, answers: int | None, business: str | None) -> None:
        """Send a plain message. What it answers may have been deleted: then it stands alone."""
        quoted = None if answers is None else ReplyParameters(message_id=answers, allow_sending_without_reply=True)
        await self._call(
            SendMessage(
                chat_id=chat, text=text, business_connection_id=business, reply_parameters=quoted, parse_mode=None
            )
        )

    async def edit(self, chat: str, message: str, text: str, keyboard: Keyboard) -> None:
        """Let a message say something else. One that says so already is left as it is."""
        method = EditMessageText(
            chat_id=chat,
            message_id=int(message),
            text=text,
            parse_mode="HTML",
            link_preview_options=_NO_PREVIEW,
            reply_markup=_markup(keyboard),
        )
        try:
            await self._call(method)
        except Undeliverable as error:
            if not error.about(_NOT_MODIFIED):
                raise

    async def answer(self, query: str, text: str) -> None:
        """Show a few words to whoever pressed a button. Telegram takes them for a short while only."""
        try:
            await self._call(AnswerCallbackQuery(callback_query_id=query, text=text[:200]))
        except Undeliverable as error:
            if not error.about(_TOO_OLD):
                raise

    async def file(self, file_id: str, most: int) -> bytes:
        """A file's content. Raises Undeliverable for one that is gone, TooLarge for more than `most` bytes."""
        try:
            found = await self._call(GetFile(file_id=file_id))
        except Undeliverable as error:
            if error.about(_TOO_BIG):
                raise TooLarge(str(error)) from error
            raise
        if not found.file_path or (found.file_size or 0) > most:
            raise TooLarge("the file is too large")
        content = bytearray()
        try:
            async for chunk in self._session.stream_content(
                self._session.api.file_url(self._bot.token, found.file_path), timeout=CALL_WITHIN * 6
            ):
                content += chunk
                if len(content) > most:
                    raise TooLarge("the file is too large")
        except (ClientError, TimeoutError, OSError) as error:
            raise Unavailable(f"Telegram's files cannot be reached ({type(error).__name__})") from None
        return bytes(content)

    async def _call(self, method: TelegramMethod[R], within: int = CALL_WITHIN) -> R:
        """One call. Its errors never carry a library's text, which may hold the token in an address."""
        try:
            return await self._bot(method, request_timeout=within)
        except TelegramRetryAfter as error:
            raise Unavailable("Telegram asks us to slow down", again_in=float(error.retry_after)) from None
        except (TelegramUnauthorizedError, TelegramNotFound):
            raise Misconfigured(
                "Telegram does not know this token; take the bot's present one from @BotFather (/mybots, API Token)",
                "Telegram не знает этого токена; возьмите нынешний токен бота у @BotFather (/mybots, API Token)",
            ) from None
        except TelegramConflictError as error:
            raise Conflicting(by_webhook="webhook" in error.message) from None
        except (TelegramForbiddenError, TelegramBadRequest) as error:
            raise Undeliverable(_described(error)) from None
        except (TelegramNetworkError, TelegramServerError, ClientDecodeError, OSError) as error:
            cause = error.__cause__ or error
            raise Unavailable(f"Telegram cannot be reached ({type(cause).__name__})") from None
        except TelegramAPIError as error:
            raise Unavailable(f"Telegram answers with an error ({type(error).__name__})") from None


def _described(error: TelegramAPIError) -> str:
    """What Telegram has against a call, in its own words, which name no person."""
    return error.message


def _markup(keyboard: Keyboard) -> InlineKeyboardMarkup:
    rows = [[InlineKeyboardButton(text=text, callback_data=data)] for text, data in keyboard]
    return InlineKeyboardMarkup(inline_keyboard=rows)
