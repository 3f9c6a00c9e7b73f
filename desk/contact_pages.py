"""A contact's page: all that is known of one person, and what a person may judge about who is who.

A merge is looked at before it is made, and every merge can be undone. The page is for directors and works without a script.
"""

from typing import Final

from aiohttp import web

from desk.frame import Form, Frame, go, root
from desk.ports import Board, Json, Office, Refused, Visitor
from desk.render import page
from kernel.texts import storable

FOUND: Final = 10
VERDICTS: Final = frozenset({"join", "apart", "dismiss"})
_DIGITS_OF_A_PHONE: Final = 7


class ContactPages:
    """Handlers of `/contacts/{id}`."""

    def __init__(self, office: Office, board: Board, frame: Frame) -> None:
        self._office = office
        self._board = board
        self._frame = frame

    def routes(self) -> list[web.RouteDef]:
        """What an application serves of contacts."""
        return [
            web.get("/contacts/{id}", self._frame.for_directors(self._show)),
            web.post("/contacts/{id}", self._frame.for_directors(self._order)),
        ]

    async def _show(
        self, request: web.Request, visitor: Visitor, _: Form, refused: Refused | None = None
    ) -> web.StreamResponse:
        language = self._frame.language(request)
        contact = await self._office.people.contact(request.match_info["id"], language)
        wanted, other = storable(request.query.get("q", "")).strip(), request.query.get("with")
        found = [one for one in await self._found(wanted) if one["id"] != contact["id"]] if wanted else None
        preview = None
        if other:
            shown = await self._office.people.merge(contact["id"], other, preview=True, actor=visitor.person)
            preview = shown["preview"]
        choices = await self._board.choices(language)
        view = self._frame.view(request, visitor, choices, refused)
        facts = {"person": contact, "found": found, "wanted": wanted, "other": other, "preview": preview}
        return page("contact.html", view, 200 if refused is None else refused.status, choices=choices, **facts)

    async def _found(self, text: str) -> list[Json]:
        """Contacts by a key as people write it, else by a part of name or key."""
        key = None
        if "@" in text:
            key = f"email:{text}"
        elif sum(letter.isdigit() for letter in text) >= _DIGITS_OF_A_PHONE:
            key = f"phone:{text}"
        items: list[Json] = (await self._office.people.contacts(key, None, FOUND, None))["items"] if key else []
        if not items:
            items = (await self._office.people.contacts(None, text, FOUND, None))["items"]
        return items

    async def _order(self, request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        uid = request.match_info["id"]
        try:
            await self._do(uid, form, visitor, self._frame.language(request))
        except Refused as refused:
            return await self._show(request, visitor, form, refused)
        return go(f"{root(request)}contacts/{uid}")

    async def _do(self, uid: str, form: Form, visitor: Visitor, language: str) -> None:
        action = form.get("action", "")
        people, actor = self._office.people, visitor.person
        if action == "merge":
            await people.merge(uid, form.get("absorb", ""), preview=False, actor=actor)
        elif action == "undo":
            await people.undo(form.get("merge", ""), actor)
        elif action == "split":
            await people.split(uid, form.getall("key", []), form.getall("interaction", []), actor)
        elif action in VERDICTS:
            await people.judge(form.get("suggestion", ""), action, language, actor)
        else:
            raise Refused(404, "no_such_action", f"there is no action {action!r}")
