import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.address import (
    Address,
    find_addresses,
    is_machine_made,
    is_public,
    is_typed,
    may_hold_address,
    parse_address,
)

WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=8)


def value(text: str) -> str | None:
    address = parse_address(text)
    return None if address is None else address.value


@pytest.mark.parametrize(
    "text",
    [
        "anna@example.com",
        " Anna@Example.COM\r\n",
        "anna@example.com.",
        "<anna@example.com>",
        "Anna <anna@example.com>",
        '"Petrova, Anna" <ANNA@example.com>;',
        "anna@example.com <mailto:anna@example.com>",
        "mailto:anna@example.com",
        "MAILTO:%61nna@example.com?subject=Hello%20you",
        "«anna@example.com»",
        "(anna@example.com),",
        "'anna@example.com'",
        "ａｎｎａ＠ｅｘａｍｐｌｅ．ｃｏｍ",
        "\u200banna@example.com\ufeff",
        "anna@example。com",
    ],
)
def test_every_spelling_of_an_address_is_one_address(text: str) -> None:
    assert parse_address(text) == Address("anna@example.com", "example.com")


@pytest.mark.parametrize(
    "text", ["info@ПРИМЕР.рф", "info@xn--e1afmkfd.xn--p1ai", "INFO@XN--E1AFMKFD.XN--P1AI", "info@пример.рф"]
)
def test_an_international_domain_has_one_form(text: str) -> None:
    assert parse_address(text) == Address("info@xn--e1afmkfd.xn--p1ai", "xn--e1afmkfd.xn--p1ai")


def test_a_local_part_may_have_letters_of_any_script() -> None:
    assert value("Пётр@почта.рф") == value("пе\u0308тр@почта.рф") == "пётр@xn--80a1acny.xn--p1ai"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "anna",
        "@example.com",
        "anna@",
        "anna@localhost",
        "anna@@example.com",
        "anna@bob@example.com",
        "an na@example.com",
        "anna@exam ple.com",
        "anna\x00@example.com",
        "anna@example.com\x00",
        "anna\n@example.com",
        "an\ud800na@example.com",
        "anna@\ud800.com",
        "an\u202ena@example.com",
        ".anna@example.com",
        "anna.@example.com",
        "an..na@example.com",
        "an(n)a@example.com",
        "anna@192.0.2.1",
        "anna@[192.0.2.1]",
        "image001.png@01DA3F2B.5E6A7B80",
        "anna@-example.com",
        "anna@example-.com",
        "anna@exa_mple.com",
        "anna@example..com",
        "anna@xn--\u00ff.com",
        "anna@xn--a.com",
        "anna@xn--.com",
        "\u0130@example.com",
        "a" * 65 + "@example.com",
        "a" * 64 + "@" + ("b" * 62 + ".") * 3 + "com",
        "anna@" + "b" * 64 + ".com",
        "anna@example.com" + " " * 1_000,
        "anna@example.com, Boris <boris@example.com>",
        "anna@example.com boris@example.com",
    ],
)
def test_what_can_be_no_address_is_none(text: str) -> None:
    assert parse_address(text) is None


def test_the_longest_address_is_an_address() -> None:
    longest = "a" * 64 + "@" + ("b" * 61 + ".") * 3 + "com"
    assert len(longest) == 254
    assert value(longest) == longest


@pytest.mark.parametrize(
    ("text", "mailbox"),
    [
        ("A.n.n.a+shop@gmail.com", "anna@gmail.com"),
        ("an.na@GoogleMail.com", "anna@gmail.com"),
        ("anna.petrova+x@ya.ru", "anna-petrova@yandex.ru"),
        ("anna-petrova@yandex.ru", "anna-petrova@yandex.ru"),
        ("anna.petrova@yandex.com", "anna-petrova@yandex.ru"),
        ("anna@yandex.by", "anna@yandex.ru"),
        ("anna@yandex.kz", "anna@yandex.ru"),
        ("anna@yandex.ua", "anna@yandex.ru"),
        ("an.na+x@outlook.com", "an.na@outlook.com"),
        ("an.na+x@hotmail.com", "an.na@hotmail.com"),
        ("an.na+x@fastmail.com", "an.na@fastmail.com"),
        ("an.na+x@proton.me", "an.na@proton.me"),
        ("an.na+x@icloud.com", "an.na@icloud.com"),
        ("an.na+x@mail.ru", "an.na@mail.ru"),
        ("an-na@mail.ru", "an-na@mail.ru"),
        ("an.na+x@bk.ru", "an.na@bk.ru"),
        ("+x@mail.ru", "+x@mail.ru"),
        ("An.Na+X@example.com", "an.na+x@example.com"),
        ("an.na@gmail.com.example.com", "an.na@gmail.com.example.com"),
    ],
)
def test_a_provider_s_rules_name_one_mailbox_once_and_touch_nobody_else(text: str, mailbox: str) -> None:
    assert value(text) == mailbox


