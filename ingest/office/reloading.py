"""A changed configuration put in force while the daemon runs: all of it or none, and never one that has a fault."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
import structlog

from desk.ports import Json, Refused
from ingest.config.current import Current
from ingest.config.load import load
from ingest.config.policy import revision_document
from ingest.config.schema import Config
from ingest.office.planning import differences
from ingest.rules.routing_tests import failed_routing_tests
from ingest.rules.rulebook import Rulebooks, compile_rulebook
from ingest.turns.distribution import Distributor
from kernel.clock import Clock
from storage import handover, revisions
from storage.names import Names
from storage.processes import RELOADED
from storage.store import Away, Conflict, Store

AT_START_ONLY: Final = ("http", "api", "storage", "redis", "language", "timezone")
"""Sections that a running daemon keeps as they were: a change of them is told and waits for the next start."""

_TRIES: Final = 5

log = structlog.get_logger("priyom.reloading")


class Reloader:
    """Reads the file again and puts it in force. `on_applied` brings the parts of this process up to a configuration.

    `path` None: this process was not started from a file, and nothing can be reloaded.
    """

    def __init__(
        self,
        path: Path | None,
        current: Current,
        store: Store,
        names: Names,
        rulebooks: Rulebooks,
        distributor: Distributor,
        clock: Clock,
        on_applied: Callable[[Config], Awaitable[None]],
    ) -> None:
        self._path = path
        self._current = current
        self._store = store
        self._names = names
        self._rulebooks = rulebooks
        self._distributor = distributor
        self._clock = clock
        self._on_applied = on_applied
        self._one_at_a_time = asyncio.Lock()

    async def plan(self) -> Json:
        """What the file would change: `{"changes", "restart", "warnings"}`. Raises Refused 422 for a file with faults."""
        config, beside = await self._loaded()
        return await self._planned(config, beside)

    async def reload(self, actor: str) -> Json:
        """Put the file in force; what that changed, as `plan` says it. Raises Refused: 422 for faults, 503 for the store."""
        async with self._one_at_a_time:
            config, beside = await self._loaded()
            planned = await self._planned(config, beside)
            await self._apply(config, actor)
            await self._on_applied(config)
            self._current.config = config
        log.info(
            "the configuration was reloaded",
            action="config.reloaded",
            changes=[one["code"] for one in planned["changes"]],
            restart=planned["restart"],
        )
        return planned

    async def follow(self, digest: str) -> bool:
        """Bring this process up to a revision that another one put in force; whether the file makes it. Raises Refused."""
        async with self._one_at_a_time:
            config, _ = await self._loaded()
            await self._patiently(self._store.read, self._names.refresh)
            if revisions.digest_of(revision_document(config)) != digest:
                return False
            await self._on_applied(config)
            self._current.config = config
        return True

    async def reload_on_signal(self) -> None:
        """`reload` for SIGHUP: what refuses it is in the log, and the old configuration stays."""
        try:
            await self.reload("SIGHUP")
        except Refused as refused:
            log.error("the configuration was not reloaded", action="config.refused", faults=str(refused).splitlines())  # noqa: TRY400 - nothing broke

    async def _loaded(self) -> tuple[Config, Json]:
        """The file as this process can have it, and what is to be said beside its changes."""
        if self._path is None:
            raise Refused(409, "no_file", "this process was not started from a file")
        loaded = await asyncio.to_thread(load, self._path, os.environ)
        failed = [] if loaded.config is None else await asyncio.to_thread(failed_routing_tests, loaded.config)
        if loaded.config is None or failed:
            errors = [fault for fault in (*loaded.faults, *failed) if fault.level == "error"]
            raise Refused(422, "misconfigured", "\n".join(map(str, errors)))
        running = self._current.config
        later = {name: getattr(running, name) for name in AT_START_ONLY}
        restart = [name for name in AT_START_ONLY if getattr(loaded.config, name) != later[name]]
        beside = {"restart": restart, "warnings": [str(fault) for fault in loaded.faults]}
        return loaded.config.model_copy(update=later), beside

    async def _planned(self, config: Config, beside: Json) -> Json:
        compile_rulebook(0, revision_document(config))
        changes = await self._patiently(self._store.read, lambda db: compared(db, config))
        changes += _beside(self._current.config, config)
        return {"changes": changes, **beside}

    async def _apply(self, config: Config, actor: str) -> None:
        document = revision_document(config)
        kinds = {name: channel.kind for name, channel in config.channels.items()}

        def unit(db: sa.Connection) -> None:
            now = self._clock.now()
            revisions.apply(db, self._names, document, kinds, actor, now)
            revisions.advance(db, RELOADED, _later(revisions.setting(db, RELOADED), now))
            self._distributor.everybody(db, self._rulebooks.current(db), now)

        await self._patiently(self._store.run, unit)

    @staticmethod
    async def _patiently(run: Callable[[Any], Awaitable[Any]], unit: Callable[[sa.Connection], Any]) -> Any:
        for _ in range(_TRIES):
            try:
                return await run(unit)
            except Conflict:
                continue
            except Away as error:
                raise Refused(503, "store_away", "the store cannot be reached; try again shortly") from error
        raise Refused(503, "busy", "others kept changing the same rows; try again")


def _later(said: str | None, now: datetime) -> str:
    """The time of this reload: later than that of the one before, even where that one's clock was ahead of ours."""
    at = now if said is None else max(now, datetime.fromisoformat(said) + timedelta(microseconds=1))
    return at.isoformat(timespec="microseconds")


def compared(db: sa.Connection, config: Config) -> list[Json]:
    """What `config` would change of the revision in force, with the leads that this concerns."""
    latest = revisions.current_id(db)
    before = None if latest is None else revisions.load(db, latest).document
    return differences(before, revision_document(config), handover.held(db), handover.waiting(db))


def _beside(before: Config, after: Config) -> list[Json]:
    """What differs of that which is not part of a revision: how managers are told, and the keys of channels themselves."""
    changed = [name for name in ("accounts", "notices") if getattr(before, name) != getattr(after, name)]
    found: list[Json] = [{"code": "settings_changed", "name": None, "keys": changed}] if changed else []
    for name, channel in after.channels.items():
        earlier = before.channels.get(name)
        if earlier is None or earlier == channel:
            continue
        seen = {"kind", "source", "team", "was"}
        keys = sorted(
            key
            for key in type(channel).model_fields
            if key not in seen and getattr(earlier, key, None) != getattr(channel, key)
        )
        if keys:
            found.append({"code": "channel_changed", "name": name, "keys": keys})
    return found
