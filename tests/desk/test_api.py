"""The API as programs see it: the shapes of its answers, and that every refusal is JSON that says why."""

import io
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from structlog.testing import capture_logs

from desk.access import Access
from desk.api import MAX_BODY
from desk.openapi import Operation
from desk.operations import OPERATIONS, openapi
from desk.ports import Json, Refused
from tests.desk.served import TOKEN, SmallEntrance, SmallOffice, serving

SCHEMAS = orjson.loads(openapi())["components"]["schemas"]
PATHS = orjson.loads(openapi())["paths"]
_TYPES = {"string": str, "integer": int, "boolean": bool, "object": dict, "array": list, "null": type(None)}


@dataclass
class Served:
    """The API over an office, and a client that has its token."""

    office: SmallOffice
    url: str
    session: aiohttp.ClientSession

    async def ask(self, method: str, path: str, **given: Any) -> tuple[int, Json]:
        """The status and the JSON of an answer, which must be what the OpenAPI document says of that path."""
        async with self.session.request(method, self.url + path, **given) as response:
            assert response.content_type == "application/json"
            assert response.headers["Cache-Control"] == "no-store"
            answer = orjson.loads(await response.read())
            described = _described(method, path.partition("?")[0])
            if described is not None and str(response.status) in described["responses"]:
                schema = described["responses"][str(response.status)]["content"]["application/json"]["schema"]
                assert list(deviations(answer, schema)) == []
            return response.status, answer


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    office = SmallOffice(tmp_path)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with serving(office) as url, aiohttp.ClientSession(headers=headers) as session:
        yield Served(office, url, session)


def _described(method: str, path: str) -> Any:
    for template, operations in PATHS.items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return operations.get(method.lower())
    return None


def deviations(value: Any, schema: Json, place: str = "$") -> Any:
    """Where a value is not what a schema says; a field that the schema does not name is one too."""
    if "$ref" in schema:
        schema = SCHEMAS[schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        if all(list(deviations(value, one, place)) for one in schema["anyOf"]):
            yield f"{place}: none of anyOf"
        return
    kind = schema.get("type")
    if kind is not None and not (isinstance(value, _TYPES[kind]) and (kind != "integer" or value is not True)):
        yield f"{place}: {value!r} is no {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place}: {value!r} is none of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"{place}: {value!r} is not {schema['const']}"
    if schema.get("format") == "date-time" and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value):
        yield f"{place}: {value!r} is no time"
    if kind == "array":
        for number, item in enumerate(value):
            yield from deviations(item, schema.get("items", {}), f"{place}[{number}]")
    if kind == "object":
        yield from _object_deviations(value, schema, place)


def _object_deviations(value: Json, schema: Json, place: str) -> Any:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", "properties" not in schema)
    yield from (f"{place}.{name}: is missing" for name in schema.get("required", ()) if name not in value)
    for name, item in value.items():
        if name in properties:
            yield from deviations(item, properties[name], f"{place}.{name}")
        elif isinstance(others, dict):
            yield from deviations(item, others, f"{place}.{name}")
        elif not others:
            yield f"{place}.{name}: is not in the schema"


def test_the_check_against_the_schema_sees_what_is_wrong() -> None:
    schema = {"$ref": "#/components/schemas/ChannelState"}
    assert (
        list(
            deviations(
                {"name": "site", "kind": "webform", "state": "listening", "since": "2026-01-31T09:00:00Z"}, schema
            )
        )
        == []
    )
    assert list(deviations({"name": 1, "kind": "webform", "since": "2026-01-31T09:00:00Z", "more": 1}, schema)) == [
        "$.state: is missing",
        "$.name: 1 is no string",
        "$.more: is not in the schema",
    ]
    assert list(deviations({"id": "1", "replayed": 1, "outcome": "lost"}, SCHEMAS["Replayed"])) == [
        "$.replayed: 1 is no boolean",
        "$.outcome: none of anyOf",
    ]


