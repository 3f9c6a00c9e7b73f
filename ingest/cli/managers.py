"""Managers: how they stand, switched on and off, handed over, invited; and signing in to the desk."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ingest.cli.answer import Answer, InOrder, Json, Listing, asking
from ingest.cli.wording import moment, yes

if TYPE_CHECKING:
    from ingest.client import Reached


@click.group(cls=InOrder, invoke_without_command=True)
@asking
def managers(reached: "Reached") -> Listing:
    r"""List the managers and how they stand; switch or invite one.

    \b
    priyom managers away NAME
    priyom managers available NAME
    priyom managers invite NAME
    """
    head = ("manager", "name", "teams", "gets leads", "open", "capacity", "offered", "why not")
    return Listing(reached.api.listed("managers", None), head, _row)


def _row(item: Json) -> Sequence[object]:
    capacity = "no limit" if item["capacity"] is None else item["capacity"]
    teams = ", ".join(item["teams"])
    offered, most = item.get("offered", 0), item.get("offers")
    offers = offered if most is None else f"{offered} of {most}"
    return item["name"], item["title"], teams, yes(item["eligible"]), item["open"], capacity, offers, item["why_not"]


@managers.command()
@asking
@click.argument("name")
def available(reached: "Reached", name: str) -> Answer:
    """Switch a manager on: waiting leads go out to him at once."""
    return _switched(reached, name, available=True)


@managers.command()
@asking
@click.argument("name")
def away(reached: "Reached", name: str) -> Answer:
    """Switch a manager off: he gets nothing new and keeps what he has."""
    return _switched(reached, name, available=False)


def _switched(reached: "Reached", name: str, *, available: bool) -> Answer:
    shown = reached.api.put("managers", name, "availability", order={"available": available})
    why_not = "gets leads" if shown["eligible"] else f"gets none: {shown['why_not']}"
    switch = "available" if shown["available"] else "away"
    return Answer(shown, f"{shown['name']}: {switch}, {shown['open']} open leads, {why_not}")


@managers.command(name="hand-over")
@asking
@click.argument("name")
@click.option("--to", metavar="MANAGER", help="To whom; left out: to whoever has the turn.")
def hand_over(reached: "Reached", name: str, to: str | None) -> Answer:
    """Give all open leads of a manager to another: before he goes on leave, or after he left."""
    shown = reached.api.post("managers", name, "hand-over", order={"to": to})
    return Answer(shown, f"{shown['leads']} leads of {name} {'go out in turn' if to is None else f'are with {to} now'}")


@managers.command()
@asking
@click.argument("name")
def invite(reached: "Reached", name: str) -> Answer:
    """Make a link by which a manager is told by Telegram: he opens it once, within a week."""
    shown = reached.api.post("managers", name, "invite", order={})
    return Answer(shown, f"{shown['link']}\nfor {shown['manager']}, once, until {moment(shown['until'], reached)}")


@click.command(epilog="Example: priyom login --as irina")
@asking
@click.option("--as", "person", metavar="PERSON", help="A director or manager; left out: the first director.")
def login(reached: "Reached", person: str | None) -> Answer:
    """Print a link that signs in to the desk once, within ten minutes."""
    shown = reached.api.post("login-links", order={} if person is None else {"person": person})
    until = moment(shown["until"], reached)
    return Answer(shown, shown["url"], beside=f"signs in {shown['person']} once, until {until}")
