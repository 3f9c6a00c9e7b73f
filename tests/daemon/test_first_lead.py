"""The whole way of a contact over the daemon as a process: posted, stored, settled, given out, told, and accounted for."""

import itertools
import re
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import aiohttp
import pytest

from tests.daemon.conftest import Make
from tests.daemon.process import Client, Daemon, Json, team, until
from tests.smtp import Mail, MailServer, silent

_numbers = itertools.count(1)

LEAD = {
    "id", "version", "title", "state", "reason", "owner", "team", "channel", "source", "created_at", "due_at",
    "merged_into", "contact", "company", "interactions", "activities", "decision",
}  # fmt: skip
INTERACTION = {"id", "envelopes", "channel", "kind", "at", "direction", "subject", "text", "fields"}


def new_phone() -> str:
    """A number that no other test of this module uses."""
    return f"+7912{next(_numbers):07d}"


def by_mail(port: int) -> Json:
    return {"email": {"smtp": {"host": "127.0.0.1", "port": port, "tls": False}, "from": "leads@example.com"}}


def about(lead: Json) -> Callable[[list[Mail]], bool]:
    return lambda mails: bool(told_of(lead, mails))


def told_of(lead: Json, mails: list[Mail]) -> list[Mail]:
    return [mail for mail in mails if lead["id"] in mail.message.get_content()]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, mails: MailServer, founded: Make) -> Iterator[Daemon]:
    """One for all tests that change nothing but their own clients and channels."""
    form = {"kind": "webform", "source": "Сайт"}
    made = founded(
        tmp_path_factory.mktemp("shared"),
        http={"max_body": "64KB"},
        channels={
            "site": form,
            **dict.fromkeys(("keyed", "submitted", "repeated", "trap", "hasty", "counted"), form),
            "ours": {**form, "origins": ["https://example.com"]},
            "asking": {**form, "consent": {"required": True, "version": "2026-09"}},
        },
        topics={"Цемент": ["цемент", "м500"]},
        notices=by_mail(mails.port),
    )
    made.start()
    yield made
    made.close()


async def ledger_of(client: Client, channel: str) -> Json:
    """A channel's figures, which must account for every envelope."""
    await client.settled()
    ledger = await client.get("/api/ledger")
    assert ledger["balanced"] is True
    names = ("received", "created", "attached", "handled", "ignored", "failed", "pending", "duplicates")
    items = [item for item in ledger["items"] if item["channel"] == channel]
    total = {name: sum(item[name] for item in items) for name in names}
    assert total["received"] == sum(total[name] for name in names[1:7])
    return total


# --- becoming a lead ---


async def test_json_becomes_a_lead_that_its_owner_is_told_of_by_mail(client: Client, mails: MailServer) -> None:
    phone = new_phone()
    lead = await client.lead(
        name="Николай",
        phone=phone,
        city="Саратов",
        message="Нужен цемент М500,\nдве машины",
        utm_source="yandex",
        floor=3,
    )
    assert set(lead) >= LEAD
    assert (lead["title"], lead["state"], lead["reason"]) == ("Саратов – Николай – Цемент", "assigned", None)
    assert lead["owner"] in {"anna", "boris"}
    assert (lead["team"], lead["channel"], lead["source"]) == ("sales", "site", "Сайт")
    assert lead["contact"]["name"] == "Николай"
    assert lead["contact"]["keys"] == [{"kind": "phone", "value": phone}]
    (interaction,) = lead["interactions"]
    assert set(interaction) >= INTERACTION
    assert interaction["text"] == "Нужен цемент М500,\nдве машины"
    assert (interaction["kind"], interaction["direction"], interaction["fields"]) == ("form", "in", {"floor": "3"})
    assert interaction["campaign"] == {"utm_source": "yandex"}
    assert len(interaction["envelopes"]) == 1

    (mail,) = told_of(lead, await mails.wait(about(lead)))
    told = mail.message
    assert mail.recipients == (f"{lead['owner']}@example.com",)
    assert told["Subject"] == "Новый лид: Саратов – Николай – Цемент"
    assert re.fullmatch(r"<[0-9a-f-]{36}@example\.com>", told["Message-ID"])
    assert told["Auto-Submitted"] == "auto-generated"
    for said in ("Николай", phone, "Сайт", "Нужен цемент М500,\n"):
        assert said in told.get_content().replace("\r\n", "\n")


