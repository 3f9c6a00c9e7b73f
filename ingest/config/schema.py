"""What the keys of the file mean: their sections, types and defaults."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from channels import adapter
from channels.adapter import ChannelConfig
from ingest.config.addresses import (
    Chat,
    DatabaseUrl,
    Email,
    Emails,
    Host,
    ImapTls,
    ListeningPort,
    Networks,
    OwnDomains,
    PublicUrl,
    RedisUrl,
    Sender,
    ServerPort,
    SharedEmails,
    SmtpTls,
)
from ingest.config.values import (
    DEFAULT_REGION,
    NOTICES_CHANNEL,
    UTM,
    ChannelName,
    Condition,
    Count,
    Duration,
    Exceptions,
    Flag,
    Holidays,
    Hours,
    KeptFor,
    LocalMoment,
    Name,
    Names,
    Quiet,
    RegionCode,
    RouteNames,
    Size,
    Span,
    Spoken,
    StrategyName,
    Text,
    TimeOfDay,
    TitleTemplate,
    TriedReason,
    TriedState,
    Weight,
    Words,
    Zone,
)
from ingest.config.wording import flag, refuse
from routing.source import CLICK_IDS


class Section(BaseModel):
    """A mapping of the file: unknown keys are faults, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


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


class Http(Section):
    """Where the daemon listens, and what it is called from outside. `max_body` in bytes."""

    host: Host = "127.0.0.1"
    port: ListeningPort = 8080
    public_url: PublicUrl | None = None
    trusted_proxies: Networks = ()
    max_body: Size = 10 * 1024**2

    def address(self, port: int | None = None) -> str:
        """What links start with: `public_url`, else where the daemon listens; `port` where the system chose it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{port or self.port}"


class Api(Section):
    """The token of the HTTP API; None: made at first start and kept in the store."""

    token: SecretStr | None = None


class Storage(Section):
    """Where everything is kept; the address is secret as a whole, since it may hold a password. `files`: a folder."""

    url: DatabaseUrl = Field(default=SecretStr("sqlite:///var/priyom.db"), validate_default=True)
    files: Text | None = None


class Redis(Section):
    """Where processes wake each other; None: each finds its work by looking. Secret as a whole, since it may hold a password."""

    url: RedisUrl | None = None


class Imap(Section):
    """A server to read mail from."""

    host: Host
    tls: ImapTls = True
    port: ServerPort = Field(default_factory=lambda data: 993 if data.get("tls") else 143)


class Smtp(Section):
    """A server that sends mail. `tls`: True from the first byte, "starttls" required (not opportunistic), or False."""

    host: Host
    tls: SmtpTls = True
    port: ServerPort = Field(default_factory=lambda data: {True: 465, "starttls": 587}.get(data.get("tls"), 25))


class Credentials(Section):
    """Who we are to a mail server: both or none."""

    user: Text | None = None
    password: SecretStr | None = None

    @model_validator(mode="after")
    def _both(self) -> "Credentials":
        if (self.user is None) != (self.password is None):
            given, lacking = ("user", "password") if self.password is None else ("password", "user")
            raise refuse(f"has a {given} and no {lacking}", "give both, or neither (an empty ${…} counts as left out)")
        return self


class Account(Credentials):
    """A mail account, configured once and used by name."""

    imap: Imap | None = None
    smtp: Smtp | None = None

    @model_validator(mode="after")
    def _either(self) -> "Account":
        if self.imap is None and self.smtp is None:
            raise refuse("has neither imap nor smtp", "add the server that it is for")
        return self


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


class Given(Section):
    """An approach to try the rules with. `campaign` has the `utm_*` and click ids that are written beside the others."""

    channel: Text
    at: LocalMoment | None = None
    to: Text | None = None
    name: Text | None = None
    phone: Text | None = None
    email: Text | None = None
    city: Text | None = None
    company: Text | None = None
    subject: Text | None = None
    text: Text = ""
    language: Text | None = None
    page: Text | None = None
    referrer: Text | None = None
    known: Flag = False
    owner: Text | None = None
    campaign: Mapping[str, Text] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _marks(cls, written: object) -> object:
        if not isinstance(written, Mapping):
            return written
        marks = {key: value for key, value in written.items() if UTM.fullmatch(key) or key in CLICK_IDS}
        rest = {key: value for key, value in written.items() if key not in marks}
        return {**rest, "campaign": marks} if marks and "campaign" not in rest else rest


class Expected(Section):
    """What must come of it; what is left out may be anything. `rule` counts from 1, as `priyom explain` does."""

    team: Text | None = None
    rule: Count | None = None
    source: Text | None = None
    state: TriedState | None = None
    reason: TriedReason | None = None
    owner: Text | None = None
    respond_within: Span | None = None

    @model_validator(mode="after")
    def _something(self) -> "Expected":
        if not self.model_fields_set:
            raise refuse("expects nothing", "write {team: NAME}")
        return self


class RoutingTest(Section):
    """One trial of the rules and the managers' hours."""

    name: Text | None = None
    given: Given
    expect: Expected


class NoticeEmail(Credentials):
    """How notices leave by mail: a server of an account, or one of its own."""

    account: Text | None = None
    smtp: Smtp | None = None
    sender: Sender | None = Field(default=None, alias="from")

    @model_validator(mode="after")
    def _one_server(self) -> "NoticeEmail":
        if (self.account is None) == (self.smtp is None):
            raise refuse("needs either an account or an smtp", "write account: NAME, or smtp: {host: …}")
        if self.account is not None and self.user is not None:
            raise refuse("has an account and a user of its own", "remove user and password: the account has them")
        return self


class NoticeTelegram(Section):
    """How notices leave by Telegram: as the bot of a channel, or as one of their own, which is polled for buttons only."""

    _own: ChannelConfig | None = PrivateAttr(default=None)
    channel: Text | None = None
    token: SecretStr | None = None
    proxy: SecretStr | None = None
    api_base: Text | None = None

    @model_validator(mode="after")
    def _one_bot(self) -> "NoticeTelegram":
        if (self.channel is None) == (self.token is None):
            raise refuse("needs either a channel or a token", "write channel: NAME, or token: ${TG_TOKEN}")
        if self.token is not None:
            self._own = self._as_channel()
        elif self.proxy is not None or self.api_base is not None:
            raise refuse("has a channel, which has its own way to Telegram", "remove proxy and api_base")
        return self

    def _as_channel(self) -> ChannelConfig:
        """The bot of its own as an entry under `channels`, whose kind says what is wrong with it."""
        config: type[ChannelConfig] = adapter.load("telegram").Config
        try:
            return config.model_validate(self.model_dump(exclude={"channel"}) | {"kind": "telegram", "clients": False})
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            said = first.get("ctx", {})
            raise refuse(f"{first['loc'][0]} {said['problem']}", said["remedy"]) from None

    @property
    def own(self) -> ChannelConfig | None:
        """The channel that a bot of the notices' own is."""
        return self._own


class Notices(Section):
    """How managers are told. `order` empty: every route that there is."""

    order: RouteNames = ()
    email: NoticeEmail | None = None
    telegram: NoticeTelegram | None = None
    quiet: Quiet | None = None
    summary: TimeOfDay = timedelta(hours=9)


class Retention(Section):
    """For how long what need not be kept for ever is kept; None: for ever."""

    bodies: KeptFor = None
    notices: KeptFor = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class MailRoute:
    """Everything that sending a notice by mail needs."""

    smtp: Smtp
    user: str | None
    password: SecretStr | None
    sender: str


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
    reasons: Mapping[Name, Names] = Field(default_factory=dict)
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
