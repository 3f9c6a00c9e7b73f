"""What somebody has written as the value of a mail's header: nothing in it may become a header of its own, or a body."""

from typing import Final

LONGEST: Final = 400
"""Characters: more than any reader shows, and well below what mail servers refuse."""

ENCODED: Final = "=?"
"""How an encoded word begins (RFC 2047). The standard library decodes one in a value that it is given, line breaks included."""


def heading(text: str) -> str:
    """The text in one line, without control characters and encoded words, of bounded length."""
    line = " ".join(text.split())
    shown = "".join(letter for letter in line if letter.isprintable())
    return shown[:LONGEST].replace(ENCODED, "= ?")
