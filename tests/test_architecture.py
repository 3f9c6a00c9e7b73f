"""The shape holds, and what would break it is seen: arrows between packages, locks, a messenger in three files."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("kernel", "channels", "dedup", "routing", "storage", "desk", "ingest")

# Contract, the module that breaks it, its words.
VIOLATIONS = [
    ("Arrows go only downwards", "storage/planted.py", "import ingest.pipeline.pipeline"),
    ("Arrows go only downwards", "dedup/planted_up.py", "import storage.schema"),
    ("Arrows go only downwards", "channels/planted_aside.py", "import routing.policy"),
    ("Arrows go only downwards", "kernel/planted.py", "import channels.message"),
    ("Within ingest too", "ingest/rules/planted.py", "import ingest.office.office"),
    ("dedup and routing are pure: no loop, no SQL, no clock of their own", "dedup/planted.py", "import asyncio"),
    ("dedup and routing are pure: no loop, no SQL, no clock of their own", "routing/planted.py", "import kernel.clock"),
    ("SQL is written in storage and run by ingest only", "channels/planted.py", "import sqlalchemy"),
    ("SQL is written in storage and run by ingest only", "desk/planted.py", "import sqlite3"),
    ("A kind of channel knows no other kind", "channels/planted_kind.py", "import channels.webform"),
    (
        "Libraries of providers are imported by the kind that speaks to them",
        "storage/planted_mail.py",
        "import aiosmtplib",
    ),
]


def copy(folder: Path, *, packages: Sequence[str] = PACKAGES, without: str = "__pycache__") -> Path:
    """The product's packages and what describes them, to be spoilt."""
    for package in packages:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns(without))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def run(folder: Path, *command: str, **more: str) -> "subprocess.CompletedProcess[str]":
    ours = {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "300"}
    environment = {**os.environ, **ours, **more}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def lint(folder: Path) -> "subprocess.CompletedProcess[str]":
    return run(folder, str(Path(sys.executable).parent / "lint-imports"), "--no-cache")


