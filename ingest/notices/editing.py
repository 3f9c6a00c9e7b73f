"""Messages that can be edited: what buttons they have, which one a change is for, and which one a new message replaces.

An edit alerts nobody. So what a manager must notice (a lead, "wrote again") is a new message, and the one that he had about the
lead before gives way to it; all else that happens to the lead is an edit of the one he has, asked for by the notice `CHANGED`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from ingest.notices.choices import Choices
from ingest.notices.route import Button, Delivery, Message, Route
from ingest.notices.texts import render_standing
from storage import messages
from storage.messages import CHANGED, Pair, Sent, Shown
from storage.names import Names
from storage.outbox import Due

EDITS: Final = frozenset({CHANGED, "offer_expired", "offer_withdrawn", "taken_by"})
"""What a message that somebody has is edited for: none of it asks him to do anything."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the store says of a burst: the messages that people have about its leads, what is offered to them, what is obsolete.

    `obsolete` are changes that a newer message of the same burst shows anyway.
    """

    shown: Mapping[Pair, Shown] = field(default_factory=dict)
    offered: frozenset[Pair] = frozenset()
    obsolete: frozenset[int] = frozenset()

    def of(self, item: Due) -> Shown | None:
        """The message that a notice's reader has about its lead."""
        return None if item.lead is None else self.shown.get((item.lead, item.manager))

    def is_offered(self, item: Due) -> bool:
        """Whether the lead of a notice is offered to its reader."""
        return item.lead is not None and (item.lead, item.manager) in self.offered


class Editing:
    """Completes messages for the routes that can edit, and remembers those that were sent."""

    def __init__(self, names: Names, choices: Callable[[str], Choices], new_id: Callable[[], int]) -> None:
        self._names = names
        self._choices = choices
        self._new_id = new_id

    def look(self, db: sa.Connection, routes: Collection[Route], due: Sequence[Due]) -> Known:
        """What is known of a burst; two statements, and none where no route can edit or has links."""
        if not due or not any(route.edits or route.links for route in routes):
            return Known()
        pairs = {(item.lead, item.manager) for item in due if item.lead is not None}
        alerted = {(item.lead, item.manager) for item in due if item.code != CHANGED}
        return Known(
            messages.shown(db, self._names, pairs),
            frozenset(messages.offered(db, self._names, pairs)),
            frozenset(item.id for item in due if item.code == CHANGED and (item.lead, item.manager) in alerted),
        )

    @staticmethod
    def route_of_change(routes: Collection[Route], item: Due, known: Known) -> Route | None:
        """The route whose message a change is for; None where nobody has one."""
        shown = known.of(item)
        if shown is None or item.id in known.obsolete:
            return None
        return next((route for route in routes if route.edits and route.name == shown.route), None)

    def changed(
        self, lead: Mapping[str, Any], latest: Mapping[str, Any] | None, due: str | None, item: Due, known: Known
    ) -> tuple[str, str]:
        """Subject and text of a message that is to show how the lead stands now."""
        offered = known.is_offered(item)
        choices = self._choices(item.manager)
        return render_standing(lead, latest, item.manager, choices.titles, choices.language, due, offered=offered)

    def completed(
        self, db: sa.Connection, message: Message, lead: Mapping[str, Any], item: Due, known: Known
    ) -> Message:
        """A message with its buttons, and the one that it edits or replaces."""
        before, offered = known.of(item), known.is_offered(item)
        number = partial(self._names.managers.number, db)
        if item.code in EDITS and before is not None:
            buttons = self._choices(item.manager).of(lead, item.manager, before.view, number, offered=offered)
            return replace(message, address=before.address, buttons=buttons, edit=before.ref)
        buttons = self._choices(item.manager).of(lead, item.manager, "", number, offered=offered)
        same = before is not None and before.address == message.address
        return replace(message, buttons=buttons, replaces=before.ref if before is not None and same else None)

    def choices(self, db: sa.Connection, lead: Mapping[str, Any], item: Due, known: Known) -> Sequence[Button]:
        """What the reader of a notice can do about its lead now."""
        number = partial(self._names.managers.number, db)
        return self._choices(item.manager).of(lead, item.manager, "", number, offered=known.is_offered(item))

    def keep(
        self,
        db: sa.Connection,
        route: Route,
        sent: Sequence[tuple[Due, Message, Delivery]],
        now: datetime,
    ) -> None:
        """Remember what can be edited from now on."""
        kept = [
            Sent(item.lead, item.manager, route.name, message.address, delivery.ref)
            for item, message, delivery in sent
            if item.lead is not None and delivery.ref is not None
        ]
        if kept:
            messages.keep(db, self._names, kept, self._new_id, now)
