"""What makes leads of envelopes: the steps of a batch, the worker that runs them, and what follows each batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ingest.assembly.core import Core
from ingest.outgoing.writing import Writing
from ingest.pipeline.enriching import Enriching
from ingest.pipeline.folding import Folding
from ingest.pipeline.pipeline import Pipeline
from ingest.pipeline.settle import Settled, Settler
from ingest.pipeline.signals import Signals
from ingest.reactions.presses import Presses
from ingest.reactions.quoting import Quoting
from ingest.reactions.replying import Replying
from storage.journal import Claimed

FOLLOWS_WITHIN: Final = 5.0
"""Seconds: others look each second whether another revision is in force (`ingest.health.presence`)."""


@dataclass(frozen=True, slots=True)
class Settling:
    """The journal's worker and its steps. What the desk takes down or tries out goes through the same steps."""

    settler: Settler
    presses: Presses
    writing: Writing
    replying: Replying
    enriching: Enriching
    pipeline: Pipeline
    after: "After"


def settle(core: Core) -> Settling:
    """Build the worker; nothing of it runs yet."""
    store, names, take = core.store, core.names, core.store.ids.take
    presses = Presses(names, core.rulebooks, core.hand, core.people.choices, take)
    replying = Replying(core.adapters)
    writing = Writing(names, core.rulebooks, core.hand, core.adapters, take)
    quoting = Quoting(names, core.rulebooks, writing, core.people, lambda: core.current.config, take)
    signals = Signals({**presses.handlers(), **quoting.handlers()}, quoting.proofs())
    folding = Folding(core.adapters)
    settler = Settler(names, core.journal, core.rulebooks, core.distributor, folding, signals, core.merging, take)
    enriching = Enriching(store, names, core.files, core.adapters, core.clock)
    after = After(core, presses, quoting, replying, enriching)
    pipeline = Pipeline(
        store,
        core.journal,
        settler,
        signals,
        core.files,
        core.adapters,
        core.clock,
        after.settled,
        on_more=core.bells.work.elsewhere,
        follows_within=0.0 if store.embedded else FOLLOWS_WITHIN,
    )
    return Settling(settler, presses, writing, replying, enriching, pipeline, after)


class After:
    """What follows a batch that is committed: figures, screens, answers to who pressed, and the bells of what comes next."""

    def __init__(
        self, core: Core, presses: Presses, quoting: Quoting, replying: Replying, enriching: Enriching
    ) -> None:
        self._core = core
        self._presses = presses
        self._quoting = quoting
        self._replying = replying
        self._enriching = enriching

    def settled(self, claimed: Sequence[Claimed], what: Settled) -> None:
        """These were decided."""
        core = self._core
        by_entry = {one.entry: one for one in claimed}
        now = core.clock.now()
        taken = [by_entry[result.entry] for result in what.results]
        ages = [(now - one.envelope.received_at).total_seconds() for one in taken]
        core.metrics.settled([one.envelope.channel for one in taken], what.results, ages)
        core.changes.settled(what.results)
        entries = [result.entry for result in what.results]
        self._replying.hand_over([*self._presses.taken(entries), *self._quoting.taken(entries)])
        if any(core.adapters.fetches(one.envelope.channel) for one in taken):
            self._enriching.wake()
        if what.told:
            core.bells.tell()
        if what.said:
            core.bells.say()
        if what.more:
            core.bells.turn()
        core.bells.people()
