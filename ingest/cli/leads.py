"""Leads: which there are, and why each is whose it is."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ingest.cli.answer import Answer, Json, Listing, asking, limited
from ingest.cli.tables import printable
from ingest.cli.wording import moment, sentences

if TYPE_CHECKING:
    from ingest.client import Reached


@click.command(epilog='Example: priyom leads --state unprocessed --q "912 345"')
@asking
@limited
@click.option(
    "--state", metavar="STATE", help="unprocessed, assigned, in_work, converted, lost, disqualified or merged."
)
@click.option("--owner", metavar="MANAGER")
@click.option("--team", metavar="TEAM")
@click.option("--channel", metavar="NAME")
@click.option("--q", metavar="TEXT", help="A part of the title, the contact's name or a key.")
def leads(reached: "Reached", limit: int, **query: str | None) -> Listing:
    """List leads, newest first."""

    def row(item: Json) -> Sequence[object]:
        created, due = moment(item["created_at"], reached), moment(item["due_at"], reached)
        return item["id"], created, _state(item), item["owner"], item["team"], item["channel"], due, item["title"]

    shown = reached.api.listed("leads", limit, **query)
    return Listing(shown, ("lead", "created", "state", "owner", "team", "channel", "due", "title"), row)


@click.command()
@asking
@click.argument("lead")
@click.option("--language", type=click.Choice(["ru", "en"]), help="Left out: the company's.")
def explain(reached: "Reached", lead: str, language: str | None) -> Answer:
    """Say why a lead is whose it is: every decision in sentences."""
    shown = reached.api.get("leads", lead, "explain", language=language)
    lines = (printable(shown["title"]), _state(shown), "", sentences(shown["sentences"], reached))
    return Answer(shown, "\n".join(lines))


def _state(lead: Json) -> str:
    return lead["state"] if lead["reason"] is None else f"{lead['state']}: {lead['reason']}"
