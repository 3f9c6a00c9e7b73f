"""`priyom check --live`: everything outside that the configuration names, tried at once, with nothing changed anywhere."""

import asyncio
import os
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from channels.adapter import Adapter, Misconfigured, Probe, Unavailable
from ingest.adapters import made
from ingest.cli.outside import reached
from ingest.config.notices import MailRoute
from ingest.config.references import BUILT_IN
from ingest.config.schema import Config
from ingest.config.secret import secret_values
from ingest.config.tree import KeyPath, Table, dotted, line_of
from ingest.config.values import NOTICES_CHANNEL
from ingest.notices import smtp
from ingest.notices.smtp import server_of
from storage.migrate import serves
from storage.store import Away, Store

WITHIN: Final = 30.0
"""Seconds for each trial; all run at once."""
_REACHABLE: Final = "see that host and port are right, and that this machine reaches them"
_MASK: Final = "***"


@dataclass(frozen=True, slots=True)
class Tried:
    """What trying one entry came to: `state` is ok, untried or wrong; of what is wrong, the remedy. Never a secret."""

    file: str
    line: int
    key: str
    state: str
    said: str
    remedy: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: {self.key}: "
        match self.state:
            case "ok":
                return f"{place}ok: {self.said}"
            case "untried":
                return f"{place}not tried: {self.said}"
        return f"{place}{self.said}; {self.remedy}"


async def tried(config: Config, file: str, root: Table, within: float = WITHIN) -> list[Tried]:
    """Try store, Redis, channels, accounts and routes of notices. `root` is the file as it was read, for its lines."""
    adapters = made(config, b"")
    trials = dict(_trials(config, adapters))
    results = await asyncio.gather(*(_outcome(trial, within) for trial in trials.values()))
    secrets = [secret for secret in secret_values(config) if secret]
    return sorted(
        (
            Tried(file, line_of(root, path), dotted(path), state, _without(said, secrets), _without(remedy, secrets))
            for path, (state, said, remedy) in zip(trials, results, strict=True)
        ),
        key=lambda one: one.line,
    )


def _trials(config: Config, adapters: Mapping[str, Adapter[Any]]) -> Iterable[tuple[KeyPath, Awaitable[Probe]]]:
    yield ("storage", "url"), _store(config.storage.url.get_secret_value())
    if config.redis.url is not None:
        yield ("redis", "url"), _redis(config.redis.url.get_secret_value())
    if config.http.public_url is not None:
        yield ("http", "public_url"), reached(config.http.public_url)
    for name, adapter in adapters.items():
        if name != BUILT_IN:
            path = ("notices", "telegram") if name == NOTICES_CHANNEL and _has_own_bot(config) else ("channels", name)
            yield path, adapter.probe(f"{config.http.address()}/in/{name}")
    route = config.mail_route()
    for name, account in config.accounts.items():
        if account.smtp is not None:
            server = MailRoute(account.smtp, account.user, account.password, account.user or "")
            yield ("accounts", name, "smtp"), smtp.probe(server_of(server))
    if route is not None and config.notices.email is not None and config.notices.email.account is None:
        yield ("notices", "email"), smtp.probe(server_of(route))


def _has_own_bot(config: Config) -> bool:
    return config.notices.telegram is not None and config.notices.telegram.own is not None


async def _outcome(trial: Awaitable[Probe], within: float) -> tuple[str, str, str]:
    """State, words and remedy."""
    try:
        async with asyncio.timeout(within):
            probe = await trial
    except (Unavailable, Misconfigured) as error:
        problem, _, remedy = str(error).partition("; ")
        return "wrong", problem, remedy or _REACHABLE
    except TimeoutError:
        return "wrong", f"no answer within {within:.0f} s", _REACHABLE
    except Exception as error:  # noqa: BLE001 - one entry's defect hides no other's fault
        return (
            "wrong",
            f"cannot be tried ({type(error).__name__})",
            "look at what the entry says; the others were tried",
        )
    return ("ok" if probe.tried else "untried"), probe.said, ""


def _without(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, _MASK)
    return " ".join(text.split())


async def _store(url: str) -> Probe:
    """Whether the database answers, and has this version's schema. A file that is not there yet is not made."""
    return await asyncio.to_thread(_look_at_store, url)


async def _redis(url: str) -> Probe:
    from ingest.wakes.probing import probe

    return await probe(url)


def _look_at_store(url: str) -> Probe:
    file = url.removeprefix("sqlite:///") if url.startswith("sqlite:") else None
    if file is not None and not Path(file).exists():
        return _look_at_folder(Path(file))
    store = Store(url)
    with closing(store):
        try:
            is_ours = store.peek(serves)
        except Away as error:
            problem = "the file cannot be read" if store.embedded else "the database does not answer"
            raise Unavailable(f"{problem} ({str(error).rstrip('.')}); check storage.url and who may use it") from error
    if is_ours:
        return Probe("it answers, with this version's schema")
    if store.embedded:
        return Probe("it answers; its schema is brought up at the next start")
    raise Misconfigured("the database answers, and has another schema; run priyom migrate")


def _look_at_folder(file: Path) -> Probe:
    folder = next(parent for parent in file.parents if parent.exists())
    if not os.access(folder, os.W_OK):
        raise Misconfigured(
            f"the folder {folder} cannot be written; let priyom's user write there, or name another file"
        )
    return Probe(f"there is no file yet; it is made at the first start, in {folder}")
