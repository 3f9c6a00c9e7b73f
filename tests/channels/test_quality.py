"""The page about all channels is true: every kind has its row, what is done is there, and every test that it names exists."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from channels.adapter import Adapter, kinds, load

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "channels" / "README.md").read_text(encoding="utf-8")
_TEST: Final = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)
_EXEMPT: Final = re.compile(r"exempt: \S.{8,}")


def tables() -> list[list[list[str]]]:
    """Every table of the page, as rows of cells, its heading first."""
    blocks = re.findall(r"(?:^\|.*\|$\n)+", PAGE, re.MULTILINE)
    lines = [[line for line in block.splitlines() if "---" not in line] for block in blocks]
    return [[[cell.strip() for cell in line.strip("|").split("|")] for line in block] for block in lines]


CHECKS, QUALITY, FAULTS = tables()
ROWS: Final = {row[0]: dict(zip(QUALITY[0][1:], row[1:], strict=True)) for row in QUALITY[1:]}
WRITTEN: Final = [kind for kind in kinds() if (ROOT / "docs" / "channels" / f"{kind}.md").exists()]


def test_every_kind_has_a_row_and_every_check_a_column() -> None:
    assert set(ROWS) == set(kinds())
    assert QUALITY[0][1:] == [check for check, _ in CHECKS[1:]]


@pytest.mark.parametrize("kind", ROWS)
def test_a_kind_is_done_or_says_why_it_is_exempt(kind: str) -> None:
    for check, said in ROWS[kind].items():
        assert said == "done" or _EXEMPT.fullmatch(said), (check, said)


@pytest.mark.parametrize("kind", ROWS)
def test_what_a_kind_calls_done_is_there(kind: str) -> None:
    adapter: Any = load(kind).Adapter
    there = {
        "cursor": adapter.listen is not Adapter.listen,
        "names": adapter.profile is not Adapter.profile,
        "answers": adapter.send is not Adapter.send,
        "trial": adapter.probe is not Adapter.probe,
        "manual": kind in WRITTEN,
        "faults": any(row[0] == kind for row in FAULTS[1:]),
        "fuzz": (ROOT / "tests" / "channels" / f"test_{kind}.py").exists(),
    }
    assert {check: ROWS[kind][check] == "done" for check in there} == there


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_manual_shows_an_entry_of_its_kind(kind: str) -> None:
    manual = (ROOT / "docs" / "channels" / f"{kind}.md").read_text(encoding="utf-8")
    examples = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", manual, re.MULTILINE | re.DOTALL)]
    entries = [entry for example in examples for entry in (example.get("channels") or {}).values()]
    assert kind in {entry["kind"] for entry in entries}
    assert f"({kind}.md)" in PAGE


def named() -> set[str]:
    """Every test there is, by the name of its file and its own."""
    files = (ROOT / "tests").rglob("test_*.py")
    return {f"{path.name}::{name}" for path in files for name in _TEST.findall(path.read_text(encoding="utf-8"))}


def test_every_fault_is_tried_by_a_test_that_exists() -> None:
    tried = [re.fullmatch(r"`(.+)`", row[2]) for row in FAULTS[1:]]
    assert all(tried)
    assert {one[1] for one in tried if one} <= named()
