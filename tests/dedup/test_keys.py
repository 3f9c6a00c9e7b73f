from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.keys import CODES, Code, Evidence, Identified, Key, KeyRules, Origin, Rejection, identify, normalise

RULES: Final = KeyRules("RU", ("info@*", "Office@*", "sales@ya.ru"), ("8 (495) 123-45-67", "+7 495 765-43-21 доб. 9"))
ANNA: Final = Key("phone", "+79123456789")
BORIS: Final = Key("phone", "+79134567890")
OFFICE: Final = Key("phone", "+74951234567")
MAIL: Final = Key("email", "anna@example.com")

SPELLINGS: Final = st.sampled_from(
    [
        "+79123456789",
        "8 (912) 345-67-89",
        "7912 345 67 89",
        "912-345-67-89",
        "8\u00a0912\u00a0345\u201167\u201189",
        "tel:+79123456789",
    ]
)
ANYTHING: Final = st.one_of(
    st.text(max_size=40),
    st.text("0123456789+-() .,;доб#x", max_size=40),
    st.sampled_from(
        ["89123456789", "8 495 123-45-67 доб. 5", "anna@example.com", "info@example.com", "8 800 555-35-35", "\x00"]
    ),
)


def keys(
    *phones: str, emails: tuple[str, ...] = (), identities: tuple[tuple[str, str], ...] = (), text: str = ""
) -> Identified:
    return identify(phones, emails, identities, text, RULES)


def personal(key: Key, origin: Origin = "field") -> Evidence:
    return Evidence(key, personal=True, origin=origin)


def shared(key: Key, origin: Origin = "field") -> Evidence:
    return Evidence(key, personal=False, origin=origin)


# Keys.


def test_an_extension_makes_another_key_and_can_be_told_apart() -> None:
    key = normalise("phone", "8 495 123-45-67 доб. 101", "RU")
    assert key == Key("phone", "+74951234567;ext=101")
    assert (key.e164, key.extension) == ("+74951234567", "101")
    assert (OFFICE.e164, OFFICE.extension) == ("+74951234567", None)
    assert (MAIL.e164, MAIL.extension) == (None, None)


def test_keys_have_an_order_for_whoever_locks_them() -> None:
    assert sorted([BORIS, MAIL, ANNA]) == [MAIL, ANNA, BORIS]


@pytest.mark.parametrize(
    ("kind", "value", "key"),
    [
        ("phone", "8 912 345 67 89", ANNA),
        ("phone", "89123456789 Anna", ANNA),
        ("phone", "89123456789, +7 912 345-67-89", ANNA),
        ("phone", "89123456789, 89134567890", None),
        ("phone", "7999999", None),
        ("phone", "", None),
        ("email", "Anna <ANNA@example.com>", MAIL),
        ("email", "почта anna@example.com", MAIL),
        ("email", "anna", None),
        ("email", "noreply@example.com", None),
        ("telegram", "123456", Key("telegram", "123456")),
        ("vk", " club:7 ", Key("vk", "club:7")),
        ("vk", "0", None),
        ("vk", "\x00", None),
    ],
)
def test_a_value_that_is_looked_up_means_one_key_or_none(kind: str, value: str, key: Key | None) -> None:
    assert normalise(kind, value, "RU") == key


@given(st.sampled_from(["phone", "email", "telegram"]), ANYTHING)
def test_normalising_twice_changes_nothing(kind: str, value: str) -> None:
    key = normalise(kind, value, "RU")
    if key is not None:
        assert normalise(kind, key.value, "RU") == key
        assert normalise(kind, key.value, "US") == key


@given(
    st.from_regex(r"(9[1568][0-9]|495|812)[0-9]{7}", fullmatch=True), st.from_regex(r"[1-9][0-9]{0,5}", fullmatch=True)
)
def test_any_spelling_of_a_number_gives_the_same_key(national: str, extension: str) -> None:
    area, first, second, third = national[:3], national[3:6], national[6:8], national[8:]
    spellings = [
        f"+7{national}",
        f"8 ({area}) {first}-{second}-{third}",
        f"7{national}",
        f"{area} {first} {second} {third}",
        f"8-{area}-{first}-{second}-{third}",
        f"tel:+7-{area}-{first}-{second}{third}",
        f"\u202a+7\u00a0{area}\u00a0{first}\u2011{second}\u2011{third}\u202c",
    ]
    assert len({normalise("phone", spelling, "RU") for spelling in spellings}) == 1
    extended = {
        normalise("phone", f"{spelling} {label} {extension}", "RU")
        for spelling in spellings
        for label in ("доб.", "вн.")
    }
    assert extended == {normalise("phone", f"+7{national};ext={extension}", "RU")}


