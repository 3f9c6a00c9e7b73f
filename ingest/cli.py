"""The command line. Nothing heavy is imported before a verb needs it: `priyom --help` must not wait for a database driver.

Exit codes: 0 done; 1 the answer is no; 2 used wrongly, misconfigured or not reached.
"""

import io
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import click

from ingest.tables import printable, table

if TYPE_CHECKING:
    from ingest.client import Reached, Refusal

Json = dict[str, Any]
Verb = TypeVar("Verb", bound=Callable[..., int])

DONE: Final = 0
NO: Final = 1
WRONG: Final = 2
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141
ROLES: Final = ("receive", "listen", "work", "desk")
CHUNK: Final = 200
_NOT_THERE: Final = frozenset({404, 409})


class InOrder(click.Group):
    """A group that lists its verbs as they are written here, which is the order in which people need them."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The verbs in their order."""
        return list(self.commands)


class Priyom(InOrder):
    """All verbs. Says every expected trouble in a line, and gives it its exit code."""

    def invoke(self, ctx: click.Context) -> int:
        """Run a verb; the exit code."""
        try:
            code: int = super().invoke(ctx) or DONE
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever read us has enough, `head` for one. Python flushes once more at exit: let that go nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return PIPE_CLOSED
        return code


class Trouble(click.ClickException):
    """What a verb was told instead of an answer, with its exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(printable(message))
        self.code = code


def main() -> NoReturn:
    """Run the command line and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
    sys.exit(command(sys.argv[1:]))


