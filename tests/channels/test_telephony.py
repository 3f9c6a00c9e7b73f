"""Telephone exchanges: who is believed, how an event is named, and what each dialect's events say."""

import hmac
import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict
from pydantic import ValidationError

from channels.adapter import Rejected
from channels.message import Accepted, Call, Caller, Envelope, Ignored, Inbound, Question, Request
from channels.telephony import Adapter, Config
from channels.telephony.reading import moment, number
from tests.channels.exchanges import (
    NOW,
    SECRETS,
    SIGNED,
    adapter,
    mango_event,
    mango_post,
    megafon_post,
    post,
    zadarma_post,
)
from tests.channels.subjects import Document, Subject
from tests.channels.test_telephony_folding import COMMON, GROUP, MISSED, OUTGOING, ZADARMA
from tests.channels.test_telephony_folding import MEGAFON as MEGAFON_CALL

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples" / "telephony"


def samples(vendor: str, pattern: str = "*.json") -> list[Any]:
    found = sorted((SAMPLES / vendor).glob(pattern))
    return [pytest.param(json.loads(path.read_text()), id=path.stem) for path in found] or [
        pytest.param(None, id="absent", marks=pytest.mark.skip(reason="the samples are not here"))
    ]


def only(channel: Adapter, request: Request) -> Envelope:
    (envelope,) = channel.receive(request)
    return envelope


def said(channel: Adapter, request: Request) -> Inbound:
    parsed = channel.parse(only(channel, request))
    assert isinstance(parsed, Inbound)
    return parsed


def ignored(channel: Adapter, request: Request) -> str:
    parsed = channel.parse(only(channel, request))
    assert isinstance(parsed, Ignored)
    return parsed.reason


def refusal(channel: Adapter, request: Request) -> tuple[int, str]:
    with pytest.raises(Rejected) as refused:
        channel.receive(request)
    return refused.value.status, refused.value.code


# --- Mango ---


def vectors() -> list[Any]:
    path = SAMPLES / "mango" / "signature_vectors.json"
    if not path.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason="the samples are not here"))]
    return [pytest.param(one, id=str(n)) for n, one in enumerate(json.loads(path.read_text())["vectors"])]


@pytest.mark.parametrize("vector", vectors())
def test_mangos_signatures_are_those_of_its_document(vector: Mapping[str, str]) -> None:
    channel = adapter("mango", api_key=vector["vpbx_api_key"], salt=vector["vpbx_api_salt"])
    envelope = only(channel, post(vector["body"], tail="events/call"))
    assert envelope.body.decode() == vector["json"]
    assert vector["vpbx_api_key"] not in envelope.body.decode()
    for wrong in ("0" + vector["sign"][1:], "", vector["sign"].upper()):
        forged = post(vector["body"].replace(vector["sign"], wrong), tail="events/call")
        assert refusal(channel, forged) == (401, "not_proved")


@pytest.mark.parametrize(
    "body", ["", "json={}", "vpbx_api_key=key&json={}", "sign=x&json={}", "vpbx_api_key=&sign=&json="]
)
def test_mango_without_key_or_signature_is_refused(body: str) -> None:
    assert refusal(adapter("mango"), post(body, tail="events/call")) == (401, "not_proved")


def test_a_signature_of_another_salt_or_key_is_refused() -> None:
    request = mango_post({"entry_id": "1"})
    assert refusal(adapter("mango", salt="another"), request) == (401, "not_proved")
    assert refusal(adapter("mango", api_key="another"), request) == (401, "not_proved")


MANGO = {
    "04-events-summary-summary": ("in", "+7800123635242", "+7800123456789", Call("answered", True, "123", 10)),
    "06-events-summary-summary": ("out", "+7800123456789", "+74953333357", Call("answered", True, "123", 10)),
    "12-events-call-Appeared": ("out", "12345678", None, Call("ringing", False, "1234", leg="100:500:256")),
    "13-events-call-Connected": ("out", "12345678", None, Call("answered", False, "1234", leg="100:500:256")),
    "14-events-call-Disconnected": ("out", "12345678", None, Call("ringing", True, "1234", leg="100:500:256")),
    "21-events-call-Appeared": ("in", "+79000000000", "+7800123456789", Call("ringing", leg="100:500:256")),
    "22-events-call-Disconnected": ("in", "+79000000000", "+7800123456789", Call("ringing", True, leg="100:500:256")),
    "23-events-call-Appeared": ("in", "+79000000000", "+7800123456789", Call("ringing", False, "123", leg="100:500:257")),
    "25-events-call-Connected": ("in", "+79000000000", "+7800123456789", Call("answered", False, "123", leg="100:500:257")),
    "26-events-call-Disconnected": ("in", "+79000000000", "+7800123456789", Call("ringing", True, "123", leg="100:500:257")),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(path.stem for path in (SAMPLES / "mango").glob("[0-9]*.json")) or ["absent"])
