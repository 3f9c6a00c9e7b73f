"""What an update of the Bot API says: a client's message, a signal, or nothing that concerns us. Pure.

Updates are read as plain JSON and not through a library's models: those refuse a whole update for a field that they lack or
that is new (older servers leave out `is_bot`), and what has been stored must be readable for years.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from channels.message import Ignored, Inbound, Parsed, Signal
from channels.telegram import files

IDENTITY: Final = "telegram"
INVITATION: Final = "invite-"
"""What the argument of /start begins with where it binds a manager, and is not a client's way in."""

MESSAGES: Final = ("message", "edited_message", "business_message", "edited_business_message")
WANTED: Final = (*MESSAGES, "callback_query", "my_chat_member", "business_connection")
"""The kinds of update that a bot asks for. Others may come all the same, from before it asked."""

QUOTE: Final = "chat_reply"
COMMANDS: Final = frozenset({"why", "away", "back"})

_PLAIN: Final = ("text", "contact", "venue", "location", "sticker", *files.KINDS)
# Content of messages that says nothing which a manager could answer.
_UNSUPPORTED: Final = (
    "poll", "dice", "game", "story", "checklist", "giveaway", "giveaway_winners", "invoice", "gift", "unique_gift",
)  # fmt: skip
# What Telegram writes into a chat by itself, https://core.telegram.org/bots/api#message ("Service message: …").
_SERVICE: Final = frozenset({
    "new_chat_members", "new_chat_member", "left_chat_member", "chat_owner_left", "chat_owner_changed", "new_chat_title",
    "new_chat_photo", "delete_chat_photo", "group_chat_created", "supergroup_chat_created", "channel_chat_created",
    "message_auto_delete_timer_changed", "migrate_to_chat_id", "migrate_from_chat_id", "pinned_message",
    "successful_payment", "refunded_payment", "users_shared", "user_shared", "chat_shared", "gift_upgrade_sent",
    "connected_website", "write_access_allowed", "passport_data", "proximity_alert_triggered", "boost_added",
    "chat_background_set", "checklist_tasks_done", "checklist_tasks_added", "direct_message_price_changed",
    "forum_topic_created", "forum_topic_edited", "forum_topic_closed", "forum_topic_reopened",
    "general_forum_topic_hidden", "general_forum_topic_unhidden", "giveaway_created", "giveaway_completed",
    "managed_bot_created", "paid_message_price_changed", "poll_option_added", "poll_option_deleted",
    "suggested_post_approved", "suggested_post_approval_failed", "suggested_post_declined", "suggested_post_paid",
    "suggested_post_refunded", "video_chat_scheduled", "video_chat_started", "video_chat_ended",
    "video_chat_participants_invited", "web_app_data", "community_chat_added", "community_chat_removed",
    "community_chat_joined",
})  # fmt: skip

Json = Mapping[str, Any]


def stamp(update: Json) -> str:
    """What tells an update from one that has the same number in another era: its own time, or its provider's id.

    After a week without updates the numbers start anew, anywhere
    (https://core.telegram.org/bots/api#update). A repeated delivery has the same stamp.
    """
    said = next((value for name, value in update.items() if name != "update_id" and isinstance(value, Mapping)), {})
    return str(said.get("edit_date") or said.get("date") or said.get("id") or "")


def read(update: Json) -> Parsed:
    """What an update says. Raises for one that has not the shape of its kind."""
    for kind in MESSAGES:
        if kind in update:
            return _message(update[kind], business=kind.endswith("business_message"))
    if "callback_query" in update:
        return _button(update["callback_query"])
    if "my_chat_member" in update:
        return _membership(update["my_chat_member"])
    if "business_connection" in update:
        connection = update["business_connection"]
        return Signal("business_connection", {"identity": str(connection["user"]["id"]), "id": str(connection["id"])})
    return Ignored("channel" if "channel_post" in update or "edited_channel_post" in update else "unsupported")


def _button(query: Json) -> Signal:
    """A press of a button under one of our messages, which an old enough message no longer comes with."""
    message = query.get("message") or {}
    return Signal(
        "button",
        {
            "identity": str(query["from"]["id"]),
            "query": str(query["id"]),
            "data": str(query.get("data", "")),
            "chat": str((message.get("chat") or {}).get("id", "")),
            "message": str(message.get("message_id", "")),
        },
    )


def _membership(change: Json) -> Parsed:
    """Who blocks a bot makes it `kicked` in their chat, and a `member` again later."""
    if change["chat"]["type"] != "private":
        return Ignored("group")
    status = change["new_chat_member"]["status"]
    return Signal("blocked" if status == "kicked" else "unblocked", {"identity": str(change["from"]["id"])})


def _message(message: Json, *, business: bool) -> Parsed:
    chat, sender = message["chat"], message.get("from") or {}
    if chat["type"] != "private":
        return Ignored("channel" if chat["type"] == "channel" else "group")
    content = next((name for name in (*_PLAIN, *_UNSUPPORTED) if name in message), "unsupported")
    if content not in _PLAIN and message.get("caption"):
        content = "text"  # whatever it stands beneath: somebody has said something
    if content == "unsupported" and not _SERVICE.isdisjoint(message):
        return Ignored("service")
    said = _inbound(message, chat, sender, content)
    reason = _why_not(message, chat, sender, content, business=business)
    if reason is not None:
        return Ignored(reason, said)
    if business and sender["id"] != chat["id"]:
        return _answer(said, chat, sender)
    return said if business else _quoting(_command(said, sender), message)


