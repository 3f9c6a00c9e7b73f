"""What all pages share: whoever asks is known, every failure is a page, and a form that another site sent does nothing."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

import structlog
from aiohttp import web
from multidict import MultiDict, MultiMapping

from desk.access import Access, is_forged
from desk.ports import Json, Refused, Visitor
from desk.render import View, page
from desk.texts import TEXTS
from kernel.texts import LANGUAGES, Language, storable

LANGUAGE_COOKIE: Final = "priyom_language"
PASSAGE: Final = "text"
"""The field that is as long as a form may be: nobody is to be sent half of what was written to him."""
MAX_FORM: Final = 128 * 1024
"""Bytes: a letter beyond Latin and Cyrillic is nine of them in a form."""
LONGEST: Final = 500
NOT_FOUND: Final = 404
YEAR: Final = 365 * 24 * 3600

log = structlog.get_logger("priyom.desk")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Form = MultiMapping[str]
Show = Callable[[web.Request, Visitor, Form], Awaitable[web.StreamResponse]]


class Frame:
    """Makes handlers of what shows a page. `own_language` is the company's, for whoever has not chosen one."""

    def __init__(self, access: Access, own_language: Language) -> None:
        self.access = access
        self._own_language = own_language

    def guarded(self, show: Handler) -> Handler:
        """Whatever happens, the answer is a page."""

        async def handle(request: web.Request) -> web.StreamResponse:
            chosen = request.query.get("lang")
            if chosen in LANGUAGES and request.method == "GET":
                return _with_language(request, chosen)
            try:
                return await show(request)
            except Refused as refused:
                return self.failed(request, refused)
            except Exception:
                # The route and not the address: that one holds ids, and the token of a link.
                log.exception("a page could not be made", action="desk.error", route=_route(request))
                return self.failed(request, Refused(500, "internal", ""))

        return handle

    def signed_in(self, show: Show) -> Handler:
        """For people with a session; whoever has none is told how to get one."""

        async def handle(request: web.Request) -> web.StreamResponse:
            visitor = await self.access.visitor(request)
            if visitor is None:
                return page("enter.html", self.view(request, None), 401, guest=None, over=False)
            form: Form = MultiDict()
            if request.method == "POST":
                form = await _form(request)
                if is_forged(request, visitor, form.get("csrf", "")):
                    raise Refused(403, "forged", "")
            return await show(request, visitor, form)

        return self.guarded(handle)

    def for_directors(self, show: Show) -> Handler:
        """For those who see everything."""

        async def handle(request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
            if visitor.only is not None:
                raise Refused(403, "for_directors", "")
            return await show(request, visitor, form)

        return self.signed_in(handle)

    def view(
        self, request: web.Request, visitor: Visitor | None, facts: Json | None = None, refused: Refused | None = None
    ) -> View:
        """For whom a page is made. `facts` have the daemon's time and the company's zone, as `now` and `zone`."""
        language = self.language(request)
        now = datetime.fromisoformat(facts["now"]) if facts else datetime.now(UTC)
        zone = ZoneInfo(facts["zone"]) if facts else ZoneInfo("UTC")
        said = None if refused is None else _told(refused, language)
        return View(language, root(request), visitor, now, zone, said, alarm=refused is not None)

    def language(self, request: web.Request) -> Language:
        """The reader's."""
        chosen = request.cookies.get(LANGUAGE_COOKIE)
        return next((known for known in LANGUAGES if known == chosen), self._own_language)

    def failed(self, request: web.Request, refused: Refused) -> web.StreamResponse:
        """A page that says what the matter is."""
        view = self.view(request, None, None, refused)
        return page("failed.html", view, refused.status, missing=refused.status == NOT_FOUND)


def root(request: web.Request) -> str:
    """From the address of a page to the desk's: one step up for each part but the last."""
    return "../" * (request.path.count("/") - 1) or "./"


def go(where: str) -> web.Response:
    """See there."""
    return web.Response(status=303, headers={"Location": where, "Cache-Control": "no-store"})


async def _form(request: web.Request) -> Form:
    """The fields of a form, cut; files are none of ours."""
    try:
        posted = await request.clone(client_max_size=MAX_FORM).post()
    except (web.HTTPException, ValueError) as error:
        raise Refused(400, "unreadable", "the form cannot be read") from error
    return MultiDict(
        (name, storable(value if name == PASSAGE else value[:LONGEST]))
        for name, value in posted.items()
        if isinstance(value, str)
    )


def _told(refused: Refused, language: Language) -> str:
    code = f"refused_{refused.code}"
    return TEXTS.say(code, language) if code in TEXTS else TEXTS.say("refused", language, message=str(refused))


def _with_language(request: web.Request, chosen: str) -> web.Response:
    """The same page in another language, from now on."""
    # Quoted, and from here: a name with a colon or backslashes would lead to somebody else's site.
    response = go(f"./{quote(request.path.rpartition('/')[2], safe='')}")
    response.set_cookie(LANGUAGE_COOKIE, chosen, max_age=YEAR, path="/", samesite="Lax", httponly=True)
    return response


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical
