"""An execution that the release before started meets this one's function."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from pydantic import ValidationError

from mri_analysis import wiring
from mri_analysis.contracts.observations import ReadingKind
from mri_analysis.contracts.report import Description
from mri_analysis.contracts.tasks import DescribeTask, DescriptionReference
from mri_analysis.keys import StudyKeys
from mri_analysis.use_cases.observe_study import Observer
from tests.support.memory_ports import (
    MemoryCallbacks,
    MemoryVisionLanguageEndpoint,
)
from tests.unit.functions.conftest import Context
from tests.unit.use_cases.test_observe_study import TASK, Study

KEYS = StudyKeys(TASK.organization_id, TASK.job_id)
OLD_PAYLOAD = {
    "schema_version": 1,
    "organization_id": TASK.organization_id,
    "job_id": TASK.job_id,
    "measurements_key": TASK.measurements_key,
}
"""What ``ImageToText`` sent while it waited for the function's answer, not for a task token."""


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> Study:
    study = Study(MemoryVisionLanguageEndpoint())
    assert study.endpoint is not None
    observer = Observer(study.endpoint, MemoryCallbacks(), ReadingKind.GENERATIVE, "a-model")
    for name, port in {
        "results": study.results,
        "jobs": study.jobs,
        "task_tokens": study.tokens,
        "observer": observer,
    }.items():
        monkeypatch.setattr(wiring, name, lambda port=port: port)
    knowledge = type("NoKnowledge", (), {"references": lambda self: []})()
    monkeypatch.setattr(wiring, "knowledge", lambda: knowledge)
    return study


@pytest.fixture
def describe(load: Callable[[str], ModuleType]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    module = load("vlm_processing_trigger")
    return lambda event: module.handler(event, Context())


def test_execution_of_the_release_before_gets_its_answer_at_once(
    study: Study, describe: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    answer = describe(OLD_PAYLOAD)

    # Then its state finds what it selects, and no model is asked: nobody would wait for it
    assert DescriptionReference.model_validate(answer).description_key == KEYS.description
    description = Description.model_validate_json(study.results.get(KEYS.description))
    assert description.reading is None
    assert study.endpoint is not None
    assert study.endpoint.started == []
    assert study.tokens.succeeded == {}


def test_execution_of_this_release_ends_by_its_token(
    study: Study, describe: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    assert describe(TASK.model_dump()) == {"reading": "pending"}


@pytest.mark.parametrize("version", [0, 3, None])
def test_any_other_version_is_refused(
    study: Study, describe: Callable[[dict[str, Any]], dict[str, Any]], version: int | None
) -> None:
    with pytest.raises(ValidationError):
        describe(OLD_PAYLOAD | {"schema_version": version})


def test_token_is_never_lost_in_the_old_form() -> None:
    with pytest.raises(ValidationError):
        DescribeTask.model_validate(OLD_PAYLOAD | {"task_token": "token"})
