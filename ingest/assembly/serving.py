"""What people and programs use: the office behind the API and the pages, the way to the desk, links in mails, and reloads."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from desk.ports import Json
from ingest import log as logs
from ingest.adapters import made
from ingest.assembly.core import Core, courier
from ingest.assembly.settling import Settling
from ingest.assembly.way_in import WayIn
from ingest.assembly.working import Working, routes
from ingest.config.schema import Config
from ingest.config.secret import secret_values
from ingest.intake.taking_down import DESK, TakingDown
from ingest.office.board import StoreBoard
from ingest.office.entrance import StoreEntrance
from ingest.office.office import StoreOffice
from ingest.office.reloading import Reloader
from ingest.people.who_is_who import StorePeople
from ingest.reactions.linking import StoreLinks
from ingest.units import Units
from ingest.upkeep.upkeep import Upkeep


@dataclass(frozen=True, slots=True)
class Serving:
    """The desk's side of a process."""

    office: StoreOffice
    board: StoreBoard
    entrance: StoreEntrance
    linking: StoreLinks
    upkeep: Upkeep


def follow_file(core: Core, way_in: WayIn, working: Working, path: Path | None) -> Reloader:
    """What reads the file again, and brings every part of this process up to it."""

    async def applied(changed: Config) -> None:
        fresh = made(changed, core.secrets.marks, core.adapters)
        way_in.listening.change(fresh)
        core.adapters.change(fresh)
        await way_in.fronting.renew()
        core.refusals.forget()
        working.sender.change(routes(changed, core.adapters, core.rulebooks, core.secrets.marks))
        logs.also_scrub(secret_values(changed))
        core.changes.publish("leads")
        core.bells.turn()

    return Reloader(path, core.current, core.store, core.names, core.rulebooks, core.distributor, core.clock, applied)


def serve(core: Core, settling: Settling, way_in: WayIn, reloader: Reloader, standing: Callable[[], Json]) -> Serving:
    """Build it. `standing`: what the process says of itself beside its readiness."""
    store, names, rulebooks, clock, bells = core.store, core.names, core.rulebooks, core.clock, core.bells
    config, take = core.config, core.store.ids.take
    units = Units(store)

    def people_changed() -> None:
        core.changes.publish("leads")
        bells.people()
        bells.turn()

    def pressed() -> None:
        bells.send()
        bells.turn()
        core.changes.publish("leads")

    people = StorePeople(units, names, rulebooks, core.merging, clock, config.language, take, people_changed)
    taking_down = TakingDown(
        core.journal,
        rulebooks,
        settling.settler,
        core.zone,
        core.adapters[DESK],
        core.metrics.accepted,
        settling.after.settled,
    )
    entrance = StoreEntrance(store, clock, lambda: core.current.config)
    upkeep = Upkeep(store, core.files, core.current, clock, settling.pipeline.is_busy)
    office = StoreOffice(
        store,
        names,
        core.journal,
        rulebooks,
        settling.settler,
        core.hand,
        settling.pipeline,
        core.files,
        core.adapters,
        clock,
        core.metrics,
        core.current,
        reloader,
        core.zone,
        bells,
        way_in.health,
        units,
        people,
        taking_down,
        core.changes,
        entrance,
        lambda: courier(core.current.config, core.adapters),
        settling.writing,
        standing,
        upkeep,
    )
    board = StoreBoard(store, names, rulebooks, clock, lambda: core.current.config, office.channels)
    linking = StoreLinks(store, names, settling.presses, core.people, core.links, clock, pressed)
    return Serving(office, board, entrance, linking, upkeep)
