"""The journal: the ledger, what failed or was ignored, and running it through again."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ingest.cli.answer import DONE, NO, Answer, Json, Listing, answering, asking, limited, reaching, said
from ingest.cli.tables import table
from ingest.cli.wording import moment, yes

if TYPE_CHECKING:
    from ingest.client import Reached

_FIGURES: Final = ("received", "created", "attached", "handled", "ignored", "failed", "pending", "duplicates")
_CHUNK: Final = 200


@click.command()
@asking
def ledger(reached: "Reached") -> Answer:
    """Show what was received, what it came to, and if that agrees."""
    shown = reached.api.get("ledger")
    head = ("channel", "day", *_FIGURES)
    lines = [table(head, ([item[name] for name in head] for item in shown["items"]))] if shown["items"] else []
    lines.append("balanced" if shown["balanced"] else "NOT BALANCED: counters, journal and leads do not agree")
    return Answer(shown, "\n".join(lines), code=DONE if shown["balanced"] else NO)


@click.command()
@asking
@limited
@click.option("--channel", metavar="NAME", help="Of one channel.")
def failed(reached: "Reached", limit: int, channel: str | None) -> Listing:
    """List what could not be read.

    `priyom replay ENVELOPE` runs it through again.
    """
    return _envelopes(reached, limit, outcome="failed", channel=channel)


@click.command()
@asking
@limited
@click.option("--channel", metavar="NAME", help="Of one channel.")
@click.option("--reason", metavar="CODE", help="For one reason: repeat, honeypot and so on.")
def ignored(reached: "Reached", limit: int, channel: str | None, reason: str | None) -> Listing:
    """List what was not taken as a client's approach.

    `priyom replay --as-client ENVELOPE` overrules that.
    """
    return _envelopes(reached, limit, outcome="ignored", channel=channel, reason=reason)


def _envelopes(reached: "Reached", limit: int, **query: str | None) -> Listing:
    def row(item: Json) -> Sequence[object]:
        reason = f"{item['reason']} (expired)" if item["expired"] else item["reason"]
        return item["id"], moment(item["received_at"], reached), item["channel"], item["attempts"], reason

    shown = reached.api.listed("envelopes", limit, **query)
    return Listing(shown, ("envelope", "received", "channel", "attempts", "reason"), row)


@click.command(epilog="Example: priyom replay --all --dry-run")
@answering
@click.argument("ids", nargs=-1, metavar="[ENVELOPE]...")
@click.option("--all", "everything", is_flag=True, help="All that failed.")
@click.option("--dry-run", is_flag=True, help="Show what would happen, change nothing.")
@click.option("--as-client", is_flag=True, help="Take it as a client's approach, also what was ignored.")
def replay(
    config: Path, ids: tuple[str, ...], *, everything: bool, dry_run: bool, as_client: bool, as_json: bool
) -> int:
    """Run failed or ignored envelopes through again."""
    if bool(ids) == everything:
        raise click.UsageError("name envelopes, or say --all")
    order = {"dry_run": dry_run, "as_client": as_client}
    with reaching(config) as reached:
        # Named here and in portions: what fails again while we go on must not be taken a second time.
        asked = _all_failed(reached) if everything else ids
        portions = [asked[start : start + _CHUNK] for start in range(0, len(asked), _CHUNK)]
        items = [item for ids in portions for item in reached.api.post("replay", order={"ids": ids, **order})["items"]]
    done = [item for item in items if item["replayed"] or "outcome" in item]
    code = DONE if len(done) == len(asked) else NO
    text, beside = (_replayed(items, dry_run=dry_run), "") if items else ("", "nothing to replay")
    return said(Answer({"items": items}, text, beside, code), as_json=as_json)


def _all_failed(reached: "Reached") -> Sequence[str]:
    return [item["id"] for item in reached.api.listed("envelopes", None, outcome="failed")["items"]]


def _replayed(items: Sequence[Json], *, dry_run: bool) -> str:
    if dry_run:
        return table(("envelope", "outcome", "reason", "owner", "lead"), map(_tried, items))
    rows = ((item["id"], yes(item["replayed"]), item.get("code", "").replace("_", " ")) for item in items)
    return table(("envelope", "replayed", "why not"), rows)


def _tried(item: Json) -> Sequence[object]:
    lead = item.get("lead") or {}
    came_to = item.get("outcome") or item.get("code", "no such envelope").replace("_", " ")
    return item["id"], came_to, item.get("reason"), lead.get("owner"), lead.get("title")
