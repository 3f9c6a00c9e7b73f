"""Taking an approach down by hand: whom it may be from is shown first, then it is written and its lead opens.

For directors, and it works without a script. The form carries the name of the approach, so one that is sent twice is one.
"""

from typing import Any, Final

from aiohttp import web

from desk.frame import Form, Frame, go, root
from desk.ports import Board, Json, Office, Refused, Visitor
from desk.render import page
from kernel.ids import is_uuid, uuid7

FIELDS: Final = ("name", "phone", "email", "text", "company", "city", "source")
CHOSEN: Final = ("team", "manager", "channel")
NEW: Final = "new"
BY_KEYS: Final = ""


class NotePages:
    """Handlers of `/new`."""

    def __init__(self, office: Office, board: Board, frame: Frame) -> None:
        self._office = office
        self._board = board
        self._frame = frame

    def routes(self) -> list[web.RouteDef]:
        """What an application serves of approaches that are taken down."""
        return [
            web.get("/new", self._frame.for_directors(self._show)),
            web.post("/new", self._frame.for_directors(self._note)),
        ]

    async def _show(
        self,
        request: web.Request,
        visitor: Visitor,
        form: Form,
        refused: Refused | None = None,
        trial: Json | None = None,
    ) -> web.StreamResponse:
        choices = await self._board.choices(self._frame.language(request))
        view = self._frame.view(request, visitor, choices, refused)
        key = form.get("key", "")
        facts: dict[str, Any] = {
            "given": form,
            "key": key if is_uuid(key) else uuid7(),
            "trial": trial,
            "channels": [one["name"] for one in (await self._office.running.channels())["items"]],
        }
        return page("note.html", view, 200 if refused is None else refused.status, choices=choices, **facts)

    async def _note(self, request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        is_seen = form.get("action") == "write"
        key = form.get("key", "")
        try:
            order = _order(form) | {"preview": not is_seen}
            shown = await self._office.approaches.take_down(order, key if is_uuid(key) else None, visitor.person)
        except Refused as refused:
            told = Refused(refused.status, "nothing_said", str(refused)) if refused.code == "incomplete" else refused
            return await self._show(request, visitor, form, told)
        if is_seen:
            return go(f"{root(request)}leads/{shown['id']}")
        return await self._show(request, visitor, form, trial=shown)


def _order(form: Form) -> Json:
    """A form as the API's order. Its `contact` is an id, `new`, or empty: whoever the keys say."""
    order: Json = {name: form.get(name, "").strip() or None for name in (*FIELDS, *CHOSEN)}
    who = form.get("contact", BY_KEYS)
    return order | {"new": who == NEW, "contact": who if who not in {NEW, BY_KEYS} else None}
