"""An adapter's answer on its way out, in as few steps as the hot path of intake can have."""

from datetime import datetime
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_request import BaseRequest

from channels.message import Answer

_HEADS: Final = 256


def response(answer: Answer) -> web.Response:
    """The answer as aiohttp writes it, whatever the request was."""
    headers = {"Content-Type": answer.content_type, **answer.headers}
    return web.Response(status=answer.status, body=answer.body, headers=headers)


def answered(request: web.Request, answer: Answer, now: datetime) -> web.StreamResponse:
    """The same answer, by the short way where the request is an everyday one: HTTP/1.1, a connection that stays, and a body."""
    everyday = request.version == HttpVersion11 and request.keep_alive and request.method != hdrs.METH_HEAD
    if not (everyday and answer.body):
        return response(answer)
    return _Written(answer.status, written(answer, now))


def written(answer: Answer, now: datetime) -> bytes:
    """The same answer as it goes over an HTTP/1.1 connection that stays. Raises ValueError for a header of several lines."""
    head = _head(answer.status, answer.content_type, tuple(answer.headers.items()), int(now.timestamp()))
    if answer.status == HTTPStatus.NO_CONTENT:
        return b"%b\r\n" % head
    return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(answer.body), answer.body)


class _Written(web.StreamResponse):
    """An answer that is bytes already and leaves in one write.

    aiohttp collects headers in a multidict and serialises them for each response, a third of what an empty
    handler costs.
    No signal of the application (`on_response_prepare`) sees it.
    """

    def __init__(self, status: int, whole: bytes) -> None:
        super().__init__(status=status)
        self._whole = whole
        self._writer: AbstractStreamWriter | None = None

    @property
    def prepared(self) -> bool:
        """Whether it has been given a connection."""
        return self._writer is not None

    @property
    def keep_alive(self) -> bool:
        """It is for connections that stay."""
        return True

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter:
        """Nothing is written before the end."""
        self._writer = request.writer
        return self._writer

    async def write_eof(self, _data: bytes = b"") -> None:
        """Write all of it. Raises ConnectionError where nobody is there any more."""
        assert self._writer is not None  # noqa: S101 - aiohttp prepares first
        await self._writer.write_eof(self._whole)


@lru_cache(_HEADS)
def _head(status: int, content_type: str, headers: tuple[tuple[str, str], ...], second: int) -> bytes:
    """The status and all headers but the length."""
    lines = [f"{name}: {value}" for name, value in (("Content-Type", content_type), *headers)]
    if not all(map(str.isprintable, lines)):
        raise ValueError("a header holds a control character")
    date = formatdate(second, usegmt=True)
    start = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"
    return "\r\n".join([start, *lines, f"Date: {date}", ""]).encode()
