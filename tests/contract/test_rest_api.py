"""Requests made from the description, right and wrong ones, through the gateway to the handlers.

Each request is sent as several people. No answer may be a server error, and each must have the
status, content type, headers and body that the description promises.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode

from local_stack.stack import LocalStack
from tests.contract.conftest import Studies
from tests.support.signed_in import id_token

EXAMPLES = 6
"""Requests of each kind for each operation and person."""
UNKNOWN = "2d0b7d3e-0000-4000-8000-000000000000"
CHECKS = {
    # Well-formed, and refused all the same: about another version of the report (412).
    "positive_data_acceptance": {
        "expected-statuses": ["2xx", "303", "304", "401", "403", "404", "409", "412"]
    },
    # An If-Match that is missing, or none, is a version that nobody has read.
    "missing_required_header": {"expected-statuses": ["401", "403", "412", "422"]},
    "negative_data_rejection": {
        "expected-statuses": ["400", "401", "403", "404", "412", "413", "415", "422"]
    },
}


def operations(description: dict[str, Any], mode: GenerationMode) -> Iterator[APIOperation]:
    config = schemathesis.Config.from_dict({"checks": CHECKS})
    schema = schemathesis.openapi.from_dict(description, config=config)
    found = [result.ok() for result in schema.get_all_operations()]
    # What deletes studies comes last: the others need them.
    for operation in sorted(found, key=lambda one: one.method.upper() == "DELETE"):
        described = operation.definition.raw
        # A request without parameters and body cannot be a wrong one.
        if mode is GenerationMode.POSITIVE or {"parameters", "requestBody"} & set(described):
            yield operation


@st.composite
def cases(draw: st.DrawFn, operation: APIOperation, mode: GenerationMode, studies: Studies) -> Case:
    """A request; a right one is about a study that there is, perhaps about another version."""
    case: Case = draw(operation.as_strategy(mode))
    if mode is GenerationMode.POSITIVE:
        if "job_id" in case.path_parameters:
            case.path_parameters["job_id"] = draw(st.sampled_from([*studies, UNKNOWN]))
        if "If-Match" in case.headers:
            case.headers["If-Match"] = f'"{draw(st.integers(0, 3))}"'
        # Only the API makes cursors; any other is refused.
        case.query.pop("cursor", None)
    else:
        # A parameter that no route knows is nothing to the API, and wrong is what it refuses.
        parameters = operation.definition.raw.get("parameters", ())
        known = {parameter["name"] for parameter in parameters if parameter["in"] == "query"}
        assume(set(case.query or ()) <= known)
    return case


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize(
    ("subject", "statuses"),
    [
        ("demo-clinician", {200, 201, 403, 404, 409, 422}),
        ("demo-reviewer", {200, 403, 404, 409, 412, 422}),
        ("demo-admin", {200, 201, 403, 404, 409, 422}),
        ("stranger", {200, 201, 403, 404, 422}),
        (None, {200, 401}),
    ],
)
def test_api_answers_as_it_is_described(
    stack: LocalStack,
    description: dict[str, Any],
    studies: Studies,
    subject: str | None,
    statuses: set[int],
    mode: GenerationMode,
) -> None:
    token = None if subject is None else id_token(stack.issuer, subject)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    seen: set[int] = set()

    def ask(operation: APIOperation) -> None:
        @seed(4)
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=cases(operation, mode, studies))
        def request(case: Case) -> None:
            # A file that was made lies in object storage, which is not described here.
            answer = case.call_and_validate(
                base_url=stack.api_url, headers=headers, allow_redirects=False
            )
            seen.add(answer.status_code)

        request()

    for operation in operations(description, mode):
        ask(operation)

    assert max(seen) < 500
    # What was asked reached the functions, and not only their door.
    expected = statuses - {422} if mode is GenerationMode.POSITIVE else statuses & {401, 403, 422}
    assert expected <= seen