# Fields.


def test_phones_come_first_then_addresses_then_ids_in_the_order_given_and_each_once() -> None:
    found = keys(
        "8 (913) 456-78-90",
        "89123456789",
        "+7 912 345 67 89",
        emails=("anna@example.com", "ANNA@example.com"),
        identities=(("vk", "7"), ("telegram", "5"), ("vk", "7")),
    )
    ids = [personal(Key("vk", "7"), "provider"), personal(Key("telegram", "5"), "provider")]
    assert found == Identified((personal(BORIS), personal(ANNA), personal(MAIL), *ids), ())


@pytest.mark.parametrize(
    "field",
    [
        "89123456789, 89134567890",
        "8 (912) 345-67-89; 8 (913) 456-78-90",
        "89123456789;89134567890",
        "8 912 345-67-89 / 8 913 456-78-90",
        "моб. 89123456789 (Анна) или 8 913 456-78-90",
    ],
)
def test_a_field_with_two_numbers_gives_both(field: str) -> None:
    assert keys(field).evidence == (personal(ANNA), personal(BORIS))


def test_a_field_with_two_addresses_gives_both() -> None:
    found = keys(emails=("Anna <anna@example.com>, boris@example.com",))
    assert found.evidence == (personal(MAIL), personal(Key("email", "boris@example.com")))


def test_a_name_beside_a_number_does_not_hide_it() -> None:
    assert keys("89123456789 Anna").evidence == (personal(ANNA),)
    assert keys("89123456789" + " " * 300).evidence == (personal(ANNA),)


def test_a_list_in_a_field_is_nobody_s_own() -> None:
    numbers = ", ".join(f"8912345678{last}" for last in range(6))
    addresses = ", ".join(f"anna{last}@example.com" for last in range(6))
    found = keys(numbers, emails=(addresses,))
    assert found == Identified((), (Rejection("phone", "too_many", "field"), Rejection("email", "too_many", "field")))


def test_a_number_with_and_one_without_its_extension_are_two_keys() -> None:
    found = keys("8 495 987-65-43", "8 495 987-65-43 доб. 5")
    assert [evidence.key.value for evidence in found.evidence] == ["+74959876543", "+74959876543;ext=5"]


def test_a_long_extension_is_kept_where_it_is_no_second_number() -> None:
    assert keys("8 495 987-65-43,,12345678#").evidence == (personal(Key("phone", "+74959876543;ext=12345678")),)


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("", "empty"),
        (" \u00a0\n", "empty"),
        ("нет", "unreadable"),
        ("\x00", "unreadable"),
        ("\ud800", "unreadable"),
        ("+7 123 456-78-91", "impossible"),
        ("8912345678901", "impossible"),
        ("112", "short_number"),
        ("+7 999 999-99-99", "machine_made"),
        ("+7 900 000-00-00", "machine_made"),
        ("+7 912 222-22-22", "machine_made"),
        ("8 987 654-32-10", "machine_made"),
        ("8 901 234-56-78", "machine_made"),
        ("+1 234 567-8901", "machine_made"),
    ],
)
def test_what_is_no_number_of_a_person_is_no_key(field: str, code: Code) -> None:
    assert keys(field) == Identified((), (Rejection("phone", code, "field"),))


@pytest.mark.parametrize("number", ["+79123456789", "+79161234567", "+79990000001", "+79112222222"[:-1] + "1"])
def test_a_number_with_some_pattern_in_it_is_a_key(number: str) -> None:
    assert keys(number).evidence == (personal(Key("phone", number)),)


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("", "empty"),
        ("нет", "unreadable"),
        ("anna@localhost", "impossible"),
        ("anna@example\x00", "impossible"),
        ("no-reply@example.com", "machine_made"),
        ("Mail Delivery <MAILER-DAEMON@example.com>", "machine_made"),
    ],
)
def test_what_is_no_address_of_a_person_is_no_key(field: str, code: Code) -> None:
    assert keys(emails=(field,)) == Identified((), (Rejection("email", code, "field"),))


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("", "empty"),
        (" ", "empty"),
        ("0", "empty"),
        ("None", "empty"),
        ("null", "empty"),
        ("a\x00b", "impossible"),
        ("\ud800", "impossible"),
        ("7" * 256, "impossible"),
    ],
)
def test_what_is_no_id_is_no_key(value: str, code: Code) -> None:
    assert keys(identities=(("vk", value),)) == Identified((), (Rejection("vk", code, "provider"),))


