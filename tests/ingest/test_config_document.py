"""The YAML that is read, the YAML that is refused, and what `${…}` stands for."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.config import document
from ingest.config.document import Unreadable
from ingest.config.resolving import Resolver
from ingest.config.tree import Listing, Node, Scalar, Table, dotted, find, line_of, plain
from tests.ingest.configured import SMALL, faults


def tree(text: str) -> Table:
    """The tree of a text without faults."""
    root, wrong = document.parse(text.encode())
    assert not wrong
    return root


def resolved(text: str, environ: dict[str, str], base: Path = Path()) -> object:
    """A text's values with its references resolved."""
    resolver = Resolver(environ, base)
    root = resolver.resolve(tree(text))
    assert resolver.faults == []
    assert root is not None
    return plain(root)


def test_scalars_stay_the_text_that_was_written() -> None:
    text = "region: NO\nextension: 0101\nport: 0x50\nsize: 1_000\nflag: yes\nday: 2026-01-31\nnumber: 1.50"
    assert plain(tree(text)) == {
        "region": "NO",
        "extension": "0101",
        "port": "0x50",
        "size": "1_000",
        "flag": "yes",
        "day": "2026-01-31",
        "number": "1.50",
    }


def test_every_key_and_every_item_has_its_line() -> None:
    root = tree("# first\na:\n  b:\n    - x\n    - {c: 1,\n       d: 2}\n")
    paths: list[tuple[str | int, ...]] = [("a",), ("a", "b"), ("a", "b", 0), ("a", "b", 1, "c"), ("a", "b", 1, "d")]
    assert [line_of(root, path) for path in paths] == [2, 3, 4, 5, 6]


def test_what_is_not_there_has_the_line_of_what_is_round_it() -> None:
    assert line_of(tree("\na:\n  b: 1"), ("a", "c", 7)) == 2


def test_a_path_is_written_with_dots_and_brackets() -> None:
    assert dotted(("teams", "sales", "managers", 1)) == "teams.sales.managers[1]"


def test_find_gives_none_for_what_is_not_there() -> None:
    root = tree("a: [x]")
    assert find(root, "a", 0) == Scalar("x", "x", plain=True)
    assert find(root, "a", 1) is None
    assert find(root, "a", 0, "b") is None


def test_an_alias_stands_for_what_its_anchor_names() -> None:
    assert plain(tree("a: &hours [x, y]\nb: *hours")) == {"a": ["x", "y"], "b": ["x", "y"]}


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    root, _ = document.parse(b"\xef\xbb\xbfa: 1")
    assert plain(root) == {"a": "1"}


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)
TOWER = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 40))

