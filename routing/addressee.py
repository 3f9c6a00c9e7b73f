"""Whom an approach was addressed to: a called number or a mailbox, in one spelling whatever the provider writes."""

import re
from email.utils import parseaddr
from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

from routing.words import fold

_SCHEME: Final = re.compile(r"(mailto|tel|sips?):")
_LONGEST: Final = 250
# Shorter ones are extensions and services, which mean something else behind every switchboard.
_SHORTEST: Final = 1_000_000


@lru_cache(maxsize=4096)
def addressee(text: str, region: str) -> str:
    """A number in E.164 (a national one is dialled in `region`), an address of mail without its name, else `fold`.

    Telephone systems leave the plus out as a rule, so what is no number of `region` is tried with one. A short number
    (`101`) and a name stay what they are.
    """
    folded = fold(text)
    scheme = _SCHEME.match(folded)
    plain = folded[scheme.end() :] if scheme else folded
    if "@" not in plain:
        return _number(plain, region) or plain
    user = plain.partition("@")[0]
    return (scheme and _number(user, region)) or parseaddr(plain)[1] or plain


def _number(text: str, region: str) -> str | None:
    if len(text) > _LONGEST:
        return None
    here, abroad = _parsed(text, region), _parsed(f"+{text}", None)
    valid = [found for found in (here, abroad) if found is not None and phonenumbers.is_valid_number(found)]
    if not valid and here is not None and phonenumbers.is_possible_number(here):
        valid = [here] if (here.national_number or 0) >= _SHORTEST else []
    return phonenumbers.format_number(valid[0], PhoneNumberFormat.E164) if valid else None


def _parsed(text: str, region: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except NumberParseException:
        return None
