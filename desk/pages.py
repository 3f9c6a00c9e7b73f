"""The desk in a browser: the live page, a lead's card, the ledger, signing in and out. Forms work without a script.

Every page is made here from what `Board` and `Office` say. A form answers with a redirect, or with the page as it is now
and why nothing was done; the script of the page does no more than put the new page in the place of the old.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from aiohttp import web

from desk.access import Access, is_forged
from desk.api import ACTIONS, act, concern, switch
from desk.openapi import COOKIE
from desk.ports import Board, Json, Office, Refused, Visitor
from desk.render import View, page, static_answer
from desk.texts import TEXTS
from kernel.texts import LANGUAGES, Language, storable

LANGUAGE_COOKIE: Final = "priyom_language"
MAX_FORM: Final = 64 * 1024
LONGEST: Final = 500
NOT_FOUND: Final = 404
FIGURES: Final = ("received", "created", "attached", "handled", "ignored", "failed", "pending")
_ALWAYS: Final = frozenset({"received", "created", "attached"})
OPEN: Final = frozenset({"unprocessed", "assigned", "in_work"})
_YEAR: Final = 365 * 24 * 3600
_FOR_EVER: Final = {"Cache-Control": f"public, max-age={_YEAR}, immutable"}
_FOREIGN: Final = frozenset({"cross-site", "same-site"})

log = structlog.get_logger("priyom.desk")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Form = Mapping[str, str]
Show = Callable[[web.Request, Visitor, Form], Awaitable[web.StreamResponse]]


class Pages:
    """Handlers of all pages. `own_language` is the company's, for whoever has not chosen one."""

    def __init__(self, office: Office, board: Board, access: Access, own_language: Language) -> None:
        self._office = office
        self._board = board
        self._access = access
        self._own_language = own_language

    def routes(self) -> list[web.RouteDef]:
        """What an application serves of the desk."""
        return [
            web.get("/", self._signed_in(self._live)),
            web.get("/ledger", self._signed_in(self._ledger)),
            web.get("/leads/{id}", self._signed_in(self._card)),
            web.post("/", self._signed_in(self._switch)),
            web.post("/leads/{id}", self._signed_in(self._act)),
            web.post("/logout", self._signed_in(self._sign_out)),
            web.get("/login/{token}", self._guarded(self._door)),
            web.post("/login/{token}", self._guarded(self._enter)),
            web.get("/static/{name}", self._static),
        ]

    def _guarded(self, show: Handler) -> Handler:
        """Whatever happens, the answer is a page."""

        async def handle(request: web.Request) -> web.StreamResponse:
            chosen = request.query.get("lang")
            if chosen in LANGUAGES and request.method == "GET":
                return _with_language(request, chosen)
            response: web.StreamResponse
            try:
                response = await show(request)
            except Refused as refused:
                response = self._failed(request, refused)
            except Exception:
                log.exception("a page could not be made", action="desk.error", route=_route(request))
                response = self._failed(request, Refused(500, "internal", ""))
            return response

        return handle

    def _signed_in(self, show: Show) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            visitor = await self._access.visitor(request)
            if visitor is None:
                return page("enter.html", self._view(request, None), 401, guest=None, over=False)
            form: Form = {}
            if request.method == "POST":
                form = await _form(request)
                if is_forged(request, visitor, form.get("csrf", "")):
                    raise Refused(403, "forged", "")
            return await show(request, visitor, form)

        return self._guarded(handle)

    def _view(
        self, request: web.Request, visitor: Visitor | None, board: Json | None = None, refused: Refused | None = None
    ) -> View:
        language = self._language(request)
        now = datetime.fromisoformat(board["now"]) if board else datetime.now(UTC)
        zone = ZoneInfo(board["zone"]) if board else ZoneInfo("UTC")
        said = None if refused is None else _told(refused, language)
        return View(language, _root(request), visitor, now, zone, said, alarm=refused is not None)

    def _language(self, request: web.Request) -> Language:
        chosen = request.cookies.get(LANGUAGE_COOKIE)
        return next((known for known in LANGUAGES if known == chosen), self._own_language)

    # --- what is shown ---

    async def _live(
        self, request: web.Request, visitor: Visitor, _: Form, refused: Refused | None = None
    ) -> web.StreamResponse:
        board = await self._board.board(visitor.only, self._language(request))
        view = self._view(request, visitor, board, refused)
        counted = board.get("day", {}).values()
        figures = [name for name in FIGURES if name in _ALWAYS or any(day[name] for day in counted)]
        return page("live.html", view, 200 if refused is None else refused.status, board=board, figures=figures)

    async def _ledger(self, request: web.Request, visitor: Visitor, _: Form) -> web.StreamResponse:
        if visitor.only is not None:
            raise Refused(403, "for_directors", "")
        ledger = await self._office.ledger()
        return page("ledger.html", self._view(request, visitor), ledger=ledger, figures=(*FIGURES, "duplicates"))

    async def _card(
        self, request: web.Request, visitor: Visitor, _: Form, refused: Refused | None = None
    ) -> web.StreamResponse:
        uid = request.match_info["id"]
        await concern(self._office, uid, visitor)
        language = self._language(request)
        lead, told, choices = await asyncio.gather(
            self._office.lead(uid), self._office.explain(uid, language), self._board.choices(language)
        )
        view = self._view(request, visitor, choices, refused)
        facts = {"lead": lead, "sentences": told["sentences"], "choices": choices, "actions": _possible(lead, visitor)}
        return page("card.html", view, 200 if refused is None else refused.status, **facts)

    # --- what is done ---

    async def _act(self, request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        uid = request.match_info["id"]
        try:
            await act(self._office, uid, form.get("action", ""), _order(form), visitor)
        except Refused as refused:
            return await self._card(request, visitor, form, refused)
        if visitor.only is not None and not await self._office.concerns(uid, visitor.only):
            return _go(_root(request))
        return _go(f"{_root(request)}leads/{uid}")

    async def _switch(self, request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        try:
            await switch(self._office, form.get("manager", ""), visitor, available=form.get("available") == "yes")
        except Refused as refused:
            return await self._live(request, visitor, form, refused)
        return _go(_root(request))

    # --- coming and going ---

    async def _door(self, request: web.Request) -> web.StreamResponse:
        """Only a page with a button: programs that look into mails follow links, and must not use one up."""
        guest = await self._access.entrance.invited(request.match_info["token"])
        status = 200 if guest is not None else 410
        return page("enter.html", self._view(request, None), status, guest=guest, over=guest is None)

    async def _enter(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Sec-Fetch-Site") in _FOREIGN:
            raise Refused(403, "forged", "")
        cookie = await self._access.entrance.enter(request.match_info["token"])
        if cookie is None:
            return page("enter.html", self._view(request, None), 410, guest=None, over=True)
        response = _go(_root(request))
        self._access.sign_in(response, cookie)
        return response

    async def _sign_out(self, request: web.Request, _: Visitor, __: Form) -> web.StreamResponse:
        await self._access.entrance.leave(request.cookies.get(COOKIE, ""))
        response = _go(_root(request))
        self._access.sign_out(response)
        return response

    # --- the rest ---

    async def _static(self, request: web.Request) -> web.StreamResponse:
        try:
            return static_answer(request.match_info["name"], _FOR_EVER)
        except KeyError:
            return self._failed(request, Refused(404, "no_such_path", ""))

    def _failed(self, request: web.Request, refused: Refused) -> web.StreamResponse:
        return page(
            "failed.html", self._view(request, None, None, refused), refused.status, missing=refused.status == NOT_FOUND
        )


def _possible(lead: Json, visitor: Visitor) -> frozenset[str]:
    """What makes sense to do with a lead as it stands, of what the office can do."""
    state = lead["state"]
    if state not in OPEN:
        return frozenset({"reopen"} if state != "merged" else ())
    found = {"assign", "convert", "disqualify", "lose"}
    if state != "in_work" and (lead["owner"] is not None or visitor.only is not None):
        found |= {"accept", "decline"}
    return frozenset(found & ACTIONS.keys())


async def _form(request: web.Request) -> Mapping[str, str]:
    """The fields of a form, cut; files are none of ours."""
    try:
        posted = await request.clone(client_max_size=MAX_FORM).post()
    except (web.HTTPException, ValueError) as error:
        raise Refused(400, "unreadable", "the form cannot be read") from error
    return {name: storable(value[:LONGEST]) for name, value in posted.items() if isinstance(value, str)}


def _order(form: Mapping[str, str]) -> dict[str, Any]:
    """A form of the card as the API's order. `to` is `manager:NAME` or `team:NAME`."""
    kind, _, name = form.get("to", "").partition(":")
    version = form.get("version", "")
    order: dict[str, Any] = {
        "manager": None,
        "team": None,
        "reason": form.get("reason") or None,
        "version": int(version) if version.isascii() and version.isdecimal() and len(version) < 10 else None,  # noqa: PLR2004
    }
    if kind in {"manager", "team"} and name:
        order[kind] = name
    return order


def _told(refused: Refused, language: Language) -> str:
    code = f"refused_{refused.code}"
    return TEXTS.say(code, language) if code in TEXTS else TEXTS.say("refused", language, message=str(refused))


def _with_language(request: web.Request, chosen: str) -> web.Response:
    """The same page in another language, from now on."""
    response = _go(request.path.rpartition("/")[2] or "./")
    response.set_cookie(LANGUAGE_COOKIE, chosen, max_age=_YEAR, path="/", samesite="Lax", httponly=True)
    return response


def _root(request: web.Request) -> str:
    """From the address of a page to the desk's: one step up for each part but the last."""
    return "../" * (request.path.count("/") - 1) or "./"


def _go(where: str) -> web.Response:
    return web.Response(status=303, headers={"Location": where, "Cache-Control": "no-store"})


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical
