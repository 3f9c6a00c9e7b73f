"""The daemon: `run` and `migrate`."""

import gc
import sys
from pathlib import Path

import click

from ingest.cli.answer import WRONG, configured
from ingest.roles import ROLES, UnknownRole, parsed


@click.command(epilog="Example: priyom run --config /etc/priyom/config.yaml")
@configured
@click.option("--roles", metavar="LIST", help=f"Which of {','.join(ROLES)} this process has; left out: all.")
@click.option("--test-hooks", is_flag=True, help="Crash points and a clock that can be stepped, for tests only.")
def run(config: Path, roles: str | None, *, test_hooks: bool) -> int:
    """Run the daemon until it is told to stop."""
    try:
        wanted = None if roles is None else parsed(roles.split(","))
    except UnknownRole as error:
        raise click.BadParameter(str(error), param_hint="--roles") from error
    preflight()
    _import_quickly()
    from ingest import daemon

    return daemon.run(config, wanted, test_hooks=test_hooks)


def _import_quickly() -> None:
    """Spare a start what it does not need; together a sixth of the time that its imports take."""
    # Nothing that is imported becomes garbage, yet each collection looks through all of it. The daemon switches it on again.
    gc.disable()
    # structlog imports rich where that is installed, as the tools of development are, for tracebacks that we never print.
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type] # None makes an import fail, whatever the stubs say


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