@pytest.mark.parametrize(
    "operation",
    [o for o in OPERATIONS if o.answer not in {"application/octet-stream", "text/event-stream"}],
    ids=lambda o: o.name,
)
async def test_every_operation_answers_as_the_document_says(served: Served, operation: Operation) -> None:
    lead = served.office.add_lead()
    served.office.add_envelope("failed", "unreadable")
    served.office.unsent = [
        {"id": "n-1", "code": "lead_assigned", "lead": lead["id"], "manager": "anna", "state": "dead", "attempts": 9,
         "error": "refused", "created_at": lead["created_at"], "due_at": lead["created_at"]}
    ]  # fmt: skip
    ids = {"leads": lead["id"], "contacts": "c-1", "envelopes": "e-1", "activities": "to-do"}
    ids |= {"merges": "m-1", "suggestions": "s-1", "companies": "o-1"}
    bodies = {
        "set_availability": {"available": False},
        "replay": {"ids": None, "dry_run": True},
        "try": {"channel": "site", "phone": "8 916 123-45-67"},
        "take_down": {"phone": "8 916 123-45-67", "text": "Цемент"},
        "reply": {"text": "Да, есть."},
        "merge": {"absorb": "c-2"},
        "import_contacts": {"rows": [{"line": 2, "name": "Анна", "phones": ["8 916 123-45-67"]}]},
    }
    kind = operation.path.removeprefix("/api/").partition("/")[0]
    path = operation.path.replace("{id}", ids.get(kind, "")).replace("{name}", "anna")
    if operation.name == "metrics":
        async with served.session.get(served.url + path) as response:
            assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            assert await response.text() == "priyom_pending 0.0\n"
        return
    status, _ = await served.ask(operation.method, path, json=bodies.get(operation.name))
    assert status == 200


@pytest.mark.parametrize(
    "header", [None, "Bearer", "Bearer wrong", f"Basic {TOKEN}", "Bearer \xff", f"Bearer {TOKEN}x"]
)
async def test_without_the_token_nothing_is_told(served: Served, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    async with aiohttp.ClientSession(headers=headers) as session:
        for method, path in (
            ("GET", "/api/leads"),
            ("GET", "/api/nope"),
            ("DELETE", "/api/leads"),
            ("GET", "/api/openapi.json"),
        ):
            async with session.request(method, served.url + path) as response:
                assert response.status == 401
                assert response.headers["WWW-Authenticate"].startswith("Bearer")
                assert orjson.loads(await response.read())["error"]["code"] == "unproved"


def test_an_empty_token_is_not_a_token() -> None:
    with pytest.raises(ValueError, match="needs a token"):
        Access("", SmallEntrance())


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_probes_need_no_token_and_answer_to_head(served: Served, path: str) -> None:
    async with aiohttp.ClientSession() as session:
        for method in ("GET", "HEAD"):
            async with session.request(method, served.url + path, params={"any": "thing"}) as response:
                assert response.status == 200


async def test_not_ready_is_503_with_the_reason(served: Served) -> None:
    served.office.ready = False
    status, answer = await served.ask("GET", "/readyz")
    assert (status, answer["ready"], answer["store"]) == (503, False, "away")


async def test_a_list_is_paged_by_its_cursor_to_the_end(served: Served) -> None:
    made = [served.office.add_lead(f"Лид {number}")["id"] for number in range(5)]
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        status, page = await served.ask("GET", f"/api/leads?limit=2&cursor={cursor}")
        assert status == 200
        assert len(page["items"]) <= 2
        seen += [lead["id"] for lead in page["items"]]
        cursor = page["next"]
    assert seen == made[::-1]


async def test_a_list_that_the_office_gives_whole_is_paged_too(served: Served) -> None:
    _, first = await served.ask("GET", "/api/managers?limit=1")
    _, second = await served.ask("GET", f"/api/managers?limit=1&cursor={first['next']}")
    assert [m["name"] for m in first["items"] + second["items"]] == ["anna", "boris"]
    assert second["next"] is None


async def test_a_filter_that_is_left_empty_is_no_filter(served: Served) -> None:
    served.office.add_lead(state="in_work")
    served.office.add_lead(owner="boris")
    _, every = await served.ask("GET", "/api/leads?state=&owner=&team=&channel=&q=&limit=&cursor=")
    _, some = await served.ask("GET", "/api/leads?state=assigned&owner=boris&team=sales&channel=site&q=Цемент")
    assert (len(every["items"]), len(some["items"])) == (2, 1)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=0", "limit"), ("limit=201", "limit"), ("limit=x", "limit"), ("limit=-1", "limit"), ("limit=1_0", "limit"),
        ("state=foo", "state"), ("stat=assigned", "stat"), ("q=a%00b", "q"), ("owner=a&owner=b", "owner"),
    ],
)  # fmt: skip
async def test_a_query_that_cannot_be_meant_is_refused_by_name(served: Served, query: str, named: str) -> None:
    status, answer = await served.ask("GET", f"/api/leads?{query}")
    assert status == 400
    assert named in answer["error"]["message"]


