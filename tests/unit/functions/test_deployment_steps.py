"""The custom resources of a deployment, on the way forward and on the way back."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import boto3
import pytest

from mri_analysis import custom_resource, wiring
from mri_analysis.ports.components import ComponentUnusable
from mri_analysis.settings import settings

FIRST, SECOND = {"Release": "1"}, {"Release": "2"}


class Component:
    """Works, or does not."""

    name = "database"

    def __init__(self) -> None:
        self.works = True
        self.asked = 0

    def probe(self) -> str:
        self.asked += 1
        if not self.works:
            raise ComponentUnusable("The proxy did not answer.", "Look at it.")
        return "fine"


class LambdaContext:
    function_name = "check-deployment"
    memory_limit_in_mb = 128
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:check-deployment"
    aws_request_id = "request"


@pytest.fixture
def component(monkeypatch: pytest.MonkeyPatch) -> Component:
    component = Component()
    monkeypatch.setattr(wiring, "components", lambda: [component])
    return component


@pytest.fixture
def update(
    load: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> Callable[[dict[str, str], dict[str, str]], str]:
    """Deploy a release; what CloudFormation hears: nothing, or why it is refused."""
    boto3.client("dynamodb").create_table(
        TableName="releases",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    monkeypatch.setenv("IDEMPOTENCY_TABLE", "releases")
    settings.cache_clear()
    module = load("check_deployment")
    heard: list[str] = []

    def answer(event: dict[str, Any], work: Callable[[], Any], physical_id: str) -> None:
        try:
            work()
            heard.append("")
        except custom_resource.DeploymentRefused as error:
            heard.append(str(error))

    monkeypatch.setattr(module, "answer", answer)

    def deploy(new: dict[str, str], old: dict[str, str]) -> str:
        event = {
            "RequestType": "Update",
            "ResponseURL": "https://example.org",
            "ResourceProperties": new,
            "OldResourceProperties": old,
        }
        module.handler(event, LambdaContext())
        return heard[-1]

    return deploy


def test_a_release_whose_database_does_not_answer_is_refused(
    component: Component, update: Callable[..., str]
) -> None:
    component.works = False

    said = update(SECOND, FIRST)

    assert "The proxy did not answer." in said


def test_the_way_back_from_a_refused_release_is_not_refused(
    component: Component, update: Callable[..., str]
) -> None:
    assert update(FIRST, {}) == ""
    component.works = False
    assert update(SECOND, FIRST)

    assert update(FIRST, SECOND) == ""


def test_the_corrected_release_after_a_refused_one_is_asked(
    component: Component, update: Callable[..., str]
) -> None:
    component.works = False
    assert update(FIRST, {})

    assert update(SECOND, FIRST)


def test_a_rollback_in_an_outage_is_not_refused(
    component: Component, update: Callable[..., str]
) -> None:
    # Given two releases that worked when they were deployed
    assert update(FIRST, {}) == ""
    assert update(SECOND, FIRST) == ""
    asked = component.asked

    # When an alarm sends the second one back while the database is down
    component.works = False
    assert update(FIRST, SECOND) == ""

    # Then nobody asked again
    assert component.asked == asked


def test_a_new_release_is_always_asked(component: Component, update: Callable[..., str]) -> None:
    assert update(FIRST, {}) == ""
    component.works = False

    assert update(SECOND, FIRST)
