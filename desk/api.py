"""The HTTP API: one table of operations, from which both the routes and the OpenAPI document are made.

Owns how a request is read, proved and refused; knows of leads and envelopes only what `Office` says. It adds no
middleware: intake shares the application, and would pay for it with every delivery.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, get_args

import orjson
import structlog
from aiohttp import web
from pydantic import ValidationError

from desk import models
from desk.access import CSRF_HEADER, PROGRAM, Access, is_forged
from desk.openapi import DEFAULT_LIMIT, MOST, Asked, Operation, Parameter, Stream, document
from desk.ports import Json, Office, Refused, Visitor
from desk.stream import EVENTS, stream

MAX_BODY: Final = 1024 * 1024
LONGEST_KEY: Final = 255
ACTIONS: Final = {
    "accept": "Take a lead into work: for `manager`, else for its owner",
    "decline": "Say that `manager`, else its owner, cannot take a lead, for a `reason`: it goes to the next",
    "assign": "Give a lead to `manager`, or put it before another `team`",
    "disqualify": "Close a lead that is none, for a `reason`",
    "lose": "Close a lead that came to nothing, for a `reason`",
    "convert": "Close a lead that became business",
    "reopen": "Let a closed lead wait for a free manager again",
}
VERDICTS: Final = {
    "join": "They are one person: merge them",
    "apart": "They are two people: never join them by themselves",
    "dismiss": "Leave it open whether they are",
}
_STATES: Final = get_args(models.State)
_OUTCOMES: Final = get_args(models.Outcome)
_LANGUAGES: Final = ("ru", "en")
_JSON: Final = "application/json"
_METRICS: Final = "text/plain; version=0.0.4; charset=utf-8"
_BINARY: Final = "application/octet-stream"
# What a stranger sent is saved and never shown: as a page of ours it would act with our rights.
_FILE: Final = {
    "Content-Type": _BINARY,
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
                return await stream(request, found)
            return _answer(operation, found)
        except Refused as refused:
            return _refusal(refused)
        except Exception:
            # The route and not the address: that one holds names, numbers and what people search for.
            log.exception("a request could not be answered", action="api.error", operation=operation.name)
            return _refusal(Refused(500, "internal", "something is wrong inside; the log says more"))

    return handle


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
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        told = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults]
        raise Refused(422, "invalid", "; ".join(told)) from error


def _page_of(shown: Json, asked: Asked) -> Json:
    """A page of a list that the office gives whole; the cursor is the place where the next page starts."""
    items = shown["items"]
    cursor = asked.cursor or "0"
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= len(str(len(items)))):
        raise Refused(400, "bad_cursor", "this cursor is not one of a page of this list")
    start = int(cursor)
    end = start + asked.limit
    return {"items": items[start:end], "next": str(end) if end < len(items) else None}


async def _leads(office: Office, asked: Asked) -> Json:
    wanted = {name: asked.query.get(name) for name in ("state", "owner", "team", "channel", "q")}
    if asked.visitor.only is not None:
        if wanted["owner"] not in {None, asked.visitor.only}:
            raise Refused(403, "for_directors", "others' leads are for directors and heads of teams")
        wanted["owner"] = asked.visitor.only
    return await office.leads(wanted, asked.limit, asked.cursor)


async def concern(office: Office, uid: str, visitor: Visitor) -> None:
    """Raises Refused where a lead is none of the visitor's, in the words of one that does not exist."""
    if visitor.only is not None and not await office.concerns(uid, visitor.only):
        raise Refused(404, "no_such_lead", "there is no such lead")


async def _lead(office: Office, asked: Asked) -> Json:
    await concern(office, asked.path["id"], asked.visitor)
    return await office.lead(asked.path["id"], asked.cursor)


async def _explain(office: Office, asked: Asked) -> Json:
    await concern(office, asked.path["id"], asked.visitor)
    return await office.explain(asked.path["id"], asked.query.get("language", ""))


async def _act(action: str, office: Office, asked: Asked) -> Json:
    return await act(office, asked.path["id"], action, asked.body, asked.visitor)


async def act(office: Office, uid: str, action: str, order: Mapping[str, Any], visitor: Visitor) -> Json:
    """Do something to a lead in the name of the visitor. A manager takes leads, and says that he cannot, for himself only.

    What is only offered to him, and perhaps to others at once, he first has to take.
    """
    if visitor.only is None:
        return await office.act(uid, action, order, visitor.person)
    await concern(office, uid, visitor)
    if action in {"accept", "decline"}:
        if order.get("manager") not in {None, visitor.only}:
            raise Refused(403, "for_directors", "directors and heads of teams answer for somebody else")
        order = {**order, "manager": visitor.only}
    elif (await office.lead(uid))["owner"] != visitor.only:
        raise Refused(403, "not_yours", "accept the lead first: it is offered to you, and not yours yet")
    return await office.act(uid, action, order, visitor.person)


