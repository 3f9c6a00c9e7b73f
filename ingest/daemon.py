"""The daemon as a process: store, lock, schema, tasks, HTTP, signals; and the short-lived API that commands use without it."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog
from aiohttp import web

from desk.access import Access
from desk.api import add_api
from desk.links import LinkPages
from desk.operations import PROBES
from desk.pages import Pages
from desk.ports import Json, Refused
from ingest import log as logs
from ingest import whereabouts
from ingest.assembly import Parts, assemble
from ingest.config.load import load
from ingest.config.schema import Config
from ingest.config.secret import secret_values
from ingest.intake.door import Doorway
from ingest.leasing import SPAN, while_held
from ingest.office.reloading import compared
from ingest.opening import MISCONFIGURED, CannotStart, opened_store, roles_over
from ingest.roles import ALL, Role, named
from ingest.supervise import end_in_time
from ingest.systemd import Systemd
from ingest.upkeep.growth import Growth
from kernel import seams
from kernel.clock import Clock
from kernel.durations import parse_duration
from storage import migrate as migrations

DRAIN: Final = 2.0
STOPS_WITHIN: Final = 10.0
"""Seconds for a stop, whatever the store does: a thread that waits for a server that hangs, or for its VACUUM, has no other end."""
CRASH_VARIABLE: Final = "PRIYOM_CRASH_AT"
LEASE_VARIABLE: Final = "PRIYOM_LEASE"

log = structlog.get_logger("priyom.daemon")


def run(config_path: Path, roles: frozenset[Role] | None = None, *, test_hooks: bool = False) -> int:
    """Run until SIGTERM or SIGINT; `roles` None: all, alone. The exit code: 0, 1 without the store, 2 where it is misconfigured."""
    config = loaded(config_path)
    if config is None:
        return MISCONFIGURED
    logs.configure(secret_values(config))
    if test_hooks:
        seams.arm(os.environ.get(CRASH_VARIABLE, ""))
    try:
        with contextlib.suppress(KeyboardInterrupt):
            _loop_runner()(_serve(config, config_path, roles, test_hooks=test_hooks))
    except CannotStart as error:
        print(f"priyom does not start: {error}", file=sys.stderr)
        return error.code
    return 0


def _loop_runner() -> Callable[[Any], None]:
    try:
        import uvloop
    except ImportError:
        return asyncio.run
    return uvloop.run


def loaded(path: Path, only: Sequence[str] | None = None) -> Config | None:
    """The configuration, its warnings printed; None with its faults printed."""
    result = load(path, os.environ, only)
    for fault in result.faults:
        print(fault, file=sys.stderr)
    return result.config


async def _serve(config: Config, path: Path, given: frozenset[Role] | None, *, test_hooks: bool) -> None:
    signals = _Signals()
    storage = config.storage.url.get_secret_value()
    with opened_store(config) as store:
        roles = roles_over(store, given or ALL)
        parts = await assemble(config, store, Clock(), path, roles, _lease(test_hooks=test_hooks))
        # What lives as long as the daemon is not looked at again for garbage; batches make much of it that dies young.
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        gc.enable()
        supervisor = parts.supervisor
        for name, run in _tasks(parts, roles).items():
            supervisor.start(name, run)
        systemd = Systemd(os.environ)
        if systemd.beat is not None:
            supervisor.start("systemd", systemd.live)
        application = _application(parts, roles)
        if test_hooks:
            application.add_routes(_hooks(parts))
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=DRAIN, handler_cancellation=False)
        await runner.setup()
        try:
            await _listen(config, runner, parts, roles, together=given is not None and not store.embedded)
            whereabouts.note(storage, whereabouts.local_address(config.http.host, runner.addresses[0][1]))
            _greet(config, runner, roles, await _first_link(parts) if "desk" in roles else None)
            systemd.ready()
            await _stopped(signals, parts)
        finally:
            log.info("stopping", action="daemon.stop")
            end_in_time(STOPS_WITHIN)
            systemd.stopping()
            whereabouts.forget(storage)
            began = asyncio.get_running_loop().time()
            parts.core.changes.close()
            await runner.cleanup()
            await supervisor.stop()
            await parts.serving.upkeep.stop()
            drained = asyncio.get_running_loop().time() - began
            log.info("stopped", action="daemon.stopped", seconds=round(drained, 3))


def _tasks(parts: Parts, roles: Collection[Role]) -> dict[str, Callable[[], Awaitable[None]]]:
    """What runs in a process of these roles, by the names that the log has for it."""
    settling, way_in, working = parts.settling, parts.way_in, parts.working
    tasks: dict[str, Callable[[], Awaitable[None]]] = {}
    if not {"receive", "listen"}.isdisjoint(roles):
        tasks["intake"] = way_in.intake.run
    if "work" in roles:
        tasks |= {
            "pipeline": settling.pipeline.run,
            "ticker": working.ticker.run,
            "sender": working.sender.run,
            "sending": working.sending.run,
            "summaries": working.summaries.run,
            "upkeep": parts.serving.upkeep.run,
            "growth": Growth(parts.core.store).run,
            "health": _alone(parts, "watch", working.watch.run),
            "suggesting": working.suggester.run,
            "replying": settling.replying.run,
            "enriching": settling.enriching.run,
        }
    if "listen" in roles:
        tasks["listening"] = way_in.listening.run
    if parts.together is not None:
        tasks |= {"leases": parts.together.leases.run, "presence": parts.together.presence.run}
    if parts.line is not None:
        tasks["wakes"] = parts.line.run
    return tasks


def _alone(parts: Parts, lease: str, run: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """What one process does for all."""
    return run if parts.together is None else partial(while_held, parts.together.leases, lease, run)


def _lease(*, test_hooks: bool) -> timedelta:
    """How long a lease is; tests need not wait for the end of a whole one."""
    short = os.environ.get(LEASE_VARIABLE, "") if test_hooks else ""
    return parse_duration(short) if short else SPAN


def _application(parts: Parts, roles: Collection[Role]) -> web.Application:
    """What a process of these roles serves; whether it lives and can do its work is asked of each."""
    config, office = parts.core.config, parts.serving.office
    application = web.Application(client_max_size=config.http.max_body)
    access = _access(parts)
    if "receive" in roles:
        application.add_routes(parts.way_in.gateway.routes())
    if "desk" in roles:
        add_api(application, office, access)
        application.add_routes(Pages(office, parts.serving.board, access, config.language).routes())
        application.add_routes(LinkPages(parts.serving.linking, config.language).routes())
    else:
        add_api(application, office, access, PROBES)
    application.router.add_route("*", "/{tail:.*}", parts.way_in.gateway.nothing)
    return application


def _access(parts: Parts) -> Access:
    return Access(
        parts.core.secrets.token, parts.serving.entrance, secure=parts.core.config.http.address().startswith("https:")
    )


async def _listen(
    config: Config, runner: web.AppRunner, parts: Parts, roles: frozenset[Role], *, together: bool
) -> None:
    """Listen. `together`: beside other receivers, among whom the system deals the connections out."""
    site: web.BaseSite
    host, port, most = config.http.host, config.http.port, config.http.max_body
    if "receive" in roles:
        gateway, fronting = parts.way_in.gateway, parts.way_in.fronting
        site = Doorway(runner, gateway, host, port, most=most, shared=together or None, fronting=fronting)
    else:
        site = web.TCPSite(runner, host, port)
    try:
        await site.start()
    except OSError as error:
        raise CannotStart(
            f"cannot listen on {host}:{port} ({error.strerror or error}); set http.port to a free one, or to 0 for any"
        ) from error


async def _first_link(parts: Parts) -> str | None:
    """The token of a link to the desk; None while the store is away, which is no reason not to start."""
    try:
        url: str = (await parts.serving.entrance.invite(None, first=True))["url"]
    except Refused:
        return None
    return url.rpartition("/")[2]


def _greet(config: Config, runner: web.AppRunner, roles: frozenset[Role], link: str | None) -> None:
    """What a newcomer wants to know: where the desk, the form and the API are, and what to type to see the leads."""
    port = runner.addresses[0][1]
    address = config.http.address(port)
    lines = ["priyom is listening."]
    if roles != ALL:
        lines.append(f"  roles   {', '.join(named(roles))} (on port {port})")
    if "desk" in roles:
        lines.append(f"  desk    {address}/")
        lines += [f"          {address}/login/{link} (signs in once, within a day)"] if link else []
    if "receive" in roles:
        lines += _forms(config, address)
    if "desk" in roles:
        lines.append(f"  API     {address}/api/leads (docs at {address}/api/openapi.json)")
        lines.append("  leads   .venv/bin/priyom leads        why: .venv/bin/priyom explain LEAD")
    print("\n".join(lines), flush=True)
    log.info("listening", action="daemon.start", host=config.http.host, port=port, roles=named(roles))


def _forms(config: Config, address: str) -> list[str]:
    names = [name for name, channel in config.channels.items() if channel.kind == "webform"]
    forms = [f"  form    {address}/form/{name}" for name in names]
    posts = [f"          curl -d 'name=Анна' -d 'phone=8 912 345-67-89' {address}/in/{name}" for name in names[:1]]
    return [*forms, *posts]


class _Signals:
    """What the operating system asks of us, heard from the first moment: none that comes during the start may end the process."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.again = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop.set)
        if hasattr(signal, "SIGHUP"):
            loop.add_signal_handler(signal.SIGHUP, self.again.set)


