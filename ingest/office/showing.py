"""Leads as the desk and the API show them, found by what the world calls them. All functions run within a unit."""

import sqlalchemy as sa

from desk.ports import Json, Refused
from kernel.ids import is_uuid
from storage import decisions, lead_views
from storage.names import Names


def lead_number(db: sa.Connection, uid: str) -> int:
    """The number of a lead. Raises Refused, 404."""
    number = lead_views.lead_number(db, uid) if is_uuid(uid) else None
    if number is None:
        raise Refused(404, "no_such_lead", "there is no such lead")
    return number


def whole_lead(db: sa.Connection, names: Names, number: int, cursor: str | None = None) -> Json:
    """A lead with its timeline and the latest decisions; `cursor`: the next part of a long timeline."""
    made = decisions.of_lead(db, number)
    latest = {d.stage: d.record for d in made if d.stage in {"match", "assignment"}}
    first = next((d.record for d in made if d.stage == "match"), {})
    return lead_views.lead(db, names, number, cursor) | {
        "decision": {"match": first, "assignment": latest.get("assignment", {})}
    }
