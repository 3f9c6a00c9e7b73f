"""The daemon: `run` and `migrate`."""

from pathlib import Path
from typing import Final

import click

from ingest.cli.answer import WRONG, configured

ROLES: Final = ("receive", "listen", "work", "desk")


@click.command(epilog="Example: priyom run --config /etc/priyom/config.yaml")
@configured
@click.option("--roles", default=",".join(ROLES), metavar="LIST", help=f"Which of {','.join(ROLES)}; left out: all.")
@click.option("--test-hooks", is_flag=True, help="Crash points and a clock that can be stepped, for tests only.")
def run(config: Path, roles: str, *, test_hooks: bool) -> int:
    """Run the daemon until it is told to stop."""
    wanted = tuple(role.strip() for role in roles.split(","))
    for role in wanted:
        if role not in ROLES:
            raise click.BadParameter(f"there is no role {role!r}; there are {', '.join(ROLES)}", param_hint="--roles")
    preflight()
    from ingest import daemon

    return daemon.run(config, wanted, test_hooks=test_hooks)


@click.command()
@configured
def migrate(config: Path) -> int:
    """Bring the store's schema up to this version."""
    preflight()
    from ingest import daemon

    return daemon.migrate(config)


def preflight() -> None:
    """End here where another package stands before one of ours."""
    from ingest.preflight import problems

    found = problems()
    for problem in found:
        click.echo(problem, err=True)
    if found:
        raise click.exceptions.Exit(WRONG)
