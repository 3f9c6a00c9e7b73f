"""`try`: what would happen to an approach, and how that is put."""

from typing import TYPE_CHECKING

import click

from ingest.cli.answer import Answer, Json, asking
from ingest.cli.tables import printable
from ingest.cli.wording import sentences, standing

if TYPE_CHECKING:
    from ingest.client import Reached


@click.command(
    name="try",
    epilog='Example: priyom try --channel site --phone "8 912 345-67-89" --text "цемент м500" --at "2026-11-28 23:10"',
)
@asking
@click.option("--channel", required=True, metavar="NAME", help="The channel that it would come by.")
@click.option("--name", help="How the client introduces himself.")
@click.option("--phone", help="In any spelling.")
@click.option("--email")
@click.option("--text", help="What the client writes.")
@click.option("--city")
@click.option("--at", metavar="TIME", help="When, in the company's zone; left out: now.")
def attempt(reached: "Reached", **approach: str | None) -> Answer:
    """Show what would happen to an approach; nothing is stored."""
    order = {name: value for name, value in approach.items() if value is not None}
    shown = reached.api.post("try", order=order)
    return Answer(shown, trial(shown, reached))


def trial(shown: Json, reached: "Reached") -> str:
    """What would happen, for people."""
    lines = [shown["outcome"] if shown["reason"] is None else f"{shown['outcome']}: {shown['reason']}"]
    if lead := shown.get("lead"):
        lines += [printable(lead["title"]), standing(lead)]
    if told := shown.get("sentences"):
        lines += ["", sentences(told, reached)]
    if notice := shown.get("notice"):
        text = "\n".join(
            ("  " + printable(line)).rstrip() for line in (notice["subject"], *notice["text"].splitlines())
        )
        lines += ["", f"notice to {notice['to']}:", text]
    return "\n".join(lines)
