"""What people and programs use: the office behind the API and the pages, the way to the desk, links in mails, and reloads."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from channels.telegram.courier import Courier
from desk.ports import Json, Office
from ingest import log as logs
from ingest.adapters import made
from ingest.assembly.core import Core, courier
from ingest.assembly.settling import Settling
from ingest.assembly.way_in import WayIn
from ingest.assembly.working import Working, routes
from ingest.config.schema import Config
from ingest.config.secret import secret_values
from ingest.intake.taking_down import DESK, TakingDown
from ingest.office.approaches import StoreApproaches
from ingest.office.board import StoreBoard
from ingest.office.entrance import StoreEntrance
from ingest.office.journal import StoreJournal
from ingest.office.leads import StoreLeads
from ingest.office.managers import StoreManagers
from ingest.office.outcome import Outcomes
from ingest.office.reloading import Reloader
from ingest.office.running import StoreRunning
from ingest.office.sweeps import StoreSweeps
from ingest.people.importing import Importing
from ingest.people.judging import Judging
from ingest.people.parting import Parting
from ingest.people.who_is_who import StorePeople
from ingest.reactions.linking import StoreLinks
from ingest.units import Units
from ingest.upkeep.upkeep import Upkeep


@dataclass(frozen=True, slots=True)
class Serving:
    """The desk's side of a process."""

    office: Office
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
    config, changes, units = core.config, core.changes, Units(store)

    def people_changed() -> None:
        changes.publish("leads")
        bells.people()
        bells.turn()

    def pressed() -> None:
        bells.send()
        bells.turn()
        changes.publish("leads")

    def bot() -> Courier | None:
        return courier(core.current.config, core.adapters)

    parting = Parting(names, rulebooks, core.distributor, store.ids.take)
    importing = Importing(units, names, rulebooks, clock, people_changed)
    outcomes = Outcomes(names, settling.settler, core.current, core.people)
    taking_down = TakingDown(
        core.journal,
        rulebooks,
        settling.settler,
        core.zone,
        core.adapters[DESK],
        core.metrics.accepted,
        settling.after.settled,
    )
    upkeep = Upkeep(store, core.files, core.current, clock, settling.pipeline.is_busy)
    entrance = StoreEntrance(store, clock, lambda: core.current.config)
    running = StoreRunning(store, units, names, way_in.health, core.metrics, clock, standing)
    office = Office(
        leads=StoreLeads(
            units, names, rulebooks, core.hand, settling.writing, core.files, clock, core.current, bells, changes
        ),
        approaches=StoreApproaches(units, names, taking_down, outcomes, core.adapters, clock, core.zone, bells),
        people=StorePeople(
            units,
            names,
            rulebooks,
            core.merging,
            parting,
            Judging(core.merging),
            importing,
            clock,
            config.language,
            people_changed,
        ),
        managers=StoreManagers(store, units, names, rulebooks, core.hand, clock, bells, changes, bot),
        journal=StoreJournal(units, core.journal, settling.pipeline, outcomes, clock, bells),
        configuration=reloader,
        running=running,
        sweeps=StoreSweeps(store, upkeep),
        entrance=entrance,
        changes=changes,
    )
    board = StoreBoard(store, names, rulebooks, clock, lambda: core.current.config, running.channels)
    linking = StoreLinks(store, names, settling.presses, core.people, core.links, clock, pressed)
    return Serving(office, board, entrance, linking, upkeep)
