"""The loop that looks for contacts who may be one person, after their leads have gone out and while nothing more urgent is to do.

It never joins anybody. A batch of contacts is indexed by name in one transaction and searched for afterwards, so that of two
processes that index at once at least one sees the other's; then what was found is written together with the mark that these were
looked at. Whatever dies between is done again.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import sqlalchemy as sa
import structlog

from dedup.likeness import Facts, Named, Namesake, namesakes, weigh
from dedup.names import candidate_keys
from ingest.rounds import Rounds
from kernel.clock import Clock
from storage import namesakes as stored
from storage.namesakes import Similar
from storage.store import Store

BATCH: Final = 50
CANDIDATES: Final = 50
SWEEP: Final = 30.0
COMPANY: Final = 1.0
REST: Final = 0.2
RESTS: Final = 50
STORE_AWAY: Final = 5.0

log = structlog.get_logger("priyom.suggesting")


class Suggester(Rounds):
    """Suggests pairs of contacts with names alike. `wake` after new contacts; `is_busy` says that others need the machine.

    `company` and `rest`, in seconds: how long it lets contacts gather, and how long it leaves the machine between full batches.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        is_busy: Callable[[], bool] = lambda: False,
        *,
        company: float = COMPANY,
        rest: float = REST,
    ) -> None:
        super().__init__(log, SWEEP, STORE_AWAY)
        self._store = store
        self._clock = clock
        self._is_busy = is_busy
        self._company = company
        self._rest = rest

    async def _round(self) -> None:
        await self._wait_for_quiet(self._company)
        while await self.batch() == BATCH:
            await self._wait_for_quiet(self._rest)

    async def _wait_for_quiet(self, rest: float) -> None:
        """Leads come first: until nothing has come in for a while, but somebody who is never quiet shall have suggestions too."""
        for _ in range(RESTS):
            self._woken.clear()
            await asyncio.sleep(rest)
            if not (self._woken.is_set() or self._is_busy()):
                return

    async def batch(self) -> int:
        """One batch; of how many contacts. Raises Away and Conflict."""
        fresh = await self._store.read(lambda db: stored.unsearched(db, BATCH))
        if not fresh:
            return 0
        keys = {one.id: candidate_keys(one.name) for one in fresh}
        await self._store.run(lambda db: stored.index(db, keys))
        found = await self._store.read(lambda db: stored.bearers(db, keys, CANDIDATES))
        near = await asyncio.to_thread(lambda: {one.id: namesakes(one, found[one.id]) for one in fresh})
        similar = await self._store.read(lambda db: self._similar(db, fresh, near))
        new_id, now = self._store.ids.take, self._clock.now()
        await self._store.run(lambda db: stored.write(db, fresh, similar, new_id, now))
        if similar:
            log.info("contacts that may be one person", action="people.suggested", count=len(similar))
        return len(fresh)

    @staticmethod
    def _similar(db: sa.Connection, fresh: Sequence[Named], near: Mapping[int, Sequence[Namesake]]) -> list[Similar]:
        """What is worth asking about, each pair once, without those on which somebody has an opinion already."""
        some = {namesake.contact.id: namesake.contact for others in near.values() for namesake in others}
        some |= {one.id: one for one in fresh if near[one.id]}
        if not some:
            return []
        known = stored.facts(db, some.values())
        made: dict[tuple[int, int], Similar] = {}
        for one in fresh:
            for namesake in near[one.id]:
                similar = _weighed(one, namesake, known)
                if similar is not None:
                    made.setdefault((similar.contact, similar.other), similar)
        judged = stored.judged(db, made)
        return [similar for pair, similar in made.items() if pair not in judged]


def _weighed(one: Named, namesake: Namesake, known: Mapping[int, Facts]) -> Similar | None:
    other = namesake.contact
    likeness = weigh(namesake.verdict, known[one.id], known[other.id], namesake.others)
    if not likeness.worth_asking:
        return None
    low, high = sorted((one.root, other.root))
    return Similar(low, high, {"reasons": likeness.reasons, "score": likeness.probability})
