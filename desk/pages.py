"""The desk in a browser: the live page, a lead's card, the ledger, signing in and out. Forms work without a script.

Every page is made here from what `Board` and `Office` say. A form answers with a redirect, or with the page as it is now
and why nothing was done; the script of the page does no more than put the new page in the place of the old.
"""

import asyncio
from dataclasses import replace
from typing import Any, Final

from aiohttp import web

from desk.access import Access
from desk.company_pages import CompanyPages
from desk.contact_pages import ContactPages
from desk.frame import YEAR, Form, Frame, go, root
from desk.note_pages import NotePages
from desk.openapi import COOKIE
from desk.operations import ACTIONS, act, concern, finish, reply, switch
from desk.ports import Board, Json, Office, Refused, Visitor
from desk.render import page, static_answer
from kernel.texts import Language

FIGURES: Final = ("received", "created", "attached", "handled", "ignored", "failed", "pending")
OPEN: Final = frozenset({"unprocessed", "assigned", "in_work"})
_ALWAYS: Final = frozenset({"received", "created", "attached"})
_FOR_EVER: Final = {"Cache-Control": f"public, max-age={YEAR}, immutable"}
_FOREIGN: Final = frozenset({"cross-site", "same-site"})


class Pages:
    """Handlers of all pages. `own_language` is the company's, for whoever has not chosen one."""

    def __init__(self, office: Office, board: Board, access: Access, own_language: Language) -> None:
        self._office = office
        self._board = board
        self._access = access
        self._frame = Frame(access, own_language)

    def routes(self) -> list[web.RouteDef]:
        """What an application serves of the desk."""
        return [
            web.get("/", self._frame.signed_in(self._live)),
            web.get("/ledger", self._frame.for_directors(self._ledger)),
            web.get("/leads/{id}", self._frame.signed_in(self._card)),
            web.post("/", self._frame.signed_in(self._switch)),
            web.post("/leads/{id}", self._frame.signed_in(self._act)),
            web.post("/logout", self._frame.signed_in(self._sign_out)),
            web.get("/login/{token}", self._frame.guarded(self._door)),
            web.post("/login/{token}", self._frame.guarded(self._enter)),
            web.get("/static/{name}", self._static),
            *ContactPages(self._office, self._board, self._frame).routes(),
            *CompanyPages(self._office, self._board, self._frame).routes(),
            *NotePages(self._office, self._board, self._frame).routes(),
        ]

    # --- what is shown ---

    async def _live(
        self, request: web.Request, visitor: Visitor, _: Form, refused: Refused | None = None
    ) -> web.StreamResponse:
        board = await self._board.board(visitor.only, self._frame.language(request))
        view = self._frame.view(request, visitor, board, refused)
        counted = board.get("day", {}).values()
        figures = [name for name in FIGURES if name in _ALWAYS or any(day[name] for day in counted)]
        return page("live.html", view, 200 if refused is None else refused.status, board=board, figures=figures)

    async def _ledger(self, request: web.Request, visitor: Visitor, _: Form) -> web.StreamResponse:
        ledger = await self._office.journal.ledger()
        return page("ledger.html", self._frame.view(request, visitor), ledger=ledger, figures=(*FIGURES, "duplicates"))

    async def _card(
        self, request: web.Request, visitor: Visitor, form: Form, refused: Refused | None = None
    ) -> web.StreamResponse:
        uid = request.match_info["id"]
        await concern(self._office, uid, visitor)
        language = self._frame.language(request)
        lead, told, choices = await asyncio.gather(
            self._office.leads.lead(uid), self._office.leads.explain(uid, language), self._board.choices(language)
        )
        person = None
        if visitor.only is None and lead["contact"] is not None:
            person = await self._office.people.contact(lead["contact"]["id"], language)
        view = self._frame.view(request, visitor, choices, refused)
        if refused is not None and form.get("action") == "reply" and refused.code in choices["replies"]:
            view = replace(view, said=choices["replies"][refused.code])
        facts = {
            "lead": lead,
            "typed": "" if refused is None else form.get("text", ""),
            "sentences": told["sentences"],
            "choices": choices,
            "actions": _possible(lead, visitor),
            "person": person,
        }
        return page("card.html", view, 200 if refused is None else refused.status, **facts)

    # --- what is done ---

    async def _act(self, request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        uid = request.match_info["id"]
        action = form.get("action", "")
        try:
            if action == "reply":
                said = _said(form)
                # Sent twice by one click, or again by going back, it is the same; said anew, the lead has another version.
                key = f"desk:{visitor.person}:{form.get('version', '')}:{said['text']}"
                await reply(self._office, uid, said, key, visitor)
            elif action == "done":
                await finish(self._office, form.get("activity", ""), visitor)
            else:
                await act(self._office, uid, action, _order(form), visitor)
        except Refused as refused:
            return await self._card(request, visitor, form, refused)
        if visitor.only is not None and not await self._office.leads.concerns(uid, visitor.only):
            return go(root(request))
        return go(f"{root(request)}leads/{uid}")

    async def _switch(self, request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        try:
            await switch(self._office, form.get("manager", ""), visitor, available=form.get("available") == "yes")
        except Refused as refused:
            return await self._live(request, visitor, form, refused)
        return go(root(request))

    # --- coming and going ---

    async def _door(self, request: web.Request) -> web.StreamResponse:
        """Only a page with a button: programs that look into mails follow links, and must not use one up."""
        guest = await self._access.entrance.invited(request.match_info["token"])
        status = 200 if guest is not None else 410
        return page("enter.html", self._frame.view(request, None), status, guest=guest, over=guest is None)

    async def _enter(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Sec-Fetch-Site") in _FOREIGN:
            raise Refused(403, "forged", "")
        cookie = await self._access.entrance.enter(request.match_info["token"])
        if cookie is None:
            return page("enter.html", self._frame.view(request, None), 410, guest=None, over=True)
        response = go(root(request))
        self._access.sign_in(response, cookie)
        return response

    async def _sign_out(self, request: web.Request, _: Visitor, __: Form) -> web.StreamResponse:
        await self._access.entrance.leave(request.cookies.get(COOKIE, ""))
        response = go(root(request))
        self._access.sign_out(response)
        return response

    # --- the rest ---

    async def _static(self, request: web.Request) -> web.StreamResponse:
        try:
            return static_answer(request.match_info["name"], _FOR_EVER)
        except KeyError:
            return self._frame.failed(request, Refused(404, "no_such_path", ""))


def _possible(lead: Json, visitor: Visitor) -> frozenset[str]:
    """What makes sense to do with a lead as it stands, of what the office can do."""
    state = lead["state"]
    if state not in OPEN:
        return frozenset({"reopen"} if state != "merged" else ())
    # What is only offered to a manager, he has to take before he does anything else with it.
    is_his = visitor.only in {None, lead["owner"]}
    found = {"assign", "convert", "disqualify", "lose"} if is_his else set()
    if state != "in_work" and (lead["owner"] is not None or visitor.only is not None):
        found |= {"accept", "decline"}
    return frozenset(found & ACTIONS.keys())


def _said(form: Form) -> dict[str, Any]:
    """What is to be said to the client, in the line ends of everybody but a browser's form."""
    text = form.get("text", "").replace("\r\n", "\n")
    return {"text": text, "manager": None, "interaction": form.get("interaction") or None}


def _order(form: Form) -> dict[str, Any]:
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