def test_every_sample_of_mango_says_who_called_whom_or_is_a_service_event(name: str) -> None:
    path = SAMPLES / "mango" / f"{name}.json"
    if not path.exists():
        pytest.skip("the samples are not here")
    sample = json.loads(path.read_text())
    channel, request = adapter("mango"), mango_post(sample["json"], sample["endpoint"].strip("/"))
    if name not in MANGO:
        assert ignored(channel, request) == "service_event"
        return
    direction, client, ours, how = MANGO[name]
    inbound = said(channel, request)
    assert (inbound.kind, inbound.direction, inbound.phones, inbound.to) == ("call", direction, (client,), ours)
    assert (inbound.ref, inbound.call) == ("232wc3e3w3s222", how)
    assert inbound.at is not None
    assert inbound.at.year == 2014


def test_mango_names_an_event_by_entry_leg_and_count_so_that_a_repeat_is_the_same() -> None:
    channel = adapter("mango")
    first, again, later = (
        only(channel, mango_post(mango_event(state, seq=seq))) for state, seq in
        (("Appeared", 1), ("Appeared", 1), ("Connected", 2))
    )  # fmt: skip
    assert first.identity == again.identity == "call:entry:leg:1:Appeared"
    assert later.identity != first.identity
    assert channel.answer(mango_post({}), [Accepted("1", duplicate=True)]).status == 200


def test_a_colleague_calling_a_colleague_is_no_client() -> None:
    inside = mango_event("Connected", caller={"extension": "101"}, called={"extension": "102"})
    assert ignored(adapter("mango"), mango_post(inside)) == "internal"
    summary = {"entry_id": "e", "call_direction": 0, "from": {"extension": "101"}, "to": {"extension": "102"}}
    assert ignored(adapter("mango"), mango_post(summary, "events/summary")) == "internal"


def test_a_colleague_without_an_extension_calls_out_too() -> None:
    event = {
        **mango_event("Appeared"),
        "from": {"number": "sip:anna@firm.mangosip.ru"},
        "to": {"number": "79123456789"},
    }
    inbound = said(adapter("mango"), mango_post(event))
    assert (inbound.direction, inbound.phones, inbound.to) == ("out", ("+79123456789",), None)
    event["from"] = {"number": "sip:anonymous@example.com"}
    assert said(adapter("mango"), mango_post(event)).direction == "in"


def test_a_voice_menu_that_picks_up_is_no_answer() -> None:
    inbound = said(adapter("mango"), mango_post(mango_event("Connected", location="ivr")))
    assert inbound.call == Call("ringing", leg="leg", extension="101")


@pytest.mark.parametrize("hidden", ["", "anonymous", "Unknown", "private", "0", "+", "sip:anonymous@anonymous.invalid"])
def test_a_hidden_number_gives_no_key(hidden: str) -> None:
    inbound = said(adapter("mango"), mango_post(mango_event("Appeared", caller={"number": hidden})))
    assert inbound.phones == ()


# --- Zadarma ---


@pytest.mark.parametrize("sample", samples("zadarma"))
def test_every_sample_of_zadarma_is_believed_by_its_signature_alone(sample: Mapping[str, Any]) -> None:
    channel = adapter("zadarma", secret=sample["secret"])
    signature = sample["Signature"]
    inbound = said(channel, post(sample["body"], Signature=signature))
    form = sample["form"]
    assert (inbound.kind, inbound.direction) == ("call", "in")
    assert (inbound.phones, inbound.to) == ((form["caller_id"],), form["called_did"])
    phase = {"answered": "answered", "cancel": "missed", None: "ringing"}[form.get("disposition")]
    assert inbound.call is not None
    assert (inbound.call.phase, inbound.call.over) == (phase, "disposition" in form)
    raw = hmac.new(sample["secret"].encode(), b"x", "sha1").digest()
    for wrong in (
        {},
        {"Signature": ""},
        {"Signature": signature[:-4] + "AAA="},
        {"Signature": b64encode(raw).decode()},
    ):
        assert refusal(channel, post(sample["body"], **wrong)) == (401, "not_proved")
    assert refusal(adapter("zadarma", secret="another"), post(sample["body"], Signature=signature))[0] == 401


