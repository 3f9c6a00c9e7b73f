import json
import re
from itertools import product
from pathlib import Path
from typing import Any, Final

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumberFormat, PhoneNumberMatcher, PhoneNumberType
from phonenumbers.phonemetadata import PhoneNumberDesc

from dedup.phone import _AREAS, Phone, find_phones, may_hold_phone, parse_phone

SAMPLES: Final = Path(__file__).parents[3] / "shared" / "samples" / "entity" / "phones"
needs_samples = pytest.mark.skipif(not SAMPLES.exists(), reason="the sample numbers are not on this machine")

ANNA: Final = Phone("+79123456789", None, valid=True, shared=False)
OFFICE: Final = Phone("+74951234567", "101", valid=True, shared=False)
SHARED_TYPES: Final = {
    PhoneNumberType.TOLL_FREE,
    PhoneNumberType.PREMIUM_RATE,
    PhoneNumberType.SHARED_COST,
    PhoneNumberType.UAN,
    PhoneNumberType.VOICEMAIL,
}


def sample(name: str, member: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((SAMPLES / name).read_text(encoding="utf-8"))[member]
    return cases


def by_the_library(text: str, region: str) -> Phone | None:
    """What libphonenumber says by itself: what the fast path must never differ from."""
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    valid = phonenumbers.is_valid_number(number)
    shared = phonenumbers.number_type(number) in SHARED_TYPES
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return Phone(e164, number.extension, valid, shared if valid else phonenumbers.is_possible_short_number(number))


def patterns(*kinds: PhoneNumberDesc | None) -> list[str]:
    """The shapes that a numbering plan has for some kinds of numbers."""
    return [kind.national_number_pattern for kind in kinds if kind is not None and kind.national_number_pattern]


@pytest.mark.parametrize(
    "text",
    [
        "+79123456789",
        "8 (912) 345-67-89",
        "+7 912 345 67 89",
        "79123456789",
        "912 345 67 89",
        "8-912-345-67-89",
        "8.912.345.67.89",
        "(912)3456789",
        "8\u00a0912\u00a0345\u201167\u201189",
        "8\u202f(912)\u2009345\u201367\u201489",
        "\u202a+7\u00a0912\u00a0345-67-89\u202c",
        "8912\u200b3456789",
        "\ufeff89123456789\r\n",
        "8\t912\t3456789",
        "＋７ （９１２） ３４５－６７－８９",
        "tel:+7-912-345-67-89",
        "tel:9123456789;phone-context=+7",
        "Тел.: 8 (912) 345-67-89",
        "моб. 89123456789",
        "+8 (912) 345-67-89",
        "+89123456789",
        "Тел.: +8-912-345-67-89",
    ],
)
def test_every_spelling_of_a_russian_mobile_is_one_number(text: str) -> None:
    assert parse_phone(text, "RU") == ANNA


@pytest.mark.parametrize(
    "tail",
    [
        " доб. 101",
        " доб 101",
        "доб101",
        ", доб. 101",
        " (доб. 101)",
        " Доб.:101",
        " доб.№ 101",
        " добавочный 101",
        " добавочный номер 101",
        " доб.номер 101",
        "*101",
        " * 101",
        " (101)",
        " вн. 101",
        " вн 101",
        ", внутр. 101",
        " внутренний 101",
        " х101",
        " ext. 101",
        " ext 101",
        " #101",
        " x101",
        ";ext=101",
        " доб. １０１",
    ],
)
def test_every_spelling_of_an_extension_is_kept_apart(tail: str) -> None:
    assert parse_phone("8 (495) 123-45-67" + tail, "RU") == OFFICE


def test_what_stands_in_brackets_behind_a_number_may_be_something_else() -> None:
    assert parse_phone("8 (495) 123-45 (67)", "RU") == Phone("+74951234567", None, valid=True, shared=False)
    for tail in (" (24)", " (2 линии)", " (мама)", " *"):
        assert [phone.e164 for phone in find_phones("8 (912) 345-67-89" + tail, "RU")] == [ANNA.e164]
    assert parse_phone("495 123 (101)", "RU") == Phone("+7495123101", None, valid=False, shared=False)


@pytest.mark.parametrize(
    ("text", "e164"),
    [
        ("375 29 123-45-67", "+375291234567"),
        ("380671234567", "+380671234567"),
        ("998 (90) 123-45-68", "+998901234568"),
        ("(996) 555 123 456", "+996555123456"),
    ],
)
def test_a_neighbour_s_number_is_read_without_its_plus(text: str, e164: str) -> None:
    for region in ("RU", "KZ"):
        assert parse_phone(text, region) == Phone(e164, None, valid=True, shared=False)
    assert parse_phone(text, "DE") == by_the_library(text, "DE")


@pytest.mark.parametrize("text", ["375291234", "3752912345678", "375001234567", "998123", "12125550123"])
def test_what_is_no_number_with_a_plus_either_stays_none(text: str) -> None:
    found = parse_phone(text, "RU")
    assert found is not None
    assert not found.valid


def test_an_extension_in_digits_of_another_script_is_the_same_extension() -> None:
    assert parse_phone("+7 495 123-45-67 ext \u0661\u0660\u0661", "RU") == OFFICE


@pytest.mark.parametrize(
    "text", ["", " ", "нет", "anonymous", "1", "\x00", "\ud800", "+", "8" * 300, "89123456789" + " " * 300]
)
def test_what_holds_no_number_is_none(text: str) -> None:
    assert parse_phone(text, "RU") is None


def test_a_number_that_the_plan_does_not_have_is_read_and_marked() -> None:
    assert parse_phone("+7 123 456-78-90", "RU") == Phone("+71234567890", None, valid=False, shared=False)


@pytest.mark.parametrize(
    ("kind", "e164"),
    [
        (PhoneNumberType.TOLL_FREE, "+78001234567"),
        (PhoneNumberType.PREMIUM_RATE, "+78091234567"),
        (PhoneNumberType.SHARED_COST, "+3278791234"),
        (PhoneNumberType.UAN, "+445512345678"),
        (PhoneNumberType.VOICEMAIL, "+3933101234501"),
    ],
)
def test_a_number_of_no_one_person_is_shared_by_its_kind(kind: int, e164: str) -> None:
    assert phonenumbers.number_type(phonenumbers.parse(e164)) == kind
    assert parse_phone(e164, "RU") == Phone(e164, None, valid=True, shared=True)


@pytest.mark.parametrize("text", ["112", "900", "0890"])
def test_a_short_number_is_shared_and_never_valid(text: str) -> None:
    phone = parse_phone(text, "RU")
    assert phone is not None
    assert phone.shared
    assert not phone.valid


@needs_samples
@pytest.mark.no_cover
def test_the_library_s_own_parse_vectors_are_read_as_it_reads_them() -> None:
    for vector in sample("parse_vectors.json", "vectors"):
        phone = parse_phone(vector["input"], vector["region"] or "ZZ")
        assert phone is not None, vector
        assert (phone.e164, phone.extension) == (vector["e164"], vector["extension"]), vector
        assert phone.valid >= vector["valid_today"], vector


@pytest.mark.no_cover
def test_an_e164_number_of_any_region_and_kind_is_read_as_itself() -> None:
    for region, kind in product(phonenumbers.SUPPORTED_REGIONS, PhoneNumberType.values()):
        example = phonenumbers.example_number_for_type(region, kind)
        if example is not None:
            e164 = phonenumbers.format_number(example, PhoneNumberFormat.E164)
            assert parse_phone(e164, "RU") == by_the_library(e164, "RU"), e164


# The fast path: first that its areas hold nothing but valid numbers of one person, then that it never differs.


@pytest.mark.no_cover
def test_the_plain_areas_hold_only_geographic_and_mobile_numbers_by_the_library_s_metadata() -> None:
    plan = PhoneMetadata.metadata_for_region("RU")
    assert plan is not None
    ordinary = patterns(plan.fixed_line, plan.mobile)
    other = patterns(plan.toll_free, plan.premium_rate, plan.shared_cost, plan.personal_number, plan.voip, plan.uan)
    assert all(pattern.endswith((r"\d{4}", r"\d{7}")) for pattern in ordinary)
    is_ordinary, is_other = re.compile("|".join(ordinary)), re.compile("|".join(other))
    areas = [area for area in map("{:03}".format, range(1000)) if re.fullmatch(_AREAS, area)]
    assert {"912", "495", "812", "499", "383"} < set(areas)
    for area, exchange in product(areas, range(1000)):
        number = f"{area}{exchange:03}0000"  # the last four digits are any, as the patterns say
        assert is_ordinary.fullmatch(number), number
        assert not is_other.fullmatch(number), number


@pytest.mark.parametrize(
    ("lead", "region"),
    [
        ("+7", "RU"),
        ("8", "RU"),
        ("7", "RU"),
        ("", "RU"),
        ("+8", "RU"),
        ("87", "RU"),
        ("+7", "KZ"),
        ("8", "KZ"),
        ("8", "US"),
    ],
)
@pytest.mark.no_cover
def test_every_prefix_is_read_as_the_library_reads_it(lead: str, region: str) -> None:
    for area in range(1000):
        text = f"{lead}{area:03}2345678"
        # No country has +89: who writes it means the 8 that is dialled at home.
        meant = "+7" + text.removeprefix("+8") if text.startswith("+89") else text
        assert parse_phone(text, region) == by_the_library(meant, region), text


@given(
    st.from_regex(r"(\+7|8|7|)[3489][0-9]{9}", fullmatch=True),
    st.lists(st.text("-  ().\u00a0\u2011\u2013\u00ad\u200b", max_size=4), min_size=14, max_size=14),
    st.sampled_from(["RU", "KZ", "DE", "ZZ"]),
)
@settings(max_examples=200)
def test_separators_never_change_what_the_library_reads(digits: str, separators: list[str], region: str) -> None:
    text = separators[-1] + "".join(digit + gap for digit, gap in zip(digits, separators, strict=False))
    assert parse_phone(text, region) == by_the_library(text, region)


# Numbers in a text.


@needs_samples
def test_a_text_gives_what_the_library_finds_and_nothing_impossible() -> None:
    for case in sample("find_in_text.json", "cases"):
        found = [phone.e164 for phone in find_phones(f"call {case['text']} now", case["region"])]
        assert found == case["valid_leniency_finds"], case
        assert case["class"] != "IMPOSSIBLE_CASES" or not found, case


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Здравствуйте, мой номер 8 (912) 345-67-89, Анна", ["+79123456789"]),
        ("звоните89123456789", ["+79123456789"]),
        ("89123456789, 8 913 456-78-90", ["+79123456789", "+79134567890"]),
        ("8 912 345-67-89 / +7 (912) 345 67 89", ["+79123456789"]),
        ("мой +8 912 345-67-89, звоните", ["+79123456789"]),
        ("ИНН нет, 8 912 345-67-89", ["+79123456789"]),
        ("мой № 8 912 345-67-89", ["+79123456789"]),
        ("мой №89123456789", ["+79123456789"]),
        ("тел. №9123456789", ["+79123456789"]),
        ("Артём 9123456789", ["+79123456789"]),
        ("из Минска +375 29 123-45-67", ["+375291234567"]),
        ("тел.\n8\u202f912\u202f345\u201367\u201389", ["+79123456789"]),
        ("wa.me/79123456789", ["+79123456789"]),
        ("https://wa.me/79123456789?text=1", ["+79123456789"]),
        ("30.12.2024 8 912 345 67 89", ["+79123456789"]),
        ("Мешков 10\n8 912 345 67 89", ["+79123456789"]),
        ("сделайте заказ 8 912 345-67-89", ["+79123456789"]),
        ("ИНН 7712345678, тел. 8 912 345-67-89", ["+79123456789"]),
    ],
)
def test_numbers_are_found_in_what_people_write(text: str, numbers: list[str]) -> None:
    assert [phone.e164 for phone in find_phones(text, "RU")] == numbers


