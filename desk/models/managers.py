"""Managers, their switches and links to the desk; a changed configuration."""

from pydantic import Field

from desk.models.shapes import Answer, Line, Moment, Order, Page


class Manager(Answer):
    """A manager as he stands now. `why_not` is the code of what keeps leads from him, `turns` his latest turn by team.

    `offered` of his `open` leads wait for his answer, of at most `offers` at once; `silences` offers in a row had none.
    """

    name: str
    title: str | None
    teams: list[str]
    available: bool
    on_shift: bool
    eligible: bool
    why_not: str | None
    open: int
    capacity: int | None
    offered: int = 0
    offers: int | None = None
    silences: int = 0
    leaving: bool
    turns: dict[str, int]
    version: int


class Invitation(Answer):
    """A link that the manager opens in his Telegram, once."""

    manager: str
    link: str
    until: Moment


class Managers(Page):
    """The managers, in the order of the configuration's first mention."""

    items: list[Manager]


class HandOver(Order):
    """Where the open leads of a manager go: to another, or left out, to whoever has the turn."""

    to: str | None = None


class HandedOver(Answer):
    """How many leads changed hands."""

    manager: str
    to: str | None
    leads: int


class Change(Answer):
    """One difference between the configuration in force and the file. Which of the keys are there depends on the code."""

    code: str
    name: str | None
    was: str | None = None
    keys: list[str] = Field(default=[])
    open_leads: int | None = None
    waiting_leads: int | None = None


class Plan(Answer):
    """What a changed configuration changes. `restart`: sections whose changes wait for the next start."""

    changes: list[Change]
    restart: list[str]
    warnings: list[str]


class LoginLink(Answer):
    """A link to the desk that works once, until then."""

    url: str
    person: str
    until: Moment


class Availability(Order):
    """A manager's switch. It stays as it is over restarts and changes of the configuration."""

    available: bool


class LoginLinkOrder(Order):
    """Whom the link signs in: a director or manager of the configuration; left out, the first director."""

    person: Line | None = None
