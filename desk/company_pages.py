"""A company's page, or a shared line's: its keys, who works there and all its leads; its name and its owner are given here.

For directors, and it works without a script.
"""

from typing import Final

from aiohttp import web

from desk.frame import Form, Frame, go, root
from desk.ports import Board, Office, Refused, Visitor
from desk.render import page

STILL: Final = "="
"""The choice of an owner who has left, and stays until another is chosen. No manager is called so."""


class CompanyPages:
    """Handlers of `/companies/{id}`."""

    def __init__(self, office: Office, board: Board, frame: Frame) -> None:
        self._office = office
        self._board = board
        self._frame = frame

    def routes(self) -> list[web.RouteDef]:
        """What an application serves of companies."""
        return [
            web.get("/companies/{id}", self._frame.for_directors(self._show)),
            web.post("/companies/{id}", self._frame.for_directors(self._describe)),
        ]

    async def _show(
        self, request: web.Request, visitor: Visitor, _: Form, refused: Refused | None = None
    ) -> web.StreamResponse:
        company = await self._office.people.company(request.match_info["id"])
        choices = await self._board.choices(self._frame.language(request))
        view = self._frame.view(request, visitor, choices, refused)
        status = 200 if refused is None else refused.status
        return page("company.html", view, status, company=company, choices=choices, still=STILL)

    async def _describe(self, request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        uid = request.match_info["id"]
        order = {"name": form.get("name", "").strip() or None}
        if form.get("owner") != STILL:
            order["owner"] = form.get("owner") or None
        try:
            await self._office.people.describe_company(uid, order, visitor.person)
        except Refused as refused:
            return await self._show(request, visitor, form, refused)
        return go(f"{root(request)}companies/{uid}")
