"""The API's operations: one table, from which both the routes and the OpenAPI document are made, and what each asks the office."""

import asyncio
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, get_args

import orjson

from desk.models import journal, leads, managers, people, running, shapes, trials
from desk.openapi import Asked, Operation, Parameter, Stream, document
from desk.ports import Json, Office, Refused, Visitor
from desk.stream import EVENTS

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
_STATES: Final = get_args(shapes.State)
_OUTCOMES: Final = get_args(shapes.Outcome)
_LANGUAGES: Final = ("ru", "en")
_METRICS: Final = "text/plain; version=0.0.4; charset=utf-8"
BINARY: Final = "application/octet-stream"


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
    return await office.leads.page(wanted, asked.limit, asked.cursor)


async def concern(office: Office, uid: str, visitor: Visitor) -> None:
    """Raises Refused where a lead is none of the visitor's, in the words of one that does not exist."""
    if visitor.only is not None and not await office.leads.concerns(uid, visitor.only):
        raise Refused(404, "no_such_lead", "there is no such lead")


async def _lead(office: Office, asked: Asked) -> Json:
    await concern(office, asked.path["id"], asked.visitor)
    return await office.leads.lead(asked.path["id"], asked.cursor)


async def _explain(office: Office, asked: Asked) -> Json:
    await concern(office, asked.path["id"], asked.visitor)
    return await office.leads.explain(asked.path["id"], asked.query.get("language", ""))


async def _act(action: str, office: Office, asked: Asked) -> Json:
    return await act(office, asked.path["id"], action, asked.body, asked.visitor)


async def act(office: Office, uid: str, action: str, order: Mapping[str, Any], visitor: Visitor) -> Json:
    """Do something to a lead in the name of the visitor. A manager takes leads, and says that he cannot, for himself only.

    What is only offered to him, and perhaps to others at once, he first has to take.
    """
    if visitor.only is None:
        return await office.leads.act(uid, action, order, visitor.person)
    await concern(office, uid, visitor)
    if action in {"accept", "decline"}:
        if order.get("manager") not in {None, visitor.only}:
            raise Refused(403, "for_directors", "directors and heads of teams answer for somebody else")
        order = {**order, "manager": visitor.only}
    elif (await office.leads.lead(uid))["owner"] != visitor.only:
        raise Refused(403, "not_yours", "accept the lead first: it is offered to you, and not yours yet")
    return await office.leads.act(uid, action, order, visitor.person)


async def _reply(office: Office, asked: Asked) -> Json:
    order = asked.body
    return await reply(office, asked.path["id"], order, order["key"] or asked.key, asked.visitor)


async def reply(office: Office, uid: str, order: Mapping[str, Any], key: str | None, visitor: Visitor) -> Json:
    """Say something to a client in the name of the visitor. A manager speaks for himself only."""
    await concern(office, uid, visitor)
    if visitor.only is not None and order.get("manager") not in {None, visitor.only}:
        raise Refused(403, "for_directors", "directors and heads of teams answer for somebody else")
    return await office.leads.reply(
        uid, {**order, "manager": visitor.only or order.get("manager")}, key, visitor.person
    )


async def _take_down(office: Office, asked: Asked) -> Json:
    return await office.approaches.take_down(asked.body, asked.key, asked.visitor.person)


async def _done(office: Office, asked: Asked) -> Json:
    return await finish(office, asked.path["id"], asked.visitor)


async def finish(office: Office, activity: str, visitor: Visitor) -> Json:
    """What was to be done about a lead of the visitor's is done; the lead afterwards."""
    await concern(office, await office.leads.lead_of_activity(activity), visitor)
    return await office.leads.done(activity, visitor.person)


async def _contacts(office: Office, asked: Asked) -> Json:
    key = asked.query.get("key")
    if key is not None and not all(key.partition(":")):
        raise Refused(400, "bad_parameter", "key: write kind:value, for example phone:+79161234567")
    return await office.people.contacts(key, asked.query.get("q"), asked.limit, asked.cursor)


async def _contact(office: Office, asked: Asked) -> Json:
    return await office.people.contact(asked.path["id"])


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
    return await office.leads.file(asked.path["name"], asked.visitor.only)


async def _managers(office: Office, asked: Asked) -> Json:
    shown = await office.managers.all()
    if asked.visitor.only is not None:
        shown = shown | {"items": [one for one in shown["items"] if one["name"] == asked.visitor.only]}
    return _page_of(shown, asked)


async def _availability(office: Office, asked: Asked) -> Json:
    return await switch(office, asked.path["name"], asked.visitor, available=asked.body["available"])


