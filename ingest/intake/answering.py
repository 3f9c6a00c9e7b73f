"""An adapter's answer on its way out, in as few steps as the hot path of intake can have."""

from datetime import datetime

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_request import BaseRequest

from channels.message import Answer
from ingest.intake.written import written


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
