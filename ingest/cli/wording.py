"""How verbs put what the API tells: times, people, how a lead stands."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ingest.cli.tables import printable

if TYPE_CHECKING:
    from ingest.client import Reached

Json = dict[str, Any]


def moment(text: str | None, reached: "Reached") -> str | None:
    """A time of the API in the company's zone, to the minute."""
    from datetime import datetime

    return None if text is None else f"{datetime.fromisoformat(text).astimezone(reached.zone):%Y-%m-%d %H:%M}"


def standing(lead: Json) -> str:
    """How a lead stands, in a phrase."""
    state = lead["state"] if lead["reason"] is None else f"{lead['state']} ({lead['reason']})"
    owner = "" if lead["owner"] is None else f", {lead['owner']}"
    return f"{state}{owner}, team {lead['team']}, version {lead['version']}"


def headed(lead: Json) -> str:
    """The title of a lead and how it stands."""
    return f"{printable(lead['title'])}: {standing(lead)}"


def sentences(told: Sequence[Json], reached: "Reached") -> str:
    """Decisions, one a line."""
    return "\n".join(f"{moment(one['at'], reached)}  {printable(one['text'])}" for one in told)


def person(contact: Json) -> str:
    """A contact on one line."""
    keys = ", ".join(key["value"] for key in contact["keys"])
    return printable(f"{contact['name'] or 'no name'} ({keys or 'no keys'}), {contact['id']}")


def yes(value: object) -> str:
    """A truth."""
    return "yes" if value else "no"
