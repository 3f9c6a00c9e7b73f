"""A copy of the store, while a daemon runs or not."""

import os
from pathlib import Path

import click

from ingest.cli.answer import WRONG, Answer, Trouble, answering, said


@click.command(epilog="Example: priyom backup /srv/backup/2026-11-22")
@answering
@click.argument("folder", type=click.Path(path_type=Path))
def backup(config: Path, folder: Path, *, as_json: bool) -> int:
    """Copy the embedded store and its files into a folder.

    The folder is made; the daemon may go on meanwhile.
    """
    from ingest.config.load import load
    from storage.backup import CannotCopy, back_up

    loaded = load(config, os.environ, ("storage", "timezone", "language"))
    if loaded.config is None:
        raise Trouble("\n".join(map(str, loaded.faults)), WRONG)
    url = loaded.config.storage.url.get_secret_value()
    if not url.startswith("sqlite:"):
        raise Trouble(
            f"PostgreSQL has its own: pg_dump --format=custom --file=FILE, and a copy of {loaded.config.files}", WRONG
        )
    try:
        copied = back_up(Path(url.removeprefix("sqlite:///")), loaded.config.files, folder)
    except CannotCopy as error:
        raise Trouble(str(error), WRONG) from error
    shown = {"folder": str(folder), "size": copied.size, "files": copied.files}
    return said(Answer(shown, f"{folder}: {copied.size:,} bytes and {copied.files} files"), as_json=as_json)