def _answer(said: Inbound, chat: Json, sender: Json) -> Inbound:
    """What the owner of a business account has written to the client whose chat it is."""
    return replace(
        said,
        direction="out",
        name=None,
        phones=(),
        vouched=(),
        identities=((IDENTITY, str(chat["id"])),),
        written_by=str(sender["id"]),
    )


def _quoting(said: Parsed, message: Json) -> Parsed:
    """What quotes a message of the bot is an answer to it; a client's is a message like any other."""
    quoted = message.get("reply_to_message") or {}
    if not isinstance(said, Inbound) or not (quoted.get("from") or {}).get("is_bot"):
        return said
    identity = said.identities[0][1]
    values = {"identity": identity, "quoted": str(quoted["message_id"]), "text": said.text, "key": said.ref or ""}
    values["kind"] = said.kind
    return Signal(QUOTE, values, said)


def _why_not(message: Json, chat: Json, sender: Json, content: str, *, business: bool) -> str | None:
    """Why a message is no client's approach; None where it may be one."""
    if sender.get("is_bot") or "sender_business_bot" in message:
        return "bot"
    if business and sender["id"] != chat["id"]:
        # In a chat of a business account, what its owner writes comes to the bot too.
        return None if content in _PLAIN else "own_message"
    return None if content in _PLAIN else content


def _inbound(message: Json, chat: Json, sender: Json, content: str) -> Inbound:
    mine = _shared_contact(message, sender)
    fields = _fields(message, sender, own_contact=bool(mine))
    return Inbound(
        kind=content,
        text=_text(message),
        name=" ".join(filter(None, (sender.get("first_name"), sender.get("last_name")))) or None,
        phones=mine,
        identities=((IDENTITY, str(sender["id"])),),
        at=datetime.fromtimestamp(message.get("edit_date") or message["date"], UTC),
        ref=_ref(message, chat),
        fields=fields,
        attachments=tuple(files.attached(message)),
        vouched=mine,
    )


def _ref(message: Json, chat: Json) -> str:
    """The thing itself: an album, else the message. Chats of a business account number their messages apart."""
    place = f"{message['business_connection_id']}:" if "business_connection_id" in message else ""
    if "media_group_id" in message:
        return f"album:{place}{chat['id']}:{message['media_group_id']}"
    return f"{place}{chat['id']}:{message['message_id']}"


def _text(message: Json) -> str:
    if "sticker" in message:
        return str(message["sticker"].get("emoji", ""))
    if "venue" in message:
        return ", ".join(filter(None, (message["venue"].get("title"), message["venue"].get("address"))))
    return str(message.get("text") or message.get("caption") or "")


def _shared_contact(message: Json, sender: Json) -> tuple[str, ...]:
    """The sender's own phone, of which Telegram itself says that it is his; another person's card is none of his keys."""
    contact = message.get("contact") or {}
    number = str(contact.get("phone_number", ""))
    if not number or contact.get("user_id") != sender["id"]:
        return ()
    return (f"+{number}" if number.isdecimal() else number,)


def _fields(message: Json, sender: Json, *, own_contact: bool) -> dict[str, str]:
    found: dict[str, Any] = {
        "message_id": int(message["message_id"]),
        "username": sender.get("username"),
        "language_code": sender.get("language_code"),
        "forwarded_from": _origin(message),
    }
    if "contact" in message and not own_contact:
        contact = message["contact"]
        found["contact_name"] = " ".join(filter(None, (contact.get("first_name"), contact.get("last_name"))))
        found["contact_phone"] = contact.get("phone_number")
    place = message.get("location") or (message.get("venue") or {}).get("location")
    if place:
        found["location"] = f"{place['latitude']}, {place['longitude']}"
    return {name: str(value) for name, value in found.items() if value not in (None, "")}


def _origin(message: Json) -> str | None:
    """Whom a forwarded message is from."""
    origin = message.get("forward_origin") or {}
    person = origin.get("sender_user") or origin.get("sender_chat") or origin.get("chat") or {}
    named = person.get("title") or " ".join(filter(None, (person.get("first_name"), person.get("last_name"))))
    return named or origin.get("sender_user_name") or origin.get("type")


def _command(said: Inbound, sender: Json) -> Parsed:
    """A command is a press on a key more than words. One that is none of ours and has words with it is a message all the same."""
    if said.kind != "text" or not said.text.startswith("/"):
        return said
    word, _, argument = said.text.partition(" ")
    name, argument = word[1:].partition("@")[0].lower(), argument.strip()
    if name in COMMANDS or (name == "start" and argument.startswith(INVITATION)):
        values = {"identity": str(sender["id"]), "name": name, "argument": argument.removeprefix(INVITATION)}
        return Signal("command", values)
    if name == "start":
        return _start(said, argument)
    return said if argument else Ignored("command", said)


def _start(said: Inbound, campaign: str) -> Parsed:
    """Who opens a bot presses Start before he can write: that alone asks nothing. By a link of ours, it is a way in."""
    said = Inbound(
        kind="start",
        name=said.name,
        identities=said.identities,
        at=said.at,
        ref=said.ref,
        campaign={"utm_campaign": campaign} if campaign else {},
        fields=said.fields,
    )
    return said if campaign else Ignored("start", said)
