"""Web forms: what is taken, how it is named, what it says, and what a browser is shown."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict
from pydantic import ValidationError

from channels.adapter import Rejected, kinds, load
from channels.message import Accepted, Answer, Envelope, Ignored, Inbound, Request
from channels.webform import Adapter, Config
from tests.channels.subjects import Document, Subject

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples" / "webforms"
NOW = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)
URLENCODED = "application/x-www-form-urlencoded"
BROWSER: dict[str, Any] = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PNG = b"\x89PNG\r\n\x1a\n\x00\r\n--B\r\n\xff\xfe\n--Bx\r\n--Bxy\r\n\r\n"


def adapter(name: str = "site", **config: Any) -> Adapter:
    return Adapter(name, Config(kind="webform", **config), secret=b"k" * 32, language="ru")


def post(body: bytes | str, content_type: str | None = "application/json", **headers: str) -> Request:
    return request("POST", body.encode() if isinstance(body, str) else body, content_type, headers)


def request(
    method: str,
    body: bytes,
    content_type: str | None,
    headers: Mapping[str, str],
    query: Mapping[str, str] | None = None,
    *,
    at: datetime = NOW,
) -> Request:
    known = {} if content_type is None else {"Content-Type": content_type}
    spelled = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method, "", query or {}, CIMultiDict({**known, **spelled}), body, at, "203.0.113.7")


def envelope(of: Request, **config: Any) -> Envelope:
    (only,) = adapter(**config).receive(of)
    return only


def inbound(of: Request, **config: Any) -> Inbound:
    parsed = adapter(**config).parse(envelope(of, **config))
    assert isinstance(parsed, Inbound)
    return parsed


def form(**values: str) -> Request:
    return post(urlencode(values), URLENCODED)


def multipart(*parts: tuple[str, bytes], boundary: str = "Bx", **headers: str) -> Request:
    """A body of parts given as (the rest of the disposition with further headers, content)."""
    body = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n"
        for head, content in parts
    )
    return post(body + f"--{boundary}--\r\n".encode(), f'multipart/form-data; boundary="{boundary}"', **headers)


def refusal(of: Request, **config: Any) -> tuple[int, str]:
    with pytest.raises(Rejected) as refused:
        adapter(**config).receive(of)
    return refused.value.status, refused.value.code


class _Inputs(HTMLParser):
    """The names and values that a browser would send, before anybody types."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag in {"input", "textarea"} and known.get("type") not in {"checkbox", "file"}:
            self.values[known["name"] or ""] = known.get("value") or ""


def inputs(answer: Answer) -> dict[str, str]:
    reader = _Inputs()
    reader.feed(answer.body.decode())
    return reader.values


def hosted(query: Mapping[str, str] | None = None, at: datetime = NOW, **config: Any) -> dict[str, str]:
    return inputs(adapter(**config).page(request("GET", b"", None, {}, query, at=at)))


def submitted(values: Mapping[str, str], after: float = 30, **headers: str) -> Request:
    return request("POST", urlencode(values).encode(), URLENCODED, headers, at=NOW + timedelta(seconds=after))


# --- what is taken ---


def test_the_kind_is_found_by_its_name() -> None:
    assert "webform" in kinds()
    assert load("webform").Adapter is Adapter


@pytest.mark.parametrize("content_type", ["application/json", "text/json; charset=utf-8", "application/ld+json", None])
def test_json_is_read_under_any_of_its_names_and_without_one(content_type: str | None) -> None:
    said = inbound(post('{"name": "Анна", "phone": "8 912 345-67-89", "message": "  Привет\\n"}', content_type))
    assert (said.name, said.phones, said.text) == ("Анна", ("8 912 345-67-89",), "  Привет\n")


@pytest.mark.parametrize("content_type", [URLENCODED, f"{URLENCODED}; charset=UTF-8", None])
def test_an_urlencoded_form_is_read_percent_encoded_and_raw(content_type: str | None) -> None:
    said = inbound(post("name=Анна&phone=%2B79123456789&message=" + quote("два слова"), content_type))
    assert (said.name, said.phones, said.text) == ("Анна", ("+79123456789",), "два слова")


def test_json_that_curl_calls_urlencoded_is_read_as_json() -> None:
    assert inbound(post('{"name": "Анна"}', URLENCODED)).name == "Анна"


def test_a_brace_that_begins_no_json_stays_an_urlencoded_form() -> None:
    assert inbound(post("{x=1&name=Anna", URLENCODED)).fields == {"{x": "1"}


@pytest.mark.parametrize(
    ("body", "content_type", "refused"),
    [
        ('{"name":', "application/json", (400, "invalid_json")),
        (b'{"name": "\xc0\xed\xed\xe0"}', "application/json; charset=windows-1251", (400, "invalid_json")),
        ("", "application/json", (400, "invalid_json")),
        ('["name"]', "application/json", (422, "not_an_object")),
        ("name=Anna", f"{URLENCODED}; charset=rot13", (400, "unknown_charset")),
        ("name=Anna", "text/plain", (415, "unsupported_media_type")),
        ("--B--", "multipart/form-data", (400, "invalid_multipart")),
        ("--B\r\nContent-Disposition: form-data", "multipart/form-data; boundary=B", (400, "invalid_multipart")),
        ("--B\r\nno empty line\r\n--B--", "multipart/form-data; boundary=B", (400, "invalid_multipart")),
    ],
)
def test_what_is_not_readable_as_its_content_type_is_refused(
    body: bytes | str, content_type: str, refused: tuple[int, str]
) -> None:
    assert refusal(post(body, content_type)) == refused


def test_a_get_is_no_submission() -> None:
    assert refusal(request("GET", b"", None, {}, {"phone": "+79123456789"})) == (405, "method_not_allowed")