async def test_an_urlencoded_form_becomes_a_lead_with_an_owner(client: Client) -> None:
    form = {"name": "Ольга", "phone": "8 (912) 345-67-89", "message": "перезвоните"}
    answer = await client.ask("POST", "/in/site", token=None, data=form)
    assert answer.status == 202
    assert answer.json == {"id": answer.json["id"], "duplicate": False}
    lead = await client.lead_of(answer.json["id"])
    assert lead["owner"] is not None
    assert lead["contact"]["keys"] == [{"kind": "phone", "value": "+79123456789"}]


async def test_a_multipart_form_becomes_a_lead_with_its_file(client: Client) -> None:
    form = aiohttp.FormData(
        {"name": "Пётр", "email": "petr@example.org", "message": "чертёж приложен"}, quote_fields=False
    )
    form.add_field("file", b"%PDF-1.7", filename="чертёж.pdf", content_type="application/pdf")
    answer = await client.ask("POST", "/in/site", token=None, data=form)
    assert answer.status == 202
    lead = await client.lead_of(answer.json["id"])
    assert lead["owner"] is not None
    assert lead["contact"]["keys"] == [{"kind": "email", "value": "petr@example.org"}]
    (attachment,) = lead["interactions"][0]["attachments"]
    assert (attachment["name"], attachment["media_type"], attachment["size"]) == ("чертёж.pdf", "application/pdf", 8)


async def test_a_form_without_any_way_back_is_a_lead_that_says_so(client: Client) -> None:
    lead = await client.lead(name="Никто", message="как вас найти?")
    assert lead["contact"] == {"id": lead["contact"]["id"], "name": "Никто", "keys": []}
    assert "no_way_back" in lead["marks"]


async def test_who_writes_again_is_attached_and_his_manager_is_told(client: Client, mails: MailServer) -> None:
    phone = new_phone()
    first = await client.lead(name="Вера", phone=phone, message="один")
    await mails.wait(about(first))
    again = await client.lead(name="Вера", phone=phone, message="два")
    assert again["id"] == first["id"]
    assert [interaction["text"] for interaction in again["interactions"]] == ["один", "два"]
    mailed = told_of(first, await mails.wait(lambda mails: len(told_of(first, mails)) == 2))
    assert [mail.message["Subject"] for mail in mailed] == [
        "Новый лид: Вера – один",
        "Клиент написал снова: Вера – один",
    ]
    assert mailed[0].recipients == mailed[1].recipients
    assert mailed[0].message["Message-ID"] != mailed[1].message["Message-ID"]


async def test_a_lead_explains_itself_in_both_languages(client: Client) -> None:
    lead = await client.lead(name="Зоя", phone=new_phone())
    for language, word in (("ru", "контакт"), ("en", "contact")):
        explained = await client.get(f"/api/leads/{lead['id']}/explain", language=language)
        told = " ".join(sentence["text"] for sentence in explained["sentences"])
        assert word in told.lower()
        assert lead["owner"].title() in told
    assert (await client.get(f"/api/leads/{lead['id']}"))["decision"]["assignment"]["manager"] == lead["owner"]


async def test_the_command_line_explains_through_the_daemon_that_runs(client: Client, daemon: Daemon) -> None:
    lead = await client.lead(name="Инна", phone=new_phone())
    shown = daemon.command("explain", lead["id"])
    assert shown.returncode == 0, shown.stderr
    assert lead["owner"].title() in shown.stdout


# --- once ---


