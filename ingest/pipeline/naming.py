"""Somebody whose provider says his name only when asked: the name comes after his message, and the lead is called by it."""

import sqlalchemy as sa

from ingest.rules.rulebook import Rulebook
from kernel.texts import storable
from routing.title import make_title
from storage import fetches
from storage.fetches import Wanted


def introduce(db: sa.Connection, rulebook: Rulebook, wanted: Wanted, name: str | None) -> None:
    """Write down what somebody calls himself, where nobody has said it meanwhile; None: his provider does not say."""
    name = storable(name or "").strip() or None
    found = fetches.introduce(db, wanted, name)
    if found is None or name is None:
        return
    title = found.title
    if title is not None:
        origin = rulebook.origins.get(wanted.channel)
        title = make_title(
            rulebook.policy.title,
            name=name,
            city=found.details.get("city"),
            company=found.details.get("company"),
            text=found.text,
            subject=found.subject,
            topics=rulebook.policy.topics,
            source=None if origin is None else origin.source,
            channel=wanted.channel,
        )
    fetches.retitle(db, found.id, name, title or found.title)
