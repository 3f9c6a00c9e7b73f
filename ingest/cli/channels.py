"""Channels and notices: how what brings leads in and what tells managers is doing."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ingest.cli.answer import Json, Listing, asking
from ingest.cli.wording import moment

if TYPE_CHECKING:
    from ingest.client import Reached


@click.command()
@click.option("--language", type=click.Choice(["ru", "en"]), help="Of what is to be done; left out: the company's.")
@asking
def channels(reached: "Reached", language: str | None) -> Listing:
    """List the channels, how they are and what to do about it."""

    def row(item: Json) -> Sequence[object]:
        return item["name"], item["kind"], item["state"], moment(item["since"], reached), item["remedy"]

    shown = reached.api.listed("channels", None, language=language)
    return Listing(shown, ("channel", "kind", "state", "since", "what to do"), row)


@click.command()
@asking
def notices(reached: "Reached") -> Listing:
    """List the notices that have not reached their manager."""

    def row(item: Json) -> Sequence[object]:
        again = moment(item["due_at"], reached) if item["state"] == "due" else None
        return item["state"], item["manager"], item["lead"], item["code"], item["attempts"], again, item["error"]

    shown = reached.api.listed("notices", None)
    return Listing(shown, ("state", "manager", "lead", "notice", "attempts", "again at", "error"), row)