async def test_the_same_key_with_the_same_body_is_the_same_envelope(client: Client) -> None:
    form = {"name": "Анна", "phone": new_phone()}
    first = await client.send("/in/keyed", key="order-1", **form)
    again = await client.send("/in/keyed", key="order-1", **form)
    assert first.json == {"id": first.json["id"], "duplicate": False}
    assert (again.status, again.json) == (202, {"id": first.json["id"], "duplicate": True})
    assert len((await client.lead_of(first.json["id"]))["interactions"]) == 1

    other = await client.send("/in/keyed", key="order-1", **form, message="совсем другое")
    assert (other.status, other.error) == (422, "idempotency_conflict")
    elsewhere = await client.send("/in/site", key="order-1", **form, message="другой канал")
    assert elsewhere.json["duplicate"] is False
    figures = await ledger_of(client, "keyed")
    assert (figures["received"], figures["created"]) == (1, 1)
    assert figures["duplicates"] >= 1


async def test_the_same_submission_is_one_envelope_and_a_changed_one_is_another(client: Client) -> None:
    form = {"name": "Анна", "phone": new_phone(), "submission_id": "s-1"}
    first = await client.send("/in/submitted", **form)
    again = await client.send("/in/submitted", **form)
    other = await client.send("/in/submitted", **form, message="и ещё")
    assert (again.status, again.json) == (202, {"id": first.json["id"], "duplicate": True})
    assert (other.status, other.json["duplicate"]) == (202, False)
    assert other.json["id"] != first.json["id"]
    figures = await ledger_of(client, "submitted")
    assert (figures["received"], figures["duplicates"], figures["created"], figures["attached"]) == (2, 1, 1, 1)


async def test_a_repeat_without_a_key_is_kept_and_ignored_for_ten_minutes_only(client: Client) -> None:
    form = {"name": "Анна", "phone": new_phone(), "message": "двойной щелчок"}
    first = await client.accepted("/in/repeated", **form)
    answer = await client.send("/in/repeated", **form)
    assert answer.json["duplicate"] is False
    assert answer.json["id"] != first
    repeat = await client.decided(answer.json["id"])
    assert (repeat["outcome"], repeat["reason"]) == ("ignored", "repeat")
    listed = await client.listed("/api/envelopes", outcome="ignored", channel="repeated", reason="repeat")
    assert [item["id"] for item in listed] == [repeat["id"]]
    figures = await ledger_of(client, "repeated")
    assert [figures[name] for name in ("received", "created", "ignored", "duplicates")] == [2, 1, 1, 0]

    await client.advance("11m")
    assert (await client.decided(await client.accepted("/in/repeated", **form)))["outcome"] == "attached"


# --- refused ---


async def refusals(client: Client) -> int:
    """How many deliveries the daemon has refused."""
    metrics = (await client.ask("GET", "/metrics", token=None)).body.decode()
    return sum(int(float(found)) for found in re.findall(r"^priyom_refused_total\{.*\} (\S+)$", metrics, re.MULTILINE))


@pytest.mark.parametrize(
    ("method", "path", "content_type", "body", "status"),
    [
        ("POST", "/in/nowhere", "application/json", b"{}", 404),
        ("GET", "/in/site", None, None, 405),
        ("DELETE", "/in/site", None, None, 405),
        ("POST", "/in/site", "application/json", b'{"message": "' + b"m" * 70_000 + b'"}', 413),
        ("POST", "/in/site", "text/plain", b"name=Anna", 415),
        ("POST", "/in/site", "application/json", b'{"name": ', 400),
        ("POST", "/in/site", "application/json", b"\xff\xfe", 400),
        ("POST", "/in/site", "multipart/form-data", b"name=Anna", 400),
        ("POST", "/in/site", "multipart/form-data; boundary=x", b"--y\r\n\r\n--y--", 400),
        ("POST", "/in/site", "application/json", b'["name"]', 422),
    ],
)
async def test_what_is_refused_says_why_and_is_counted(
    client: Client, method: str, path: str, content_type: str | None, body: bytes | None, status: int
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    skipped = {"Content-Type"} if content_type is None else set()

    before = await refusals(client)
    answer = await client.ask(
        method, path, token=None, data=body, headers=headers, skip_auto_headers=skipped, allow_redirects=False
    )
    assert answer.status == status, answer.body
    assert answer.error
    assert await refusals(client) == before + 1


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\n\r\nno gzip",
        b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
        b"Content-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n--b\r\n\r\n",
    ],
)
async def test_a_sender_that_breaks_off_is_refused_and_wakes_nobody(
    client: Client, daemon: Daemon, rest: bytes
) -> None:
    before = await refusals(client)
    with socket.create_connection(("127.0.0.1", daemon.port)) as sender:
        sender.sendall(b"POST /in/site HTTP/1.1\r\nHost: x\r\n" + rest)
        sender.shutdown(socket.SHUT_WR)

    async def refused() -> bool:
        return await refusals(client) == before + 1

    await until(refused)
    assert "delivery.failed" not in daemon.log


