"""The composition root: every part of a daemon, put together once from a configuration and a store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from channels.adapter import Adapter
from channels.message import Accepted, Envelope
from channels.telegram.courier import Courier
from ingest import log as logs
from ingest.adapters import Adapters, made
from ingest.config.current import Current
from ingest.config.policy import revision_document
from ingest.config.schema import Config
from ingest.config.secret import secret_values
from ingest.health.health import Health
from ingest.health.metrics import Metrics
from ingest.health.refusals import Refusals
from ingest.health.watch import Watch
from ingest.intake.callers import Callers
from ingest.intake.gateway import Gateway
from ingest.intake.intake import Intake
from ingest.intake.listening import Listening
from ingest.intake.taking_down import DESK, TakingDown
from ingest.notices.composing import Composer
from ingest.notices.editing import Editing
from ingest.notices.links import Links
from ingest.notices.people import People
from ingest.notices.route import Console, Route
from ingest.notices.sender import Sender
from ingest.notices.smtp import Answers, Email, server_of
from ingest.notices.summarising import Summaries
from ingest.notices.telegram import Telegram
from ingest.office.board import StoreBoard
from ingest.office.changes import Changes
from ingest.office.entrance import StoreEntrance
from ingest.office.office import StoreOffice
from ingest.office.reloading import Reloader
from ingest.outgoing.sending import Sending
from ingest.outgoing.writing import Writing
from ingest.people.merging import Merging
from ingest.people.suggesting import Suggester
from ingest.people.who_is_who import StorePeople
from ingest.pipeline.enriching import Enriching
from ingest.pipeline.folding import Folding
from ingest.pipeline.pipeline import Pipeline
from ingest.pipeline.settle import Settled, Settler
from ingest.pipeline.signals import Signals
from ingest.reactions.linking import StoreLinks
from ingest.reactions.presses import Presses
from ingest.reactions.quoting import Quoting
from ingest.reactions.replying import Replying
from ingest.rules.rulebook import Rulebooks
from ingest.token import SETTING
from ingest.turns.distribution import Distributor
from ingest.turns.hand import Hand
from ingest.turns.ticker import Ticker
from ingest.units import Units
from ingest.upkeep.upkeep import Upkeep
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
    links: bytes
    token: str


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a daemon. `ingest.daemon` runs them."""

    config: Config
    store: Store
    clock: Clock
    metrics: Metrics
    secrets: Secrets
    adapters: Adapters
    intake: Intake
    pipeline: Pipeline
    ticker: Ticker
    sender: Sender
    sending: Sending
    suggester: Suggester
    summaries: Summaries
    watch: Watch
    listening: Listening
    reloader: Reloader
    replying: Replying
    enriching: Enriching
    linking: StoreLinks
    gateway: Gateway
    office: StoreOffice
    changes: Changes
    entrance: StoreEntrance
    board: StoreBoard
    upkeep: Upkeep