def test_a_form_with_nothing_to_reach_anybody_by_is_taken_all_the_same() -> None:
    assert inbound(post("{}")) == Inbound(kind="form")


def test_the_body_is_kept_verbatim_and_its_surroundings_beside_it() -> None:
    body = '{"name": "Анна"}'
    kept = envelope(
        replace(
            post(body, Origin="https://example.com", Referer="https://example.com/cement", User_Agent="Firefox"),
            query={"utm_source": "vk", "token": "secret"},
            cut=("план.pdf",),
        )
    )
    assert kept.body == body.encode()
    assert kept.meta == {
        "content_type": "application/json",
        "origin": "https://example.com",
        "referer": "https://example.com/cement",
        "user_agent": "Firefox",
        "remote": "203.0.113.7",
        "query": "utm_source=vk",
        "cut": "план.pdf",
    }


# --- how a delivery is named ---


def test_the_idempotency_key_names_the_delivery_whatever_the_body() -> None:
    one = envelope(post('{"name": "Анна"}', Idempotency_Key="order-1"))
    other = envelope(post('{"name": "Борис"}', Idempotency_Key="order-1"))
    assert one.identity == other.identity == "key:order-1"
    assert one.digest != other.digest


def test_a_submission_id_names_the_delivery_together_with_its_body() -> None:
    one = envelope(post('{"name": "Анна", "submission_id": "1"}'))
    again = envelope(post('{"name": "Анна", "submission_id": "1"}'))
    other = envelope(post('{"name": "Борис", "submission_id": "1"}'))
    assert one.identity == again.identity != other.identity
    assert one.naming == "provider"


def test_without_either_the_delivery_has_no_name_but_a_digest() -> None:
    one, again = envelope(form(name="Анна", submission_id="")), envelope(form(name="Анна", submission_id=""))
    assert one.identity is None
    assert one.digest == again.digest != envelope(form(name="Борис", submission_id="")).digest


@pytest.mark.parametrize("key", ["k" * 256, "a\0b", "a\udcffb", "ключ" * 100])
def test_an_odd_idempotency_key_still_names_the_delivery(key: str) -> None:
    identity = envelope(post("{}", Idempotency_Key=key)).identity
    assert identity is not None
    assert identity.isprintable()
    assert len(identity) <= 255
    assert identity != envelope(post("{}", Idempotency_Key=key + "x")).identity


def test_a_multipart_sent_again_with_another_boundary_has_the_same_digest() -> None:
    parts = (('name="name"', "Анна".encode()), ('name="file"; filename="a.png"', PNG))
    one, again = (envelope(multipart(*parts, boundary=boundary)) for boundary in ("Bx1", "Bx22"))
    other = envelope(multipart(parts[0], (parts[1][0], PNG + b"!"), boundary="Bx1"))
    assert one.digest == again.digest != other.digest


def test_a_key_that_the_journal_knows_with_another_body_is_refused() -> None:
    with pytest.raises(Rejected) as refused:
        adapter().answer(post("{}"), [Accepted("id", duplicate=True, conflict=True)])
    assert (refused.value.status, refused.value.code) == (422, "idempotency_conflict")


# --- what the fields mean ---


def test_every_field_of_the_contract_finds_its_place() -> None:
    said = inbound(
        form(
            name="Анна",
            phone="+79123456789",
            email="anna@example.com",
            message="Нужен цемент",
            subject="Цемент",
            company="ООО Ромашка",
            city="Саратов",
            consent="yes",
            page="https://example.com/cement",
            utm_source="vk",
            utm_own="7",
            volume="20 т",
        )
    )
    assert said.consent is not None
    assert replace(said, consent=None) == Inbound(
        kind="form",
        text="Нужен цемент",
        subject="Цемент",
        name="Анна",
        phones=("+79123456789",),
        emails=("anna@example.com",),
        company="ООО Ромашка",
        city="Саратов",
        page="https://example.com/cement",
        campaign={"utm_source": "vk", "utm_own": "7"},
        fields={"volume": "20 т"},
    )


@pytest.mark.parametrize(
    ("field", "place"),
    [
        *[(name, "name") for name in ("NAME", "your-name", "No Label name", "Ваше имя", "ФИО", "full_name", "Name_2")],
        *[(name, "phones") for name in ("Phone", "your-tel", "tel-123", "Телефон*", "phone[]", "data[phone]", "Тел.:")],
        *[(name, "emails") for name in ("Email", "your-email", "E-mail", "Почта", "form_fields[email]", "email-7")],
        *[(name, "text") for name in ("Comments", "your-message", "Сообщение", "Комментарий", "textarea-1", "text")],
        *[
            (name, "phones")
            for name in ("Телефон (WhatsApp)", "user_phone", "billing[phone]", "contacts[0][phone]", "formPhone")
        ],
        *[(name, "emails") for name in ("E-mail адрес", "customer_email", "form_data[email]", "data[contact][email]")],
        *[(name, "name") for name in ("Ваше имя и фамилия", "Контактное лицо", "ФИО клиента")],
        *[(name, "city") for name in ("Город", "Ваш город", "CITY")],
        *[(name, "company") for name in ("Компания", "companyName")],
        *[(name, "subject") for name in ("Тема", "your-subject")],
    ],
)
def test_a_field_is_known_by_the_names_that_sites_give_it(field: str, place: str) -> None:
    said = inbound(form(**{field: "a@1234567"}))
    found = getattr(said, place)
    assert found in {"a@1234567", ("a@1234567",)}
    assert said.fields == {}


@pytest.mark.parametrize("field", ["form_name", "form[name]", "payload.name", "text-456", "телефонист", "username"])
def test_a_field_that_only_resembles_a_known_one_stays_a_field(field: str) -> None:
    said = inbound(form(**{field: "x"}))
    assert said.fields == {field: "x"}


