"""The composition root: the parts of a process, built once from a configuration and a store. `ingest.daemon` runs them by role.

Building starts nothing and costs nothing, so every process has all parts; a part whose role is another process's is only not run.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from desk.ports import Json
from ingest.assembly.core import Core, Secrets, shared
from ingest.assembly.serving import Serving, follow_file, serve
from ingest.assembly.settling import Settling, settle
from ingest.assembly.together import Together, connect, join
from ingest.assembly.way_in import WayIn, take_in
from ingest.assembly.working import Working, work
from ingest.config.schema import Config
from ingest.leasing import SPAN
from ingest.office.reloading import Reloader
from ingest.roles import ALL, Role, named
from ingest.supervise import Supervisor
from kernel.clock import Clock
from storage.store import Store

if TYPE_CHECKING:
    from ingest.wakes.line import Line

__all__ = ["Core", "Parts", "Secrets", "Serving", "Settling", "Together", "WayIn", "Working", "assemble"]


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a process, by what they are for."""

    core: Core
    settling: Settling
    way_in: WayIn
    working: Working
    reloader: Reloader
    serving: Serving
    together: Together | None
    line: "Line | None"
    supervisor: Supervisor


async def assemble(
    config: Config,
    store: Store,
    clock: Clock,
    path: Path | None = None,
    roles: frozenset[Role] = ALL,
    lease: timedelta = SPAN,
) -> Parts:
    """Apply the configuration's revision to the store and put the parts together. Raises Away.

    `path` is the file of the configuration, for reloads. `lease`: for how long a process that is not heard is believed to live.
    """
    core = await shared(config, store, clock, lease)
    settling = settle(core)
    way_in = take_in(core, settling.pipeline if "work" in roles else None)
    working = work(core, settling, way_in)
    reloader = follow_file(core, way_in, working, path)
    together = join(core, way_in, reloader, roles, lease)
    line = connect(core, roles)
    supervisor = Supervisor()
    serving = serve(core, settling, way_in, reloader, partial(_standing, roles, together, line, supervisor))
    if "work" in roles:
        core.bells.work.heard_by(settling.pipeline.wake)
        core.bells.tell.heard_by(working.sender.wake)
        core.bells.say.heard_by(working.sending.wake)
        core.bells.turn.heard_by(working.ticker.poke)
        core.bells.people.heard_by(working.suggester.wake)
    core.bells.changed.heard_by(core.changes.elsewhere)
    return Parts(core, settling, way_in, working, reloader, serving, together, line, supervisor)


def _standing(roles: frozenset[Role], together: Together | None, line: "Line | None", supervisor: Supervisor) -> Json:
    """What a process says of itself beside its readiness."""
    is_applied = together is None or together.following.is_applied
    wakes = "off" if line is None else "up" if line.is_up else "away"
    return {
        "roles": named(roles),
        "configuration": "applied" if is_applied else "other",
        "wakes": wakes,
        "failing": supervisor.failing(),
    }
