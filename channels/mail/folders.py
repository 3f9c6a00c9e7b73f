"""Names of folders as IMAP4rev1 writes them: modified UTF-7 (RFC 3501, 5.1.3), in which `Заявки` is `&BBcEMARPBDIEOgQ4-`."""

import base64
import re
from typing import Final

_FOREIGN: Final = re.compile(r"[^\x20-\x7e]+|&")
_CODED: Final = re.compile(r"&([^-]*)-")


def encoded(name: str) -> str:
    """A folder's name as a command has it, quoted."""
    coded = _FOREIGN.sub(lambda found: "&-" if found[0] == "&" else f"&{_base64(found[0])}-", name)
    return '"' + coded.replace("\\", "\\\\").replace('"', '\\"') + '"'


def decoded(name: str) -> str:
    """A folder's name as people read it; as it stands where it is no modified UTF-7."""
    try:
        return _CODED.sub(lambda found: _text(found[1]) if found[1] else "&", name)
    except ValueError:
        return name


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-16-be")).decode("ascii").rstrip("=").replace("/", ",")


def _text(coded: str) -> str:
    padded = coded.replace(",", "/") + "=" * (-len(coded) % 4)
    return base64.b64decode(padded, validate=True).decode("utf-16-be")
