"""The core's parts over a store, wired as the daemon wires them, and approaches whose meaning is plain JSON.

Run as a program it is one more worker of each store that is named to it: at a line `URL BATCH` it prints `ready`, then at each
line what it came to: at `once` it takes one batch, at any other it drains the journal. At an empty line it closes the store.
"""

import itertools
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
import sqlalchemy as sa

from channels.adapter import Adapter, ChannelConfig
from channels.message import Accepted, Answer, Envelope, Ignored, Inbound, Parsed, Request, Signal, digest
from ingest.adapters import Adapters
from ingest.people.merging import Merging
from ingest.people.parting import Parting
from ingest.pipeline.folding import Folding
from ingest.pipeline.settle import Reading, Settler
from ingest.pipeline.signals import Signals
from ingest.rules.rulebook import Rulebooks
from ingest.turns.distribution import Distributor
from kernel.clock import Clock
from storage import handling, revisions, rotation
from storage.account import account
from storage.cursors import Cursor
from storage.journal import Claimed, Journal, Result
from storage.names import Names
from storage.schema import channels, contacts, decisions, journal, keys, leads, metadata, teams
from storage.store import Conflict, Store

NOW: Final = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)  # a Tuesday, noon in Moscow
DAY: Final = "2026-09-01"
LEASE: Final = timedelta(seconds=60)
GONE: Final = timedelta(seconds=-1)

_numbers = itertools.count(1)


def manager(**more: Any) -> dict[str, Any]:
    """A manager of a revision document; without more said always on shift and without a limit."""
    return {"name": "Имя", "email": None, "capacity": None, "hours": None, "timezone": None, **more}


def team(*members: str, **more: Any) -> dict[str, Any]:
    """A team of a revision document."""
    return {"managers": list(members), "strategy": "round_robin", "respond_within": None, "sticky": None, **more}


def company(**more: Any) -> dict[str, Any]:
    """A revision document: one channel, anna and boris in one team, unless `more` says otherwise."""
    return {
        "region": "RU",
        "timezone": "Europe/Moscow",
        "hours": None,
        "calendars": {},
        "channels": {"site": {"kind": "webform", "source": "Сайт", "team": None}},
        "matching": {
            "shared": {"emails": ["info@*"], "phones": []},
            "enquiry": {"reopen_within": "14d", "new_after": "30d"},
        },
        "title": "{city} – {name} – {topic}",
        "topics": [],
        "reasons": {},
        "managers": {"anna": manager(), "boris": manager()},
        "teams": {"sales": team("anna", "boris")},
        "routing": [{"when": {}, "team": next(iter(more.get("teams", ["sales"]))), "respond_within": None}],
        **more,
    }


def crew(count: int, **more: Any) -> dict[str, dict[str, Any]]:
    """So many managers: m00, m01 and so on."""
    return {f"m{number:02}": manager(**more) for number in range(count)}


def at_clock(moment: datetime) -> Clock:
    """A clock that shows `moment` now."""
    clock = Clock()
    clock.advance(moment - clock.now())
    return clock


def envelope(
    said: Mapping[str, Any] | bytes, at: datetime = NOW, *, identity: str | None = "", channel: str = "site"
) -> Envelope:
    """An envelope whose body is `said` as JSON; with `identity` left out its name is its own, None makes it derived."""
    body = said if isinstance(said, bytes) else orjson.dumps(said)
    named = f"own-{next(_numbers)}" if identity == "" else identity
    return Envelope(channel, named, body, at, {}, digest(body))


class PlainConfig(ChannelConfig):
    """Nothing of its own."""


class Plain(Adapter[PlainConfig]):
    """A channel whose bodies say plainly what they are: `{"signal": kind}`, `{"ignored": reason, …}`, `boom`, or an Inbound."""

    kind = "plain"

    def __init__(self, name: str = "site") -> None:
        super().__init__(name, PlainConfig(kind="plain"), secret=b"", language="ru")

    def receive(self, request: Request) -> Sequence[Envelope]:
        return [envelope(request.body, request.at)]

    def answer(self, request: Request, accepted: Sequence[Accepted]) -> Answer:
        return Answer(202, b"")

    def parse(self, envelope: Envelope) -> Parsed:
        if envelope.body == b"boom":
            raise ValueError("nobody can read this")
        said = orjson.loads(envelope.body)
        if "signal" in said:
            return Signal(said["signal"])
        reason = said.pop("ignored", None)
        for name in ("phones", "emails"):
            said[name] = tuple(said.get(name, ()))
        said["identities"] = tuple((kind, value) for kind, value in said.get("identities", ()))
        inbound = Inbound(**{"kind": "form", **said})
        return inbound if reason is None else Ignored(reason, inbound)