def test_an_unsigned_event_that_is_not_known_is_refused() -> None:
    assert refusal(adapter("zadarma"), post("event=NOTIFY_NEWS", Signature="x")) == (401, "not_proved")
    assert refusal(adapter("zadarma"), post("", Signature="x")) == (401, "not_proved")


def test_zadarma_tries_an_address_and_hears_its_own_word() -> None:
    channel = adapter("novofon")
    request = Request("GET", "", {"zd_echo": "a1b2"}, CIMultiDict(), b"", NOW)
    assert list(channel.receive(request)) == []
    answer = channel.answer(request, [])
    assert (answer.status, answer.body, answer.content_type) == (200, b"a1b2", "text/plain; charset=utf-8")
    assert refusal(channel, Request("GET", "", {}, CIMultiDict(), b"", NOW))[0] == 405


def test_zadarmas_outgoing_calls_are_the_clients_number_and_our_line() -> None:
    channel = adapter("zadarma", timezone="Europe/Moscow")
    form = {"pbx_call_id": "out_1", "call_start": "2026-09-01 11:59:00", "internal": "101", "destination": "79161234567",
            "caller_id": "+74951234567"}  # fmt: skip
    start = said(channel, zadarma_post("NOTIFY_OUT_START", **form))
    assert (start.direction, start.phones, start.to) == ("out", ("+79161234567",), "+74951234567")
    assert start.call == Call("ringing", extension="101")
    assert start.at == datetime(2026, 9, 1, 8, 59, tzinfo=UTC)
    answer = said(channel, zadarma_post("NOTIFY_ANSWER", **form))
    assert (answer.direction, answer.phones, answer.call) == (
        "out",
        ("+79161234567",),
        Call("answered", extension="101"),
    )
    end = said(channel, zadarma_post("NOTIFY_OUT_END", disposition="no answer", duration="0", **form))
    assert end.call == Call("missed", over=True, extension="101")
    assert said(adapter("zadarma"), zadarma_post("NOTIFY_OUT_START", **form)).at == NOW
    assert ignored(channel, zadarma_post("NOTIFY_OUT_START", **{**form, "destination": "102"})) == "internal"


def test_zadarmas_line_of_an_answer_may_be_its_destination() -> None:
    form = {"pbx_call_id": "in_1", "call_start": "", "caller_id": "79161234567", "destination": "102"}
    inbound = said(adapter("zadarma"), zadarma_post("NOTIFY_ANSWER", **form))
    assert (inbound.phones, inbound.call) == (("+79161234567",), Call("answered", extension="102"))


def test_zadarmas_messages_are_texts_and_its_recordings_are_no_news() -> None:
    result = json.dumps({"caller_id": "79161234567", "caller_did": "74951234567", "text": "Сколько стоит цемент?"})
    inbound = said(adapter("zadarma"), zadarma_post("SMS", result=result))
    assert (inbound.kind, inbound.text, inbound.phones) == ("sms", "Сколько стоит цемент?", ("+79161234567",))
    assert (inbound.ref, inbound.call, inbound.to) == (None, None, "+74951234567")
    record = zadarma_post("NOTIFY_RECORD", pbx_call_id="in_1", call_id_with_rec="1")
    assert ignored(adapter("zadarma"), record) == "service_event"


def test_the_same_words_in_a_later_message_of_zadarmas_are_another_message() -> None:
    result = json.dumps({"caller_id": "79161234567", "caller_did": "74951234567", "text": "Перезвоните"})
    (message,) = adapter("zadarma").receive(zadarma_post("SMS", result=result))
    assert message.naming == "derived"


# --- MegaFon ---


@pytest.mark.parametrize("sample", samples("megafon"))
def test_every_sample_of_megafon_is_believed_by_its_token_alone(sample: Mapping[str, Any]) -> None:
    channel = adapter("megafon", token="crm-secret")
    envelope = only(channel, post(sample["body"]))
    assert b"crm-secret" not in envelope.body
    inbound = channel.parse(envelope)
    assert isinstance(inbound, Inbound)
    assert (inbound.phones, inbound.ref) == (("+15555550123",), "call-1")
    assert inbound.call == Call("missed", over=True, extension="100")
    for wrong in ("crm-secre", "crm-secret1", ""):
        assert refusal(channel, post(sample["body"].replace("crm-secret", wrong))) == (401, "not_proved")
    assert refusal(adapter("megafon", token="another"), post(sample["body"]))[0] == 401
    by_header = post(sample["body"].partition("&crm_token")[0], X_CRM_Token="crm-secret")
    assert only(channel, by_header).body == envelope.body