async def _stopped(signals: _Signals, parts: Parts) -> None:
    """Until SIGTERM or SIGINT; each SIGHUP on the way reads the configuration again."""
    reloading = asyncio.create_task(_reload_whenever(signals.again, parts), name="reload")
    await signals.stop.wait()
    reloading.cancel()


async def _reload_whenever(again: asyncio.Event, parts: Parts) -> None:
    while True:
        await again.wait()
        again.clear()
        await parts.reloader.reload_on_signal()


def _hooks(parts: Parts) -> list[web.RouteDef]:
    """Test seams over HTTP, present only with `--test-hooks`: step the clock, pause the worker, arm a crash point."""

    async def clock(request: web.Request) -> web.Response:
        await parts.way_in.fronting.stop()  # its clock is another
        parts.core.clock.advance(parse_duration((await request.json())["advance"]))
        return web.json_response({"now": parts.core.clock.now().isoformat()})

    async def worker(request: web.Request) -> web.Response:
        parts.settling.pipeline.paused = bool((await request.json())["paused"])
        parts.settling.pipeline.wake()
        return web.json_response({"paused": parts.settling.pipeline.paused})

    async def crash(request: web.Request) -> web.Response:
        seams.arm((await request.json())["at"])
        return web.json_response({})

    async def front(_request: web.Request) -> web.Response:
        parts.way_in.fronting.begin()
        return web.json_response({"pid": parts.way_in.fronting.pid})

    return [
        web.post("/test/clock", clock),
        web.post("/test/worker", worker),
        web.post("/test/crash", crash),
        web.post("/test/front", front),
    ]


