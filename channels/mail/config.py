"""A mailbox in the YAML: an account by its name, or servers and credentials of its own. Faults are said in `problem; remedy`."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError

from channels.adapter import ChannelConfig
from kernel.durations import parse_duration
from kernel.templates import check

_HOST: Final = re.compile(r"[\w.:-]+")
_SIZE: Final = re.compile(r"([0-9]{1,9})\s*(KB|MB)", re.IGNORECASE)
_UNITS: Final = {"KB": 1024, "MB": 1024**2}
_SMALLEST: Final = 64 * 1024
# A delivery larger than what the intake holds at once could never be committed.
LARGEST: Final = 50 * 1024**2
_HIGHEST_PORT: Final = 65_535
_SHORTEST_PAUSE: Final = timedelta(hours=1)
_LONGEST_PAUSE: Final = timedelta(days=365)
_LONGEST_ANSWER: Final = 5_000
_LONGEST_SUBJECT: Final = 200
IN_HOURS: Final = frozenset({"name", "lead", "subject"})
OUT_OF_HOURS: Final = IN_HOURS | {"opens"}
"""What may stand in braces in the text of an automatic answer."""
_SENDING: Final = {"smtp": "smtp: {host: smtp.example.com}", "address as its user": "user: info@example.com"}
_OF_THE_ACCOUNT: Final = ("imap", "smtp", "user", "password", "token", "token_file")


def _refused(problem: str, remedy: str) -> PydanticCustomError:
    return PydanticCustomError("refused", "{problem}; {remedy}", {"problem": problem, "remedy": remedy})


def _host(written: str) -> str:
    if not _HOST.fullmatch(written.strip()):
        raise _refused("is not a host", "write a name or an address alone, without scheme, port or path")
    return written.strip()


def _port(written: object) -> int:
    port = int(str(written)) if re.fullmatch(r"[0-9]{1,5}", str(written)) else 0
    if not 0 < port <= _HIGHEST_PORT:
        raise _refused("is not a port", "write a number from 1 to 65535")
    return port


def _tls(written: object) -> object:
    text = str(written).strip().lower()
    if text in {"true", "yes", "on"}:
        return True
    if text in {"false", "no", "off"}:
        return False
    return text


def _imap_tls(written: object) -> object:
    tls = _tls(written)
    if not isinstance(tls, bool):
        raise _refused("is neither true nor false", "write true (TLS from the first byte) or false")
    return tls


def _smtp_tls(written: object) -> object:
    tls = _tls(written)
    if tls not in {True, False, "starttls"}:
        raise _refused("is neither true nor false", "write true (TLS from the first byte), starttls or false")
    return tls


def _folders(written: object) -> object:
    return [written] if isinstance(written, str) else written


def _folder(written: str) -> str:
    name = written.strip()
    if not name or not name.isprintable():
        raise _refused("is no folder", "write INBOX, or a name as the mail program shows it")
    return "INBOX" if name.upper() == "INBOX" else name


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names or len(set(names)) < len(names):
        raise _refused("names a folder twice, or none", "name each folder once")
    return names


def _start(written: object) -> object:
    if written in {"now", "all"} or isinstance(written, date):
        return written
    try:
        return date.fromisoformat(str(written).strip())
    except ValueError as error:
        raise _refused("is no beginning", "write now, all, or a date such as 2026-09-01") from error


def _beside(written: Path, info: ValidationInfo) -> Path:
    """A relative path starts at the folder of the configuration."""
    base: Path = (info.context or {}).get("base", Path())
    return base / written


def _size(written: object) -> int:
    found = _SIZE.fullmatch(str(written).strip())
    size = int(found[1]) * _UNITS[found[2].upper()] if found else written
    if not isinstance(size, int) or not _SMALLEST <= size <= LARGEST:
        raise _refused("is no size of a mail", "write between 64KB and 50MB")
    return size


def _answer(written: object) -> object:
    """Everything as it is usual, nothing, or a mapping."""
    if isinstance(written, Mapping):
        return written
    said = _tls(written)
    if not isinstance(said, bool):
        raise _refused("is no answer", "write true, false, or {in_hours: …, out_of_hours: …}")
    return {} if said else None


def _template(places: frozenset[str], longest: int) -> BeforeValidator:
    def checked(written: object) -> object:
        if not isinstance(written, str):
            return written
        if len(written) > longest:
            raise _refused("is too long", f"write {longest} characters at most")
        try:
            check(written, places)
        except ValueError as error:
            problem, _, remedy = str(error).partition("; ")
            raise PydanticCustomError(
                "worded", "{problem}; {remedy}", {"problem": problem, "remedy": remedy}
            ) from error
        return written

    return BeforeValidator(checked)


def _text_or_not(written: object) -> object:
    """A text of one's own, or whether there is the usual one."""
    said = _tls(written)
    return said if isinstance(said, bool) else written


