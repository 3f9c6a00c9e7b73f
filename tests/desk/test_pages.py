"""The desk's pages without a browser: who gets in, what a session may do, and under which headers."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs
from yarl import URL

from desk.openapi import COOKIE
from desk.ports import Json, Refused
from desk.render import POLICY
from tests.desk.served import AT, TOKEN, SmallEntrance, SmallOffice, serving


@dataclass
class Desk:
    """The pages over an office; `of` gives a browser of somebody who is signed in."""

    office: SmallOffice
    entrance: SmallEntrance
    url: str
    session: aiohttp.ClientSession

    async def ask(self, method: str, path: str, who: str | None = None, **given: Any) -> tuple[int, str, Any]:
        """Status, body and headers; redirects are not followed."""
        headers = dict(given.pop("headers", {}))
        if who is not None:
            headers["Cookie"] = f"{COOKIE}=of-{who}" + (f"; {given.pop('cookies')}" if "cookies" in given else "")
        async with self.session.request(
            method, self.url + path, headers=headers, allow_redirects=False, **given
        ) as answer:
            return answer.status, await answer.text(), answer.headers

    async def post(self, path: str, who: str, **form: str) -> tuple[int, str, Any]:
        """A form as the page of `who` sends it."""
        return await self.ask("POST", path, who, data={"csrf": f"csrf-of-{who}"} | form)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    office, entrance = SmallOffice(), SmallEntrance()
    jar = aiohttp.DummyCookieJar()
    async with serving(office, entrance=entrance) as url, aiohttp.ClientSession(cookie_jar=jar) as session:
        yield Desk(office, entrance, url, session)


@pytest.mark.parametrize("path", ["/", "/leads/{id}", "/ledger"])
async def test_a_stranger_is_told_how_to_sign_in_and_nothing_else(desk: Desk, path: str) -> None:
    lead = desk.office.add_lead("Саратов – Николай")
    for cookie in (None, "of-nobody"):
        headers = {} if cookie is None else {"Cookie": f"{COOKIE}={cookie}"}
        status, body, _ = await desk.ask("GET", path.replace("{id}", lead["id"]), headers=headers)
        assert status == 401
        assert "priyom login" in body
        assert "Николай" not in body


@pytest.mark.parametrize("path", ["/", "/leads/{id}", "/ledger", "/login/once", "/login/never", "/static/none"])
async def test_every_page_forbids_what_is_not_ours(desk: Desk, path: str) -> None:
    lead = desk.office.add_lead("<script>alert(1)</script> {{ 7 * 7 }}")
    _, body, headers = await desk.ask("GET", path.replace("{id}", lead["id"]), "irina")
    assert headers["Content-Security-Policy"] == POLICY
    assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "same-origin")
    assert headers["Cache-Control"] == "no-store"
    assert "<script>alert" not in body
    assert not re.search(r"<[^>]+ (style|on\w+)=|<style|javascript:", body)
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', body)


async def test_looking_at_a_link_does_not_use_it_up_and_pressing_its_button_does(desk: Desk) -> None:
    for _ in range(3):
        status, body, headers = await desk.ask("GET", "/login/once")
        assert status == 200
        assert "Войти: Ирина Орлова" in body
        assert "Set-Cookie" not in headers
    status, _, headers = await desk.ask("POST", "/login/once")
    assert (status, headers["Location"]) == (303, "../")
    cookie = headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=of-irina;")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    for method in ("GET", "POST"):
        status, body, headers = await desk.ask(method, "/login/once")
        assert (status, "Set-Cookie" in headers) == (410, False)
        assert "больше не действует" in body


@pytest.mark.parametrize(("language", "words"), [("ru", "молчит"), ("en", "silent")])
async def test_a_channel_in_trouble_says_what_to_do(desk: Desk, language: str, words: str) -> None:
    desk.office.trouble = {"state": "silent", "remedy": "send <something> by it"}
    _, body, _ = await desk.ask("GET", "/", "irina", cookies=f"priyom_language={language}")
    assert f'<span class="state silent">{words}</span>' in body
    assert '<p class="why">send &lt;something&gt; by it</p>' in body


async def test_another_site_cannot_sign_anybody_in(desk: Desk) -> None:
    status, _, headers = await desk.ask("POST", "/login/once", headers={"Sec-Fetch-Site": "cross-site"})
    assert (status, "Set-Cookie" in headers) == (403, False)
    assert desk.entrance.links


async def test_signing_out_ends_the_session(desk: Desk) -> None:
    status, _, headers = await desk.post("/logout", "irina")
    assert status == 303
    assert f'{COOKIE}=""' in headers["Set-Cookie"]
    assert (await desk.ask("GET", "/", "irina"))[0] == 401


@pytest.mark.parametrize("given", ["", "wrong", "csrf-of-anna"])
async def test_a_form_without_its_sessions_token_does_nothing(desk: Desk, given: str) -> None:
    lead = desk.office.add_lead()
    for path, form in ((f"/leads/{lead['id']}", {"action": "accept"}), ("/", {"manager": "anna", "available": "no"})):
        status, body, _ = await desk.ask("POST", path, "irina", data={"csrf": given, **form})
        assert status == 403
        assert "устарела" in body
    assert desk.office.actors == []


async def test_a_session_serves_the_api_and_changes_nothing_there_without_its_token(desk: Desk) -> None:
    lead = desk.office.add_lead()
    assert (await desk.ask("GET", "/api/leads", "irina"))[0] == 200
    path = f"/api/leads/{lead['id']}/accept"
    status, body, _ = await desk.ask("POST", path, "irina")
    assert (status, "forged" in body) == (403, True)
    status, _, _ = await desk.ask("POST", path, "irina", headers={"X-CSRF-Token": "csrf-of-irina"})
    assert (status, desk.office.actors) == (200, ["irina"])


async def test_a_wrong_token_is_not_made_good_by_a_cookie(desk: Desk) -> None:
    status, _, _ = await desk.ask("GET", "/api/leads", "irina", headers={"Authorization": "Bearer wrong"})
    assert status == 401


async def test_a_manager_sees_and_changes_what_is_his_only(desk: Desk) -> None:
    own, other = desk.office.add_lead("Свой"), desk.office.add_lead("Чужой", owner="boris")
    status, body, _ = await desk.ask("GET", "/", "anna")
    assert (status, "Свой" in body, "Чужой" in body) == (200, True, False)
    assert "boris" not in body
    assert (await desk.ask("GET", f"/leads/{own['id']}", "anna"))[0] == 200
    assert (await desk.ask("GET", f"/leads/{other['id']}", "anna"))[0] == 404
    assert (await desk.ask("GET", "/ledger", "anna"))[0] == 403
    assert (await desk.post(f"/leads/{other['id']}", "anna", action="accept"))[0] == 404
    assert (await desk.post("/", "anna", manager="boris", available="no"))[0] == 403
    assert desk.office.actors == []
    assert (await desk.post(f"/leads/{own['id']}", "anna", action="accept"))[0] == 303
    assert (await desk.post("/", "anna", manager="anna", available="no"))[0] == 303
    assert (own["state"], desk.office.away, desk.office.actors) == ("in_work", {"anna"}, ["anna", "anna"])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/leads", 200), ("GET", "/api/leads?owner=boris", 403), ("GET", "/api/leads/{own}", 200),
        ("GET", "/api/leads/{other}", 404), ("GET", "/api/leads/{other}/explain", 404), ("GET", "/api/managers", 200),
        ("GET", "/api/contacts", 403), ("GET", "/api/channels", 403), ("GET", "/api/ledger", 403),
        ("GET", "/api/envelopes", 403), ("POST", "/api/replay", 403), ("POST", "/api/login-links", 403),
        ("POST", "/api/leads/{other}/accept", 404), ("POST", "/api/leads/{own}/accept", 200),
        ("PUT", "/api/managers/boris/availability", 403), ("PUT", "/api/managers/anna/availability", 200),
    ],
)  # fmt: skip
async def test_the_api_gives_a_managers_session_what_is_his_only(
    desk: Desk, method: str, path: str, status: int
) -> None:
    own, other = desk.office.add_lead("Свой"), desk.office.add_lead("Чужой", owner="boris")
    path = path.replace("{own}", own["id"]).replace("{other}", other["id"])
    body: Json = {"available": True} if method == "PUT" else {"ids": []} if "replay" in path else {}
    headers = {"X-CSRF-Token": "csrf-of-anna"}
    given = {} if method == "GET" else {"json": body}
    answered, text, _ = await desk.ask(method, path, "anna", headers=headers, **given)
    assert answered == status, text
    assert "Чужой" not in text


async def test_a_manager_who_cannot_take_a_lead_says_so_by_a_button_and_is_shown_the_live_page(desk: Desk) -> None:
    own = desk.office.add_lead()
    _, body, _ = await desk.ask("GET", f"/leads/{own['id']}", "anna")
    assert "Не могу взять" in body
    status, _, headers = await desk.post(f"/leads/{own['id']}", "anna", action="decline")
    assert (status, own["state"], own["owner"]) == (303, "unprocessed", None)
    assert headers["Location"] == "../"


@pytest.mark.parametrize("action", ["accept", "decline"])
async def test_a_manager_answers_for_himself_only(desk: Desk, action: str) -> None:
    own = desk.office.add_lead()
    headers = {"X-CSRF-Token": "csrf-of-anna"}
    path = f"/api/leads/{own['id']}/{action}"
    assert (await desk.ask("POST", path, "anna", headers=headers, json={"manager": "boris"}))[0] == 403
    assert (await desk.ask("POST", path, "anna", headers=headers, json={}))[0] == 200
    assert own["owner"] == ("anna" if action == "accept" else None)


async def test_what_is_offered_to_several_at_once_is_nobody_s_to_close(desk: Desk) -> None:
    offer = {"manager": None, "managers": ["anna", "boris"], "by": "all", "offered_at": AT, "answer_by": None}
    lead = desk.office.add_lead(state="unprocessed", owner=None, offer=offer)
    headers = {"X-CSRF-Token": "csrf-of-anna"}
    for action, order in {"disqualify": {"reason": "спам"}, "convert": {}, "assign": {"manager": "boris"}}.items():
        path = f"/api/leads/{lead['id']}/{action}"
        assert (await desk.ask("POST", path, "anna", headers=headers, json=order))[0] == 403
    assert desk.office.actors == []
    card = (await desk.ask("GET", f"/leads/{lead['id']}", "anna"))[1]
    assert re.findall(r'name="action" value="(\w+)"', card) == ["done", "accept", "decline", "reply"]
    assert (await desk.ask("POST", f"/api/leads/{lead['id']}/accept", "anna", headers=headers, json={}))[0] == 200


async def test_a_stale_form_is_answered_with_the_lead_as_it_is_now(desk: Desk) -> None:
    lead = desk.office.add_lead("Саратов – Николай", version=7)
    status, body, _ = await desk.post(f"/leads/{lead['id']}", "irina", action="accept", version="6")
    assert status == 409
    assert 'role="alert"' in body
    assert "изменился" in body
    assert 'name="version" value="7"' in body
    assert lead["state"] == "assigned"


async def test_a_form_says_whom_to_and_why(desk: Desk) -> None:
    lead = desk.office.add_lead()
    path = f"/leads/{lead['id']}"
    status, _, headers = await desk.post(path, "irina", action="assign", to="manager:boris", version="1")
    assert (status, headers["Location"]) == (303, f"../leads/{lead['id']}")
    assert lead["owner"] == "boris"
    await desk.post(path, "irina", action="disqualify", reason="спам", version="2")
    assert (lead["state"], lead["reason"]) == ("disqualified", "спам")
    assert desk.office.actors == ["irina", "irina"]


async def test_the_language_is_chosen_once_and_kept_in_a_cookie(desk: Desk) -> None:
    status, _, headers = await desk.ask("GET", "/?lang=en", "irina")
    assert (status, headers["Location"]) == (303, "./")
    assert headers["Set-Cookie"].startswith("priyom_language=en;")
    _, body, _ = await desk.ask("GET", "/", "irina", cookies="priyom_language=en")
    assert '<html lang="en">' in body
    assert "Nobody is waiting" in body
    _, body, _ = await desk.ask("GET", "/", "irina", cookies="priyom_language=xx")
    assert "Никто не ждёт" in body


@pytest.mark.parametrize(
    "name", ["https:evil.example", "%5C%5Cevil.example", "a%0D%0ASet-Cookie:%20b=c", "..%2F%2Fevil.example"]
)
async def test_a_link_that_chooses_a_language_leads_to_nobody_elses_site(desk: Desk, name: str) -> None:
    where = URL(desk.url + f"/leads/{name}?lang=en", encoded=True)
    async with desk.session.get(where, allow_redirects=False) as answer:
        leads_to = answer.headers["Location"]
    assert answer.status == 303
    assert re.fullmatch(r"\./[A-Za-z0-9._%-]*", leads_to)


async def test_addresses_are_relative_so_that_a_prefix_of_a_proxy_is_kept(desk: Desk) -> None:
    lead = desk.office.add_lead()
    for path in ("/", f"/leads/{lead['id']}"):
        _, body, _ = await desk.ask("GET", path, "irina")
        for address in re.findall(r'(?:href|src|action|data-events)="([^"]*)"', body):
            assert not address.startswith("/"), address
            if address.startswith(("tel:", "mailto:", "#", "?")):
                continue
            joined = URL(f"http://desk.test/prefix{path}").join(URL(address))
            assert joined.path.startswith("/prefix/"), address


async def test_files_of_the_pages_may_be_kept_for_ever_under_the_address_that_names_their_content(desk: Desk) -> None:
    _, body, _ = await desk.ask("GET", "/", "irina")
    for name, media in (("desk.css", "text/css"), ("desk.js", "text/javascript"), ("icon.svg", "image/svg+xml")):
        (address,) = re.findall(rf'"\./(static/{re.escape(name)}\?[0-9a-f]{{12}})"', body)
        status, _, headers = await desk.ask("GET", f"/{address}")
        assert (status, headers["Content-Type"]) == (200, f"{media}; charset=utf-8")
        assert "immutable" in headers["Cache-Control"]


async def test_a_defect_is_a_page_that_says_nothing_and_a_line_in_the_log(desk: Desk) -> None:
    async def broken(uid: str, cursor: str | None = None) -> Json:
        raise RuntimeError("Николай +79161234567")

    lead = desk.office.add_lead()
    desk.office.lead = broken  # type: ignore[method-assign] # an office with a defect
    with capture_logs() as logs:
        status, body, _ = await desk.ask("GET", f"/leads/{lead['id']}", "irina")
    assert (status, "Николай" in body) == (500, False)
    assert [(line["action"], line["route"]) for line in logs] == [("desk.error", "/leads/{id}")]


async def test_a_store_that_is_away_is_a_page_in_words(desk: Desk) -> None:
    async def away(cookie: str) -> None:
        raise Refused(503, "store_away", "the store cannot be reached")

    desk.entrance.visitor = away  # type: ignore[method-assign] # an entrance whose store is away
    status, body, _ = await desk.ask("GET", "/", "irina")
    assert (status, "База данных недоступна" in body) == (503, True)
    assert (await desk.ask("GET", "/api/nope", "irina"))[0] == 503


async def test_the_stream_tells_what_changed_and_goes_on_where_it_was_left(desk: Desk) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    status, body, answered = await desk.ask("GET", "/api/events", headers=headers)
    assert (status, answered["Content-Type"]) == (200, "text/event-stream")
    first = 'id: e-0\nevent: reset\ndata: {"kind":"reset","id":null,"version":null}\n\n'
    second = 'id: e-1\ndata: {"kind":"lead","id":"l-1","version":7}\n\n'
    assert body == "retry: 1000\n\n" + first + second
    _, body, _ = await desk.ask("GET", "/api/events", headers={**headers, "Last-Event-ID": "e-0"})
    assert body == "retry: 1000\n\n" + second
    assert (await desk.ask("GET", "/api/events"))[0] == 401
    assert (await desk.ask("GET", "/api/events", "anna"))[0] == 200


async def test_a_session_that_ends_ends_its_stream(desk: Desk) -> None:
    desk.office.meanwhile = lambda: desk.entrance.visitors.pop("of-anna", None)
    _, body, _ = await desk.ask("GET", "/api/events", "anna")
    assert "event: reset" in body
    assert "e-1" not in body


async def test_what_is_to_be_done_stands_on_the_card_and_one_press_ends_it(desk: Desk) -> None:
    lead = desk.office.add_lead("Саратов – Николай", owner="anna")
    _, body, _ = await desk.ask("GET", f"/leads/{lead['id']}", "anna")
    assert "перезвонить до" in body
    assert 'name="activity" value="to-do"' in body
    status, _, headers = await desk.post(f"/leads/{lead['id']}", "anna", action="done", activity="to-do")
    assert (status, headers["Location"]) == (303, f"../leads/{lead['id']}")
    assert desk.office.actors[-1] == "anna"


async def test_what_is_to_be_done_for_another_s_client_is_nobody_s_to_end(desk: Desk) -> None:
    lead = desk.office.add_lead("Саратов – Николай", owner="boris")
    status, _, _ = await desk.post(f"/leads/{lead['id']}", "anna", action="done", activity="to-do")
    assert status == 404
    assert desk.office.actors == []


async def test_the_card_answers_the_client_in_the_name_of_who_is_signed_in_and_says_why_not(desk: Desk) -> None:
    lead = desk.office.add_lead("Саратов – Николай", owner="anna")
    path = f"/leads/{lead['id']}"
    long = "Да\r\n" + "ж" * 4000
    form = {"action": "reply", "version": "1", "text": long, "interaction": ""}
    assert [(await desk.post(path, "anna", **form))[0] for _ in range(2)] == [303, 303]
    first, second = desk.office.replies
    assert first == second
    assert first[1] == {"text": long.replace("\r\n", "\n"), "manager": "anna", "interaction": None}
    others = desk.office.add_lead("Чужой", owner="boris")
    assert (await desk.post(f"/leads/{others['id']}", "anna", **form))[0] == 404
    status, body, _ = await desk.post(path, "irina", **form | {"text": "blocked"})
    assert (status, "клиент нас заблокировал" in body, ">blocked</textarea>" in body) == (422, True, True)
    assert (await desk.ask("POST", path, "anna", data=form))[0] == 403
    assert len(desk.office.replies) == 2


@pytest.mark.parametrize("letter", ["ж", "ქ", "好", "₽"])
async def test_as_much_as_the_card_lets_anybody_type_is_taken_in_any_alphabet(desk: Desk, letter: str) -> None:
    lead = desk.office.add_lead("Саратов – Николай", owner="anna")
    card = (await desk.ask("GET", f"/leads/{lead['id']}", "anna"))[1]
    (most,) = re.findall(r'<textarea [^>]*maxlength="(\d+)"', card)
    form = {"action": "reply", "version": "1", "text": letter * int(most), "interaction": ""}
    assert (await desk.post(f"/leads/{lead['id']}", "anna", **form))[0] == 303


async def test_the_card_shows_all_that_the_client_has_said_of_himself_and_where_he_came_from(desk: Desk) -> None:
    said = {"company": "ООО Ромашка", "city": "Саратов", "page": "https://example.com/m500?a=1&b"}
    lead = desk.office.add_lead(said=said)
    card = (await desk.ask("GET", f"/leads/{lead['id']}", "anna"))[1]
    pairs = re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", card.partition("Ещё от клиента")[2])
    assert pairs == [
        ("Компания", "ООО Ромашка"),
        ("Город", "Саратов"),
        ("Страница", "https://example.com/m500?a=1&amp;b"),
        ("utm_source", "yandex"),
        ("color", "red"),
    ]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ({"phase": "missed"}, ["пропущен"]),
        ({"phase": "ringing"}, ["звонит"]),
        ({"phase": "answered", "seconds": 65}, ["отвечен", "1:05"]),
        ({"phase": "answered", "recording": "https://pbx.example/1"}, ["отвечен", 'href="https://pbx.example/1"']),
        ({"phase": "answered", "recording": "javascript:alert(1)"}, ["отвечен"]),
    ],
)
async def test_the_card_says_of_a_call_whether_anybody_answered(
    desk: Desk, call: dict[str, Any], told: list[str]
) -> None:
    whole = {"over": True, "extension": None, "seconds": None, "recording": None} | call
    lead = desk.office.add_lead(said={"kind": "call", "text": "", "call": whole})
    card = (await desk.ask("GET", f"/leads/{lead['id']}", "anna"))[1]
    said = card.partition('class="timeline"')[2].partition("</li>")[0]
    assert all(words in said for words in told)
    assert "Без текста" not in said
    assert "javascript:" not in said


async def test_who_did_something_is_called_by_his_name_directors_too(desk: Desk) -> None:
    said = {"kind": "reply", "direction": "out", "author": "irina", "state": "sent", "to": None, "error": None}
    lead = desk.office.add_lead(said=said)
    card = (await desk.ask("GET", f"/leads/{lead['id']}", "anna"))[1]
    assert "отправлен</span> · Ирина Орлова</p>" in card
    assert 'value="manager:irina"' not in card


async def test_what_is_taken_down_may_be_as_long_as_an_answer(desk: Desk) -> None:
    lead = desk.office.add_lead()
    pages = [(await desk.ask("GET", path, "irina"))[1] for path in ("/new", f"/leads/{lead['id']}")]
    assert len({tuple(re.findall(r'<textarea [^>]*maxlength="(\d+)"', body)) for body in pages}) == 1
