"""Every stack ends with the package of tests that started it."""

from collections.abc import Generator

import pytest

from tests.support.running_stacks import what_runs


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, None, None]:
    """Fail the last test of a package that leaves a stack running.

    A stack that goes on logs into the tests of other packages, and keeps moto from them.
    """
    yield
    if nextitem is None or nextitem.path.parent != item.path.parent:
        left = what_runs()
        if left:
            pytest.fail(f"{item.path.parent.name} ended, but not {', '.join(left)}", pytrace=False)
