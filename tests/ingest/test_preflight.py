"""One sentence for each thing that would make the product fail later in a way that is harder to read."""

import subprocess
import sys
from pathlib import Path

from ingest.preflight import problems


def test_nothing_is_wrong_in_our_own_environment() -> None:
    assert problems() == []


def test_a_foreign_package_that_owns_one_of_our_names_is_named(tmp_path: Path) -> None:
    foreign = tmp_path / "channels"
    foreign.mkdir()
    (foreign / "__init__.py").write_text("")
    home = Path(__file__).resolve().parents[2]
    code = (
        f"import sys; sys.path[:0] = [{str(home)!r}]\n"
        "from ingest.preflight import problems\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "print(problems())"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert "'channels'" in said
    assert str(tmp_path) in said
    assert "make install" in said
