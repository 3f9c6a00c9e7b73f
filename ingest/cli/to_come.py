"""Verbs that are promised and that this version does not have: each says so."""

import click

from ingest.cli.answer import WRONG


def not_built(verb: str) -> int:
    """Say that this version has no such verb; the exit code."""
    click.echo(f"priyom {verb} is not built in this version", err=True)
    return WRONG


def add_not_built(group: click.Group, prefix: str, *verbs: str) -> None:
    """Give a group verbs that say that they are to come, and whatever is said after them is taken."""
    anything = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
    for verb in verbs:
        group.add_command(
            click.Command(
                verb,
                callback=lambda verb=verb: not_built(f"{prefix}{verb}"),
                context_settings=anything,
                hidden=True,
                add_help_option=False,
            )
        )