def test_the_message_is_verbatim_and_other_texts_stay_fields() -> None:
    said = inbound(form(comment="позвоните", message=" <b>Привет</b>\r\n\tмир "))
    assert said.text == " <b>Привет</b>\r\n\tмир "
    assert said.fields == {"comment": "позвоните"}


def test_an_empty_message_gives_way_to_a_text_under_another_name() -> None:
    assert inbound(form(message="", Comments="позвоните")).text == "позвоните"


def test_every_phone_and_every_address_counts() -> None:
    body = {
        "phone": ["8 912 345-67-89", 79161234567, None],
        "Телефон": "+7 495 123-45-67, доб. 12",
        "phones": [{"number": "84951112233; 84951112244"}],
        "email": "a@example.com, b@example.com",
    }
    said = inbound(post(json.dumps(body)))
    assert said.phones == (
        *("8 912 345-67-89", "79161234567", "+7 495 123-45-67, доб. 12"),
        *("84951112233", "84951112244"),
    )
    assert said.emails == ("a@example.com", "b@example.com")


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"Имя": "Анна", "Фамилия": "Петрова"}, "Анна Петрова"),
        ({"first_name": "Анна", "last_name": "Петрова"}, "Анна Петрова"),
        ({"Фамилия": "Петрова", "Отчество": "Ивановна", "Имя": "Анна"}, "Анна Ивановна Петрова"),
        ({"name": "Анна Петрова", "last_name": "Петрова"}, "Анна Петрова"),
        ({"name": "Анна Петрова", "first_name": "Анна", "last_name": "Петрова"}, "Анна Петрова"),
        ({"Имя": "Лилия", "Фамилия": "Ли"}, "Лилия Ли"),
        ({"Фамилия": "Петрова"}, "Петрова"),
        ({"name": "  "}, None),
    ],
)
def test_a_name_in_several_fields_becomes_one(body: Mapping[str, str], name: str | None) -> None:
    assert inbound(post(json.dumps(body))).name == name


@pytest.mark.parametrize(
    "body",
    [
        {"fields": [{"name": "phone", "value": "89123456789"}, {"name": "name", "value": "Анна"},
                    {"name": "Цвет", "value": "белый"}]},
        {"fields": [{"label": "Телефон", "name": "f1", "value": "89123456789"}, {"label": "Имя", "value": ["Анна"]},
                    {"label": "Цвет", "value": "белый"}]},
        {"user_column_data": [{"column_id": "PHONE_NUMBER", "string_value": "89123456789"},
                              {"column_id": "FULL_NAME", "string_value": "Анна", "column_name": "Full Name"},
                              {"column_id": "Цвет", "string_value": "белый"}]},
        {"field_data": [{"name": "full_name", "values": ["Анна"]}, {"name": "phone_number", "values": ["89123456789"]},
                        {"name": "Цвет", "values": ["белый"]}]},
        {"answers": [{"q": "Цвет", "a": "белый"}], "contacts": {"name": "Анна", "phone": "89123456789"}},
    ],
    ids=["names", "labels", "google", "facebook", "marquiz"],
)  # fmt: skip
def test_a_list_of_fields_is_read_by_the_names_within(body: Mapping[str, Any]) -> None:
    said = inbound(post(json.dumps(body)))
    assert (said.name, said.phones, said.fields) == ("Анна", ("89123456789",), {"Цвет": "белый"})


def test_values_that_are_no_text_become_one() -> None:
    body = {
        "phone": 79161234567.0,
        "area": 12.5,
        "urgent": True,
        "note": None,
        "goods": ["цемент", 2],
        "car": {"year": 2020, "owners": [{"n": 1}]},
    }
    said = inbound(post(json.dumps(body)))
    assert said.phones == ("79161234567",)
    assert said.fields == {
        "area": "12.5",
        "urgent": "true",
        "note": "",
        "goods": "цемент, 2",
        "car.year": "2020",
        "car.owners.0.n": "1",
    }


def test_nesting_beyond_the_bound_is_kept_cut() -> None:
    deep = '{"a":' * 900 + "1" + "}" * 900
    assert inbound(post(f'{{"name": "Анна", "x": {deep}}}')).name == "Анна"
    shallow = '{"a":' * 12 + "1" + "}" * 12
    assert list(inbound(post(shallow)).fields.values()) == ['{"a":{"a":{"a":{"a":1}}}}']


def test_fields_and_values_beyond_the_bounds_are_kept_cut() -> None:
    said = inbound(form(**{f"f{number}": "x" for number in range(2_000)}, name="x"))
    assert len(said.fields) == 1_000
    said = inbound(post(json.dumps({"message": "x" * 200_000, "name": "y" * 2_000, "z" * 900: 1})))
    assert (len(said.text), len(said.name or "")) == (100_000, 500)
    assert list(said.fields) == ["z" * 200]


@pytest.mark.parametrize("charset", ["windows-1251", "koi8-r", "cp866", "utf-8"])
def test_the_charset_of_a_form_is_honoured(charset: str) -> None:
    urlencoded = post(urlencode({"Имя": "Анна Ёлкина"}, encoding=charset), f"{URLENCODED}; charset={charset}")
    assert inbound(urlencoded).name == "Анна Ёлкина"
    part = (f'name="name"\r\nContent-Type: text/plain; charset="{charset.upper()}"', "Анна Ёлкина".encode(charset))
    assert inbound(multipart(part)).name == "Анна Ёлкина"


def test_a_form_of_a_page_in_windows_1251_is_read_without_its_saying_so() -> None:
    urlencoded = inbound(post(urlencode({"Имя": "Пётр", "Телефон": "89123456789"}, encoding="cp1251"), URLENCODED))
    assert (urlencoded.name, urlencoded.phones) == ("Пётр", ("89123456789",))
    said = inbound(
        multipart(('name="name"', "Пётр".encode("cp1251")), ('name="f"; filename="a.bin"', b"\xd0\x9f" * 50))
    )
    assert (said.name, said.attachments[0].content) == ("Пётр", b"\xd0\x9f" * 50)


