"""What an event of a community says: a client's message or form, a signal, or nothing that concerns us. Pure.

Events are read as plain JSON, in the shapes of API 5.103 and later (https://dev.vk.com/ru/api/community-events/json-schema),
and of earlier ones where a server still sends them.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from channels.message import Ignored, Inbound, Parsed, Signal
from channels.vk import files, forms, orders, sending

IDENTITY: Final = "vk"
CHATS: Final = 2_000_000_000
"""Numbers of peers from here on are conversations of several people; below zero they are communities."""
_MOST_FORWARDED: Final = 100

MESSAGES: Final = ("message_new", "message_reply", "message_edit")
CAUGHT_UP: Final = "caught_up"

_SIGNALS: Final[Mapping[str, str]] = {
    "message_allow": "allowed", "message_deny": "denied", "message_event": "pressed",
}  # fmt: skip
_COMMENTS: Final = ("wall_reply_", "photo_comment_", "video_comment_", "market_comment_", "board_post_")
# Whatever else happens in a community, by the beginning of its type.
_REASONS: Final[Mapping[str, str]] = {
    "wall_": "wall", "like_": "like", "group_": "community", "user_": "community", "message_typing": "presence",
    "message_read": "presence", "message_reaction": "reaction", "photo_": "upload", "video_": "upload", "audio_": "upload",
    "poll_": "vote", "donut_": "payment", "vkpay_": "payment", "market_order_": "order", "app_": "app",
}  # fmt: skip

Json = Mapping[str, Any]


def read(event: Json, *, caught_up: bool = False) -> Parsed:
    """What an event says. Raises for one that has not the shape of its type. `caught_up`: it was read again after a gap."""
    kind, what = str(event["type"]), event["object"]
    if kind in MESSAGES:
        return _message(kind, what.get("message", what), caught_up=caught_up)
    if kind == "lead_forms_new":
        return forms.read(what, _identities(what.get("user_id")))
    if kind == "market_order_new":
        return orders.read(what, _identities(what.get("user_id")))
    if kind in _SIGNALS:
        return _signal(_SIGNALS[kind], what)
    if kind.startswith(_COMMENTS):
        return Ignored("comment", _comment(what))
    return Ignored(next((why for start, why in _REASONS.items() if kind.startswith(start)), "unsupported"))


def identity(event: object) -> str | None:
    """VK's own name of an event; None where it has none."""
    named = event.get("event_id") if isinstance(event, dict) else None
    return named if isinstance(named, str) and named else None


def identity_by_place(event: Json) -> str:
    """What names a message that was read again: where it stands, and when it was said so."""
    message = event["object"].get("message", event["object"])
    return f"{CAUGHT_UP}:{_place_of(message)}:{message.get('update_time') or message['date']}"


def said_at(event: object) -> int:
    """When a message was sent, in seconds of VK's clock; 0 for whatever is no new message."""
    if not isinstance(event, dict) or event.get("type") not in {"message_new", "message_reply"}:
        return 0
    what = event.get("object")
    message = what.get("message", what) if isinstance(what, dict) else None
    date = message.get("date") if isinstance(message, dict) else None
    return date if isinstance(date, int) else 0


def is_ours(message: Json) -> bool:
    """Whether the community has written a message."""
    return bool(message.get("out")) or message.get("from_id", 0) < 0


def _signal(kind: str, what: Json) -> Signal:
    known = {"identity": what.get("user_id"), "key": what.get("key"), "payload": _payload(what)}
    return Signal(kind, {name: str(value) for name, value in known.items() if value})


def _message(event: str, message: Json, *, caught_up: bool) -> Parsed:
    ours = is_ours(message) or event == "message_reply"
    said = _inbound(message, ours=ours, caught_up=caught_up)
    if message["peer_id"] >= CHATS:
        return Ignored("group", said)
    if ours:
        # Without the client there is nobody whom it could have been said to.
        return said if said.identities and said.kind != "empty" else Ignored("own_message", said)
    if "action" in message:
        return Ignored("service", said)
    if _payload(message, "command") == "start" and said.kind == "text":
        # The button that VK shows to whoever has not written yet: that alone asks nothing. By a link of ours, it is a way in.
        return _start(said)
    return said if said.kind != "empty" else Ignored("empty", said)