@dataclass(frozen=True, slots=True)
class Local:
    """Where a short-lived API answers, and its token."""

    url: str
    token: str


@contextlib.asynccontextmanager
async def opened(config_path: Path) -> AsyncIterator[Local]:
    """The API over the store itself, on a port of its own on loopback, for a command while no daemon runs. Raises CannotStart."""
    config = loaded(config_path)
    if config is None:
        raise CannotStart("the configuration has faults")
    logs.configure(secret_values(config))
    logging.getLogger().setLevel(logging.WARNING)
    with opened_store(config) as store:
        parts = await assemble(config, store, Clock())
        if store.embedded:  # which is ours alone now; over PostgreSQL others may run on other machines
            parts.way_in.health.nobody_runs()
        application = web.Application()
        add_api(application, parts.serving.office, _access(parts))
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield Local(f"http://127.0.0.1:{runner.addresses[0][1]}", parts.core.secrets.token)
        finally:
            await runner.cleanup()
            await parts.serving.upkeep.stop()


def planned(config_path: Path) -> Json:
    """What a file would change in its store, while no daemon has that. Raises CannotStart."""
    config = loaded(config_path)
    if config is None:
        raise CannotStart("the configuration has faults")
    logs.configure(secret_values(config))
    logging.getLogger().setLevel(logging.WARNING)
    with opened_store(config) as store:
        return {"changes": store.peek(lambda db: compared(db, config)), "restart": [], "warnings": []}


def migrate(config_path: Path) -> int:
    """Bring the store's schema up to this version."""
    config = loaded(config_path, only=("storage", "timezone", "language"))
    if config is None:
        return MISCONFIGURED
    try:
        with opened_store(config, migrate_always=True):
            print(f"the schema is at {migrations.HEAD}")
    except CannotStart as error:
        print(f"priyom migrate: {error}", file=sys.stderr)
        return MISCONFIGURED
    return 0