def test_bytes_that_are_no_text_become_replacement_characters() -> None:
    assert inbound(post(b"name=%C0%81\xff%00x", URLENCODED)).name == "\ufffd\ufffd\ufffdx"
    assert inbound(post("name=Анна%D0&message=%FF%FF%FF", URLENCODED)).name == "Анна\ufffd"
    assert inbound(multipart(('name="name"', b"A\xff\0"))).name == "A\ufffd"


def test_json_with_a_byte_order_mark_half_an_emoji_or_nul_is_read() -> None:
    body = b'\xef\xbb\xbf{"name": "\\ud83d\\ude00 \\ud83d \\\\ud83d", "message": "a\\u0000b"}'
    said = inbound(post(body))
    assert (said.name, said.text) == ("😀 \ufffd \\ud83d", "ab")
    lone = inbound(post(b'{"name": "\\\\ud83d\\ude00", "message": "\\ude00\\ud83d\\ud83d\\ude00\\"\\ud83d"}'))
    assert (lone.name, lone.text) == ("\\ud83d\ufffd", '\ufffd\ufffd😀"\ufffd')


@pytest.mark.parametrize(
    ("name", "value", "phones", "emails", "kept"),
    [
        ("contact", "+7 (912) 345-67-89", ("+7 (912) 345-67-89",), (), None),
        ("Ваш телефон или почта", "anna@example.com", (), ("anna@example.com",), None),
        ("Телефон / E-mail", "8 912 345-67-89", ("8 912 345-67-89",), (), None),
        ("contact", "@anna", (), (), "@anna"),
        ("Контакт", "Анна Петрова", (), (), "Анна Петрова"),
        ("contact", "t.me/anna1234567", (), (), "t.me/anna1234567"),
    ],
)
def test_a_field_for_a_phone_or_an_address_is_read_by_what_is_in_it(
    name: str, value: str, phones: tuple[str, ...], emails: tuple[str, ...], kept: str | None
) -> None:
    said = inbound(form(**{name: value}))
    assert (said.phones, said.emails, said.fields.get(name)) == (phones, emails, kept)


def test_a_list_of_fields_that_php_has_numbered_is_read_by_the_names_within() -> None:
    numbered = {
        "1": {"name": "Имя", "value": "Анна"},
        "7": {"name": "Телефон", "value": "8 912 345-67-89", "type": "phone"},
    }
    said = inbound(post(json.dumps({"fields": numbered, "car": {"name": "Lada", "value": 5}})))
    assert (said.name, said.phones) == ("Анна", ("8 912 345-67-89",))
    assert said.fields == {"car.name": "Lada", "car.value": "5"}


# --- where they came from ---


def test_campaign_marks_are_taken_from_fields_first_then_page_then_referrer() -> None:
    page = "https://example.com/?utm_source=page&utm_medium=cpc&yclid=1&x=2"
    referrer = "https://example.org/?utm_source=old&utm_term=t&gclid=g&yclid=0"
    said = inbound(form(utm_source="field", page=page, referrer=referrer))
    assert said.campaign == {"utm_source": "field", "yclid": "1", "gclid": "g"}
    assert (said.page, said.referrer) == (page, referrer)
    assert inbound(form(page=page)).campaign == {"utm_source": "page", "utm_medium": "cpc", "yclid": "1"}
    assert inbound(form(name="x", referrer=referrer)).campaign["utm_term"] == "t"


def test_campaign_marks_of_the_request_and_of_the_page_that_sent_it_count() -> None:
    sent = post("{}", Referer="https://example.com/?_ym_uid=5&utm_source=page")
    assert inbound(sent).campaign == {"_ym_uid": "5", "utm_source": "page"}
    assert inbound(sent).page == "https://example.com/?_ym_uid=5&utm_source=page"
    assert inbound(replace(sent, query={"UTM_Source": "яндекс"})).campaign == {"utm_source": "яндекс", "_ym_uid": "5"}


@pytest.mark.parametrize("page", ["http://[?utm_source=x", "не адрес?utm_source=x#y"])
def test_an_address_that_is_none_is_kept_and_read_as_far_as_it_goes(page: str) -> None:
    said = inbound(form(page=page))
    assert (said.page, said.campaign) == (page, {"utm_source": "x"})


def test_campaign_marks_are_bounded_and_free_of_what_no_store_takes() -> None:
    page = (
        "/?utm_source=a%00b&utm_%00own=1&utm_term=" + "x" * 600 + "".join(f"&utm_{number}=1" for number in range(100))
    )
    campaign = inbound(form(page=page)).campaign
    assert (campaign["utm_source"], len(campaign["utm_term"]), len(campaign)) == ("ab", 500, 50)
    assert campaign["utm_own"] == "1"


# --- files ---


def test_a_file_arrives_byte_for_byte() -> None:
    said = inbound(multipart(('name="name"', b"Anna"), ('name="f"; filename="a.png"\r\nContent-Type: image/png', PNG)))
    (file,) = said.attachments
    assert (file.name, file.media_type, file.size, file.content) == ("a.png", "image/png", len(PNG), PNG)
    assert (said.name, said.fields) == ("Anna", {})


