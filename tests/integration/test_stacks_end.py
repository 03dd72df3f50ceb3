"""A stack is gone when the tests of its package are over, and one that is not is told."""

import subprocess
import sys
from pathlib import Path

import pytest

ONE_TEST_OF_A_STACK = (
    "tests/integration/local_stack/test_messaging.py::test_record_has_the_shape_of_lambda"
)

AFTERWARDS = """
import logging
import threading
import time


def test_nothing_runs_or_logs(caplog):
    caplog.set_level(logging.DEBUG)
    time.sleep(1.5)  # a poller asks its queue every second
    assert [t.name for t in threading.enumerate() if t is not threading.main_thread()] == []
    assert caplog.records == []
"""

LEAVES_A_STACK = """
import pytest

from local_stack.moto_server import MotoServer
from tests.integration.conftest import pytest_runtest_teardown


@pytest.fixture(scope="SCOPE")
def stack():
    server = MotoServer()
    yield
    server.stop()
"""


def run_pytest(*arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_stack_of_a_package_neither_runs_nor_logs_in_the_next_one(tmp_path: Path) -> None:
    # Given a test that comes after those of a package with a stack
    afterwards = tmp_path / "test_afterwards.py"
    afterwards.write_text(AFTERWARDS)

    # When both run, in this order
    status, output = run_pytest(ONE_TEST_OF_A_STACK, str(afterwards))

    # Then the later one finds neither a thread nor a line of the stack
    assert status == 0, output
    assert "2 passed" in output


@pytest.mark.parametrize(("scope", "told"), [("package", False), ("session", True)])
def test_stack_that_outlives_its_package_is_told(tmp_path: Path, scope: str, told: bool) -> None:
    # Given two packages, of which the first starts a stack
    for name, argument in (("first", "stack"), ("second", "")):
        package = tmp_path / name
        package.mkdir()
        (package / "__init__.py").touch()
        (package / f"test_{name}.py").write_text(f"def test_{name}({argument}): pass\n")
    (tmp_path / "first" / "conftest.py").write_text(LEAVES_A_STACK.replace("SCOPE", scope))

    status, output = run_pytest(f"--rootdir={tmp_path}", "--import-mode=importlib", str(tmp_path))

    assert (status != 0) == told, output
    assert ("first ended, but not the local stack" in output) == told
