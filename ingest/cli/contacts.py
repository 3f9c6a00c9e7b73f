"""Contacts: found, merged, parted, and the judgement of who may be one person."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ingest.cli.answer import Answer, InOrder, Json, Listing, asking, limited
from ingest.cli.wording import moment, person

if TYPE_CHECKING:
    from ingest.client import Reached


@click.group(cls=InOrder, invoke_without_command=True)
@asking
@limited
@click.option("--key", metavar="KIND:VALUE", help="For example phone:+79161234567, in any spelling.")
@click.option("--q", metavar="TEXT", help="A part of the name or of a key.")
def contacts(reached: "Reached", limit: int, key: str | None, q: str | None) -> Listing:
    """List contacts; merge them, part them, judge who may be one."""

    def row(item: Json) -> Sequence[object]:
        keys = ", ".join(key["value"] for key in item["keys"])
        return item["id"], moment(item["created_at"], reached), item["name"], keys

    shown = reached.api.listed("contacts", limit, key=key, q=q)
    return Listing(shown, ("contact", "known since", "name", "keys"), row)


@contacts.command(epilog="Example: priyom contacts merge 0190…a1 0190…b2 --preview")
@asking
@click.argument("contact")
@click.argument("absorbed")
@click.option("--preview", is_flag=True, help="Show what would happen, change nothing.")
def merge(reached: "Reached", contact: str, absorbed: str, *, preview: bool) -> Answer:
    """Make ABSORBED a part of CONTACT. `contacts undo` takes it back."""
    shown = reached.api.post("contacts", contact, "merge", order={"absorb": absorbed, "preview": preview})
    return Answer(shown, _would_be(shown["preview"]) if preview else f"merge {shown['merge']}")


def _would_be(would: Json) -> str:
    folds = (f"lead {fold['lead']} would go on in {fold['into']}" for fold in would["folds"])
    return "\n".join((f"would be: {person(would['contact'])}", *folds))


@contacts.command()
@asking
@click.argument("merge")
def undo(reached: "Reached", merge: str) -> Answer:
    """Take a merge back: each contact has its leads again as they were."""
    shown = reached.api.post("merges", merge, "undo", order={})
    return Answer(shown, f"merge {shown['id']}: undone at {moment(shown['undone_at'], reached)}")


@contacts.command()
@asking
@click.argument("contact")
@click.option("--key", "keys", multiple=True, metavar="KIND:VALUE", help="With all that came by it.")
@click.option("--interaction", "interactions", multiple=True, metavar="ID", help="A single one, as `contact` shows it.")
def split(reached: "Reached", contact: str, keys: tuple[str, ...], interactions: tuple[str, ...]) -> Answer:
    """Give keys and interactions that are somebody else's a contact of their own."""
    order = {"keys": list(keys), "interactions": list(interactions)}
    shown = reached.api.post("contacts", contact, "split", order=order)
    undone = "" if shown["undone"] is None else f", by undoing merge {shown['undone']}"
    return Answer(shown, f"contact {shown['contact']}{undone}")


@contacts.command()
@asking
@limited
@click.option("--language", type=click.Choice(["ru", "en"]), help="Left out: the company's.")
def suggestions(reached: "Reached", limit: int, language: str | None) -> Listing:
    """List contacts that may be one person."""

    def row(item: Json) -> Sequence[object]:
        return item["id"], person(item["contact"]), person(item["other"]), item["reason"]

    shown = reached.api.listed("suggestions", limit, state="open", language=language)
    return Listing(shown, ("suggestion", "contact", "other", "why"), row)


@contacts.command()
@asking
@click.argument("suggestion")
def join(reached: "Reached", suggestion: str) -> Answer:
    """Answer a suggestion: they are one person, merge them."""
    return _judged(reached, suggestion, "join")


@contacts.command()
@asking
@click.argument("suggestion")
def apart(reached: "Reached", suggestion: str) -> Answer:
    """Answer a suggestion: they are two people, never join them."""
    return _judged(reached, suggestion, "apart")


@contacts.command()
@asking
@click.argument("suggestion")
def dismiss(reached: "Reached", suggestion: str) -> Answer:
    """Answer a suggestion: leave it open."""
    return _judged(reached, suggestion, "dismiss")


def _judged(reached: "Reached", suggestion: str, verdict: str) -> Answer:
    shown = reached.api.post("suggestions", suggestion, verdict, order={})
    return Answer(shown, f"{shown['id']}: {shown['verdict']}")
