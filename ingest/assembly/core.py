"""What every process has, whatever its roles: configuration, store, names, rules, channels, and what is known of their state."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from channels.adapter import Adapter
from channels.telegram.courier import Courier
from ingest.adapters import Adapters, made
from ingest.bells import Bells
from ingest.config.current import Current
from ingest.config.policy import revision_document
from ingest.config.schema import Config
from ingest.health.elsewhere import Elsewhere
from ingest.health.metrics import Metrics
from ingest.health.refusals import Refusals
from ingest.intake.taking_down import DESK
from ingest.leasing import Leases
from ingest.notices.links import Links
from ingest.notices.people import People
from ingest.office.changes import Changes
from ingest.office.following import stood_by
from ingest.people.merging import Merging
from ingest.rules.rulebook import Rulebooks
from ingest.token import SETTING
from ingest.turns.distribution import Distributor
from ingest.turns.hand import Hand
from kernel.clock import Clock
from kernel.ids import uuid7
from storage import outbox, processes, revisions
from storage.files import Files
from storage.journal import Journal
from storage.names import Names
from storage.store import Conflict, Store

_TRIES: Final = 8


@dataclass(frozen=True, slots=True)
class Secrets:
    """What a store makes for itself once: keys of hashes and marks, and the API's token where none is configured."""

    identity: bytes
    marks: bytes
    links: bytes
    token: str


@dataclass(frozen=True, slots=True)
class Core:
    """The parts that all others are built of. `config` is that of the start, `current` holds the one in force.

    `uid` names the process. Where the store is its alone, there are no `leases`, and nobody is `elsewhere`. `stood_back`: its file
    makes another revision than the one that others stand by, and was not applied.
    """

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
    uid: str
    stood_back: bool
    leases: Leases | None
    elsewhere: Elsewhere | None


async def shared(config: Config, store: Store, clock: Clock, lease: timedelta) -> Core:
    """Apply the configuration's revision to the store and build what all roles share. Raises Away."""
    names, started = await _started(config, store, clock)
    secrets, uid = started.secrets, uuid7()
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
        uid=uid,
        stood_back=started.stood_back,
        leases=None if store.embedded else Leases(store, names, uid, lease),
        elsewhere=None if store.embedded else Elsewhere(),
    )


@dataclass(frozen=True, slots=True)
class _Started:
    secrets: Secrets
    stood_back: bool


async def _started(config: Config, store: Store, clock: Clock) -> tuple[Names, _Started]:
    """What the store says to the configuration; asked again where another process that starts just now was faster."""
    tried = 0
    while True:
        names = Names()  # anew, since what a unit learnt that was taken back is not so
        tried += 1
        try:
            return names, await store.run(
                lambda db, names=names: _start(db, config, names, clock, embedded=store.embedded)  # type: ignore[misc] # a bound default
            )
        except Conflict:
            if tried == _TRIES:
                raise


def _start(db: sa.Connection, config: Config, names: Names, clock: Clock, *, embedded: bool) -> _Started:
    kinds = {DESK: DESK} | {name: channel.kind for name, channel in config.channels.items()}
    document = revision_document(config)
    stood_back = not embedded and _must_stand_back(db, document)
    if stood_back:
        revisions.know_channels(db, names, kinds)
    else:
        revisions.apply(db, names, document, kinds, "config", clock.now())
    if embedded:
        # Nobody else runs on this store: what a daemon that is gone had taken is free again.
        Journal.release(db, None)
        outbox.release_all(db)
    configured = config.api.token
    token = configured.get_secret_value() if configured else revisions.secret(db, SETTING)
    identity, marks, links = (revisions.secret(db, f"{name}_key").encode() for name in ("identity", "mark", "link"))
    return _Started(Secrets(identity, marks, links, token), stood_back)


def _must_stand_back(db: sa.Connection, document: Mapping[str, Any]) -> bool:
    """Whether others run by another revision than this file makes: a start may be that of an old file, only a reload is meant."""
    company = processes.company(db)
    return company.digest not in {None, revisions.digest_of(document)} and stood_by(company, "")


def courier(config: Config, adapters: Mapping[str, Adapter[Any]]) -> Courier | None:
    """The bot that tells managers, None where none does."""
    found = getattr(adapters.get(config.telegram_channel() or ""), "courier", None)
    return found if isinstance(found, Courier) else None
