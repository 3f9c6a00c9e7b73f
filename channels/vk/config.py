"""A community of VK in the YAML. Faults are said in `problem; remedy`, and never show a secret."""

import re
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from channels.adapter import ChannelConfig

_GROUP: Final = re.compile(r"[1-9][0-9]{0,14}")
_TOKEN: Final = re.compile(r"[!-~]+")
_SECRET: Final = re.compile(r"[!-~]{1,256}")
_CONFIRMATION: Final = re.compile(r"[!-~]{1,64}")
_VERSION: Final = re.compile(r"[0-9]{1,2}\.[0-9]{1,4}")
_OLDEST: Final = (5, 103)
"""From here on a new message comes as `object.message`, https://dev.vk.com/ru/reference/version/5.103."""


def _refused(problem: str, remedy: str) -> PydanticCustomError:
    return PydanticCustomError("refused", "{problem}; {remedy}", {"problem": problem, "remedy": remedy})


def _group(written: object) -> int:
    if not _GROUP.fullmatch(str(written)):
        raise _refused(
            "is no number of a community", "write the digits behind club or public in its address: 123456789"
        )
    return int(str(written))


def _token(written: SecretStr) -> SecretStr:
    if not _TOKEN.fullmatch(written.get_secret_value()):
        raise _refused("is no access key", "make one in the community: Manage, API usage, Access tokens")
    return written


def _secret(written: SecretStr) -> SecretStr:
    if not _SECRET.fullmatch(written.get_secret_value()):
        raise _refused(
            "is no secret key that VK takes", "use Latin letters, digits and _, as in the community's settings"
        )
    return written


def _confirmation(written: str) -> str:
    if not _CONFIRMATION.fullmatch(written):
        raise _refused("is no confirmation code", "take it from the community: Manage, API usage, Callback API")
    return written


def _version(written: str) -> str:
    if not _VERSION.fullmatch(written) or tuple(int(part) for part in written.split(".")) < _OLDEST:
        raise _refused("is no version of the API that is understood", "write 5.103 or later, or leave it out")
    return written


def _server(written: str) -> str:
    try:
        parts = urlsplit(written)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise _refused("is no address of a server", "write http://host:port, or leave it out")
    return written.rstrip("/")


Group = Annotated[int, BeforeValidator(_group)]
Token = Annotated[SecretStr, AfterValidator(_token)]
Secret = Annotated[SecretStr, AfterValidator(_secret)]
Confirmation = Annotated[str, AfterValidator(_confirmation)]
Version = Annotated[str, AfterValidator(_version)]
Server = Annotated[str, AfterValidator(_server)]


class Config(ChannelConfig):
    """A community. `api_base`: another server than VK's own, for trials."""

    group_id: Group
    token: Token | None = None
    mode: Literal["longpoll", "callback"] = "longpoll"
    secret: Secret | None = None
    confirmation: Confirmation | None = None
    api_base: Server | None = None
    api_version: Version = "5.199"

    @model_validator(mode="after")
    def _has_what_its_mode_needs(self) -> "Config":
        if self.mode == "longpoll" and self.token is None:
            raise _refused("polls without a token", "add token: ${VK_TOKEN}, an access key of the community")
        if self.mode == "callback" and self.confirmation is None:
            raise _refused("takes calls without a confirmation", "add confirmation: the code that VK shows")
        return self
