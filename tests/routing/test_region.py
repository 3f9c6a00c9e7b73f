"""Where a number is from, as far as the numbering plan tells."""

import pytest

from routing.region import Place, place_of


@pytest.mark.parametrize(
    ("number", "place"),
    [
        ("+78452123456", Place("RU", ("саратовская область", "россия", "saratov", "russia"))),
        ("+78121234567", Place("RU", ("санкт-петербург", "россия", "st petersburg", "russia"))),
        ("+79161234567", Place("RU", ("россия", "russia"))),
        ("+77272123456", Place("KZ", ("алматы", "казахстан", "almaty", "kazakhstan"))),
        ("+80012345678", Place(None, ())),
        ("nothing", Place(None, ())),
    ],
)
def test_a_landline_tells_its_region_and_a_mobile_its_country(number: str, place: Place) -> None:
    assert place_of(number) == place


def test_the_two_codes_of_moscow_that_the_library_confuses_are_put_right() -> None:
    assert place_of("+74951234567").names[0] == "москва"
    assert place_of("+74961234567").names[0] == "московская область"
    assert place_of("+74991234567").names[0] == "москва"
