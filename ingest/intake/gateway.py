"""The HTTP side of intake: reads a bounded request, lets the channel's adapter prove and name it, and answers after the commit."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from email.message import Message
from functools import partial
from itertools import islice
from typing import Any, Final, NamedTuple

import structlog
from aiohttp import BodyPartReader, web
from multidict import CIMultiDict, MultiMapping

from channels.adapter import Adapter, Rejected
from channels.message import Accepted, Answer, Envelope, Request
from ingest.health.metrics import Metrics
from ingest.health.refusals import Refusals
from ingest.intake.answering import answered, response
from ingest.intake.callers import Callers
from ingest.intake.everyday import Network, client_address
from ingest.intake.intake import Busy, Intake
from ingest.intake.room import Room, Share
from ingest.intake.written import refused, written
from kernel.clock import Clock
from storage.store import Away

CHUNK: Final = 64 * 1024
FIELDS: Final = 1024 * 1024
UPLOAD_FACTOR: Final = 20
BODY_WITHIN: Final = 60.0

# A sender that hangs up half way, or whose Content-Encoding is not what it sends: everyday life, and nothing of ours.
_BROKEN: Final = (web.RequestPayloadError, ConnectionError)

_NO_QUERY: Final[Mapping[str, str]] = {}

log = structlog.get_logger("priyom.gateway")


class Post(NamedTuple):
    """What a process that receives for us made of one delivery, by its own number."""

    number: int
    channel: str
    envelopes: Sequence[Envelope]


Tell = Callable[[int, Sequence[Accepted], Rejected | None], None]


class Gateway:
    """Handlers of `/in/…` and `/form/…`. Knows of a kind only what `Adapter` promises."""

    def __init__(
        self,
        intake: Intake,
        adapters: Mapping[str, Adapter[Any]],
        clock: Clock,
        metrics: Metrics,
        callers: Callers | None = None,
        refusals: Refusals | None = None,
        *,
        max_body: int,
        trusted_proxies: Sequence[Network],
        room: Room | None = None,
    ) -> None:
        self._room = room or Room()
        self._intake = intake
        self._adapters = adapters
        self._clock = clock
        self._metrics = metrics
        self._callers = callers
        self._refusals = refusals or Refusals()
        self._max_body = max_body
        self.proxies = tuple(trusted_proxies)

    def routes(self) -> list[web.RouteDef]:
        """What an application serves of intake. A channel's plain address is found by one look-up, before the patterns."""
        return [
            *(web.route("*", f"/in/{name}", partial(self._deliver, name)) for name in self._adapters),
            web.route("*", "/in/{channel}", self.receive),
            web.route("*", "/in/{channel}/{tail:.*}", self.receive),
            web.get("/form/{channel}.js", self.script),
            web.get("/form/{channel}", self.page),
        ]

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """One delivery to whatever channel its address names."""
        return await self._deliver(request.match_info["channel"], request)

    async def _deliver(self, name: str, request: web.Request) -> web.StreamResponse:
        """One delivery: committed, then answered in the vendor's own words; or refused and counted."""
        adapter = self._adapters.get(name)
        if adapter is None:
            return self._nothing("no_such_channel", "there is no such channel")
        asked: Request | None = None
        try:
            asked = await self._read(request)
            if request.method == "OPTIONS" and (allowed := adapter.preflight(asked)) is not None:
                return response(allowed)
            if self._callers is not None and (question := adapter.question(asked)) is not None:
                return response(adapter.reply_to(question, await self._callers.find(name, question)))
            envelopes = adapter.receive(asked)
            accepted = await self._intake.accept(envelopes) if envelopes else []
            return answered(request, adapter.answer(asked, accepted), asked.at)
        except Exception as error:  # noqa: BLE001 - each has its answer
            return response(self._refused(name, adapter, asked or self._asked(request, b""), error))

    def channels(self) -> Collection[str]:
        """The names of the channels, each of which has the address `/in/{name}`, that only deliver and ask nothing."""
        return [name for name, adapter in self._adapters.items() if type(adapter).question is Adapter.question]

    def everyday(self) -> list[tuple[type[Adapter[Any]], str, Any, bytes, str]]:
        """Of what the adapters of these channels are made, for a process that receives for us."""
        adapters = [self._adapters[name] for name in self.channels()]
        return [(type(one), one.name, one.config, one.secret, one.language) for one in adapters]

    def enter(self, posts: Sequence[Post], tell: Tell) -> None:
        """Store what such a process received, together. It is told what became of each, once that is committed or refused."""
        try:
            accepted = self._intake.enter([envelope for post in posts for envelope in post.envelopes])
        except Exception as error:  # noqa: BLE001 - each has its answer
            self._tell_refused(posts, tell, error)
        else:
            accepted.add_done_callback(partial(self._entered, posts, tell))

    def _entered(self, posts: Sequence[Post], tell: Tell, accepted: "asyncio.Future[list[Accepted]]") -> None:
        try:
            stored = iter(accepted.result())
        except Exception as error:  # noqa: BLE001 - each has its answer
            if len(posts) > 1 and not isinstance(error, Away):
                # One that the store refuses costs only itself.
                for post in posts:
                    self.enter([post], tell)
            else:
                self._tell_refused(posts, tell, error)
        else:
            for post in posts:
                tell(post.number, list(islice(stored, len(post.envelopes))), None)

    def _tell_refused(self, posts: Sequence[Post], tell: Tell, error: Exception) -> None:
        for post in posts:
            tell(post.number, (), self._not_taken(post.channel, post.envelopes[0].received_at, error))

    def take_in(
        self, name: str, headers: CIMultiDict[str], body: bytes, peer: str | None, answer: Callable[[bytes], None]
    ) -> None:
        """What `receive` does for a post that came by the short way (`ingest.intake.door`); its answer is bytes."""
        adapter = self._adapters.get(name)
        if adapter is None:  # a reload has taken the channel away
            answer(written(self._missing("no_such_channel", "there is no such channel"), self._clock.now()))
            return
        asked = Request("POST", "", _NO_QUERY, headers, body, self._clock.now(), self._client(peer, headers))
        try:
            envelopes = adapter.receive(asked)
            if not envelopes:
                answer(written(adapter.answer(asked, []), asked.at))
                return
            accepted = self._intake.enter(envelopes)
        except Exception as error:  # noqa: BLE001 - each has its answer
            answer(written(self._refused(name, adapter, asked, error), asked.at))
        else:
            accepted.add_done_callback(partial(self._tell, name, adapter, asked, answer))

    def _tell(
        self,
        name: str,
        adapter: Adapter[Any],
        asked: Request,
        answer: Callable[[bytes], None],
        accepted: "asyncio.Future[list[Accepted]]",
    ) -> None:
        try:
            told = adapter.answer(asked, accepted.result())
        except Exception as error:  # noqa: BLE001 - each has its answer
            told = self._refused(name, adapter, asked, error)
        answer(written(told, asked.at))

    async def page(self, request: web.Request) -> web.StreamResponse:
        """The hosted page of a channel."""
        adapter = self._adapters.get(request.match_info["channel"])
        asked = self._asked(request, b"")
        shown = None if adapter is None else adapter.page(asked)
        if shown is None:
            return self._nothing("no_such_channel", "there is no such form")
        return response(shown)

    async def script(self, request: web.Request) -> web.StreamResponse:
        """The same page for a script tag of any site."""
        adapter = self._adapters.get(request.match_info["channel"])
        shown = None if adapter is None else adapter.script(self._asked(request, b""))
        if shown is None:
            return self._nothing("no_such_channel", "there is no such form")
        return response(shown)

    async def nothing(self, _request: web.Request) -> web.StreamResponse:
        """Whatever else is asked for."""
        return self._nothing("no_such_path", "there is nothing at this address")

    def _asked(self, request: web.Request, body: bytes, cut: tuple[str, ...] = ()) -> Request:
        return Request(
            method=request.method,
            tail=request.match_info.get("tail", ""),
            query=request.query if "?" in request.raw_path else _NO_QUERY,
            headers=request.headers,
            body=body,
            at=self._clock.now(),
            remote=self._client(request.remote, request.headers),
            cut=cut,
        )

    def _client(self, peer: str | None, headers: MultiMapping[str]) -> str | None:
        if not self.proxies or "X-Forwarded-For" not in headers:
            return peer
        return client_address(peer, headers.getall("X-Forwarded-For"), self.proxies)

    async def _read(self, request: web.Request) -> Request:
        """The request with its body, which is read no further than the bound; too long a multipart loses its files only."""
        length = request.content_length
        if length is None or length > self._max_body:
            bearable = length is None or length <= self._max_body * UPLOAD_FACTOR
            if bearable and request.content_type == "multipart/form-data":
                return await self._without_files(request)
            if length is not None:
                raise _too_large(self._max_body)
        body = await self._body(request)
        if len(body) > self._max_body:
            raise _too_large(self._max_body)
        return self._asked(request, body)

    async def _body(self, request: web.Request) -> bytes:
        try:
            if request.content.is_eof():
                return request.content.read_nowait()
            async with asyncio.timeout(BODY_WITHIN):
                return await self._arriving(request)
        except TimeoutError as error:
            raise Rejected(408, "timeout", "the body did not arrive in time") from error
        except _BROKEN as error:
            # Else aiohttp would read on, and tell of the same fault as one of ours.
            request.content.feed_eof()
            request.protocol.close()
            raise Rejected(400, "unreadable", "the body did not arrive whole, or is not encoded as it says") from error

    async def _arriving(self, request: web.Request) -> bytes:
        """The body piece by piece, as far as there is room for it beside all others."""
        body = bytearray()
        with Share(self._room) as share:
            while piece := await request.content.readany():
                share.take(len(piece))
                body += piece
                if len(body) > self._max_body:
                    raise _too_large(self._max_body)
        return bytes(body)

    async def _without_files(self, request: web.Request) -> Request:
        try:
            with Share(self._room) as share:
                async with asyncio.timeout(BODY_WITHIN * UPLOAD_FACTOR):
                    body, cut = await _fields_only(request, self._max_body, self._max_body * UPLOAD_FACTOR, share)
        except TimeoutError as error:
            raise Rejected(408, "timeout", "the body did not arrive in time") from error
        except (ValueError, AssertionError, *_BROKEN) as error:
            raise Rejected(400, "unreadable", "the body is no multipart/form-data") from error
        return self._asked(request, body, cut)

    def _nothing(self, code: str, message: str) -> web.Response:
        return response(self._missing(code, message))

    def _missing(self, code: str, message: str) -> Answer:
        self._metrics.refused("", code)
        return refused(Rejected(404, code, message), None)

    def _refused(self, name: str, adapter: Adapter[Any], asked: Request, error: Exception) -> Answer:
        """The answer to a delivery that was not taken in, which is counted."""
        refusal = self._not_taken(name, asked.at, error)
        return refused(refusal, adapter.refused(asked, refusal))

    def _not_taken(self, name: str, at: datetime, error: Exception) -> Rejected:
        refusal = _refusal(name, error)
        self.count(name, refusal, at)
        return refusal

    def count(self, name: str, refusal: Rejected, at: datetime) -> None:
        """Take note of a delivery that was not taken in."""
        self._refusals.refused(name, refusal.status, refusal.code, at)
        self._metrics.refused(name, refusal.code)


