"""A company whose leads are offers, its hand and its ticker, over a store and with a clock that is a plain variable."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson

from ingest.turns.hand import Hand
from ingest.turns.overdue import Overdue, next_due
from storage.schema import managers, offers, outbox
from storage.store import Store
from tests.ingest.parts import NOW, Parts, company, manager, wire

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
STAFF = ("anna", "boris", "vera")


def offering(staff: Mapping[str, dict[str, Any]] | None = None, **of_team: Any) -> dict[str, Any]:
    """A revision document: one team with three minutes to accept, irina its head, oleg a director."""
    people = dict(staff or {name: manager() for name in STAFF})
    team = {
        "managers": list(people),
        "strategy": "round_robin",
        "respond_within": None,
        "sticky": None,
        "accept_within": "3m",
        "head": "irina",
        **of_team,
    }
    directors = {"irina": {"name": "Ирина"}, "oleg": {"name": "Олег"}}
    return company(managers=people, directors=directors, teams={"sales": team})


class Desk:
    """What people do and what time does, each in one transaction."""

    def __init__(self, store: Store, document: Mapping[str, Any]) -> None:
        self.parts: Parts = wire(store, document)
        self.now = NOW
        self.hand = Hand(
            self.parts.names, self.parts.rulebooks, self.parts.distributor, lambda: {"lost": ()}, store.ids.take
        )
        self.overdue = Overdue(self.parts.names, store.ids.take)
        self._posted = 0

    def post(self, count: int = 1, at: datetime | None = None) -> list[int]:
        """So many leads of people that nobody knows; their numbers."""
        said = [{"phones": [f"+7912{self._posted + n:07}"]} for n in range(count)]
        self._posted += count
        return [lead for one in self.parts.take(*said, at=at or self.now, now=self.now) if (lead := one.lead)]

    def tick(self) -> None:
        """What is due now, and the distribution after it, as the ticker does it."""
        more = True
        while more:
            more = self.parts.store.transact(self._tick)

    def _tick(self, db: Any) -> bool:
        rulebook = self.parts.rulebooks.current(db)
        self.overdue.apply(db, rulebook, self.now)
        return self.parts.distributor.everybody(db, rulebook, self.now)

    def later(self, by: timedelta) -> None:
        """Time passes, and the ticker with it: at each deadline on the way."""
        end = self.now + by
        while (due := self.parts.store.peek(next_due)) is not None and due <= end:
            self.now = max(due, self.now)
            self.tick()
        self.now = end
        self.tick()

    def act(self, lead: int, action: str, actor: str = "api", **order: Any) -> None:
        """A person's hand."""
        self.parts.store.transact(lambda db: self.hand.act(db, lead, action, order, actor, self.now))

    def switch(self, name: str, *, available: bool) -> None:
        """The availability switch."""
        self.parts.store.transact(
            lambda db: self.hand.set_available(db, name, available=available, actor="api", now=self.now)
        )
        self.tick()

    def lead(self, number: int) -> tuple[str, str | None, str | None]:
        """State, reason, owner."""
        row = self.parts.lead(number)
        return row["state"], row["reason"], row["owner"]

    def offers(self, lead: int | None = None) -> list[tuple[str, str, str]]:
        """(manager, by, state) of every offer, or of a lead's, in their order."""
        return [
            (self.name(row["manager_id"]), row["by"], row["state"])
            for row in self.parts.rows(offers)
            if lead in {None, row["lead_id"]}
        ]

    def held(self) -> dict[str, int]:
        """Unanswered offers by manager, but for those before everybody."""
        names = [name for name, by, state in self.offers() if state == "open" and by != "everyone"]
        return {name: names.count(name) for name in sorted(set(names))}

    def name(self, number: int) -> str:
        """A manager's or director's name."""
        return self.parts.store.transact(lambda db: self.parts.names.managers.name(db, number))

    def told(self, *codes: str) -> list[tuple[str, str, int | None]]:
        """(code, person, lead) of the notices of these codes, in their order."""
        rows = sorted(self.parts.rows(outbox), key=lambda row: (row["created_at"], row["id"]))
        return [(r["code"], self.name(r["manager_id"]), r["lead_id"]) for r in rows if r["code"] in codes]

    def records(self, code: str) -> list[dict[str, Any]]:
        """The records of the notices of a code."""
        return [orjson.loads(row["record"]) for row in self.parts.rows(outbox) if row["code"] == code]

    def person(self, name: str) -> dict[str, Any]:
        """A manager's row."""
        return next(row for row in self.parts.rows(managers) if row["name"] == name)

    def send(self) -> None:
        """What is in the outbox is on its way: later notices are of their own."""
        self.parts.store.transact(lambda db: db.execute(outbox.update().values(slot=None)))
