"""What every verb shares: its options, how it reaches the API, how its answer is shown, and what its exit code says."""

import functools
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Final, TypeVar

import click

from ingest.cli.tables import printable, table
from ingest.cli.wording import standing

if TYPE_CHECKING:
    from ingest.client import Reached, Refusal

Json = dict[str, Any]
Verb = TypeVar("Verb", bound=Callable[..., Any])

DONE: Final = 0
NO: Final = 1
WRONG: Final = 2
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141
_NOT_THERE: Final = frozenset({404, 409})


class InOrder(click.Group):
    """A group that lists its verbs as they are written, which is the order in which people need them."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The verbs in their order."""
        return list(self.commands)


class Trouble(click.ClickException):
    """What a verb was told instead of an answer, with its exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(printable(message))
        self.code = code


@dataclass(frozen=True, slots=True)
class Answer:
    """What a verb found or did: as JSON for programs, as a text for people, and what is said to them on standard error."""

    shown: Json
    text: str = ""
    beside: str = ""
    code: int = DONE


@dataclass(frozen=True, slots=True)
class Listing:
    """A list, each item a row of a table for people. That nothing was found is said beside it, and by the exit code."""

    shown: Json
    head: Sequence[str]
    row: Callable[[Json], Sequence[object]]

    @property
    def text(self) -> str:
        """The table."""
        return table(self.head, map(self.row, self.shown["items"])) if self.shown["items"] else ""

    @property
    def beside(self) -> str:
        """What the table does not show."""
        if not self.shown["items"]:
            return "nothing found"
        return "there are more: raise --limit" if self.shown.get("next") else ""

    @property
    def code(self) -> int:
        """Whether anything was found."""
        return DONE if self.shown["items"] else NO


def said(answer: Answer | Listing, *, as_json: bool) -> int:
    """Print an answer; its exit code."""
    if as_json:
        click.echo(json.dumps(answer.shown, ensure_ascii=False, indent=2))
        return answer.code
    if answer.text:
        click.echo(answer.text)
    if answer.beside:
        click.echo(answer.beside, err=True)
    return answer.code


def configured(function: Verb) -> Verb:
    """The option that every verb has."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        default=lambda: os.environ.get("PRIYOM_CONFIG") or "config.yaml",
        metavar="FILE",
        help="The configuration; left out: $PRIYOM_CONFIG, else config.yaml.",
    )(function)


def answering(function: Verb) -> Verb:
    """The options of a verb that answers people and programs."""
    as_json = click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")
    return configured(as_json(function))


def limited(function: Verb) -> Verb:
    """The option of a verb that lists what may be much."""
    limit = click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many at most.")
    return limit(function)


def asking(function: Callable[Concatenate["Reached", ...], Answer | Listing]) -> Callable[..., int]:
    """A verb that asks the API: it is handed what it reached, and its answer is printed.

    Of a group, it answers where nothing follows the group's name; what was said before the name of a verb holds for that too.
    """

    @answering
    @functools.wraps(function)
    def verb(config: Path, *, as_json: bool, **given: Any) -> int:
        context = click.get_current_context()
        if context.invoked_subcommand is not None:
            context.default_map = {context.invoked_subcommand: {"config": config, "as_json": as_json}}
            return DONE
        with reaching(config) as reached:
            answer = function(reached, **given)
        return said(answer, as_json=as_json)

    return verb


@contextmanager
def reaching(config: Path) -> Iterator["Reached"]:
    """The API, its troubles said as click says them."""
    from ingest.client import reach

    with troubles_said(), reach(config) as reached:
        yield reached


@contextmanager
def troubles_said() -> Iterator[None]:
    """What the client raises becomes what a verb ends with."""
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
    return str(refusal) if refusal.lead is None else f"{refusal}; now: {standing(refusal.lead)}"