@pytest.mark.parametrize(
    "path", ["/api/managers?cursor=x", "/api/managers?cursor=999999999", "/api/contacts?key=phone"]
)
async def test_a_cursor_or_key_that_is_none_is_refused(served: Served, path: str) -> None:
    status, _ = await served.ask("GET", path)
    assert status == 400


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/api/leads/{id}/accept", b"{", 400, "unreadable"),
        ("/api/leads/{id}/accept", b'{"reason": "\\ud800"}', 400, "unreadable"),
        ("/api/leads/{id}/accept", b"[]", 422, "invalid"),
        ("/api/leads/{id}/accept", b'{"version": "seven"}', 422, "invalid"),
        ("/api/leads/{id}/accept", b'{"managr": "anna"}', 422, "invalid"),
        ("/api/leads/{id}/lose", b'{"reason": "a\\u0000b"}', 422, "invalid"),
        ("/api/leads/{id}/assign", b'{"manager": "zorro"}', 422, "no_such_manager"),
        ("/api/leads/none/accept", b"{}", 404, "no_such_lead"),
        ("/api/replay", b"", 422, "invalid"),
        ("/api/try", b"{}", 422, "invalid"),
        ("/api/envelopes/none/replay", b"", 404, "no_such_envelope"),
        ("/api/leads/{id}/explode", b"", 404, "no_such_path"),
        ("/api", b"", 404, "no_such_path"),
    ],
)  # fmt: skip
async def test_an_order_that_cannot_be_followed_is_refused(
    served: Served, path: str, body: bytes, status: int, code: str
) -> None:
    lead = served.office.add_lead()
    answered, answer = await served.ask("POST", path.replace("{id}", lead["id"]), data=body)
    assert (answered, answer["error"]["code"]) == (status, code)
    assert answer["error"]["message"]
    assert lead["version"] == 1


async def test_a_body_beyond_the_limit_is_refused(served: Served) -> None:
    status, answer = await served.ask("POST", "/api/try", data=io.BytesIO(b" " * (MAX_BODY + 1)))
    assert (status, answer["error"]["code"]) == (413, "too_large")


async def test_a_refused_field_is_named(served: Served) -> None:
    lead = served.office.add_lead()
    _, answer = await served.ask("POST", f"/api/leads/{lead['id']}/accept", json={"version": "x", "managr": "anna"})
    assert "version: " in answer["error"]["message"]
    assert "managr: " in answer["error"]["message"]


async def test_a_body_that_is_packed_wrongly_is_refused(served: Served) -> None:
    status, answer = await served.ask("POST", "/api/try", data=b"no gzip", headers={"Content-Encoding": "gzip"})
    assert (status, answer["error"]["code"]) == (400, "unreadable")


