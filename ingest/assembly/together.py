"""What ties the processes of a store together: what each says of itself and learns of the others, and the revision they follow."""

import os
import platform
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ingest.assembly.core import Core
from ingest.assembly.way_in import WayIn
from ingest.health.elsewhere import Elsewhere
from ingest.health.presence import Presence
from ingest.leasing import Leases
from ingest.office.following import Following
from ingest.office.reloading import Reloader
from ingest.roles import Role


@dataclass(frozen=True, slots=True)
class Together:
    """The parts of a process that is not alone on its store."""

    leases: Leases
    presence: Presence
    following: Following


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

    heard, see = core.bells.changed.here, following.see
    presence = Presence(core.store, core.uid, elsewhere, report, following.digest, heard, see, lease)
    core.bells.changed.carried_by(presence.moved)
    return presence
