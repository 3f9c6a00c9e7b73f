"""One spelling for a word of a name, whatever alphabet and scheme it was written in: Щербаков, Shcherbakov and Scherbakov meet.

A skeleton has one capital Latin letter per sound and is for comparing only. Where schemes disagree, sounds are merged rather
than guessed (ш and щ, и, й and ы); a vowel after и or й swallows it (Юлия, Iuliia, Yulya), and doubled letters are one.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

_CACHED: Final = 20_000

_CYRILLIC: Final = str.maketrans(
    dict(
        zip(
            "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
            [*"ABVGDEEJZIIKLMNOPRSTUFHCQWW", "", "I", "", *"EUA"],
            strict=True,
        )
    )
    # Ukrainian, Belarusian, Kazakh, Tatar.
    | dict(zip("іїєґўқғңөүұһәҗ", "IIEGUKGNOUUHAJ", strict=True))
)
# Letters that look alike, typed into a word of the other alphabet.
_LOOK_ALIKES: Final = str.maketrans("aceopxykmtbhi", "асеорхукмтвні")
_LATIN_LOOK_ALIKES: Final = str.maketrans("асеорхукмтвніё", "aceopxykmtbhie")
_CYRILLIC_LETTERS: Final = re.compile(r"[\u0400-\u052f]")
_LATIN_LETTERS: Final = re.compile(r"[a-z\u00df-\u024f]")

# Letters with marks that are a sound of their own; other marks are dropped. In a word that has one of the scholars' letters, x is
# Russian х and c is ц; elsewhere they are ks and, before most letters, k.
_MARKED: Final = str.maketrans(
    {"č": "ch", "š": "sh", "ž": "zh", "ŝ": "sh", "ć": "ch", "ś": "s", "ż": "zh", "û": "yu", "â": "ya", "è": "e"}
    | {"ł": "l", "đ": "d", "ø": "o", "æ": "e", "ß": "ss", "ı": "i", "ə": "a", "ş": "sh", "ç": "ch", "ğ": "g", "þ": "t"}
)
_SCHOLARLY: Final = re.compile("[čšžŝûâ\u02b9\u02ba]")
_AS_SCHOLARS: Final = str.maketrans({"x": "kh", "c": "ts"})
_SIGNS: Final = re.compile("[\u02b0-\u02ff]")

# The sounds of Latin letters, the longest first: GOST, ISO 9, BGN/PCGN, passports of several years, German and English habit.
_LATIN: Final = {
    "schtsch": "W", "shtch": "W", "shch": "W", "stsch": "W", "sch": "W", "shh": "W", "sh": "W",
    "tsch": "Q", "tch": "Q", "ch": "Q", "zh": "J", "kh": "H", "ph": "F", "th": "T", "ck": "K", "qu": "KV",
    "ts": "C", "tz": "C", "tc": "C", "cz": "C",
    "ya": "A", "ja": "A", "yu": "U", "ju": "U", "ye": "E", "je": "E", "yo": "E", "jo": "E", "yi": "I", "ji": "I",
    "a": "A", "b": "B", "d": "D", "e": "E", "f": "F", "g": "G", "h": "H", "i": "I", "j": "I", "k": "K", "l": "L",
    "m": "M", "n": "N", "o": "O", "p": "P", "q": "K", "r": "R", "s": "S", "t": "T", "u": "U", "v": "V", "w": "V",
    "x": "KS", "y": "I", "z": "Z",
}  # fmt: skip
_LATIN_SOUNDS: Final = re.compile("|".join([*(s for s in _LATIN if len(s) > 1), "sc(?=[ei])", "c", *_LATIN]))
_AFTER_SOFT_C: Final = frozenset("eiyv")
_DOUBLED: Final = re.compile(r"(.)\1+")
_SWALLOWED: Final = re.compile("I(?=[AEU])|IO|TS|DT$")
_MERGED: Final = {"I": "", "IO": "E", "TS": "C", "DT": "T"}


@lru_cache(maxsize=_CACHED)
def spelling(word: str) -> str:
    """A case-folded word letter by letter: what is a slip of one letter there is one here, unlike in a skeleton.

    Cyrillic letters as in a skeleton, before any of them swallow or merge; those of other alphabets as they are, without marks.
    """
    if _CYRILLIC_LETTERS.search(word) and not _LATIN_LETTERS.search(word):
        letters = word.translate(_CYRILLIC)
    else:
        letters = unicodedata.normalize("NFD", word)
    return "".join(filter(str.isalpha, letters)).upper()


@lru_cache(maxsize=_CACHED)
def skeleton(word: str) -> str:
    """The skeleton of a case-folded word. Letters of other alphabets stay as they are; what is no letter goes."""
    sounds = _cyrillic(word) if _CYRILLIC_LETTERS.search(word) else _latin(word)
    plain = _DOUBLED.sub(r"\1", "".join(filter(str.isalpha, sounds)))
    return _DOUBLED.sub(r"\1", _SWALLOWED.sub(lambda found: _MERGED[found[0]], plain)).upper()


def _cyrillic(word: str) -> str:
    """A word that has Cyrillic letters; some may be there by mistake."""
    latin = len(_LATIN_LETTERS.findall(word))
    if not latin:
        return word.translate(_CYRILLIC)
    if latin >= len(word) - latin:
        return _latin(word.translate(_LATIN_LOOK_ALIKES))
    return word.translate(_LOOK_ALIKES).translate(_CYRILLIC)


def _latin(word: str) -> str:
    composed = unicodedata.normalize("NFC", word)
    readable = composed.translate(_AS_SCHOLARS) if _SCHOLARLY.search(composed) else composed
    bare = unicodedata.normalize("NFD", _SIGNS.sub("", readable.translate(_MARKED)))
    return _LATIN_SOUNDS.sub(_sound, "".join(letter for letter in bare if not unicodedata.combining(letter)))


def _sound(found: re.Match[str]) -> str:
    letters = found[0]
    if letters == "c":
        return "C" if found.string[found.end() : found.end() + 1] in _AFTER_SOFT_C else "K"
    return "W" if letters == "sc" else _LATIN[letters]
