"""Channels and notices: how what brings leads in and what tells managers is doing."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ingest.cli.answer import Json, Listing, asking
from ingest.cli.wording import moment

if TYPE_CHECKING:
    from ingest.client import Reached


@click.command()
@asking
def channels(reached: "Reached") -> Listing:
    """List the channels and how they are."""
    shown = reached.api.listed("channels", None)
    return Listing(shown, ("channel", "kind", "state"), lambda item: (item["name"], item["kind"], item["state"]))


@click.command()
@asking
def notices(reached: "Reached") -> Listing:
    """List the notices that have not reached their manager."""

    def row(item: Json) -> Sequence[object]:
        again = moment(item["due_at"], reached) if item["state"] == "due" else None
        return item["state"], item["manager"], item["lead"], item["code"], item["attempts"], again, item["error"]

    shown = reached.api.listed("notices", None)
    return Listing(shown, ("state", "manager", "lead", "notice", "attempts", "again at", "error"), row)
