"""Whose approach is no client's, and whose is a trial."""

from collections.abc import Sequence

import pytest

from dedup.keys import Evidence, Identified, Key, KeyRules, Rejection, identify
from dedup.staff import StaffRules

KEYS = KeyRules("RU", ("info@*",))
STAFF = StaffRules(
    region="RU",
    domains=("example.com", "пример.рф", "no domain"),
    phones=("8 (495) 123-45-00", "+7 916 111-00-01", "101"),
    emails=("anna@yandex.ru",),
    identities=(("telegram", "1234567"),),
    extensions=("101", "+7 916 111-00-01"),
    test_phones=("+79990000000",),
    test_emails=("qa@example.com",),
)
CLIENT = "+79123456789"


def found(
    *phones: str, emails: Sequence[str] = (), identities: Sequence[tuple[str, str]] = (), text: str = ""
) -> Identified:
    return identify(phones, emails, identities, text, KEYS)


@pytest.mark.parametrize(
    "given",
    [
        found("+7 495 123-45-00"),
        found("8 495 123 45 00 доб. 12"),
        found("8 916 111 00 01"),
        found(emails=["Anna@ya.ru"]),
        found(emails=["boris@example.com"]),
        found(emails=["info@shop.example.com"]),
        found(emails=["boris@xn--e1afmkfd.xn--p1ai"]),
        found(identities=[("telegram", "1234567")]),
        found("8 495 123-45-00", emails=["boris@example.com"]),
        found(emails=["info@example.com"], text=f"позвоните клиенту {CLIENT}"),
    ],
)
def test_what_gives_nothing_but_the_companys_own_keys_is_staff(given: Identified) -> None:
    assert STAFF.sift(given) is None


@pytest.mark.parametrize(
    "given",
    [
        found(CLIENT),
        found(emails=["anna@notexample.com"]),
        found(emails=["anna@example.com.ru"]),
        found(identities=[("vk", "1234567")]),
        found(text="привет"),
        found(),
        found("101"),
        found(emails=["info@shop.ru"], text=f"мой номер {CLIENT}"),
    ],
)
def test_a_clients_keys_stay_as_they_are(given: Identified) -> None:
    assert STAFF.sift(given) == given


def test_a_trial_s_number_may_look_made_up() -> None:
    staff = StaffRules(region="RU", test_phones=("+7 999 999-99-99",), test_emails=("test@test.ru",))
    assert staff.is_test([Evidence(Key("phone", "+79999999999"), personal=True, origin="field")])
    assert staff.is_test([Evidence(Key("email", "test@test.ru"), personal=True, origin="field")])


def test_a_client_for_whom_a_manager_fills_in_a_form_is_known_by_his_own_keys() -> None:
    client = STAFF.sift(found(CLIENT, emails=["boris@example.com"]))
    assert client is not None
    assert [e.key for e in client.evidence] == [Key("phone", CLIENT)]
    assert client.rejected == (Rejection("email", "own", "field"),)


def test_an_own_number_in_a_clients_text_is_no_key_of_his() -> None:
    client = STAFF.sift(found(text="мне обещали перезвонить с 8 495 123-45-00"))
    assert client is not None
    assert client.evidence == ()
    assert client.rejected == (Rejection("phone", "own", "text"),)


def test_an_extension_is_staff_where_a_telephone_system_shows_it_and_nothing_else() -> None:
    assert STAFF.sift(found("101"), ["101 "]) is None
    assert STAFF.sift(found(CLIENT, "101"), [CLIENT, "101"]) is not None
    assert STAFF.sift(found("102"), ["102"]) is not None


def test_a_trial_is_known_by_any_of_its_keys_even_at_an_own_domain() -> None:
    for trial in (found("8 999 000-00-00"), found(emails=["QA@example.com"]), found(CLIENT, emails=["qa@example.com"])):
        assert STAFF.sift(trial) == trial
        assert STAFF.is_test(trial.evidence)
    assert not STAFF.is_test(found(CLIENT).evidence)


def test_without_a_word_about_staff_everybody_is_a_client() -> None:
    given = found(CLIENT, emails=["anna@example.com"])
    assert StaffRules().sift(given) == given