MEGAFON = {
    "INCOMING": ("in", Call("ringing", extension="101", leg="101")),
    "ACCEPTED": ("in", Call("answered", extension="101", leg="101")),
    "COMPLETED": ("in", Call("answered", over=True, extension="101", leg="101")),
    "CANCELLED": ("in", Call("ringing", over=True, extension="101", leg="101")),
    "OUTGOING": ("out", Call("ringing", extension="101", leg="101")),
}


@pytest.mark.parametrize("event", MEGAFON)
def test_megafons_events_say_what_a_line_does(event: str) -> None:
    inbound = said(adapter("megafon"), megafon_post("event", type=event))
    assert (inbound.direction, inbound.call) == MEGAFON[event]
    assert (inbound.phones, inbound.to, inbound.ref) == (("+79161234567",), "+74951234567", "c1")


def test_megafons_history_ends_a_call() -> None:
    request = megafon_post(
        "history", type="out", status="Success", duration="50", start="20260901T085900Z", link="https://r.example/1.mp3"
    )
    inbound = said(adapter("megafon"), request)
    assert inbound.call == Call("answered", True, "101", 50, "https://r.example/1.mp3")
    assert (inbound.direction, inbound.at) == ("out", datetime(2026, 9, 1, 8, 59, tzinfo=UTC))
    for status in ("Missed", "missed", "Busy", "NotAvailable", "NotAllowed", ""):
        missed = said(adapter("megafon"), megafon_post("history", type="in", status=status)).call
        assert missed == Call("missed", True, "101")


def test_megafon_asks_who_calls_and_hears_the_name_and_the_line() -> None:
    channel = adapter("megafon")
    asked = megafon_post("contact")
    question = channel.question(asked)
    assert question == Question("+79161234567", "74951234567")
    assert question is not None
    reply = channel.reply_to(question, Caller("Николай", "101"))
    assert json.loads(reply.body) == {"contact_name": "Николай", "responsible": "101"}
    assert json.loads(channel.reply_to(question, Caller()).body) == {}
    assert channel.question(megafon_post("event", type="INCOMING")) is None
    with pytest.raises(Rejected):
        channel.question(megafon_post("contact", crm_token="wrong"))


def test_what_megafon_asks_its_clients_is_no_approach() -> None:
    channel = adapter("megafon")
    assert ignored(channel, megafon_post("rating", rating="4")) == "service_event"
    assert ignored(channel, megafon_post("dance")) == "unknown_event"


# --- any other exchange ---

SIPUNI: dict[str, Any] = {
    "proof": {"query": "token"},
    "fields": {
        "call": "call_id", "event": "event", "status": "status", "direction": ["src_type", "dst_type"],
        "from": ["short_src_num", "src_num"], "to": "dst_num", "from_extension": "short_src_num", "to_extension": "short_dst_num",
        "at": ["call_start_timestamp", "timestamp"], "recording": "call_record_link",
    },
    "events": {"ringing": ["1"], "answered": ["3"], "over": ["2"]},
    "statuses": {"answered": ["ANSWER"], "missed": ["BUSY", "NOANSWER", "CANCEL"]},
    "directions": {"in": ["1/2"], "out": ["2/1"], "internal": ["2/2"]},
}  # fmt: skip

UIS: dict[str, Any] = {
    "proof": {"field": "integration_key"},
    "fields": {
        "call": "call_session_id", "event": "notification_mnemonic", "direction": "direction", "from": "contact_phone_number",
        "to": "contact_phone_number", "extension": "employee_id", "line": "virtual_phone_number", "at": "notification_time",
        "seconds": "talk_time_duration", "name": "contact_full_name",
    },
    "events": {"ringing": ["in_call_session"], "answered": ["in_answer"], "over": ["call_finished"], "missed": ["lost_call"]},
}  # fmt: skip


def generic(mapped: Mapping[str, Any]) -> Adapter:
    return adapter("generic", generic=mapped)


def get(query: Mapping[str, str]) -> Request:
    return Request("GET", "", query, CIMultiDict(), b"", NOW)


@pytest.mark.parametrize("sample", samples("sipuni"))
def test_every_sample_of_sipuni_is_read_by_a_mapping(sample: Mapping[str, Any]) -> None:
    channel = generic(SIPUNI)
    request = get({**sample["params"], "token": SECRETS["secret"]})
    inbound = said(channel, request)
    out = sample["params"]["src_type"] == "2"
    assert inbound.direction == ("out" if out else "in")
    assert inbound.phones == (("+79031234567",) if out else ("+79555555555",))
    assert inbound.call is not None
    step = {"1": ("ringing", False), "3": ("answered", False), "2": ("answered", True)}[sample["params"]["event"]]
    assert (inbound.call.phase, inbound.call.over, inbound.call.extension) == (*step, "101")
    answer = channel.answer(request, [Accepted("1", duplicate=False)])
    assert json.loads(answer.body) == sample["reply_must_be"]
    assert SECRETS["secret"].encode() not in only(channel, request).body
    assert refusal(channel, get(sample["params"])) == (401, "not_proved")
    assert refusal(channel, get({**sample["params"], "token": "guess"})) == (401, "not_proved")