@pytest.mark.parametrize("spelt", ["boundary={}", 'Boundary="{}"', "charset=utf-8; BOUNDARY = {}"])
async def test_too_large_a_file_costs_a_form_nothing_but_the_file(client: Client, spelt: str) -> None:
    form = aiohttp.FormData({"name": "Пётр", "phone": new_phone()}, quote_fields=False)
    form.add_field("file", b"x" * 100_000, filename="фото.jpg", content_type="image/jpeg")
    written = form()
    assert isinstance(written, aiohttp.MultipartWriter)
    kind = {"Content-Type": f"multipart/form-data; {spelt.format(written.boundary)}"}
    answer = await client.ask("POST", "/in/site", token=None, data=written, headers=kind)
    assert answer.status == 202
    lead = await client.lead_of(answer.json["id"])
    assert lead["contact"]["name"] == "Пётр"
    (attachment,) = lead["interactions"][0]["attachments"]
    assert (attachment["name"], attachment["dropped"]) == ("фото.jpg", "too_large")


async def test_bytes_that_a_database_refuses_cost_nothing(client: Client) -> None:
    phone = new_phone()
    body = b'{"name": "a\\u0000b", "phone": "' + phone.encode() + b'", "message": "\\ud83d half"}'
    answer = await client.ask("POST", "/in/site", token=None, data=body, headers={"Content-Type": "application/json"})
    assert answer.status == 202
    lead = await client.lead_of(answer.json["id"])
    assert lead["contact"]["keys"] == [{"kind": "phone", "value": phone}]


@pytest.mark.parametrize("token", [None, "wrong", "", "token-of-the-test"])
async def test_the_api_is_closed_to_whoever_has_no_token(client: Client, token: str | None) -> None:
    for method, path in (("GET", "/api/leads"), ("GET", "/api/nothing"), ("PUT", "/api/managers/anna/availability")):
        answer = await client.ask(method, path, token=token)
        assert (answer.status, answer.error) == (401, "unproved")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nothing", 404),
        ("GET", "/api/leads/01a20055-d2c5-7663-8085-27d1b85c734f", 404),
        ("GET", "/api/leads/%00", 404),
        ("GET", "/api/envelopes/none", 404),
        ("DELETE", "/api/leads", 405),
        ("GET", "/api/leads?limit=201", 400),
        ("GET", "/api/leads?cursor=nonsense", 400),
        ("GET", "/api/leads?state=open", 400),
        ("PUT", "/api/managers/nobody/availability", 422),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused_in_the_same_shape(
    client: Client, method: str, path: str, status: int
) -> None:
    answer = await client.ask(method, path)
    assert answer.status == status, answer.body
    assert answer.error


async def test_lists_come_in_pages_that_leave_nothing_out(client: Client) -> None:
    made = {(await client.lead(name="Много", phone=new_phone(), city="Псков"))["id"] for _ in range(5)}
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await client.get("/api/leads", q="Псков", limit=2, **cursor)
        assert set(page) == {"items", "next"}
        assert len(page["items"]) <= 2
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert len(seen) == len(set(seen)) == 5
    assert set(seen) == made


