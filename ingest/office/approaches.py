"""Approaches that no channel brought: those that a person takes down, and those that are only tried out."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from channels.adapter import Adapter
from channels.message import Envelope, Inbound
from desk.ports import Json, Refused
from ingest.bells import Bells
from ingest.intake.taking_down import TakingDown
from ingest.office.outcome import Outcomes
from ingest.office.showing import whole_lead
from ingest.pipeline.settle import Reading
from ingest.units import Units
from kernel.clock import Clock
from kernel.ids import uuid7
from storage.journal import Claimed
from storage.names import Names

_YEARS: Final = range(1970, 2200)
"""From other times one cannot reckon on, or back, as a trial does."""


class StoreApproaches:
    """`desk.ports.Approaches` over the store of this process. A time without an offset is of `zone`."""

    def __init__(
        self,
        units: Units,
        names: Names,
        taking_down: TakingDown,
        outcomes: Outcomes,
        adapters: Mapping[str, Adapter[Any]],
        clock: Clock,
        zone: ZoneInfo,
        bells: Bells,
    ) -> None:
        self._units = units
        self._names = names
        self._taking_down = taking_down
        self._outcomes = outcomes
        self._adapters = adapters
        self._clock = clock
        self._zone = zone
        self._bells = bells

    async def take_down(self, order: Mapping[str, Any], key: str | None, actor: str) -> Json:
        """An approach taken down by hand: its lead, or with `preview` whom it may be from and what would happen."""
        now = self._clock.now()
        envelope = self._taking_down.envelope(order, key, actor, now)

        def preview(db: sa.Connection) -> Json:
            self._taking_down.check(db, order)
            reading = self._taking_down.reading(Claimed(0, uuid7(), envelope, 1, as_client=True))
            matches = self._taking_down.matches(db, reading)
            return {"matches": matches} | self._outcomes.of(db, reading, now)

        def unit(db: sa.Connection) -> tuple[Json, Callable[[], None]]:
            self._taking_down.check(db, order)
            lead, committed = self._taking_down.take(db, envelope, now)
            return whole_lead(db, self._names, lead), committed

        if order.get("preview"):
            return await self._units.rolled_back(preview)
        shown, committed = await self._units.run(unit)
        committed()
        self._bells.turn()
        answer: Json = shown
        return answer

    async def attempt(self, given: Mapping[str, Any]) -> Json:
        """What would happen to an approach: done in full, shown, and rolled back."""
        channel = given.get("channel")
        if channel not in self._adapters:
            raise Refused(
                422, "no_such_channel", f"there is no channel {channel!r}; there are {', '.join(self._adapters)}"
            )
        at = self._moment(given.get("at"))
        said = Inbound(
            kind="form",
            name=given.get("name"),
            phones=tuple(filter(None, [given.get("phone")])),
            emails=tuple(filter(None, [given.get("email")])),
            text=given.get("text") or "",
            city=given.get("city"),
        )
        envelope = Envelope(str(channel), "try", b"", at)

        def unit(db: sa.Connection) -> Json:
            claimed = Claimed(0, uuid7(), envelope, 1, as_client=False)
            return self._outcomes.of(db, Reading(claimed, said), at)

        return await self._units.rolled_back(unit)

    def _moment(self, text: str | None) -> datetime:
        if text is None:
            return self._clock.now()
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise Refused(422, "bad_time", f"{text!r} is not a time; write 2026-11-28 23:10") from error
        if moment.year not in _YEARS:
            raise Refused(422, "bad_time", f"{text!r} is not of our days; write 2026-11-28 23:10")
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=self._zone)
