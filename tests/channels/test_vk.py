"""VK: what each event says, what is left aside and why, who may call the callback."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from channels.adapter import Rejected, load
from channels.message import Accepted, Envelope, Ignored, Inbound, Parsed, Request, Signal
from channels.vk import Adapter, Config, sending
from channels.vk.events import identity
from channels.vk.files import is_kept_at_vk
from tests.channels.subjects import Document, Subject
from tests.ingest.configured import SMALL, configured, faults, loaded
from tests.ingest.parts import NOW
from tests.vk import DATE, GROUP, TOKEN

SAMPLES: Final = Path(__file__).parents[2].parent / "shared" / "samples" / "messengers" / "vk"
SECRET: Final = "secret_of_the_tests"
CALLBACK: Final = {"mode": "callback", "confirmation": "c0de", "secret": SECRET}

Json = dict[str, Any]


def adapter(**config: Any) -> Adapter:
    given_ = {"kind": "vk", "token": TOKEN, "group_id": str(GROUP), **config}
    return Adapter("vk", Config.model_validate(given_), secret=b"k" * 32, language="ru")


def parse(event: Json) -> Parsed:
    return adapter().parse(Envelope("vk", "1", json.dumps(event).encode(), NOW))


def message(text: str = "", **more: Any) -> Json:
    return {
        "id": 10, "conversation_message_id": 5, "from_id": 7, "peer_id": 7, "out": 0, "date": DATE, "text": text, **more,
    }  # fmt: skip


def event(kind: str = "message_new", what: Json | None = None, **more: Any) -> Json:
    """An event; of a message, its content."""
    said = message(**more) if what is None else what
    return {"type": kind, "event_id": "e1", "object": {"message": said} if kind == "message_new" else said}


def inbound(said: Json) -> Inbound:
    found = parse(said)
    assert isinstance(found, Inbound), found
    return found


def ignored(said: Json) -> Ignored:
    found = parse(said)
    assert isinstance(found, Ignored), found
    return found


def attachment(kind: str, **content: Any) -> Json:
    return {"type": kind, kind: content}


# --- what a message says ---


def test_a_message_says_who_what_when_and_by_which_link() -> None:
    said = inbound(event(text="Нужен цемент", ref="autumn", ref_source="site"))
    assert (said.kind, said.text, said.direction) == ("text", "Нужен цемент", "in")
    assert said.identities == (("vk", "7"),)
    assert (said.name, said.phones, said.ref) == (None, (), "7:5")
    assert said.at is not None
    assert said.at.timestamp() == DATE
    assert said.campaign == {"utm_campaign": "autumn", "utm_source": "site"}
    assert said.fields == {"message_id": "10"}
    assert said.profile == "vk:7"


def test_a_message_of_an_older_version_of_the_api_says_the_same() -> None:
    flat = event() | {"object": message("Нужен цемент")}
    assert inbound(flat) == inbound(event(text="Нужен цемент"))


SIZES: Final = [{"type": "s", "url": "https://sun9-1.userapi.com/s.jpg", "width": 75, "height": 60},
                {"type": "w", "url": "https://sun9-1.userapi.com/w.jpg", "width": 900, "height": 700},
                {"type": "x", "url": "https://sun9-1.userapi.com/x.jpg", "width": 604, "height": 400}]  # fmt: skip


@pytest.mark.parametrize(
    ("attached", "kind", "files"),
    [
        (attachment("photo", sizes=SIZES), "photo", [("photo.jpg", "image/jpeg", None, SIZES[1]["url"])]),
        (
            attachment("doc", title="смета.pdf", ext="pdf", size=512, url="https://vk.com/doc7_1?hash=h"),
            "document",
            [("смета.pdf", "application/pdf", 512, "https://vk.com/doc7_1?hash=h")],
        ),
        (
            attachment("audio_message", link_ogg="https://psv4.userapi.com/a.ogg", link_mp3="https://psv4.userapi.com/a"),
            "voice",
            [("voice.ogg", "audio/ogg", None, "https://psv4.userapi.com/a.ogg")],
        ),
        (attachment("graffiti", url="https://vk.com/g.png"), "graffiti", [("graffiti.png", "image/png", None, "https://vk.com/g.png")]),
        (attachment("photo"), "photo", []),
        (attachment("audio_message"), "voice", []),
    ],
)  # fmt: skip
def test_a_file_is_named_and_found_by_its_locator(attached: Json, kind: str, files: list[Any]) -> None:
    said = inbound(event(text="чертёж", attachments=[attached]))
    assert (said.kind, said.text) == (kind, "чертёж")
    assert [(f.name, f.media_type, f.size, f.locator) for f in said.attachments] == [
        (*known, f"vk:{address}") for *known, address in files
    ]
    assert all(file.remote for file in said.attachments)


@pytest.mark.parametrize(
    ("attached", "kind", "field"),
    [
        (attachment("sticker", sticker_id=9), "sticker", ("sticker", "9")),
        (attachment("link", url="https://example.com/a", title="Прайс"), "link", ("link", "Прайс https://example.com/a")),
        (attachment("video", owner_id=7, id=3, title="Дом"), "video", ("video", "Дом https://vk.com/video7_3")),
        (attachment("market", owner_id=-1, id=2, title="М500"), "product", ("product", "М500 https://vk.com/product-1_2")),
        (attachment("wall", from_id=-1, id=4, text="Акция"), "post", ("post", "Акция https://vk.com/wall-1_4")),
        (attachment("something_new"), "something_new", ("something_new", None)),
    ],
)  # fmt: skip
def test_what_is_attached_and_no_file_is_named(attached: Json, kind: str, field: tuple[str, str | None]) -> None:
    said = inbound(event(attachments=[attached]))
    assert (said.kind, said.attachments) == (kind, ())
    assert said.fields.get(field[0]) == field[1]


def test_a_place_says_where() -> None:
    geo = {"type": "point", "coordinates": {"latitude": 55.75, "longitude": 37.61}, "place": {"title": "Москва"}}
    said = inbound(event(geo=geo))
    assert (said.kind, said.fields["location"]) == ("location", "55.75, 37.61; Москва")


def test_what_was_replied_to_and_forwarded_is_kept_beside() -> None:
    quoted: Json = {"reply_message": message("Сколько?"), "fwd_messages": [message("раз"), message("два")]}
    said = inbound(event(text="вот", **quoted))
    assert (said.text, said.fields["reply_to"], said.fields["forwarded"]) == ("вот", "Сколько?", "раз\nдва")
    bare = inbound(event(fwd_messages=[message("раз")]))
    assert (bare.kind, bare.text, bare.fields["forwarded"]) == ("text", "", "раз")


def test_what_is_attached_to_forwarded_messages_is_there_too() -> None:
    photo: Json = {
        "type": "photo",
        "photo": {"sizes": [{"width": 1, "height": 1, "url": "https://sun1.userapi.com/a.jpg"}]},
    }
    innermost = {**message("смета"), "attachments": [photo]}
    said = inbound(event(fwd_messages=[{**message(""), "fwd_messages": [innermost]}, message("посчитайте")]))
    assert (said.kind, said.fields["forwarded"]) == ("text", "смета\nпосчитайте")
    assert [one.locator for one in said.attachments] == ["vk:https://sun1.userapi.com/a.jpg"]


def test_the_start_button_is_a_way_in_by_a_link_and_nothing_without() -> None:
    payload: Json = {"payload": '{"command":"start"}'}
    assert ignored(event(text="Начать", **payload)).reason == "start"
    said = inbound(event(text="Начать", ref="autumn", **payload))
    assert (said.kind, said.text, said.campaign) == ("start", "", {"utm_campaign": "autumn"})
    other = inbound(event(text="Цены", payload='{"button": 1}'))
    assert (other.kind, other.text, other.fields["payload"]) == ("text", "Цены", '{"button": 1}')
    assert inbound(event(text="Цены", payload="{")).text == "Цены"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (event(text="всем", peer_id=2_000_000_279), "group"),
        (event(text="другому сообществу", out=1, peer_id=-5), "own_message"),
        (event("message_reply", message(from_id=-5, out=1)), "own_message"),
        (event(), "empty"),
        (event(action={"type": "chat_photo_update"}, text="x"), "service"),
    ],
)
def test_what_is_no_clients_approach_says_why_and_what_it_was(said: Json, why: str) -> None:
    found = ignored(said)
    assert found.reason == why
    assert found.inbound is not None


def test_what_the_community_answers_is_said_to_the_client_by_whoever_wrote_it_there() -> None:
    found = inbound(event("message_reply", message("Есть", from_id=-GROUP, out=1, admin_author_id=77)))
    assert (found.direction, found.identities, found.written_by) == ("out", (("vk", "7"),), "77")
    assert (found.ref, found.echo) == ("7:5", None)


def test_what_we_have_sent_comes_back_by_the_name_that_we_gave_it_and_from_no_person() -> None:
    word = "00000000-0000-8000-8000-000000000001"
    sent = message("Есть", from_id=-GROUP, out=1, random_id=sending.random_id(word))
    found = inbound(event("message_reply", sent))
    assert (found.echo, found.written_by) == (adapter().comes_back_as(word, "7"), None)
    assert inbound(event("message_edit", sent)).echo == found.echo


# --- several events of one thing ---


def test_an_edit_replaces_the_words_and_keeps_what_they_were() -> None:
    first = inbound(event(text="два куба", ref="autumn"))
    second = inbound(event("message_edit", message("три куба", update_time=DATE + 60)))
    third = inbound(event("message_edit", message("четыре куба", update_time=DATE + 90)))
    assert first.ref == second.ref
    for order in ([first, second, third], [third, first, second]):
        said = adapter().fold(order)
        assert (said.text, said.at, said.campaign) == ("четыре куба", first.at, {"utm_campaign": "autumn"})
        assert said.fields["before_edit"] == "два куба\nтри куба"


def test_a_message_that_was_read_again_is_the_same_one() -> None:
    first = inbound(event(text="раз"))
    body = json.dumps(event(text="раз")).encode()
    again = adapter().parse(Envelope("vk", "1", body, NOW, {"caught_up": "true"}))
    assert isinstance(again, Inbound)
    assert again.fields["caught_up"] == "true"
    said = adapter().fold([first, again])
    assert (said.text, said.ref) == ("раз", first.ref)
    assert "before_edit" not in said.fields


# --- forms, signals, the rest ---


def form(*answers: tuple[str, str, Any], **more: Any) -> Json:
    given_ = [{"key": key, "question": question, "answer": answer} for key, question, answer in answers]
    what = {"lead_id": 3, "form_id": 1, "form_name": "Заказ", "user_id": 7, "answers": given_, **more}
    return {"type": "lead_forms_new", "object": what}


def test_a_form_says_who_how_to_reach_him_and_what_he_answered() -> None:
    said = inbound(
        form(
            ("first_name", "Имя", "Иван"),
            ("last_name", "Фамилия", "Петров"),
            ("phone_number", "Телефон", "+7 912 345-67-89"),
            ("email", "Почта", "ivan@example.com"),
            ("location", "Город", "Саратов"),
            ("custom_0", "Марка", "М500"),
            ("custom_1", "Доставка", ["До подъезда", "С подъёмом"]),
            ("custom_2", "Ещё", None),
        )
    )
    assert (said.kind, said.subject, said.name, said.city) == ("form", "Заказ", "Иван Петров", "Саратов")
    assert (said.phones, said.emails) == (("+7 912 345-67-89",), ("ivan@example.com",))
    assert said.identities == (("vk", "7"),)
    assert said.text == "Марка: М500\nДоставка: До подъезда, С подъёмом"
    assert said.fields == {"form_id": "1", "lead_id": "3", "Марка": "М500", "Доставка": "До подъезда, С подъёмом"}
    assert said.ref == "form:3"
    assert inbound(form(user_id=0)).identities == ()


def test_an_order_in_the_shop_says_who_what_and_where_to() -> None:
    order = {
        "id": 12, "group_id": 1, "user_id": 7, "date": DATE, "status": 0, "items_count": 2, "display_order_id": "7-12",
        "total_price": {"amount": "90000", "text": "900 ₽"}, "comment": "Позвоните заранее",
        "recipient": {"name": "Иван Петров", "phone": "79123456789", "display_text": "Иван Петров, 79123456789"},
        "delivery": {"type": "Курьер", "address": "Саратов, Мира 1"},
        "preview_order_items": [{"owner_id": -1, "item_id": 2, "quantity": 3, "item": {"title": "Цемент М500"}}],
    }  # fmt: skip
    said = inbound({"type": "market_order_new", "object": order})
    assert (said.kind, said.name, said.phones, said.identities) == (
        "order",
        "Иван Петров",
        ("79123456789",),
        (("vk", "7"),),
    )
    assert said.text == "Позвоните заранее\nЦемент М500 × 3"
    assert (said.ref, said.at) == ("order:12", datetime.fromtimestamp(DATE, tz=NOW.tzinfo))
    assert said.fields == {
        "order_id": "7-12",
        "total_price": "900 ₽",
        "items_count": "2",
        "address": "Саратов, Мира 1",
        "delivery": "Курьер",
    }
    least = inbound({"type": "market_order_new", "object": {"id": 12}})
    assert (least.text, least.name, least.phones, least.at) == ("", None, (), None)


def test_leave_to_write_and_buttons_are_signals_that_no_other_kind_has() -> None:
    kinds = {"message_allow": "allowed", "message_deny": "denied", "message_event": "pressed"}
    for kind, signal in kinds.items():
        found = parse({"type": kind, "object": {"user_id": 7, "key": "k", "payload": {"a": 1}}})
        assert found == Signal(signal, {"identity": "7", "key": "k", "payload": '{"a": 1}'})


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("wall_post_new", "wall"), ("wall_repost", "wall"), ("like_add", "like"), ("group_join", "community"),
        ("user_block", "community"), ("message_typing_state", "presence"), ("message_read", "presence"),
        ("message_reaction_event", "reaction"), ("photo_new", "upload"), ("poll_vote_new", "vote"),
        ("vkpay_transaction", "payment"), ("market_order_edit", "order"), ("something_of_tomorrow", "unsupported"),
    ],
)  # fmt: skip
def test_whatever_else_happens_in_a_community_is_ignored_by_name(kind: str, why: str) -> None:
    assert ignored({"type": kind, "object": {"from_id": 7, "text": "x"}}) == Ignored(why)


def test_a_comment_is_ignored_and_can_be_called_an_approach() -> None:
    what = {"id": 1, "from_id": 7, "date": DATE, "text": "Сколько стоит?"}
    for kind in ("wall_reply_new", "board_post_new", "market_comment_new", "photo_comment_new", "video_comment_new"):
        found = ignored({"type": kind, "object": what})
        assert found.reason == "comment"
        assert found.inbound is not None
        assert (found.inbound.text, found.inbound.identities) == ("Сколько стоит?", (("vk", "7"),))
    assert ignored({"type": "wall_reply_new", "object": what | {"from_id": -5}}).inbound is None


@pytest.mark.parametrize(
    "broken", [[], {}, {"type": "message_new"}, {"type": "message_new", "object": {"message": {}}}]
)
def test_what_has_not_the_shape_of_its_type_fails_and_is_kept(broken: Any) -> None:
    with pytest.raises((LookupError, TypeError)):
        adapter().parse(Envelope("vk", None, json.dumps(broken).encode(), NOW))
    assert identity(broken) is None


# --- samples ---


def sample(name: str) -> Any:
    if not SAMPLES.is_dir():
        pytest.skip("the samples are not here")
    return json.loads((SAMPLES / name).read_text(encoding="utf-8"))


def test_the_sample_of_a_message_says_it() -> None:
    said = inbound(sample("callback_message_minimal.json"))
    assert (said.kind, said.text) == ("text", "Что делать, если КОИБ не включается?")
    assert (said.identities, said.ref) == ((("vk", "123"),), "123:1")


def test_the_sample_of_a_form_says_it() -> None:
    said = inbound(sample("lead_forms_new.json"))
    assert (said.kind, said.subject, said.name) == ("form", "Оформить заказ", "Ivan Ivanov")
    assert (said.phones, said.identities) == (("+7 (800) 555-35-35",), (("vk", "111111111"),))
    assert said.fields["Ваш заказ в виде «ссылка или артикул — количество»"] == "29128569"
    assert "Доставка: До подъезда (100 ₽)" in said.text


def test_the_sample_of_a_photo_in_a_conversation_of_many_is_ignored_and_says_it() -> None:
    (one,) = sample("longpoll_photo.json")["updates"]
    found = ignored(one)
    assert found.reason == "group"
    assert found.inbound is not None
    assert (found.inbound.kind, found.inbound.text) == ("photo", "Чувак могёт ракетами кидаться")
    assert found.inbound.identities == (("vk", "100000284"),)
    (file,) = found.inbound.attachments
    assert (file.locator or "").endswith("/w.jpg")


def test_the_samples_of_a_post_and_a_message_without_a_name_say_it() -> None:
    post, one = sample("longpoll_wall_post_and_message.json")["updates"]
    assert ignored(post).reason == "wall"
    said = inbound(one)
    assert (said.text, said.identities, said.ref) == ("test", (("vk", "1"),), "1:1234")
    assert identity(one) is None


def test_the_samples_of_confirmation_are_answered_as_they_say() -> None:
    for case in sample("callback_confirmation_cases.json")["cases"]:
        config = {"mode": "callback", "confirmation": "confirmation_123456", "secret": case["secret"]}
        made = adapter(**{name: value for name, value in config.items() if value is not None})
        request = called(case["body"].encode())
        if case["answer"].startswith("rejected"):
            with pytest.raises(Rejected) as refused:
                made.receive(request)
            assert refused.value.status == (401 if "secret" in case["answer"] else 400)
        else:
            assert made.receive(request) == ()
            assert made.answer(request, []).body == case["answer"].encode()


# --- the callback ---


def called(body: bytes, method: str = "POST") -> Request:
    return Request(method, "", {}, CIMultiDict(), body, NOW)


def call(said: Json, **config: Any) -> list[Envelope]:
    made = adapter(**{**CALLBACK, **config})
    return list(made.receive(called(json.dumps(said).encode())))


def test_an_event_is_kept_without_its_secret_and_answered_by_ok_alone() -> None:
    said = event(text="Нужен цемент") | {"group_id": GROUP, "secret": SECRET}
    (kept,) = call(said)
    assert json.loads(kept.body) == {name: value for name, value in said.items() if name != "secret"}
    assert SECRET.encode() not in kept.body
    assert (kept.identity, kept.naming, kept.received_at) == ("e1", "provider", NOW)
    answer = adapter(**CALLBACK).answer(called(b"{}"), [Accepted("1", duplicate=False)])
    assert (answer.status, answer.body) == (200, b"ok")


def test_one_event_has_one_name_whichever_way_it_came() -> None:
    said = event(text="раз")
    (kept,) = call(said | {"secret": SECRET})
    assert kept.identity == identity(said) == "e1"
    (unnamed,) = call({name: value for name, value in said.items() if name != "event_id"} | {"secret": SECRET})
    assert (unnamed.identity, unnamed.naming) == (None, "derived")
    assert unnamed.digest


@pytest.mark.parametrize("secret", [None, "", "guess", 5, ["s"], SECRET + "1", "\ud800"])
def test_a_call_without_the_secret_is_not_proved(secret: Any) -> None:
    for said in (event(text="раз"), {"type": "confirmation", "group_id": GROUP}):
        with pytest.raises(Rejected) as refused:
            call(said if secret is None else said | {"secret": secret})
        assert (refused.value.status, refused.value.code) == (401, "not_proved")
        assert SECRET not in str(refused.value)


def test_a_community_that_says_no_secret_is_asked_for_none() -> None:
    assert len(call(event(text="раз"), secret=None)) == 1


@pytest.mark.parametrize(
    ("method", "body", "status"),
    [
        ("GET", b"", 405), ("POST", b"", 400), ("POST", b"nothing", 400), ("POST", b"[]", 400), ("POST", b'{"type": 1}', 400),
        ("POST", b"\xff", 400), ("POST", b'{"type":"a","object":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
    ],
)  # fmt: skip
def test_what_is_no_call_of_vk_is_refused(method: str, body: bytes, status: int) -> None:
    with pytest.raises(Rejected) as refused:
        adapter(**CALLBACK).receive(called(body, method))
    assert refused.value.status == status


def test_nobody_calls_a_community_that_is_polled() -> None:
    with pytest.raises(Rejected) as refused:
        adapter().receive(called(b"{}"))
    assert refused.value.status == 404
    assert adapter().listens()
    assert not adapter(**CALLBACK).listens()


def test_half_a_character_is_kept_and_costs_nothing() -> None:
    body = b'{"type":"message_new","secret":"%s","object":{"message":{"id":1,"from_id":7,"peer_id":7,"date":1,"text":"a\\ud83d"}}}'
    (kept,) = adapter(**CALLBACK).receive(called(body % SECRET.encode()))
    said = adapter().parse(kept)
    assert isinstance(said, Inbound)
    assert said.text == "a\ud83d"


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["message_new", "message_edit", "lead_forms_new", "wall_reply_new", "message_allow", "x"]),
    st.dictionaries(
        st.sampled_from(["message", "from_id", "peer_id", "date", "id", "text", "attachments", "geo", "payload", "answers"]),
        ANY,
        max_size=6,
    ),
    ANY,
)  # fmt: skip
def test_any_event_is_stored_and_then_read_or_failed(kind: str, what: Json, name: Any) -> None:
    (kept,) = call({"type": kind, "object": what, "event_id": name, "secret": SECRET})
    try:
        said = adapter().parse(kept)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, OSError):
        return
    assert isinstance(said, Inbound | Ignored | Signal)


# --- what is fetched ---


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://sun9-1.userapi.com/a.jpg", True), ("https://vk.com/doc1_2", True), ("https://VK.COM./doc", True),
        ("http://vk.com/doc1_2", False), ("https://vk.com.evil.example/a", False), ("https://evilvk.com/a", False),
        ("https://127.0.0.1/a", False), ("file:///etc/passwd", False), ("https://vk.com@evil.example/a", False),
        ("http://127.0.0.1:99/a", False), ("http://127.0.0.1:98/a", True),
    ],
)  # fmt: skip
def test_files_are_fetched_from_vk_alone(address: str, kept: bool) -> None:
    assert is_kept_at_vk(address, "http://127.0.0.1:98") is kept


# --- the configuration ---


def test_the_kind_is_found_by_its_name() -> None:
    assert load("vk").Config is Config


def write(entry: str) -> str:
    return SMALL.replace("channels: {", f"channels: {{vk: {{kind: vk, {entry}}}, ")


def test_an_entry_of_the_yaml_is_read(tmp_path: Path) -> None:
    text = write(
        "token: '${T}', group_id: 5, mode: callback, confirmation: c0de, secret: '${S}', api_base: 'http://127.0.0.1:9/'"
    )
    found = configured(tmp_path, text, {"T": TOKEN, "S": SECRET}).channels["vk"]
    assert isinstance(found, Config)
    assert (found.group_id, found.mode, found.confirmation, found.api_base) == (
        5,
        "callback",
        "c0de",
        "http://127.0.0.1:9",
    )
    assert TOKEN not in repr(found)
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("group_id: 5", "channels.vk: polls without a token; add token: ${VK_TOKEN}, an access key of the community"),
        ("group_id: 5, mode: callback", "channels.vk: takes calls without a confirmation; add confirmation: the code that VK"),
        ("token: '${T}'", "channels.vk.group_id: is missing"),
        (
            "group_id: 5, mode: callback, confirmation: c0de",
            "channels.vk.mode: warning: takes calls without a secret: whoever knows the address can send events; add secret",
        ),
        ("token: '${T}', group_id: public5", "channels.vk.group_id: 'public5' is no number of a community; write the digits"),
        ("token: '${T}', group_id: -5", "channels.vk.group_id: '-5' is no number of a community"),
        ("token: '${E}', group_id: 5", "channels.vk.token: the value is no access key; make one in the community"),
        ("token: '${T}', group_id: 5, mode: polling", "channels.vk.mode: 'polling' is not known here"),
        ("token: '${T}', group_id: 5, secret: '${E}'", "channels.vk.secret: the value is no secret key that VK takes"),
        ("token: '${T}', group_id: 5, api_base: vk", "channels.vk.api_base: 'vk' is no address of a server"),
        ("token: '${T}', group_id: 5, api_version: '5.92'", "channels.vk.api_version: '5.92' is no version of the API"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_entry_is_said_with_its_remedy(entry: str, fault: str, tmp_path: Path) -> None:
    found = faults(tmp_path, write(entry), {"T": TOKEN, "E": "no key"})
    assert any(fault in one for one in found), found
    assert not any("no key" in one for one in found)


def test_a_secret_in_the_file_is_a_warning(tmp_path: Path) -> None:
    found = loaded(tmp_path, write(f"token: {TOKEN}, group_id: 5"))
    assert any("token" in str(fault) for fault in found.faults)
    assert not any(TOKEN in str(fault) for fault in found.faults)


# --- the contract of all kinds ---


def proved(document: Document) -> Request:
    """A call of the Callback API: the event, with the secret in it where it is an object."""
    try:
        said = json.loads(document.body)
    except (ValueError, RecursionError):
        return called(document.body)
    return called(json.dumps(said | {"secret": SECRET}).encode() if isinstance(said, dict) else document.body)


def forged(document: Document) -> list[Request]:
    """The same without the secret, and with others."""
    said = json.loads(document.body)
    wrong: Sequence[Json] = ({}, {"secret": ""}, {"secret": SECRET.upper()}, {"secret": None}, {"secret": [SECRET]})
    return [called(json.dumps(said | one).encode()) for one in wrong]


def subjects() -> Sequence[Subject]:
    """A community that VK calls, and events of every kind that is read."""
    geo = {"coordinates": {"latitude": 55.75, "longitude": 37.61}, "place": {"title": "Москва"}}
    events = [
        event(text="Нужен цемент", ref="autumn", ref_source="site"),
        event("message_edit", message("Нужен бетон", update_time=DATE + 60)),
        event("message_reply", message("Есть", conversation_message_id=30, from_id=-GROUP, out=1, admin_author_id=77)),
        event(
            conversation_message_id=21,
            attachments=[attachment("photo", sizes=SIZES), attachment("sticker", sticker_id=9)],
        ),
        event(
            conversation_message_id=29,
            text="вот",
            attachments=[attachment("doc", title="a.pdf", ext="pdf", size=5, url="https://vk.com/doc7_1")],
        ),
        event(conversation_message_id=22, geo=geo, reply_message=message("Сколько?"), fwd_messages=[message("раз")]),
        event(conversation_message_id=23, text="Начать", payload='{"command":"start"}'),
        event(conversation_message_id=24, text="всем", peer_id=2_000_000_279),
        form(("first_name", "Имя", "Иван"), ("phone_number", "Телефон", "+7 912 345-67-89"), ("c", "Марка", ["М500"])),
        event("message_allow", {"user_id": 7, "key": "k"}),
        event("message_event", {"user_id": 7, "payload": {"a": 1}}),
        event("wall_reply_new", {"id": 1, "from_id": 7, "date": DATE, "text": "Сколько стоит?"}),
        event("like_add", {"liker_id": 7}),
    ]
    said = [Document(json.dumps(one | {"event_id": f"e{n}"}).encode()) for n, one in enumerate(events)]
    return [
        Subject("vk", "vk", lambda: adapter(**CALLBACK), said, proved, forged, secrets=(SECRET, TOKEN)),
    ]
