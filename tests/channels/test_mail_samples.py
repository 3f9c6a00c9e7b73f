"""Real mails, kept beside the repository: every one goes through, and most are read as other programs' authors read them.

What is read otherwise on purpose is listed, with its reason, in docs/channels/mail.md.
"""

import fnmatch
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from channels.mail import markup, parties, quotes, reading
from channels.mail.letter import Letter, opened
from channels.message import Ignored, Inbound, Signal
from tests.channels.mails import BOX, RECEIVED

SAMPLES: Final = Path(__file__).parents[3] / "shared" / "samples" / "mail"
PICTURE_OF_THE_PAGE: Final = "message.html"

# (file, field): where we read otherwise than its expectation. The reasons are in docs/channels/mail.md.
OTHERWISE: Final = {("mail018", "subject")}

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="NO SAMPLES WERE READ: ../shared/samples is not there")


def mails() -> list[Path]:
    """All whole messages."""
    folders = ("chatwoot", "cpython", "flanker", "mail-parser", "talon/standard_replies", "zammad")
    found = (path for folder in folders for path in (SAMPLES / folder).rglob("*") if path.is_file())
    return sorted(path for path in found if path.suffix in {".eml", ".box", ".txt"})


class _Loader(yaml.SafeLoader):
    """Reads tagged maps as plain ones."""


def _plain(loader: Any, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    return (
        loader.construct_sequence(node, deep=True)
        if isinstance(node, yaml.SequenceNode)
        else loader.construct_scalar(node)
    )


_Loader.add_multi_constructor("!", _plain)


def expectations() -> Iterator[tuple[str, Letter, dict[str, Any]]]:
    for path in sorted((SAMPLES / "zammad").glob("*.yml")):
        wanted = yaml.load(path.read_bytes().decode("utf-8", "replace"), _Loader)  # noqa: S506 - a safe loader
        yield path.stem, opened(path.with_suffix(".box").read_bytes()), wanted


def words(text: str | None) -> list[str]:
    return (text or "").split()


def agreement(counted: Counter[tuple[str, bool]], field: str) -> float:
    return counted[field, True] / (counted[field, True] + counted[field, False])


def test_every_mail_goes_through_and_says_something() -> None:
    us = parties.ours(BOX)
    kinds: Counter[str] = Counter()
    for path in mails():
        said = reading.read(opened(path.read_bytes()), us, RECEIVED)
        assert isinstance(said, (Inbound, Ignored, Signal)), path.name
        kinds[type(said).__name__] += 1
    print(dict(kinds))
    assert sum(kinds.values()) > 100


def _literal(name: str) -> str:
    """A pattern that is this name alone."""
    return "".join(f"[{letter}]" if letter in "[*?" else letter for letter in name)


def compared() -> Iterator[tuple[str, str, bool]]:
    """Each mail, field by field, and each of its files: whether it is read as its expectation says."""
    for name, letter, wanted in expectations():
        sender = next(iter(letter.boxes("from")), None)
        if wanted.get("from_email"):
            address = sender.address.lower() if sender else ""
            yield name, "address", words(address) == words(wanted["from_email"].lower())
            yield name, "name", words(sender.name if sender else "") == words(wanted.get("from_display_name"))
        yield name, "subject", words(letter.get("subject")) == words(wanted.get("subject"))
        files = [file["filename"] for file in wanted.get("attachments") or ()]
        files = [file for file in files if file != PICTURE_OF_THE_PAGE]
        # Where they could not read a letter, any will do.
        patterns = [_literal(file).replace("\N{REPLACEMENT CHARACTER}", "?") for file in files]
        found = [file.name for file in letter.attachments] if files else []
        for pattern in patterns:
            yield name, "files", any(fnmatch.fnmatchcase(file, pattern) for file in found)
        for file in found:
            if not any(fnmatch.fnmatchcase(file, pattern) for pattern in patterns):
                yield name, "files", False
        if wanted.get("content_type") == "text/plain" and wanted.get("body") != "no visible content":
            yield name, "text", words(letter.text) == words(wanted["body"])


def test_mails_are_read_as_others_expect() -> None:
    counted: Counter[tuple[str, bool]] = Counter()
    disagreements: set[tuple[str, str]] = set()
    for name, field, agrees in compared():
        if not agrees:
            disagreements.add((name, field))
        if agrees or (name, field) not in OTHERWISE:
            counted[field, agrees] += 1
    assert disagreements == OTHERWISE
    shares = {field: agreement(counted, field) for field in ("address", "name", "subject", "files", "text")}
    print(shares)
    assert shares == dict.fromkeys(shares, 1.0)


def cut() -> Iterator[tuple[str, str, bool]]:
    """Each reply: whether its newest part, and whether its signature, is where the expectation says."""
    for item in json.loads((SAMPLES / "reply-parsers" / "expectations.json").read_text())["items"]:
        text = (SAMPLES / "reply-parsers" / f"{item['file']}.txt").read_text(errors="replace")
        newest = quotes.newest(text)
        for check in item["checks"]:
            if check["what"] == "replies[0].body":
                agrees = "equals" not in check or words(newest) == words(str(check["equals"]))
                agrees &= check.get("contains", "") in newest and check.get("not_contains", "\0") not in newest
                yield item["file"], "body", bool(agrees)
            elif check["what"] == "replies[0].signatures" and check.get("contains"):
                yield item["file"], "signature", check["contains"] not in newest


def test_replies_are_cut_as_others_expect() -> None:
    assert [file for file, _, agrees in cut() if not agrees] == []


def quoted() -> Iterator[tuple[str, str, bool]]:
    """Each answer of a well-known program: whether all that it quotes is cut, and nothing else."""
    for path in sorted((SAMPLES / "talon" / "standard_replies").glob("*.eml")):
        yield path.name, "plain", quotes.newest(opened(path.read_bytes()).text) == "Hello"
    for path in sorted((SAMPLES / "talon" / "html_replies").glob("*.html")):
        newest = quotes.newest(markup.text_of(path.read_text(errors="replace")))
        yield path.name, "page", newest.split() == ["Hi.", "I", "am", "fine.", "Thanks,", "Alex"]


def test_quotations_of_well_known_programs_are_cut() -> None:
    assert [file for file, _, agrees in quoted() if not agrees] == []
