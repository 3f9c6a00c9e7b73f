"""The live page's questions over the store: whole screens in one reading, and reasons told in the reader's language."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from desk.ports import Json, Refused
from ingest.config.schema import Config
from ingest.explaining.sentences import TEXTS, say
from ingest.outgoing.texts import REASONS
from ingest.rules.rulebook import Rulebook, Rulebooks
from kernel.clock import Clock, iso
from kernel.texts import LANGUAGES, Language
from routing.distribute import Standing, find_obstacle_among
from routing.policy import Manager, Team
from storage import activities, board, lead_views, manager_views, rotation
from storage.names import Names
from storage.store import Away, Store

MOST_WAITING: Final = 100
MOST_OF_ONE: Final = 12
NOBODY: Final = "–"


class StoreBoard:
    """`desk.ports.Board` over the store. `config` gives the configuration in force, `channels` how the channels are."""

    def __init__(
        self,
        store: Store,
        names: Names,
        rulebooks: Rulebooks,
        clock: Clock,
        config: Callable[[], Config],
        channels: Callable[[str], Awaitable[Json]],
    ) -> None:
        self._store = store
        self._names = names
        self._rulebooks = rulebooks
        self._clock = clock
        self._config = config
        self._channels = channels

    async def board(self, only: str | None, language: str) -> Json:
        """The live page's facts as of one instant; a manager's own are fewer."""
        told = self._told(language)
        now = self._clock.now()
        channels: Sequence[Json] = [] if only else (await self._channels(told))["items"]
        try:
            return await self._store.read(lambda db: self._board(db, only, told, now, channels))
        except Away as error:
            raise Refused(503, "store_away", "the store cannot be reached; try again shortly") from error

    def _told(self, language: str) -> Language:
        return next((known for known in LANGUAGES if known == language), self._config().language)

    async def choices(self, language: str) -> Json:
        """What forms offer, and what reasons are called."""
        config, told = self._config(), self._told(language)
        return {
            "now": iso(self._clock.now()),
            "zone": config.timezone,
            "managers": {name: manager.name for name, manager in config.managers.items()},
            "people": config.titles(),
            "teams": list(config.teams),
            "why": {code: say("reason", code, told) for code in TEXTS["reason"]},
            "replies": {code: REASONS.say(code, told) for code in REASONS},
            "reasons": {state: list(reasons) for state, reasons in config.reasons.items()},
        }

    def _board(
        self, db: sa.Connection, only: str | None, language: Language, now: datetime, channels: Sequence[Json]
    ) -> Json:
        config = self._config()
        rulebook = self._rulebooks.current(db)
        zone = ZoneInfo(config.timezone)
        owner = None if only is None else self._names.managers.number(db, only)
        titles = {name: manager.title for name, manager in rulebook.policy.managers.items()}
        shown: Json = {
            "now": iso(now),
            "zone": config.timezone,
            "work": [
                {
                    "owner": (name := self._names.managers.name_or_none(db, load.owner)),
                    "title": titles.get(name or "", name),
                    "count": load.count,
                    "leads": load.leads,
                }
                for load in board.at_work(db, MOST_OF_ONE, owner)
            ],
            "teams": self._teams(db, rulebook, language, now, only),
        }
        if only is not None:
            return _with_to_do(db, shown)
        today = board.day(db, now.astimezone(zone).date().isoformat())
        shown |= {
            "waiting": [
                lead | {"why": say("reason", lead["reason"], language) if lead["reason"] else NOBODY}
                for lead in board.waiting(db, MOST_WAITING)
            ],
            "waiting_count": sum(count for _, _, count in lead_views.waiting_counts(db)),
            "channels": [one | {"today": today.get(one["name"], {}).get("received", 0)} for one in channels],
            "day": today,
        }
        return _with_to_do(db, shown)

    def _teams(
        self, db: sa.Connection, rulebook: Rulebook, language: Language, now: datetime, only: str | None
    ) -> list[Json]:
        """Each team with its managers, who is next first; whoever is in none stands apart. `only` one manager, once."""
        policy = rulebook.policy
        standings = rotation.standings(db, self._names, now, with_offers=True)
        turns = {row["name"]: row["turns"] for row in manager_views.manager_rows(db)}
        unanswered = board.unanswered(db)

        def shown(name: str, own: Sequence[Team]) -> Json:
            manager, standing = policy.managers.get(name), standings[name]
            limited = manager is not None and manager.offers is not None
            count = standing.offered if limited else unanswered.get(name, 0)
            return _manager(name, manager, standing, own, now, language) | {"unanswered": count}

        if only is not None:
            own = [team for team in policy.teams.values() if only in team.members]
            return [{"name": None, "managers": [shown(only, own)]}]
        teams = []
        for team in policy.teams.values():
            members = [shown(name, [team]) for name in team.members if name in standings]
            members.sort(key=lambda one: (not one["eligible"], turns.get(one["name"], {}).get(team.name, 0)))
            if members and members[0]["eligible"]:
                members[0]["next"] = True
            teams.append({"name": team.name, "managers": members})
        placed = {name for team in policy.teams.values() for name in team.members}
        apart = [shown(name, []) for name, standing in standings.items() if name not in placed and standing.open]
        return [*teams, {"name": None, "managers": apart}] if apart else teams


def _with_to_do(db: sa.Connection, shown: Json) -> Json:
    """The page with what is to be done about each lead on it, in one statement."""
    listed: list[Json] = [*shown.get("waiting", ()), *(lead for group in shown["work"] for lead in group["leads"])]
    todo = activities.open_of(db, {lead["id"] for lead in listed})
    for lead in listed:
        lead["to_do"] = todo.get(lead["id"], [])
    return shown


def _manager(
    name: str, manager: Manager | None, standing: Standing, own: Sequence[Team], now: datetime, language: Language
) -> Json:
    """One manager as he stands: load and limits, shift and when that changes, and in words what keeps leads from him."""
    why_not = find_obstacle_among(own, manager, standing, now)
    changes = None if manager is None else manager.hours.next_change(now, manager.zone)
    return {
        "name": name,
        "title": name if manager is None else manager.title,
        "available": standing.available,
        "on_shift": manager is not None and manager.hours.open_at(now, manager.zone),
        "shift_changes": None if changes is None else iso(changes),
        "eligible": why_not is None,
        "why_not": why_not,
        "why": None if why_not is None else say("obstacle", why_not, language),
        "open": standing.open,
        "capacity": None if manager is None else manager.capacity,
        "offers": None if manager is None else manager.offers,
        "next": False,
    }