def _refusal(channel: str, error: Exception) -> Rejected:
    """Why a delivery was not taken in, for its sender."""
    if isinstance(error, Rejected):
        return error
    if isinstance(error, Busy):
        return Rejected(503, "busy", "too much is arriving at once; try again in a second")
    if isinstance(error, Away):
        return Rejected(503, "store_away", "the store cannot be reached; try again in a second")
    log.error("a delivery could not be taken in", action="delivery.failed", channel=channel, exc_info=error)
    return Rejected(500, "internal", "the delivery could not be stored; try again")


def _too_large(limit: int) -> Rejected:
    return Rejected(413, "too_large", f"the body is longer than {limit} bytes")


async def _fields_only(request: web.Request, limit: int, ceiling: int, share: Share) -> tuple[bytes, tuple[str, ...]]:
    """A multipart body put together again from its fields and the files that fit; and the names of those that do not."""
    boundary = _boundary(request.headers["Content-Type"])
    kept: list[bytes] = []
    cut: list[str] = []
    size = passed = 0
    reader = await request.multipart()
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader):
            raise ValueError("a multipart inside a multipart")  # noqa: TRY004 - bad input, not a bad argument
        room = (FIELDS if part.filename is None else limit) - size
        content, length = await _content(part, room, ceiling - passed, share)
        passed += length
        if content is None:
            cut.append(part.filename or part.name or "")
            continue
        size += len(content)
        lines = [
            b"--" + boundary,
            *(k.encode() + b": " + v.encode("utf-8", "surrogateescape") for k, v in part.headers.items()),
        ]
        kept.append(b"\r\n".join([*lines, b"", content]) + b"\r\n")
    return b"".join([*kept, b"--" + boundary + b"--\r\n"]), tuple(cut)


def _boundary(content_type: str) -> bytes:
    """What the header names, in any spelling: names of parameters are read without regard to case (RFC 2045, section 5.1)."""
    header = Message()
    header["Content-Type"] = content_type
    return (header.get_boundary() or "").encode()


async def _content(part: BodyPartReader, room: int, ceiling: int, share: Share) -> tuple[bytes | None, int]:
    """A part's bytes, or None where they are more than there is room for; and how many were read."""
    held: bytearray | None = bytearray()
    length = 0
    while chunk := await part.read_chunk(CHUNK):
        length += len(chunk)
        if length > ceiling:
            raise Rejected(413, "too_large", "the files are far too long")
        if held is not None and length <= room:
            share.take(len(chunk))
            held += chunk
        else:
            share.drop(len(held or b""))
            held = None
    return None if held is None else bytes(held), length
