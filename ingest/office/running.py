"""How a process and its channels stand, for probes, figures and people."""

from collections.abc import Callable

from desk.ports import Json
from ingest.health.health import Health
from ingest.health.metrics import Metrics
from ingest.units import Units
from kernel.clock import Clock, instant
from storage import envelope_views, lead_views, outbox
from storage.migrate import serves
from storage.names import Names
from storage.store import Away, Store


class StoreRunning:
    """`desk.ports.Running` of this process. `standing`: what it says of itself beside its readiness."""

    def __init__(
        self,
        store: Store,
        units: Units,
        names: Names,
        health: Health,
        metrics: Metrics,
        clock: Clock,
        standing: Callable[[], Json],
    ) -> None:
        self._store = store
        self._units = units
        self._names = names
        self._health = health
        self._metrics = metrics
        self._clock = clock
        self._standing = standing

    async def health(self) -> Json:
        """Whether the store answers, its schema serves this version and no task keeps dying; channels never spoil readiness."""
        try:
            current = await self._store.read(serves)
        except Away:
            return {"ready": False, "store": "away", "channels": self._channel_states(), **self._standing()}
        standing = self._standing()
        ready, store = current and not standing["failing"], "ok" if current else "old_schema"
        return {"ready": ready, "store": store, "channels": self._channel_states(), **standing}

    def _channel_states(self) -> list[Json]:
        """No more than anybody may know."""
        shown = [self._health.described(name, "") for name in self._health.names()]
        return [{key: one[key] for key in ("name", "kind", "state", "since")} for one in shown]

    async def metrics(self) -> bytes:
        """Prometheus text; the gauges are read from the store, and are left as they were while it is away."""
        self._metrics.channels(self._health.figures())
        try:
            figures = await self._store.read(
                lambda db: (envelope_views.pending(db), lead_views.waiting_counts(db), outbox.counts(db))
            )
        except Away:
            return self._metrics.text(None)
        (count, oldest), waiting, unsent = figures
        age = 0.0 if oldest is None else (self._clock.now() - instant(oldest)).total_seconds()
        return self._metrics.text((count, age, waiting, unsent))

    async def channels(self, language: str = "") -> Json:
        """Every configured channel, how it is, and what to do about that in a language; left out: the company's."""
        return {"items": [self._health.described(name, language) for name in self._health.names()], "next": None}

    async def notices(self) -> Json:
        """Notices that have not reached their manager."""
        return {"items": await self._units.read(lambda db: outbox.unsent(db, self._names)), "next": None}
