"""The loop that says to clients what is in the outbox for them: by the adapter of its channel, tried again with growing pauses.

An attempt is counted before it is made, and its end is written after it: whoever dies in between tries again. A provider that
knows a repeat by its id (VK, mail) has it once all the same; Telegram has nothing to know it by, and may show it twice.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any, Final

import sqlalchemy as sa
import structlog

from channels.adapter import Adapter, Misconfigured, Rejected, Unavailable
from channels.message import Outgoing
from ingest.ending import given_back, to_its_end
from ingest.outgoing.pauses import PAUSES
from ingest.outgoing.ways import inbound
from ingest.rounds import STORE_AWAY, Rounds
from kernel.clock import Clock
from kernel.ids import uuid7
from kernel.seams import crashpoint
from storage import messages, outbox, rotation, words
from storage.decisions import SYSTEM
from storage.names import Names
from storage.outbox import Word
from storage.rotation import Notice
from storage.store import Away, Conflict, Store, Unit
from storage.words import Ended, Said

BURST: Final = 8
LEASE: Final = timedelta(minutes=10)
UNREAD: Final = 7
"""Pauses, fifty minutes in all, after which a machine's answer comes too late to be courteous: its hours may be over, too."""
WITHIN: Final = 120.0
"""Seconds for one attempt, whatever the provider does: longer than any adapter waits for a yes that may still come."""

log = structlog.get_logger("priyom.outgoing")


class Failed(Exception):
    """An attempt that came to nothing: `code` says why, `again_in` seconds at the earliest, None: never again."""

    def __init__(self, code: str, message: str, again_in: float | None) -> None:
        super().__init__(message)
        self.code = code
        self.again_in = again_in


