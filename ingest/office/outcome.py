"""What comes of an approach: done in full within a unit, and told. Whether it stays is the business of whoever runs the unit."""

from datetime import datetime

import sqlalchemy as sa

from desk.ports import Json
from ingest.config.current import Current
from ingest.explaining.explain import sentences
from ingest.notices.texts import render
from ingest.office.showing import whole_lead
from ingest.pipeline.settle import Reading, Settled, Settler
from storage import decisions, lead_views
from storage.names import Names


class Outcomes:
    """Tells what settling makes of approaches."""

    def __init__(self, names: Names, settler: Settler, current: Current) -> None:
        self._names = names
        self._settler = settler
        self._current = current

    def of(self, db: sa.Connection, reading: Reading, now: datetime) -> Json:
        """Settle one approach, and tell its outcome with its lead, the decisions in sentences, and who would be told what."""
        settled: Settled = self._settler.write(db, [reading], now)
        result = settled.results[0]
        shown: Json = {"outcome": result.outcome, "reason": result.reason}
        if result.lead is not None:
            config = self._current.config
            lead = whole_lead(db, self._names, result.lead)
            given = "lead_assigned" if lead["offer"] is None else "lead_offered"
            code = given if result.outcome == "created" else "wrote_again"
            _, latest = lead_views.for_notices(db, [result.lead])[result.lead]
            subject, text = render(code, lead, latest, config.language, lead["due_at"])
            told = sentences(db, decisions.of_lead(db, result.lead), config.language, config.titles())
            notice = {"to": lead["owner"], "subject": subject, "text": text} if lead["owner"] else None
            shown |= {"lead": lead, "sentences": told, "notice": notice}
        return shown
