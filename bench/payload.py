"""What the load says: forms of 300 bytes, each from a sender of its own, every other one from a contact that is known already.

A request is a number. Its sender's number decides phone and address, so the store of known contacts, our own client and
wrk's script agree about who is who.
"""

from typing import Final

KNOWN: Final = 100_000
NEWCOMERS: Final = 5_000_000
# Prime to every number of known contacts that is used, so that neighbouring requests come from all over the store.
STRIDE: Final = 7_919
SIZE: Final = 300

_TEXT: Final = (
    "Здравствуйте! Нужен цемент, двадцать мешков, с доставкой до объекта. Позвоните, пожалуйста, после обеда."
)


def sender(number: int, known: int = KNOWN) -> int:
    """Who sends request `number`: the even ones are the known contacts, each once before one comes again, the odd ones are new."""
    return NEWCOMERS + number % NEWCOMERS if number % 2 else number // 2 * STRIDE % known


def phone(person: int) -> str:
    """A person's phone in E.164."""
    return f"+7912{person:07d}"


def email(person: int) -> str:
    """A person's address as it is stored."""
    return f"c{person:07d}@example.org"


def _template() -> bytes:
    before = '{"name":"Николай","phone":"8 (912) %s-%s-%s","email":"c%s@example.org","message":"'
    room = SIZE - len((before % ("000", "00", "00", "0000000")).encode()) - len('"}')
    message = _TEXT.encode()[:room].decode(errors="ignore")
    return (before + message + "." * (room - len(message.encode())) + '"}').encode()


TEMPLATE: Final = _template()


def body(number: int, known: int = KNOWN) -> bytes:
    """The JSON of request `number`, where so many contacts are known."""
    digits = b"%07d" % sender(number, known)
    return TEMPLATE % (digits[:3], digits[3:5], digits[5:], digits)
