"""What takes in: the journal's door, the receiver of HTTP deliveries, and the channels that fetch."""

from collections.abc import Sequence
from dataclasses import dataclass

from channels.message import Accepted, Envelope
from ingest.assembly.core import Core
from ingest.bells import Bell
from ingest.health.health import Health
from ingest.intake.callers import Callers
from ingest.intake.fronting import Fronting
from ingest.intake.gateway import Gateway
from ingest.intake.intake import Intake, Worker
from ingest.intake.listening import Listening
from storage.journal import Claimed


@dataclass(frozen=True, slots=True)
class WayIn:
    """Intake, and how the channels are."""

    intake: Intake
    gateway: Gateway
    fronting: Fronting
    listening: Listening
    health: Health


class Elsewhere:
    """`ingest.intake.intake.Worker` of a process that does not work: what it stores waits in the journal for one that does."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell

    def claim(self) -> None:
        """Nothing is claimed here."""

    def hand_over(self, _claimed: list[Claimed] | None) -> None:
        """There is something in the journal."""
        self._bell()


def take_in(core: Core, worker: Worker | None) -> WayIn:
    """Build it; `worker` is told of what is committed, None: another process works."""
    config, store, clock = core.config, core.store, core.clock

    def accepted(envelopes: Sequence[Envelope], results: Sequence[Accepted]) -> None:
        core.metrics.accepted(envelopes, results)
        core.refusals.taken({envelope.channel for envelope in envelopes}, clock.now())

    intake = Intake(store, core.journal, core.zone, accepted, worker or Elsewhere(core.bells.work))
    listening = Listening(store, core.journal, intake, core.adapters, clock, config.http.address(), leases=core.leases)
    gateway = Gateway(
        intake,
        core.adapters,
        clock,
        core.metrics,
        Callers(store, core.names, core.rulebooks, clock),
        core.refusals,
        max_body=config.http.max_body,
        trusted_proxies=config.http.trusted_proxies,
    )
    health = Health(core.adapters, listening.states, core.refusals, clock, core.zone, config.language, core.elsewhere)
    fronting = Fronting(gateway, most=config.http.max_body)
    return WayIn(intake, gateway, fronting, listening, health)
