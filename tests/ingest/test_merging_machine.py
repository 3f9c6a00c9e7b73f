"""Merges and undos between arbitrary other events: nobody's things are ever with another, and an undo gives back what was."""

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from dedup.keys import Key
from storage import migrate, revisions
from storage.schema import contacts, interactions, keys
from storage.store import Store
from tests.ingest.parts import NOW, company, team, wire
from tests.ingest.people import Clients, phone

PEOPLE: Final = 4
# What is asked is what was written, not what a power cut would leave: a file in memory saves most of the time.
MEMORY: Final = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - removed with each example
who: Final = st.integers(1, PEOPLE)
RULES: Final = [
    {"when": {"city": ["саратов"]}, "team": "south", "respond_within": None},
    {"when": {}, "team": "sales", "respond_within": None},
]
DOCUMENT: Final = company(teams={"sales": team("anna", "boris"), "south": team("boris")}, routing=RULES)


def template() -> Path:
    """A file with the schema, made once."""
    path = Path(tempfile.mkdtemp()) / "template.db"
    store = Store(f"sqlite:///{path}")
    migrate.create(store)
    store.transact_raw(revisions.prepare)
    store.close()
    return path


def address(person: int) -> str:
    return f"client{person}@example.com"


class Merges(RuleBasedStateMachine):
    """Four people with a phone and an address each, two managers, two teams."""

    file: Path

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY))
        shutil.copy(self.file, self.folder / "priyom.db")
        self.store = Store(f"sqlite:///{self.folder / 'priyom.db'}")
        self.clients = Clients(wire(self.store, DOCUMENT))
        self.parts = self.clients.parts
        self.now = NOW
        self.said = 0
        self.here = True
        self.holders: dict[str, int] = {}
        for person in range(1, PEOPLE + 1):
            self.arrive(person, both=True, city=None, later=0)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder)

    # ---- what happens

    @rule(person=who, both=st.booleans(), city=st.sampled_from([None, "Саратов"]), later=st.sampled_from([0, 1, 35]))
    def arrive(self, person: int, *, both: bool, city: str | None, later: int) -> None:
        self.now += timedelta(days=later, seconds=1)
        how: dict[str, Any] = {"phones": [phone(person)]} if both or later else {}
        if both or not how:
            how["emails"] = [address(person)]
        self.parts.take(how | {"city": city}, at=self.now)
        self.said += 1
        for row in self.parts.rows(keys):
            self.holders.setdefault(row["value"], row["holder_id"])

    @rule(into=who, absorbed=who)
    def merge(self, into: int, absorbed: int) -> None:
        if self.root(into) != self.root(absorbed):
            self.merged(into, absorbed)

    def merged(self, into: int, absorbed: int) -> str:
        uids = [self.uid(self.root(one)) for one in (into, absorbed)]
        return self.store.transact(lambda db: self.parts.merging.merge(db, uids[0], uids[1], "irina", self.now))

    @rule(into=who, absorbed=who)
    def merge_and_undo(self, into: int, absorbed: int) -> None:
        if self.root(into) == self.root(absorbed):
            return
        before = self.clients.picture()
        self.clients.undo(self.merged(into, absorbed), self.now)
        assert self.clients.picture() == before

    @rule(first=who, second=who, third=who, inner_first=st.booleans())
    def merge_twice_and_undo(self, first: int, second: int, third: int, *, inner_first: bool) -> None:
        if len({self.root(one) for one in (first, second, third)}) != 3:
            return
        before = self.clients.picture()
        done = [self.merged(first, second), self.merged(third, first)]
        for merge in done if inner_first else reversed(done):
            self.clients.undo(merge, self.now)
        after = self.clients.picture()
        if inner_first:
            # How long ago something came is not told apart once the first of two is undone before the second.
            before, after = without_last(before), without_last(after)
        assert after == before

    @precondition(lambda self: self.clients.standing())
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        merge = data.draw(st.sampled_from(self.clients.standing()))
        before = self.leads()
        self.clients.undo(merge["uid"], self.now)
        after = self.leads()
        for number, lead in before.items():
            if lead["state"] not in {"merged", "unprocessed"}:
                assert (after[number]["state"], after[number]["owner"]) == (lead["state"], lead["owner"])
            if after[number]["state"] != "merged":
                assert after[number]["owner"] is not None or after[number]["state"] == "unprocessed"
        assert self.root_of(merge["contact_id"]) != self.root_of(merge["into_id"])

    @rule(person=who, mail=st.booleans())
    def split(self, person: int, *, mail: bool) -> None:
        value = address(person) if mail else phone(person)
        root = self.root_of(self.holder(value))
        circle = {row["id"] for row in self.parts.rows(contacts) if row["root_id"] == root}
        held = [row["value"] for row in self.parts.rows(keys) if row["holder_id"] in circle]
        if held == [value]:
            return
        key = Key("email" if mail else "phone", value)
        holder = self.holder(value)
        uid = self.uid(self.root_of(holder))
        done = self.store.transact(lambda db: self.parts.parting.split(db, uid, [key], [], "irina", self.now))
        assert self.root_of(self.holder(value)) == self.number(done["contact"])
        self.holders[value] = self.holder(value)
        assert done["undone"] is not None or self.holders[value] != holder

    @rule(data=st.data(), change=st.sampled_from(["anna", "boris", "in_work", "lost", "converted", "reopen"]))
    def hand(self, data: st.DataObject, change: str) -> None:
        able = {"lost", "converted"} if change == "reopen" else {"unprocessed", "assigned", "in_work"}
        leads = [n for n, lead in self.leads().items() if lead["state"] in able]
        if not leads:
            return
        number = data.draw(st.sampled_from(leads))
        owner = self.leads()[number]["owner"]
        values: dict[str, dict[str, Any]] = {
            "anna": {"state": "assigned", "owner": "anna", "reason": None},
            "boris": {"state": "assigned", "owner": "boris", "reason": None},
            "in_work": {"state": "in_work", "owner": owner or "anna", "reason": None},
            "reopen": {"state": "unprocessed", "owner": None, "reason": None},
        }
        self.parts.order(number, self.now, **values.get(change, {"state": change, "reason": None}))
        self.parts.distribute(self.now)

    @rule()
    def all_leave_or_come_back(self) -> None:
        """With all away nothing goes out; with all there and no limits nothing waits: so only what is asked for changes a lead."""
        self.here = not self.here
        for name in ("anna", "boris"):
            self.parts.set_available(name, available=self.here)
        self.parts.distribute(self.now)

    # ---- what always holds

    def root(self, person: int) -> int:
        return self.root_of(self.clients.number(person))

    def root_of(self, contact: int) -> int:
        return int(next(row["root_id"] for row in self.parts.rows(contacts) if row["id"] == contact))

    def uid(self, contact: int) -> str:
        return str(next(row["uid"] for row in self.parts.rows(contacts) if row["id"] == contact))

    def number(self, uid: str) -> int:
        return int(next(row["id"] for row in self.parts.rows(contacts) if row["uid"] == uid))

    def holder(self, value: str) -> int:
        return int(next(row["holder_id"] for row in self.parts.rows(keys) if row["value"] == value))

    def leads(self) -> dict[int, dict[str, Any]]:
        return {lead["id"]: lead for lead in self.parts.leads()}

    @invariant()
    def everybodys_things_are_his(self) -> None:
        self.clients.consistent()
        assert self.parts.count(interactions) == self.said

    @invariant()
    def keys_stay_with_who_first_had_them(self) -> None:
        assert {row["value"]: row["holder_id"] for row in self.parts.rows(keys)} == self.holders

    @invariant()
    def nobody_waits_while_all_are_there(self) -> None:
        if self.here:
            assert not [lead for lead in self.leads().values() if lead["state"] == "unprocessed"]


def without_last(picture: dict[str, Any]) -> dict[str, Any]:
    return picture | {"leads": {number: (*lead[:8], *lead[9:]) for number, lead in picture["leads"].items()}}


def test_merges_undos_and_splits_between_any_other_events_keep_everybodys_things_apart() -> None:
    Merges.file = template()

    run_state_machine_as_test(
        Merges,
        settings=settings(
            max_examples=14,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