async def _reply(office: Office, asked: Asked) -> Json:
    order = asked.body
    return await reply(office, asked.path["id"], order, order["key"] or asked.key, asked.visitor)


async def reply(office: Office, uid: str, order: Mapping[str, Any], key: str | None, visitor: Visitor) -> Json:
    """Say something to a client in the name of the visitor. A manager speaks for himself only."""
    await concern(office, uid, visitor)
    if visitor.only is not None and order.get("manager") not in {None, visitor.only}:
        raise Refused(403, "for_directors", "directors and heads of teams answer for somebody else")
    return await office.reply(uid, {**order, "manager": visitor.only or order.get("manager")}, key, visitor.person)


async def _take_down(office: Office, asked: Asked) -> Json:
    return await office.take_down(asked.body, asked.key, asked.visitor.person)


async def _done(office: Office, asked: Asked) -> Json:
    return await finish(office, asked.path["id"], asked.visitor)


async def finish(office: Office, activity: str, visitor: Visitor) -> Json:
    """What was to be done about a lead of the visitor's is done; the lead afterwards."""
    await concern(office, await office.lead_of_activity(activity), visitor)
    return await office.done(activity, visitor.person)


async def _contacts(office: Office, asked: Asked) -> Json:
    key = asked.query.get("key")
    if key is not None and not all(key.partition(":")):
        raise Refused(400, "bad_parameter", "key: write kind:value, for example phone:+79161234567")
    return await office.contacts(key, asked.query.get("q"), asked.limit, asked.cursor)


async def _contact(office: Office, asked: Asked) -> Json:
    return await office.contact(asked.path["id"])


async def _describe(office: Office, asked: Asked) -> Json:
    return await office.people.describe(asked.path["id"], asked.body, asked.visitor.person)


async def _bring_in(office: Office, asked: Asked) -> Json:
    order = asked.body
    return await office.people.bring_in(order["rows"], preview=order["preview"], actor=asked.visitor.person)


async def _merge(office: Office, asked: Asked) -> Json:
    order = asked.body
    return await office.people.merge(
        asked.path["id"], order["absorb"], preview=order["preview"], actor=asked.visitor.person
    )


async def _split(office: Office, asked: Asked) -> Json:
    return await office.people.split(
        asked.path["id"], asked.body["keys"], asked.body["interactions"], asked.visitor.person
    )


async def _undo(office: Office, asked: Asked) -> Json:
    return await office.people.undo(asked.path["id"], asked.visitor.person)


async def _suggestions(office: Office, asked: Asked) -> Json:
    query = asked.query
    return await office.people.suggestions(query.get("state"), query.get("language", ""), asked.limit, asked.cursor)


async def _judge(verdict: str, office: Office, asked: Asked) -> Json:
    return await office.people.judge(asked.path["id"], verdict, asked.query.get("language", ""), asked.visitor.person)


async def _company(office: Office, asked: Asked) -> Json:
    return await office.people.company(asked.path["id"])


async def _describe_company(office: Office, asked: Asked) -> Json:
    return await office.people.describe_company(asked.path["id"], asked.body, asked.visitor.person)


async def _file(office: Office, asked: Asked) -> Path:
    return await office.file(asked.path["name"])


async def _managers(office: Office, asked: Asked) -> Json:
    shown = await office.managers()
    if asked.visitor.only is not None:
        shown = shown | {"items": [one for one in shown["items"] if one["name"] == asked.visitor.only]}
    return _page_of(shown, asked)


async def _availability(office: Office, asked: Asked) -> Json:
    return await switch(office, asked.path["name"], asked.visitor, available=asked.body["available"])


async def switch(office: Office, manager: str, visitor: Visitor, *, available: bool) -> Json:
    """Set a manager's availability in the name of the visitor; a manager sets his own only."""
    if visitor.only not in {None, manager}:
        raise Refused(403, "for_directors", "another's switch is for directors and heads of teams")
    return await office.set_available(manager, available=available, actor=visitor.person)


async def _hand_over(office: Office, asked: Asked) -> Json:
    return await office.hand_over(asked.path["name"], asked.body["to"], asked.visitor.person)


async def _plan(office: Office, _: Asked) -> Json:
    return await office.plan()


async def _reload(office: Office, asked: Asked) -> Json:
    return await office.reload(asked.visitor.person)


