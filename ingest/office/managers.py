"""The desk's questions about managers, and the orders about them, over the store."""

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

from desk.ports import Json, Refused
from ingest.bells import Bells
from ingest.office.changes import Changes
from ingest.reactions.invitations import Named, invite
from ingest.rules.rulebook import Rulebooks
from ingest.turns.hand import Hand
from ingest.units import Units
from kernel.clock import Clock
from routing.distribute import find_obstacle_among
from storage import manager_views, rotation
from storage.names import Names
from storage.store import Away, Store


class StoreManagers:
    """`desk.ports.Managers` over the store of this process. `bot` is the one that tells managers, None where none does."""

    def __init__(
        self,
        store: Store,
        units: Units,
        names: Names,
        rulebooks: Rulebooks,
        hand: Hand,
        clock: Clock,
        bells: Bells,
        changes: Changes,
        bot: Callable[[], Named | None],
    ) -> None:
        self._store = store
        self._units = units
        self._names = names
        self._rulebooks = rulebooks
        self._hand = hand
        self._clock = clock
        self._bells = bells
        self._changes = changes
        self._bot = bot

    async def all(self) -> Json:
        """Every manager and how he stands now."""
        now = self._clock.now()
        shown = await self._units.read(lambda db: self._all(db, now))
        return {"items": shown, "next": None}

    def _all(self, db: sa.Connection, now: datetime) -> list[Json]:
        policy = self._rulebooks.current(db).policy
        standings = rotation.standings(db, self._names, now, with_offers=True)
        shown = []
        for row in manager_views.manager_rows(db):
            manager = policy.managers.get(row["name"])
            standing = standings.get(row["name"])
            own = [team for team in policy.teams.values() if row["name"] in team.members]
            why_not = find_obstacle_among(own, manager, standing, now)
            shown.append(
                row
                | {
                    "title": None if manager is None else manager.title,
                    "capacity": None if manager is None else manager.capacity,
                    "offered": 0 if standing is None else standing.offered,
                    "offers": None if manager is None else manager.offers,
                    "teams": [team.name for team in own],
                    "on_shift": manager is not None and manager.hours.open_at(now, manager.zone),
                    "eligible": why_not is None,
                    "why_not": why_not,
                }
            )
        return shown

    async def set_available(self, manager: str, *, available: bool, actor: str) -> Json:
        """The availability switch; when it goes on, waiting leads go out in the same transaction."""
        now = self._clock.now()

        def unit(db: sa.Connection) -> Json:
            self._hand.set_available(db, manager, available=available, actor=actor, now=now)
            return next(row for row in self._all(db, now) if row["name"] == manager)

        shown: Json = await self._units.run(unit)
        self._bells.turn()
        self._changes.publish("manager", manager, shown["version"])
        return shown

    async def hand_over(self, manager: str, to: str | None, actor: str) -> Json:
        """All open leads of a manager go to another, or to whoever has the turn."""
        now = self._clock.now()
        count: int = await self._units.run(lambda db: self._hand.hand_over(db, manager, to, actor, now))
        self._bells.turn()
        self._changes.publish("leads")
        return {"manager": manager, "to": to, "leads": count}

    async def invite(self, manager: str) -> Json:
        """A link by which a manager's Telegram account becomes the way to him."""
        try:
            return dict(await invite(self._store, self._rulebooks, self._bot(), manager, self._clock.now()))
        except Away as error:
            raise Refused(503, "store_away", "the store cannot be reached; try again shortly") from error
