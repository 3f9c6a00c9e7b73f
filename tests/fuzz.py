"""Every kind of channel against payloads that are broken by chance: `python -m tests.fuzz`, 100,000 for each part of each kind.

Two parts are tried: `receive`, with whatever may call, and `parse`, with whatever may stand in the journal. Each may end in few
ways: read, ignored, a signal; refused with a status of 4xx; kept and failed. All else is a fault and is written with the
number that brings it back. A seed and a number make a payload.
"""

import argparse
import faulthandler
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import datetime
from typing import Any, Final

from multidict import CIMultiDict

from channels.adapter import Adapter, Rejected
from channels.message import Accepted, Answer, Envelope, Ignored, Inbound, Request, Signal, digest
from tests import mutation
from tests.channels.subjects import Document, Subject, every

SEED: Final = 20_260_901
MANY: Final = 100_000
TOO_SLOW: Final = 8.0
"""Seconds of processor time for one payload, far beyond what any takes."""
TOO_LARGE: Final = 600 * 1024
"""KiB by which the process may grow over its start."""
HUNG: Final = 240
"""Seconds after which a payload, or a few after it, ends the process with where it was."""
ONE_IN: Final = 50
_CLIENT_ERRORS: Final = range(400, 500)
_ODD_HEADERS: Final = (
    "",
    "x",
    "\udcff",
    "я",
    "a" * 8_000,
    "multipart/form-data; boundary=b",
    "text/xml",
    "*/*;q=x",
    "null",
)


@dataclass
class Tally:
    """How the payloads of one part ended, and what should never have happened."""

    name: str
    ends: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def __str__(self) -> str:
        ends = ", ".join(f"{how} {number}" for how, number in sorted(self.ends.items()))
        return f"{self.name}: {ends}; slowest {self.slowest * 1000:.0f} ms; faults {len(self.faults)}"


