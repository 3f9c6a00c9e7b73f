"""What the links in mails lead to: a page that says what a link does, and the deed once its form is sent."""

from collections.abc import Callable
from functools import partial

import sqlalchemy as sa

from desk.ports import Json, Refused
from ingest.notices.choices import Choice, read
from ingest.notices.links import Expired, Forged, Linked, Links
from ingest.notices.people import People
from ingest.reactions.presses import Presses
from kernel.clock import Clock
from storage import handling, lead_views, messages
from storage.names import Names
from storage.store import Away, Conflict, Store

_TRIES = 5


class StoreLinks:
    """`desk.ports.Links` over the store. A press does what a button of a messenger does."""

    def __init__(
        self,
        store: Store,
        names: Names,
        presses: Presses,
        people: People,
        links: Links,
        clock: Clock,
        on_change: Callable[[], None],
    ) -> None:
        self._store = store
        self._names = names
        self._presses = presses
        self._people = people
        self._links = links
        self._clock = clock
        self._on_change = on_change

    async def linked(self, token: str) -> Json:
        """What a link would do, or the choices that it leads to; nothing is done."""
        linked = self._read(token)
        try:
            return await self._store.read(lambda db: self._shown(db, linked, None))
        except Away as error:
            raise _away() from error

    async def press(self, token: str) -> Json:
        """Do what a link says, once however often it is sent; what came of it, and what can be done next."""
        linked = self._read(token)

        def unit(db: sa.Connection) -> Json:
            told = self._presses.choose(db, linked.person, linked.data, self._clock.now(), linked.offer)
            return self._shown(db, linked, told)

        for _ in range(_TRIES):
            try:
                shown = await self._store.run(unit)
            except Conflict:
                continue
            except Away as error:
                raise _away() from error
            self._on_change()
            return shown
        raise Refused(503, "busy", "others kept changing the same rows; try again")

    def _read(self, token: str) -> Linked:
        try:
            linked = self._links.read(token, self._clock.now())
        except Forged as error:
            raise _nothing() from error
        except Expired as error:
            raise Refused(410, "expired", "the link is older than a day") from error
        # Who has left has links for a day still, and each page would give him younger ones.
        if not self._people.knows(linked.person):
            raise _nothing()
        return linked

    def _shown(self, db: sa.Connection, linked: Linked, told: str | None) -> Json:
        """The page of a link: `told` once it was sent, the choices where it leads to some or something is done."""
        choice = read(linked.data)
        language = self._people.language(linked.person)
        number = None if choice is None or choice.lead is None else lead_views.lead_number(db, choice.lead)
        shown: Json = {"language": language, "title": None, "asks": None, "told": told, "choices": []}
        if choice is None:
            return shown
        if number is None:
            return shown | {"asks": None if told else choice.action}
        lead = lead_views.for_notices(db, [number])[number][0]
        shown["title"] = lead["title"]
        if told is None and choice.action != "view":
            return shown | {"asks": choice.action}
        return shown | {"choices": self._choices(db, linked, choice, lead, number)}

    def _choices(self, db: sa.Connection, linked: Linked, choice: Choice, lead: Json, number: int) -> list[Json]:
        view = choice.argument if choice.action == "view" else ""
        offered = bool(messages.offered(db, self._names, {(number, linked.person)}))
        named = partial(self._names.managers.number, db)
        buttons = self._people.choices(linked.person).of(lead, linked.person, view, named, offered=offered)
        offer = handling.open_offer(db, self._names, number, linked.person)
        now = self._clock.now()
        return [
            {"text": button.text, "token": self._links.token(Linked(linked.person, button.data, offer), now)}
            for button in buttons
        ]


def _nothing() -> Refused:
    return Refused(404, "no_such_path", "there is nothing at this address")


def _away() -> Refused:
    return Refused(503, "store_away", "the store cannot be reached; try again shortly")
