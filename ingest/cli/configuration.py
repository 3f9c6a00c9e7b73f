"""The configuration: what is wrong with it, what a changed one would change, and putting that in force."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ingest.cli.answer import DONE, NO, WRONG, Answer, Json, Trouble, answering, said, troubles_said
from ingest.cli.run import preflight
from ingest.cli.tables import printable

if TYPE_CHECKING:
    from ingest.cli.probing import Tried
    from ingest.client import Reached
    from ingest.config.load import Loaded

_FIELDS: Final = ("file", "line", "key", "level", "problem", "remedy")
_TRIED: Final = ("file", "line", "key", "state", "said", "remedy")

_CHANGES: Final[Mapping[str, str]] = {
    "first": "the first configuration of this store",
    "channel_added": "channel {name}: new",
    "channel_removed": "channel {name}: takes nothing in any more",
    "channel_renamed": "channel {name}: was {was}, keeps its history",
    "channel_changed": "channel {name}: {keys}",
    "manager_added": "manager {name}: new",
    "manager_removed": "manager {name}: leaves with {open_leads} open leads; next: priyom managers hand-over {name}",
    "manager_renamed": "manager {name}: was {was}, keeps his leads",
    "manager_changed": "manager {name}: {keys}",
    "team_added": "team {name}: new",
    "team_removed": "team {name}: removed with {waiting_leads} waiting leads; next: priyom lead assign LEAD --team TEAM",
    "team_changed": "team {name}: {keys}",
    "rules_changed": "rules: {keys}",
    "settings_changed": "settings: {keys}",
}


@click.command()
@answering
@click.option("--live", is_flag=True, help="Also try store, channels and routes of notices, changing nothing there.")
def check(config: Path, *, as_json: bool, live: bool) -> int:
    """Print everything that is wrong with the configuration."""
    preflight()
    from ingest.config.load import load

    loaded = load(config, os.environ)
    faults = list(loaded.faults)
    if loaded.config is not None and loaded.config.routing_tests:
        from ingest.rules.routing_tests import failed_routing_tests

        faults += failed_routing_tests(loaded.config)
    wrong = any(fault.level == "error" for fault in faults)
    lines = [str(fault) for fault in faults] + ([] if wrong else [f"{config}: no errors"])
    shown: Json = {"items": [{name: getattr(fault, name) for name in _FIELDS} for fault in faults]}
    if live and loaded.config is not None:
        tried = _tried(loaded)
        wrong = wrong or any(one.state == "wrong" for one in tried)
        lines += [printable(str(one)) for one in tried]
        shown["tried"] = [{name: getattr(one, name) for name in _TRIED} for one in tried]
    return said(Answer(shown, "\n".join(lines), code=WRONG if wrong else DONE), as_json=as_json)


def _tried(loaded: "Loaded") -> "list[Tried]":
    import asyncio

    from ingest.cli.probing import tried

    assert loaded.config is not None  # noqa: S101 - it was asked for
    return asyncio.run(tried(loaded.config, loaded.config.place_of_test(0)[0], loaded.root))


@click.command()
@answering
def plan(config: Path, *, as_json: bool) -> int:
    """Show what a changed configuration would change. Nothing is put in force."""
    with _running(config) as reached:
        shown = _at_rest(config) if reached is None else reached.api.post("config", "plan", order={})
    return said(_planned(shown), as_json=as_json)


@click.command(name="reload")
@answering
def reload_(config: Path, *, as_json: bool) -> int:
    """Put a changed configuration in force in the running daemon. One with a fault changes nothing."""
    with _running(config) as reached:
        if reached is None:
            raise Trouble("no daemon runs; the file takes effect when one starts", NO)
        shown = reached.api.post("config", "reload", order={})
    return said(_planned(shown), as_json=as_json)


@contextmanager
def _running(config: Path) -> Iterator["Reached | None"]:
    """The API of the daemon that runs; None where none does. Troubles are said as click says them."""
    from ingest.client import running

    with troubles_said():
        yield running(config)


def _at_rest(config: Path) -> Json:
    """What a file would change, while no daemon runs."""
    preflight()
    from ingest.daemon import planned
    from ingest.opening import CannotStart

    try:
        return planned(config)
    except CannotStart as error:
        raise Trouble(str(error), WRONG) from error


def _planned(shown: Json) -> Answer:
    lines = [
        printable(_CHANGES.get(one["code"], one["code"]).format(**one | {"keys": ", ".join(one.get("keys") or ())}))
        for one in shown["changes"]
    ]
    lines += [f"{section}: takes effect at the next start" for section in shown["restart"]]
    warnings = [printable(warning) for warning in shown["warnings"]]
    return Answer(shown, "\n".join([*(lines or ["nothing changes"]), *warnings]))