async def switch(office: Office, manager: str, visitor: Visitor, *, available: bool) -> Json:
    """Set a manager's availability in the name of the visitor; a manager sets his own only."""
    if visitor.only not in {None, manager}:
        raise Refused(403, "for_directors", "another's switch is for directors and heads of teams")
    return await office.managers.set_available(manager, available=available, actor=visitor.person)


async def _hand_over(office: Office, asked: Asked) -> Json:
    return await office.managers.hand_over(asked.path["name"], asked.body["to"], asked.visitor.person)


async def _plan(office: Office, _: Asked) -> Json:
    return await office.configuration.plan()


async def _reload(office: Office, asked: Asked) -> Json:
    return await office.configuration.reload(asked.visitor.person)


async def _invite(office: Office, asked: Asked) -> Json:
    return await office.managers.invite(asked.path["name"])


async def _channels(office: Office, asked: Asked) -> Json:
    return _page_of(await office.running.channels(asked.query.get("language", "")), asked)


async def _ledger(office: Office, _: Asked) -> Json:
    return await office.journal.ledger()


async def _envelopes(office: Office, asked: Asked) -> Json:
    query = asked.query
    return await office.journal.envelopes(
        query.get("outcome"), query.get("channel"), query.get("reason"), asked.limit, asked.cursor
    )


async def _envelope(office: Office, asked: Asked) -> Json:
    return await office.journal.envelope(asked.path["id"])


async def _replay(office: Office, asked: Asked) -> Json:
    """One envelope; asked for first, so that one that does not exist is a 404."""
    uid = asked.path["id"]
    await office.journal.envelope(uid)
    shown = await office.journal.replay([uid], **asked.body, actor=asked.visitor.person)
    only: Json = shown["items"][0]
    if only.get("code") == "expired":
        raise Refused(
            409, "expired", "this envelope's body is not kept any more (retention.bodies), so it cannot be read again"
        )
    return only


async def _sweep(office: Office, asked: Asked) -> Json:
    return await office.sweeps.sweep(**asked.body)


async def _swept(office: Office, _: Asked) -> Json:
    return await office.sweeps.swept()


async def _replay_many(office: Office, asked: Asked) -> Json:
    order = dict(asked.body)
    return await office.journal.replay(order.pop("ids"), **order, actor=asked.visitor.person)


async def _attempt(office: Office, asked: Asked) -> Json:
    return await office.approaches.attempt(asked.body)


async def _notices(office: Office, asked: Asked) -> Json:
    return _page_of(await office.running.notices(), asked)


async def _login_link(office: Office, asked: Asked) -> Json:
    return await office.entrance.invite(asked.body["person"])


async def _events(office: Office, asked: Asked) -> Stream:
    return office.changes.follow(asked.last_event)


async def _health(_: Office, __: Asked) -> Json:
    return {"status": "ok"}


async def _readiness(office: Office, _: Asked) -> Json:
    return await office.running.health()