@given(st.text(), st.text(), st.sampled_from(["example.com", "gmail.com", "ya.ru", "пример.рф", "mail.ru"]))
def test_an_address_is_its_own_spelling(local: str, around: str, domain: str) -> None:
    for text in (f"{local}@{domain}", f"{around} <{local}@{domain}>", local, f"{around}@{local}"):
        found = parse_address(text)
        if found is not None:
            assert parse_address(found.value) == found
            assert found.value.endswith("@" + found.domain)


@given(WORDS, WORDS, st.sampled_from(["gmail.com", "ya.ru", "mail.ru", "example.com"]))
def test_case_and_surroundings_never_matter(name: str, host: str, domain: str) -> None:
    plain = parse_address(f"{name}@{host}.{domain}")
    assert plain is not None
    for spelling in (
        f"{name}@{host}.{domain}".upper(),
        f"X <{plain.value}>",
        f" mailto:{plain.value}",
        f"{plain.value};",
    ):
        assert parse_address(spelling) == plain


# Addresses in a text.


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("Моя почта anna@example.com, жду", ["anna@example.com"]),
        ("почта:Anna@Example.com.", ["anna@example.com"]),
        ("anna@example.com, ANNA@example.com; boris@example.com", ["anna@example.com", "boris@example.com"]),
        (
            "- anna@example.com\n-boris@example.com\n'eve@example.com'",
            [f"{n}@example.com" for n in ("anna", "boris", "eve")],
        ),
        ("пишите на anna@example.comЖду", ["anna@example.com"]),
        ("anna@example.com-это почта", ["anna@example.com"]),
        ("info@пример.рф!", ["info@xn--e1afmkfd.xn--p1ai"]),
        ("ａｎｎａ＠ｅｘａｍｐｌｅ．ｃｏｍ", ["anna@example.com"]),
        ("an.na+x@gmail.com", ["anna@gmail.com"]),
        ("Anna <anna@example.com>", ["anna@example.com"]),
        ("почтаanna@example.com", []),
        ("[cid:image001.png@01DA3F2B.5E6A7B80]", []),
        ("@anna в телеграме, 5 @ 100", []),
        ("без адреса", []),
        ("слово " * 3_400 + "anna@example.com", []),
    ],
)
def test_addresses_are_found_in_what_people_write(text: str, addresses: list[str]) -> None:
    assert [address.value for address in find_addresses(text)] == addresses


@given(st.text())
def test_any_text_is_searched_without_an_error(text: str) -> None:
    for address in find_addresses(text + "@" + text):
        assert parse_address(address.value) == address


def test_a_text_without_the_sign_is_not_searched() -> None:
    assert may_hold_address("a@b")
    assert may_hold_address("a＠b")
    assert not may_hold_address("anna example com")


# Machines.


@pytest.mark.parametrize(
    "local",
    [
        "noreply",
        "No-Reply",
        "no_reply",
        "no.reply",
        "noreply-orders",
        "noreply+123",
        "do-not-reply",
        "donotreply",
        "mailer-daemon",
        "MAILER-DAEMON",
        "postmaster",
        "bounce",
        "bounces",
        "bounce+e4f6b7.187-anna=example.com",
        "bounces-12345",
        "notification",
        "notifications",
        "notifications+x",
        "robot",
    ],
)
def test_a_sender_that_no_person_reads_is_machine_made(local: str) -> None:
    address = parse_address(f"{local}@example.com")
    assert address is not None
    assert is_machine_made(address)


@pytest.mark.parametrize(
    "text", ["anna@example.com", "robot2000@mail.ru", "robert@x.invalid", "info@example.org", "norep@x.test"]
)
def test_a_person_s_address_is_not_machine_made_wherever_it_is(text: str) -> None:
    address = parse_address(text)
    assert address is not None
    assert not is_machine_made(address)


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("1@1.ru", True),
        ("a@a.aa", True),
        ("test@test.ru", True),
        ("asd@qwe.com", True),
        ("Qwerty@Test.com", True),
        ("123@mail.ru", True),
        ("net@mail.ru", True),
        ("aaa@yandex.ru", True),
        ("anna@mail.ru", False),
        ("anna@test.ru", False),
        ("a@b.ru", False),
        ("client@mail.romashka.ru", False),
        ("a@mail.ru", False),
        ("1@mail.ru", True),
        ("mail@romashka.ru", False),
        ("test@romashka.ru", False),
        ("tdk@tdk.ru", False),
    ],
)
def test_an_address_typed_to_get_past_a_field_is_told_by_both_its_sides(text: str, *, typed: bool) -> None:
    address = parse_address(text)
    assert address is not None
    assert not is_machine_made(address)
    assert is_typed(address.value) is typed


@pytest.mark.parametrize(
    ("domain", "public"), [("gmail.com", True), ("ya.ru", True), ("rambler.ru", True), ("example.com", False)]
)
def test_providers_of_mailboxes_are_known(domain: str, public: bool) -> None:
    assert is_public(domain) is public
