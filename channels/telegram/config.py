"""A bot in the YAML. Faults are said in `problem; remedy`, and never show a secret."""

import re
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from channels.adapter import ChannelConfig

_TOKEN: Final = re.compile(r"[0-9]+:[^\s/]+")
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")


def _refused(problem: str, remedy: str) -> PydanticCustomError:
    return PydanticCustomError("refused", "{problem}; {remedy}", {"problem": problem, "remedy": remedy})


def _token(written: SecretStr) -> SecretStr:
    if not _TOKEN.fullmatch(written.get_secret_value()):
        raise _refused("is no bot token", "take it from @BotFather (/mybots, API Token): 123456789:AA…")
    return written


def _secret(written: SecretStr) -> SecretStr:
    if not _SECRET.fullmatch(written.get_secret_value()):
        raise _refused("is no secret that Telegram takes", "use up to 256 of A-Z, a-z, 0-9, _ and -")
    return written


def _proxy(written: SecretStr) -> SecretStr:
    if not _is_address(written.get_secret_value()):
        raise _refused("is no HTTP proxy", "write http://host:port, or http://user:password@host:port")
    return written


def _server(written: str) -> str:
    if not _is_address(written):
        raise _refused("is no address of a Bot API server", "write http://host:port, or leave it out")
    return written


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


Token = Annotated[SecretStr, AfterValidator(_token)]
Secret = Annotated[SecretStr, AfterValidator(_secret)]
Proxy = Annotated[SecretStr, AfterValidator(_proxy)]
Server = Annotated[str, AfterValidator(_server)]


class Config(ChannelConfig):
    """A bot. `clients` false: for managers only. `api_base`: another Bot API server than Telegram's own."""

    token: Token
    mode: Literal["polling", "webhook"] = "polling"
    secret: Secret | None = None
    proxy: Proxy | None = None
    api_base: Server | None = None
    clients: bool = True

    @model_validator(mode="after")
    def _webhook_has_secret(self) -> "Config":
        if self.mode == "webhook" and self.secret is None:
            raise _refused("takes a webhook without a secret", "add secret: ${TG_SECRET}, any long random word")
        return self