@pytest.mark.parametrize("mark", ["#", " #", " доб. № "])
def test_a_long_extension_in_a_text_is_no_order_s_number(mark: str) -> None:
    assert find_phones(f"8 (495) 123-45-67{mark}123456", "RU") == [
        Phone("+74951234567", "123456", valid=True, shared=False)
    ]


@pytest.mark.parametrize(
    "tail", [" доб. 101", ", доб 101", " (доб. 101)", " внутр. 101.", " вн. 101, Анна", " ext 101"]
)
def test_a_number_in_a_text_keeps_its_extension(tail: str) -> None:
    assert find_phones("Офис: 8 (495) 123-45-67" + tail, "RU") == [OFFICE]


@pytest.mark.parametrize(
    "text",
    [
        "Перезвоните 30.12.2024 10:30",
        "ИНН 7712345678",
        "ИНН/КПП 7712345678/770101001",
        "ИНН7712345678",
        "инн организации: 7712345678",
        "ИНН (7712345678)",
        "л/с 9161234567",
        "лицевой счёт 9161234567",
        "Номер заказа: 9161234567",
        "заказ номер 9161234567",
        "Order #9161234567",
        "Что с №9161234567?",
        "тикет # 9161234567",
        "артикул 9161234567",
        "Арт.: 9161234567",
        "ID 9161234567",
        "трек-номер 9161234567",
        "накладная №9161234567",
        "ОГРН: 1027700132195, БИК 044525225",
        "заказ № 9123456789",
        "по договору №4951234567",
        "https://www.avito.ru/moskva/cement_3912345678",
        "avito.ru/moskva/cement_3912345678",
        "9123456789@example.com",
        "к 15 мая нужно 12 мешков М500, дом 5",
        "карта 2200 7001 2345 6789",
    ],
)
def test_what_only_looks_like_a_number_is_left_alone(text: str) -> None:
    assert find_phones(text, "RU") == []


