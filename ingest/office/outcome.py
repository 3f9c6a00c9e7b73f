"""What comes of an approach: done in full within a unit, and told. Whether it stays is the business of whoever runs the unit."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from desk.ports import Json
from ingest.config.current import Current
from ingest.explaining.explain import sentences
from ingest.notices.people import People
from ingest.notices.texts import offer_lines, render
from ingest.office.showing import whole_lead
from ingest.pipeline.settle import Reading, Settled, Settler
from storage import decisions, lead_views
from storage.names import Names


class Outcomes:
    """Tells what settling makes of approaches."""

    def __init__(self, names: Names, settler: Settler, current: Current, people: People) -> None:
        self._names = names
        self._settler = settler
        self._current = current
        self._people = people

    def of(self, db: sa.Connection, reading: Reading, now: datetime) -> Json:
        """Settle one approach, and tell its outcome with its lead, the decisions in sentences, and who would be told what."""
        settled: Settled = self._settler.write(db, [reading], now)
        result = settled.results[0]
        shown: Json = {"outcome": result.outcome, "reason": result.reason}
        if result.lead is not None:
            config = self._current.config
            lead = whole_lead(db, self._names, result.lead)
            _, latest = lead_views.for_notices(db, [result.lead])[result.lead]
            told = sentences(db, decisions.of_lead(db, result.lead), config.language, config.titles())
            notice = None if lead["owner"] is None else self._notice(result.outcome, lead, latest)
            shown |= {"lead": lead, "sentences": told, "notice": notice}
        return shown

    def _notice(self, outcome: str, lead: Mapping[str, Any], latest: Mapping[str, Any] | None) -> Json:
        """What the owner would be told, in his language and by his clock."""
        owner, offer = lead["owner"], lead["offer"] or {}
        code = "wrote_again" if outcome != "created" else "lead_offered" if offer else "lead_assigned"
        language, reads = self._people.language(owner), partial(self._people.at, owner)
        due = None if lead["due_at"] is None else reads(datetime.fromisoformat(lead["due_at"]))
        more = offer_lines(code, offer, language, self._people.title, reads)
        subject, text = render(code, lead, latest, language, due, more)
        return {"to": owner, "subject": subject, "text": text}