def contracts() -> list[str]:
    return re.findall(r'^name = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1:]


def test_the_import_contracts_hold() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout
    assert f"{len(contracts())} kept, 0 broken" in done.stdout


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is said of a copy with all violations in it."""
    folder = copy(tmp_path_factory.mktemp("spoilt"))
    for _, path, words in VIOLATIONS:
        (folder / path).write_text(f"{words}\n")
    done = lint(folder)
    assert done.returncode != 0
    return done.stdout


def test_every_contract_is_among_those_that_are_seen_to_fail() -> None:
    assert {contract for contract, _, _ in VIOLATIONS} == set(contracts())


@pytest.mark.parametrize(("contract", "path", "words"), VIOLATIONS)
def test_a_contract_that_is_broken_says_where(spoilt: str, contract: str, path: str, words: str) -> None:
    assert f"{contract} BROKEN" in spoilt
    told = re.split(r"^-+$", spoilt.split("Broken contracts", 1)[1], flags=re.MULTILINE)
    titles = {part.strip().splitlines()[-1]: number for number, part in enumerate(told[:-1]) if part.strip()}
    said = told[titles[contract] + 1]
    module = path.removesuffix(".py").replace("/", ".")
    assert f"{module} ->" in said or f"{module} " in said
    assert words.removeprefix("import ").split(".")[0] in said


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_names_no_address_and_hashes_everything(lock: str) -> None:
    lines = (ROOT / lock).read_text().splitlines()
    assert not [line for line in lines if "://" in line or re.match(r"-(?!-hash=sha256:)", line.strip())]
    pinned = [place for place, line in enumerate(lines) if re.match(r"[A-Za-z0-9]", line)]
    assert len(pinned) > 20
    assert all(re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+", lines[place]) for place in pinned)
    assert all("--hash=sha256:" in lines[place + 1] for place in pinned)


TOY = """
    '''A messenger of nobody's: JSON with an id, who wrote and what, and a secret in a header.'''

    import hmac
    from collections.abc import Sequence

    import orjson
    from pydantic import SecretStr

    from channels.adapter import Adapter as BaseAdapter
    from channels.adapter import ChannelConfig, Rejected
    from channels.message import Accepted, Answer, Envelope, Inbound, Request, digest


    class Config(ChannelConfig):
        '''Whoever knows the secret is the messenger; it hears the greeting.'''

        secret: SecretStr
        greeting: str = "ok"


    class Adapter(BaseAdapter[Config]):
        '''One account of it.'''

        kind = "toy"

        def receive(self, request: Request) -> Sequence[Envelope]:
            given = request.headers.get("X-Toy", "").encode("utf-8", "surrogateescape")
            if not hmac.compare_digest(given, self.config.secret.get_secret_value().encode()):
                raise Rejected(401, "not_proved", "the header X-Toy is not the channel's secret")
            try:
                named = str(orjson.loads(request.body)["id"])
            except (ValueError, TypeError, LookupError) as error:
                raise Rejected(400, "unreadable", "the body is no message") from error
            return [Envelope(self.name, named, request.body, request.at, {}, digest(request.body))]

        def answer(self, request: Request, accepted: Sequence[Accepted]) -> Answer:
            return Answer(200, self.config.greeting.encode())

        def parse(self, envelope: Envelope) -> Inbound:
            said = orjson.loads(envelope.body)
            return Inbound("text", text=str(said["text"]), identities=(("toy", str(said["from"])),), ref=str(said["id"]))
"""

TOY_TEST = """
    import orjson

    from channels.message import Request
    from channels.toy import Adapter, Config
    from tests.channels.subjects import Document, Subject
    from tests.ingest.parts import NOW


    def made():
        return Adapter("hello", Config(kind="toy", secret="secret-of-the-toy"), secret=b"", language="ru")


    def post(document, secret="secret-of-the-toy"):
        return Request("POST", "", {}, {"X-Toy": secret}, document.body, NOW)


    def subjects():
        said = [Document(orjson.dumps({"id": n, "from": 7, "text": text})) for n, text in enumerate(("Цемент", "и песок"))]
        return [Subject("toy", "toy", made, said, post, lambda document: [post(document, "guess")], secrets=("secret-of-the-toy",))]


    def test_a_message_says_who_and_what():
        (envelope,) = made().receive(subjects()[0].requests()[0])
        assert made().parse(envelope).text == "Цемент"
"""

CONFIG = """
    channels: {hello: {kind: toy, secret: "${TOY_SECRET}", greeting: привет, source: Игрушка}}
    managers: {anna: {name: Анна}}
    teams: {sales: {managers: [anna]}}
"""

TRY = """
    import asyncio, sys
    from datetime import UTC, datetime
    from pathlib import Path

    import channels
    from channels.adapter import kinds
    from channels.message import Request
    from ingest.assembly import assemble
    from ingest.config.load import load
    from kernel.clock import Clock
    from storage import migrate, revisions
    from storage.store import Store
    from tests.daemon.process import until

    assert Path(channels.__file__).is_relative_to(Path.cwd()), channels.__file__
    assert "toy" in kinds()
    found = load(Path("config.yaml"), {"TOY_SECRET": "secret-of-the-toy"})
    assert found.config is not None and not found.faults, [str(fault) for fault in found.faults]
    store = Store("sqlite:///toy.db")
    migrate.create(store)
    store.transact_raw(revisions.prepare)

    async def main():
        parts = await assemble(found.config, store, Clock())
        adapter = parts.core.adapters["hello"]
        body = '{"id": 1, "from": 7, "text": "Цемент"}'.encode()
        request = Request("POST", "", {}, {"X-Toy": "secret-of-the-toy"}, body, datetime.now(UTC))
        writer = asyncio.create_task(parts.way_in.intake.run())
        await asyncio.sleep(0)
        accepted = await parts.way_in.intake.accept(adapter.receive(request))
        assert adapter.answer(request, accepted).body.decode() == "привет"
        worker = asyncio.create_task(parts.settling.pipeline.run())

        async def settled():
            return (await parts.serving.office.journal.envelope(accepted[0].id))["outcome"] != "pending"

        await until(settled)
        (lead,) = (await parts.serving.office.leads.page({}, 50, None))["items"]
        print(lead["state"], lead["owner"], lead["source"], lead["contact"]["keys"][0]["kind"])
        for task in (writer, worker):
            task.cancel()
        await asyncio.gather(writer, worker, return_exceptions=True)

    asyncio.run(main())
"""


def test_a_new_kind_of_channel_is_one_module_an_entry_and_a_test_file(tmp_path: Path) -> None:
    """It comes to a lead, climbs what all kinds climb, and breaks no contract; nothing else knows of it."""
    # With what is compiled, but for what somebody is compiling now.
    folder = copy(tmp_path, packages=(*PACKAGES, "tests"), without="*.pyc.*")
    (folder / "tests" / "channels" / "test_toy.py").write_text(textwrap.dedent(TOY_TEST))
    (folder / "channels" / "toy.py").write_text(textwrap.dedent(TOY))
    (folder / "config.yaml").write_text(textwrap.dedent(CONFIG))
    done = run(folder, sys.executable, "-c", textwrap.dedent(TRY), PYTHONDONTWRITEBYTECODE="")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["assigned", "anna", "Игрушка", "toy"]
    own = [f"tests/channels/{name}.py" for name in ("test_contract", "test_toy")]
    pytest_ = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    climbed = run(folder, *pytest_, *own, PRIYOM_TEST_KINDS="toy")
    assert climbed.returncode == 0, climbed.stdout
    assert int(re.findall(r"(\d+) passed", climbed.stdout)[0]) > 12, climbed.stdout
    linted = lint(folder)
    assert linted.returncode == 0, linted.stdout


def test_nothing_waits_in_a_way_that_swallows_a_stop() -> None:
    """Before Python 3.12 `wait_for` loses a cancellation that comes together with what it waits for."""
    used = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if "wait_for(" in path.read_text().replace("_wait_for_", "")
    ]
    assert used == []
