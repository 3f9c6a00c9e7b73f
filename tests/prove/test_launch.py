"""What the kit plants in a daemon's process finds its place there, whatever has become of the product since."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHORTENED = """\
from prove import launch
launch.shorten_leases()
launch.plant_bugs()
import inspect
from ingest.notices import sender
from ingest.outgoing import sending
from ingest.pipeline.pipeline import Pipeline
assert inspect.signature(Pipeline).parameters["lease"].default == launch.LEASE
assert sender.LEASE == sending.LEASE == launch.LEASE
"""


def test_leases_are_short_and_bugs_are_planted() -> None:
    done = subprocess.run([sys.executable, "-c", SHORTENED], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