def _one_line(written: str) -> str:
    if not written.strip() or not written.isprintable():
        raise _refused("is no subject", "write one line")
    return written


def _pause(written: object) -> object:
    try:
        pause = parse_duration(str(written).strip())
    except ValueError as error:
        raise _refused("is not a duration", "write 24h or 7d") from error
    if not _SHORTEST_PAUSE <= pause <= _LONGEST_PAUSE:
        raise _refused("is out of range", "write between 1h and 365d")
    return pause


class _Server(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    host: Annotated[str, AfterValidator(_host)]


class Imap(_Server):
    """A server to read mail from."""

    tls: Annotated[bool, BeforeValidator(_imap_tls)] = True
    port: Annotated[int, BeforeValidator(_port)] = Field(default_factory=lambda data: 993 if data.get("tls") else 143)


class Smtp(_Server):
    """A server that sends mail. `tls`: True from the first byte, "starttls" required, or False."""

    tls: Annotated[Literal["starttls"] | bool, BeforeValidator(_smtp_tls)] = True
    port: Annotated[int, BeforeValidator(_port)] = Field(
        default_factory=lambda data: {True: 465, "starttls": 587}.get(data.get("tls"), 25)
    )


class Answer(BaseModel):
    """What a client is answered by itself: a text of one's own, True for the usual one, False for none.

    `per_address`: for so long after an answer, nobody at the same address gets another.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    in_hours: Annotated[str | bool, BeforeValidator(_text_or_not), _template(IN_HOURS, _LONGEST_ANSWER)] = True
    out_of_hours: Annotated[str | bool, BeforeValidator(_text_or_not), _template(OUT_OF_HOURS, _LONGEST_ANSWER)] = True
    subject: Annotated[str, AfterValidator(_one_line), _template(IN_HOURS, _LONGEST_SUBJECT)] | None = None
    per_address: Annotated[timedelta, BeforeValidator(_pause)] = timedelta(hours=24)

    @model_validator(mode="after")
    def _something(self) -> "Answer":
        if self.in_hours is False and self.out_of_hours is False:
            raise _refused("answers nothing", "write answer: false, or leave one of the two texts")
        return self


class Config(ChannelConfig):
    """A mailbox. `start`: what a first connection takes; `max_size` in bytes: of a larger mail only the beginning is taken.

    `token` or `token_file` in place of a password log in by OAuth2; the file is read at each login, so whoever renews the
    token only has to write it there.
    """

    account: str | None = None
    imap: Imap | None = None
    smtp: Smtp | None = None
    user: str | None = None
    password: SecretStr | None = None
    token: SecretStr | None = None
    token_file: Annotated[Path, AfterValidator(_beside)] | None = None
    folders: Annotated[
        tuple[Annotated[str, AfterValidator(_folder)], ...], BeforeValidator(_folders), AfterValidator(_distinct)
    ] = ("INBOX",)
    start: Annotated[Literal["now", "all"] | date, BeforeValidator(_start)] = "now"
    max_size: Annotated[int, BeforeValidator(_size)] = 25 * 1024**2
    numbers: Mapping[str, str] = Field(default_factory=dict)
    """The company's words for what comes to each of its addresses, as telephone channels have them for called numbers."""
    answer: Annotated[Answer | None, BeforeValidator(_answer)] = None

    @model_validator(mode="before")
    @classmethod
    def _of_account(cls, written: object, info: ValidationInfo) -> object:
        """Put in what the account has. One that does not exist is said where all names are compared."""
        if not isinstance(written, Mapping) or not isinstance(written.get("account"), str):
            return written
        own = [key for key in _OF_THE_ACCOUNT if key in written]
        if own:
            raise _refused(f"has an account and {own[0]} of its own", f"remove {own[0]}, or the account")
        account = (info.context or {}).get("accounts", {}).get(written["account"].strip())
        return (
            written
            if account is None
            else {**written, **{key: account[key] for key in _OF_THE_ACCOUNT if key in account}}
        )

    @model_validator(mode="after")
    def _complete(self) -> "Config":
        if self.account is not None and self.imap is None:
            return self
        if self.imap is None:
            raise _refused("has no server", "add account: NAME, or imap: {host: imap.example.com}, user and password")
        ways = [way for way in (self.password, self.token, self.token_file) if way is not None]
        if self.user is None or len(ways) != 1:
            raise _refused("needs a user and one way to log in", "add user, and password, token or token_file")
        if self.answer is not None and (self.smtp is None or self.user.count("@") != 1):
            lacking = "smtp" if self.smtp is None else "address as its user"
            raise _refused(
                f"has an answer and no {lacking} to send it from", f"add {_SENDING[lacking]}, or remove answer"
            )
        return self