def test_an_uploaded_mail_is_one_file_and_not_taken_apart() -> None:
    mail = b'Content-Type: multipart/mixed; boundary="i"\r\n\r\n--i\r\n\r\nx\r\n--i--\r\n'
    said = inbound(multipart(('name="f"; filename="m.eml"\r\nContent-Type: message/rfc822', mail)))
    assert [file.content for file in said.attachments] == [mail]


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('filename="план.pdf"', "план.pdf"),
        ("filename=plan.pdf", "plan.pdf"),
        ('filename="a%22b\\".pdf"', 'a"b".pdf'),
        ('filename="C:\\docs\\plan.pdf"', "plan.pdf"),
        ('filename="../../etc/passwd"', "passwd"),
        ("filename*=UTF-8''%D0%BF%D0%BB%D0%B0%D0%BD.pdf", "план.pdf"),
        ("filename*=x-none'ru'%70lan.pdf", "plan.pdf"),
        ('filename="a%0D%0Ab.pdf"', "ab.pdf"),
        ('filename="blob', "blob"),
        ('filename=""', "file"),
    ],
)
def test_the_name_of_a_file_is_read_as_clients_write_it(disposition: str, name: str) -> None:
    assert [file.name for file in inbound(multipart((f'name="f"; {disposition}', b"x"))).attachments] == [name]


def test_an_empty_file_input_is_no_file() -> None:
    part = ('name="file"; filename=""\r\nContent-Type: application/octet-stream', b"")
    assert inbound(multipart(part)) == Inbound(kind="form")


def test_files_that_were_dropped_or_are_too_many_are_listed_without_content() -> None:
    parts = [(f'name="f"; filename="{number}.txt"', b"x") for number in range(22)]
    said = inbound(replace(multipart(*parts), cut=("план.pdf", "a/b\n.txt")))
    assert [(file.name, file.dropped) for file in said.attachments if file.content is None] == [
        ("20.txt", "too_many"),
        ("21.txt", "too_many"),
        ("план.pdf", "too_large"),
        ("b.txt", "too_large"),
    ]


# --- the hosted form and its mark ---


def test_the_hosted_form_comes_back_as_what_was_typed_in_it() -> None:
    values = {**hosted(), "name": "Анна", "phone": "8 912 345-67-89", "message": "Привет"}
    said = inbound(submitted(values))
    assert (said.name, said.phones, said.text, said.fields) == ("Анна", ("8 912 345-67-89",), "Привет", {})


def test_each_rendering_is_a_submission_of_its_own_and_a_reload_is_not() -> None:
    one, other = hosted(), hosted()
    assert envelope(submitted(one)).identity == envelope(submitted(one)).identity != envelope(submitted(other)).identity


def test_the_hosted_form_carries_its_campaign_and_the_page_before_it() -> None:
    shown = adapter().page(
        request(
            "GET",
            b"",
            None,
            {"Referer": "https://example.com/a?b"},
            {"utm_source": '"><script>', "gclid": "g", "x": "1"},
        )
    )
    assert b"<script" not in shown.body
    said = inbound(submitted(inputs(shown)))
    assert said.campaign == {"utm_source": '"><script>', "gclid": "g"}
    assert (said.referrer, said.fields) == ("https://example.com/a?b", {})


def test_a_filled_honeypot_is_ignored_with_what_it_says() -> None:
    values = {**hosted(), "name": "Анна", "website": "https://spam.example"}
    parsed = adapter().parse(envelope(submitted(values)))
    assert isinstance(parsed, Ignored)
    assert parsed.reason == "honeypot"
    assert parsed.inbound is not None
    assert (parsed.inbound.name, parsed.inbound.fields) == ("Анна", {"website": "https://spam.example"})


@pytest.mark.parametrize(("after", "ignored"), [(0, True), (1.999, True), (2, False), (86_399, False), (-3, False)])
def test_a_form_sent_within_two_seconds_is_ignored(after: float, ignored: bool) -> None:
    parsed = adapter().parse(envelope(submitted({**hosted(), "name": "Анна"}, after)))
    assert isinstance(parsed, Ignored) is ignored
    assert not isinstance(parsed, Ignored) or parsed.reason == "filled_too_fast"


@pytest.mark.parametrize("mark", ["forged", "expired", "of another channel", "shifted", "none"])
def test_without_a_valid_mark_a_post_is_a_plain_one(mark: str) -> None:
    consent = {"required": True}
    values = {**hosted(), "website": "https://example.com"}
    if mark == "forged":
        values["_form"] = values["_form"][:-1] + ("0" if values["_form"][-1] != "0" else "1")
    elif mark == "of another channel":
        values["_form"] = inputs(adapter("other").page(request("GET", b"", None, {})))["_form"]
    elif mark == "shifted":
        values["_form"] = f"{int(values['_form'].partition('.')[0]) - 60_000}.{values['_form'].partition('.')[2]}"
    elif mark == "none":
        del values["_form"]
    said = inbound(submitted(values, after=86_400 if mark == "expired" else 0), consent=consent)
    assert said.fields["website"] == "https://example.com"


@pytest.mark.parametrize("given_as", [None, "", "0", "false", "нет"])
def test_the_hosted_form_is_not_taken_without_the_consent_that_it_requires(given_as: str | None) -> None:
    values = hosted() | ({} if given_as is None else {"consent": given_as})
    assert refusal(submitted(values), consent={"required": True}) == (422, "consent_required")
    assert inbound(submitted(values)).name is None


def test_without_consent_a_browser_gets_the_form_again_with_what_was_typed() -> None:
    config: dict[str, Any] = {"consent": {"required": "true", "url": "https://example.com/consent"}}
    values = hosted({"utm_source": "vk"}, **config) | {
        "name": '"><b>',
        "message": "\n</textarea>Привет",
        "referrer": "r",
    }
    sent = submitted(values, **BROWSER)
    site = adapter(**config)
    with pytest.raises(Rejected) as refused:
        site.receive(sent)
    again = site.refused(sent, refused.value)
    assert again is not None
    assert again.status == 422
    assert "отметьте согласие" in again.body.decode()
    assert "\n\n&lt;/textarea&gt;Привет</textarea>" in again.body.decode()
    assert inputs(again) == {**values, "message": ""}  # a textarea's text is not an attribute
    assert inbound(submitted(inputs(again) | {"consent": "yes"}), **config).name == '"><b>'


