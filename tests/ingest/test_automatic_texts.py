"""What automatic answers say: in the client's language, with what is known of him and no more."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ingest.rules.automatic_texts import Courtesy, Occasion, composed, courtesy_from, is_silent
from tests.channels.mails import raw, verdict

USUAL = Courtesy("info@stroyka.example", True, True, None, timedelta(hours=24), "ru", ZoneInfo("Europe/Moscow"))
OPENS = datetime(2026, 11, 30, 6, 0, tzinfo=UTC)
CEMENT = Occasion("Анна Орлова", "Цемент", "Нужен цемент", "0199-lead", None)


def test_in_hours_it_says_that_the_mail_is_here() -> None:
    subject, text = composed(USUAL, CEMENT)
    assert subject == "Автоответ: Цемент"
    assert text.startswith("Здравствуйте, Анна Орлова!\n\nМы получили ваше письмо и скоро")
    assert "{" not in text


def test_out_of_hours_it_says_when_we_work_again_by_the_company_s_clock() -> None:
    _, text = composed(USUAL, replace(CEMENT, opens=OPENS))
    assert "рабочий день: понедельник, 30 ноября, 09:00." in text


def test_who_writes_in_english_is_answered_in_english() -> None:
    subject, text = composed(USUAL, replace(CEMENT, name="Ann", subject="Cement", text="We need it", opens=OPENS))
    assert subject == "Automatic reply: Cement"
    assert text.startswith("Hello, Ann!")
    assert "we are back: Monday, 30 November, 09:00." in " ".join(text.split())


def test_where_a_mail_says_nothing_it_is_the_company_s_language() -> None:
    empty = replace(CEMENT, name=None, subject=None, text="")
    assert composed(USUAL, empty)[0] == "Автоответ: ваше письмо"
    assert composed(replace(USUAL, language="en"), empty)[0] == "Automatic reply: your message"
    assert composed(USUAL, empty)[1].startswith("Здравствуйте!\n")


def test_the_company_s_own_words_are_sent_in_its_own_language() -> None:
    own = replace(USUAL, in_hours="{name}, заявка {lead}", out_of_hours="Ждём: {opens}", subject="Принято: {subject}")
    english = replace(CEMENT, text="We need it", subject="Cement")
    assert composed(own, english) == ("Принято: Cement", "Анна Орлова, заявка 0199-lead")
    assert composed(own, replace(english, opens=OPENS))[1] == "Ждём: понедельник, 30 ноября, 09:00"


@pytest.mark.parametrize(
    "name", ["Win now! http://spam.example", "a@b.example", "visit spam.example", "Скидка 50%", "x" * 61, "", "  "]
)
def test_an_advertisement_in_place_of_a_name_is_not_repeated(name: str) -> None:
    _, text = composed(USUAL, replace(CEMENT, name=name))
    assert text.startswith("Здравствуйте!\n")


def test_a_name_may_have_initials_and_hyphens() -> None:
    assert composed(USUAL, replace(CEMENT, name="И.И. Римский-Корсаков"))[1].startswith("Здравствуйте, И.И. Рим")


def test_a_subject_stays_one_line_of_bounded_length() -> None:
    subject, _ = composed(USUAL, replace(CEMENT, subject="a\r\nBcc: x@y.example " + "b" * 500))
    assert "\n" not in subject
    assert "\r" not in subject
    assert len(subject) < 200


@pytest.mark.parametrize("text", ["Нужен цемент", "We need cement", ""])
def test_our_filters_know_the_usual_answer_without_any_header(text: str) -> None:
    subject, said = composed(USUAL, replace(CEMENT, text=text, subject=text))
    assert verdict(raw(said, Subject=subject)) == "out_of_office"


def test_either_text_may_be_left_out() -> None:
    courtesy = replace(USUAL, in_hours=False)
    assert is_silent(courtesy, in_hours=True)
    assert not is_silent(courtesy, in_hours=False)


def test_a_revision_without_answers_has_none() -> None:
    assert courtesy_from(None, ZoneInfo("Europe/Moscow")) is None