def texts(value: object) -> Iterator[str]:
    """Every text in what was read."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for pair in value.items():
            yield from texts(pair)
    elif isinstance(value, (tuple, list)):
        for one in value:
            yield from texts(one)
    elif is_dataclass(value) and not isinstance(value, type):
        for one in fields(value):
            yield from texts(getattr(value, one.name))


def malformed(parsed: object) -> str | None:
    """What is wrong with the shape of what was read: later steps rely on its types."""
    match parsed:
        case Ignored(reason, inbound):
            return malformed(inbound) if inbound is not None else None if reason else "ignored without a reason"
        case Signal(kind, values):
            plain = kind and all(isinstance(one, str) for pair in values.items() for one in pair)
            return None if plain else "a signal with values that are no texts"
        case Inbound():
            return _malformed(parsed)
        case _:
            return f"read as {type(parsed).__name__}"


def _malformed(said: Inbound) -> str | None:
    listed = (*said.phones, *said.emails, *said.vouched, *(one for pair in said.identities for one in pair))
    mapped = (one for pair in (*said.fields.items(), *said.campaign.items()) for one in pair)
    optional = (
        said.subject,
        said.name,
        said.company,
        said.city,
        said.to,
        said.ref,
        said.page,
        said.referrer,
        said.profile,
    )
    if not all(isinstance(one, str) for one in (said.kind, said.text, *listed, *mapped)):
        return "a text is none"
    if not all(one is None or isinstance(one, str) for one in optional):
        return "a text that may be left out is none"
    at: Any = said.at
    if at is not None and not (isinstance(at, datetime) and at.tzinfo):
        return "a time without a zone"
    named: list[Any] = [one for file in said.attachments for one in (file.name, file.media_type)]
    sizes: list[Any] = [file.size for file in said.attachments]
    if not all(isinstance(one, str) for one in named) or not all(isinstance(one, int | None) for one in sizes):
        return "a file whose name or size is none"
    return None


class Trial:
    """One subject under fire."""

    def __init__(self, subject: Subject, seed: int, *, bombs: bool) -> None:
        self.subject = subject
        self._seed = seed
        self._adapter: Adapter[Any] = subject.make()
        self._recorded = subject.recorded()
        self._bodies = [one.body for one in self._recorded]
        self._documents = [one.body for one in subject.documents]
        self._bombs = {name: make() for name, make in mutation.BOMBS.items()} if bombs else {}

    @property
    def is_called(self) -> bool:
        """Whether anything comes over HTTP."""
        return self.subject.proved is not None

    def receive(self, many: int) -> Tally:
        """Deliveries, proved and not; what is taken in is read."""
        tally = Tally(f"{self.subject.name} receive")
        for name, bomb in self._bombs.items():
            for way in sorted({one.way for one in self.subject.documents[:2]}):
                self._try(tally, f"bomb {name!r} {way}", self._taken, self._proved(Document(bomb, way)))
        for number in range(many):
            self._try(tally, f"seed {self._seed} number {number}", self._taken, self._delivery(number))
        return tally

    def parse(self, many: int) -> Tally:
        """What might stand in the journal."""
        tally = Tally(f"{self.subject.name} parse")
        for name, bomb in self._bombs.items():
            envelope = replace(self._recorded[0], body=bomb)
            self._try(tally, f"bomb {name!r}", self._read, envelope)
        for number in range(many):
            end = self._twice if number % ONE_IN == 0 else self._read
            self._try(tally, f"seed {self._seed} number {number}", end, self._envelope(number))
        return tally

    def _try(self, tally: Tally, name: str, end: Callable[[Any], str], payload: Request | Envelope) -> None:
        if sum(tally.ends.values()) % ONE_IN == 0:
            faulthandler.dump_traceback_later(HUNG, exit=True)
        began = time.process_time()
        try:
            ended = end(payload)
        except Exception as error:
            ended = f"FAULT {type(error).__name__}"
            tally.faults.append(f"{name}: {type(error).__name__}: {str(error)[:200]}")
        took = time.process_time() - began
        tally.slowest = max(tally.slowest, took)
        if took > TOO_SLOW:
            tally.faults.append(f"{name}: {took:.1f} s")
        tally.ends[ended] += 1

    def _taken(self, request: Request) -> str:
        """How a delivery ends. Any exception but a refusal with a status of 4xx is a fault."""
        adapter = self._adapter
        try:
            if adapter.question(request) is not None:
                return "asked"
            envelopes = adapter.receive(request)
            answer = adapter.answer(request, [Accepted(str(n), duplicate=False) for n, _ in enumerate(envelopes)])
        except Rejected as refusal:
            return self._refused(request, refusal)
        assert isinstance(answer, Answer)
        for envelope in envelopes:
            assert envelope.identity is None or isinstance(envelope.identity, str)
            for text in texts(dict(envelope.meta)):
                text.encode()
            self._keeps_secrets(repr(envelope.meta), envelope.body)
        ends = [self._read(envelope) for envelope in envelopes]
        return ends[0] if ends else "nothing"

    def _refused(self, request: Request, refusal: Rejected) -> str:
        assert refusal.status in _CLIENT_ERRORS, refusal.status
        assert refusal.code
        assert isinstance(self._adapter.refused(request, refusal), Answer | None)
        self._keeps_secrets(str(refusal))
        return "refused"

    def _read(self, envelope: Envelope) -> str:
        """How an envelope ends. An exception makes it failed, which is no fault; a wrong shape is one."""
        try:
            parsed = self._adapter.parse(envelope)
        except MemoryError:
            raise
        except Exception:
            return "failed"
        wrong = malformed(parsed)
        assert wrong is None, wrong
        if isinstance(parsed, Inbound) and parsed.ref is not None:
            assert malformed(self._adapter.fold([parsed, parsed])) is None
        if isinstance(parsed, Inbound):
            with suppress(Rejected):
                assert isinstance(self._adapter.way_back(parsed), str | None)
        return type(parsed).__name__.lower()

    def _twice(self, envelope: Envelope) -> str:
        """The same for two adapters, where there is anything to compare."""
        end = self._read(envelope)
        if end != "failed":
            same = self.subject.make().parse(envelope) == self._adapter.parse(envelope)
            assert same, "read differently the second time"
        return end

    def _keeps_secrets(self, said: str, body: bytes = b"") -> None:
        for secret in self.subject.secrets:
            assert secret not in said
            assert secret.encode() not in body

    def _proved(self, document: Document) -> Request:
        assert self.subject.proved is not None
        return self.subject.proved(document)

    def _delivery(self, number: int) -> Request:
        chance = random.Random(f"{self._seed} receive {self.subject.name} {number}")
        written = chance.choice(self.subject.documents)
        document = replace(written, body=mutation.any_way(chance, self._documents))
        if chance.random() < 0.1:
            document = replace(document, way=chance.choice((*_ODD_HEADERS, "events/", "/../..", "\0")))
        request = self._proved(document)
        if chance.random() < 0.4:
            return request
        return self._unproved(chance, request)

    def _unproved(self, chance: random.Random, request: Request) -> Request:
        """The request with something of what surrounds it changed, or its body changed after it was proved."""
        headers = CIMultiDict(request.headers)
        match chance.randrange(5):
            case 0:
                return replace(request, body=mutation.as_bytes(chance, [self._without_secrets(request.body) or b"x"]))
            case 1:
                for name in (*list(headers), "Content-Type", "Idempotency-Key", "Origin", "Referer", "Accept"):
                    if chance.random() < 0.4:
                        headers[name] = chance.choice(_ODD_HEADERS)
                return replace(request, headers=headers)
            case 2:
                query = {
                    name: chance.choice(("", "\udcff", "я", "x" * 5_000, value))
                    for name, value in request.query.items()
                }
                return replace(request, query=query | {"zd_echo" if chance.random() < 0.5 else "utm_source": "\udcd0<"})
            case 3:
                return replace(request, method=chance.choice(("GET", "PUT", "HEAD", "", "post")))
            case _:
                return replace(
                    request,
                    tail=chance.choice(_ODD_HEADERS),
                    body=request.body[: chance.randrange(len(request.body) + 1)],
                )

    def _without_secrets(self, body: bytes) -> bytes:
        """Whoever writes a secret where none belongs has shown it himself."""
        for secret in self.subject.secrets:
            body = body.replace(secret.encode(), b"guess")
        return body

    def _envelope(self, number: int) -> Envelope:
        chance = random.Random(f"{self._seed} parse {self.subject.name} {number}")
        envelope = chance.choice(self._recorded)
        meta = dict(envelope.meta)
        for name in meta:
            if chance.random() < 0.03:
                meta[name] = chance.choice(("", "x", "-1", "99999999999999999999", "text/html", "я" * 300))
        body = mutation.any_way(chance, self._bodies)
        return replace(envelope, body=body, meta=meta, digest=digest(body))


def grown() -> int:
    """The largest size of the process so far, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def tallies(subject: Subject, many: int, seed: int = SEED, *, bombs: bool = True) -> Iterator[Tally]:
    """Both parts of a subject; how far the process has grown is among the faults of the second."""
    before = grown()
    trial = Trial(subject, seed, bombs=bombs)
    try:
        if trial.is_called:
            yield trial.receive(many)
        tally = trial.parse(many)
    finally:
        faulthandler.cancel_dump_traceback_later()
    if grown() - before > TOO_LARGE:
        tally.faults.append(f"grew by {(grown() - before) // 1024} MiB")
    yield tally


def main() -> int:
    """1 where there was any fault."""
    options = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description="Payloads broken by chance, for every kind."
    )
    options.add_argument("--payloads", type=int, default=MANY, help="for each part of each kind")
    options.add_argument("--seed", type=int, default=SEED)
    options.add_argument("--only", default="", help="subjects whose name begins so")
    given = options.parse_args()
    faults = 0
    for subject in every():
        if subject.name.startswith(given.only):
            for tally in tallies(subject, given.payloads, given.seed):
                print(tally, *tally.faults[:20], sep="\n  ", flush=True)
                faults += len(tally.faults)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
