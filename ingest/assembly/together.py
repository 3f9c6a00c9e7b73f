"""What ties processes over a store together: what each says and learns of the others, the revision they follow, their line."""

import os
import platform
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ingest.assembly.core import Core
from ingest.assembly.way_in import WayIn
from ingest.health.elsewhere import Elsewhere
from ingest.health.presence import Presence
from ingest.leasing import Leases
from ingest.office.following import Following
from ingest.office.reloading import Reloader
from ingest.roles import Role

if TYPE_CHECKING:
    from ingest.wakes.line import Line


@dataclass(frozen=True, slots=True)
class Together:
    """The parts of a process that is not alone on its store."""

    leases: Leases
    presence: Presence
    following: Following


def connect(core: Core, roles: Collection[Role]) -> "Line | None":
    """The line over which processes wake each other; None where Redis is not configured, or there is nobody to wake."""
    url = core.config.redis.url
    if url is None or core.store.embedded:
        return None
    from ingest.wakes.line import Line  # noqa: PLC0415 - arq takes its time to load, and most do without

    line = Line(url.get_secret_value(), core.secrets.identity, core.bells, works="work" in roles)
    core.bells.carried_by(line.tell)
    core.metrics.wakes(lambda: line.is_up)
    return line


def join(core: Core, way_in: WayIn, reloader: Reloader, roles: Collection[Role], lease: timedelta) -> Together | None:
    """Build them; None where the store is this process's alone."""
    if core.leases is None or core.elsewhere is None:
        return None
    following = Following(core.uid, core.current, reloader, stood_back=core.stood_back)
    return Together(core.leases, _presence(core, core.elsewhere, way_in, following, roles, lease), following)


def _presence(
    core: Core, elsewhere: Elsewhere, way_in: WayIn, following: Following, roles: Collection[Role], lease: timedelta
) -> Presence:
    who = {"roles": sorted(roles), "host": platform.node(), "pid": os.getpid()}

    def report() -> Mapping[str, Any]:
        return {**who, **way_in.health.report()}

    # Without Redis too, a receiver's contact is not left to the sweep: what was taken in is told within a second or two.
    carried = (core.bells.changed, core.bells.work)

    def heard() -> None:
        for bell in carried:
            bell.here()

    presence = Presence(core.store, core.uid, elsewhere, report, following.digest, heard, following.see, lease)
    for bell in carried:
        bell.carried_by(presence.moved)
    return presence