TELPHIN: dict[str, Any] = {
    "proof": {"query": "token"},
    "fields": {"call": "CallID", "event": "CallStatus", "direction": "CallFlow", "from": "CallerIDNum", "to": "CalledDID"},
    "events": {"ringing": ["CALLING"], "answered": ["ANSWER"], "over": ["HANGUP"], "missed": ["NOANSWER", "CANCEL"]},
}  # fmt: skip


@pytest.mark.parametrize("sample", samples("telphin"))
def test_the_sample_of_telphin_is_read_by_a_mapping(sample: Mapping[str, Any]) -> None:
    request = get({**sample["params"], "token": SECRETS["secret"]})
    inbound = said(generic(TELPHIN), request)
    assert (inbound.direction, inbound.phones, inbound.to) == ("in", ("+79080000953",), "00057766")
    assert (inbound.call, inbound.ref) == (Call("ringing"), sample["params"]["CallID"])


@pytest.mark.parametrize(
    ("name", "event", "how"),
    [
        ("1-incoming-call", "in_call_session", Call("ringing")),
        ("2-call-finished", "call_finished", Call("answered", True, "42", 31)),
        ("8-lost-call", "lost_call", Call("missed", True)),
    ],
)
def test_the_samples_of_uis_are_read_by_a_mapping_once_their_templates_are_filled_in(
    name: str, event: str, how: Call
) -> None:
    path = SAMPLES / "uis" / f"{name}.template.json"
    if not path.exists():
        pytest.skip("the samples are not here")
    values = {"notification_mnemonic": event, "contact_phone_number": "79161234567", "virtual_phone_number": "74951234567",
              "direction": "in", "employee_id": 42, "talk_time_duration": 31, "call_session_id": 7, "contact_full_name": "Анна",
              "notification_time": "2026-09-01 08:59:00.123", "tag_names": []}  # fmt: skip
    filled = re.sub(r"{{(\w+)}}", lambda found: json.dumps(values.get(found[1])), path.read_text(encoding="utf-8"))
    keyed = {**json.loads(filled), "integration_key": SECRETS["secret"]}
    inbound = said(generic(UIS), post(json.dumps(keyed)))
    assert (inbound.phones, inbound.to, inbound.ref) == (("+79161234567",), "+74951234567", "7")
    assert inbound.call == how


def test_a_secret_within_the_body_is_believed_and_not_kept() -> None:
    channel = generic(UIS)
    event = {
        "integration_key": SECRETS["secret"], "call_session_id": 7, "notification_mnemonic": "call_finished",
        "direction": "in", "contact_phone_number": "79161234567", "virtual_phone_number": "74951234567",
        "employee_id": 42, "talk_time_duration": 31, "contact_full_name": "Николай", "tag_names": [],
        "notification_time": "2026-09-01 08:59:00.123",
    }  # fmt: skip
    envelope = only(channel, post(json.dumps(event)))
    assert SECRETS["secret"].encode() not in envelope.body
    inbound = channel.parse(envelope)
    assert isinstance(inbound, Inbound)
    assert (inbound.ref, inbound.name, inbound.to) == ("7", "Николай", "+74951234567")
    assert inbound.call == Call("answered", True, "42", 31)
    assert refusal(channel, post(json.dumps({**event, "integration_key": "x"})))[0] == 401


def test_a_secret_within_a_form_of_any_bytes_is_not_kept_either() -> None:
    channel = generic(UIS)
    body = (
        b"call_session_id=7&notification_mnemonic=lost_call&name=%FF\xfe&integration_key=" + SECRETS["secret"].encode()
    )
    envelope = only(channel, Request("POST", "", {}, CIMultiDict(), body, NOW))
    assert SECRETS["secret"].encode() not in envelope.body
    parsed = channel.parse(envelope)
    assert isinstance(parsed, Inbound)
    assert parsed.call == Call("missed", True)


@pytest.mark.parametrize("odd", ["\ud800", "\x00", "секрет", "x" * 100_000])
def test_whatever_is_given_for_a_secret_is_compared_and_refused(odd: str) -> None:
    assert refusal(generic(SIPUNI), get({"call_id": "1", "event": "1", "token": odd})) == (401, "not_proved")


