"""How common given names are: what share of the people with an initial has a given name, by which two people agree in it by chance.

Rounded shares among adults, in thousandths, written from general knowledge and not from a census: for weighing it matters whether a
name is one of four, or one of forty, of those that begin so. A name that is not listed is rare.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from dedup.skeleton import skeleton

_MEN: Final = """
александр 95 сергей 75 владимир 55 андрей 50 алексей 50 дмитрий 50 николай 35 иван 33 михаил 30 евгений 30 виктор 22
юрий 22 игорь 22 максим 20 олег 18 анатолий 17 павел 17 роман 17 артем 17 денис 16 василий 15 илья 14 антон 13
валерий 13 никита 12 константин 12 кирилл 11 виталий 11 вячеслав 11 вадим 10 геннадий 9 руслан 8 егор 8 даниил 8
станислав 7 петр 7 борис 6 григорий 6 леонид 6 владислав 6 тимур 4 степан 4 артур 4 федор 4 эдуард 4 семен 3 глеб 3
марат 3 ярослав 3 матвей 3
"""
_WOMEN: Final = """
елена 70 ольга 60 татьяна 60 наталья 60 ирина 50 светлана 45 анна 45 екатерина 40 анастасия 40 мария 38 юлия 33
людмила 30 галина 28 марина 25 валентина 23 надежда 20 любовь 18 нина 18 дарья 18 александра 16 виктория 15 оксана 13
лариса 13 евгения 13 вера 12 ксения 12 алина 11 кристина 10 елизавета 10 полина 9 лидия 9 алла 8 тамара 8 раиса 8
яна 7 диана 7 инна 7 валерия 7 маргарита 6 вероника 6 зинаида 6 софия 6 антонина 6 жанна 5 эльвира 4 варвара 3
ангелина 3
"""
_ENGLISH: Final = """
john 30 david 33 michael 28 james 26 robert 24 william 22 richard 18 thomas 17 paul 17 mark 17 andrew 16 peter 15
christopher 16 daniel 15 stephen 14 matthew 13 anthony 12 george 12 joseph 11 charles 10 kevin 9 brian 9 edward 8
simon 8 alexander 8 martin 8 mary 20 margaret 18 susan 17 sarah 16 elizabeth 18 patricia 15 jennifer 14 emma 13
karen 12 helen 11 linda 11 jane 10 anne 10 catherine 9 laura 9 rachel 8 rebecca 8 jessica 8 michelle 8 amanda 7
nicola 6 victoria 7 claire 7
"""
# Names that are not listed: each, and all of an initial together.
_RARE: Final = 1.0
_REST: Final = 10.0


@cache
def share(name: str) -> float:
    """What share of those whose given names begin like this one have it, 0 to 1; where there are several tables, the largest.

    `name` is a full given name as `dedup.names.Word.names` has it: a skeleton, in small letters where the name is English.
    """
    shares = [table[name] / (_REST + _of_letter(table, name)) for table in _tables() if name in table]
    return max(shares) if shares else _RARE / (_REST + max(_of_letter(table, name) for table in _tables()))


@cache
def _tables() -> tuple[Mapping[str, float], ...]:
    """Of men, of women, and in English."""
    return _table(_MEN, str.upper), _table(_WOMEN, str.upper), _table(_ENGLISH, str.lower)


def _table(listed: str, case: Callable[[str], str]) -> Mapping[str, float]:
    """Shares by skeletons; names that sound alike are one (Анна and Яна)."""
    words = listed.split()
    found: dict[str, float] = {}
    for name, number in zip(words[::2], words[1::2], strict=True):
        sounds = case(skeleton(name))
        found[sounds] = found.get(sounds, 0.0) + float(number)
    return found


def _of_letter(table: Mapping[str, float], name: str) -> float:
    return sum(number for other, number in table.items() if other[0] == name[0])
