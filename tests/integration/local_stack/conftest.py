"""One running stack of the fixture template for all tests that only use it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local_stack import LocalStack, ModelServerSpec

FIXTURES = Path(__file__).parent / "fixtures"


# Of the package, not of the session: its pollers would go on into every later test.
@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    model_server = ModelServerSpec(
        module="fake_model_server",
        python_path=(FIXTURES / "model",),
        working_directory=FIXTURES / "model",
    )
    with LocalStack(
        FIXTURES / "template.yaml",
        tmp_path_factory.mktemp("stack"),
        {"VisibilityTimeout": "1"},
        {"EXTRA": "from the caller", "STAGE": "overridden"},
        model_server=model_server,
        dynamic_references={"ssm:/fixture/secret": "open sesame"},
        async_retry_delays_s=(0.05,),
    ) as running:
        yield running
