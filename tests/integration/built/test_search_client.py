"""The search client works without what the layer leaves out of its requirements."""

import subprocess
import sys

_BLOCKED = ("grpc", "google", "opensearch", "opensearch_protobufs")

_PROGRAM = f"""
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {_BLOCKED!r}:
            raise ImportError(name)

sys.meta_path.insert(0, Blocked())
from mri_analysis.adapters.opensearch_connection import OpenSearchConnection
OpenSearchConnection("http://127.0.0.1:1").close()
print("works")
"""

_HANDLER = """
import sys
from mri_analysis import wiring
assert "opensearchpy" not in sys.modules, "imported by functions that search nothing"
print("works")
"""


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_search_needs_no_grpc() -> None:
    assert run(_PROGRAM) == "works"


def test_functions_that_search_nothing_do_not_import_it() -> None:
    assert run(_HANDLER) == "works"