def _inbound(message: Json, *, ours: bool, caught_up: bool) -> Inbound:
    who = message["peer_id"] if ours else message["from_id"]
    return Inbound(
        kind=_kind(message),
        text=str(message.get("text") or ""),
        identities=_identities(who),
        at=datetime.fromtimestamp(message.get("update_time") or message["date"], UTC),
        ref=_place_of(message),
        direction="out" if ours else "in",
        campaign=_campaign(message),
        fields=_fields(message, caught_up=caught_up),
        attachments=tuple(file for one in (message, *_forwarded(message)) for file in files.attached(one)),
        profile=_profile(who),
        # Who writes in the community's pages has a number; its greeting and its robots have none.
        written_by=str(message["admin_author_id"]) if ours and message.get("admin_author_id") else None,
        echo=sending.echo(message["peer_id"], message["random_id"]) if ours and message.get("random_id") else None,
    )


def _place_of(message: Json) -> str:
    """A message's place: its conversation, and its number there."""
    return f"{message['peer_id']}:{message.get('conversation_message_id') or message['id']}"


def _start(said: Inbound) -> Parsed:
    start = Inbound(
        kind="start",
        identities=said.identities,
        at=said.at,
        ref=said.ref,
        campaign=said.campaign,
        fields=said.fields,
        profile=said.profile,
    )
    return start if said.campaign else Ignored("start", start)


def _identities(who: object) -> tuple[tuple[str, str], ...]:
    """Only people have one: a community that writes is nobody's account, and a conversation is many."""
    return ((IDENTITY, str(who)),) if isinstance(who, int) and 0 < who < CHATS else ()


def _profile(who: object) -> str | None:
    """What `users.get` is asked by, since no message says a name."""
    return next((f"{files.LOCATOR}{value}" for _, value in _identities(who)), None)


def _kind(message: Json) -> str:
    attachment = files.kind_of(message)
    if attachment is not None:
        return attachment
    if message.get("geo"):
        return "location"
    return "text" if message.get("text") or message.get("fwd_messages") else "empty"


def _campaign(message: Json) -> dict[str, str]:
    """What stood in the link that the client came by: `vk.me/community?ref=…&ref_source=…`."""
    named = {"utm_campaign": message.get("ref"), "utm_source": message.get("ref_source")}
    return {name: str(value) for name, value in named.items() if value}


def _fields(message: Json, *, caught_up: bool) -> dict[str, str]:
    reply = message.get("reply_message") or {}
    found: dict[str, Any] = {
        "message_id": message.get("id"),
        "reply_to": reply.get("text"),
        "forwarded": "\n".join(filter(None, (str(one.get("text") or "") for one in _forwarded(message)))),
        "location": _place(message.get("geo") or {}),
        "payload": None if _payload(message, "command") == "start" else _payload(message),
        CAUGHT_UP: "true" if caught_up else None,
        **files.named(message),
    }
    return {name: str(value) for name, value in found.items() if value}


def _forwarded(message: Json) -> list[Json]:
    """The messages within a message, and those within them: what a client passes on is what he says."""
    found: list[Json] = []
    waiting = list(message.get("fwd_messages") or ())
    while waiting and len(found) < _MOST_FORWARDED:
        one = waiting.pop(0)
        found.append(one)
        waiting = [*(one.get("fwd_messages") or ()), *waiting]
    return found


def _place(geo: Json) -> str:
    where = geo.get("coordinates") or {}
    title = (geo.get("place") or {}).get("title")
    point = f"{where['latitude']}, {where['longitude']}" if where else ""
    return "; ".join(filter(None, (point, str(title or ""))))


def _payload(message: Json, key: str | None = None) -> str | None:
    """What a button that was pressed carries: JSON, or JSON in a text; with `key` a text of it by its name."""
    given = message.get("payload")
    if key is None:
        return given if isinstance(given, str) or given is None else json.dumps(given, ensure_ascii=False)
    try:
        read_ = json.loads(given) if isinstance(given, str) else given
    except ValueError:
        return None
    found = read_.get(key) if isinstance(read_, dict) else None
    return found if isinstance(found, str) else None


def _comment(what: Json) -> Inbound | None:
    """What somebody wrote under a post, a photo, an offer, should a person call it an approach."""
    identities = _identities(what.get("from_id"))
    if not identities:
        return None
    date = what.get("date")
    return Inbound(
        kind="comment",
        text=str(what.get("text") or ""),
        identities=identities,
        at=datetime.fromtimestamp(date, UTC) if isinstance(date, int) else None,
        attachments=tuple(files.attached(what)),
        profile=_profile(what.get("from_id")),
    )