class Sending(Rounds):
    """The sender of words. `wake` when something may be due; the ticker does for retries.

    `on_change` is told of each lead whose word has come to something.
    """

    def __init__(
        self,
        store: Store,
        names: Names,
        adapters: Mapping[str, Adapter[Any]],
        clock: Clock,
        on_change: Callable[[], None],
    ) -> None:
        super().__init__(log)
        self._store = store
        self._names = names
        self._adapters = adapters
        self._clock = clock
        self._on_change = on_change

    async def _round(self) -> None:
        while await self.step():
            pass

    async def step(self) -> bool:
        """Send what is due, one channel beside the other; False where nothing is. Raises Away, Conflict.

        A stop gives back what it leaves unsaid.
        """
        token = uuid7()
        async with given_back(self._store, token):
            return await self._claimed(token)

    async def _claimed(self, token: str) -> bool:
        now = self._clock.now()
        until = monotonic() + LEASE.total_seconds() - WITHIN

        def claim(db: sa.Connection) -> tuple[list[Word], Mapping[int, Said]]:
            taken = outbox.claim_words(db, BURST, token, LEASE, now)
            return taken, words.load(db, [one.interaction for one in taken]) if taken else {}

        due, said = await to_its_end(self._store.run(claim))
        by_channel: dict[str, list[Word]] = {}
        for word in due:
            by_channel.setdefault(said[word.interaction].channel, []).append(word)
        async with asyncio.TaskGroup() as group:
            for channel, theirs in by_channel.items():
                group.create_task(self._send(token, channel, theirs, said, until))
        return bool(due)

    async def _send(
        self, token: str, channel: str, theirs: Sequence[Word], said: Mapping[int, Said], until: float
    ) -> None:
        """One channel's words, in the order in which they were said. Behind one that has to be tried again the rest waits.

        None is begun that might outlive the lease, since somebody else may have it then.
        """
        adapter = self._adapters.get(channel)
        for place, word in enumerate(theirs):
            if monotonic() > until:
                return
            failure = await to_its_end(self._say(adapter, channel, token, word, said[word.interaction]))
            self._on_change()
            if failure is not None and failure.again_in is not None:
                behind = theirs[place + 1 :]
                await self._kept(partial(self._wait, token=token, word=word, failure=failure, behind=behind, said=said))
                return

    async def _say(
        self, adapter: Adapter[Any] | None, channel: str, token: str, word: Word, said: Said
    ) -> Failed | None:
        """One attempt, and its end in the store."""
        crashpoint("reply.before_send")
        failure = await _attempted(adapter, channel, said)
        crashpoint("reply.after_send")
        await self._kept(partial(self._end, token=token, word=word, said=said, failure=failure))
        return failure

    def _wait(
        self,
        db: sa.Connection,
        token: str,
        word: Word,
        failure: Failed,
        behind: Sequence[Word],
        said: Mapping[int, Said],
    ) -> None:
        """Have the words behind one that has to be tried again tried without it, and those for the same client after it.

        Otherwise one address that nobody takes mail for now would stand before the same others each time, until all are dead.
        """
        now = self._clock.now()
        after = {one.id for one in behind if said[one.interaction].to == said[word.interaction].to}
        outbox.hold_back(db, token, after, _again_at(word, failure, now) or now)
        pause = max(PAUSES[0], timedelta(seconds=failure.again_in or 0))
        outbox.hold_back(db, token, {one.id for one in behind} - after, now + pause)

    async def _kept(self, end: Unit[None]) -> None:
        """Write the end of an attempt, however long the store is away: what was sent must not be sent again for that."""
        while True:
            try:
                await self._store.run(end)
            except (Away, Conflict) as error:
                log.warning("the store is away", action="store.away", error=str(error), again_in=STORE_AWAY)
                await asyncio.sleep(STORE_AWAY)
            else:
                return

    def _end(self, db: sa.Connection, token: str, word: Word, said: Said, failure: Failed | None) -> None:
        """Write what an attempt came to: sent, to be tried again, or failed; and have people see it."""
        now = self._clock.now()
        if failure is None:
            outbox.finish(db, token, [word.id], now, said.channel)
            words.note(db, said.id, now, state="sent", error=None)
            if not said.automatic:
                words.answered(db, [Ended(said.id, said.author or SYSTEM)], now)
        else:
            again_at = None if said.automatic and word.attempts > UNREAD else _again_at(word, failure, now)
            outbox.put_back(db, token, word.id, again_at, str(failure))
            state = "failed" if again_at is None else "sending"
            words.note(db, said.id, now, state=state, error={"code": failure.code, "message": str(failure)})
            self._log(word, said, failure, again_at)
            if again_at is None and not said.automatic:
                self._tell(db, said, now)
        messages.tell_changed(db, [said.lead], self._next_id, now)

    def _next_id(self) -> int:
        return self._store.ids.take()

    def _tell(self, db: sa.Connection, said: Said, now: datetime) -> None:
        """Whoever said it, else whose lead it is, hears that it was not delivered."""
        lead = words.lead_for_update(db, self._names, said.lead)
        author = said.author if said.author in self._names.managers.all(db) else lead.owner
        if author is not None:
            rotation.tell(
                db, self._names, [Notice("reply_failed", said.lead, author, critical=True)], [self._next_id()], now
            )

    @staticmethod
    def _log(word: Word, said: Said, failure: Failed, again_at: datetime | None) -> None:
        told = log.error if again_at is None else log.warning
        told(
            "a word to a client was not delivered",
            action="reply.dead" if again_at is None else "reply.retry",
            reply=word.uid,
            channel=said.channel,
            error=str(failure),
        )


async def _attempted(adapter: Adapter[Any] | None, channel: str, said: Said) -> Failed | None:
    """Say it once; None where that went well."""
    try:
        await _attempt(adapter, channel, said)
    except Failed as error:
        return error
    return None


async def _attempt(adapter: Adapter[Any] | None, channel: str, said: Said) -> None:
    """Say it once. Raises Failed."""
    if adapter is None:
        raise Failed("no_channel", f"there is no channel {channel} any more", None)
    answers = None if said.answers is None else inbound(said.answers)
    word = Outgoing(said.uid, said.to, said.text, said.subject, answers, said.automatic)
    try:
        async with asyncio.timeout(WITHIN):
            await adapter.send(word)
    except Rejected as error:
        raise Failed(error.code, str(error), None) from error
    except Misconfigured as error:
        raise Failed("misconfigured", str(error), 0) from error
    except Unavailable as error:
        raise Failed("unavailable", str(error), error.again_in or 0) from error
    except TimeoutError as error:
        raise Failed("unavailable", f"{channel} did not take it within {WITHIN:.0f} s", 0) from error
    except Exception as error:
        log.exception("an adapter could not send", action="reply.broken", channel=channel)
        raise Failed("broken", type(error).__name__, 0) from error


def _again_at(word: Word, failure: Failed, now: datetime) -> datetime | None:
    if failure.again_in is None or word.attempts > len(PAUSES):
        return None
    return now + max(PAUSES[word.attempts - 1], timedelta(seconds=failure.again_in))
