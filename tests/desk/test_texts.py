"""The words of the pages: every one that a template asks for is there in both languages, and numbers agree with their nouns."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from desk import texts
from desk.texts import TEXTS, age, moment_text, number
from ingest.outgoing.texts import REASONS
from kernel.texts import LANGUAGES, Language

ROOT = Path(texts.__file__).parents[1]
PAGES_ASK = (
    *(ROOT / "desk" / f"{name}.py" for name in ("frame", "pages", "contact_pages", "company_pages", "note_pages")),
    *(ROOT / "ingest" / name for name in ("turns", "people", "outgoing", "units.py", "intake/taking_down.py")),
    *(ROOT / "ingest" / "office" / name for name in ("leads.py", "showing.py", "board.py")),
)
TEMPLATES = sorted((Path(texts.__file__).parent / "templates").glob("*.html"))
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_text_of_a_template_is_there(template: Path) -> None:
    called = re.findall(r"\bt\(((?:[^()]|\([^()]*\))*)\)", template.read_text(encoding="utf-8"))
    codes = {code for call in called for code in re.findall(r'"([a-z_]+)"', call)}
    prefixes = {code for code in codes if code.endswith("_")}
    assert {code for code in codes - prefixes if code not in TEXTS} - {"site"} == set()


def test_every_text_is_in_both_languages_and_takes_the_same_values() -> None:
    for code, told in TEXTS._texts.items():
        assert set(told) == set(LANGUAGES), code
        places = {language: set(re.findall(r"\{(\w+)\}", text)) for language, text in told.items()}
        assert places["ru"] == places["en"], code


def test_whatever_a_page_is_refused_with_is_said_in_words() -> None:
    codes = {
        code
        for place in PAGES_ASK
        for path in ([place] if place.suffix else place.glob("*.py"))
        for code in re.findall(r'Refused\(\s*\d+,\s*"(\w+)"', path.read_text(encoding="utf-8"))
    }
    # The first are for what no form of ours sends; the last are about answers to clients, and said in their own words.
    assert {code for code in codes if f"refused_{code}" not in TEXTS} == {
        *("bad_cursor", "contradictory", "no_such_action"),
        *("several_ways", "too_long"),
    }
    assert {"several_ways", "too_long"} <= set(REASONS)


@pytest.mark.parametrize(
    ("count", "ru", "en"),
    [
        (1, "1 лид", "1 lead"), (2, "2 лида", "2 leads"), (4, "4 лида", "4 leads"), (5, "5 лидов", "5 leads"),
        (11, "11 лидов", "11 leads"), (12, "12 лидов", "12 leads"), (14, "14 лидов", "14 leads"), (21, "21 лид", "21 leads"),
        (22, "22 лида", "22 leads"), (111, "111 лидов", "111 leads"), (0, "0 лидов", "0 leads"), (101, "101 лид", "101 leads"),
    ],
)  # fmt: skip
def test_a_noun_agrees_with_its_number(count: int, ru: str, en: str) -> None:
    assert (number("leads", count, "ru"), number("leads", count, "en")) == (ru, en)


@pytest.mark.parametrize(
    ("seconds", "language", "told"),
    [
        (-5, "ru", "только что"), (59, "en", "just now"), (60, "ru", "1 мин"), (3599, "en", "59 min"), (3600, "ru", "1 ч"),
        (3660, "en", "1 h 1 min"), (86_399, "ru", "23 ч 59 мин"), (86_400, "ru", "1 дн"), (5 * 86_400, "en", "5 d"),
    ],
)  # fmt: skip
def test_an_age_is_told_in_the_units_that_matter(seconds: int, language: Language, told: str) -> None:
    assert age(NOW - timedelta(seconds=seconds), NOW, language) == told


def test_a_time_is_told_by_the_companys_clock_and_with_its_day_unless_that_is_today() -> None:
    zone = ZoneInfo("Europe/Moscow")
    assert moment_text(NOW, NOW, zone, "ru") == "15:00"
    assert moment_text(NOW - timedelta(days=1), NOW, zone, "ru") == "20 ноя, 15:00"
    assert moment_text(NOW + timedelta(hours=10), NOW, zone, "en") == "22 Nov, 01:00"
    assert moment_text(NOW - timedelta(days=365), NOW, zone, "en") == "21 Nov 2025, 15:00"