@dataclass(frozen=True, slots=True)
class Parts:
    """The wired parts. What the tests do with them is synchronous: a unit is a transaction in this thread."""

    store: Store
    names: Names
    journal: Journal
    rulebooks: Rulebooks
    distributor: Distributor
    settler: Settler
    merging: Merging

    @property
    def parting(self) -> Parting:
        """What takes merges back."""
        return Parting(self.names, self.rulebooks, self.distributor, self.store.ids.take)

    def append(self, *envelopes: Envelope, cursor: Cursor | None = None) -> list[Accepted]:
        """Into the journal, in one transaction, each under the day of its receipt in UTC."""
        dated = [(e, e.received_at.date().isoformat()) for e in envelopes]
        return self.store.transact(lambda db: self.journal.append(db, dated, cursor))

    def claim(self, limit: int = 100, token: str = "worker", lease: timedelta = LEASE) -> list[Claimed]:
        """As the pipeline claims."""
        return self.store.transact(lambda db: self.journal.claim(db, limit, token, lease))

    def settle(self, claimed: Sequence[Claimed], now: datetime = NOW, token: str = "worker") -> list[Result]:
        """Read plainly and settle, in one transaction."""
        return self.write([read(one) for one in claimed], now, token)

    def write(self, readings: Sequence[Reading], now: datetime = NOW, token: str = "worker") -> list[Result]:
        """Settle readings, in one transaction."""
        return list(self.store.transact(lambda db: self.settler.settle(db, token, readings, now)).results)

    def decide(self, results: Sequence[Result], token: str = "worker") -> None:
        """Outcomes without effects."""
        self.store.transact(lambda db: self.journal.decide(db, results, NOW, token))

    def drain(self, now: datetime | None = None, batch: int = 100) -> list[Result]:
        """Claim and settle until nothing is pending; `now` is the last receipt of each batch unless it is given."""
        results: list[Result] = []
        while claimed := self.claim(batch):
            results += self.settle(claimed, now or max(c.envelope.received_at for c in claimed))
        return results

    def take(self, *said: Mapping[str, Any], at: datetime = NOW, now: datetime | None = None) -> list[Result]:
        """Approaches from the outside to their leads; results in the order of the approaches."""
        accepted = self.append(*(envelope(one, at) for one in said))
        by_entry = {r.entry: r for r in self.drain(now or at)}
        numbers = {row["uid"]: row["id"] for row in self.rows(journal)}
        return [by_entry[numbers[a.id]] for a in accepted]

    def distribute(self, now: datetime = NOW) -> bool:
        """All that waits, in one transaction; whether another run could give more."""
        return self.store.transact(lambda db: self.distributor.everybody(db, self.rulebooks.current(db), now))

    def apply(self, document: Mapping[str, Any], now: datetime = NOW) -> None:
        """A new revision."""
        kinds = {name: channel["kind"] for name, channel in document["channels"].items()}
        self.store.transact(lambda db: revisions.apply(db, self.names, document, kinds, "tests", now))

    def set_available(self, name: str, *, available: bool) -> None:
        """The switch, without what follows."""
        self.store.transact(lambda db: handling.set_available(db, self.names, name, available=available))

    def order(self, lead: int, now: datetime = NOW, **change: Any) -> None:
        """A person's hand: the lead with these fields changed, written as a command writes it."""

        def unit(db: sa.Connection) -> None:
            before = handling.lead_for_update(db, self.names, lead)
            handling.write(db, self.names, before, replace(before, **change), now)

        self.store.transact(unit)

    def rows(self, table: sa.Table) -> list[dict[str, Any]]:
        """All rows of a table by its first column."""
        query = sa.select(table).order_by(*list(table.c)[:1])
        return self.store.transact(lambda db: [dict(row) for row in db.execute(query).mappings()])

    def count(self, table: sa.Table) -> int:
        """How many rows a table has."""
        return self.store.transact(lambda db: db.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())

    def leads(self) -> list[dict[str, Any]]:
        """Leads by number, with owner and team as names."""

        def unit(db: sa.Connection) -> list[dict[str, Any]]:
            query = sa.select(leads, teams.c.name.label("team")).join(teams, teams.c.id == leads.c.team_id)
            return [
                {**row, "owner": self.names.managers.name_or_none(db, row["owner_id"])}
                for row in db.execute(query.order_by(leads.c.id)).mappings()
            ]

        return self.store.transact(unit)

    def lead(self, number: int | None) -> dict[str, Any]:
        """One lead."""
        return next(row for row in self.leads() if row["id"] == number)

    def shares(self) -> dict[str, int]:
        """Open leads by owner's name, counted from the leads."""
        owners = [row["owner"] for row in self.leads() if row["state"] in {"assigned", "in_work"}]
        return {name: owners.count(name) for name in sorted(set(owners))}

    def outcomes(self) -> list[tuple[str, str | None]]:
        """(outcome, reason) of each entry in journal order."""
        rows = sorted(self.rows(journal), key=lambda row: (row["received_at"], row["id"]))
        return [(row["outcome"], row["reason"]) for row in rows]

    def turns(self) -> list[str]:
        """To whom leads went by turn, in the order in which that was decided."""
        made = [orjson.loads(row["record"]) for row in self.rows(decisions)]
        return [record["manager"] for record in made if record["code"] == "turn"]

    def sets(self) -> dict[str, Any]:
        """What a store came to without its numbers: keys by contact, envelopes by contact and by lead, outcomes."""
        held: dict[int, set[str]] = {row["id"]: set() for row in self.rows(contacts)}
        for row in self.rows(keys):
            held.setdefault(row["holder_id"], set()).add(f"{row['kind']}:{row['value']}:{row['shared']}")
        entries = sorted(self.rows(journal), key=lambda row: (row["received_at"], row["id"]))
        return {
            "contacts": sorted(sorted(one) for one in held.values()),
            "outcomes": [(row["outcome"], row["reason"]) for row in entries],
            "by_lead": _grouped([row["lead_id"] for row in entries]),
            "by_contact": _grouped([row["contact_id"] for row in entries]),
            "names": sorted(str(row["name"]) for row in self.rows(contacts)),
        }

    def account(self) -> list[Mapping[str, Any]]:
        """The ledger, as a reader gets it."""
        return self.store.peek(account)

    def balanced(self) -> bool:
        """Whether counters, rows, effects and loads agree."""
        return all(item["agrees"] for item in self.account()) and self.store.peek(rotation.recount) == {}

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """Every row of every table, but for the counter of ids, which may run ahead."""
        return {name: self.rows(table) for name, table in metadata.tables.items() if name != "counters"}