def test_a_number_that_a_provider_vouches_for_is_read_like_any_other() -> None:
    found = keys(identities=(("phone", "8 912 345-67-89"), ("email", "ANNA@example.com")))
    assert found.evidence == (personal(ANNA, "provider"), personal(MAIL, "provider"))


def test_an_address_that_may_be_a_filler_is_none_beside_another_key_and_a_key_alone() -> None:
    made_up = Rejection("email", "machine_made", "field")
    phone, address = personal(Key("phone", "+79123456789")), personal(Key("email", "net@mail.ru"))
    assert keys("+79123456789", emails=("net@mail.ru",)) == Identified((phone,), (made_up,))
    assert keys(emails=("net@mail.ru",)) == Identified((address,), ())
    anna = personal(Key("email", "anna@mail.ru"))
    assert keys(emails=("net@mail.ru", "anna@mail.ru")) == Identified((anna,), (made_up,))
    assert keys("8 800 555-35-35", emails=("net@mail.ru",)).evidence[1:] == (address,)
    assert keys(emails=("net@mail.ru",), text="8 912 345-67-89") == Identified((personal(ANNA, "text"),), (made_up,))
    assert keys(emails=("net@mail.ru", "123@mail.ru")).evidence == (address, personal(Key("email", "123@mail.ru")))


def test_an_address_made_up_on_both_sides_is_no_key_and_is_found_by_who_looks_for_it() -> None:
    made_up = Rejection("email", "machine_made", "field")
    assert keys(emails=("1@1.ru",)) == Identified((), (made_up,))
    assert keys(emails=("1@1.ru",), text="8 912 345-67-89") == Identified((personal(ANNA, "text"),), (made_up,))
    assert normalise("email", "1@1.ru", "RU") == Key("email", "1@1.ru")


def test_what_the_company_has_named_for_trials_is_a_key_however_made_up_it_looks() -> None:
    rules = KeyRules("RU", (), trials=("8 (999) 999-99-99", "Test@test.ru", "1@mail.ru", "reception"))
    found = identify(("+79999999999",), ("test@test.ru", "1@mail.ru"), (), "", rules)
    assert [evidence.key.value for evidence in found.evidence] == ["+79999999999", "test@test.ru", "1@mail.ru"]
    assert normalise("phone", "8 (999) 999-99-99", "RU") is None
    assert normalise("phone", "8 (999) 999-99-99", "RU", trial=True) == Key("phone", "+79999999999")


def test_each_reason_is_given_once() -> None:
    assert keys("", "", "нет").rejected == (
        Rejection("phone", "empty", "field"),
        Rejection("phone", "unreadable", "field"),
    )


# Shared keys.


def test_a_key_shared_by_kind_or_by_list_is_not_personal() -> None:
    found = keys("8 800 555-35-35", "8 (495) 123 45 67", emails=("INFO@Example.com", "office@x.ru", "sales@yandex.com"))
    values = ["+78005553535", "+74951234567", "info@example.com", "office@x.ru", "sales@yandex.ru"]
    assert [(evidence.key.value, evidence.personal) for evidence in found.evidence] == [
        (value, False) for value in values
    ]


def test_a_listed_number_is_shared_by_itself_and_not_with_its_extensions() -> None:
    found = keys("84951234567 доб. 101", "84957654321", "84957654321 доб. 9")
    assert [evidence.personal for evidence in found.evidence] == [True, True, False]


def test_a_pattern_ends_where_it_ends() -> None:
    assert keys(emails=("myinfo@example.com",)).evidence[0].personal
    assert not KeyRules("RU", ("*@EXAMPLE.com",)).lists(Key("phone", "+79123456789"))
    assert KeyRules("RU", ("*@EXAMPLE.com",)).lists(MAIL)
    assert KeyRules("RU", ("our.desk@googlemail.com",)).lists(Key("email", "ourdesk@gmail.com"))
    assert not KeyRules("RU", ()).lists(MAIL)


def test_a_shared_phone_that_is_no_number_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match="reception"):
        KeyRules("RU", (), ("reception",))


# The text.


def test_the_one_number_in_a_text_counts_where_the_fields_name_nobody() -> None:
    assert keys(text="Мой номер 8 (912) 345-67-89").evidence == (personal(ANNA, "text"),)
    assert keys(text="anna@example.com или 8 912 345-67-89").evidence == (personal(ANNA, "text"),)
    assert keys(text="8 912 345-67-89, повторю: +79123456789").evidence == (personal(ANNA, "text"),)


