"""Prometheus metrics, by channel; no personal data, no client's words in a label."""

from collections import Counter as Tally
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from channels.message import Accepted, Envelope
from ingest.health.states import CONDITIONS
from storage.journal import Result

_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)

Gauges = tuple[int, float, Sequence[tuple[str, str, int]], Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class ChannelFigures:
    """How a channel is: its condition, seconds since its provider was heard and how many are borne, refusals in a row, restarts."""

    name: str
    condition: str
    heartbeat_age: float | None
    deadline: float | None
    refusals: int
    restarts: int


class Metrics:
    """The registry of one daemon. Counters start at zero with the process; the ledger is the account that lasts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._received = Counter(
            "priyom_received_total", "Envelopes committed to the journal", ["channel"], registry=self.registry
        )
        self._duplicates = Counter(
            "priyom_duplicates_total", "Deliveries that were there already", ["channel"], registry=self.registry
        )
        self._refused = Counter(
            "priyom_refused_total", "Deliveries refused", ["channel", "code"], registry=self.registry
        )
        self._outcomes = Counter(
            "priyom_outcomes_total", "Envelopes decided", ["channel", "outcome"], registry=self.registry
        )
        self._notices = Counter(
            "priyom_notices_total", "Attempts to deliver a notice", ["route", "result"], registry=self.registry
        )
        self._settled = Histogram(
            "priyom_received_to_settled_seconds", "From receipt to outcome", buckets=_BUCKETS, registry=self.registry
        )
        self._pending = Gauge("priyom_pending", "Envelopes without an outcome", registry=self.registry)
        self._oldest = Gauge(
            "priyom_oldest_pending_seconds", "Age of the oldest pending envelope", registry=self.registry
        )
        self._waiting = Gauge("priyom_leads_waiting", "Unprocessed leads", ["team", "reason"], registry=self.registry)
        self._outbox = Gauge("priyom_outbox", "Notices not sent", ["state"], registry=self.registry)

        self._states = Gauge(
            "priyom_channel_state", "1 for the state that a channel is in", ["channel", "state"], registry=self.registry
        )
        self._heartbeats = Gauge(
            "priyom_channel_heartbeat_age_seconds",
            "Since the provider of a channel that fetches was heard",
            ["channel"],
            registry=self.registry,
        )
        self._deadlines = Gauge(
            "priyom_channel_heartbeat_deadline_seconds",
            "The age of a heartbeat at which a channel is started anew",
            ["channel"],
            registry=self.registry,
        )
        self._in_a_row = Gauge(
            "priyom_channel_refusals_in_a_row",
            "Deliveries refused since one was taken",
            ["channel"],
            registry=self.registry,
        )
        self._restarts = Gauge(
            "priyom_channel_restarts", "Restarts for a missed heartbeat", ["channel"], registry=self.registry
        )

    def wakes(self, is_up: Callable[[], bool]) -> None:
        """There is a line to other processes; whether it is up is asked at each look."""
        gauge = Gauge("priyom_wakes_up", "1 while Redis carries wake-ups between processes", registry=self.registry)
        gauge.set_function(is_up)

    def accepted(self, envelopes: Sequence[Envelope], accepted: Sequence[Accepted]) -> None:
        """Envelopes were committed."""
        told = Tally([(e.channel, result.duplicate) for e, result in zip(envelopes, accepted, strict=True)])
        for (channel, duplicate), number in told.items():
            (self._duplicates if duplicate else self._received).labels(channel).inc(number)

    def refused(self, channel: str, code: str) -> None:
        """A delivery was refused."""
        self._refused.labels(channel, code).inc()

    def settled(self, channels: Sequence[str], results: Sequence[Result], ages: Sequence[float]) -> None:
        """A batch was decided; `ages` in seconds from each receipt."""
        outcomes = (result.outcome for result in results)
        for (channel, outcome), number in Tally(zip(channels, outcomes, strict=True)).items():
            self._outcomes.labels(channel, outcome).inc(number)
        for age in ages:
            self._settled.observe(age)

    def sent(self, route: str, sent: bool) -> None:  # noqa: FBT001 - a callback of two facts
        """A notice left, or did not."""
        # Both are there from the first on: who compares them must find a zero, not nothing.
        for result, counts in (("sent", sent), ("failed", not sent)):
            self._notices.labels(route, result).inc(int(counts))

    def channels(self, figures: Sequence[ChannelFigures]) -> None:
        """How the channels are now."""
        for gauge in (self._states, self._heartbeats, self._deadlines, self._in_a_row, self._restarts):
            gauge.clear()
        for one in figures:
            for condition in CONDITIONS:
                self._states.labels(one.name, condition).set(condition == one.condition)
            self._in_a_row.labels(one.name).set(one.refusals)
            if one.deadline is not None:
                self._deadlines.labels(one.name).set(one.deadline)
                self._restarts.labels(one.name).set(one.restarts)
            if one.heartbeat_age is not None:
                self._heartbeats.labels(one.name).set(one.heartbeat_age)

    def text(self, gauges: Gauges | None) -> bytes:
        """All of it in Prometheus' text format. `gauges`: pending, age of the oldest, waiting leads, outbox; None while unknown."""
        if gauges is not None:
            pending, oldest, waiting, outbox = gauges
            self._pending.set(pending)
            self._oldest.set(oldest)
            self._waiting.clear()
            for team, reason, number in waiting:
                self._waiting.labels(team, reason).set(number)
            for state in ("due", "dead"):
                self._outbox.labels(state).set(outbox.get(state, 0))
        return generate_latest(self.registry)