def _grouped(numbers: Sequence[int | None]) -> list[list[int]]:
    groups: dict[int, list[int]] = {}
    for place, number in enumerate(numbers):
        if number is not None:
            groups.setdefault(number, []).append(place)
    return sorted(groups.values())


def wire(store: Store, document: Mapping[str, Any] | None = None, *, lane: int = 3) -> Parts:
    """The parts over `store`; with a document that is applied first, else the store's revision counts."""
    names = Names()
    journal_ = Journal(names, store.ids.take, b"k" * 32, lane)
    rulebooks = Rulebooks(names)
    distributor = Distributor(names, store.ids.take)
    folding = Folding(Adapters({name: Plain(name) for name in ("site", "bot", "pbx")}))
    merging = Merging(names, rulebooks, distributor, store.ids.take)
    settler = Settler(names, journal_, rulebooks, distributor, folding, Signals(), merging, store.ids.take)
    parts = Parts(store, names, journal_, rulebooks, distributor, settler, merging)
    if document is not None:
        parts.apply(document)
    return parts


def read(claimed: Claimed) -> Reading:
    """What the plain channel reads in an envelope."""
    try:
        return Reading(claimed, Plain().parse(claimed.envelope))
    except ValueError:
        return Reading(claimed, None, "unreadable")


def work(parts: Parts, token: str, batch: int, again: Callable[[], None]) -> int:
    """Drain as one of several workers: a lost race is decided again; `again` is told of each. How many were settled."""
    settled = 0
    while taken := work_once(parts, token, batch, again):
        settled += taken
    return settled


def work_once(parts: Parts, token: str, batch: int, again: Callable[[], None]) -> int:
    """One batch of `work`, settled as of its latest receipt."""
    claimed = parts.claim(batch, token)
    while claimed:
        try:
            return len(parts.settle(claimed, max(one.envelope.received_at for one in claimed), token))
        except Conflict:
            again()
    return 0


def main() -> None:
    """Workers in a process of their own, one after the other."""
    while asked := sys.stdin.readline().split():
        url, batch = asked
        store = Store(url)
        parts = wire(store, lane=7)
        parts.count(channels)
        print("ready", flush=True)
        while line := sys.stdin.readline().strip():
            told = work_once if line == "once" else work
            print(told(parts, f"process {os.getpid()}", int(batch), lambda: None), flush=True)
        store.close()
        print("closed", flush=True)


if __name__ == "__main__":
    main()