# --- consent ---


def test_consent_is_recorded_as_the_form_asked_for_it() -> None:
    config: dict[str, Any] = {"consent": {"version": "2026-09", "url": "https://example.com/consent"}}
    given = inbound(submitted({**hosted(**config), "consent": "yes"}), **config).consent
    assert given is not None
    assert (given.given, given.version, given.url) == (True, "2026-09", "https://example.com/consent")
    assert (given.at, given.remote) == (NOW + timedelta(seconds=30), "203.0.113.7")
    silent = inbound(submitted(hosted(**config)), **config).consent
    assert silent is not None
    assert not silent.given


def test_consent_keeps_the_version_of_the_day_it_was_given() -> None:
    kept = envelope(form(consent="on"), consent={"version": "2025"})
    parsed = adapter(consent={"version": "2026"}).parse(kept)
    assert isinstance(parsed, Inbound)
    assert parsed.consent is not None
    assert parsed.consent.version == "2025"


@pytest.mark.parametrize(
    ("body", "given_is"),
    [('{"consent": true}', True), ('{"consent": false}', False), ('{"consent": null}', False), ("{}", None)],
)
def test_consent_of_a_plain_post_counts_where_it_is_named(body: str, given_is: bool | None) -> None:
    consent = inbound(post(body)).consent
    assert (consent and consent.given) == given_is


def test_a_tick_counts_over_the_hidden_zero_before_it() -> None:
    consent = inbound(post("consent=0&consent=1", URLENCODED)).consent
    assert consent is not None
    assert consent.given


# --- what a sender hears ---


def heard(of: Request, **config: Any) -> Answer:
    site = adapter(**config)
    site.receive(of)
    return site.answer(of, [Accepted("0192", duplicate=False)])


def test_a_program_hears_202_with_the_envelope() -> None:
    answer = heard(post("{}"))
    assert (answer.status, json.loads(answer.body)) == (202, {"id": "0192", "duplicate": False})
    assert answer.content_type == "application/json"


@pytest.mark.parametrize("accept", ["text/html", BROWSER["Accept"], "text/html, application/json;q=0.9"])
def test_a_browser_is_thanked_by_a_page(accept: str) -> None:
    for sent in (form(name="Анна"), multipart(('name="name"', b"Anna"))):
        sent.headers["Accept"] = accept  # type: ignore[index]  # a CIMultiDict in these tests
        answer = heard(sent)
        assert (answer.status, answer.content_type) == (202, "text/html; charset=utf-8")
        assert "Спасибо" in answer.body.decode()


@pytest.mark.parametrize(
    "accept", ["", "*/*", "application/json, text/plain, */*", "text/html;q=0.1, application/json"]
)
def test_a_script_that_posts_a_form_hears_json(accept: str) -> None:
    assert heard(post("name=Anna", URLENCODED, Accept=accept)).content_type == "application/json"


def test_json_is_answered_with_json_even_to_a_browser() -> None:
    assert heard(post("{}", **BROWSER)).content_type == "application/json"


def test_the_hosted_form_is_thanked_by_a_page_unless_json_is_wanted() -> None:
    assert heard(submitted(hosted(), Accept="*/*")).content_type.startswith("text/html")
    assert heard(submitted(hosted(), Accept="application/json")).content_type == "application/json"
    assert heard(submitted(hosted() | {"_form": "x"}, Accept="*/*")).content_type == "application/json"


def test_tilda_hears_200_for_its_trial_which_is_no_client() -> None:
    trial = post("test=test", URLENCODED)
    assert heard(trial).status == 200
    assert adapter().parse(envelope(trial)) == Ignored("test_ping", Inbound(kind="form", fields={"test": "test"}))


@pytest.mark.parametrize(
    ("status", "says"), [(400, "повреждённым"), (413, "слишком большое"), (503, "через минуту"), (429, "через минуту")]
)
def test_a_refused_browser_reads_what_to_do(status: int, says: str) -> None:
    answer = adapter("сайт").refused(post(b"", URLENCODED, **BROWSER), Rejected(status, "code", "message"))
    assert answer is not None
    assert answer.status == status
    assert says in answer.body.decode()
    assert f'href="../form/{quote("сайт")}"' in answer.body.decode()


def test_a_refused_script_may_read_the_error_and_others_get_the_common_one() -> None:
    refused = Rejected(400, "invalid_json", "broken")
    answer = adapter().refused(post("{", Origin="https://example.com"), refused)
    assert answer is not None
    assert json.loads(answer.body) == {"error": {"code": "invalid_json", "message": "broken"}}
    assert answer.headers == {"Access-Control-Allow-Origin": "*"}
    assert adapter().refused(post("{"), refused) is None


# --- other origins ---


def test_any_origin_may_read_the_answer_where_none_is_configured() -> None:
    assert heard(post("{}", Origin="https://example.com")).headers == {"Access-Control-Allow-Origin": "*"}


def test_only_configured_origins_may_read_the_answer_and_all_are_taken() -> None:
    origins = ["https://example.com", "https://example.org"]
    allowed = heard(post("{}", Origin="https://example.org"), origins=origins)
    assert allowed.headers == {"Vary": "Origin", "Access-Control-Allow-Origin": "https://example.org"}
    other = heard(post("{}", Origin="https://example.net"), origins=origins)
    assert (other.status, other.headers) == (202, {"Vary": "Origin"})


def test_a_preflight_allows_what_a_form_script_sends() -> None:
    asked = request("OPTIONS", b"", None, {"Origin": "https://example.com"})
    answer = adapter(origins=["https://example.com"]).preflight(asked)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers == {
        "Vary": "Origin",
        "Access-Control-Allow-Origin": "https://example.com",
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": "content-type, idempotency-key",
        "Access-Control-Max-Age": "86400",
    }
    assert adapter(origins=["https://example.org"]).preflight(asked).headers == {"Vary": "Origin"}


