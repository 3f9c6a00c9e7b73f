"""How what is wrong with a value is said: the problem, which follows the value that was written, and the way out.

"is not a duration" follows the value, so no validator ever repeats one that may be a secret.
"""

from typing import Final

from pydantic_core import PydanticCustomError
from rapidfuzz import fuzz, process, utils

_NEAR: Final = 60


def refuse(problem: str, remedy: str) -> PydanticCustomError:
    """A value that is not accepted, in words that follow the value and a way out."""
    return PydanticCustomError("refused", "{problem}; {remedy}", {"problem": problem, "remedy": remedy})


def nearest(word: str, known: tuple[str, ...] | list[str]) -> str | None:
    """The known word that `word` is most probably a misspelling of."""
    found = process.extractOne(word, known, scorer=fuzz.ratio, processor=utils.default_process, score_cutoff=_NEAR)
    return found[0] if found else None


def choose(word: str, known: tuple[str, ...] | list[str]) -> str:
    """The remedy for a word that is none of `known`: the nearest one, else all of them while they fit a line."""
    near = nearest(word, known)
    if near is not None:
        return f"did you mean {near}?"
    shown = sorted(known)[:12]
    more = ", …" if len(known) > len(shown) else ""
    return f"there is {', '.join(shown)}{more}" if shown else "there is none yet"


def sentence(error: ValueError) -> tuple[str, str]:
    """Problem and remedy of another module's `problem; write …`."""
    text = str(error)
    problem, sign, remedy = text.partition("; write ")
    if sign:
        return problem, f"write {remedy}"
    problem, _, remedy = text.rpartition("; ")
    return problem or remedy, remedy if problem else ""


def worded(error: ValueError) -> PydanticCustomError:
    """A fault in the words of another module, which may repeat what was written."""
    problem, remedy = sentence(error)
    return PydanticCustomError("worded", "{problem}; {remedy}", {"problem": problem, "remedy": remedy})


def flag(text: str, remedy: str) -> bool:
    """What yes or no in YAML's several spellings means; `remedy` is what to write instead of anything else."""
    if text in {"true", "yes", "on"}:
        return True
    if text in {"false", "no", "off"}:
        return False
    raise refuse("is neither true nor false", remedy)
