"""What the keys of the file mean: their sections, types and defaults."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationInfo,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from channels import adapter
from channels.adapter import ChannelConfig
from ingest.config.addresses import (
    Chat,
    Email,
    Emails,
    OwnDomains,
    SharedEmails,
)
from ingest.config.expectations import RoutingTest
from ingest.config.notices import MailRoute, Notices
from ingest.config.section import Section
from ingest.config.servers import Account, Api, Credentials, Http, Redis, Storage
from ingest.config.values import (
    DEFAULT_REGION,
    NOTICES_CHANNEL,
    ChannelName,
    Condition,
    Count,
    Duration,
    Exceptions,
    Explained,
    Holidays,
    Hours,
    KeptFor,
    Name,
    Names,
    RegionCode,
    Span,
    Spoken,
    StrategyName,
    Text,
    TitleTemplate,
    Weight,
    Words,
    Zone,
)
from ingest.config.wording import flag


def _channel(value: object, _: object, info: ValidationInfo) -> ChannelConfig:
    """The entry as its own kind's `Config`, so that a new kind changes nothing here. It may ask the context for `accounts`."""
    if not isinstance(value, Mapping):
        raise PydanticCustomError("dict_type", "not a mapping")
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in adapter.kinds():
        raise PydanticCustomError("kind", "no such kind")
    config: type[ChannelConfig] = adapter.load(kind).Config
    accounts: Mapping[str, Account] = info.data.get("accounts", {})
    handed = {name: account.model_dump(exclude_none=True) for name, account in accounts.items()}
    return config.model_validate(value, context={**(info.context or {}), "accounts": handed})


Channel = Annotated[ChannelConfig, WrapValidator(_channel)]


def _sticky(value: object) -> object:
    if isinstance(value, str):
        return {} if flag(value.strip().lower(), "write false, or {wait: 10m}") else None
    return value


class Calendar(Section):
    """Named working hours, in the wall time of whoever uses them."""

    hours: Hours
    holidays: Holidays | None = None
    except_: Annotated[Exceptions, Field(alias="except")] = ()


class Shared(Section):
    """Keys that belong to an organisation or a line and never join people. `over`: so many other keys are too many."""

    emails: SharedEmails = ()
    phones: Names = ()
    over: Count | None = None


class Enquiry(Section):
    """When a message of a known person belongs to his last lead."""

    reopen_within: Duration = timedelta(days=14)
    new_after: Span = timedelta(days=30)


class Matching(Section):
    """Whom a message is from, and which enquiry it belongs to."""

    shared: Shared = Shared()
    enquiry: Enquiry = Enquiry()


class Own(Section):
    """The company's own domains and numbers: what comes from them is no client's."""

    domains: OwnDomains = ()
    phones: Names = ()


class Test(Section):
    """Senders of trials: their leads are marked, take no turn and are closed at once."""

    phones: Names = ()
    emails: Emails = ()


class Director(Section):
    """Who oversees all teams."""

    name: Text
    email: Email | None = None
    telegram: Chat | None = None
    language: Spoken | None = None


class Manager(Section):
    """Who gets leads. `capacity`: how many open leads he may own, None without limit; `hours`: a calendar or inline.

    `offers`: how many of them he may leave unanswered; `weight`: his share of the turns in a team that goes by weight.
    `extension`: his lines and numbers at the telephone exchange; `language`: what he is written to in.
    """

    name: Text
    email: Email | None = None
    capacity: Count | None = None
    hours: Text | None = None
    timezone: Zone | None = None
    telegram: Chat | None = None
    extension: Names = ()
    offers: Count | None = None
    weight: Weight = 1.0
    was: Text | None = None
    language: Spoken | None = None


class Sticky(Section):
    """A known client goes to his own manager, for whom he waits this long."""

    wait: Duration = timedelta(minutes=10)


class Step(Section):
    """A step of an escalation: who hears of a lead that nobody accepted in this time. `to`: `head`, a director or a manager."""

    after: Span
    to: Text