async def _metrics(office: Office, _: Asked) -> bytes:
    return await office.running.metrics()


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
    Operation("leads", "GET", "/api/leads", "Leads", _leads, leads.Leads, _LEADS, paged=True,
              own=True),
    Operation("lead", "GET", "/api/leads/{id}", "One lead, whole", _lead, leads.WholeLead, _TIMELINE, own=True),
    Operation("explain", "GET", "/api/leads/{id}/explain", "Every decision about a lead in sentences", _explain,
              leads.Explanation, _LANGUAGE, own=True),
    *(
        Operation(f"{action}_lead", "POST", f"/api/leads/{{id}}/{action}", summary, partial(_act, action),
                  leads.WholeLead, body=leads.LeadOrder, conflicts=True, own=True)
        for action, summary in ACTIONS.items()
    ),
    Operation("reply", "POST", "/api/leads/{id}/reply", "Answer the client by the channel that he wrote from", _reply,
              leads.Reply, body=leads.ReplyOrder, conflicts=True, own=True),
    Operation("take_down", "POST", "/api/leads", "Take an approach down by hand, or see first whom it may be from",
              _take_down, trials.TakenDown, body=leads.LeadDown, conflicts=True),
    Operation("done", "POST", "/api/activities/{id}/done", "What was to be done is done; the lead afterwards", _done,
              leads.WholeLead, own=True),
    Operation("contacts", "GET", "/api/contacts", "Contacts", _contacts, people.Contacts, _CONTACTS, paged=True),
    Operation("contact", "GET", "/api/contacts/{id}", "One contact, whole", _contact, people.WholeContact),
    Operation("describe_contact", "PUT", "/api/contacts/{id}", "Name a contact, or give it an owner", _describe,
              people.WholeContact, body=people.Description),
    Operation("import_contacts", "POST", "/api/contacts/import",
              "Bring contacts in from a file, some rows at a time, or see first what that would do", _bring_in,
              people.BroughtIn, body=people.ContactRows),
    Operation("merge", "POST", "/api/contacts/{id}/merge", "Make two contacts one, or see first what that would do", _merge,
              people.Merged, body=people.MergeOrder, conflicts=True),
    Operation("split", "POST", "/api/contacts/{id}/split", "Give keys and interactions a contact of their own", _split,
              people.Split, body=people.SplitOrder, conflicts=True),
    Operation("undo_merge", "POST", "/api/merges/{id}/undo", "Take a merge back, exactly", _undo, people.Merge),
    Operation("suggestions", "GET", "/api/suggestions", "Contacts that may be one person", _suggestions,
              people.Suggestions, _SUGGESTIONS, paged=True),
    *(
        Operation(f"{verdict}_suggestion", "POST", f"/api/suggestions/{{id}}/{verdict}", summary,
                  partial(_judge, verdict), people.Suggestion, _LANGUAGE, conflicts=True)
        for verdict, summary in VERDICTS.items()
    ),
    Operation("company", "GET", "/api/companies/{id}", "One company or shared line, whole", _company, people.Company),
    Operation("describe_company", "PUT", "/api/companies/{id}", "Name a company, or give it an owner", _describe_company,
              people.Company, body=people.Description),
    Operation("file", "GET", "/api/files/{name}", "A file of a message, by `file` of its attachment", _file, BINARY,
              own=True),
    Operation("managers", "GET", "/api/managers", "Managers and how they stand", _managers, managers.Managers, paged=True,
              own=True),
    Operation("set_availability", "PUT", "/api/managers/{name}/availability", "Whether a manager gets new leads",
              _availability, managers.Manager, body=managers.Availability, own=True),
    Operation("hand_over", "POST", "/api/managers/{name}/hand-over", "All open leads of a manager to another, or in turn",
              _hand_over, managers.HandedOver, body=managers.HandOver),
    Operation("plan", "POST", "/api/config/plan", "What the changed configuration would change", _plan, managers.Plan),
    Operation("reload", "POST", "/api/config/reload", "Put the changed configuration in force", _reload, managers.Plan),
    Operation("invite_manager", "POST", "/api/managers/{name}/invite", "A link that binds a manager's Telegram account",
              _invite, managers.Invitation),
    Operation("channels", "GET", "/api/channels", "Channels, how they are and what to do", _channels,
              running.Channels, _LANGUAGE, paged=True),
    Operation("ledger", "GET", "/api/ledger", "The account of every envelope", _ledger, journal.Ledger),
    Operation("envelopes", "GET", "/api/envelopes", "The journal", _envelopes, journal.Envelopes, _ENVELOPES, paged=True),
    Operation("envelope", "GET", "/api/envelopes/{id}", "One envelope, whole", _envelope, journal.WholeEnvelope),
    Operation("replay_envelope", "POST", "/api/envelopes/{id}/replay", "Run a failed or ignored envelope through again",
              _replay, journal.Replayed, body=journal.Replay),
    Operation("replay", "POST", "/api/replay", "Run failed or ignored envelopes through again", _replay_many,
              journal.Replays, body=journal.ReplayMany),
    Operation("sweep", "POST", "/api/sweep", "Drop what the policy no longer keeps, and give its room back", _sweep,
              journal.Swept, body=journal.Sweep),
    Operation("swept", "GET", "/api/sweep", "How the latest sweep stands", _swept, journal.Swept),
    Operation("try", "POST", "/api/try", "What would happen to an approach; nothing is stored", _attempt, trials.Trial,
              body=trials.Approach),
    Operation("notices", "GET", "/api/notices", "Notices that have not reached their manager", _notices, running.Notices,
              paged=True),
    Operation("login_link", "POST", "/api/login-links", "A one-time link to the desk, for ten minutes", _login_link,
              managers.LoginLink, body=managers.LoginLinkOrder),
    Operation("events", "GET", "/api/events", "What changed, as it happens (server-sent events); `Last-Event-ID` goes on",
              _events, EVENTS, own=True),
    Operation("openapi", "GET", "/api/openapi.json", "This document", _openapi, running.Document,
              own=True),
    Operation("health", "GET", "/healthz", "Whether the process lives", _health, running.Health, guarded=False),
    Operation("readiness", "GET", "/readyz", "Whether the process can do its work", _readiness, running.Readiness,
              guarded=False, unready="Not ready"),
    Operation("metrics", "GET", "/metrics", "Prometheus metrics", _metrics, _METRICS, guarded=False),
)  # fmt: skip

PROBES: Final = tuple(operation for operation in OPERATIONS if not operation.guarded)
"""What every process answers, whatever its roles: whether it lives, whether it can do its work, its figures."""
