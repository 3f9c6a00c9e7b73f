"""`check --live`: each server of a configuration is tried at once, faults stand at their line, and nothing secret is said."""

import socket
from collections.abc import AsyncIterator, Iterable, Mapping
from hashlib import sha256
from pathlib import Path

import pytest
from aiohttp import web

from ingest.cli.probing import Tried, tried
from ingest.config.schema import Config
from storage.store import Store
from tests import imap, smtp, telegram, vk
from tests.imap import Played, plain
from tests.ingest.configured import loaded
from tests.played import PlayedServer
from tests.telegram import Telegram
from tests.vk import GROUP, Vk

PEOPLE = "managers: {anna: {name: Анна, email: anna@example.com}}\nteams: {sales: {managers: [anna]}}\n"
SECRETS = {"TG": telegram.TOKEN, "VK": vk.TOKEN, "PASSWORD": imap.PASSWORD}


async def outcome(folder: Path, text: str, within: float = 60.0) -> Mapping[str, Tried]:
    """What trying a file came to, by key."""
    text += ("" if "channels:" in text else "channels: {site: {kind: webform}}\n") + PEOPLE
    found = loaded(folder, text, SECRETS)
    assert found.config is not None, [str(fault) for fault in found.faults]
    config: Config = found.config
    results = await tried(config, str(folder / "config.yaml"), found.root, within)
    said = "\n".join(map(str, results))
    assert not [name for name, secret in SECRETS.items() if secret in said]
    lines = text.splitlines()
    for one in results:
        assert one.key.rpartition(".")[2].split("[")[0] in lines[one.line - 1] or one.key == "storage.url"
    return {one.key: one for one in results}


def messengers(bot: Telegram, community: Vk, box: Played, mail: smtp.MailServer) -> str:
    """A file with a bot, a community and a mailbox, to which channels can be added."""
    return f"""\
accounts:
  info:
    user: {imap.USER}
    password: ${{PASSWORD}}
    imap: {{host: 127.0.0.1, port: {box.port}, tls: false}}
    smtp: {{host: 127.0.0.1, port: {mail.port}, tls: false}}
channels:
  bot: {{kind: telegram, token: "${{TG}}", api_base: "{bot.url}"}}
  vk: {{kind: vk, token: "${{VK}}", group_id: {GROUP}, api_base: "{community.url}"}}
  post: {{kind: mail, account: info}}
"""


@pytest.fixture
async def bot() -> AsyncIterator[Telegram]:
    async with Telegram() as played:
        yield played


async def test_what_is_right_is_said_in_a_line_each(tmp_path: Path, bot: Telegram) -> None:
    with smtp.MailServer(accept=(imap.USER, imap.PASSWORD)) as mail:
        async with Vk() as community, Played(plain) as box:
            results = await outcome(
                tmp_path,
                messengers(bot, community, box, mail)
                + '  pbx: {kind: telephony, dialect: megafon, token: "${PASSWORD}"}\n',
            )
        assert mail.mails == []
    states = {key: one.state for key, one in results.items()}
    assert states == {
        "storage.url": "ok",
        "accounts.info.smtp": "ok",
        "channels.bot": "ok",
        "channels.vk": "ok",
        "channels.post": "ok",
        "channels.pbx": "untried",
    }, [str(one) for one in results.values()]
    assert "@played_bot" in results["channels.bot"].said
    assert "Стройка" in results["channels.vk"].said
    assert "logged in" in results["channels.post"].said
    assert "call" in results["channels.pbx"].said
    assert not {"setWebhook", "deleteWebhook", "getUpdates"} & {name for name, _ in bot.calls}


async def test_what_is_wrong_says_what_to_do_and_hides_no_other(tmp_path: Path, bot: Telegram) -> None:
    bot.token = "1:another"

    def refusing(name: str, rest: str) -> bytes:
        return b"TAG NO [AUTHENTICATIONFAILED] no\r\n" if name == "LOGIN" else plain(name, rest)

    with smtp.MailServer(accept=(imap.USER, "another")) as mail:
        async with Vk() as community, Played(refusing) as box:
            community.polled = False
            results = await outcome(
                tmp_path,
                messengers(bot, community, box, mail)
                + f'  calls: {{kind: vk, token: "${{VK}}", group_id: {GROUP}, api_base: "{community.url}", mode: callback, '
                "confirmation: c0ffee}\n",
            )
    assert results["storage.url"].state == "ok"
    assert {one.state for key, one in results.items() if key != "storage.url"} == {"wrong"}
    assert "BotFather" in results["channels.bot"].remedy
    assert "Long Poll API is off" in results["channels.vk"].said
    assert "has no server http://127.0.0.1:8080/in/calls" in results["channels.calls"].said
    assert "check user and password" in results["channels.post"].remedy
    assert "(535)" in results["accounts.info.smtp"].said


async def test_whoever_says_nothing_is_given_up_in_time(tmp_path: Path) -> None:
    with smtp.silent() as mute:
        server = f"{{host: 127.0.0.1, port: {mute}, tls: false}}"
        accounts = (
            f'accounts:\n  mute: {{user: a@example.com, password: "${{PASSWORD}}", imap: {server}, smtp: {server}}}\n'
        )
        results = await outcome(tmp_path, f"{accounts}channels:\n  post: {{kind: mail, account: mute}}\n", within=1.0)
    for key in ("accounts.mute.smtp", "channels.post"):
        assert "no answer within 1 s" in results[key].said


