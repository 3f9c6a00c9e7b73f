"""One spelling for a word of a name in whatever alphabet and by whatever scheme."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from dedup.skeleton import skeleton

SCHEMES = Path(__file__).parents[3] / "shared" / "samples" / "entity" / "translit"
SURNAMES = """
щербаков щеглова юрьев цветков чехов жуков хрущёв ёлкин соловьёв зайцев шишкин яковлев вышеславцева достоевский андреев дмитриев
емельянов лебедев никитин титов фёдоров эйхе юдина быков майоров мясников бутылин рыжов кузьмин ильин алексеев зуев объедков
гоголь пушкин царёв цыганов шульц мещеряков жданов жжёнов чичиков ющенко якубович эренбург ломоносов мельников сысоев
"""
FIRST = "юлия наталья дарья мария евгений алёна фёдор сергей андрей татьяна ксения александр михаил илья"
WORDS = SURNAMES.split() + FIRST.split()


@pytest.mark.parametrize(
    ("one", "others"),
    [
        ("щербаков", "shcherbakov scherbakov shherbakov schtscherbakow ŝerbakov scerbakov"),
        ("юлия", "iuliia yuliya julija ûliâ yulia julia"),
        ("чехов", "chekhov čehov čexov tchekhov"),
        ("цветков", "tsvetkov cvetkov czvetkov tzvetkov"),
        ("достоевский", "dostoevsky dostoyevskiy dostoevskij dostoevskii"),
        ("дмитриев", "dmitriev dmitriyev"),
        ("софья", "sofia sophia sofya sof'ia"),
        ("фёдор", "федор fyodor fedor fiodor"),
        ("виктор", "victor viktor"),
        ("максим", "maxim maksim"),
        ("иванов", "ivanov иванoв iwanow"),
        ("шмидт", "schmidt shmidt шмит"),
        ("карл", "carl karl"),
        ("анна", "ana anna ана"),
        ("олексій", "oleksii oleksiy"),
    ],
)
def test_spellings_of_one_word_meet(one: str, others: str) -> None:
    assert {other: skeleton(other) for other in others.split()} == dict.fromkeys(others.split(), skeleton(one))


@pytest.mark.parametrize(
    ("one", "other"), [("иванов", "петров"), ("жуков", "зуков"), ("чехов", "цехов"), ("щука", "чука")]
)
def test_other_words_stay_apart(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)


@pytest.mark.parametrize(
    ("word", "expected"), [("", ""), ("'-1", ""), ("李", "李"), ("o'neil", "ONEIL"), ("γιωργος", "ΓΙΩΡΓΟΣ")]
)
def test_what_has_no_sound_goes_and_other_alphabets_stay(word: str, expected: str) -> None:
    assert skeleton(word) == expected


@given(st.text(max_size=30).map(str.casefold))
@settings(max_examples=200, deadline=None)
def test_any_word_has_a_skeleton_of_letters_none_twice_in_a_row(word: str) -> None:
    sounds = skeleton(word)
    assert all(letter.isalpha() for letter in sounds)
    assert skeleton(word) == sounds


def written(word: str, scheme: dict[str, Any]) -> str:
    """A word by a scheme: by the letter before, the letter after, the ending, else the letter."""
    ending = (scheme.get("ending_mapping") or {}).get(word[-2:])
    body = word[:-2] if ending else word
    parts = [
        (scheme.get("prev_mapping") or {}).get(word[place - 1 : place] + letter)
        or (scheme.get("next_mapping") or {}).get(letter + word[place + 1 : place + 2])
        or scheme["mapping"].get(letter, letter)
        for place, letter in enumerate(body)
    ]
    return "".join(parts) + (ending or "")


@pytest.mark.skipif(not SCHEMES.is_dir(), reason="the samples are not here")
def test_words_meet_themselves_in_every_scheme(capsys: pytest.CaptureFixture[str]) -> None:
    whole: dict[str, float] = {}
    near: dict[str, float] = {}
    for path in sorted(SCHEMES.glob("*.json")):
        scheme = json.loads(path.read_text(encoding="utf-8"))
        apart = [OSA.distance(skeleton(word), skeleton(written(word, scheme).casefold())) for word in WORDS]
        whole[path.stem] = apart.count(0) / len(apart)
        near[path.stem] = (apart.count(0) + apart.count(1)) / len(apart)
    with capsys.disabled():
        print("\nschemes:", ", ".join(f"{name} {share:.2f} ({near[name]:.2f})" for name, share in whole.items()))
    assert len(whole) > 10
    assert sum(whole.values()) / len(whole) > 0.9
    assert min(near.values()) > 0.9


def test_a_cyrillic_letter_among_latin_ones_is_the_latin_one_that_it_looks_like() -> None:
    assert skeleton("pеtrоv") == skeleton("petrov")
