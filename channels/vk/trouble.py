"""What can be wrong with VK beyond the three kinds of trouble that every channel has, and what its own errors mean."""

from typing import Final

from channels.adapter import Misconfigured, Unavailable

# https://dev.vk.com/ru/reference/errors
_UNKNOWN_KEY: Final = frozenset({5, 27, 28})
_PASSING: Final = frozenset({1, 10, 13, 32, 36})
_NO_GROUP: Final = frozenset({100, 125})
_VALIDATION: Final = 17
_LATER: Final = {
    6: ("VK asks us to slow down", 1.0),
    9: ("VK asks us to slow down", 60.0),
    14: ("VK asks for a captcha; where that goes on, make a new access key and set token", 60.0),
    29: ("VK takes no more calls with this key for a while", 300.0),
}


class Denied(Exception):
    """VK will not do this, however often it is asked. `code`: its error, or the HTTP status."""

    def __init__(self, code: int) -> None:
        super().__init__(f"VK refuses it with {code}")
        self.code = code


class Gone(Exception):
    """A file that nobody will have again; `code` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class TooLarge(Gone):
    """A file has more bytes than are wanted."""

    def __init__(self) -> None:
        super().__init__("too_large", "the file is too large")


def meaning(code: int) -> Unavailable | Misconfigured | Denied:
    """What an error of the API means for a channel."""
    if code in _UNKNOWN_KEY:
        return Misconfigured(
            "VK does not know this access key; make one in the community (Manage, API usage, Access tokens) and set token"
        )
    if code == _VALIDATION:
        return Misconfigured(
            "VK wants to be sure who uses this key; sign in to VK as who made it, or make a new key and set token"
        )
    if code in _PASSING:
        return Unavailable(f"VK answers with its error {code}")
    return Unavailable(*_LATER[code]) if code in _LATER else Denied(code)


def without_poll(code: int) -> Misconfigured:
    """The key may not even poll."""
    if code in _NO_GROUP:
        return Misconfigured(
            "VK does not find this community's long poll; see that group_id is its number, that the key is its own, and that "
            "Long Poll API is enabled (Manage, API usage)"
        )
    return Misconfigured(
        f"this access key may not poll the community (VK's error {code}); make one with the rights to manage the community "
        "and to its messages (Manage, API usage, Access tokens) and set token"
    )
