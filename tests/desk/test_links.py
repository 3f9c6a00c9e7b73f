"""The page of a link in a mail offers nothing that does nothing."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from desk.ports import Json
from desk.render import View, page


def test_the_page_of_a_link_offers_no_language_since_it_is_in_its_readers() -> None:
    shown: Json = {"title": "Вера", "told": None, "choices": []}
    view = View("ru", "../", None, datetime(2026, 9, 1, tzinfo=UTC), ZoneInfo("UTC"))
    words = {"do": "Да", "next": "Что дальше?", "nothing": "Ничего"}
    html = page("act.html", view, shown=shown, words=words, question="Взять?").text or ""
    assert "Взять?" in html
    assert "?lang=" not in html
