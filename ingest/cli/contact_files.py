"""Contacts in files: brought in from a table, and written out as one."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ingest.cli.answer import DONE, NO, WRONG, Answer, Trouble, asking

if TYPE_CHECKING:
    from ingest.client import Reached
    from ingest.contact_files.bringing import Brought

_EVERY: Final = 1.0
"""Seconds between two reports of progress."""


def _pairs(_: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    pairs = [one.partition("=") for one in given]
    if any(not name or not value for name, _mark, value in pairs):
        raise click.BadParameter(f"write {parameter.metavar}")
    return {name.strip(): value.strip() for name, _mark, value in pairs}


@click.command("import", epilog="Example: priyom contacts import clients.xlsx --preview")
@asking
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--preview", is_flag=True, help="Show what would happen, change nothing.")
@click.option(
    "--column",
    "said",
    multiple=True,
    metavar="FIELD=HEADING",
    callback=_pairs,
    help="Which column says it; fields: name, phone, email, telegram, vk, company, owner.",
)
@click.option(
    "--owner",
    "owners",
    multiple=True,
    metavar="TEXT=MANAGER",
    callback=_pairs,
    help="Which manager a text in the owner's column means.",
)
@click.option("--sheet", metavar="NAME", help="Of a workbook; left out: its first.")
@click.option("--encoding", metavar="NAME", help="Of a text file; left out: told by its beginning.")
@click.option("--from", "since", type=click.IntRange(2), default=2, metavar="LINE", help="Go on from this line.")
@click.option("--refused", type=click.Path(path_type=Path), metavar="FILE", help="Where rows go that are not taken.")
def import_(
    reached: "Reached",
    file: Path,
    said: dict[str, str],
    owners: dict[str, str],
    sheet: str | None,
    encoding: str | None,
    since: int,
    refused: Path | None,
    *,
    preview: bool,
) -> Answer:
    """Bring contacts in from a CSV or XLSX file; nobody is entered twice, however often it is sent."""
    from ingest.client import Refusal, Unreachable
    from ingest.contact_files.bringing import Bringing, Brought, opened
    from ingest.contact_files.columns import BadColumn
    from ingest.contact_files.reading import BadFile

    rejects = refused or file.with_name(f"{file.stem}.refused.csv")
    if rejects.resolve() == file.resolve():
        raise Trouble("--refused is the file itself, which would be lost; name another", WRONG)
    brought = Brought()
    try:
        table = opened(file, said, sheet, encoding)
        if table.columns.passed_over:
            click.echo(f"not taken: {', '.join(table.columns.passed_over)}", err=True)
        for brought in Bringing(reached.api, owners, preview=preview).bring(table, since, rejects, _progress()):  # noqa: B007 - the last is told
            pass
    except (BadFile, BadColumn) as error:
        raise Trouble(f"{_so_far(brought)}{error}", WRONG) from error
    except (Unreachable, Refusal, KeyboardInterrupt) as error:
        raise Trouble(f"{_so_far(brought)}{error}".strip(), WRONG) from error
    except OSError as error:
        raise Trouble(f"{_so_far(brought)}{_unwritten(rejects, error)}", WRONG) from error
    shown = {
        "counts": dict(brought.counts),
        "doubts": dict(brought.doubts),
        "repeats": brought.repeats,
        "refused_file": str(rejects) if brought.refused else None,
        "preview": preview,
    }
    return Answer(shown, _told(brought, preview=preview), _beside(brought, rejects), NO if brought.refused else DONE)


def _unwritten(path: Path, error: OSError) -> str:
    return f"cannot write to {path} ({error.strerror or error})"


def _so_far(brought: "Brought") -> str:
    return f"taken up to line {brought.last}; go on with --from {brought.last + 1}. " if brought.last else ""


def _told(brought: "Brought", *, preview: bool) -> str:
    counts, doubts = brought.counts, brought.doubts
    new, known = ("would be new", "are known") if preview else ("new", "known already")
    lines = [
        f"contacts {new}: {counts['created']}",
        f"contacts {known}: {counts['known']}",
        f"companies and lines: {counts['company']}",
        f"rows of somebody in an earlier row: {brought.repeats}",
        f"rows refused: {counts['refused']}",
    ]
    if doubts["keys_of_two"]:
        lines.append(f"may be one person, to be judged with `contacts suggestions`: {doubts['keys_of_two']}")
    if doubts["another_name"]:
        lines.append(f"known under another name: {doubts['another_name']}")
    if doubts["another_owner"]:
        lines.append(f"have another owner, whose they stay: {doubts['another_owner']}")
    if doubts["another_company"]:
        lines.append(f"work somewhere else by what is known, and still do: {doubts['another_company']}")
    return "\n".join(lines)


def _beside(brought: "Brought", rejects: Path) -> str:
    return f"what was refused, and why, is in {rejects}: mend it and send that file" if brought.refused else ""


def _progress() -> "Callable[[Brought], None]":
    """Tell how far it is, from time to time, where somebody looks."""
    if not sys.stderr.isatty():
        return lambda _: None
    told = time.monotonic()

    def tell(brought: "Brought") -> None:
        nonlocal told
        if time.monotonic() - told >= _EVERY:
            told = time.monotonic()
            click.echo(f"\r{brought.last:,} lines, {brought.refused:,} refused", nl=False, err=True)

    return tell


@click.command(epilog="Example: priyom contacts export clients.xlsx")
@asking
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default=Path("-"))
def export(reached: "Reached", file: Path) -> Answer:
    """Write all contacts as CSV, or as XLSX where FILE ends so; without FILE on standard output, as CSV, or with --json whole."""
    from ingest.contact_files.writing import as_csv, as_workbook, contacts

    if str(file) == "-":
        if click.get_current_context().params["as_json"]:
            return Answer({"items": list(contacts(reached.api)), "next": None})
        as_csv(reached.api, sys.stdout)
        return Answer({})
    try:
        if file.suffix.lower() == ".xlsx":
            count = as_workbook(reached.api, file)
        else:
            with file.open("w", encoding="utf-8-sig", newline="") as written:
                count = as_csv(reached.api, written)
    except OSError as error:
        raise Trouble(_unwritten(file, error), WRONG) from error
    return Answer({"contacts": count, "file": str(file)}, f"{count} contacts in {file}")
