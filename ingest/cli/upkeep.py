"""The store itself: `vacuum`."""

from typing import TYPE_CHECKING, Final

import click

from ingest.cli.answer import DONE, WRONG, Answer, Json, asking
from ingest.cli.tables import table

if TYPE_CHECKING:
    from ingest.client import Reached

_KINDS: Final = ("bodies", "notices", "links", "files")
_UNITS: Final = ("B", "KB", "MB", "GB")
_UNIT: Final = 1024


@click.command(epilog="Example: priyom vacuum --dry-run")
@asking
@click.option("--dry-run", is_flag=True, help="Count what would go, change nothing.")
@click.option("--whole", is_flag=True, help="Write SQLite's file anew; nothing is taken in meanwhile.")
def vacuum(reached: "Reached", *, dry_run: bool, whole: bool) -> Answer:
    """Drop what need not be kept, and give its room back.

    What that is, `retention` says. The daemon does so by itself every night.
    """
    shown = reached.api.post("sweep", order={"dry_run": dry_run, "whole": whole})
    while not shown["done"]:
        shown = reached.api.get("sweep")
    rows = ((kind, shown[kind]["count"], _size(shown[kind]["bytes"])) for kind in _KINDS)
    lines = [table(("kind", "would go" if shown["dry_run"] else "gone", "size"), rows)]
    if shown["freed"] is not None:
        lines.append(f"the store's file is {_size(shown['freed'])} shorter")
    return Answer(shown, "\n".join(lines), _beside(shown, dry_run=dry_run), WRONG if shown["error"] else DONE)


def _beside(shown: Json, *, dry_run: bool) -> str:
    if shown["error"]:
        return f"it ended half way: {shown['error']}; what has gone is gone, and the rest goes the next time"
    if shown["dry_run"] != dry_run:
        return "this one was under way already"
    if shown["fixed"]:
        return (
            "this store's file was made before it could become shorter while the daemon runs; its free room is used again. "
            "`priyom vacuum --whole` changes that, once"
        )
    return ""


def _size(count: int) -> str:
    size = float(count)
    for unit in _UNITS:
        if size < _UNIT or unit == _UNITS[-1]:
            break
        size /= _UNIT
    return f"{count} B" if unit == "B" else f"{size:.1f} {unit}"