async def test_scripts_of_any_site_may_post_where_no_origins_are_named(client: Client) -> None:
    answer = await client.ask(
        "POST", "/in/site", token=None, json={"phone": new_phone()}, headers={"Origin": "https://any.example.org"}
    )
    assert answer.status == 202
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_scripts_of_named_sites_only_may_read_the_answer(client: Client) -> None:
    ours, other = {"Origin": "https://example.com"}, {"Origin": "https://other.example.org"}
    asking = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,idempotency-key"}
    allowed = await client.ask("OPTIONS", "/in/ours", token=None, headers={**ours, **asking})
    assert allowed.status == 204
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://example.com"
    assert "POST" in allowed.headers["Access-Control-Allow-Methods"]
    assert {"content-type", "idempotency-key"} <= set(
        allowed.headers["Access-Control-Allow-Headers"].lower().replace(" ", "").split(",")
    )
    refused = await client.ask("OPTIONS", "/in/ours", token=None, headers={**other, **asking})
    assert "Access-Control-Allow-Origin" not in refused.headers
    posted = await client.ask("POST", "/in/ours", token=None, json={"phone": new_phone()}, headers=ours)
    assert (posted.status, posted.headers["Access-Control-Allow-Origin"]) == (202, "https://example.com")
    unreadable = await client.ask(
        "POST", "/in/ours", token=None, data=b"{", headers={**ours, "Content-Type": "text/json"}
    )
    assert unreadable.headers["Access-Control-Allow-Origin"] == "https://example.com"
    stranger = await client.ask("POST", "/in/ours", token=None, json={"phone": new_phone()}, headers=other)
    assert "Access-Control-Allow-Origin" not in stranger.headers


# --- the hosted form ---


async def hosted(client: Client, channel: str) -> dict[str, str]:
    """The hidden fields of the hosted form."""
    page = await client.ask("GET", f"/form/{channel}", token=None)
    assert page.status == 200
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.body.decode())
    return {unescape(name): unescape(value) for name, value in found}


async def test_a_filled_honeypot_is_ignored_and_a_person_can_overrule_it(client: Client, daemon: Daemon) -> None:
    phone = new_phone()
    form = {**await hosted(client, "trap"), "name": "Анна", "phone": phone, "website": "http://spam.example"}
    await client.advance("3s")
    answer = await client.ask("POST", "/in/trap", token=None, data=form, headers={"Accept": "text/html"})
    assert answer.status == 202
    assert answer.headers["Content-Type"].startswith("text/html")
    await client.settled()
    (ignored,) = await client.listed("/api/envelopes", channel="trap")
    assert (ignored["outcome"], ignored["reason"], ignored["lead"]) == ("ignored", "honeypot", None)
    assert (await ledger_of(client, "trap"))["ignored"] == 1

    done = daemon.command("replay", ignored["id"], "--as-client")
    assert done.returncode == 0, done.stderr
    lead = await client.lead_of(ignored["id"])
    assert lead["contact"]["keys"] == [{"kind": "phone", "value": phone}]
    figures = await ledger_of(client, "trap")
    assert [figures[name] for name in ("received", "created", "ignored")] == [1, 1, 0]
    assert daemon.command("replay", ignored["id"], "--as-client").returncode == 1
    assert len((await client.get(f"/api/leads/{lead['id']}"))["interactions"]) == 1


async def test_a_form_filled_faster_than_a_person_can_is_ignored(client: Client) -> None:
    form = {**await hosted(client, "hasty"), "name": "Анна", "phone": new_phone()}
    await client.ask("POST", "/in/hasty", token=None, data=form, headers={"Accept": "text/html"})
    await client.settled()
    (ignored,) = await client.listed("/api/envelopes", channel="hasty")
    assert (ignored["outcome"], ignored["reason"]) == ("ignored", "filled_too_fast")


async def test_consent_binds_the_hosted_form_only_and_is_recorded(client: Client) -> None:
    form = {**await hosted(client, "asking"), "name": "Анна", "phone": new_phone()}
    await client.advance("3s")
    refused = await client.ask("POST", "/in/asking", token=None, data=form, headers={"Accept": "application/json"})
    assert (refused.status, refused.error) == (422, "consent_required")
    taken = await client.ask(
        "POST", "/in/asking", token=None, data={**form, "consent": "yes"}, headers={"Accept": "application/json"}
    )
    consent = (await client.lead_of(taken.json["id"]))["interactions"][0]["consent"]
    assert (consent["given"], consent["version"]) == (True, "2026-09")
    await client.accepted("/in/asking", phone=new_phone())


