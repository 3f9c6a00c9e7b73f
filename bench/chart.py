"""The figures that have goals as bars, with marks where they must be and should be: an SVG for light and dark pages."""

from collections.abc import Sequence
from html import escape
from typing import Final

from bench.figure import Figure, shown

_WIDTH: Final = 860
_LEFT: Final = 270
_RIGHT: Final = 150
_ROW: Final = 34
_TOP: Final = 58
# It brings its own ground, so that it is readable on a page whose scheme is another than its reader's.
_STYLE: Final = """
  text { font: 13px system-ui, sans-serif; fill: #1b1f24 }
  .ground { fill: #ffffff }
  .quiet { fill: #59636e } .track { fill: #d8dee4 } .must { stroke: #1b1f24 } .aim { stroke: #1b1f24; stroke-dasharray: 3 3 }
  .met { fill: #2f8f5b } .missed { fill: #c4553b }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .ground { fill: #0d1117 }
    .quiet { fill: #9198a1 } .track { fill: #30363d } .must, .aim { stroke: #e6edf3 }
    .met { fill: #3fa56d } .missed { fill: #d9694e }
  }
"""


def chart(figures: Sequence[Figure], below: str) -> str:
    """An SVG of how far each figure with a floor or a goal has come: its bar ends at its share of the aim, the marks are the goals.

    Where lower is better the shares are turned round, so that longer is better in every row. `below`: what stands under them.
    """
    rows = [figure for figure in figures if figure.aim]
    height = _TOP + _ROW * len(rows) + 44
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="Goals and figures">',
        f"<style>{_STYLE}</style>",
        f'<rect width="{_WIDTH}" height="{height}" rx="6" class="ground"/>',
        '<text x="16" y="24" font-weight="600">What was measured, against its goals</text>',
        f'<text x="{_WIDTH - 16}" y="24" text-anchor="end" class="quiet">line: must, dashes: aim; a longer bar is better</text>',
        *(line for place, figure in enumerate(rows) for line in _row(figure, _TOP + _ROW * place)),
        f'<text x="16" y="{height - 14}" class="quiet" font-size="11">{escape(below)}</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _row(figure: Figure, top: int) -> list[str]:
    reached = figure.value if figure.ratio is None else figure.ratio
    room = _WIDTH - _LEFT - _RIGHT
    # The whole width is a quarter more than the aim.
    share = min(1.0, 0.8 * _share(figure, reached))
    must = 0.8 * _share(figure, figure.must)
    kind = "missed" if figure.verdict == "MISSED" else "met"
    unit = figure.unit if figure.ratio is None else "× floor"
    lines = [
        f'<text x="{_LEFT - 12}" y="{top + 14}" text-anchor="end">{escape(figure.name.replace("_", " "))}</text>',
        f'<rect x="{_LEFT}" y="{top}" width="{room}" height="20" rx="3" class="track"/>',
        f'<rect x="{_LEFT}" y="{top}" width="{room * share:.1f}" height="20" rx="3" class="{kind}"/>',
        _mark(_LEFT + room * 0.8, top, "aim"),
        f'<text x="{_WIDTH - _RIGHT + 12}" y="{top + 14}">{shown(reached)} {escape(unit)}</text>',
    ]
    return [*lines, _mark(_LEFT + room * must, top, "must")] if must else lines


def _share(figure: Figure, reached: float) -> float:
    """How much of the aim: 1 where it is reached."""
    if figure.better == "higher":
        return reached / figure.aim
    return figure.aim / reached if reached else 1.0


def _mark(x: float, top: int, kind: str) -> str:
    return f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top - 4}" y2="{top + 24}" stroke-width="2" class="{kind}"/>'