class Team(Section):
    """A rotation. `sticky` None: a known client goes to whoever's turn it is; `accept_within` None: a lead is given for good."""

    managers: Annotated[Names, Field(min_length=1)]
    strategy: StrategyName = "round_robin"
    respond_within: Span | None = None
    sticky: Annotated[Sticky | None, BeforeValidator(_sticky)] = Sticky()
    head: Text | None = None
    accept_within: Span | None = None
    owner_away: Span | None = None
    escalate: tuple[Step, ...] = ()


When = Annotated[Mapping[Condition, Annotated[Names, Field(min_length=1)]], Field(min_length=1)]


class Rule(Section):
    """A line of the routing: all of `when` must hold, any value of a condition is enough."""

    when: When | None = None
    team: Text
    respond_within: Span | None = None


class Retention(Section):
    """For how long what need not be kept for ever is kept; None: for ever."""

    bodies: KeptFor = None
    notices: KeptFor = timedelta(days=90)


class Config(Section):
    """The whole file. Sections that were not asked for have their defaults."""

    _base: Path = PrivateAttr(default=Path())
    _file: str = PrivateAttr(default="")
    _test_lines: tuple[int, ...] = PrivateAttr(default=())
    language: Spoken = "ru"
    region: RegionCode = DEFAULT_REGION
    timezone: Zone = "Europe/Moscow"
    http: Http = Http()
    api: Api = Api()
    storage: Storage = Field(default_factory=Storage)
    redis: Redis = Redis()
    accounts: Mapping[Name, Account] = Field(default_factory=dict)
    calendars: Mapping[Name, Calendar] = Field(default_factory=dict)
    hours: Text | None = None
    channels: Mapping[ChannelName, Channel] = Field(default_factory=dict)
    own: Own = Own()
    test: Test = Test()
    matching: Matching = Matching()
    title: TitleTemplate = "{city} – {name} – {topic}"
    topics: Mapping[Text, Words] = Field(default_factory=dict)
    reasons: Mapping[Explained, Names] = Field(default_factory=dict)
    directors: Mapping[Name, Director] = Field(default_factory=dict)
    managers: Mapping[Name, Manager] = Field(default_factory=dict)
    teams: Mapping[Name, Team] = Field(default_factory=dict)
    routing: tuple[Rule, ...] = ()
    routing_tests: tuple[RoutingTest, ...] = ()
    notices: Notices = Notices()
    retention: Retention = Retention()

    def model_post_init(self, context: Any, /) -> None:
        """Keep what `load` hands in of the file itself: no key of it can say that."""
        handed = context or {}
        self._base = handed.get("base", Path())
        self._file = handed.get("file", "")
        self._test_lines = handed.get("test_lines", ())
        own = self.notices.telegram.own if self.notices.telegram else None
        if own is not None:
            object.__setattr__(self, "channels", {**self.channels, NOTICES_CHANNEL: own})

    @property
    def base(self) -> Path:
        """The folder of the file: where relative paths start."""
        return self._base

    @property
    def files(self) -> Path:
        """The folder of files of messages: `storage.files`, else beside the SQLite file, else in `var` beside this file."""
        url = self.storage.url.get_secret_value()
        beside = Path(url.removeprefix("sqlite:///")).parent if url.startswith("sqlite:") else Path("var")
        return self._base / (self.storage.files or beside / "files")

    def place_of_test(self, index: int) -> tuple[str, int]:
        """The file and the line of a routing test, as far as they are known."""
        return self._file, self._test_lines[index] if index < len(self._test_lines) else 1

    def titles(self) -> dict[str, str]:
        """What directors and managers are called by people."""
        managers = {name: person.name for name, person in self.managers.items()}
        return {name: person.name for name, person in self.directors.items()} | managers

    def telegram_channel(self) -> str | None:
        """The channel whose bot tells managers, None where none does."""
        telegram = self.notices.telegram
        return None if telegram is None else telegram.channel or NOTICES_CHANNEL

    def mail_route(self) -> MailRoute | None:
        """How notices leave by mail, None where they do not."""
        email = self.notices.email
        if email is None:
            return None
        account = self.accounts[email.account] if email.account else None
        smtp = account.smtp if account else email.smtp
        holder: Credentials = account or email
        sender = email.sender or holder.user
        if smtp is None or sender is None:
            return None
        return MailRoute(smtp, holder.user, holder.password, sender)
