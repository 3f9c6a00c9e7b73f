"""Notices put into words for a route: one message a notice, or where many come at once for one person, one with a list."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from typing import Final

import sqlalchemy as sa
import structlog

from ingest.health.wording import ALARM, CLEAR, told
from ingest.notices import summary
from ingest.notices.editing import Editing, Known
from ingest.notices.links import Linked, Links
from ingest.notices.people import People
from ingest.notices.route import Message, Route
from ingest.notices.summary import Reader
from ingest.notices.texts import TEXTS, offer_lines, render, render_many, standing
from kernel.facts import fact
from kernel.texts import Language
from storage import lead_views
from storage import summary as summaries
from storage.messages import CHANGED
from storage.names import Names
from storage.outbox import Due

BURST: Final = 4
"""So many notices of leads at once for one person become one message."""

SUMMARY: Final = "summary"

LISTED: Final = ("lead_assigned", "wrote_again", "missed_call", "client_called")
"""What may stand in a list: notices that ask for no answer of their own."""

HIS: Final = frozenset({*LISTED, "lead_took_in", "lead_returned"})
"""What is told to a lead's owner as such. To one who has it no more when it is sent, it is told how the lead stands for him."""

log = structlog.get_logger("priyom.notices")


@fact
class Composed:
    """A message, and the notices that it tells; None where they could not be put into words."""

    items: tuple[Due, ...]
    message: Message | None


