"""A figure with its floor and its goals: as a row of the table that people read, and of the file that programs read."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, Literal

COLUMNS: Final = ("figure", "value", "min-max", "floor", "min-max", "ratio", "must", "aim", "")


@dataclass(frozen=True, slots=True)
class Figure:
    """Medians of `values` and, where there is a floor, of `floors`.

    `must` and `aim` are for the ratio where there is one, else for the value.
    """

    name: str
    unit: str
    values: Sequence[float]
    must: float
    aim: float
    better: Literal["higher", "lower"]
    floors: Sequence[float] = ()
    notes: Sequence[str] = ()

    @property
    def value(self) -> float:
        """The median of all runs."""
        return median(self.values)

    @property
    def floor(self) -> float | None:
        """The median of all runs of the floor."""
        return median(self.floors) if self.floors else None

    @property
    def ratio(self) -> float | None:
        """How the value stands to the floor."""
        return None if self.floor is None else self.value / self.floor

    @property
    def verdict(self) -> Literal["aim", "must", "MISSED"]:
        """Which goal is reached."""
        shown = self.value if self.ratio is None else self.ratio
        if self._reaches(shown, self.aim):
            return "aim"
        return "must" if self._reaches(shown, self.must) else "MISSED"

    def _reaches(self, shown: float, goal: float) -> bool:
        return shown >= goal if self.better == "higher" else shown <= goal

    def json(self) -> dict[str, Any]:
        """The row of var/bench.json."""
        return {
            "name": self.name,
            "value": _rounded(self.value),
            "unit": self.unit,
            "floor": None if self.floor is None else _rounded(self.floor),
            "ratio": None if self.ratio is None else _rounded(self.ratio),
            "must": self.must,
            "aim": self.aim,
            "better": self.better,
        }

    def runs(self) -> dict[str, Any]:
        """What the row leaves out: every run, and what there is to tell."""
        return {"values": list(self.values), "floors": list(self.floors), "notes": list(self.notes)}

    def row(self) -> tuple[str, ...]:
        """The cells of the table, in the order of COLUMNS."""
        sign = "≥" if self.better == "higher" else "≤"
        return (
            self.name,
            f"{shown(self.value)} {self.unit}",
            _spread(self.values),
            "" if self.floor is None else shown(self.floor),
            _spread(self.floors),
            "" if self.ratio is None else shown(self.ratio),
            f"{sign} {shown(self.must)}",
            f"{sign} {shown(self.aim)}",
            self.verdict,
        )


def table(figures: Sequence[Figure]) -> str:
    """All figures in columns, their notes below."""
    rows = [COLUMNS, *(figure.row() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    notes = [f"{figure.name}: {note}" for figure in figures for note in figure.notes]
    return "\n".join([*lines, "", *notes])


def _rounded(number: float) -> float:
    return float(f"{number:.4g}")


def shown(number: float) -> str:
    """A number as people read it: thousands with commas, else four digits."""
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{_rounded(number):g}"


def _spread(numbers: Sequence[float]) -> str:
    return f"{shown(min(numbers))}-{shown(max(numbers))}" if len(numbers) > 1 else ""
