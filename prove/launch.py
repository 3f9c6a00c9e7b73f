"""`python -m prove.launch SABOTAGE mended|- ARGUMENTS…`: the daemon, with what the kit plants in its process before it runs.

Always: leases of seconds instead of minutes, and a short memory for names of deliveries. Unless it is mended: a reader of forms
with two bugs, one that raises and one that kills. Where asked: one promise broken. The product's own code has none of this.
"""

import inspect
import os
import signal
import sys
from datetime import timedelta
from typing import Any, Final

LEASE: Final = timedelta(seconds=6)
LATELY: Final = 100
"""So many names of deliveries an SQLite store holds in memory, few enough to go into their table between two kills."""


def main() -> int:
    """Plant what is asked for, then be `priyom`."""
    sabotage, mended, *arguments = sys.argv[1:]
    shorten_leases()
    shorten_memory()
    if mended != "mended":
        plant_bugs()
    if sabotage != "-":
        from prove.sabotage import SABOTAGES

        SABOTAGES[sabotage].plant()
    sys.argv = ["priyom", *arguments]
    from ingest.__main__ import main as product

    product()
    return 0


def shorten_leases(lease: timedelta = LEASE) -> None:
    """What a dead process had taken in hand is free again soon. The leases of listening have a hook of their own."""
    from ingest.notices import sender
    from ingest.outgoing import sending
    from ingest.pipeline.pipeline import Pipeline

    make = Pipeline.__init__
    given = inspect.signature(make).parameters.values()
    names = [one.name for one in given if one.kind is not one.KEYWORD_ONLY]
    place = names.index("lease") - len(names)
    shortened = list(make.__defaults__ or ())
    shortened[place] = lease
    make.__defaults__ = tuple(shortened)
    for module in (sender, sending):
        vars(module)["LEASE"] = lease
    # What is begun is ended within the lease, or else nothing would ever be begun.
    vars(sending)["WITHIN"] = lease.total_seconds() / 2


def shorten_memory() -> None:
    """Names of deliveries go into their table all the time, and not once in many thousand."""
    from storage import deliveries

    vars(deliveries)["LATELY"] = LATELY


def plant_bugs() -> None:
    """Some forms are poison for the reader: it raises, or takes the whole process with it."""
    from channels.webform import Adapter

    parse = Adapter.parse

    def poisoned(self: Adapter, envelope: Any) -> Any:
        if b"poison-kills" in envelope.body:
            os.kill(os.getpid(), signal.SIGKILL)
        if b"poison-raises" in envelope.body:
            raise ZeroDivisionError("a bug that the kit has planted")
        return parse(self, envelope)

    Adapter.parse = poisoned  # type: ignore[method-assign] # that is the point


if __name__ == "__main__":
    sys.exit(main())