async def assemble(config: Config, store: Store, clock: Clock, path: Path | None = None) -> Parts:
    """Apply the configuration's revision to the store and put the parts together. Raises Away.

    `path` is the file of the configuration, for reloads.
    """
    names = Names()
    zone = ZoneInfo(config.timezone)
    secrets = await store.run(lambda db: _start(db, config, names, clock, embedded=store.embedded))
    adapters = Adapters(made(config, secrets.marks))
    current = Current(config)
    metrics = Metrics()
    journal = Journal(names, store.ids.take, secrets.identity, store.lane)
    rulebooks = Rulebooks(names)
    distributor = Distributor(names, store.ids.take)
    hand = Hand(names, rulebooks, distributor, lambda: current.config.reasons, store.ids.take)
    changes = Changes(store)
    people = People(current)
    presses = Presses(names, rulebooks, hand, people.choices, store.ids.take)
    replying = Replying(adapters)
    writing = Writing(names, rulebooks, hand, adapters, store.ids.take)
    quoting = Quoting(names, rulebooks, writing, people, lambda: current.config, store.ids.take)
    signals = Signals({**presses.handlers(), **quoting.handlers()}, quoting.proofs())
    merging = Merging(names, rulebooks, distributor, store.ids.take)
    settler = Settler(names, journal, rulebooks, distributor, Folding(adapters), signals, merging, store.ids.take)

    def settled(claimed: Sequence[Claimed], what: Settled) -> None:
        by_entry = {one.entry: one for one in claimed}
        now = clock.now()
        taken = [by_entry[result.entry] for result in what.results]
        ages = [(now - one.envelope.received_at).total_seconds() for one in taken]
        metrics.settled([one.envelope.channel for one in taken], what.results, ages)
        changes.settled(what.results)
        entries = [result.entry for result in what.results]
        replying.hand_over([*presses.taken(entries), *quoting.taken(entries)])
        if any(adapters.fetches(one.envelope.channel) for one in taken):
            enriching.wake()
        if what.told:
            sender.wake()
            sending.wake()
        if what.more:
            ticker.poke()
        suggester.wake()

    files = Files(files_folder(config, store))
    enriching = Enriching(store, names, files, adapters, clock)
    pipeline = Pipeline(store, journal, settler, signals, files, adapters, clock, settled)
    suggester = Suggester(store, clock, pipeline.is_busy)
    refusals = Refusals()

    def accepted(envelopes: Sequence[Envelope], results: Sequence[Accepted]) -> None:
        metrics.accepted(envelopes, results)
        refusals.taken(envelope.channel for envelope in envelopes)

    intake = Intake(store, journal, zone, accepted, pipeline)
    listening = Listening(store, journal, intake, adapters, clock, config.http.address())
    health = Health(adapters, listening.states, refusals, clock, zone, config.language)
    editing = Editing(names, people.choices, store.ids.take)
    links = Links(secrets.links)
    composer = Composer(names, people, editing, links, clock.now, health.troubles)
    told = routes(config, adapters, rulebooks, secrets.marks)
    sender = Sender(
        store, names, told, clock, composer, people, metrics.sent, pipeline.is_busy, hand.undelivered, editing
    )

    def given() -> None:
        sender.wake()
        sending.wake()
        changes.publish("leads")

    sending = Sending(store, names, adapters, clock, given)
    ticker = Ticker(store, distributor, rulebooks, clock, given)
    summaries = Summaries(store, names, current, clock, sender.wake)
    watch = Watch(store, names, rulebooks, health, current, clock, sender.wake)
    gateway = Gateway(
        intake,
        adapters,
        clock,
        metrics,
        Callers(store, names, rulebooks, clock),
        refusals,
        max_body=config.http.max_body,
        trusted_proxies=config.http.trusted_proxies,
    )
    units = Units(store)
    taking_down = TakingDown(journal, rulebooks, settler, zone, adapters[DESK], metrics.accepted, settled)

    async def applied(changed: Config) -> None:
        fresh = made(changed, secrets.marks, adapters)
        listening.change(fresh)
        adapters.change(fresh)
        refusals.forget()
        sender.change(routes(changed, adapters, rulebooks, secrets.marks))
        logs.also_scrub(secret_values(changed))
        changes.publish("leads")
        ticker.poke()

    def people_changed() -> None:
        changes.publish("leads")
        suggester.wake()
        ticker.poke()

    who_is_who = StorePeople(units, names, rulebooks, merging, clock, config.language, store.ids.take, people_changed)
    reloader = Reloader(path, current, store, names, rulebooks, distributor, clock, applied)

    def pressed() -> None:
        sender.wake()
        ticker.poke()
        changes.publish("leads")

    linking = StoreLinks(store, names, presses, people, links, clock, pressed)
    upkeep = Upkeep(store, files, current, clock, pipeline.is_busy)
    entrance = StoreEntrance(store, clock, lambda: current.config)
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
        current,
        reloader,
        zone,
        ticker.poke,
        health,
        units,
        who_is_who,
        taking_down,
        changes,
        entrance,
        lambda: courier(current.config, adapters),
        writing,
        sending.wake,
        upkeep,
    )
    board = StoreBoard(store, names, rulebooks, clock, lambda: current.config, office.channels)
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
        sending,
        suggester,
        summaries,
        watch,
        listening,
        reloader,
        replying,
        enriching,
        linking,
        gateway,
        office,
        changes,
        entrance,
        board,
        upkeep,
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


def files_folder(config: Config, store: Store) -> Path:
    """Where files of messages lie: beside the SQLite file, else in `var` beside the configuration."""
    beside = Path(str(store.url.database)).parent if store.embedded else config.base / "var"
    return beside / "files"


def routes(config: Config, adapters: Mapping[str, Adapter[Any]], rulebooks: Rulebooks, secret: bytes) -> list[Route]:
    """The routes for notices, in the configured order; the console where there is none. `secret` is the adapters'."""
    mail = config.mail_route()
    bot = courier(config, adapters)
    console = Console()
    known: dict[str, Route] = {"console": console}
    if bot is not None:
        known["telegram"] = Telegram(bot, rulebooks, config.language)
    if mail is not None:
        managers = {name: person.email for name, person in config.managers.items() if person.email}
        addresses = {name: person.email for name, person in config.directors.items() if person.email} | managers
        known["email"] = Email(server_of(mail), mail.sender, addresses, answers=_answers(config, adapters, secret))
    order = config.notices.order or ("telegram", "email")
    return [known[name] for name in order if name in known] or [console]


def _answers(config: Config, adapters: Mapping[str, Adapter[Any]], secret: bytes) -> Answers | None:
    """Where answers to notices by mail go: to the mailbox of the notices' own account where it is read, else the first that is."""
    account = None if config.notices.email is None else config.notices.email.account
    read = [(getattr(one.config, "account", None), one.mailbox) for one in adapters.values() if one.mailbox is not None]
    mailbox = next((box for own, box in read if account is not None and own == account), None)
    mailbox = mailbox or next((box for _, box in read), None)
    return None if mailbox is None else Answers(mailbox, secret)


def courier(config: Config, adapters: Mapping[str, Adapter[Any]]) -> Courier | None:
    """The bot that tells managers, None where none does."""
    found = getattr(adapters.get(config.telegram_channel() or ""), "courier", None)
    return found if isinstance(found, Courier) else None
