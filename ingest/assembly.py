"""The composition root: every part of a daemon, put together once from a configuration and a store."""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from channels import adapter as kinds
from channels.adapter import Adapter
from ingest.board import StoreBoard
from ingest.changes import Changes
from ingest.config.policy import revision_document
from ingest.config.schema import Config, MailRoute
from ingest.distribution import Distributor
from ingest.entrance import StoreEntrance
from ingest.folding import Folding
from ingest.gateway import Gateway
from ingest.hand import Hand
from ingest.intake import Intake
from ingest.listening import Listening
from ingest.merging import Merging
from ingest.metrics import Metrics
from ingest.notices.route import Console, Route
from ingest.notices.sender import Sender
from ingest.notices.smtp import Email, Server
from ingest.office import StoreOffice
from ingest.people import StorePeople
from ingest.pipeline import Pipeline
from ingest.rulebook import Rulebooks
from ingest.settle import Settled, Settler
from ingest.signals import Signals
from ingest.taking_down import DESK, TakingDown, with_desk
from ingest.ticker import Ticker
from ingest.token import SETTING
from ingest.units import Units
from kernel.clock import Clock
from storage import outbox, revisions
from storage.files import Files
from storage.journal import Claimed, Journal
from storage.names import Names
from storage.store import Store


@dataclass(frozen=True, slots=True)
class Secrets:
    """What a store makes for itself once: keys of hashes and marks, and the API's token where none is configured."""

    identity: bytes
    marks: bytes
    token: str


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a daemon. `ingest.daemon` runs them."""

    config: Config
    store: Store
    clock: Clock
    metrics: Metrics
    secrets: Secrets
    adapters: Mapping[str, Adapter[Any]]
    intake: Intake
    pipeline: Pipeline
    ticker: Ticker
    sender: Sender
    listening: Listening
    gateway: Gateway
    office: StoreOffice
    changes: Changes
    entrance: StoreEntrance
    board: StoreBoard


async def assemble(config: Config, store: Store, clock: Clock) -> Parts:
    """Apply the configuration's revision to the store and put the parts together. Raises Away."""
    names = Names()
    zone = ZoneInfo(config.timezone)
    secrets = await store.run(lambda db: _start(db, config, names, clock, embedded=store.embedded))
    configured = {
        name: kinds.load(channel.kind).Adapter(name, channel, secret=secrets.marks, language=config.language)
        for name, channel in config.channels.items()
    }
    adapters = with_desk(configured, secrets.marks, config.language)
    metrics = Metrics()
    journal = Journal(names, store.ids.take, secrets.identity, store.lane)
    rulebooks = Rulebooks(names)
    distributor = Distributor(names, store.ids.take)
    hand = Hand(names, rulebooks, distributor, config.reasons, store.ids.take)
    signals = Signals()
    changes = Changes(store)
    merging = Merging(names, rulebooks, distributor, store.ids.take)
    settler = Settler(names, journal, rulebooks, distributor, Folding(adapters), signals, merging, store.ids.take)

    def settled(claimed: Sequence[Claimed], what: Settled) -> None:
        by_entry = {one.entry: one for one in claimed}
        now = clock.now()
        taken = [by_entry[result.entry] for result in what.results]
        ages = [(now - one.envelope.received_at).total_seconds() for one in taken]
        metrics.settled([one.envelope.channel for one in taken], what.results, ages)
        changes.settled(what.results)
        if what.told:
            sender.wake()
        if what.more:
            ticker.poke()

    files = Files(files_folder(config, store))
    pipeline = Pipeline(store, journal, settler, signals, files, adapters, clock, settled)
    sender = Sender(store, names, routes(config), clock, config.language, zone, metrics.sent, pipeline.is_busy)

    def given() -> None:
        sender.wake()
        changes.publish("leads")

    ticker = Ticker(store, distributor, rulebooks, clock, given)
    intake = Intake(store, journal, zone, metrics.accepted, pipeline)
    gateway = Gateway(
        intake, adapters, clock, metrics, max_body=config.http.max_body, trusted_proxies=config.http.trusted_proxies
    )
    listening = Listening(store, journal, intake, adapters, clock)
    entrance = StoreEntrance(store, clock, lambda: config)
    units = Units(store)
    people = StorePeople(
        units, names, rulebooks, merging, clock, config.language, store.ids.take, on_change=ticker.poke
    )
    taking_down = TakingDown(journal, rulebooks, settler, zone, adapters[DESK], metrics.accepted, settled)
    office = StoreOffice(
        store,
        names,
        journal,
        rulebooks,
        settler,
        hand,
        pipeline,
        files,
        adapters,
        clock,
        metrics,
        config,
        zone,
        ticker.poke,
        listening.states,
        changes,
        entrance,
        units,
        people,
        taking_down,
    )
    board = StoreBoard(store, names, rulebooks, clock, lambda: config, office.channels)
    return Parts(
        config,
        store,
        clock,
        metrics,
        secrets,
        adapters,
        intake,
        pipeline,
        ticker,
        sender,
        listening,
        gateway,
        office,
        changes,
        entrance,
        board,
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
    return Secrets(revisions.secret(db, "identity_key").encode(), revisions.secret(db, "mark_key").encode(), token)


def files_folder(config: Config, store: Store) -> Path:
    """Where files of messages lie: beside the SQLite file, else in `var` beside the configuration."""
    beside = Path(str(store.url.database)).parent if store.embedded else config.base / "var"
    return beside / "files"


def routes(config: Config) -> list[Route]:
    """The routes for notices, in the configured order; the console where there is none."""
    mail = config.mail_route()
    console = Console()
    known: dict[str, Route] = {"console": console}
    if mail is not None:
        addresses = {name: person.email for name, person in config.managers.items() if person.email}
        known["email"] = Email(_server(mail), mail.sender, addresses)
    order = config.notices.order or (("email",) if mail is not None else ("console",))
    return [known[name] for name in order if name in known] or [console]


def _server(mail: MailRoute) -> Server:
    tls = {True: "implicit", "starttls": "starttls", False: "none"}[mail.smtp.tls]
    password = None if mail.password is None else mail.password.get_secret_value()
    context = None if tls == "none" else ssl.create_default_context()
    return Server(mail.smtp.host, mail.smtp.port, tls, mail.user, password, context)  # type: ignore[arg-type] # the three
