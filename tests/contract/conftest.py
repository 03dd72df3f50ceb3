"""One stack, its description of the API, and studies that requests can be about."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from local_stack.people import DEMO_PEOPLE, Person
from local_stack.product import product_stack
from local_stack.stack import GatewaySpec, LocalStack
from tests.support.brains import SAMPLE
from tests.support.chain import Chain
from tests.support.signed_in import id_token

STRANGER = Person("stranger", "Sam Stranger", "clinic-b", ("clinician", "reviewer"))


@dataclass(frozen=True)
class Studies:
    """Ids of jobs in three states."""

    draft: str
    failed: str
    awaited: str

    def __iter__(self) -> Iterator[str]:
        return iter((self.draft, self.failed, self.awaited))


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with product_stack(
        Path.cwd(),
        tmp_path_factory.mktemp("stack"),
        # The throttle has a test of its own; here it would hide the answers behind it.
        parameters={"ApiRequestsPerSecond": "5000"},
        gateway=GatewaySpec((*DEMO_PEOPLE, STRANGER)),
    ) as running:
        yield running


@pytest.fixture(scope="package")
def studies(stack: LocalStack) -> Studies:
    chain = Chain.of(stack)
    draft, failed = chain.put(SAMPLE.read_bytes()), chain.put(b"no scan")
    token = id_token(stack.issuer, "demo-clinician")
    awaited = requests.post(
        f"{stack.api_url}/v1/uploads",
        json={"size_bytes": 10},
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    ).json()
    assert chain.ended(draft).status == "completed"
    assert chain.ended(failed).status == "failed"
    return Studies(draft.job_id, failed.job_id, awaited["job_id"])


@pytest.fixture(scope="package")
def description(stack: LocalStack) -> dict[str, Any]:
    token = id_token(stack.issuer, "demo-clinician")
    answer = requests.get(
        f"{stack.api_url}/v1/openapi.json",
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    document: dict[str, Any] = answer.json()
    return document
