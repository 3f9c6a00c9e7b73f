"""Approaches that somebody takes down by hand: through the journal like any other, settled at once, their lead is the answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson
import sqlalchemy as sa

from channels.adapter import Adapter
from channels.message import Envelope, Inbound, digest
from dedup.keys import identify
from desk.ports import Json, Refused
from ingest.config.references import BUILT_IN
from ingest.pipeline.settle import Reading, Settled, Settler
from ingest.rules.rulebook import Rulebook, Rulebooks
from kernel.ids import is_uuid, uuid7
from storage import circles, envelope_views, lead_views, people_views
from storage.journal import Claim, Claimed, Journal

DESK: Final = BUILT_IN
"""The built-in channel, and its kind."""

_LEASE: Final = timedelta(minutes=1)
_SAID: Final = ("name", "text", "subject", "company", "city")
_DECIDED: Final = ("team", "manager", "source", "channel", "contact")


class TakingDown:
    """Takes approaches down, in the transaction of whoever asks. `on_settled` is told what came of each once it is committed."""

    def __init__(
        self,
        journal: Journal,
        rulebooks: Rulebooks,
        settler: Settler,
        zone: ZoneInfo,
        adapter: Adapter[Any],
        on_accepted: Callable[[Sequence[Envelope], Sequence[Any]], None],
        on_settled: Callable[[Sequence[Claimed], Settled], None],
    ) -> None:
        self._journal = journal
        self._rulebooks = rulebooks
        self._settler = settler
        self._zone = zone
        self._adapter = adapter
        self._on_accepted = on_accepted
        self._on_settled = on_settled

    def envelope(self, order: Mapping[str, Any], key: str | None, actor: str, now: datetime) -> Envelope:
        """What goes into the journal."""
        body: Json = {name: order[name] for name in (*_SAID, *_DECIDED) if order.get(name) is not None}
        for one, several in (("phone", "phones"), ("email", "emails")):
            body[several] = [*filter(None, [order.get(one)]), *(order.get(several) or ())]
        written = orjson.dumps(body | {"new": bool(order.get("new")), "actor": actor})
        return Envelope(DESK, key or uuid7(), written, now, {}, digest(written))

    def check(self, db: sa.Connection, order: Mapping[str, Any]) -> None:
        """Raises Refused for what names nobody and says nothing, or somebody or something that is not there."""
        said = ("name", "phone", "phones", "email", "emails", "text", "contact")
        if not any(order.get(name) for name in said):
            raise Refused(422, "incomplete", "say who it was or what it was about")
        if order.get("contact") is not None and order.get("new"):
            raise Refused(422, "contradictory", "either it is from this contact, or from somebody new")
        rulebook = self._rulebooks.current(db)
        _check_name("team", order.get("team"), rulebook.policy.teams)
        _check_name("manager", order.get("manager"), rulebook.policy.managers)
        _check_name("channel", order.get("channel"), rulebook.origins)
        uid = order.get("contact")
        if uid is not None and (not is_uuid(uid) or circles.found(db, uid) is None):
            raise Refused(422, "no_such_contact", f"there is no contact {uid}")

    def reading(self, claimed: Claimed) -> Reading:
        """What the envelope says; a person has called it a client's."""
        return Reading(replace(claimed, as_client=True), self._adapter.parse(claimed.envelope))

    def take(self, db: sa.Connection, envelope: Envelope, now: datetime) -> tuple[int, Callable[[], None]]:
        """Into the journal and on to its lead, whose number comes back, and what is to be done once that is committed.

        One that is there already has its lead. Raises Refused for another approach under the same name.
        """
        day = envelope.received_at.astimezone(self._zone).date().isoformat()
        claim = Claim(uuid7(), _LEASE // timedelta(microseconds=1))
        accepted, claimed = self._journal.append_claimed(db, [(envelope, day)], claim)
        if accepted[0].conflict:
            raise Refused(422, "key_reused", "this Idempotency-Key was used for another approach")
        if not claimed:
            return self._before(db, accepted[0].id), lambda: self._on_accepted([envelope], accepted)
        readings = [self.reading(claimed[0])]
        settled = self._settler.settle(db, claim.token, readings, now, again=False)
        lead = settled.results[0].lead
        if lead is None:
            raise Refused(422, "no_lead", f"no lead came of it: {settled.results[0].reason}")

        def committed() -> None:
            self._on_accepted([envelope], accepted)
            self._on_settled(claimed, settled)

        return lead, committed

    @staticmethod
    def _before(db: sa.Connection, uid: str) -> int:
        shown = envelope_views.envelope(db, uid)
        number = None if shown is None or shown["lead"] is None else lead_views.lead_number(db, shown["lead"])
        if number is None:
            raise Refused(409, "no_lead", "it was taken down before, and no lead came of it")
        return number

    def matches(self, db: sa.Connection, reading: Reading) -> list[Json]:
        """Whom an approach may be from: who holds one of its keys, with their open leads."""
        said = reading.parsed
        assert isinstance(said, Inbound)  # noqa: S101 - what the desk writes is nothing else
        rulebook: Rulebook = self._rulebooks.current(db)
        found = identify(said.phones, said.emails, said.identities, said.text, rulebook.keys)
        roots = people_views.held_by(db, [evidence.key for evidence in found.evidence])
        shown = people_views.persons(db, roots)
        return [{"contact": shown[root], "leads": people_views.open_leads(db, root)} for root in roots]


def _check_name(what: str, name: str | None, known: Mapping[str, Any]) -> None:
    if name is not None and name not in known:
        raise Refused(422, f"no_such_{what}", f"there is no {what} {name!r}; there are {', '.join(known)}")