def test_failing_a_number_the_one_address_in_a_text_counts() -> None:
    assert keys("нет", text="пишите на ANNA@example.com") == Identified(
        (personal(MAIL, "text"),), (Rejection("phone", "unreadable", "field"),)
    )


def test_of_several_numbers_or_addresses_in_a_text_none_counts() -> None:
    numbers = keys(text="8 912 345-67-89 и 8 913 456-78-90")
    assert numbers == Identified((), (Rejection("phone", "several_in_text", "text"),))
    both = keys(text="8 912 345-67-89 и 8 913 456-78-90, anna@example.com")
    assert both == numbers
    addresses = keys(text="anna@example.com, boris@example.com")
    assert addresses == Identified((), (Rejection("email", "several_in_text", "text"),))


def test_shared_and_machine_made_finds_in_a_text_are_named_and_stand_in_nobody_s_way() -> None:
    found = keys(text="Звонил на 8 800 555-35-35 и 8 495 123-45-67, +7 999 999-99-99, мой 8 912 345-67-89")
    reasons = (Rejection("phone", "shared", "text"), Rejection("phone", "machine_made", "text"))
    assert found == Identified((personal(ANNA, "text"),), reasons)
    only_shared = keys(text="8 800 555-35-35, info@example.com, noreply@example.com, anna@example.com")
    assert only_shared.evidence == (personal(MAIL, "text"),)


def test_a_shared_field_does_not_keep_the_text_from_naming_the_sender() -> None:
    found = keys("8 495 123-45-67", text="Это Анна, 8 912 345-67-89")
    assert found.evidence == (shared(OFFICE), personal(ANNA, "text"))


@pytest.mark.parametrize(
    "known",
    [
        keys("89134567890", text="8 912 345-67-89, anna@example.com"),
        keys(emails=("b@example.com",), text="8 912 345-67-89, a@b"),
        keys(identities=(("vk", "7"),), text="8 912 345-67-89 @"),
    ],
)
def test_the_text_is_not_searched_where_the_sender_is_known(known: Identified) -> None:
    assert [evidence.origin for evidence in known.evidence] != ["text"]
    assert len(known.evidence) == 1
    assert known.rejected == (Rejection("phone", "not_needed", "text"), Rejection("email", "not_needed", "text"))


def test_an_ordinary_text_is_not_said_to_be_left_alone() -> None:
    assert keys("89123456789", text="Нужен цемент").rejected == ()


# Anything at all.


@given(
    st.lists(ANYTHING, max_size=3),
    st.lists(ANYTHING, max_size=3),
    st.lists(st.tuples(st.sampled_from(["vk", "phone", "email"]), ANYTHING), max_size=2),
    ANYTHING,
)
def test_identify_takes_anything_and_its_keys_are_normal(
    phones: list[str], emails: list[str], identities: list[tuple[str, str]], text: str
) -> None:
    found = identify(phones, emails, identities, text, RULES)
    assert len({evidence.key for evidence in found.evidence}) == len(found.evidence)
    assert {rejection.code for rejection in found.rejected} <= set(CODES)
    assert sum(evidence.origin == "text" for evidence in found.evidence) <= 1
    for evidence in found.evidence:
        assert normalise(evidence.key.kind, evidence.key.value, "RU") == evidence.key
        assert "\x00" not in evidence.key.value
        evidence.key.value.encode()


@given(
    st.lists(st.one_of(SPELLINGS, ANYTHING), max_size=4).flatmap(
        lambda some: st.tuples(st.just(some), st.permutations(some * 2))
    )
)
def test_repeats_and_their_order_change_no_key(fields: tuple[list[str], list[str]]) -> None:
    once, shuffled = (set(keys(*written).evidence) for written in fields)
    assert once == shuffled


@pytest.mark.parametrize("piece", ["8", "8 ", "anna@", "anna@, ", "x", "\x00", "\ud800", "(8", "<", "a.", "+7 "])
def test_a_huge_field_is_read_in_its_bounds(piece: str) -> None:
    huge = piece * (100_000 // len(piece))
    found = keys(huge, "89123456789", emails=(huge,), identities=(("vk", huge),), text=huge)
    assert found.evidence == (personal(ANNA),)


def test_a_phone_that_a_provider_vouches_for_is_evidence_of_the_providers() -> None:
    found = identify(["8 912 345-67-89"], ["a@example.com"], [("telegram", "7")], "", RULES, ["+7 912 345-67-89"])
    assert [(e.key.kind, e.origin) for e in found.evidence] == [
        ("phone", "provider"),
        ("email", "field"),
        ("telegram", "provider"),
    ]