# --- the page ---


def shown(query: Mapping[str, str] | None = None, **config: Any) -> Answer:
    return adapter(**config).page(request("GET", b"", None, {}, query))


def test_the_page_speaks_the_channels_language_or_the_one_asked_for() -> None:
    assert '<html lang="ru">' in shown().body.decode()
    assert 'action="../in/site"' in shown().body.decode()
    english = shown({"lang": "en"}).body.decode()
    assert '<html lang="en">' in english
    assert 'action="../in/site?lang=en"' in english
    assert '<html lang="ru">' in shown({"lang": "xx"}).body.decode()
    assert not re.search("[а-яё]", english, re.IGNORECASE)
    thanks = heard(replace(submitted(hosted(), **BROWSER), query={"lang": "en"})).body.decode()
    assert "Thank you" in thanks


def test_the_page_asks_for_consent_as_configured() -> None:
    assert b'type="checkbox"' not in shown().body
    asked = shown(consent={"url": "https://example.com/?a=1&b=2"}).body.decode()
    assert 'type="checkbox" value="yes">' in asked
    assert 'href="https://example.com/?a=1&amp;b=2"' in asked
    assert 'type="checkbox" value="yes" required>' in shown(consent={"required": True}).body.decode()


def test_every_visible_input_has_a_label_and_the_honeypot_is_hidden() -> None:
    html = unescape(shown(consent={}).body.decode())
    visible = re.findall(r'<(?:input|textarea) id="(\w+)"', html)
    assert visible == ["name", "phone", "email", "message", "file", "website", "consent"]
    assert all(f'<label for="{name}">' in html for name in visible)
    assert re.search(r'aria-hidden="true">\s*<label for="website">.*?\s*<input id="website"[^>]*tabindex="-1"', html)


