"""The section about how managers are told."""

from dataclasses import dataclass
from datetime import timedelta

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, model_validator

from channels import adapter
from channels.adapter import ChannelConfig
from ingest.config.addresses import Sender
from ingest.config.section import Section
from ingest.config.servers import Credentials, Smtp
from ingest.config.values import Quiet, RouteNames, Text, TimeOfDay
from ingest.config.wording import refuse


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


@dataclass(frozen=True, slots=True)
class MailRoute:
    """Everything that sending a notice by mail needs."""

    smtp: Smtp
    user: str | None
    password: SecretStr | None
    sender: str
