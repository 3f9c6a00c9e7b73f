"""The sections about servers: ours, and those that we speak to."""

from pydantic import Field, SecretStr, model_validator

from ingest.config.addresses import (
    DatabaseUrl,
    Host,
    ImapTls,
    ListeningPort,
    Networks,
    PublicUrl,
    RedisUrl,
    ServerPort,
    SmtpTls,
)
from ingest.config.section import Section
from ingest.config.values import Size, Text
from ingest.config.wording import refuse


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