UNREADABLE = {
    "empty": (b"", "1: the file is empty"),
    "only a comment": (b"# nothing\n", "1: the file is empty"),
    "null": (b"null", "1: the file is empty"),
    "a list": (b"- a\n- b", "1: the file is not a mapping of keys to values"),
    "a text": (b"hello", "1: the file is not a mapping of keys to values"),
    "not UTF-8": (b"a: 1\nb: \xcd\xe5\xf2\n", "2: the file is not UTF-8"),
    "UTF-16": ("a: 1".encode("utf-16"), "1: the file is not UTF-8"),
    "too large": (b"# " + b"x" * document.MAX_BYTES, "1: the file is larger than 512 KB"),
    "a tab": (b"http:\n\tport: 1", "2: a tab is used where YAML wants spaces"),
    "a tab after a key": (b"http:\n  host: x\n\tport: 1", "3: a tab is used where YAML wants spaces"),
    "a control character": (b"a: 1\nb: \x07", "2: the character U+0007 is not allowed in YAML"),
    "a NUL": (b'a: 1\nb: "\\0"', "2: b: a NUL or half a character that no database keeps"),
    "half a character": (b'a: {b: [x, "\\ud800"]}', "1: a.b[1]: a NUL or half a character that no database keeps"),
    "an impossible escape": (b'a: 1\nb: "\\UFFFFFFFF"', "2: an escape or a number here has no meaning"),
    "an unknown escape": (b'a: "C:\\dir"', "1: an unknown escape in double quotes"),
    "an open quote": (b'a: 1\nb: "x\nc: 2\n', "2: a quote is opened and never closed"),
    "an open list": (b"a: 1\nb: [x, y\nc: 2\n", "2: a list that starts with [ is not closed, or lacks a comma"),
    "an open mapping": (b"a: {b: 1\nc: 2\n", "1: a mapping that starts with { is not closed, or lacks a comma"),
    "a reference without quotes": (b"a: 1\nb: {c: ${D}}", "2: a ${\u2026} inside { } or [ ] stands without quotes"),
    "a second colon": (b"a: 1\ntitle: a: b", "2: a second colon on this line"),
    "an indentation": (b"a:\n    b: 1\n  c: 2\n", "3: this line does not fit the lines above"),
    "a key without a colon": (b"a: 1\nhello\nb: 2", "2: a key without a colon"),
    "a character that starts nothing": (b"a: @x", "1: a value may not start with this character"),
    "an unknown alias": (b"a: 1\nb: *office", "2: nothing above is named &office"),
    "a star without quotes": (b"emails: [*@example.com]", "1: * and & want a name behind them"),
    "a list as a key": (b"? [a]\n: 1", "1: a key that is itself a list or a mapping"),
    "an alias as a key": (b"a: &x y\n*x : 1", "2: an alias (*name) stands where a key belongs"),
    "a merge key": (b"a: &x {y: 1}\nb:\n  <<: *x", "3: b: merge keys (<<) are not read"),
    "what no sentence is for": (b"%YAML x\n---\na: 1", "1: this line is not YAML"),
    "two documents": (b"a: 1\n---\nb: 2", "2: a second document starts here"),
    "an alias bomb": (BOMB.encode(), "5: more than 100000 values"),
    "a tower of aliases": (TOWER.encode(), "16: more than 16 levels inside each other"),
    "a tower of brackets": (b"a: " + b"[" * 200_000, "1: more than 16 levels inside each other"),
    "a tower of lines": ("".join(" " * n + f"a{n}:\n" for n in range(30)).encode(), "17: more than 16 levels"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_mapping_in_yaml_is_one_fault_with_its_line(name: str, tmp_path: Path) -> None:
    text, expected = UNREADABLE[name]
    (found,) = faults(tmp_path, text)
    assert found.startswith(expected)
    assert "; " in found


def test_a_key_that_is_there_twice_is_named_with_both_lines(tmp_path: Path) -> None:
    text = SMALL + "http: {port: 1}\nlanguage: ru\nhttp: {port: 2}\n"
    assert faults(tmp_path, text) == ["6: http: this key is there twice, first in line 4; keep one of the two"]


def test_equal_keys_are_found_at_every_depth(tmp_path: Path) -> None:
    text = SMALL.replace("name: Анна", "name: Анна, name: Ганна")
    assert faults(tmp_path, text) == [
        "2: managers.anna.name: this key is there twice, first in line 2; keep one of the two"
    ]


def test_a_tag_is_refused_since_it_would_be_taken_for_text(tmp_path: Path) -> None:
    (found,) = faults(tmp_path, SMALL + "api: {token: !ENV TOKEN}\n" + "language: !!str ru")[:1]
    assert found.startswith("4: api.token: YAML tags such as !ENV are not used here")


def test_references_are_replaced_inside_values(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/info").write_text("p:a ss\n")
    text = "a: ${A}\nb: 'x-${A}-${B:-two}'\nc: ['${file:secrets/info}']\nd: ${EMPTY:-full}\ne: $A {A} ${A:-}"
    environ = {"A": "one", "EMPTY": ""}
    expected = {"a": "one", "b": "x-one-two", "c": ["p:a ss"], "d": "full", "e": "$A {A} one"}
    assert resolved(text, environ, tmp_path) == expected


def test_what_was_put_in_is_not_looked_at_again() -> None:
    assert resolved("a: ${A}", {"A": "${B} ${file:/etc/passwd}", "B": "no"}) == {"a": "${B} ${file:/etc/passwd}"}


def test_what_was_put_in_is_not_read_as_yaml() -> None:
    assert resolved("a: ${A}", {"A": "x\nb: [1]"}) == {"a": "x\nb: [1]"}


def test_keys_and_comments_have_no_references() -> None:
    assert resolved("# ${NOT}\n${A}: b", {"A": "a"}) == {"${A}": "b"}


def test_an_empty_value_counts_as_left_out() -> None:
    text = "a:\nb: ''\nc: ${C:-}\nd: ${D}\ne: ~\nf: null\ng: [x, '${C:-}', ]\nh: {i: }\nj: '~'"
    assert resolved(text, {"D": " "}) == {"g": ["x"], "h": {}, "j": "~"}


def test_a_line_survives_that_an_item_before_it_is_left_out() -> None:
    root = Resolver({}, Path()).resolve(tree("a:\n  - ${A:-}\n  - x"))
    assert line_of(root, ("a", 0)) == 3


REFERENCES = {
    "${NAME}": "the environment variable NAME is not set; set it, or write ${NAME:-default}",
    "${}": "a ${…} that names nothing; write ${NAME}, ${NAME:-default} or ${file:PATH}",
    "${MY-NAME:-hidden}": "a ${…} that names nothing; write ${NAME}, ${NAME:-default} or ${file:PATH}",
    "a ${NAME": "${ is opened and never closed; write ${NAME}",
    "${A:-${B}}": "a ${…} stands inside another; one reference is replaced once: give the default as text",
    "${file:}": "${file:} names no file; write ${file:PATH}",
    "${file:nowhere}": "there is no file nowhere; put the value into nowhere, readable to this user "
    "(a relative path starts at the configuration file)",
    "${file:.}": "there is no file .; put the value into ., readable to this user "
    "(a relative path starts at the configuration file)",
    "${file:latin}": "the file latin is not UTF-8 text; name the right file",
    "${file:binary}": "the file binary is not text; name the right file",
    "${file:large}": "the file large is larger than 64 KB; name the right file",
    "${BROKEN}": "the environment variable BROKEN is not UTF-8 text; set it again",
}


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_reference_that_stands_for_nothing_is_a_fault_with_its_line(reference: str, tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"\xe9")
    (tmp_path / "binary").write_bytes(b"a\0b")
    (tmp_path / "large").write_bytes(b"x" * 70_000)
    text = SMALL + f"api:\n  token: '{reference}'\n"
    assert faults(tmp_path, text, {"BROKEN": "\udcff"}) == [f"5: api.token: {REFERENCES[reference]}"]


def test_a_required_value_that_cannot_be_resolved_is_one_fault_and_not_missing_too(tmp_path: Path) -> None:
    (found,) = faults(tmp_path, SMALL.replace("name: Анна", 'name: "${NAME}"'))
    assert found.startswith("2: managers.anna.name: the environment variable NAME is not set")


@settings(max_examples=150, deadline=None)
@given(
    st.text(alphabet="ab:{}[]&*!|>-#\n\t \"'\\%@`,?~0\u0434\ud800\x00\x85", max_size=60)
    | st.binary(max_size=40).map(lambda raw: raw.decode("latin-1"))
)
def test_any_text_is_a_tree_or_unreadable(text: str) -> None:
    try:
        root, _ = document.parse(text.encode("utf-8", "surrogatepass"))
    except Unreadable:
        return
    assert isinstance(root, Table)


@settings(deadline=None)
@given(
    st.recursive(
        st.text("ab", min_size=1), lambda inner: st.lists(inner) | st.dictionaries(st.text("ab", min_size=1), inner)
    )
)
def test_resolving_a_tree_without_references_or_blanks_changes_nothing(value: object) -> None:
    node = _node(value)
    done = Resolver({}, Path()).resolve(node)
    assert done is not None
    assert plain(done) == value


def _node(value: object) -> Node:
    if isinstance(value, dict):
        return Table({key: _node(item) for key, item in value.items()}, dict.fromkeys(value, 1))
    if isinstance(value, list):
        return Listing(tuple(_node(item) for item in value), (1,) * len(value))
    return Scalar(str(value), str(value))