def test_the_page_allows_itself_one_stylesheet_and_no_script() -> None:
    answer = shown(origins=["https://example.com"])
    policy = answer.headers["Content-Security-Policy"]
    style = re.search(b"<style>(.*?)</style>", answer.body, re.DOTALL)
    assert style is not None
    hashed = b64encode(sha256(style[1]).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{hashed}'; form-action 'self'")
    assert policy.endswith("frame-ancestors 'self' https://example.com")
    assert shown().headers["Content-Security-Policy"].endswith("frame-ancestors *")
    assert answer.headers["Cache-Control"] == "no-store"
    assert b" style=" not in answer.body
    assert b"<script" not in answer.body


# --- configuration ---


def test_origins_are_kept_as_browsers_send_them() -> None:
    written = (
        "https://Example.com",
        "http://localhost:8000",
        "https://пример.рф",
        "https://example.org:443",
        "http://[::1]:80",
    )
    assert adapter(origins=written).config.origins == (
        *("https://example.com", "http://localhost:8000", "https://xn--e1afmkfd.xn--p1ai"),
        *("https://example.org", "http://[::1]"),
    )


def test_one_origin_does_for_a_list_of_one() -> None:
    assert adapter(origins="https://example.com").config.origins == ("https://example.com",)


@pytest.mark.parametrize(
    "origin",
    [
        *(
            "example.com",
            "https://example.com/",
            "https://example.com/form",
            "ftp://example.com",
            "https://",
            "*",
            "null",
        ),
        *(
            "https://*.example.com",
            "https://a@example.com",
            "https://example.com:x",
            "https://a b",
            "https://a;b",
            "https://[::1",
        ),
    ],
)
def test_an_origin_that_no_browser_sends_is_a_fault(origin: str) -> None:
    with pytest.raises(ValidationError, match=r"is no origin; write https://example\.com"):
        adapter(origins=[origin])


@pytest.mark.parametrize("url", ["javascript:alert(1)", "/consent", "https://a b"])
def test_a_consent_address_that_cannot_be_followed_is_a_fault(url: str) -> None:
    with pytest.raises(ValidationError, match="is no web address"):
        adapter(consent={"url": url})


# --- what site builders send ---


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample inputs are not beside this checkout")
@pytest.mark.parametrize(
    "name",
    [
        *("tilda/simple-with-cookie-utm", "cf7/json", "cf7/urlencoded"),
        *("elementor/advanced-data", "elementor/flat-default-labels"),
    ],
)
def test_a_site_builders_form_is_understood(name: str) -> None:
    sample = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    expected = {"utm_source": sample.get("form", {}).get("utm_source")} | sample["expect"]
    said = inbound(post(sample["body"] if "body" in sample else json.dumps(sample["json"]), sample["content_type"]))
    phones = ["".join(filter(str.isdigit, phone)) for phone in said.phones]
    digits = expected.get("phone_digits", expected.get("phone", "")).lstrip("+")
    assert said.name == expected["name"]
    assert phones == ([digits] if digits else [])
    assert said.emails == ((expected["email"],) if "email" in expected else ())
    assert said.text == expected.get("text", expected.get("text_contains", ""))
    assert said.subject == expected.get("subject", said.subject)
    assert said.page == expected.get("page")
    assert said.campaign == {name: value for name, value in expected.items() if name.startswith("utm_") and value}


def test_elementors_own_fields_are_shown_by_their_labels() -> None:
    pairs = {
        "form[name]": "New Form",
        "fields[field_1][type]": "tel",
        "fields[field_1][value]": "8 912 345-67-89",
        "fields[field_2][title]": "Площадь",
        "fields[field_2][value]": "50",
        "fields[field_2][raw_value]": "50",
        "fields[field_3][title]": "Цвет",
        "fields[name][title]": "Имя",
    }
    boxes = [("fields[field_4][value]", "цемент"), ("fields[field_4][value]", "песок")]
    said = inbound(post(urlencode([*pairs.items(), *boxes]), URLENCODED))
    assert (said.name, said.phones) == (None, ("8 912 345-67-89",))
    assert said.fields == {"form[name]": "New Form", "Площадь": "50", "Цвет": "", "field_4": "цемент, песок"}


# --- anything at all ---


def texts(value: object) -> Iterator[str]:
    """Every text in what was parsed."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from texts(tuple(value.items()))
    elif isinstance(value, tuple):
        for item in value:
            yield from texts(item)
    elif isinstance(value, Inbound | Ignored) or hasattr(value, "__dataclass_fields__"):
        for field in fields(value):  # type: ignore[arg-type]  # a dataclass, as was asked
            yield from texts(getattr(value, field.name))


NAMES = st.sampled_from(["name", "phone", "email", "message", "consent", "page", "COOKIES", "submission_id", "_form"])
WORDS = (
    st.text(max_size=12) | NAMES | st.sampled_from(["utm_x", "fields[a][value]", "TILDAUTM=%00|||=", "\ud800", "\0"])
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
PARTS = st.lists(
    st.tuples(
        st.sampled_from(
            ['name="name"', 'name="f"; filename="a"', "filename*=a'b", 'name="phone', "", ";;;=", 'name="\\']
        ),
        st.binary(max_size=20),
    ),
    max_size=4,
)
BODIES = st.one_of(
    st.binary(max_size=80),
    st.dictionaries(WORDS, VALUES, max_size=4).map(lambda document: json.dumps(document).encode()),
    st.lists(st.tuples(WORDS, WORDS), max_size=4).map(lambda pairs: urlencode(pairs, errors="surrogatepass").encode()),
    PARTS.map(lambda parts: multipart(*parts, boundary="B").body),
)
CONTENT_TYPES = st.sampled_from(
    [
        *("application/json", URLENCODED, "multipart/form-data; boundary=B", "", f"{URLENCODED}; charset=koi8-r"),
        *(
            f"{URLENCODED}; charset=idna",
            "multipart/form-data; boundary=B; charset=shift_jis",
            'multipart/form-data;boundary="',
        ),
    ]
)


@settings(max_examples=300, deadline=None)
@given(body=BODIES, content_type=CONTENT_TYPES | st.text(max_size=20), header=st.text(max_size=20))
@example(body=b'{"name": "\\udfff"}', content_type="application/json", header="\udcff\0")
def test_whatever_is_sent_is_refused_by_name_or_read_without_an_error(
    body: bytes, content_type: str, header: str
) -> None:
    sent = post(body, content_type, Referer=header, Idempotency_Key=header, Origin=header, Accept="text/html")
    site = adapter(consent={"required": True})
    try:
        (taken,) = site.receive(sent)
    except Rejected as refused:
        site.refused(sent, refused)
        return
    site.answer(sent, [Accepted("id", duplicate=False)])
    parsed = site.parse(taken)
    assert parsed == site.parse(taken)
    for text in texts((parsed, dict(taken.meta), taken.identity)):
        assert "\0" not in text
        text.encode()


@pytest.mark.parametrize(("language", "query"), [("ru", {}), ("en", {"lang": "en"})])
def test_the_script_holds_the_same_form_as_the_page(language: str, query: dict[str, str]) -> None:
    consent = {"required": True, "url": "https://example.com/consent"}
    made = adapter(consent=consent, origins=["https://example.com"])
    asked = request("GET", b"", None, {"Origin": "https://example.com"}, query)
    script = made.script(asked)
    assert script is not None
    assert script.content_type == "text/javascript; charset=utf-8"
    assert script.headers["Access-Control-Allow-Origin"] == "https://example.com"
    given = json.loads(script.body.decode().partition("const given = ")[2].partition(";\n")[0])
    assert given["language"] == language
    shape = re.compile(r'<(?:input|textarea|label|button)[^>]*?(?: (?:id|name|for|type)="[^"]*")+[^>]*>')
    alike = [re.sub(r' value="[^"]*"', "", one) for one in shape.findall(given["html"])]
    page = made.page(asked).body.decode()
    assert alike == [re.sub(r' value="[^"]*"', "", one) for one in shape.findall(page)]
    assert len(alike) > 12


# --- the contract of all kinds ---


def subjects() -> Sequence[Subject]:
    """A form, in the ways that forms are sent."""
    marked = hosted()
    typed = {"name": "Анна", "phone": "8 912 345-67-89", "message": "Цемент", "utm_source": "ya", "consent": "on"}
    parts = multipart(('name="name"', "Анна".encode()), ('name="f"; filename="a.png"', PNG), ('name="phone"', b"1"))
    nested = {
        "form": {"name": "Анна"},
        "fields": [{"title": "Телефон", "value": "+79123456789"}],
        "submission_id": "s1",
    }
    said = [
        Document(json.dumps(typed).encode(), "application/json"),
        Document(json.dumps(nested).encode(), "application/json"),
        Document(urlencode(typed).encode(), URLENCODED),
        Document(urlencode({**marked, **typed}).encode(), URLENCODED),
        Document(urlencode({"fields[a][type]": "tel", "fields[a][value]": "8 912 345-67-89"}).encode(), URLENCODED),
        Document(urlencode({"COOKIES": "TILDAUTM=utm_source%3Dya|||utm_medium%3Dcpc"}).encode(), URLENCODED),
        Document(urlencode(typed, encoding="cp1251").encode(), f"{URLENCODED}; charset=windows-1251"),
        Document(parts.body, parts.headers["Content-Type"]),
        Document(b"test=test", URLENCODED),
    ]
    configured: dict[str, Any] = {"origins": ["https://example.com"], "consent": {"required": True, "version": "1"}}

    def sent(document: Document) -> Request:
        return post(
            document.body, document.way, Origin="https://example.com", Referer="https://example.com/a?utm_term=b"
        )

    return [Subject("webform", "webform", lambda: adapter(**configured), said, sent)]