@given(st.lists(st.sampled_from(["8", "912", "345", "67", "89", "+7", "(495)", "1234567", "-", " ", ", ", "а", "x"])))
def test_no_number_that_the_library_finds_is_missed(pieces: list[str]) -> None:
    text = "".join(pieces)
    library = {phonenumbers.format_number(m.number, PhoneNumberFormat.E164) for m in PhoneNumberMatcher(text, "RU")}
    assert {phone.e164 for phone in find_phones(text, "RU")} >= library


@given(st.text())
def test_any_text_is_searched_without_an_error(text: str) -> None:
    for region in ("RU", "DE"):
        assert all(phone.valid for phone in find_phones(text, region))
        parse_phone(text, region)


@pytest.mark.no_cover
def test_every_decimal_digit_of_unicode_is_taken_without_an_error() -> None:
    for code in range(0x110000):
        if chr(code).isdecimal():
            parse_phone(chr(code) * 11, "RU")
            find_phones(chr(code) * 11, "RU")


def test_a_number_beyond_the_limit_is_not_looked_for() -> None:
    assert find_phones("слово " * 3_000 + "8 912 345-67-89", "RU") == [ANNA]
    assert find_phones("слово " * 3_400 + "8 912 345-67-89", "RU") == []


@pytest.mark.parametrize("kept", range(1, 16))
def test_a_number_on_the_limit_is_not_cut_into_another(kept: int) -> None:
    text = "89134567890" + "а" * (20_000 - 11 - kept) + "+79123456789012"
    assert [phone.e164 for phone in find_phones(text, "RU")] == ["+79134567890"]


@pytest.mark.parametrize("piece", ["1 ", "1", "7(912", "1-1 (1) [1] ", "1x", "a.a.", "доб 1 ", "a@1", "((", "http://1"])
def test_a_text_made_against_the_finder_costs_a_bounded_number_of_tries(
    piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse, parsed = phonenumbers.parse, []

    def counted(*arguments: Any, **options: Any) -> Any:
        parsed.append(1)
        return parse(*arguments, **options)

    monkeypatch.setattr("phonenumbers.phonenumbermatcher.parse", counted)
    assert find_phones(piece * (20_000 // len(piece)), "RU") == []
    assert len(parsed) <= 1_000


def test_a_text_without_digits_enough_is_not_searched() -> None:
    assert may_hold_phone("звоните 8 912 345")
    assert not may_hold_phone("дом 5, квартира 12, этаж 3, подъезд 2")
