"""Telegram: what each kind of update says, what is left aside and why, who may call the webhook."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from multidict import CIMultiDict
from pydantic import ValidationError

from channels.adapter import Rejected, load
from channels.message import Envelope, Ignored, Inbound, Parsed, Request, Signal
from channels.telegram import Adapter, Config
from channels.telegram.updates import stamp
from tests.channels.subjects import Document, Subject
from tests.ingest.configured import SMALL, configured, faults, loaded
from tests.ingest.parts import NOW

SAMPLES: Final = Path(__file__).parents[2].parent / "shared" / "samples" / "messengers" / "telegram"
TOKEN: Final = "1234567:AAtoken-of-the-tests"
PERSON: Final = {"id": 7, "is_bot": False, "first_name": "Анна", "last_name": "Белова", "username": "anna_b"}
CHAT: Final = {"id": 7, "type": "private", "first_name": "Анна"}
DATE: Final = 1_780_000_000


def adapter(**config: Any) -> Adapter:
    given = {"kind": "telegram", "token": TOKEN, **config}
    return Adapter("bot", Config.model_validate(given), secret=b"k" * 32, language="ru")


def parse(update: dict[str, Any], **config: Any) -> Parsed:
    return adapter(**config).parse(Envelope("bot", "1", orjson.dumps(update), NOW))


def message(kind: str = "message", /, **content: Any) -> dict[str, Any]:
    return {"update_id": 1, kind: {"message_id": 5, "from": PERSON, "chat": CHAT, "date": DATE, **content}}


def inbound(update: dict[str, Any], **config: Any) -> Inbound:
    said = parse(update, **config)
    assert isinstance(said, Inbound), said
    return said


def reason(update: dict[str, Any], **config: Any) -> str:
    said = parse(update, **config)
    assert isinstance(said, Ignored), said
    return said.reason


def photo(number: int, caption: str | None = None, kind: str = "message", **more: Any) -> dict[str, Any]:
    sizes = [
        {"file_id": f"{size}{number}", "width": size, "height": size, "file_size": size} for size in (90, 800, 320)
    ]
    captioned = {} if caption is None else {"caption": caption}
    return message(kind, message_id=number, photo=sizes, media_group_id="g1", **captioned, **more)


# --- what a message says ---


def test_a_text_has_its_sender_words_and_time() -> None:
    said = inbound(message(text="Нужен цемент"))
    assert (said.kind, said.text, said.name) == ("text", "Нужен цемент", "Анна Белова")
    assert said.identities == (("telegram", "7"),)
    assert said.ref == "7:5"
    assert said.at is not None
    assert said.at.timestamp() == DATE
    assert said.fields == {"message_id": "5", "username": "anna_b"}
    assert (said.phones, said.vouched) == ((), ())


def test_the_senders_own_contact_is_evidence_that_telegram_vouches_for() -> None:
    said = inbound(message(contact={"phone_number": "79161234567", "first_name": "Анна", "user_id": 7}))
    assert (said.kind, said.phones, said.vouched) == ("contact", ("+79161234567",), ("+79161234567",))
    assert "contact_phone" not in said.fields


@pytest.mark.parametrize("whose", [{"user_id": 8}, {}], ids=["another's", "nobody's"])
def test_the_card_of_somebody_else_is_none_of_the_senders_keys(whose: dict[str, int]) -> None:
    said = inbound(message(contact={"phone_number": "+79161234567", "first_name": "Борис", "last_name": "К", **whose}))
    assert (said.phones, said.vouched, said.text) == ((), (), "")
    assert (said.fields["contact_phone"], said.fields["contact_name"]) == ("+79161234567", "Борис К")


@pytest.mark.parametrize(
    ("content", "kind", "name", "media_type", "locator"),
    [
        ({"photo": [{"file_id": "a", "width": 9, "height": 9}]}, "photo", "photo.jpg", "image/jpeg", "a"),
        ({"voice": {"file_id": "b", "mime_type": "audio/ogg"}}, "voice", "voice.ogg", "audio/ogg", "b"),
        ({"audio": {"file_id": "c", "file_name": "x.mp3"}}, "audio", "x.mp3", "audio/mpeg", "c"),
        ({"video": {"file_id": "d"}}, "video", "video.mp4", "video/mp4", "d"),
        ({"video_note": {"file_id": "e"}}, "video_note", "video.mp4", "video/mp4", "e"),
        ({"document": {"file_id": "f"}}, "document", "file", "application/octet-stream", "f"),
        (
            {"animation": {"file_id": "g"}, "document": {"file_id": "h"}},
            "animation",
            "animation.mp4",
            "video/mp4",
            "g",
        ),
    ],
)
def test_a_file_is_named_and_found_by_its_locator(
    content: dict[str, Any], kind: str, name: str, media_type: str, locator: str
) -> None:
    said = inbound(message(caption="чертёж", **content))
    assert (said.kind, said.text) == (kind, "чертёж")
    (file,) = said.attachments
    assert (file.name, file.media_type, file.locator, file.content) == (name, media_type, f"telegram:{locator}", None)


def test_a_place_says_where_and_never_looks_like_a_phone() -> None:
    place = {"latitude": 55.751244, "longitude": 37.618423}
    said = inbound(message(location=place))
    assert (said.kind, said.text, said.fields["location"]) == ("location", "", "55.751244, 37.618423")
    venue = inbound(message(venue={"location": place, "title": "Склад", "address": "ул. Ленина, 1"}, location=place))
    assert (venue.kind, venue.text) == ("venue", "Склад, ул. Ленина, 1")
    assert venue.fields["location"] == "55.751244, 37.618423"


def test_a_sticker_says_its_emoji() -> None:
    assert inbound(message(sticker={"file_id": "s", "emoji": "👍"})).text == "👍"


def test_a_forwarded_message_says_whose_it_was() -> None:
    origin = {"type": "user", "date": DATE, "sender_user": {"id": 9, "is_bot": False, "first_name": "Пётр"}}
    assert inbound(message(text="см.", forward_origin=origin)).fields["forwarded_from"] == "Пётр"
    hidden = {"type": "hidden_user", "date": DATE, "sender_user_name": "Скрытный"}
    assert inbound(message(text="см.", forward_origin=hidden)).fields["forwarded_from"] == "Скрытный"


def test_messages_of_a_business_account_are_its_clients_and_the_owners_are_answers_to_them() -> None:
    said = inbound(message("business_message", text="Здравствуйте", business_connection_id="bc1"))
    assert (said.text, said.ref) == ("Здравствуйте", "bc1:7:5")
    own: dict[str, Any] = message("business_message", text="Добрый день", business_connection_id="bc1")
    own["business_message"]["from"] = PERSON | {"id": 70}
    answer = inbound(own)
    assert (answer.direction, answer.identities, answer.name, answer.written_by) == (
        "out",
        (("telegram", "7"),),
        None,
        "70",
    )
    # A command is a press on a key of the bot, and here nobody speaks with the bot.
    assert inbound(message("business_message", text="/away", business_connection_id="bc1")).text == "/away"


# --- several updates of one thing ---


def test_an_album_is_one_interaction_with_all_files_and_its_caption_in_any_order() -> None:
    parts = [inbound(photo(11)), inbound(photo(10, "два вида")), inbound(photo(12))]
    assert {part.ref for part in parts} == {"album:7:g1"}
    for order in (parts, parts[::-1], parts[1:] + parts[:1]):
        said = adapter().fold(order)
        assert (said.kind, said.text) == ("album", "два вида")
        assert [file.locator for file in said.attachments] == [f"telegram:800{n}" for n in (10, 11, 12)]
        assert said.fields["message_id"] == "10"


def test_an_edit_replaces_the_words_and_keeps_what_they_were() -> None:
    first = inbound(message(text="два куба"))
    second = inbound(message("edited_message", text="три куба", edit_date=DATE + 60))
    third = inbound(message("edited_message", text="четыре куба", edit_date=DATE + 90))
    assert first.ref == second.ref
    for order in ([first, second, third], [third, first, second]):
        said = adapter().fold(order)
        assert (said.text, said.at) == ("четыре куба", first.at)
        assert said.fields["before_edit"] == "два куба\nтри куба"


def test_an_edited_caption_of_an_album_stays_the_albums() -> None:
    parts = [
        inbound(photo(10, "старая")),
        inbound(photo(11)),
        inbound(photo(10, "новая", "edited_message", edit_date=DATE + 60)),
    ]
    said = adapter().fold(parts)
    assert (said.text, said.fields["before_edit"], len(said.attachments)) == ("новая", "старая", 2)


# --- commands and signals ---


def test_start_alone_asks_nothing_and_by_a_link_it_is_a_way_in() -> None:
    assert reason(message(text="/start")) == "start"
    assert reason(message(text="/start@our_bot")) == "start"
    said = inbound(message(text="/start vk-autumn"))
    assert (said.kind, said.text, said.campaign) == ("start", "", {"utm_campaign": "vk-autumn"})


def test_a_bare_command_is_ignored_and_one_with_words_is_a_message() -> None:
    said = parse(message(text="/price"))
    assert isinstance(said, Ignored)
    assert said.reason == "command"
    assert said.inbound is not None
    assert inbound(message(text="/price на цемент")).text == "/price на цемент"


@pytest.mark.parametrize(
    ("text", "name", "argument"),
    [
        ("/away", "away", ""),
        ("/back@our_bot", "back", ""),
        ("/WHY", "why", ""),
        ("/start invite-Ab_1", "start", "Ab_1"),
    ],
)
def test_the_commands_of_managers_are_signals(text: str, name: str, argument: str) -> None:
    assert parse(message(text=text)) == Signal("command", {"identity": "7", "name": name, "argument": argument})


def test_a_press_is_a_signal_also_under_a_message_that_is_gone() -> None:
    query = {"id": "q1", "from": PERSON, "data": "accept:1", "message": {"message_id": 3, "chat": CHAT, "date": 0}}
    pressed = {"identity": "7", "query": "q1", "data": "accept:1", "chat": "7", "message": "3"}
    assert parse({"update_id": 1, "callback_query": query}) == Signal("button", pressed)
    del query["message"]
    assert parse({"update_id": 1, "callback_query": query}) == Signal("button", pressed | {"chat": "", "message": ""})


@pytest.mark.parametrize(("status", "kind"), [("kicked", "blocked"), ("member", "unblocked")])
def test_who_blocks_the_bot_is_a_signal(status: str, kind: str) -> None:
    change = {"chat": CHAT, "from": PERSON, "date": DATE, "new_chat_member": {"status": status}}
    assert parse({"update_id": 1, "my_chat_member": change}) == Signal(kind, {"identity": "7"})
    group = change | {"chat": {"id": -1, "type": "group"}}
    assert reason({"update_id": 1, "my_chat_member": group}) == "group"


# --- left aside ---


@pytest.mark.parametrize(
    ("update", "expected"),
    [
        (message(text="всем", chat={"id": -1, "type": "group"}), "group"),
        (message(text="всем", chat={"id": -1, "type": "supergroup"}), "group"),
        ({"update_id": 1, "channel_post": {"message_id": 1, "chat": {"id": -1, "type": "channel"}}}, "channel"),
        (message(text="я бот", **{"from": {**PERSON, "is_bot": True}}), "bot"),
        (message(pinned_message={"message_id": 1}), "service"),
        (message(poll={"id": "1"}), "poll"),
        (message(dice={"emoji": "🎲", "value": 4}), "dice"),
        (message(content_of_next_year={"id": "1"}), "unsupported"),
        ({"update_id": 1, "inline_query": {"id": "1", "from": PERSON, "query": "?"}}, "unsupported"),
    ],
)
def test_what_is_no_clients_approach_says_why(update: dict[str, Any], expected: str) -> None:
    assert reason(update) == expected


def test_words_beneath_a_content_that_nobody_knows_yet_are_a_message() -> None:
    said = parse(message(content_of_next_year={"id": "1"}, caption="Сколько стоит?"))
    assert isinstance(said, Inbound)
    assert (said.kind, said.text) == ("text", "Сколько стоит?")


def test_a_bot_for_managers_takes_nobody_for_a_client_and_still_hears_them() -> None:
    said = parse(message(text="Нужен цемент"), clients="false")
    assert isinstance(said, Ignored)
    assert said.reason == "not_for_clients"
    assert isinstance(parse(message(text="/away"), clients="false"), Signal)


# --- samples ---

PERSONS: Final = {
    "nutgram/audio.json": ("12345", "audio", ""),
    "nutgram/business_message.json": ("456", "text", "Ciao"),
    "nutgram/command_with_parameters.json": ("456", "text", "/register HR John Doe"),
    "nutgram/contact.json": ("12345", "contact", ""),
    "nutgram/document.json": ("456", "document", ""),
    "nutgram/edited_message.json": ("999999999", "text", "Editing this message"),
    "nutgram/location.json": ("12345", "location", ""),
    "nutgram/message.json": ("456", "text", "Ciao"),
    "nutgram/not_command.json": ("10081232", "text", "aa /test"),
    "nutgram/photo.json": ("11111111", "photo", "asdasdasdasdasdasd"),
    "nutgram/sticker.json": ("12345", "sticker", "🤣"),
    "nutgram/text.json": ("12345678", "text", "aaaaaaaaaa"),
    "nutgram/video.json": ("12345", "video", ""),
    "nutgram/voice.json": ("12345", "voice", ""),
    "zammad/private/document.json": ("111111", "document", ""),
    "zammad/private/photo.json": ("111111", "photo", "caption 123<b>abc</b>"),
    "zammad/private/text.json": ("111111", "text", "Hello, I need your Help"),
    "zammad/private/video.json": ("111111", "video", ""),
    "zammad/private/voice.json": ("111111", "voice", ""),
}
REASONS: Final = {
    "nutgram/checklist.json": "checklist",
    "nutgram/command.json": "command",
    "nutgram/command_message.json": "start",
    "nutgram/command_tag_valid.json": "command",
    "nutgram/command_tag_wrong.json": "command",
    "nutgram/dice.json": "dice",
    "nutgram/giveaway.json": "giveaway",
    "nutgram/message_different_topic.json": "group",
    "nutgram/message_general_topic.json": "group",
    "nutgram/message_poll.json": "poll",
    "zammad/private/end.json": "command",
    "zammad/private/start.json": "start",
    **dict.fromkeys(
        (
            f"nutgram/{name}.json"
            for name in (
                "channel_chat_created", "chat_owner_changed", "chat_owner_left", "checklist_tasks_added",
                "community_chat_removed", "connected_website", "delete_chat_photo", "forum_topic_closed",
                "forum_topic_edited", "forum_topic_reopened", "giveaway_completed", "giveaway_created",
                "group_chat_created", "left_chat_member", "message_auto_delete_timer_changed", "new_chat_photo",
                "new_chat_title", "poll_option_added", "poll_option_deleted", "supergroup_chat_created",
                "video_chat_ended", "video_chat_participants_invited", "video_chat_scheduled", "video_chat_started",
            )
        ),
        "service",
    ),
    **dict.fromkeys(
        (
            f"nutgram/{name}.json"
            for name in (
                "chat_boost", "chat_join_request", "chat_member", "chosen_inline_result", "inline_query", "managed_bot",
                "poll", "pre_checkout_query", "removed_chat_boost", "subscription",
            )
        ),
        "unsupported",
    ),
}  # fmt: skip
SIGNALS: Final = {"nutgram/callback_query.json": ("button", "222222222")}


def samples() -> list[str]:
    return sorted(str(path.relative_to(SAMPLES)) for path in SAMPLES.glob("**/*.json") if "responses" not in str(path))


@pytest.mark.skipif(not SAMPLES.exists(), reason="the samples are not here")
def test_every_sample_is_expected_to_say_something() -> None:
    assert set(samples()) == {*PERSONS, *REASONS, *SIGNALS}


@pytest.mark.parametrize(
    "name", samples() or [pytest.param("", marks=pytest.mark.skip(reason="the samples are not here"))]
)
def test_a_sample_has_the_right_sender_text_and_kind_or_is_left_aside_for_the_right_reason(name: str) -> None:
    update = json.loads((SAMPLES / name).read_text())
    said = parse(update)
    match said:
        case Inbound():
            assert (said.identities, said.kind, said.text) == (
                (("telegram", PERSONS[name][0]),),
                *PERSONS[name][1:],
            )
            assert said.name
            assert said.ref
        case Ignored():
            assert said.reason == REASONS[name]
        case Signal():
            assert (said.kind, said.values["identity"]) == SIGNALS[name]


# --- the webhook ---


def post(body: bytes, secret: str | None = "s3cret", method: str = "POST") -> Request:
    headers = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret}
    return Request(method, "", {}, CIMultiDict(headers), body, NOW)


def hooked() -> Adapter:
    return adapter(mode="webhook", secret="s3cret")


def test_a_webhook_keeps_the_update_verbatim_and_names_it() -> None:
    update = message(text="Нужен цемент")
    body = json.dumps(update, indent=2).encode()
    (kept,) = hooked().receive(post(body))
    (again,) = hooked().receive(post(body))
    assert (kept.body, kept.identity) == (body, again.identity)
    assert hooked().answer(post(body), ()).status == 200


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (post(b"{}", "guess"), 401),
        (post(b"{}", "секрет"), 401),
        (post(b"{}", None), 401),
        (post(b"{}", method="GET"), 405),
        (post(b"{"), 400),
        (post(b"[]"), 400),
        (post(b"{}"), 400),
        (post(b'{"update_id": "x"}'), 400),
    ],
)
def test_who_is_not_telegram_is_not_let_in(request_: Request, status: int) -> None:
    with pytest.raises(Rejected) as refused:
        hooked().receive(request_)
    assert refused.value.status == status


def test_nobody_calls_a_bot_that_polls() -> None:
    with pytest.raises(Rejected) as refused:
        adapter().receive(post(b"{}"))
    assert refused.value.status == 404


def test_a_number_of_another_era_is_another_update() -> None:
    one, other = message(text="раз"), message(text="два", date=DATE + 800_000)
    assert stamp(one) != stamp(other)
    query = {"update_id": 1, "callback_query": {"id": "q1", "from": PERSON}}
    assert stamp(query) == "q1"


# --- the configuration ---

CHANNEL: Final = """\
channels: {{bot: {{kind: telegram, {keys}}}}}
managers: {{anna: {{name: Анна}}}}
teams: {{sales: {{managers: [anna]}}}}
"""


def test_a_whole_entry_is_taken(tmp_path: Path) -> None:
    keys = 'token: "${TG}", mode: webhook, secret: "${TG_SECRET}", proxy: "${PROXY:-}", api_base: "http://127.0.0.1:81"'
    text = CHANNEL.format(keys=keys) + "http: {public_url: https://leads.example.com}\n"
    config = loaded(tmp_path, text, {"TG": TOKEN, "TG_SECRET": "s3cret"}).config
    assert config is not None
    entry = config.channels["bot"]
    assert isinstance(entry, Config)
    assert (entry.mode, entry.proxy, entry.clients) == ("webhook", None, True)
    assert TOKEN not in repr(config)


@pytest.mark.parametrize(
    ("keys", "key", "words"),
    [
        ("source: Бот", "channels.bot.token", "is missing; add it"),
        ("token: nonsense", "channels.bot.token", "is no bot token; take it from @BotFather"),
        ('token: "1:a", mode: push', "channels.bot.mode", "write polling or webhook"),
        ('token: "1:a", mode: webhook', "channels.bot", "takes a webhook without a secret; add secret:"),
        ('token: "1:a", mode: webhook, secret: "два слова"', "channels.bot.secret", "use up to 256 of A-Z"),
        ('token: "1:a", proxy: "socks5://127.0.0.1:1"', "channels.bot.proxy", "is no HTTP proxy; write http://"),
        ('token: "1:a", api_base: 127.0.0.1', "channels.bot.api_base", "is no address of a Bot API server; write"),
        ('token: "1:a", tokn: b', "channels.bot.tokn", "unknown key; did you mean token?"),
    ],
)
def test_a_fault_names_the_key_and_the_remedy_and_no_secret(tmp_path: Path, keys: str, key: str, words: str) -> None:
    said = [fault for fault in faults(tmp_path, CHANNEL.format(keys=keys)) if "warning" not in fault]
    assert any(f": {key}: " in fault and words in fault for fault in said), said
    assert not any("nonsense" in fault or "два слова" in fault for fault in said)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "channels: {bot: {kind: telegram, token: '${TG}', mode: webhook, secret: '${TG}'}}\nhttp: {public_url: 'https://a'}",
            "1: channels.bot.secret: the value is no secret that Telegram takes",
        ),
        (
            "channels: {bot: {kind: telegram, token: '${TG}', mode: webhook, secret: '${S}'}}",
            "1: channels.bot.mode: a webhook is called from outside, and http.public_url is missing; add public_url: ",
        ),
        (
            "channels: {b: {kind: telegram, token: '${TG}'}, c: {kind: telegram, token: '${TG}'}}",
            "1: channels.c.token: is the token of channels.b too; make another bot, or remove this channel",
        ),
        (
            "channels: {b: {kind: telegram, token: '${TG}'}}\nnotices: {telegram: {token: '${TG}'}}",
            "2: notices.telegram.token: is the token of channels.b too; write channel: b",
        ),
        (
            "channels: {notices: {kind: webform}}\nnotices: {telegram: {token: '${TG}'}}",
            "2: notices.telegram: a bot of the notices' own becomes the channel notices, and there is one of that name; ",
        ),
        (
            "channels: {site: {kind: webform}}\nnotices: {telegram: {token: '${S}'}}",
            "2: notices.telegram: token is no bot token; take it from @BotFather",
        ),
    ],
)
def test_what_bots_say_of_each_other_is_checked(tmp_path: Path, text: str, fault: str) -> None:
    team = "managers: {anna: {name: Анна}}\nteams: {sales: {managers: [anna]}}\n"
    (found,) = faults(tmp_path, f"{text}\n{team}", {"TG": TOKEN, "S": "s3cret"})
    assert found.startswith(fault)


def test_a_bot_of_the_notices_own_is_a_channel_that_takes_nobody_for_a_client(tmp_path: Path) -> None:
    text = SMALL + "notices: {telegram: {token: '${TG}', api_base: 'http://127.0.0.1:81'}}"
    config = configured(tmp_path, text, {"TG": TOKEN})
    assert config.telegram_channel() == "notices"
    bot = config.channels["notices"]
    assert isinstance(bot, Config)
    assert (bot.clients, bot.mode, bot.api_base) == (False, "polling", "http://127.0.0.1:81")
    assert bot.token.get_secret_value() == TOKEN


def test_the_kind_is_found_by_its_name() -> None:
    assert load("telegram").Adapter is Adapter
    with pytest.raises(ValidationError):
        Config.model_validate({"kind": "telegram"})


# --- the contract of all kinds ---


def subjects() -> Sequence[Subject]:
    """A bot that is called, and updates of every kind that it asks for."""
    place = {"latitude": 55.75, "longitude": 37.61}
    updates = [
        message(text="Нужен цемент"),
        message("edited_message", text="Нужен бетон", edit_date=DATE + 60),
        message(message_id=21, contact={"phone_number": "79161234567", "first_name": "Анна", "user_id": 7}),
        message(message_id=22, text="/start spring", entities=[{"type": "bot_command", "offset": 0, "length": 6}]),
        message(message_id=23, text="/away"),
        photo(6, "два вида"),
        photo(7),
        photo(6, "три вида", "edited_message", edit_date=DATE + 9),
        message(message_id=24, venue={"location": place, "title": "Склад", "address": "Москва"}, location=place),
        message(message_id=25, sticker={"file_id": "s", "emoji": "👍"}),
        message(message_id=26, text="дальше", forward_origin={"type": "user", "sender_user": PERSON, "date": DATE}),
        message(message_id=27, document={"file_id": "d", "file_name": "смета.pdf", "mime_type": "application/pdf", "file_size": 5}),
        message("business_message", message_id=40, text="Здравствуйте", business_connection_id="b1"),
        {"update_id": 1, "callback_query": {"id": "q1", "from": PERSON, "message": message(text="x")["message"], "data": "a"}},
        {"update_id": 1, "my_chat_member": {"chat": CHAT, "from": PERSON, "date": DATE, "new_chat_member": {"status": "kicked"}}},
        {"update_id": 1, "business_connection": {"id": "b1", "user": PERSON, "date": DATE}},
    ]  # fmt: skip
    said = [Document(json.dumps({**update, "update_id": n}).encode()) for n, update in enumerate(updates, 1)]
    forged = [None, "", "guess", "s3cret "]
    return [
        Subject(
            *("telegram", "telegram", hooked, said, lambda document: post(document.body)),
            forged=lambda document: [post(document.body, secret) for secret in forged],
            secrets=("s3cret", TOKEN),
        )
    ]
