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


MESSAGES: Final = "messages"
"""The right that a key needs to write to clients and to read conversations, as VK calls it."""


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
            "VK does not know this access key; make one in the community (Manage, API usage, Access tokens) and set token",
            "VK не знает этого ключа доступа; создайте новый в сообществе (Управление, Работа с API, Ключи доступа) и запишите "
            "в token",
        )
    if code == _VALIDATION:
        return Misconfigured(
            "VK wants to be sure who uses this key; sign in to VK as who made it, or make a new key and set token",
            "VK хочет убедиться, кто пользуется ключом; войдите в VK как его создатель или создайте новый ключ и запишите в token",
        )
    if code in _PASSING:
        return Unavailable(f"VK answers with its error {code}")
    return Unavailable(*_LATER[code]) if code in _LATER else Denied(code)


def no_community(code: int) -> Misconfigured:
    """The key may not even ask who the community is."""
    return Misconfigured(
        f"VK shows this key no such community (VK's error {code}); see that group_id is its number and that the key is its own",
        f"VK не показывает этому ключу такого сообщества (ошибка VK {code}); проверьте, что group_id — его номер, а ключ — его "
        "собственный",
    )


def poll_is_off() -> Misconfigured:
    """The community does not offer what we poll."""
    return Misconfigured(
        "Long Poll API is off in this community, or tells of no new messages; switch it on with the event message_new "
        "(Manage, API usage, Long Poll API)",
        "Long Poll API в сообществе выключен или не сообщает о новых сообщениях; включите его и событие «Входящее сообщение» "
        "(Управление, Работа с API, Long Poll API)",
    )


def without_poll(code: int) -> Misconfigured:
    """The key may not even poll."""
    if code in _NO_GROUP:
        return Misconfigured(
            "VK does not find this community's long poll; see that group_id is its number, that the key is its own, and that "
            "Long Poll API is enabled (Manage, API usage)",
            "VK не находит Long Poll этого сообщества; проверьте, что group_id — его номер, что ключ — его "
            "собственный и что Long Poll API включён (Управление, Работа с API)",
        )
    return Misconfigured(
        f"this access key may not poll the community (VK's error {code}); make one with the rights to manage the community "
        "and to its messages (Manage, API usage, Access tokens) and set token",
        f"этому ключу доступа нельзя опрашивать сообщество (ошибка VK {code}); создайте ключ с правами на управление и сообщения "
        "(Управление, Работа с API, Ключи доступа) и запишите в token",
    )
