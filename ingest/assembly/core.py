"""What every process has, whatever its roles: configuration, store, names, rules, channels, and what is known of their state."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from channels.adapter import Adapter
from channels.telegram.courier import Courier
from ingest.adapters import Adapters, made
from ingest.bells import Bells
from ingest.config.current import Current
from ingest.config.policy import revision_document
from ingest.config.schema import Config
from ingest.health.metrics import Metrics
from ingest.health.refusals import Refusals
from ingest.intake.taking_down import DESK
from ingest.notices.links import Links
from ingest.notices.people import People
from ingest.office.changes import Changes
from ingest.people.merging import Merging
from ingest.rules.rulebook import Rulebooks
from ingest.token import SETTING
from ingest.turns.distribution import Distributor
from ingest.turns.hand import Hand
from kernel.clock import Clock
from storage import outbox, revisions
from storage.files import Files
from storage.journal import Journal
from storage.names import Names
from storage.store import Store


@dataclass(frozen=True, slots=True)
class Secrets:
    """What a store makes for itself once: keys of hashes and marks, and the API's token where none is configured."""

    identity: bytes
    marks: bytes
    links: bytes
    token: str


@dataclass(frozen=True, slots=True)
class Core:
    """The parts that all others are built of. `config` is that of the start, `current` holds the one in force."""

    config: Config
    current: Current
    store: Store
    clock: Clock
    zone: ZoneInfo
    names: Names
    secrets: Secrets
    adapters: Adapters
    files: Files
    journal: Journal
    rulebooks: Rulebooks
    distributor: Distributor
    hand: Hand
    merging: Merging
    people: People
    links: Links
    metrics: Metrics
    refusals: Refusals
    changes: Changes
    bells: Bells


async def shared(config: Config, store: Store, clock: Clock) -> Core:
    """Apply the configuration's revision to the store and build what all roles share. Raises Away."""
    names = Names()
    secrets = await store.run(lambda db: _start(db, config, names, clock, embedded=store.embedded))
    current = Current(config)
    rulebooks = Rulebooks(names)
    distributor = Distributor(names, store.ids.take)
    bells = Bells()
    return Core(
        config=config,
        current=current,
        store=store,
        clock=clock,
        zone=ZoneInfo(config.timezone),
        names=names,
        secrets=secrets,
        adapters=Adapters(made(config, secrets.marks)),
        files=Files(config.files),
        journal=Journal(names, store.ids.take, secrets.identity, store.lane),
        rulebooks=rulebooks,
        distributor=distributor,
        hand=Hand(names, rulebooks, distributor, lambda: current.config.reasons, store.ids.take),
        merging=Merging(names, rulebooks, distributor, store.ids.take),
        people=People(current),
        links=Links(secrets.links),
        metrics=Metrics(),
        refusals=Refusals(),
        changes=Changes(store, on_change=bells.changed),
        bells=bells,
    )


def _start(db: sa.Connection, config: Config, names: Names, clock: Clock, *, embedded: bool) -> Secrets:
    channels = {DESK: DESK} | {name: channel.kind for name, channel in config.channels.items()}
    revisions.apply(db, names, revision_document(config), channels, "config", clock.now())
    if embedded:
        # Nobody else runs on this store: what a daemon that is gone had taken is free again.
        Journal.release(db, None)
        outbox.release_all(db)
    configured = config.api.token
    token = configured.get_secret_value() if configured else revisions.secret(db, SETTING)
    identity, marks, links = (revisions.secret(db, f"{name}_key").encode() for name in ("identity", "mark", "link"))
    return Secrets(identity, marks, links, token)


def courier(config: Config, adapters: Mapping[str, Adapter[Any]]) -> Courier | None:
    """The bot that tells managers, None where none does."""
    found = getattr(adapters.get(config.telegram_channel() or ""), "courier", None)
    return found if isinstance(found, Courier) else None
