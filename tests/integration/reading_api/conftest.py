"""One stack that serves its APIs, and people of two organizations who can sign in."""

from collections.abc import Iterator
from dataclasses import dataclass, field
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
HOMELESS = Person("homeless", "Hans Homeless", "", ("clinician",))
ARCHIVIST = Person("archivist", "Arno Archivist", "clinic-c", ("clinician",))
LARGEST_UPLOAD = 18_000_000
"""Bytes; a little more than the largest scan of these tests has."""


@dataclass
class Client:
    """Somebody who talks to the REST API."""

    url: str
    token: str | None
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {**self.headers, **options.pop("headers", {})}
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        return requests.request(method, self.url + path, headers=headers, timeout=30, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.send("GET", path, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return self.send("POST", path, **options)


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    people = (*DEMO_PEOPLE, STRANGER, HOMELESS, ARCHIVIST)
    with product_stack(
        Path.cwd(),
        tmp_path_factory.mktemp("stack"),
        # The throttle has a test of its own; here a quick test would leave it to the next one.
        parameters={"ApiRequestsPerSecond": "5000"},
        environment={"MAX_UPLOAD_BYTES": str(LARGEST_UPLOAD)},
        gateway=GatewaySpec(people),
    ) as running:
        yield running


@pytest.fixture(scope="package")
def clinician(stack: LocalStack) -> Client:
    return Client(stack.api_url, id_token(stack.issuer, "demo-clinician"))


@pytest.fixture(scope="package")
def reviewer(stack: LocalStack) -> Client:
    return Client(stack.api_url, id_token(stack.issuer, "demo-reviewer"))


@pytest.fixture(scope="package")
def stranger(stack: LocalStack) -> Client:
    return Client(stack.api_url, id_token(stack.issuer, "stranger"))


@pytest.fixture(scope="package")
def finished(stack: LocalStack, clinician: Client) -> str:
    """Id of a study that was uploaded with a form of the API, and is analysed."""
    scan = SAMPLE.read_bytes()
    prepared = clinician.post("/v1/uploads", json={"size_bytes": len(scan)})
    assert prepared.status_code == 201, prepared.text
    form = prepared.json()
    sent = requests.post(form["url"], data=form["fields"], files={"file": scan}, timeout=30)
    assert sent.status_code == 204, sent.text
    chain = Chain.of(stack)
    from mri_analysis.keys import StudyKeys

    chain.ended(StudyKeys("demo", form["job_id"]))
    return str(form["job_id"])
