"""The command line as people and scripts see it: its output and its exit code, against an API that is served.

What concerns the process (streams, signals, imports) is tried with a process; the rest in a thread, which is quicker.
"""

import asyncio
import io
import json
import os
import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

from desk.ports import Json
from ingest.cli import command, main
from ingest.cli.program import priyom as priyom_commands
from tests.desk.served import TOKEN, SmallOffice, serving

ROOT = Path(__file__).resolve().parent.parent.parent
HEAVY = {"pydantic", "sqlalchemy", "aiohttp", "structlog", "asyncio", "phonenumbers", "orjson", "yaml", "jinja2"}


@dataclass(frozen=True)
class Ended:
    """A command that has run."""

    code: int
    out: str
    err: str

    def json(self) -> Json:
        """What it printed for programs."""
        read: Json = json.loads(self.out)
        return read


def here(*arguments: str) -> Ended:
    """Run the command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = command(arguments)
    return Ended(code, out.getvalue(), err.getvalue())


async def priyom(*arguments: str, module: str = "ingest", **environment: str) -> Ended:
    """Run the command line in a process of its own, from a folder that is not ours."""
    command = [sys.executable, "-m", module, *arguments]
    return await _ended(command, environment)


async def _ended(command: list[str], environment: dict[str, str]) -> Ended:
    process = await asyncio.create_subprocess_exec(
        *command,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


@dataclass(frozen=True)
class Served:
    """An office whose API is served, and a configuration that describes it."""

    office: SmallOffice
    config: Path
    url: str

    async def run(self, *arguments: str) -> Ended:
        """A command with this configuration."""
        return await asyncio.to_thread(here, *arguments)


def _configuration(folder: Path, url: str, token: str = TOKEN) -> Path:
    host, _, port = url.removeprefix("http://").partition(":")
    path = folder / "priyom.yaml"
    path.write_text(
        f'http: {{host: {host}, port: {port}}}\napi: {{token: "{token}"}}\ntimezone: Asia/Yekaterinburg\n'
        "managers: what stands here is broken, and no business of a command that lists leads\n"
    )
    return path


@pytest.fixture
async def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    office = SmallOffice()
    async with serving(office) as url:
        config = _configuration(tmp_path, url)
        monkeypatch.setenv("PRIYOM_CONFIG", str(config))
        yield Served(office, config, url)


async def test_a_daemon_is_found_where_it_has_noted_that_it_is_and_nobody_elses_is(served: Served) -> None:
    described = served.config.read_text()
    note = served.config.parent / "var/priyom.db.address"
    note.parent.mkdir()
    note.write_text(served.url)
    served.config.write_text(re.sub(r"port: \d+", "port: 0", described))
    assert (await served.run("managers")).code == 0
    served.config.write_text(re.sub(r"port: \d+", "port: 0", described).replace(TOKEN, "another-company"))
    told = await served.run("reload")
    assert (told.code, told.err) == (1, "Error: no daemon runs; the file takes effect when one starts\n")


async def test_vacuum_says_what_went_and_how_to_make_an_old_file_shorter(served: Served) -> None:
    told = await priyom("vacuum")
    assert told.code == 0
    assert [line.split() for line in told.out.splitlines()[:2]] == [["kind", "gone", "size"], ["bodies", "0", "0", "B"]]
    assert "--whole" not in told.err
    told = await priyom("vacuum", "--whole", "--dry-run")
    assert (told.code, "would go" in told.out, "--whole" in told.err) == (0, True, True)


async def test_help_lists_what_works_and_imports_nothing_heavy() -> None:
    told = await priyom("--help")
    assert told.code == 0
    verbs = re.findall(r"^  ([a-z]+)  ", told.out, re.MULTILINE)
    expected = (
        "run check plan reload migrate try ledger failed ignored replay leads explain lead contacts managers "
        "login channels notices vacuum backup"
    )
    assert [verb for verb in verbs if verb != "-h"] == expected.split()
    assert not re.search(r"^  .*\.\.\.$", told.out, re.MULTILINE)
    listed = "import sys, ingest.cli; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = await _ended([sys.executable, "-c", listed], {"PYTHONPATH": str(ROOT)})
    assert loaded.code == 0
    assert not HEAVY & set(loaded.out.split())


def test_the_page_of_commands_has_every_verb_and_every_target() -> None:
    page = (ROOT / "docs/commands.md").read_text(encoding="utf-8").replace("\\|", "|")
    written = [set(re.findall(r"[a-z-]+", entry)) for entry in re.findall(r"`([^`]+)`", page)]
    verbs = [
        {verb, name}
        for verb, entry in priyom_commands.commands.items()
        for name in (verb, *getattr(entry, "commands", ()))
    ]
    targets = re.findall(r"^([a-z-]+):.* ## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    wanted = [*verbs, *({"make", target} for target in targets if target != "help")]
    assert [words for words in wanted if not any(words <= entry for entry in written)] == []


@pytest.mark.parametrize(
    "words",
    ["erase +79161234567"],
)  # fmt: skip
def test_a_verb_that_is_to_come_says_so(words: str) -> None:
    told = here(*words.split())
    assert (told.code, told.out) == (2, "")
    assert "is not built in this version" in told.err


@pytest.mark.parametrize(
    "words", ["leeds", "leads --limit 0", "explain", "replay", "replay e-1 --all", "run --roles receive,dance"]
)
def test_wrong_use_is_2_and_says_what_is_wrong(words: str) -> None:
    told = here(*words.split())
    assert (told.code, told.out) == (2, "")
    assert "Error: " in told.err
    assert "Traceback" not in told.err


async def test_leads_are_a_table_aligned_by_what_is_seen(served: Served) -> None:
    served.office.add_lead(state="unprocessed", reason="all_at_limit", owner=None, team="продажи")
    served.office.add_lead("Анна \x1b[31m– \u202eЦемент\n", due_at="2026-01-31T09:30:00Z")
    told = await priyom("leads", LC_ALL="C", PYTHONIOENCODING="latin-1")
    assert told.code == 0
    head, first, second = told.out.splitlines()
    assert first.split()[1:] == [
        "2026-01-31",
        "14:00",
        "assigned",
        "anna",
        "sales",
        "site",
        "2026-01-31",
        "14:30",
        "Анна",
        "[31m–",
        "Цемент",
    ]
    assert second.split()[3:8] == ["unprocessed:", "all_at_limit", "-", "продажи", "site"]
    for column in ("created", "state", "owner", "team", "channel", "due", "title"):
        place = head.index(column)
        assert all(line[place - 2 : place] == "  " and line[place] != " " for line in (first, second))


async def test_filters_reach_the_api_and_json_is_for_programs(served: Served) -> None:
    wanted = served.office.add_lead("Анна", owner="boris")
    served.office.add_lead("Анна")
    told = await served.run("leads", "--json", "--owner", "boris", "--state", "assigned", "--q", "Анна")
    assert (told.code, told.err) == (0, "")
    assert [lead["id"] for lead in told.json()["items"]] == [wanted["id"]]
    assert "Анна" in told.out


async def test_a_list_longer_than_a_page_comes_whole_up_to_its_limit(served: Served) -> None:
    for number in range(230):
        served.office.add_lead(str(number))
    told = await served.run("leads", "--limit", "220")
    short = await served.run("leads", "--limit", "5")
    assert [line.split()[-1] for line in told.out.splitlines()[1:]] == [str(number) for number in range(229, 9, -1)]
    assert len(short.out.splitlines()) == 6
    assert "--limit" in short.err


async def test_nothing_found_is_no(served: Served) -> None:
    told = await served.run("leads", "--team", "none")
    asked = await served.run("ignored", "--reason", "x", "--json")
    assert (told.code, told.out, told.err) == (1, "", "nothing found\n")
    assert (asked.code, asked.json()) == (1, {"items": [], "next": None})


async def test_a_lead_is_explained_in_the_language_asked_for(served: Served) -> None:
    lead = served.office.add_lead()
    told = await served.run("explain", lead["id"], "--language", "en")
    assert told.code == 0
    assert told.out.splitlines()[-1] == "2026-01-31 14:00  Anna's turn."
    assert (await served.run("explain", "no-such/../lead")).code == 1


async def test_a_lead_is_changed_by_hand_once(served: Served) -> None:
    lead = served.office.add_lead()
    told = await served.run("lead", "lose", lead["id"], "--reason", "дорого", "--version", "1")
    assert (told.code, lead["state"], lead["reason"]) == (0, "lost", "дорого")
    assert told.out == "Саратов – Николай – Цемент: lost (дорого), anna, team sales, version 2\n"
    stale = await served.run("lead", "reopen", lead["id"], "--version", "1")
    assert (stale.code, stale.out) == (1, "")
    assert "now: lost (дорого), anna, team sales, version 2" in stale.err
    reopened = await served.run("lead", "reopen", lead["id"], "--json")
    assert (reopened.code, reopened.json()["state"]) == (0, "unprocessed")
    assert (await served.run("lead", "assign", lead["id"], "--manager", "zorro")).code == 2


async def test_what_was_to_be_done_about_a_lead_is_done(served: Served) -> None:
    lead = served.office.add_lead()
    told = await served.run("lead", "done", lead["id"])
    assert (told.code, told.out) == (0, "1 done\n")
    assert served.office.actors
    shown = await served.run("lead", "done", lead["id"], "--json")
    assert shown.json()["activities"][0]["done_by"] is not None


async def test_a_manager_is_switched_away_and_back(served: Served) -> None:
    told = await served.run("managers", "away", "anna")
    assert (told.code, told.out, served.office.away) == (0, "anna: away, 1 open leads, gets none: away\n", {"anna"})
    listed = await served.run("managers")
    assert listed.out.splitlines()[1].split() == [
        "anna",
        "Анна",
        "Петрова",
        "sales",
        "no",
        "1",
        "no",
        "limit",
        "0",
        "away",
    ]
    back = await served.run("managers", "--json", "available", "anna")
    assert (back.code, back.json()["available"], served.office.away) == (0, True, set())
    assert (await served.run("managers", "away", "зорро")).code == 1
    invited = await served.run("managers", "invite", "anna")
    assert invited.out.splitlines()[0] == "https://t.me/played_bot?start=invite-word"
    assert "for anna, once, until " in invited.out


async def test_the_ledger_says_by_its_exit_code_whether_it_is_balanced(served: Served) -> None:
    told = await served.run("ledger")
    assert (told.code, told.out.splitlines()[-1]) == (0, "balanced")
    assert told.out.splitlines()[1].split() == ["site", "2026-01-31", "3", "2", "1", "0", "0", "0", "0", "4"]
    served.office.balanced = False
    told = await served.run("ledger")
    asked = await served.run("ledger", "--json")
    assert (told.code, asked.code, asked.json()["balanced"]) == (1, 1, False)
    assert "NOT BALANCED" in told.out


async def test_all_that_failed_is_replayed_in_portions(served: Served) -> None:
    for _ in range(203):
        served.office.add_envelope("failed", "unreadable")
    ignored = served.office.add_envelope("ignored", "repeat")
    dry = await served.run("replay", "--all", "--dry-run")
    assert (dry.code, len(dry.out.splitlines())) == (0, 204)
    assert {e["outcome"] for e in served.office.journal.values()} == {"failed", "ignored"}
    told = await served.run("replay", "--all", "--json")
    assert (told.code, sum(item["replayed"] for item in told.json()["items"])) == (0, 203)
    assert (await served.run("replay", "--all")).code == 0
    refused, overruled = (
        await served.run("replay", ignored["id"]),
        await served.run("replay", ignored["id"], "--as-client"),
    )
    assert (refused.code, overruled.code, ignored["outcome"]) == (1, 0, "created")


async def test_failed_envelopes_are_listed_with_their_reason(served: Served) -> None:
    served.office.add_envelope("failed", "unreadable")
    served.office.add_envelope("ignored", "repeat")
    failed = await served.run("failed")
    ignored = await served.run("ignored", "--reason", "repeat")
    assert failed.out.splitlines()[1].split() == ["e-1", "2026-01-31", "14:00", "site", "1", "unreadable"]
    assert ignored.out.splitlines()[1].split() == ["e-2", "2026-01-31", "14:00", "site", "1", "repeat"]


async def test_an_approach_is_tried_and_its_notice_shown(served: Served) -> None:
    told = await served.run("try", "--channel", "site", "--phone", "8 916 123-45-67", "--text", "Цемент м500")
    assert told.code == 0
    assert "created\nЦемент м500\nassigned, anna, team sales, version 1\n" in told.out
    assert "notice to anna:\n  Новый лид\n  Телефон: 8 916 123-45-67\n\n  Спасибо\n" in told.out
    assert not served.office.leads_by_id
    assert (await served.run("try", "--channel", "nope")).code == 2


async def test_whom_an_approach_may_be_from_is_shown_before_it_is_taken_down(served: Served) -> None:
    order = ("lead", "add", "--phone", "8 916 123-45-67", "--text", "Цемент м500")
    seen = await served.run(*order, "--preview")
    known = "known: Николай (+79161234567, +74951234500), c-1: no open lead\n"
    assert (seen.code, seen.out, served.office.leads_by_id) == (0, known + "created\n", {})
    done = await served.run(*order)
    assert done.out == known + "Цемент м500: assigned, anna, team sales, version 1\n"
    assert (await served.run(*order, "--json")).json()["title"] == "Цемент м500"


async def test_contacts_are_found_merged_and_parted(served: Served) -> None:
    found = await served.run("contacts", "--key", "phone:+79161234567")
    assert found.out.splitlines()[1].split()[0] == "c-1"
    seen = await served.run("contacts", "merge", "c-1", "c-2", "--preview")
    assert seen.out.splitlines()[1] == "lead l-2 would go on in l-1"
    assert (await served.run("contacts", "merge", "c-1", "c-2")).out == "merge m-1\n"
    refused = await served.run("contacts", "merge", "c-1", "c-1")
    assert (refused.code, refused.err) == (1, "Error: a contact cannot be merged with itself\n")
    assert (await served.run("contacts", "undo", "m-1")).out == "merge m-1: undone at 2026-01-31 14:00\n"
    assert (await served.run("contacts", "undo", "m-2")).code == 1
    assert (await served.run("contacts", "split", "c-1", "--key", "phone:+79161234567")).out == "contact c-3\n"


async def test_suggestions_are_listed_and_answered(served: Served) -> None:
    listed = await served.run("contacts", "suggestions", "--language", "en")
    assert "One approach gave keys of both contacts." in listed.out
    assert (await served.run("contacts", "apart", "s-1")).out == "s-1: apart\n"
    assert (await served.run("contacts", "join", "s-1")).code == 1
    assert (await served.run("contacts", "suggestions")).code == 1


async def test_channels_and_unsent_notices_are_listed(served: Served) -> None:
    served.office.unsent = [
        {"id": "n-1", "code": "lead_assigned", "lead": "l-1", "manager": "anna", "state": "due", "attempts": 2,
         "error": "450 later", "created_at": "2026-01-31T09:00:00Z", "due_at": "2026-01-31T09:05:00Z"}
    ]  # fmt: skip
    channels = await served.run("channels")
    notices = await served.run("notices")
    assert channels.out.splitlines()[1].split() == ["site", "webform", "listening", "2026-01-31", "14:00", "-"]
    shown = ["due", "anna", "l-1", "lead_assigned", "2", "2026-01-31", "14:05", "450", "later"]
    assert notices.out.splitlines()[1].split() == shown


async def test_a_token_that_the_daemon_does_not_know_is_explained_and_not_shown(served: Served, tmp_path: Path) -> None:
    url = re.search(r"port: (\d+)", served.config.read_text())
    assert url is not None
    other = _configuration(tmp_path, f"http://127.0.0.1:{url[1]}", "another-token")
    told = await served.run("leads", "--config", str(other))
    assert told.code == 2
    assert "does not accept the token" in told.err
    assert "another-token" not in told.err + told.out


async def test_without_a_daemon_a_command_opens_the_store_itself(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        path = _configuration(tmp_path, f"http://127.0.0.1:{taken.getsockname()[1]}")
        written = path.read_text().partition("managers:")[0]
        path.write_text(
            written
            + "channels: {site: {kind: webform}}\nmanagers: {anna: {name: Анна}}\nteams: {sales: {managers: [anna]}}\n"
        )
        told = await priyom("managers", "away", "anna", "--config", str(path))
        channels = await priyom("channels", "--config", str(path), "--language", "en")
    assert told.out == "anna: away, 0 open leads, gets none: away\n"
    assert (told.code, (tmp_path / "var" / "priyom.db").exists()) == (0, True)
    assert " stopped " in channels.out
    assert "nobody listens: priyom does not run; start it" in channels.out


def test_a_file_with_faults_is_2_with_each_of_them(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("http: {port: none, hots: x}\n")
    told = here("leads", "--config", str(path))
    assert (told.code, told.out) == (2, "")
    assert f"{path}:1: http.port: " in told.err
    checked = here("check", "--config", str(path), "--json")
    assert checked.code == 2
    assert {"http.port", "http.hots"} <= {fault["key"] for fault in checked.json()["items"]}


def test_check_accepts_the_configuration_that_is_shipped() -> None:
    told = here("check", "--config", str(ROOT / "config.yaml"))
    assert (told.code, told.out.splitlines()[-1]) == (0, f"{ROOT / 'config.yaml'}: no errors")


async def test_check_live_tries_everything_and_says_what_is_wrong_at_its_line(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "channels:\n  site: {kind: webform}\n"
        "accounts:\n  info:\n    smtp: {host: 127.0.0.1, port: 1, tls: false}\n"
        "managers: {anna: {name: Анна, email: anna@example.com}}\nteams: {sales: {managers: [anna]}}\n"
    )
    told = await priyom("check", "--live", "--config", str(path))
    assert told.code == 2
    assert f"{path}:5: accounts.info.smtp: 127.0.0.1:1 cannot be reached (SMTPConnectError); see that host" in told.out
    assert f"{path}:2: channels.site: not tried: " in told.out
    assert "storage.url: ok: there is no file yet" in told.out
    assert not (tmp_path / "var").exists()


async def test_a_reader_who_has_enough_is_no_error(served: Served) -> None:
    for number in range(800):
        served.office.add_lead(f"{number} " + "Цемент" * 20)
    command = f"{sys.executable} -m ingest leads --limit 800 | head -1; echo ${{PIPESTATUS[0]}}"
    told = await _ended(["bash", "-c", command], {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": ""})
    assert told.out.splitlines()[1:] == ["141"]
    assert told.err == ""


async def test_an_interrupted_command_is_quiet(tmp_path: Path) -> None:
    asked, over = asyncio.Event(), asyncio.Event()

    async def never(_: web.Request) -> web.Response:
        asked.set()
        await over.wait()
        return web.Response()

    application = web.Application()
    application.add_routes([web.get("/healthz", _alive), web.get("/api/ledger", never)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    config = _configuration(tmp_path, f"http://127.0.0.1:{runner.addresses[0][1]}")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ingest", "ledger", env=os.environ | {"PYTHONPATH": str(ROOT), "PRIYOM_CONFIG": str(config)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    await asked.wait()
    process.send_signal(2)
    out, err = await process.communicate()
    over.set()
    await runner.cleanup()
    assert (process.returncode, out, err.strip()) == (130, b"", b"")


async def _alive(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def test_login_prints_a_link_and_says_beside_it_for_whom_and_until_when(served: Served) -> None:
    done = await served.run("login")
    assert (done.code, done.out) == (0, "http://127.0.0.1:8080/login/once\n")
    assert done.err == "signs in irina once, until 2026-01-31 14:00\n"
    assert (await served.run("login", "--as", "irina", "--json")).json()["person"] == "irina"
    refused = await served.run("login", "--as", "zorro")
    assert (refused.code, refused.out) == (2, "")
    assert "there is no 'zorro'" in refused.err


def test_what_is_written_is_not_for_everybody_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["priyom", "--version"])
    before = os.umask(0o022)
    try:
        with pytest.raises(SystemExit, match="0"):
            main()
        assert os.umask(0o022) == 0o027
    finally:
        os.umask(before)