def command(arguments: Sequence[str]) -> int:
    """Run one command; its exit code. Whatever goes wrong is said on standard error."""
    try:
        code: int = priyom.main(arguments, prog_name="priyom", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.code if isinstance(error, Trouble) else error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except Exception:  # noqa: BLE001 - the last resort: a defect must not look like "the answer is no"
        traceback.print_exc()
        return WRONG
    return code


@click.group(
    cls=Priyom,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit code: 0 done, 1 the answer is no, 2 used wrongly or misconfigured. More: docs/commands.md",
)
@click.version_option(package_name="priyom", message="%(prog)s %(version)s")
def priyom() -> None:
    """Takes in what clients send on every channel, and puts each lead before a free manager."""


def _config(function: Verb) -> Verb:
    """The option that every verb has."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        default=lambda: os.environ.get("PRIYOM_CONFIG") or "config.yaml",
        metavar="FILE",
        help="The configuration; left out: $PRIYOM_CONFIG, else config.yaml.",
    )(function)


def _asks(function: Verb) -> Verb:
    """The options of a verb that asks the API."""
    as_json = click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")
    return _config(as_json(function))


def _limited(function: Verb) -> Verb:
    """The option of a verb that lists what may be much."""
    limit = click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many at most.")
    return limit(function)


@contextmanager
def _reached(config: Path) -> Iterator["Reached"]:
    """The API, its troubles said as click says them."""
    from ingest.client import reach

    with _troubles_said(), reach(config) as reached:
        yield reached


@contextmanager
def _troubles_said() -> Iterator[None]:
    from ingest.client import Misconfigured, Refusal, Unreachable

    try:
        yield
    except Misconfigured as error:
        click.echo(str(error), err=True)
        raise click.exceptions.Exit(WRONG) from error
    except Unreachable as error:
        raise Trouble(str(error), WRONG) from error
    except Refusal as error:
        raise Trouble(_refused(error), NO if error.status in _NOT_THERE else WRONG) from error


def _refused(refusal: "Refusal") -> str:
    return str(refusal) if refusal.lead is None else f"{refusal}; now: {_standing(refusal.lead)}"


def _show(shown: Json) -> None:
    click.echo(json.dumps(shown, ensure_ascii=False, indent=2))


def _list(shown: Json, head: Sequence[str], row: Callable[[Json], Sequence[object]], *, as_json: bool) -> int:
    """A list as a table or as JSON. That nothing was found is said beside the answer, and by the exit code."""
    if as_json:
        _show(shown)
    elif shown["items"]:
        click.echo(table(head, map(row, shown["items"])))
    else:
        click.echo("nothing found", err=True)
    if shown.get("next") and not as_json:
        click.echo("there are more: raise --limit", err=True)
    return DONE if shown["items"] else NO


def _moment(text: str | None, reached: "Reached") -> str | None:
    """A time of the API in the company's zone, to the minute."""
    from datetime import datetime

    return None if text is None else f"{datetime.fromisoformat(text).astimezone(reached.zone):%Y-%m-%d %H:%M}"


def _standing(lead: Json) -> str:
    """How a lead stands, in a phrase."""
    state = lead["state"] if lead["reason"] is None else f"{lead['state']} ({lead['reason']})"
    owner = "" if lead["owner"] is None else f", {lead['owner']}"
    return f"{state}{owner}, team {lead['team']}, version {lead['version']}"


def _sentences(sentences: Sequence[Json], reached: "Reached") -> str:
    return "\n".join(f"{_moment(one['at'], reached)}  {printable(one['text'])}" for one in sentences)


# ---- the daemon and its configuration


@priyom.command(epilog="Example: priyom run --config /etc/priyom/config.yaml")
@_config
@click.option("--roles", default=",".join(ROLES), metavar="LIST", help=f"Which of {','.join(ROLES)}; left out: all.")
@click.option("--test-hooks", is_flag=True, help="Crash points and a clock that can be stepped, for tests only.")
def run(config: Path, roles: str, *, test_hooks: bool) -> int:
    """Run the daemon until it is told to stop."""
    wanted = tuple(role.strip() for role in roles.split(","))
    for role in wanted:
        if role not in ROLES:
            raise click.BadParameter(f"there is no role {role!r}; there are {', '.join(ROLES)}", param_hint="--roles")
    _preflight()
    from ingest import daemon

    return daemon.run(config, wanted, test_hooks=test_hooks)


def _preflight() -> None:
    from ingest.preflight import problems

    found = problems()
    for problem in found:
        click.echo(problem, err=True)
    if found:
        raise click.exceptions.Exit(WRONG)


@priyom.command()
@_asks
@click.option("--live", is_flag=True, hidden=True)
def check(config: Path, *, as_json: bool, live: bool) -> int:
    """Print everything that is wrong with the configuration."""
    if live:
        return _not_built("check --live")
    _preflight()
    from ingest.config.load import load

    loaded = load(config, os.environ)
    faults = list(loaded.faults)
    if loaded.config is not None and loaded.config.routing_tests:
        from ingest.routing_tests import failed_routing_tests

        faults += failed_routing_tests(loaded.config)
    wrong = any(fault.level == "error" for fault in faults)
    if as_json:
        fields = ("file", "line", "key", "level", "problem", "remedy")
        _show({"items": [{name: getattr(fault, name) for name in fields} for fault in faults]})
    else:
        for fault in faults:
            click.echo(str(fault))
        if not wrong:
            click.echo(f"{config}: no errors")
    return WRONG if wrong else DONE


@priyom.command()
@_asks
def plan(config: Path, *, as_json: bool) -> int:
    """Show what a changed configuration would change. Nothing is put in force."""
    with _running(config) as reached:
        shown = _at_rest(config) if reached is None else reached.api.post("config", "plan", order={})
    if as_json:
        _show(shown)
    else:
        click.echo(_planned(shown))
    return DONE


@priyom.command(name="reload")
@_asks
def reload_(config: Path, *, as_json: bool) -> int:
    """Put a changed configuration in force in the running daemon. One with a fault changes nothing."""
    with _running(config) as reached:
        if reached is None:
            raise Trouble("no daemon runs; the file takes effect when one starts", NO)
        shown = reached.api.post("config", "reload", order={})
    if as_json:
        _show(shown)
    else:
        click.echo(_planned(shown))
    return DONE


@contextmanager
def _running(config: Path) -> Iterator["Reached | None"]:
    """The API of the daemon that runs; None where none does. Troubles are said as click says them."""
    from ingest.client import running

    with _troubles_said():
        yield running(config)


def _at_rest(config: Path) -> Json:
    """What a file would change, while no daemon runs."""
    _preflight()
    from ingest.daemon import CannotStart, planned

    try:
        return planned(config)
    except CannotStart as error:
        raise Trouble(str(error), WRONG) from error


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


def _planned(shown: Json) -> str:
    lines = [
        printable(_CHANGES.get(one["code"], one["code"]).format(**one | {"keys": ", ".join(one.get("keys") or ())}))
        for one in shown["changes"]
    ]
    lines += [f"{section}: takes effect at the next start" for section in shown["restart"]]
    lines += [printable(warning) for warning in shown["warnings"]]
    return "\n".join(lines or ["nothing changes"])


@priyom.command()
@_config
def migrate(config: Path) -> int:
    """Bring the store's schema up to this version."""
    _preflight()
    from ingest import daemon

    return daemon.migrate(config)


@priyom.command(
    name="try",
    epilog='Example: priyom try --channel site --phone "8 912 345-67-89" --text "цемент м500" --at "2026-11-28 23:10"',
)
@_asks
@click.option("--channel", required=True, metavar="NAME", help="The channel that it would come by.")
@click.option("--name", help="How the client introduces himself.")
@click.option("--phone", help="In any spelling.")
@click.option("--email")
@click.option("--text", help="What the client writes.")
@click.option("--city")
@click.option("--at", metavar="TIME", help="When, in the company's zone; left out: now.")
def attempt(config: Path, *, as_json: bool, **approach: str | None) -> int:
    """Show what would happen to an approach; nothing is stored."""
    with _reached(config) as reached:
        shown = reached.api.post("try", order={name: value for name, value in approach.items() if value is not None})
        if as_json:
            _show(shown)
        else:
            click.echo(_trial(shown, reached))
    return DONE


def _trial(shown: Json, reached: "Reached") -> str:
    lines = [shown["outcome"] if shown["reason"] is None else f"{shown['outcome']}: {shown['reason']}"]
    if lead := shown.get("lead"):
        lines += [printable(lead["title"]), _standing(lead)]
    if sentences := shown.get("sentences"):
        lines += ["", _sentences(sentences, reached)]
    if notice := shown.get("notice"):
        text = "\n".join(
            ("  " + printable(line)).rstrip() for line in (notice["subject"], *notice["text"].splitlines())
        )
        lines += ["", f"notice to {notice['to']}:", text]
    return "\n".join(lines)


@priyom.command(epilog="Example: priyom login --as irina")
@_asks
@click.option("--as", "person", metavar="PERSON", help="A director or manager; left out: the first director.")
def login(config: Path, person: str | None, *, as_json: bool) -> int:
    """Print a link that signs in to the desk once, within ten minutes."""
    with _reached(config) as reached:
        shown = reached.api.post("login-links", order={} if person is None else {"person": person})
        if as_json:
            _show(shown)
        else:
            click.echo(shown["url"])
            click.echo(f"signs in {shown['person']} once, until {_moment(shown['until'], reached)}", err=True)
    return DONE


# ---- the journal

_FIGURES: Final = ("received", "created", "attached", "handled", "ignored", "failed", "pending", "duplicates")


@priyom.command()
@_asks
def ledger(config: Path, *, as_json: bool) -> int:
    """Show what was received, what it came to, and if that agrees."""
    with _reached(config) as reached:
        shown = reached.api.get("ledger")
    if as_json:
        _show(shown)
    else:
        if shown["items"]:
            head = ("channel", "day", *_FIGURES)
            click.echo(table(head, ([item[name] for name in head] for item in shown["items"])))
        click.echo("balanced" if shown["balanced"] else "NOT BALANCED: counters, journal and leads do not agree")
    return DONE if shown["balanced"] else NO


@priyom.command()
@_asks
@_limited
@click.option("--channel", metavar="NAME", help="Of one channel.")
def failed(config: Path, limit: int, channel: str | None, *, as_json: bool) -> int:
    """List what could not be read.

    `priyom replay ENVELOPE` runs it through again.
    """
    return _envelopes(config, limit, as_json=as_json, outcome="failed", channel=channel)


@priyom.command()
@_asks
@_limited
@click.option("--channel", metavar="NAME", help="Of one channel.")
@click.option("--reason", metavar="CODE", help="For one reason: repeat, honeypot and so on.")
def ignored(config: Path, limit: int, channel: str | None, reason: str | None, *, as_json: bool) -> int:
    """List what was not taken as a client's approach.

    `priyom replay --as-client ENVELOPE` overrules that.
    """
    return _envelopes(config, limit, as_json=as_json, outcome="ignored", channel=channel, reason=reason)


def _envelopes(config: Path, limit: int, *, as_json: bool, **query: str | None) -> int:
    with _reached(config) as reached:
        shown = reached.api.listed("envelopes", limit, **query)

        def row(item: Json) -> Sequence[object]:
            return item["id"], _moment(item["received_at"], reached), item["channel"], item["attempts"], item["reason"]

        return _list(shown, ("envelope", "received", "channel", "attempts", "reason"), row, as_json=as_json)


@priyom.command(epilog="Example: priyom replay --all --dry-run")
@_asks
@click.argument("ids", nargs=-1, metavar="[ENVELOPE]...")
@click.option("--all", "everything", is_flag=True, help="All that failed.")
@click.option("--dry-run", is_flag=True, help="Show what would happen, change nothing.")
@click.option("--as-client", is_flag=True, help="Take it as a client's approach, also what was ignored.")
def replay(
    config: Path, ids: tuple[str, ...], *, everything: bool, dry_run: bool, as_client: bool, as_json: bool
) -> int:
    """Run failed or ignored envelopes through again."""
    if bool(ids) == everything:
        raise click.UsageError("name envelopes, or say --all")
    with _reached(config) as reached:
        # Named here and in portions: what fails again while we go on must not be taken a second time.
        asked = (
            [item["id"] for item in reached.api.listed("envelopes", None, outcome="failed")["items"]]
            if everything
            else ids
        )
        portions = [asked[start : start + CHUNK] for start in range(0, len(asked), CHUNK)]
        order = {"dry_run": dry_run, "as_client": as_client}
        items = [item for ids in portions for item in reached.api.post("replay", order={"ids": ids, **order})["items"]]
    if as_json:
        _show({"items": items})
    elif items:
        click.echo(
            _tried(items)
            if dry_run
            else table(("envelope", "replayed"), ((i["id"], _yes(i["replayed"])) for i in items))
        )
    else:
        click.echo("nothing to replay", err=True)
    done = [item for item in items if item["replayed"] or "outcome" in item]
    return DONE if len(done) == len(asked) else NO


def _tried(items: Sequence[Json]) -> str:
    def row(item: Json) -> Sequence[object]:
        lead = item.get("lead") or {}
        return (
            item["id"],
            item.get("outcome", "no such envelope"),
            item.get("reason"),
            lead.get("owner"),
            lead.get("title"),
        )

    return table(("envelope", "outcome", "reason", "owner", "lead"), map(row, items))


def _yes(value: object) -> str:
    return "yes" if value else "no"


# ---- leads


@priyom.command(epilog='Example: priyom leads --state unprocessed --q "912 345"')
@_asks
@_limited
@click.option(
    "--state", metavar="STATE", help="unprocessed, assigned, in_work, converted, lost, disqualified or merged."
)
@click.option("--owner", metavar="MANAGER")
@click.option("--team", metavar="TEAM")
@click.option("--channel", metavar="NAME")
@click.option("--q", metavar="TEXT", help="A part of the title, the contact's name or a key.")
def leads(config: Path, limit: int, *, as_json: bool, **query: str | None) -> int:
    """List leads, newest first."""
    with _reached(config) as reached:
        shown = reached.api.listed("leads", limit, **query)

        def row(item: Json) -> Sequence[object]:
            state = item["state"] if item["reason"] is None else f"{item['state']}: {item['reason']}"
            created, due = _moment(item["created_at"], reached), _moment(item["due_at"], reached)
            return item["id"], created, state, item["owner"], item["team"], item["channel"], due, item["title"]

        head = ("lead", "created", "state", "owner", "team", "channel", "due", "title")
        return _list(shown, head, row, as_json=as_json)


@priyom.command()
@_asks
@click.argument("lead")
@click.option("--language", type=click.Choice(["ru", "en"]), help="Left out: the company's.")
def explain(config: Path, lead: str, language: str | None, *, as_json: bool) -> int:
    """Say why a lead is whose it is: every decision in sentences."""
    with _reached(config) as reached:
        shown = reached.api.get("leads", lead, "explain", language=language)
        if as_json:
            _show(shown)
        else:
            state = shown["state"] if shown["reason"] is None else f"{shown['state']}: {shown['reason']}"
            click.echo("\n".join((printable(shown["title"]), state, "", _sentences(shown["sentences"], reached))))
    return DONE


@priyom.group(cls=InOrder)
def lead() -> None:
    """Accept, decline, assign, close or reopen a lead by hand."""


def _acts(function: Verb) -> Verb:
    """The options of a verb that changes a lead."""
    version = click.option("--version", type=int, metavar="N", help="Only if the lead is still at this version.")
    return click.argument("lead")(_asks(version(function)))


def _act(config: Path, lead: str, action: str, order: Mapping[str, str | int | None], *, as_json: bool) -> int:
    with _reached(config) as reached:
        shown = reached.api.post("leads", lead, action, order={k: v for k, v in order.items() if v is not None})
    if as_json:
        _show(shown)
    else:
        click.echo(f"{printable(shown['title'])}: {_standing(shown)}")
    return DONE


@lead.command()
@_acts
@click.option("--manager", metavar="NAME", help="Who takes it; left out: its owner.")
def accept(config: Path, lead: str, *, as_json: bool, **order: str | int | None) -> int:
    """Take a lead into work."""
    return _act(config, lead, "accept", order, as_json=as_json)


@lead.command()
@_acts
@click.option("--manager", metavar="NAME", help="Who cannot take it; left out: whoever has it.")
@click.option("--reason", metavar="TEXT", help="Why not.")
def decline(config: Path, lead: str, *, as_json: bool, **order: str | int | None) -> int:
    """Say that a manager cannot take a lead: it goes to the next."""
    return _act(config, lead, "decline", order, as_json=as_json)


@lead.command()
@_acts
@click.option("--manager", metavar="NAME", help="To whom; it uses no turn of his.")
@click.option("--team", metavar="TEAM", help="To which team; without a manager it waits there for a free one.")
def assign(config: Path, lead: str, *, as_json: bool, **order: str | int | None) -> int:
    """Give a lead to a manager, or put it before another team."""
    return _act(config, lead, "assign", order, as_json=as_json)


@lead.command(name="hand-over")
@_acts
@click.option("--manager", metavar="NAME", required=True, help="To whom; it uses no turn of his.")
def lead_hand_over(config: Path, lead: str, *, as_json: bool, **order: str | int | None) -> int:
    """Give a lead to a colleague."""
    return _act(config, lead, "assign", order, as_json=as_json)


@lead.command()
@_acts
@click.option("--reason", metavar="CODE", help="One of `reasons` in the configuration.")
def disqualify(config: Path, lead: str, *, as_json: bool, **order: str | int | None) -> int:
    """Close a lead that is none."""
    return _act(config, lead, "disqualify", order, as_json=as_json)


@lead.command()
@_acts
@click.option("--reason", metavar="CODE", help="One of `reasons` in the configuration.")
def lose(config: Path, lead: str, *, as_json: bool, **order: str | int | None) -> int:
    """Close a lead that came to nothing."""
    return _act(config, lead, "lose", order, as_json=as_json)


@lead.command()
@_acts
def convert(config: Path, lead: str, *, as_json: bool, **order: str | int | None) -> int:
    """Close a lead that became business."""
    return _act(config, lead, "convert", order, as_json=as_json)


@lead.command()
@_acts
def reopen(config: Path, lead: str, *, as_json: bool, **order: str | int | None) -> int:
    """Let a closed lead wait for a free manager again."""
    return _act(config, lead, "reopen", order, as_json=as_json)


@lead.command()
@click.argument("lead")
@_asks
def done(config: Path, lead: str, *, as_json: bool) -> int:
    """Say that what was to be done about a lead is done: its client was called back."""
    with _reached(config) as reached:
        shown = reached.api.get("leads", lead)
        open_ones = [one["id"] for one in shown["activities"] if one["done_at"] is None]
        for activity in open_ones:
            shown = reached.api.post("activities", activity, "done", order={})
    if as_json:
        _show(shown)
    else:
        click.echo(f"{len(open_ones)} done" if open_ones else "nothing was to be done")
    return DONE


# ---- managers, channels, notices


@priyom.group(cls=InOrder, invoke_without_command=True)
@_asks
@click.pass_context
def managers(context: click.Context, config: Path, *, as_json: bool) -> int:
    r"""List the managers and how they stand; switch one away or back.

    \b
    priyom managers away NAME
    priyom managers available NAME
    """
    if context.invoked_subcommand is not None:
        # What was said before the name of the verb holds for it too.
        context.default_map = {
            name: {"config": config, "as_json": as_json} for name in ("available", "away", "hand-over")
        }
        return DONE
    with _reached(config) as reached:
        shown = reached.api.listed("managers", None)
    return _list(
        shown, ("manager", "name", "teams", "gets leads", "open", "capacity", "why not"), _manager, as_json=as_json
    )


def _manager(item: Json) -> Sequence[object]:
    capacity = "no limit" if item["capacity"] is None else item["capacity"]
    teams = ", ".join(item["teams"])
    return item["name"], item["title"], teams, _yes(item["eligible"]), item["open"], capacity, item["why_not"]


@managers.command()
@_asks
@click.argument("name")
def available(config: Path, name: str, *, as_json: bool) -> int:
    """Switch a manager on: waiting leads go out to him at once."""
    return _switch(config, name, available=True, as_json=as_json)


@managers.command()
@_asks
@click.argument("name")
def away(config: Path, name: str, *, as_json: bool) -> int:
    """Switch a manager off: he gets nothing new and keeps what he has."""
    return _switch(config, name, available=False, as_json=as_json)


@managers.command(name="hand-over")
@_asks
@click.argument("name")
@click.option("--to", metavar="MANAGER", help="To whom; left out: to whoever has the turn.")
def hand_over(config: Path, name: str, to: str | None, *, as_json: bool) -> int:
    """Give all open leads of a manager to another: before he goes on leave, or after he left."""
    with _reached(config) as reached:
        shown = reached.api.post("managers", name, "hand-over", order={"to": to})
    if as_json:
        _show(shown)
    else:
        click.echo(f"{shown['leads']} leads of {name} {'go out in turn' if to is None else f'are with {to} now'}")
    return DONE


def _switch(config: Path, name: str, *, available: bool, as_json: bool) -> int:
    with _reached(config) as reached:
        shown = reached.api.put("managers", name, "availability", order={"available": available})
    if as_json:
        _show(shown)
    else:
        why_not = "gets leads" if shown["eligible"] else f"gets none: {shown['why_not']}"
        click.echo(
            f"{shown['name']}: {'available' if shown['available'] else 'away'}, {shown['open']} open leads, {why_not}"
        )
    return DONE


@priyom.command()
@_asks
def channels(config: Path, *, as_json: bool) -> int:
    """List the channels and how they are."""
    with _reached(config) as reached:
        shown = reached.api.listed("channels", None)
    return _list(
        shown, ("channel", "kind", "state"), lambda item: (item["name"], item["kind"], item["state"]), as_json=as_json
    )


@priyom.command()
@_asks
def notices(config: Path, *, as_json: bool) -> int:
    """List the notices that have not reached their manager."""
    with _reached(config) as reached:
        shown = reached.api.listed("notices", None)

        def row(item: Json) -> Sequence[object]:
            again = _moment(item["due_at"], reached) if item["state"] == "due" else None
            return item["state"], item["manager"], item["lead"], item["code"], item["attempts"], again, item["error"]

        head = ("state", "manager", "lead", "notice", "attempts", "again at", "error")
        return _list(shown, head, row, as_json=as_json)


# ---- what the contract names and this version does not have


def _not_built(verb: str) -> int:
    click.echo(f"priyom {verb} is not built in this version", err=True)
    return WRONG


def _add_not_built(group: click.Group, prefix: str, *verbs: str) -> None:
    anything = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
    for verb in verbs:
        group.add_command(
            click.Command(
                verb,
                callback=lambda verb=verb: _not_built(f"{prefix}{verb}"),
                context_settings=anything,
                hidden=True,
                add_help_option=False,
            )
        )


_add_not_built(priyom, "", "contacts", "erase")
_add_not_built(managers, "managers ", "invite")