async def test_another_method_is_405_and_says_which_there_are(served: Served) -> None:
    async with served.session.delete(served.url + "/api/leads") as response:
        assert response.status == 405
        assert response.headers["Allow"] == "GET, HEAD, POST"
        assert orjson.loads(await response.read())["error"]["code"] == "no_such_method"


async def test_a_lead_is_taken_into_work_without_a_body_by_the_api(served: Served) -> None:
    lead = served.office.add_lead()
    status, answer = await served.ask("POST", f"/api/leads/{lead['id']}/accept")
    assert (status, answer["state"], answer["version"]) == (200, "in_work", 2)
    assert served.office.actors == ["api"]


async def test_an_approach_taken_down_twice_under_one_key_is_one_lead(served: Served) -> None:
    async def take_down(key: str, **order: Any) -> tuple[int, Json]:
        return await served.ask("POST", "/api/leads", json=order, headers={"Idempotency-Key": key})

    status, first = await take_down("a", text="Цемент")
    assert (status, first["title"]) == (200, "Цемент")
    assert (
        (await take_down("a", text="Цемент"))[1]["id"] == first["id"] != (await take_down("b", text="Цемент"))[1]["id"]
    )
    status, shown = await take_down("c", phone="8 916 123-45-67", preview=True)
    assert (status, shown["matches"][0]["contact"]["name"]) == (200, "Николай")
    assert (await take_down("k" * 256, text="Цемент"))[0] == 400


async def test_a_merge_can_be_seen_first_and_what_makes_no_sense_is_refused(served: Served) -> None:
    status, shown = await served.ask("POST", "/api/contacts/c-1/merge", json={"absorb": "c-2", "preview": True})
    assert (status, shown["merge"], shown["preview"]["folds"]) == (200, None, [{"lead": "l-2", "into": "l-1"}])
    status, answer = await served.ask("POST", "/api/contacts/c-1/merge", json={"absorb": "c-1"})
    assert (status, answer["error"]["code"]) == (409, "same_contact")
    assert (await served.ask("POST", "/api/contacts/c-1/merge", json={}))[0] == 422


async def test_keys_to_split_off_are_written_as_they_are_shown_or_in_one_word(served: Served) -> None:
    keys = ["phone:+79161234567", {"kind": "phone", "value": "+74951234500", "extension": "12"}]
    status, _ = await served.ask("POST", "/api/contacts/c-1/split", json={"keys": keys, "interactions": ["i-1"]})
    assert status == 200
    assert served.office.people.orders == [("c-1", keys, ["i-1"], "api")]


async def test_an_owner_that_is_null_is_told_from_one_that_is_left_out(served: Served) -> None:
    for order in ({"name": "Анна"}, {"owner": None}, {"name": None, "owner": "anna"}, {}):
        assert (await served.ask("PUT", "/api/contacts/c-1", json=order))[0] == 200
        assert served.office.people.orders.pop() == order


async def test_a_suggestion_is_answered_once_in_the_readers_language(served: Served) -> None:
    _, page = await served.ask("GET", "/api/suggestions?state=open&language=en")
    assert page["items"][0]["reason"] == "One approach gave keys of both contacts."
    for _ in range(2):
        assert (await served.ask("POST", "/api/suggestions/s-1/apart"))[0] == 200
    assert (await served.ask("POST", "/api/suggestions/s-1/join"))[0] == 409
    assert (await served.ask("GET", "/api/suggestions?state=open"))[1]["items"] == []


async def test_a_stale_version_is_409_with_the_lead_as_it_is(served: Served) -> None:
    lead = served.office.add_lead(version=7)
    status, answer = await served.ask("POST", f"/api/leads/{lead['id']}/accept", json={"version": 6})
    assert (status, answer["error"]["code"], answer["lead"]["version"]) == (409, "stale", 7)


