"""What works beside the journal's worker: deadlines, notices, words to clients, summaries, the watch, suggestions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from channels.adapter import Adapter
from ingest.assembly.core import Core, courier
from ingest.assembly.settling import Settling
from ingest.assembly.way_in import WayIn
from ingest.config.schema import Config
from ingest.health.watch import Watch
from ingest.notices.composing import Composer
from ingest.notices.editing import Editing
from ingest.notices.route import Console, Route
from ingest.notices.sender import Sender
from ingest.notices.smtp import Answers, Email, server_of
from ingest.notices.summarising import Summaries
from ingest.notices.telegram import Telegram
from ingest.outgoing.sending import Sending
from ingest.people.suggesting import Suggester
from ingest.rules.rulebook import Rulebooks
from ingest.turns.ticker import AMONG_OTHERS, LONGEST, Ticker


@dataclass(frozen=True, slots=True)
class Working:
    """The loops of a worker, the journal's own apart."""

    ticker: Ticker
    sender: Sender
    sending: Sending
    summaries: Summaries
    watch: Watch
    suggester: Suggester


def work(core: Core, settling: Settling, way_in: WayIn) -> Working:
    """Build them; nothing of it runs yet."""
    store, names, clock, bells = core.store, core.names, core.clock, core.bells
    is_busy = settling.pipeline.is_busy
    editing = Editing(names, core.people.choices, store.ids.take)
    composer = Composer(names, core.people, editing, core.links, clock.now, way_in.health.troubles)
    told = routes(core.config, core.adapters, core.rulebooks, core.secrets.marks)
    sent, undelivered = core.metrics.sent, core.hand.undelivered

    def given() -> None:
        bells.send()
        core.changes.publish("leads")

    # Others make offers and words, too, and need not ring here.
    look = LONGEST if store.embedded else AMONG_OTHERS

    return Working(
        ticker=Ticker(store, core.distributor, core.rulebooks, clock, given, look),
        sender=Sender(store, names, told, clock, composer, core.people, sent, is_busy, undelivered, editing),
        sending=Sending(store, names, core.adapters, clock, given),
        summaries=Summaries(store, names, core.current, clock, bells.tell),
        watch=Watch(store, names, core.rulebooks, way_in.health, core.current, clock, bells.tell),
        suggester=Suggester(store, clock, is_busy),
    )


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
