"""The HTTP API, by the table of its operations.

Owns how a request is read, proved and refused; knows of leads and envelopes only what `Office` says. It adds no
middleware: intake shares the application, and would pay for it with every delivery.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import orjson
import structlog
from aiohttp import web
from pydantic import ValidationError

from desk import faults
from desk.access import CSRF_HEADER, PROGRAM, Access, is_forged
from desk.openapi import DEFAULT_LIMIT, MOST, Asked, Operation
from desk.operations import BINARY, OPERATIONS
from desk.ports import Json, Office, Refused, Visitor
from desk.stream import stream

MAX_BODY: Final = 1024 * 1024
LONGEST_KEY: Final = 255
_JSON: Final = "application/json"
# What a stranger sent is saved and never shown: as a page of ours it would act with our rights.
_FILE: Final = {
    "Content-Type": BINARY,
    "Content-Disposition": "attachment",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_AGAIN_IN: Final = "1"

log = structlog.get_logger("priyom.api")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def add_api(
    application: web.Application, office: Office, access: Access, served: Sequence[Operation] | None = None
) -> None:
    """Serve the API, `/healthz`, `/readyz` and `/metrics`; or only the operations `served`."""
    by_path: dict[str, list[Operation]] = {}
    for operation in OPERATIONS if served is None else served:
        by_path.setdefault(operation.path, []).append(operation)
    for path, operations in by_path.items():
        allowed = [method for operation in operations for method in _methods(operation)]
        for operation in operations:
            for method in _methods(operation):
                application.router.add_route(method, path, _handler(operation, office, access))
        guard = access if operations[0].guarded else None
        only = Refused(405, "no_such_method", f"this address takes {' and '.join(allowed)} only")
        application.router.add_route("*", path, _refusing(guard, only, allowed))
    if served is not None:
        return
    nothing = Refused(404, "no_such_path", "there is nothing at this address")
    application.router.add_route("*", "/api{tail:(/.*)?}", _refusing(access, nothing))


def _methods(operation: Operation) -> tuple[str, ...]:
    """GET brings HEAD with it, as every server must have it (RFC 9110, section 9.1)."""
    return ("GET", "HEAD") if operation.method == "GET" else (operation.method,)


def _handler(operation: Operation, office: Office, access: Access) -> Handler:
    """One operation as aiohttp calls it: prove, read, run, answer. Whatever happens, the answer is JSON."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            visitor = await access.visitor(request) if operation.guarded else PROGRAM
            if visitor is None:
                return _unproved()
            _permit(operation, request, visitor)
            asked = await _asked(operation, request, visitor)
            found = await operation.run(office, asked)
            if isinstance(found, AsyncIterator):
                return await stream(request, found, partial(_is_welcome, access, request))
            return _answer(operation, found)
        except Refused as refused:
            return _refusal(refused)
        except Exception:
            # The route and not the address: that one holds names, numbers and what people search for.
            log.exception("a request could not be answered", action="api.error", operation=operation.name)
            return _refusal(Refused(500, "internal", "something is wrong inside; the log says more"))

    return handle


async def _is_welcome(access: Access, request: web.Request) -> bool:
    """Whether who was let in still would be: his session may have ended since. A store that is away says nothing of that."""
    try:
        return await access.visitor(request) is not None
    except Refused:
        return True


def _permit(operation: Operation, request: web.Request, visitor: Visitor) -> None:
    """Raises Refused, 403: a request that a foreign page could have sent, or one that is not for managers."""
    if is_forged(request, visitor, request.headers.get(CSRF_HEADER, "")):
        raise Refused(403, "forged", f"send the session's token in the header {CSRF_HEADER}")
    if visitor.only is not None and operation.guarded and not operation.own:
        raise Refused(403, "for_directors", "this is for directors and heads of teams")


def _refusing(access: Access | None, refused: Refused, allowed: Sequence[str] = ()) -> Handler:
    """A handler that always refuses, but says even that only to those who prove themselves."""

    async def refuse(request: web.Request) -> web.StreamResponse:
        try:
            if access is not None and await access.visitor(request) is None:
                return _unproved()
        except Refused as away:
            return _refusal(away)
        return _refusal(refused, {"Allow": ", ".join(allowed)} if allowed else {})

    return refuse