async def test_a_store_that_is_away_is_503_with_a_time_to_come_back(served: Served) -> None:
    async def away() -> Json:
        raise Refused(503, "store_away", "the store cannot be reached")

    served.office.ledger = away  # type: ignore[method-assign] # an office whose store is away
    async with served.session.get(served.url + "/api/ledger") as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "1")


async def test_a_defect_is_500_and_neither_it_nor_the_log_tells_who_was_asked_for(served: Served) -> None:
    served.office.broken = True
    with capture_logs() as logs:
        status, answer = await served.ask("GET", "/api/leads?q=%2B79161234567")
    assert (status, answer["error"]["code"]) == (500, "internal")
    assert [(line["action"], line["operation"]) for line in logs] == [("api.error", "leads")]
    assert "9161234567" not in str(answer)
    assert not any("9161234567" in str(value) or TOKEN in str(value) for line in logs for value in line.values())


async def test_availability_is_switched_for_a_name_with_any_letters(served: Served) -> None:
    status, answer = await served.ask("PUT", "/api/managers/anna/availability", json={"available": False})
    assert (status, answer["available"], served.office.away) == (200, False, {"anna"})
    status, answer = await served.ask("PUT", "/api/managers/Иван%20К./availability", json={"available": False})
    assert (status, answer["error"]["code"]) == (404, "no_such_manager")


async def test_one_envelope_is_replayed_and_many(served: Served) -> None:
    one, two, other = (served.office.add_envelope(outcome) for outcome in ("failed", "failed", "ignored"))
    status, answer = await served.ask("POST", f"/api/envelopes/{one['id']}/replay", json={"dry_run": True})
    assert (status, answer["replayed"], answer["outcome"], one["outcome"]) == (200, False, "created", "failed")
    status, answer = await served.ask("POST", f"/api/envelopes/{one['id']}/replay")
    assert (status, answer) == (200, {"id": one["id"], "replayed": True})
    status, answer = await served.ask("POST", "/api/replay", json={"ids": [two["id"], other["id"]], "as_client": True})
    assert [item["replayed"] for item in answer["items"]] == [True, True]


async def test_a_file_is_given_to_be_saved_and_never_shown_as_a_page(served: Served, tmp_path: Path) -> None:
    (tmp_path / "ab12").write_bytes(b"<script>")
    async with served.session.get(served.url + "/api/files/ab12") as response:
        assert (response.status, await response.read()) == (200, b"<script>")
        assert response.headers["Content-Type"] == "application/octet-stream"
        assert response.headers["Content-Disposition"] == "attachment"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
    status, _ = await served.ask("GET", "/api/files/ab13")
    assert status == 404


async def test_the_document_names_every_path_with_its_method_once(served: Served) -> None:
    status, document = await served.ask("GET", "/api/openapi.json")
    described = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
    assert (status, document["openapi"]) == (200, "3.1.0")
    assert described == {(operation.method, operation.path) for operation in OPERATIONS}
    ids = [operation["operationId"] for operations in document["paths"].values() for operation in operations.values()]
    assert len(ids) == len(set(ids))


def test_every_operation_is_in_the_docs_and_they_know_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs/api.md").read_text(encoding="utf-8")
    written = set()
    for method, path in re.findall(r"`(GET|POST|PUT) (/[^`?]+)", page.replace("\\|", "|")):
        found = re.search(r"\{([^{}]*\|[^{}]*)\}", path)
        choices = [path] if found is None else [path.replace(found[0], choice) for choice in found[1].split("|")]
        written |= {(method, choice) for choice in choices}
    assert written == {(operation.method, operation.path) for operation in OPERATIONS}


def test_every_reference_of_the_document_leads_somewhere() -> None:
    named = set(re.findall(rb'"#/components/schemas/(\w+)"', openapi()))
    assert {name.decode() for name in named} <= set(SCHEMAS)
