"""A company with a telephone exchange over a store: calls as Mango tells of them, settled as the daemon settles them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import orjson
import sqlalchemy as sa

from ingest.adapters import Adapters
from ingest.people.merging import Merging
from ingest.pipeline.folding import Folding
from ingest.pipeline.settle import Reading, Settler
from ingest.pipeline.signals import Signals
from ingest.turns.calls import Calls
from storage.journal import Claimed, Result
from storage.schema import activities, decisions, interactions, managers, outbox
from storage.store import Store
from tests.channels.exchanges import adapter, mango_event, mango_post
from tests.ingest.offering import Desk
from tests.ingest.parts import NOW, Plain, company, envelope, manager, team

CLIENT = "79161234567"
LINE = "74951234567"
SECOND = timedelta(seconds=1)


def telephones(**more: Any) -> dict[str, Any]:
    """A revision document: anna at line 101, boris at 102, no time to accept; a form and an exchange."""
    return company(
        channels={
            "site": {"kind": "webform", "source": "Сайт", "team": None},
            "pbx": {"kind": "telephony", "source": None, "team": None, "numbers": {f"+{LINE}": "Яндекс Директ"}},
        },
        **{
            "managers": {"anna": manager(extension=["101"]), "boris": manager(extension=["102", "+79161110001"])},
            "teams": {"sales": team("anna", "boris")},
            **more,
        },
    )


class Switchboard(Desk):
    """What clients, exchange and time do. Every event comes when it happens, unless it is `kept` for later."""

    def __init__(self, store: Store, document: Mapping[str, Any] | None = None) -> None:
        super().__init__(store, document or telephones())
        self.pbx = adapter("mango")
        parts = self.parts
        self.adapters = Adapters({"site": Plain("site"), "pbx": self.pbx})
        self.settler = Settler(
            parts.names,
            parts.journal,
            parts.rulebooks,
            parts.distributor,
            Folding(self.adapters),
            Signals(),
            Merging(parts.names, parts.rulebooks, parts.distributor, store.ids.take),
            store.ids.take,
        )
        self.calls = Calls(parts.names, store.ids.take)
        self.kept: list[Any] = []
        self.keeping = False
        self._count = 0

    # ---- what the exchange says

    def event(
        self, state: str, call: str = "c1", line: str = "101", *, client: str = CLIENT, out: bool = False
    ) -> None:
        """An event of one line's leg of a call."""
        self._count += 1
        ours, theirs = {"extension": line, "line_number": LINE}, {"number": client}
        said = mango_event(
            state,
            entry=call,
            leg=f"{call}-{line}",
            seq=self._count,
            caller=ours if out else theirs,
            called=theirs if out else ours,
            timestamp=int(self.now.timestamp()),
        )
        self.hear(mango_post(said))

    def summary(
        self, result: int, call: str = "c1", line: str = "101", *, client: str = CLIENT, out: bool = False
    ) -> None:
        """The end of a whole call."""
        ours, theirs = {"extension": line}, {"number": client}
        said = {
            "entry_id": call,
            "call_direction": 2 if out else 1,
            "from": ours if out else theirs,
            "to": theirs if out else ours,
            "line_number": LINE,
            "create_time": int(self.now.timestamp()),
            "entry_result": result,
        }
        self.hear(mango_post(said, "events/summary"))

    def hear(self, request: Any) -> None:
        """One delivery."""
        self.kept += [replace(one, received_at=self.now) for one in self.pbx.receive(request)]
        if not self.keeping:
            self.deliver()

    def deliver(self, batch: int = 100) -> list[Result]:
        """What was kept goes to the journal and through it."""
        self.parts.append(*self.kept)
        self.kept = []
        return self.drain(batch)

    def write(self, said: Mapping[str, Any]) -> None:
        """An approach through the form."""
        self.kept.append(envelope(said, self.now))
        self.deliver()

    def drain(self, batch: int = 100) -> list[Result]:
        """Claim, read and settle until nothing is pending."""
        results: list[Result] = []
        while claimed := self.parts.claim(batch):
            readings = [self.read(one) for one in claimed]
            results += self.parts.store.transact(
                lambda db, readings=readings: self.settler.settle(db, "worker", readings, self.now)  # type: ignore[misc] # bound
            ).results
        return results

    def read(self, claimed: Claimed) -> Reading:
        """What the channel reads."""
        channel = self.adapters.reader(claimed.envelope.channel)
        assert channel is not None
        return Reading(claimed, channel.parse(claimed.envelope))

    def call(self, result: int, call: str, line: str = "101", *, client: str = CLIENT, out: bool = False) -> None:
        """A whole call, a minute long."""
        self.event("Appeared", call, line, client=client, out=out)
        self.pass_time(5 * SECOND)
        if result:
            self.event("Connected", call, line, client=client, out=out)
        self.pass_time(55 * SECOND)
        self.event("Disconnected", call, line, client=client, out=out)
        self.summary(result, call, line, client=client, out=out)

    # ---- time

    def pass_time(self, by: timedelta) -> None:
        """Time alone: nobody looks at deadlines."""
        self.now += by

    def _tick(self, db: sa.Connection) -> bool:
        self.calls.fall_silent(db, self.parts.rulebooks.current(db), self.now)
        return bool(super()._tick(db))

    # ---- how things stand

    def only(self) -> tuple[str, str | None, str | None]:
        """State, reason and owner of the one lead that there is."""
        (row,) = self.parts.leads()
        return row["state"], row["reason"], row["owner"]

    def todo(self) -> list[tuple[int, str, bool, str | None]]:
        """(lead, kind, whether it is done, by whom) of every activity."""
        return [(r["lead_id"], r["kind"], r["done_at"] is not None, r["done_by"]) for r in self.parts.rows(activities)]

    def due(self) -> list[datetime]:
        """When what is to be done is due."""
        epoch = datetime.fromtimestamp(0, NOW.tzinfo)
        return [epoch + timedelta(microseconds=r["due_at"]) for r in self.parts.rows(activities)]

    def notices(self) -> list[tuple[str, str]]:
        """(code, to whom) of every notice."""
        rows = sorted(self.parts.rows(outbox), key=lambda row: (row["created_at"], row["id"]))
        return [(row["code"], self.name(row["manager_id"])) for row in rows]

    def codes(self) -> list[str]:
        """The codes of what was decided beside matching."""
        made = [(row["stage"], orjson.loads(row["record"])) for row in self.parts.rows(decisions)]
        return [record["code"] for stage, record in made if stage != "match"]

    def on_call(self) -> set[str]:
        """Who speaks now."""
        at = (self.now - datetime.fromtimestamp(0, NOW.tzinfo)) // timedelta(microseconds=1)
        return {row["name"] for row in self.parts.rows(managers) if (row["on_call_until"] or 0) > at}

    def spoken(self) -> list[dict[str, Any]]:
        """How each call of the timeline stands."""
        found: Sequence[Mapping[str, Any]] = self.parts.rows(interactions)
        return [call for row in found if (call := orjson.loads(row["details"]).get("call")) is not None]