class Composer:
    """Renders at the moment of sending, so that a notice says how things stand then.

    `troubles` says of each channel that is not well what is wrong.
    """

    def __init__(
        self,
        names: Names,
        people: People,
        editing: Editing,
        links: Links,
        now: Callable[[], datetime],
        troubles: Callable[[Language], Mapping[str, str]],
    ) -> None:
        self._names = names
        self._people = people
        self._editing = editing
        self._links = links
        self._now = now
        self._troubles = troubles

    def compose(self, db: sa.Connection, route: Route, items: Sequence[Due], known: Known) -> list[Composed]:
        """Messages for `items`, which all go by `route`: a fixed number of statements."""
        composed = [self._summary(db, route, item) for item in items if item.code == SUMMARY]
        items = [item for item in items if item.code != SUMMARY]
        shown = lead_views.for_notices(db, sorted({lead for item in items for lead in item.leads}))
        for group in _grouped(items):
            try:
                composed.append(Composed(group, self._message(db, route, group, shown, known)))
            except (LookupError, ValueError):
                log.exception("a notice could not be rendered", action="notice.unreadable", notice=group[0].uid)
                composed.append(Composed(group, None))
        return composed

    def _summary(self, db: sa.Connection, route: Route, item: Due) -> Composed:
        """A day's account for one reader, as things stand when it is sent."""
        name, teams = item.record["day"], item.record["teams"]
        zone = self._people.company_zone()
        since = datetime.combine(date.fromisoformat(name), time(), zone)
        now = self._now()
        figures = summaries.day(db, self._names, name, since, now, teams)
        language = self._people.language(item.manager)
        reader = Reader(language, self._people.title, self._people.lead_address, self._troubles(language))
        subject, text = summary.render(figures, name, now, reader)
        return Composed((item,), Message(item.uid, item.manager, route.address(item.manager) or "", subject, text))

    def _message(
        self, db: sa.Connection, route: Route, group: Sequence[Due], shown: Mapping[int, lead_views.Told], known: Known
    ) -> Message:
        first = group[0]
        language = self._people.language(first.manager)
        if len(group) > 1:
            leads = [shown[item.lead][0] for item in group if item.lead is not None]
            subject = TEXTS.say("several", language, count=len(group))
            text = "\n".join(self._line(first, item.code, lead) for item, lead in zip(group, leads, strict=True))
        elif first.code in {ALARM, CLEAR}:
            subject, text = told(first.code, first.record, language, f"{self._people.address()}/")
        elif first.lead is None:
            subject, text = render_many(first.code, [shown[lead][0] for lead in first.leads], language)
        else:
            lead, latest = shown[first.lead]
            due = self._due(first.manager, lead)
            if first.code == CHANGED or _is_over(first, first.code, lead):
                subject, text = self._editing.changed(lead, latest, due, first, known)
            else:
                subject, text = self._told(first, lead, latest, due)
            address = route.address(first.manager) or ""
            message = Message(first.uid, first.manager, address, subject, text, answerable=True)
            if route.edits:
                return self._editing.completed(db, message, lead, first, known)
            return self._with_links(db, message, lead, first, known) if route.links else message
        return Message(first.uid, first.manager, route.address(first.manager) or "", subject, text)

    def _with_links(
        self, db: sa.Connection, message: Message, lead: lead_views.Json, item: Due, known: Known
    ) -> Message:
        """What can be done, as links under the text."""
        buttons = self._editing.choices(db, lead, item, known)
        links = [
            f"{button.text}: {self._people.address()}/act/"
            f"{self._links.token(Linked(item.manager, button.data, item.offer), self._now())}"
            for button in buttons
        ]
        return replace(message, text="\n".join([message.text, "", *links])) if links else message

    def _told(
        self, item: Due, lead: lead_views.Json, latest: lead_views.Json | None, due: str | None
    ) -> tuple[str, str]:
        language = self._people.language(item.manager)
        more = offer_lines(item.code, item.record, language, self._people.title, self._reads(item.manager))
        if lead["due_at"] in lead["to_do"].values():
            due = None
        return render(item.code, lead, latest, language, due, [*more, *self._to_do(item.manager, lead)])

    def _reads(self, person: str) -> Callable[[datetime], str]:
        return lambda moment: self._people.at(person, moment)

    def _line(self, item: Due, code: str, lead: lead_views.Json) -> str:
        language = self._people.language(item.manager)
        if _is_over(item, code, lead):
            code, _ = standing(lead, item.manager, offered=False)
            return "– " + TEXTS.say(code, language, title=lead["title"], owner=self._people.title(lead["owner"]))
        line = "– " + TEXTS.say(code, language, title=lead["title"])
        until = ", ".join(self._to_do(item.manager, lead)).lower()
        due = self._due(item.manager, lead)
        if not until and due is not None:
            until = f"{TEXTS.say('due_by', language).lower()} {due}"
        return f"{line}{until and f' ({until})'}\n  {self._people.lead_address(lead['id'])}"

    def _to_do(self, manager: str, lead: lead_views.Json) -> list[str]:
        """What is to be done for the client, each with the time until when: a missed call, a mail without an answer."""
        language = self._people.language(manager)
        return [
            f"{TEXTS.say(f'do_{kind}', language)}: {self._people.at(manager, datetime.fromisoformat(by))}"
            for kind, by in lead["to_do"].items()
        ]

    def _due(self, manager: str, lead: lead_views.Json) -> str | None:
        due = lead["due_at"]
        return None if due is None else self._people.at(manager, datetime.fromisoformat(due))


def _is_over(item: Due, code: str, lead: lead_views.Json) -> bool:
    """Whether what is told to an owner comes to somebody who is none: it was held back, and the lead has moved on."""
    return code in HIS and lead["owner"] != item.manager


def _grouped(items: Sequence[Due]) -> list[tuple[Due, ...]]:
    """What goes into one message: a person's notices that may stand in a list, where there are many; else each by itself."""
    listed: dict[str, list[Due]] = {}
    for item in items:
        if item.code in LISTED:
            listed.setdefault(item.manager, []).append(item)
    together = {manager for manager, notices in listed.items() if len(notices) >= BURST}
    groups = [tuple(listed[manager]) for manager in sorted(together)]
    return groups + [(item,) for item in items if item.code not in LISTED or item.manager not in together]