async def _invite(office: Office, asked: Asked) -> Json:
    return await office.invite(asked.path["name"])


async def _channels(office: Office, asked: Asked) -> Json:
    return _page_of(await office.channels(asked.query.get("language", "")), asked)


async def _ledger(office: Office, _: Asked) -> Json:
    return await office.ledger()


async def _envelopes(office: Office, asked: Asked) -> Json:
    query = asked.query
    return await office.envelopes(
        query.get("outcome"), query.get("channel"), query.get("reason"), asked.limit, asked.cursor
    )


async def _envelope(office: Office, asked: Asked) -> Json:
    return await office.envelope(asked.path["id"])


async def _replay(office: Office, asked: Asked) -> Json:
    """One envelope; asked for first, so that one that does not exist is a 404."""
    uid = asked.path["id"]
    await office.envelope(uid)
    shown = await office.replay([uid], **asked.body, actor=asked.visitor.person)
    only: Json = shown["items"][0]
    return only


async def _replay_many(office: Office, asked: Asked) -> Json:
    order = dict(asked.body)
    return await office.replay(order.pop("ids"), **order, actor=asked.visitor.person)


async def _attempt(office: Office, asked: Asked) -> Json:
    return await office.attempt(asked.body)


async def _notices(office: Office, asked: Asked) -> Json:
    return _page_of(await office.notices(), asked)


async def _login_link(office: Office, asked: Asked) -> Json:
    return await office.login_link(asked.body["person"])


async def _events(office: Office, asked: Asked) -> Stream:
    return office.events(asked.last_event)


async def _health(_: Office, __: Asked) -> Json:
    return {"status": "ok"}


async def _readiness(office: Office, _: Asked) -> Json:
    return await office.health()


async def _metrics(office: Office, _: Asked) -> bytes:
    return await office.metrics()


async def _openapi(_: Office, __: Asked) -> bytes:
    return await asyncio.to_thread(openapi)


@cache
def openapi() -> bytes:
    """The OpenAPI document of this version."""
    return orjson.dumps(document(OPERATIONS))


_CHANNEL: Final = Parameter("channel", "The name of a channel")
_LEADS: Final = (
    Parameter("state", "One state; left out: every state", _STATES),
    Parameter("owner", "A manager's name"),
    Parameter("team", "A team's name"),
    _CHANNEL,
    Parameter("q", "A part of the title, the contact's name or a key"),
)
_TIMELINE: Final = (Parameter("cursor", "`interactions_next` of the answer before"),)
_CONTACTS: Final = (
    Parameter("key", "kind:value, for example phone:+79161234567"),
    Parameter("q", "A part of the name or a key"),
)
_ENVELOPES: Final = (
    Parameter("outcome", "One outcome; left out: every outcome", _OUTCOMES),
    _CHANNEL,
    Parameter("reason", "A code"),
)
_LANGUAGE: Final = (Parameter("language", "Left out: the company's", _LANGUAGES),)
_SUGGESTIONS: Final = (Parameter("state", "Left out: all", ("open", "answered")), *_LANGUAGE)