def _unproved() -> web.Response:
    message = "send the header Authorization: Bearer TOKEN"
    return _refusal(Refused(401, "unproved", message), {"WWW-Authenticate": 'Bearer realm="priyom"'})


def _answer(operation: Operation, shown: Json | bytes | Path) -> web.StreamResponse:
    if isinstance(shown, Path):
        return web.FileResponse(shown, headers=_FILE)
    if isinstance(shown, bytes):
        media = operation.answer if isinstance(operation.answer, str) else _JSON
        return web.Response(body=shown, headers={"Content-Type": media, "Cache-Control": "no-store"})
    status = 503 if operation.unready is not None and not shown["ready"] else 200
    return _json(status, orjson.dumps(shown))


def _refusal(refused: Refused, headers: Mapping[str, str] | None = None) -> web.Response:
    body: Json = {"error": {"code": refused.code, "message": str(refused)}}
    if refused.present is not None:
        body["lead"] = refused.present
    again = {"Retry-After": _AGAIN_IN} if refused.status == 503 else {}  # noqa: PLR2004 - an HTTP status
    return _json(refused.status, orjson.dumps(body), again | dict(headers or {}))


def _json(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answers hold personal data: nobody on the way keeps them."""
    return web.Response(
        status=status, body=body, content_type=_JSON, headers={"Cache-Control": "no-store", **(headers or {})}
    )


async def _asked(operation: Operation, request: web.Request, visitor: Visitor) -> Asked:
    """The request, checked against its row of the table. Raises Refused with 400, 413 or 422."""
    if not operation.guarded:
        return Asked({}, {}, DEFAULT_LIMIT, None, {}, visitor)
    query = _query(operation, request)
    limit = _limit(query.pop("limit", None))
    body = {} if operation.body is None else _ordered(operation, await _read(request))
    cursor, last = query.pop("cursor", None), request.headers.get("Last-Event-ID")
    return Asked(request.match_info, query, limit, cursor, body, visitor, last, _key(request))


def _query(operation: Operation, request: web.Request) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in request.query.items():
        known = operation.known.get(name)
        if known is None:
            there = ", ".join(operation.known) or "none"
            raise Refused(400, "unknown_parameter", f"there is no parameter {name!r} here; there is {there}")
        if name in found or "\0" in value:
            raise Refused(400, "bad_parameter", f"{name}: is given twice, or holds a NUL")
        if known.choices and value and value not in known.choices:
            raise Refused(400, "bad_parameter", f"{name}: {value!r} is not one of {', '.join(known.choices)}")
        found[name] = value
    return {name: value for name, value in found.items() if value}


def _key(request: web.Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 0 < len(key) <= LONGEST_KEY:
        raise Refused(400, "bad_parameter", f"Idempotency-Key: 1 to {LONGEST_KEY} characters")
    return key


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    limit = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(MOST)) else 0
    if not 1 <= limit <= MOST:
        raise Refused(400, "bad_parameter", f"limit: {text!r} is not a number from 1 to {MOST}")
    return limit


async def _read(request: web.Request) -> object:
    """The JSON of the body, an empty object where there is none. curl's own content type is as good as JSON's."""
    try:
        body = await request.clone(client_max_size=MAX_BODY).read()
        return orjson.loads(body) if body.strip() else {}
    except web.HTTPRequestEntityTooLarge as error:
        raise Refused(413, "too_large", f"the body has more than {MAX_BODY} bytes") from error
    except (web.RequestPayloadError, ConnectionError) as error:
        raise Refused(400, "unreadable", "the body cannot be read") from error
    except orjson.JSONDecodeError as error:
        raise Refused(400, "unreadable", f"the body is not JSON: {error}") from error


def _ordered(operation: Operation, given: object) -> Json:
    """The body with its defaults, as its model has it."""
    if not isinstance(given, dict):
        raise Refused(422, "invalid", "the body is not a JSON object")
    assert operation.body is not None  # noqa: S101 - asked for by _asked only then
    try:
        return operation.body.model_validate(given).model_dump()
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)
        raise Refused(422, "invalid", faults.said(wrong, operation.body.model_fields)) from error