def test_a_secret_deep_within_the_body_is_not_kept_either() -> None:
    channel = generic({**UIS, "proof": {"field": "auth.key"}})
    body = {"call_session_id": 7, "notification_mnemonic": "lost_call", "AUTH": [{"Key": SECRETS["secret"], "id": 1}]}
    envelope = only(channel, post(json.dumps(body)))
    assert json.loads(envelope.body) == {**body, "AUTH": [{"id": 1}]}
    deep = b'{"integration_key": "%s", "a": %s}' % (SECRETS["secret"].encode(), b'{"a":' * 600 + b"1" + b"}" * 600)
    assert refusal(generic(UIS), Request("POST", "", {}, CIMultiDict(), deep, NOW)) == (400, "invalid_json")


@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_a_signature_of_the_body_is_believed_as_configured(encoding: str) -> None:
    proof = {"header": "X-Signature", "hmac": "sha256", "encoding": encoding, "prefix": "sha256="}
    channel = generic({**UIS, "proof": proof})
    body = json.dumps(
        {"call_session_id": "1", "notification_mnemonic": "lost_call", "contact_phone_number": "79161234567"}
    )
    made = hmac.new(SECRETS["secret"].encode(), body.encode(), "sha256")
    signature = made.hexdigest() if encoding == "hex" else b64encode(made.digest()).decode()
    assert said(channel, post(body, X_Signature=f"sha256={signature}")).call == Call("missed", True)
    for wrong in (signature, f"sha256={signature[:-1]}", "", "sha256="):
        assert refusal(channel, post(body, X_Signature=wrong)) == (401, "not_proved")
    assert refusal(channel, post(body + " ", X_Signature=f"sha256={signature}"))[0] == 401


def test_a_mapping_finds_fields_in_any_case_of_letters_and_inside_others() -> None:
    mapped = {
        "proof": {"header": "X-Token"},
        "fields": {"call": "Call.ID", "event": "callstatus", "from": "call.from", "leg": "call.leg"},
        "events": {"ringing": ["calling"], "hung_up": ["hangup"], "sms": ["sms"], "ignored": ["dtmf"]},
    }
    channel = generic(mapped)

    def sent(status: str) -> Request:
        call = {"id": ["c1"], "From": "+79161234567", "leg": 2}
        return post(json.dumps({"CALL": call, "CallStatus": status}), X_Token=SECRETS["secret"])

    assert said(channel, sent("CALLING")).call == Call("ringing", leg="2")
    assert said(channel, sent("Hangup")).call == Call("ringing", over=True, leg="2")
    assert said(channel, sent("sms")).kind == "sms"
    assert ignored(channel, sent("dtmf")) == "service_event"
    assert ignored(channel, sent("dance")) == "unknown_event"


# --- spellings ---


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("79161234567", "+79161234567"), ("+7 (916) 123-45-67", "+79161234567"), ("89161234567", "89161234567"),
        ("9161234567", "9161234567"), ("8613912345678", "+8613912345678"), ("810380441234567", "+380441234567"),
        ("00380441234567", "+380441234567"), ("sip:79161234567@host", "+79161234567"),
        ('"Anna" <sip:79161234567@host>', "+79161234567"), ("tel:+74951234567;ext=1", "+74951234567"),
        ("101", "101"), ("sip:anna@host", None), ("", None), ("restricted", None), ("000", None),
    ],
)  # fmt: skip
def test_a_number_has_its_plus_and_a_hidden_one_is_none(written: str, read: str | None) -> None:
    assert number(written) == read


def test_a_time_without_a_zone_or_from_the_future_is_that_of_its_receipt() -> None:
    for written in ("", "x", "2026-09-01 10:00:00", "99999999999", "20991231T000000Z", "0"):
        assert moment(written, NOW, None) == NOW
    assert moment("1788253140", NOW, None) == datetime(2026, 9, 1, 8, 59, tzinfo=UTC)
    assert moment("1788253140000", NOW, None) == datetime(2026, 9, 1, 8, 59, tzinfo=UTC)


# --- the configuration ---


@pytest.mark.parametrize(
    "written",
    [
        {"dialect": "mango", "api_key": "k"},
        {"dialect": "zadarma"},
        {"dialect": "megafon", "token": ""},
        {"dialect": "megafon", "token": "t", "salt": "s"},
        {"dialect": "generic", "secret": "s"},
        {"dialect": "generic", "secret": "s", "generic": {**SIPUNI, "proof": {}}},
        {"dialect": "generic", "secret": "s", "generic": {**SIPUNI, "proof": {"field": "a", "hmac": "sha256"}}},
        {"dialect": "generic", "secret": "s", "generic": {**SIPUNI, "fields": {}}},
        {"dialect": "zadarma", "secret": "s", "timezone": "Moscow"},
        {"dialect": "asterisk", "secret": "s"},
        {},
    ],
)
def test_an_exchange_that_could_prove_nothing_is_no_configuration(written: Mapping[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"kind": "telephony", **written})


