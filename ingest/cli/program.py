"""All verbs in one program, in the order in which people need them."""

import io
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click

from ingest.cli.answer import DONE, INTERRUPTED, PIPE_CLOSED, WRONG, InOrder, Trouble
from ingest.cli.backup import backup
from ingest.cli.channels import channels, notices
from ingest.cli.configuration import check, plan, reload_
from ingest.cli.contact_files import export, import_
from ingest.cli.contacts import contacts
from ingest.cli.journal import failed, ignored, ledger, replay
from ingest.cli.lead import lead
from ingest.cli.leads import explain, leads
from ingest.cli.managers import login, managers
from ingest.cli.run import migrate, run
from ingest.cli.to_come import add_not_built
from ingest.cli.trial import attempt
from ingest.cli.upkeep import vacuum


class Priyom(InOrder):
    """All verbs. Says every expected trouble in a line, and gives it its exit code."""

    def invoke(self, ctx: click.Context) -> int:
        """Run a verb; the exit code."""
        try:
            code: int = super().invoke(ctx) or DONE
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever read us has enough, `head` for one. Python flushes once more at exit: let that go nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return PIPE_CLOSED
        return code


def main() -> NoReturn:
    """Run the command line and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
    # Stores, copies and exports hold what clients said: others on the machine get no right to it, whatever the shell gives.
    os.umask(os.umask(0o077) | 0o007)
    sys.exit(command(sys.argv[1:]))


def command(arguments: Sequence[str]) -> int:
    """Run one command; its exit code. Whatever goes wrong is said on standard error."""
    try:
        code: int = priyom.main(arguments, prog_name="priyom", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.code if isinstance(error, Trouble) else error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except Exception:  # noqa: BLE001 - the last resort: a defect must not look like "the answer is no"
        traceback.print_exc()
        return WRONG
    return code


@click.group(
    cls=Priyom,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit code: 0 done, 1 the answer is no, 2 used wrongly or misconfigured. More: docs/commands.md",
)
@click.version_option(package_name="priyom", message="%(prog)s %(version)s")
def priyom() -> None:
    """Takes in what clients send on every channel, and puts each lead before a free manager."""


_VERBS = (
    *(run, check, plan, reload_, migrate, attempt),
    *(ledger, failed, ignored, replay),
    *(leads, explain, lead, contacts, managers, login),
    *(channels, notices, vacuum, backup),
)
for verb in _VERBS:
    priyom.add_command(verb)
add_not_built(priyom, "", "erase")
for verb in (import_, export):
    contacts.add_command(verb)
