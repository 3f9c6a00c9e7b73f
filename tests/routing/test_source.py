"""Where a lead came from: the first of its marks that says something."""

from dataclasses import replace
from typing import Final

import pytest

from routing.source import Trail, source_of

NUMBERS: Final = {"+74951234567": "Яндекс Директ", "sales@example.com": "Визитка"}
FULL: Final = Trail(
    channel="site",
    channel_source="Сайт",
    to="+74951234567",
    numbers=NUMBERS,
    campaign={"utm_source": "newsletter", "utm_medium": "email", "gclid": "1"},
    referrer="https://ya.ru/search?text=цемент",
)


def test_each_mark_gives_way_to_the_one_before_it() -> None:
    assert source_of(FULL) == "Яндекс Директ"
    assert source_of(replace(FULL, to="+74950000000")) == "newsletter / email"
    assert source_of(replace(FULL, to=None, campaign={"utm_source": "newsletter", "gclid": "1"})) == "Google Ads"
    assert source_of(replace(FULL, to=None, campaign={"utm_source": "newsletter"})) == "Яндекс"
    unmarked = replace(FULL, to=None, campaign={"utm_source": "newsletter"}, referrer=None)
    assert source_of(unmarked) == "Сайт"
    assert source_of(replace(unmarked, channel_source=None)) == "newsletter"
    assert source_of(Trail("site")) == "site"


def test_the_mailbox_that_was_written_to_tells_the_source_too() -> None:
    assert source_of(Trail("info", to="sales@example.com", numbers=NUMBERS)) == "Визитка"


@pytest.mark.parametrize(
    ("marks", "source"),
    [
        ({"utm_source": "yandex", "utm_medium": "cpc"}, "Яндекс Директ"),
        ({"utm_source": "Yandex.Direct", "utm_medium": "CPC"}, "Яндекс Директ"),
        ({"utm_source": "google", "utm_medium": "paid_search", "utm_campaign": "x"}, "Google Ads"),
        ({"utm_source": "vk", "utm_medium": "cpm"}, "VK Реклама"),
        ({"utm_source": "vk", "utm_medium": "social"}, "vk / social"),
        ({"utm_source": "2gis", "utm_medium": "cpc"}, "2gis / cpc"),
        ({"utm_source": " flyer ", "utm_campaign": "весна\n2026"}, "flyer / весна 2026"),
        ({"utm_source": "x" * 500, "utm_medium": "m"}, "x" * 60 + " / m"),
        ({"utm_medium": "cpc", "yclid": "7"}, "Яндекс Директ"),
        ({"ysclid": "7"}, "Яндекс"),
        ({"ysclid": "7", "yclid": "8"}, "Яндекс Директ"),
        ({"fbclid": "7"}, "Facebook"),
        ({"yclid": "", "_ym_uid": "7"}, "Сайт"),
    ],
)
def test_campaigns_and_click_ids_name_their_network(marks: dict[str, str], source: str) -> None:
    assert source_of(Trail("site", "Сайт", campaign=marks)) == source


@pytest.mark.parametrize(
    ("referrer", "source"),
    [
        ("https://www.google.com/", "Google"),
        ("https://www.google.co.uk/search?q=x", "Google"),
        ("https://yandex.ru/clck/jsredir", "Яндекс"),
        ("https://yandex.com.tr/", "Яндекс"),
        ("https://go.mail.ru/search", "Mail.ru"),
        ("https://mail.yandex.ru/", "Сайт"),
        ("https://docs.google.com/forms", "Сайт"),
        ("https://example.com/?from=ya.ru", "Сайт"),
        ("https://notgoogle.com/", "Сайт"),
        ("http://[", "Сайт"),
        ("ya.ru", "Сайт"),
        ("", "Сайт"),
    ],
)
def test_a_search_engine_is_known_by_the_page_that_the_client_came_from(referrer: str, source: str) -> None:
    assert source_of(Trail("site", "Сайт", referrer=referrer)) == source