def documented() -> list[Any]:
    page = (Path(__file__).parents[2] / "docs" / "channels" / "telephony.md").read_text(encoding="utf-8")
    blocks = [block.partition("```")[0] for block in page.split("```yaml\n")[1:]]
    entries = [entry for block in blocks for entry in yaml.safe_load(block).get("channels", {}).items()]
    return [pytest.param(entry, id=name) for name, entry in entries]


@pytest.mark.parametrize("written", documented())
def test_the_manuals_examples_are_configurations(written: Mapping[str, Any]) -> None:
    assert Config.model_validate(written).dialect in {"mango", "zadarma", "megafon", "generic"}


# --- anything at all ---


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["entry_id", "call_id", "seq", "call_state", "from", "to", "timestamp", "call_direction", "location"]),
        st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=3)
        | st.dictionaries(st.sampled_from(["number", "extension"]), st.text() | st.integers()),
    ),
    st.sampled_from(["events/call", "events/summary", "events/sms", "", "x"]),
)  # fmt: skip
def test_what_is_signed_is_read_whatever_it_says(document: dict[str, Any], tail: str) -> None:
    channel = adapter("mango")
    body = json.dumps(document, allow_nan=False) if not any(map(_is_odd, document.values())) else "{}"
    sign = sha256(f"{SECRETS['api_key']}{body}{SECRETS['salt']}".encode()).hexdigest()
    request = post(urlencode({"vpbx_api_key": SECRETS["api_key"], "sign": sign, "json": body}), tail=tail)
    try:
        (envelope,) = channel.receive(request)
    except Rejected:
        return
    parsed = channel.parse(envelope)
    assert isinstance(parsed, Inbound | Ignored)
    if isinstance(parsed, Inbound) and parsed.ref is not None:
        assert "\0" not in parsed.ref
        assert len(parsed.ref) <= 200


def _is_odd(value: object) -> bool:
    return isinstance(value, float) or (isinstance(value, list) and any(map(_is_odd, value)))


# --- the contract of all kinds ---


def _sms() -> list[Document]:
    said = {"command_id": "c", "from_extension": "101", "to_number": "79161234567", "text": "Едем"}
    return [Document(json.dumps(said).encode(), way) for way in ("result/sms", "events/dtmf", "events/recording")]


def _mangos() -> Subject:
    calls = [(request, n) for n, call in enumerate((GROUP, MISSED)) for request in call]
    bodies = [(dict(parse_qsl(request.body.decode()))["json"], request.tail, n) for request, n in calls]
    said = [Document(body.replace('"entry"', f'"entry {n}"').encode(), tail) for body, tail, n in bodies]

    def proved(document: Document) -> Request:
        sign = sha256(SECRETS["api_key"].encode() + document.body + SECRETS["salt"].encode()).hexdigest()
        form = {"vpbx_api_key": SECRETS["api_key"], "sign": sign, "json": document.body}
        return post(urlencode(form), tail=document.way)

    def forged(document: Document) -> list[Request]:
        sign = sha256(SECRETS["api_key"].encode() + document.body).hexdigest()
        key, other = {"vpbx_api_key": SECRETS["api_key"]}, proved(Document(document.body + b" ", document.way))
        real = dict(parse_qsl(other.body.decode()))["sign"]
        wrong: Sequence[Mapping[str, str]] = (
            {},
            key,
            {"sign": sign},
            {**key, "sign": sign},
            {**key, "sign": ""},
            {**key, "sign": real},
        )
        return [post(urlencode({**one, "json": document.body}), tail=document.way) for one in wrong]

    secrets = SECRETS["api_key"], SECRETS["salt"]
    return Subject(
        "telephony", "telephony mango", lambda: adapter("mango"), [*said, *_sms()], proved, forged, secrets=secrets
    )