# --- turns ---


async def test_with_everybody_away_leads_wait_and_the_oldest_go_out_when_one_comes_back(make: Make) -> None:
    daemon = make(**team("anna", "boris", boris={"capacity": 2}))
    daemon.start()
    async with daemon.client() as client:
        for name in ("anna", "boris"):
            assert (await client.set_available(name, available=False))["available"] is False
        waiting = [await client.lead(name=f"Клиент {n}", phone=f"+7912000000{n}") for n in range(4)]
        assert [(lead["state"], lead["reason"], lead["owner"]) for lead in waiting] == [
            ("unprocessed", "nobody_available", None)
        ] * 4
        daemon.stop()
        daemon.start()
        kept = await client.get("/api/managers")
        assert [manager["available"] for manager in kept["items"]] == [False, False]

        back = await client.set_available("boris", available=True)
        assert (back["available"], back["open"]) == (True, 2)
        now = [await client.get(f"/api/leads/{lead['id']}") for lead in waiting]
        assert [lead["owner"] for lead in now] == ["boris", "boris", None, None]
        assert [lead["reason"] for lead in now] == [None, None, "all_at_limit", "all_at_limit"]
        await until(lambda: printed(daemon, "--> boris", 2))

        assert (await client.set_available("anna", available=True))["open"] == 2
        assert (await client.get("/api/leads", state="unprocessed"))["items"] == []
        assert (await client.get("/api/ledger"))["balanced"] is True


async def printed(daemon: Daemon, start: str, times: int) -> bool:
    return sum(line.startswith(start) for line in daemon.printed) == times


def whole_seconds(moment: datetime) -> int:
    """Until then."""
    return int((moment - datetime.now(UTC)).total_seconds())


async def test_outside_hours_leads_wait_for_the_start_of_the_shift(make: Make) -> None:
    now = datetime.now(UTC)
    begins = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=2)
    ends = begins + timedelta(hours=1)
    daemon = make(timezone="UTC", hours=f"{begins:%H:%M}-{ends:%H:%M}")
    daemon.start()
    async with daemon.client() as client:
        lead = await client.lead(name="Ночной", phone="+79120000001")
        assert (lead["state"], lead["reason"]) == ("unprocessed", "outside_hours")
        await client.advance(f"{whole_seconds(begins) - 300}s")
        assert (await client.get(f"/api/leads/{lead['id']}"))["state"] == "unprocessed"
        # The rest of it passes by itself: the daemon must wake at the very moment and not at the next look.
        await client.advance("298s")

        async def given() -> Json | None:
            shown = await client.get(f"/api/leads/{lead['id']}")
            return shown if shown["owner"] else None

        found = await until(given, within=12)
        assert found is not None
        assert (found["state"], found["reason"]) == ("assigned", None)


async def test_nobody_is_given_more_than_his_capacity_and_a_closed_lead_makes_room(make: Make) -> None:
    daemon = make(**team("anna", "boris", anna={"capacity": 1}, boris={"capacity": 1}))
    daemon.start()
    async with daemon.client() as client:
        leads = [await client.lead(name=f"Клиент {n}", phone=f"+7912000000{n}") for n in range(3)]
        assert {lead["owner"] for lead in leads[:2]} == {"anna", "boris"}
        assert (leads[2]["state"], leads[2]["reason"]) == ("unprocessed", "all_at_limit")
        closed = await client.ask("POST", f"/api/leads/{leads[0]['id']}/disqualify", json={"reason": "спам"})
        assert (closed.status, closed.json["state"], closed.json["reason"]) == (200, "disqualified", "спам")
        assert (await client.get(f"/api/leads/{leads[2]['id']}"))["owner"] == leads[0]["owner"]


