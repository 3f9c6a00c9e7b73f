"""Values of the file that are addresses: of people, of servers, of the company itself."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from os.path import abspath
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationInfo

from dedup.address import is_public
from ingest.config.values import Text, listed, text_of, whole
from ingest.config.wording import flag, refuse

_EMAIL: Final = re.compile(r"[^@\s<>,;:\"()]+@[^@\s<>,;:\"()._-][^@\s<>,;:\"()]*\.[^@\s<>,;:\"().]{2,}")
_SENDER: Final = re.compile(r"(?:(?P<name>[^<>\r\n]*)<(?P<inside>[^<>]*)>|(?P<bare>[^<>]*))")
HOST: Final = re.compile(r"[\w.:-]+")
_DATABASE: Final = re.compile(r"/?|/[0-9]{1,5}")
_CHAT: Final = re.compile(r"[0-9]{1,15}")
_LONGEST_ADDRESS: Final = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets


def _host(text: str) -> str:
    if not HOST.fullmatch(text) or "://" in text:
        raise refuse("is not a host", "write a name or an address alone, without scheme, port or path")
    return text


def _network(value: object) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text_of(value), strict=False)
    except ValueError as error:
        raise refuse("is not an address or a network", "write 127.0.0.1 or 10.0.0.0/8") from error


def _email(text: str) -> str:
    if not _EMAIL.fullmatch(text) or ".." in text or len(text) > _LONGEST_ADDRESS:
        raise refuse("is not an e-mail address", "write name@example.com")
    return text


def _chat(text: str) -> str:
    if not _CHAT.fullmatch(text):
        remedy = "write the number of the account, or leave it out and run: priyom managers invite NAME"
        raise refuse("is no Telegram id", remedy)
    return text


def _sender(text: str) -> str:
    found = _SENDER.fullmatch(text)
    if found is None:
        raise refuse("is not a sender", "write name@example.com or Name <name@example.com>")
    _email((found["inside"] or found["bare"] or "").strip())
    return text


def _public_url(text: str) -> str:
    remedy = "write https://leads.example.com, with a path where the proxy adds one"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise refuse("is not an address of the web", remedy) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or not HOST.fullmatch(parts.hostname) or port == 0:
        raise refuse("is not an address of the web", remedy)
    if parts.query or parts.fragment or parts.username is not None or re.search(r"\s", text):
        raise refuse("has more than scheme, host, port and path", remedy)
    return text.rstrip("/")


def _shared_email(text: str) -> str:
    if text.count("@") != 1 or re.search(r"\s", text):
        raise refuse("is not a pattern of addresses", "write info@*, *@example.com or a whole address")
    return text


def _own_domain(text: str) -> str:
    domain = text.removeprefix("@").rstrip(".").lower()
    if not _EMAIL.fullmatch(f"anybody@{domain}"):
        raise refuse("is no domain", "write example.com")
    if is_public(domain):
        raise refuse("is where anybody has a mailbox", "remove it: nobody who writes from there would be a client")
    return domain


def _database(url: SecretStr, info: ValidationInfo) -> SecretStr:
    """A URL that needs no further knowledge: the path of a SQLite file becomes absolute."""
    text = url.get_secret_value().strip()
    if text.startswith("sqlite:"):
        path = text.removeprefix("sqlite:///")
        if path == text or not path.strip("/") or path.endswith("/") or path == ":memory:" or "?" in path:
            raise refuse("names no file for SQLite", "write sqlite:///var/priyom.db, or sqlite:////srv/priyom.db")
        base: Path = (info.context or {}).get("base", Path())
        return SecretStr(f"sqlite:///{abspath(base / path)}")  # noqa: PTH100 - `resolve` would follow links
    if not _is_postgresql(text):
        raise refuse(
            "is not a database address", "write sqlite:///var/priyom.db or postgresql://user:password@host/name"
        )
    return url


def _is_postgresql(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme == "postgresql" and text.startswith("postgresql://") and parts.port != 0
    except ValueError:
        return False


def _redis(url: SecretStr) -> SecretStr:
    text = url.get_secret_value().strip()
    if not _is_redis(text):
        raise refuse(
            "is no address of Redis", "write redis://host:6379, or rediss://user:password@host:6379/0 with TLS"
        )
    return SecretStr(text)


def _is_redis(text: str) -> bool:
    try:
        parts = urlsplit(text)
        known = parts.scheme in {"redis", "rediss"} and parts.hostname and parts.port != 0 and not parts.fragment
    except ValueError:
        return False
    authority = parts.scheme == "rediss" and re.fullmatch(r"ssl_ca_certs=[^&=]+", parts.query)
    return bool(known and _DATABASE.fullmatch(parts.path) and (authority or not parts.query))


def _tls(value: object) -> object:
    text = text_of(value).lower()
    if text == "starttls":
        return "starttls"
    return flag(text, "write true (TLS from the first byte), starttls or false")


def _imap_tls(value: object) -> bool:
    text = text_of(value).lower()
    if text == "starttls":
        raise refuse("is for SMTP only", "write true (TLS from the first byte) or false")
    return flag(text, "write true (TLS from the first byte) or false")


ListeningPort = Annotated[
    int, whole(0, 65_535, "is not a port", "write a number from 1 to 65535, or 0 for any free one")
]
ServerPort = Annotated[int, whole(1, 65_535, "is not a port", "write a number from 1 to 65535")]
Host = Annotated[Text, AfterValidator(_host)]
Email = Annotated[Text, AfterValidator(_email)]
Sender = Annotated[Text, AfterValidator(_sender)]
Chat = Annotated[Text, AfterValidator(_chat)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
PublicUrl = Annotated[Text, AfterValidator(_public_url)]
Networks = Annotated[tuple[Network, ...], BeforeValidator(listed)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database)]
ImapTls = Annotated[bool, BeforeValidator(_imap_tls)]
SmtpTls = Annotated[Literal["starttls"] | bool, BeforeValidator(_tls)]
Emails = Annotated[tuple[Email, ...], BeforeValidator(listed)]
SharedEmails = Annotated[tuple[Annotated[Text, AfterValidator(_shared_email)], ...], BeforeValidator(listed)]
OwnDomains = Annotated[tuple[Annotated[Text, AfterValidator(_own_domain)], ...], BeforeValidator(listed)]


def is_loopback(host: str) -> bool:
    """Whether only this machine can speak to `host`."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