def _zadarmas(dialect: str) -> Subject:
    def fields(document: Document) -> dict[str, str]:
        return dict(parse_qsl(document.body.decode("utf-8", "replace"), keep_blank_values=True))

    def proved(document: Document) -> Request:
        form = fields(document)
        said = "".join(form.get(name, "") for name in SIGNED.get(form.get("event", ""), ()))
        signature = hmac.new(SECRETS["secret"].encode(), said.encode(), "sha1").hexdigest()
        return post(urlencode(form), Signature=b64encode(signature.encode()).decode())

    def forged(document: Document) -> list[Request]:
        other = hmac.new(b"another", document.body, "sha1").hexdigest().encode()
        return [post(document.body.decode(), Signature=one) for one in ("", "x", b64encode(other).decode())]

    result = json.dumps({"caller_id": "79161234567", "caller_did": "74951234567", "text": "Сколько?"})
    out = {**COMMON, "internal": "101", "destination": "79161234567"}
    more = (
        {"event": "SMS", "result": result},
        {"event": "NOTIFY_OUT_START", **out},
        {"event": "NOTIFY_OUT_END", "disposition": "no answer", "duration": "0", **out},
        {"event": "NOTIFY_RECORD", "pbx_call_id": "in_1", "call_id_with_rec": "1"},
    )
    said = [Document(one) for one in (*(request.body for request in ZADARMA), *(urlencode(m).encode() for m in more))]
    name = f"telephony {dialect}"
    return Subject("telephony", name, lambda: adapter(dialect), said, proved, forged, secrets=(SECRETS["secret"],))


def _megafons() -> Subject:
    token = {"crm_token": SECRETS["token"]}
    kept = [dict(parse_qsl(request.body.decode())) for request in (*MEGAFON_CALL, *OUTGOING)]
    said = [Document(urlencode({k: v for k, v in form.items() if k != "crm_token"}).encode()) for form in kept]
    said += [Document(urlencode({"cmd": "rating", "callid": "c1", "rating": "4"}).encode())]

    def proved(document: Document) -> Request:
        return post(urlencode(token) + "&" + document.body.decode("utf-8", "replace"))

    def forged(document: Document) -> list[Request]:
        wrong = ("", "crm_token=", "crm_token=guess", f"crm_token={SECRETS['token']}1", "CRM_TOKEN=" + SECRETS["token"])
        return [post(f"{one}&{document.body.decode()}") for one in wrong]

    return Subject(
        "telephony", "telephony megafon", lambda: adapter("megafon"), said, proved, forged, secrets=(SECRETS["token"],)
    )


def _generics() -> list[Subject]:
    """An exchange that asks by GET, and one that writes JSON or a form with its secret among the fields."""
    rings = {"call_id": "c1", "event": "1", "src_type": "1", "dst_type": "2", "src_num": "79161234567", "dst_num": "74951234567",
             "short_dst_num": "101", "timestamp": "1788253140"}  # fmt: skip
    queries = [rings, {**rings, "event": "3"}, {**rings, "event": "2", "status": "ANSWER"}, {**rings, "event": "9"}]
    event = {"call_session_id": 7, "notification_mnemonic": "call_finished", "contact_phone_number": "79161234567",
             "virtual_phone_number": "74951234567", "employee_id": 42, "talk_time_duration": 31, "contact_full_name": "Николай",
             "notification_time": "2026-09-01 08:59:00.123"}  # fmt: skip
    events = [
        event,
        {**event, "notification_mnemonic": "in_call_session"},
        {**event, "notification_mnemonic": "lost_call"},
    ]
    secret = SECRETS["secret"]

    def asked(document: Document, token: str | None = secret) -> Request:
        query = dict(parse_qsl(document.body.decode("utf-8", "replace")))
        return get(query if token is None else {**query, "token": token})

    def told(document: Document, key: str | None = secret) -> Request:
        body = document.body.decode("utf-8", "surrogateescape")
        if key is not None:
            named = f'{{"integration_key":{json.dumps(key)},'
            body = named + body[1:] if body[:1] == "{" else f"integration_key={key}&{body}"
        return Request("POST", "", {}, CIMultiDict(), body.encode("utf-8", "surrogateescape"), NOW)

    wrong = (None, "", "guess", f"{secret}1")
    return [
        Subject(
            *("telephony", "telephony generic by query", lambda: generic(SIPUNI)),
            [Document(urlencode(query).encode()) for query in queries],
            asked,
            lambda document: [asked(document, one) for one in wrong],
            secrets=(secret,),
        ),
        Subject(
            *("telephony", "telephony generic by field", lambda: generic(UIS)),
            [*(Document(json.dumps(one).encode()) for one in events), Document(urlencode(event).encode())],
            told,
            lambda document: [told(document, one) for one in wrong],
            secrets=(secret,),
        ),
    ]


def subjects() -> Sequence[Subject]:
    """An exchange of each dialect, and whole calls as each of them tells them."""
    return [_mangos(), _zadarmas("zadarma"), _zadarmas("novofon"), _megafons(), *_generics()]