async def test_a_stale_version_is_told_the_present_state_and_the_same_action_twice_is_no_fault(client: Client) -> None:
    lead = await client.lead(name="Анна", phone=new_phone())
    path = f"/api/leads/{lead['id']}/accept"
    order = {"manager": lead["owner"], "version": lead["version"]}
    taken = await client.ask("POST", path, json=order)
    assert (taken.status, taken.json["state"]) == (200, "in_work")
    assert taken.json["version"] > lead["version"]
    assert (await client.ask("POST", path, json=order)).status == 200

    stale = await client.ask("POST", f"/api/leads/{lead['id']}/convert", json={"version": lead["version"]})
    assert stale.status == 409
    assert stale.json["error"]["code"] == "stale"
    assert (stale.json["lead"]["state"], stale.json["lead"]["version"]) == ("in_work", taken.json["version"])


# --- the process ---


async def test_health_and_metrics_need_no_token_and_tell_nobody_s_name(client: Client) -> None:
    phone = new_phone()
    await client.lead(name="Тайна", phone=phone)
    for path in ("/healthz", "/readyz", "/metrics"):
        answer = await client.ask("GET", path, token=None)
        assert answer.status == 200
        assert phone[1:] not in answer.body.decode()
        assert "Тайна" not in answer.body.decode()


async def test_the_logs_hold_no_personal_data_and_no_secret(client: Client, daemon: Daemon) -> None:
    await client.lead(name="Тайна Сергеевна", phone=new_phone(), email="tajna@example.org")
    for told in ("Тайна", "tajna@", "+7912", "token-of-the-tests"):
        assert told not in daemon.log


async def test_sigterm_ends_at_once_while_the_mail_server_is_silent_and_clients_hold_connections(make: Make) -> None:
    with silent() as port:
        daemon = make(notices=by_mail(port))
        daemon.start()
        async with daemon.client() as client:
            lead = await client.lead(name="Анна", phone="+79120000001")
            with socket.create_connection(("127.0.0.1", daemon.port)) as half:
                half.sendall(b"POST /in/site HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nname=")
                await client.get("/healthz")
                assert daemon.stop() == 0
        daemon.start()
        async with daemon.client() as client:
            assert (await client.get(f"/api/leads/{lead['id']}"))["owner"] == lead["owner"]
            (notice,) = (await client.get("/api/notices"))["items"]
            assert notice["state"] == "due"


@pytest.mark.alone("SQLite has one process")
async def test_a_second_daemon_on_the_same_file_is_refused_in_a_sentence(
    daemon: Daemon, client: Client, make: Make
) -> None:
    second = make()
    second.store_url = daemon.store_url
    refused = second.command("run")
    assert refused.returncode == 2
    assert f"is in use by the daemon with process id {daemon.pid}" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert (await client.get("/api/ledger"))["balanced"] is True


async def test_a_port_that_is_taken_is_said_in_a_sentence(daemon: Daemon, make: Make) -> None:
    second = make(http={"port": daemon.port})
    refused = second.command("run")
    assert refused.returncode == 2
    assert f"cannot listen on 127.0.0.1:{daemon.port}" in refused.stderr
    assert "Traceback" not in refused.stderr


async def test_a_configuration_with_faults_never_starts_and_names_them_all(make: Make) -> None:
    daemon = make(
        managers={"anna": {"name": "Анна", "capasity": 3}}, teams={"sales": {"managers": ["ana"]}}, region="XX"
    )
    refused = daemon.command("run")
    assert refused.returncode == 2
    lines = [line for line in refused.stderr.splitlines() if line.startswith(f"{daemon.path}:")]
    for word in ("capacity", "anna", "region"):
        assert any(word in line for line in lines), refused.stderr
    assert all(re.match(r":\d+: ", line.removeprefix(str(daemon.path))) for line in lines)
    assert not daemon.database.exists()


async def test_a_database_without_our_schema_says_what_to_run(make: Make, postgresql: Any) -> None:
    daemon = make()
    daemon.store_url = postgresql.create("unmigrated")
    refused = daemon.command("run")
    assert refused.returncode == 2
    assert "priyom migrate" in refused.stderr
    assert daemon.command("migrate").returncode == 0
    daemon.start()
    async with daemon.client() as client:
        assert (await client.lead(name="Анна", phone="+79120000001"))["owner"] is not None
    assert daemon.stop() == 0
