"""From HTML to the text that a reader sees: lines where blocks begin, tabs between cells, `> ` before what is quoted.

The tree is walked without recursion, and only so much of it as fits a message: neither depth nor size of a page costs more
than its bound.
"""

import re
from collections import Counter
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

LONGEST_PAGE: Final = 1_000_000
LONGEST_TEXT: Final = 100_000
_MOST_NODES: Final = 200_000
_DEEPEST: Final = 1_000
_DEAREST: Final = 500_000

_UNSEEN: Final = frozenset(
    {
        "script",
        "style",
        "head",
        "title",
        "template",
        "noscript",
        "object",
        "svg",
        "math",
        "iframe",
        "select",
        "-comment",
    }
)
_BLOCK_NAMES: Final = (
    "address article aside blockquote center dd div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr li main "
    "nav ol p pre section table tbody tfoot thead tr ul"
)
_BLOCKS: Final = frozenset(_BLOCK_NAMES.split())
_APART_NAMES: Final = "p h1 h2 h3 h4 h5 h6 table ul ol blockquote pre"
_APART: Final = frozenset(_APART_NAMES.split())
_CELLS: Final = frozenset({"td", "th"})
_SPACES: Final = re.compile(r"[ \t\r\n\f]+")
_HIDDEN: Final = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all", re.IGNORECASE)
_BLANK_LINES: Final = re.compile(r"\n{3,}")
_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
# Void elements, and those that another of their kind ends: they nest no deeper than what is round them.
_SHORT_LIVED_NAMES: Final = (
    "area base br col dd dt embed hr img input li link meta option p param source td th tr track wbr"
)
_SHORT_LIVED: Final = frozenset(_SHORT_LIVED_NAMES.split())
_FORMATTING_NAMES: Final = "a b big code em font i nobr s small strike strong tt u"
_FORMATTING: Final = frozenset(_FORMATTING_NAMES.split())


class _Page:
    """The text so far, in lines, each with the depth of quotation that it stands in."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []
        self.line: list[str] = []
        self.depth = 0
        self.size = 0

    def add(self, text: str) -> None:
        if text == " " and (not self.line or self.line[-1].endswith((" ", "\t"))):
            return
        if text.startswith(" ") and (not self.line or self.line[-1].endswith((" ", "\t"))):
            text = text[1:]
        self.line.append(text)
        self.size += len(text)

    def end(self, *, apart: bool = False) -> None:
        """End the line, if there is one; `apart` leaves a blank one behind it."""
        if self.line:
            self.lines.append((self.depth, "".join(self.line).rstrip()))
            self.line = []
        if apart and self.lines and self.lines[-1][1]:
            self.lines.append((self.depth, ""))

    def broken(self) -> None:
        """A line break that the page asks for, which may leave the line empty."""
        self.lines.append((self.depth, "".join(self.line).rstrip()))
        self.line = []

    def text(self) -> str:
        self.end()
        marked = ("> " * depth + line if depth else line for depth, line in self.lines)
        whole = "\n".join(line.rstrip() for line in marked)
        return _BLANK_LINES.sub("\n\n", whole).strip()[:LONGEST_TEXT]


def text_of(page: str) -> str:
    """What a page of HTML says. Never raises."""
    parser = LexborHTMLParser(_bounded(page[:LONGEST_PAGE]))
    root = parser.body or parser.root
    written = _Page()
    if root is not None:
        _walk(root, written)
    return written.text()


def _walk(root: LexborNode, page: _Page) -> None:
    """Down, aside and up again, at each node once on the way in and once on the way out."""
    node: LexborNode | None = root
    preformatted = 0
    seen = 0
    while node is not None:
        seen += 1
        entered = _enter(node, page, preformatted)
        if entered and node.child is not None and seen < _MOST_NODES and page.size < LONGEST_TEXT:
            preformatted += node.tag == "pre"
            node = node.child
            continue
        _leave(node, page)
        while node is not None and node.mem_id != root.mem_id and node.next is None:
            node = node.parent
            if node is not None:
                preformatted -= node.tag == "pre"
                _leave(node, page)
        node = None if node is None or node.mem_id == root.mem_id else node.next


def _enter(node: LexborNode, page: _Page, preformatted: int) -> bool:
    """Write what a node says itself; whether what is in it is to be read."""
    tag = node.tag or ""
    if tag == "-text":
        _write(node.text_content or "", page, preformatted=preformatted > 0)
        return False
    if tag in _UNSEEN or tag.startswith("!"):
        return False
    if tag == "br":
        page.broken()
        return False
    if _HIDDEN.search((node.attributes.get("style") or "")[:1000]):
        return False
    if tag in _BLOCKS:
        page.end(apart=tag in _APART)
    if tag == "blockquote":
        page.depth += 1
    elif tag in _CELLS and page.line:
        page.add("\t")
    elif tag == "li":
        page.add("- ")
    return True


def _leave(node: LexborNode, page: _Page) -> None:
    tag = node.tag or ""
    if tag in _UNSEEN:
        return
    if tag in _BLOCKS:
        page.end(apart=tag in _APART)
    if tag == "blockquote":
        page.depth = max(0, page.depth - 1)


def _write(text: str, page: _Page, *, preformatted: bool) -> None:
    text = text.replace("\u00a0", " ").replace("\u200b", "").replace("\ufeff", "").replace("\u00ad", "")
    if not preformatted:
        page.add(_SPACES.sub(" ", text))
        return
    for place, line in enumerate(text.replace("\r\n", "\n").split("\n")):
        if place:
            page.broken()
        page.add(line)


def _bounded(page: str) -> str:
    """A page as far as its tree is no deeper, and costs no more to build, than that of a mail that somebody means to be read.

    Depth costs the parser its square; and it begins every formatting element that is still open anew in each paragraph.
    """
    open_elements: Counter[str] = Counter()
    depth = formatting = cost = 0
    for found in _TAG.finditer(page):
        name = found[2].lower()
        if name in _SHORT_LIVED:
            cost += 1 + formatting
        elif not found[1]:
            open_elements[name] += 1
            depth += 1
            formatting += name in _FORMATTING
            cost += 1 + formatting
        elif open_elements[name]:
            open_elements[name] -= 1
            depth -= 1
            formatting -= name in _FORMATTING
        if depth > _DEEPEST or cost > _DEAREST:
            return page[: found.start()]
    return page
