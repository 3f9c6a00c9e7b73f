"""One lead: taken down by hand, accepted, declined, handed on, closed, reopened."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ingest.cli.answer import Answer, InOrder, Json, answering, asking, reaching, said
from ingest.cli.tables import printable
from ingest.cli.trial import trial
from ingest.cli.wording import headed, person

if TYPE_CHECKING:
    from ingest.client import Reached

Order = str | int | None


@click.group(cls=InOrder)
def lead() -> None:
    """Take down, accept, decline, assign, close or reopen a lead."""


def _acts(function: Callable[..., Answer]) -> Callable[..., int]:
    """A verb that changes a lead."""
    version = click.option("--version", type=int, metavar="N", help="Only if the lead is still at this version.")
    return click.argument("lead")(asking(version(function)))


def _act(reached: "Reached", lead: str, action: str, order: Mapping[str, Order]) -> Answer:
    given = {name: value for name, value in order.items() if value is not None}
    shown = reached.api.post("leads", lead, action, order=given)
    return Answer(shown, headed(shown))


@lead.command()
@_acts
@click.option("--manager", metavar="NAME", help="Who takes it; left out: its owner.")
def accept(reached: "Reached", lead: str, **order: Order) -> Answer:
    """Take a lead into work."""
    return _act(reached, lead, "accept", order)


@lead.command()
@_acts
@click.option("--manager", metavar="NAME", help="Who cannot take it; left out: whoever has it.")
@click.option("--reason", metavar="TEXT", help="Why not.")
def decline(reached: "Reached", lead: str, **order: Order) -> Answer:
    """Say that a manager cannot take a lead: it goes to the next."""
    return _act(reached, lead, "decline", order)


@lead.command()
@_acts
@click.option("--manager", metavar="NAME", help="To whom; it uses no turn of his.")
@click.option("--team", metavar="TEAM", help="To which team; without a manager it waits there for a free one.")
def assign(reached: "Reached", lead: str, **order: Order) -> Answer:
    """Give a lead to a manager, or put it before another team."""
    return _act(reached, lead, "assign", order)


@lead.command(name="hand-over")
@_acts
@click.option("--manager", metavar="NAME", required=True, help="To whom; it uses no turn of his.")
def hand_over(reached: "Reached", lead: str, **order: Order) -> Answer:
    """Give a lead to a colleague."""
    return _act(reached, lead, "assign", order)


@lead.command()
@_acts
@click.option("--reason", metavar="CODE", help="One of `reasons` in the configuration.")
def disqualify(reached: "Reached", lead: str, **order: Order) -> Answer:
    """Close a lead that is none."""
    return _act(reached, lead, "disqualify", order)


@lead.command()
@_acts
@click.option("--reason", metavar="CODE", help="One of `reasons` in the configuration.")
def lose(reached: "Reached", lead: str, **order: Order) -> Answer:
    """Close a lead that came to nothing."""
    return _act(reached, lead, "lose", order)


@lead.command()
@_acts
def convert(reached: "Reached", lead: str, **order: Order) -> Answer:
    """Close a lead that became business."""
    return _act(reached, lead, "convert", order)


@lead.command()
@_acts
def reopen(reached: "Reached", lead: str, **order: Order) -> Answer:
    """Let a closed lead wait for a free manager again."""
    return _act(reached, lead, "reopen", order)


@lead.command(epilog='Example: priyom lead reply LEAD "Да, есть. Когда вам привезти?"')
@click.argument("lead")
@click.argument("text")
@asking
@click.option("--manager", metavar="NAME", help="In whose name; a lead that was given to him is accepted by that.")
@click.option("--interaction", metavar="ID", help="What it answers; left out: what the client wrote last.")
@click.option("--key", metavar="KEY", help="The same key and text again say nothing again.")
def reply(reached: "Reached", lead: str, text: str, **given: Order) -> Answer:
    """Answer the client by the channel that he wrote from."""
    order = {name: value for name, value in given.items() if value is not None}
    shown = reached.api.post("leads", lead, "reply", order={"text": text, **order})
    again = " (was said before)" if shown["duplicate"] else ""
    return Answer(
        shown, f"{shown['id']} {shown['state']} by {shown['channel']} to {printable(shown['to'] or '')}{again}"
    )


@lead.command()
@click.argument("lead")
@asking
def done(reached: "Reached", lead: str) -> Answer:
    """Say that what was to be done about a lead is done: its client was called back, or answered."""
    shown = reached.api.get("leads", lead)
    open_ones = [one["id"] for one in shown["activities"] if one["done_at"] is None]
    for activity in open_ones:
        shown = reached.api.post("activities", activity, "done", order={})
    return Answer(shown, f"{len(open_ones)} done" if open_ones else "nothing was to be done")


@lead.command(epilog='Example: priyom lead add --name "Анна" --phone "8 912 345-67-89" --text "цемент м500" --preview')
@answering
@click.option("--name", help="How the client introduces himself.")
@click.option("--phone", "phones", multiple=True, help="In any spelling; may be given several times.")
@click.option("--email", "emails", multiple=True, help="May be given several times.")
@click.option("--text", help="What it is about.")
@click.option("--company")
@click.option("--city")
@click.option("--source", help="Where it came from, in the company's words.")
@click.option("--channel", metavar="NAME", help="The configured channel that it came by.")
@click.option("--team", metavar="TEAM", help="Before what the rules say.")
@click.option("--manager", metavar="NAME", help="Who gets it; it uses no turn of his.")
@click.option("--contact", metavar="CONTACT", help="Whom it is from, whatever the keys say.")
@click.option("--new", is_flag=True, help="It is from somebody who is not known yet.")
@click.option("--preview", is_flag=True, help="Show whom it may be from and what would happen, store nothing.")
def add(config: Path, *, as_json: bool, preview: bool, new: bool, **given: Any) -> int:
    """Take an approach down by hand. Whom it may be from is shown first."""
    order = {name: value for name, value in given.items() if value}
    order |= {"new": True} if new else {}
    with reaching(config) as reached:
        shown = reached.api.post("leads", order=order | {"preview": True})
        if not as_json:
            for match in shown["matches"]:
                click.echo(f"known: {person(match['contact'])}: {_open_leads(match['leads'])}")
        if preview:
            return said(Answer(shown, trial(shown, reached)), as_json=as_json)
        shown = reached.api.post("leads", order=order)
    return said(Answer(shown, headed(shown)), as_json=as_json)


def _open_leads(leads: Sequence[Json]) -> str:
    told = (f"{lead['state']} {lead['owner'] or 'nobody'} «{printable(lead['title'])}»" for lead in leads)
    return "; ".join(told) or "no open lead"
