"""The pages of links in mails. Opening one does nothing, since scanners open links too; its form does."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from aiohttp import web

from desk.ports import Json, Links, Refused
from desk.render import View, page
from kernel.texts import Catalogue, Language

TEXTS: Final = Catalogue(
    {
        "accept": {"ru": "Взять лид в работу?", "en": "Accept the lead?"},
        "decline": {"ru": "Не можете взять лид?", "en": "Can’t take the lead?"},
        "away": {"ru": "Перестать получать новые лиды?", "en": "Stop getting new leads?"},
        "convert": {"ru": "Отметить успех?", "en": "Mark it as converted?"},
        "disqualify": {"ru": "Закрыть как нецелевой?", "en": "Close it as disqualified?"},
        "handover": {"ru": "Передать коллеге?", "en": "Hand it over?"},
        "do": {"ru": "Да", "en": "Yes"},
        "next": {"ru": "Что дальше?", "en": "What next?"},
        "nothing": {
            "ru": "С этим лидом сейчас ничего делать не нужно.",
            "en": "There is nothing to do about this lead now.",
        },
        "expired": {
            "ru": "Ссылка действует сутки, и её срок вышел.",
            "en": "A link is good for a day, and this one is older.",
        },
        "unknown": {"ru": "Такой ссылки нет.", "en": "There is no such link."},
        "again": {
            "ru": "Сейчас не получилось, попробуйте чуть позже.",
            "en": "That did not work just now, try again shortly.",
        },
    }
)
_TROUBLE: Final = {404: "unknown", 410: "expired"}

log = structlog.get_logger("priyom.desk")

Ask = Callable[[str], Awaitable[Json]]


class LinkPages:
    """Handlers of `/act/{token}`. The token proves whose it is, so no session is asked for."""

    def __init__(self, links: Links, own_language: Language) -> None:
        self._links = links
        self._own_language = own_language

    def routes(self) -> list[web.RouteDef]:
        """What an application serves of links."""
        return [
            web.get("/act/{token}", lambda request: self._page(request, self._links.linked)),
            web.post("/act/{token}", lambda request: self._page(request, self._links.press)),
        ]

    async def _page(self, request: web.Request, ask: Ask) -> web.StreamResponse:
        status = 200
        try:
            shown = await ask(request.match_info["token"])
        except Refused as refused:
            status = refused.status
            shown = _nothing(self._own_language, TEXTS.say(_TROUBLE.get(status, "again"), self._own_language))
        except Exception:
            log.exception("a link could not be followed", action="desk.error", route="/act/{token}")
            status = 500
            shown = _nothing(self._own_language, TEXTS.say("again", self._own_language))
        language: Language = shown["language"]
        view = View(language, "../", None, datetime.now(UTC), ZoneInfo("UTC"))
        words = {name: TEXTS.say(name, language) for name in ("do", "next", "nothing")}
        question = TEXTS.say(shown["asks"], language) if shown["asks"] else None
        return page("act.html", view, status, shown=shown, words=words, question=question)


def _nothing(language: Language, told: str) -> Json:
    return {"language": language, "title": None, "asks": None, "told": told, "choices": []}