@pytest.mark.parametrize(
    ("status", "key", "said"),
    [
        ("ok", imap.PASSWORD, "is confirmed"),
        ("wait", imap.PASSWORD, "waits to be confirmed"),
        ("failed", imap.PASSWORD, "VK cannot deliver"),
        ("ok", "another", "is not the channel's secret"),
    ],
)
async def test_how_vk_finds_our_server(tmp_path: Path, status: str, key: str, said: str) -> None:
    async with Vk() as community:
        community.servers = [{"id": 1, "url": "http://127.0.0.1:8080/in/calls", "status": status, "secret_key": key}]
        given = f'token: "${{VK}}", group_id: {GROUP}, api_base: "{community.url}", secret: "${{PASSWORD}}"'
        calls = f"{{kind: vk, mode: callback, confirmation: c, {given}}}"
        results = await outcome(tmp_path, f"channels:\n  calls: {calls}\n")
    assert said in results["channels.calls"].said


@pytest.mark.parametrize(("rights", "lacking"), [(("manage", "messages"), False), (("manage",), True)])
async def test_a_key_that_may_not_write_is_said(tmp_path: Path, rights: tuple[str, ...], lacking: bool) -> None:
    async with Vk(rights=rights) as community:
        given = f'token: "${{VK}}", group_id: {GROUP}, api_base: "{community.url}"'
        results = await outcome(tmp_path, f"channels:\n  vk: {{kind: vk, {given}}}\n")
    assert results["channels.vk"].state == "ok"
    assert ("no right to messages" in results["channels.vk"].said) is lacking


async def test_a_server_without_tls_and_a_certificate_of_nobody_are_told_apart(tmp_path: Path) -> None:
    certificate = smtp.certificate(tmp_path)
    with smtp.MailServer() as bare, smtp.MailServer(tls="implicit", context=certificate.server) as strange:
        results = await outcome(
            tmp_path,
            f"""\
accounts:
  bare: {{smtp: {{host: 127.0.0.1, port: {bare.port}, tls: starttls}}}}
  strange: {{smtp: {{host: localhost, port: {strange.port}}}}}
""",
        )
    assert "does not speak STARTTLS" in results["accounts.bare.smtp"].said
    assert "the certificate of localhost" in results["accounts.strange.smtp"].said


async def test_the_store_is_looked_at_and_never_made(store: Store, tmp_path: Path) -> None:
    url = store.url.render_as_string(hide_password=False).replace("postgresql+psycopg", "postgresql")
    there = await outcome(tmp_path, f"storage:\n  url: {url}\n")
    assert "this version's schema" in there["storage.url"].said
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        gone = f"postgresql://nobody@127.0.0.1:{taken.getsockname()[1]}/nothing"
        results = await outcome(tmp_path, f"storage:\n  url: {gone}\n")
    assert results["storage.url"].state == "wrong"
    assert "storage.url" in results["storage.url"].remedy


class Exchange(PlayedServer):
    """Mango Office, which knows one key and salt, and a web of its own."""

    def routes(self) -> Iterable[web.RouteDef]:
        """What it is asked."""
        return (web.post("/vpbx/account/balance", self._balance), web.get("/{at}/healthz", self._health))

    async def _balance(self, request: web.Request) -> web.Response:
        form = await request.post()
        sign = sha256(f"code{form['json']!s}{imap.PASSWORD}".encode()).hexdigest()
        good = (form["vpbx_api_key"], form["sign"]) == ("code", sign)
        return web.json_response({"result": 1000, "balance": 12.5} if good else {"result": 3102})

    async def _health(self, request: web.Request) -> web.Response:
        match request.match_info["at"]:
            case "ours":
                return web.json_response({"status": "ok"})
            case "down":
                return web.Response(status=502)
        return web.Response(text="<html>Hosting</html>")


@pytest.mark.parametrize(("key", "state", "said"), [("code", "ok", "knows the key"), ("other", "wrong", "result 3102")])
async def test_mango_is_asked_whether_it_knows_us(tmp_path: Path, key: str, state: str, said: str) -> None:
    async with Exchange() as mango:
        pbx = f'{{kind: telephony, dialect: mango, api_key: {key}, salt: "${{PASSWORD}}", api_base: "{mango.url}"}}'
        results = await outcome(tmp_path, f"channels:\n  pbx: {pbx}\n")
    assert results["channels.pbx"].state == state
    assert said in results["channels.pbx"].said
    assert "12.5" not in str(results["channels.pbx"])


@pytest.mark.parametrize(
    ("at", "state", "said"),
    [
        ("ours", "ok", "leads here"),
        ("down", "untried", "status 502"),
        ("other", "wrong", "not as priyom does"),
    ],
)
async def test_whether_the_address_that_others_are_given_leads_here(
    tmp_path: Path, at: str, state: str, said: str
) -> None:
    async with Exchange() as there:
        results = await outcome(tmp_path, f"http:\n  public_url: {there.url}/{at}\n")
    assert (results["http.public_url"].state, said in results["http.public_url"].said) == (state, True)


async def test_an_address_that_nobody_answers_at_is_not_called_wrong(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        results = await outcome(tmp_path, f"http:\n  public_url: http://127.0.0.1:{held.getsockname()[1]}\n")
    assert results["http.public_url"].state == "untried"
