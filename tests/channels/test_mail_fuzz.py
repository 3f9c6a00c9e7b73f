"""Mails that are broken by chance: each ends in an approach, a signal or a reason, soon and without much memory."""

import os
import random
import resource
import time
from typing import Final

import pytest

from channels.mail.markup import LONGEST_TEXT
from channels.message import Ignored, Inbound, Signal
from kernel.texts import storable
from tests.channels.mails import html, parsed, part, raw, several
from tests.channels.test_mail import WHOLE
from tests.mutation import as_bytes

SEED: Final = int(os.environ.get("PRIYOM_TEST_SEED", "20260901"))
MANY: Final = int(os.environ.get("PRIYOM_FUZZ_MAILS", "300"))
SLOWEST: Final = 8.0
MEMORY: Final = 400 * 1024
"""KiB by which reading may make the process grow."""


def test_broken_mails_are_read_as_far_as_they_go() -> None:
    chance = random.Random(SEED)
    for number in range(MANY):
        mail = as_bytes(chance, WHOLE)
        said = parsed(mail, user=chance.choice(("info@stroyka.example", "info", "shop@gmail.com")))
        assert isinstance(said, (Inbound, Ignored, Signal)), number
        inbound = said.inbound if isinstance(said, Ignored) else said
        if isinstance(inbound, Inbound):
            texts = [inbound.text, inbound.subject or "", inbound.name or "", *inbound.emails, *inbound.fields.values()]
            texts += [one.name for one in inbound.attachments]
            assert all(len(text) <= LONGEST_TEXT for text in texts), number
            assert all(text == storable(text) for text in texts), number


def nested(depth: int) -> bytes:
    return (
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth))
        + b"\r\nhi"
    )


BOMBS: Final = {
    "parts within parts": nested(2_000),
    "parts within parts, and many lines": nested(200) + b"x\n" * 200_000,
    "mails within mails": b"Content-Type: message/rfc822\r\n\r\n" * 3_000,
    "many parts": several(*(part("x") for _ in range(5_000))),
    "many lines": raw("\n" * 1_500_000),
    "many headers": b"X-A: b\r\n" * 100_000,
    "a long header": raw(Subject="=?utf-8?B?" + "0J" * 500_000),
    "a header of many words": raw(Subject="=?utf-8?B?0Jg=?= " * 100_000),
    "many recipients": raw(To="a@b.example, " * 100_000),
    "a deep page": html("<div>" * 300_000),
    "a page of formatting": html("".join(f"<b id={n}>" for n in range(900)) + "<p>x" * 100_000),
    "a long quotation": raw("> " * 20 + "x\n" * 100_000),
    "announcements": raw(("12:30 " * 60 + "@" * 40 + "\n") * 3_000),
    "labels": raw("Имя: Анна\nТелефон: 1\n" * 50_000, From="noreply@a.example"),
    "labels of spaces": raw(("a" + " " * 499 + "\n") * 400, From="noreply@a.example"),
    "punycode": raw("x" * 1_000_000, Content_Type="text/plain; charset=punycode"),
    "utf-7": raw("+AAAA-" * 300_000, Content_Type="text/plain; charset=utf-7"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_read_soon_and_in_bounded_memory(bomb: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    said = parsed(BOMBS[bomb])
    assert time.process_time() - began < SLOWEST
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY
    assert isinstance(said, (Inbound, Ignored, Signal))
