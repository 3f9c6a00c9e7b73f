"""The desk's questions about the journal, and what is run through again, over the store."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import sqlalchemy as sa

from desk.ports import Json, Refused
from ingest.bells import Bells
from ingest.office.outcome import Outcomes
from ingest.pipeline.pipeline import Pipeline
from ingest.units import Units
from kernel.clock import Clock
from kernel.ids import is_uuid
from storage import decisions, envelope_views, expiry, paging, rotation
from storage.account import account
from storage.decisions import Decision
from storage.journal import Journal

SLICE: Final = 200


class StoreJournal:
    """`desk.ports.Journal` over the store of this process."""

    def __init__(
        self, units: Units, journal: Journal, pipeline: Pipeline, outcomes: Outcomes, clock: Clock, bells: Bells
    ) -> None:
        self._units = units
        self._journal = journal
        self._pipeline = pipeline
        self._outcomes = outcomes
        self._clock = clock
        self._bells = bells

    async def ledger(self) -> Json:
        """The account of every envelope; `balanced` where counters, rows and effects agree."""

        def unit(db: sa.Connection) -> Json:
            items = account(db)
            drift = rotation.recount(db)
            return {
                "items": [{k: v for k, v in item.items() if k != "agrees"} for item in items],
                "balanced": all(item["agrees"] for item in items) and not drift,
            }

        shown: Json = await self._units.read(unit)
        return shown

    async def envelopes(
        self, outcome: str | None, channel: str | None, reason: str | None, limit: int, cursor: str | None
    ) -> Json:
        """A page of envelopes."""
        read = partial(
            envelope_views.envelope_page, outcome=outcome, channel=channel, reason=reason, limit=limit, cursor=cursor
        )
        page: paging.Page = await self._units.read(read)
        return page.json()

    async def envelope(self, uid: str) -> Json:
        """One envelope."""
        shown: Json | None = (
            await self._units.read(lambda db: envelope_views.envelope(db, uid)) if is_uuid(uid) else None
        )
        if shown is None:
            raise Refused(404, "no_such_envelope", "there is no such envelope")
        return shown

    async def replay(self, uids: Sequence[str] | None, *, as_client: bool, dry_run: bool, actor: str) -> Json:
        """Make envelopes pending again, or show what would become of them."""
        wanted = await self._failed() if uids is None else list(uids)
        known = [uid for uid in wanted if is_uuid(uid)]
        if dry_run:
            shown = {uid: await self._dry_run(uid, as_client=as_client) for uid in known}
            return {"items": [shown.get(uid, _not_there(uid)) for uid in wanted]}
        replayed: set[str] = set()
        for start in range(0, len(known), SLICE):
            part = known[start : start + SLICE]
            replayed |= await self._units.run(partial(self._replay, uids=part, as_client=as_client, actor=actor))
        self._bells.work()
        left = [uid for uid in known if uid not in replayed]
        why: dict[str, str] = await self._units.read(partial(_why_not, uids=left)) if left else {}
        done = {uid: {"id": uid, "replayed": True} for uid in replayed}
        stay = {uid: {"id": uid, "replayed": False, "code": code} for uid, code in why.items()}
        return {"items": [done.get(uid) or stay.get(uid) or _not_there(uid) for uid in wanted]}

    async def _failed(self) -> list[str]:
        """Every failed envelope, page by page."""
        found: list[str] = []
        cursor: str | None = None
        while True:
            page = await self.envelopes("failed", None, None, SLICE, cursor)
            found += [item["id"] for item in page["items"]]
            cursor = page["next"]
            if cursor is None:
                return found

    def _replay(self, db: sa.Connection, *, uids: Sequence[str], as_client: bool, actor: str) -> set[str]:
        replayed = self._journal.reopen(db, uids, as_client=as_client)
        if replayed:
            record = {"code": "replay", "envelopes": replayed, "as_client": as_client}
            decisions.write(db, [Decision(self._units.new_id(), self._clock.now(), "action", record, actor=actor)])
        return set(replayed)

    async def _dry_run(self, uid: str, *, as_client: bool) -> Json:
        def unit(db: sa.Connection) -> Json:
            stored = self._journal.stored(db, [uid])
            if not stored:
                return _not_there(uid)
            if expiry.expired(db, [uid]):
                return {"id": uid, "replayed": False, "code": "expired"}
            reading = self._pipeline.read(replace(stored[0], as_client=as_client, attempts=0))
            return {"id": uid, "replayed": False} | self._outcomes.of(db, reading, self._clock.now())

        return await self._units.rolled_back(unit)


def _not_there(uid: str) -> Json:
    return {"id": uid, "replayed": False, "code": "no_such_envelope"}


def _why_not(db: sa.Connection, uids: Sequence[str]) -> dict[str, str]:
    """Why envelopes were not run again: what has come to something is not, nor what has no body any more."""
    expired = expiry.expired(db, uids)
    came_to = envelope_views.outcomes(db, uids).items()
    return {
        uid: "expired" if uid in expired else "decided" if outcome in {"created", "attached", "handled"} else "pending"
        for uid, outcome in came_to
    }