OPERATIONS: Final = (
    Operation("leads", "GET", "/api/leads", "Leads", _leads, models.Leads, _LEADS, paged=True,
              own=True),
    Operation("lead", "GET", "/api/leads/{id}", "One lead, whole", _lead, models.WholeLead, _TIMELINE, own=True),
    Operation("explain", "GET", "/api/leads/{id}/explain", "Every decision about a lead in sentences", _explain,
              models.Explanation, _LANGUAGE, own=True),
    *(
        Operation(f"{action}_lead", "POST", f"/api/leads/{{id}}/{action}", summary, partial(_act, action),
                  models.WholeLead, body=models.LeadOrder, conflicts=True, own=True)
        for action, summary in ACTIONS.items()
    ),
    Operation("reply", "POST", "/api/leads/{id}/reply", "Answer the client by the channel that he wrote from", _reply,
              models.Reply, body=models.ReplyOrder, conflicts=True, own=True),
    Operation("take_down", "POST", "/api/leads", "Take an approach down by hand, or see first whom it may be from",
              _take_down, models.TakenDown, body=models.LeadDown, conflicts=True),
    Operation("done", "POST", "/api/activities/{id}/done", "What was to be done is done; the lead afterwards", _done,
              models.WholeLead, own=True),
    Operation("contacts", "GET", "/api/contacts", "Contacts", _contacts, models.Contacts, _CONTACTS, paged=True),
    Operation("contact", "GET", "/api/contacts/{id}", "One contact, whole", _contact, models.WholeContact),
    Operation("describe_contact", "PUT", "/api/contacts/{id}", "Name a contact, or give it an owner", _describe,
              models.WholeContact, body=models.Description),
    Operation("import_contacts", "POST", "/api/contacts/import",
              "Bring contacts in from a file, some rows at a time, or see first what that would do", _bring_in,
              models.BroughtIn, body=models.ContactRows),
    Operation("merge", "POST", "/api/contacts/{id}/merge", "Make two contacts one, or see first what that would do", _merge,
              models.Merged, body=models.MergeOrder, conflicts=True),
    Operation("split", "POST", "/api/contacts/{id}/split", "Give keys and interactions a contact of their own", _split,
              models.Split, body=models.SplitOrder, conflicts=True),
    Operation("undo_merge", "POST", "/api/merges/{id}/undo", "Take a merge back, exactly", _undo, models.Merge),
    Operation("suggestions", "GET", "/api/suggestions", "Contacts that may be one person", _suggestions,
              models.Suggestions, _SUGGESTIONS, paged=True),
    *(
        Operation(f"{verdict}_suggestion", "POST", f"/api/suggestions/{{id}}/{verdict}", summary,
                  partial(_judge, verdict), models.Suggestion, _LANGUAGE, conflicts=True)
        for verdict, summary in VERDICTS.items()
    ),
    Operation("company", "GET", "/api/companies/{id}", "One company or shared line, whole", _company, models.Company),
    Operation("describe_company", "PUT", "/api/companies/{id}", "Name a company, or give it an owner", _describe_company,
              models.Company, body=models.Description),
    Operation("file", "GET", "/api/files/{name}", "A file of a message, by `file` of its attachment", _file, _BINARY,
              own=True),
    Operation("managers", "GET", "/api/managers", "Managers and how they stand", _managers, models.Managers, paged=True,
              own=True),
    Operation("set_availability", "PUT", "/api/managers/{name}/availability", "Whether a manager gets new leads",
              _availability, models.Manager, body=models.Availability, own=True),
    Operation("hand_over", "POST", "/api/managers/{name}/hand-over", "All open leads of a manager to another, or in turn",
              _hand_over, models.HandedOver, body=models.HandOver),
    Operation("plan", "POST", "/api/config/plan", "What the changed configuration would change", _plan, models.Plan),
    Operation("reload", "POST", "/api/config/reload", "Put the changed configuration in force", _reload, models.Plan),
    Operation("invite_manager", "POST", "/api/managers/{name}/invite", "A link that binds a manager's Telegram account",
              _invite, models.Invitation),
    Operation("channels", "GET", "/api/channels", "Channels, how they are and what to do", _channels,
              models.Channels, _LANGUAGE, paged=True),
    Operation("ledger", "GET", "/api/ledger", "The account of every envelope", _ledger, models.Ledger),
    Operation("envelopes", "GET", "/api/envelopes", "The journal", _envelopes, models.Envelopes, _ENVELOPES, paged=True),
    Operation("envelope", "GET", "/api/envelopes/{id}", "One envelope, whole", _envelope, models.WholeEnvelope),
    Operation("replay_envelope", "POST", "/api/envelopes/{id}/replay", "Run a failed or ignored envelope through again",
              _replay, models.Replayed, body=models.Replay),
    Operation("replay", "POST", "/api/replay", "Run failed or ignored envelopes through again", _replay_many,
              models.Replays, body=models.ReplayMany),
    Operation("try", "POST", "/api/try", "What would happen to an approach; nothing is stored", _attempt, models.Trial,
              body=models.Approach),
    Operation("notices", "GET", "/api/notices", "Notices that have not reached their manager", _notices, models.Notices,
              paged=True),
    Operation("login_link", "POST", "/api/login-links", "A one-time link to the desk, for ten minutes", _login_link,
              models.LoginLink, body=models.LoginLinkOrder),
    Operation("events", "GET", "/api/events", "What changed, as it happens (server-sent events); `Last-Event-ID` goes on",
              _events, EVENTS, own=True),
    Operation("openapi", "GET", "/api/openapi.json", "This document", _openapi, models.Document,
              own=True),
    Operation("health", "GET", "/healthz", "Whether the process lives", _health, models.Health, guarded=False),
    Operation("readiness", "GET", "/readyz", "Whether the process can do its work", _readiness, models.Readiness,
              guarded=False, unready="Not ready"),
    Operation("metrics", "GET", "/metrics", "Prometheus metrics", _metrics, _METRICS, guarded=False),
)  # fmt: skip

PROBES: Final = tuple(operation for operation in OPERATIONS if not operation.guarded)
"""What every process answers, whatever its roles: whether it lives, whether it can do its work, its figures."""
