"""Why a study failed, in words."""

import json

import pytest

from mri_analysis.use_cases.record_failure import explain


def lambda_cause(kind: str, message: str) -> dict[str, str]:
    document = {"errorMessage": message, "errorType": kind, "stackTrace": ["secret path"]}
    return {"Error": kind, "Cause": json.dumps(document)}


def test_error_of_ours_keeps_code_sentence_and_next_step() -> None:
    error = explain(lambda_cause("EmptyFile", "The uploaded file is empty."))

    assert (error.code, error.message) == ("EmptyFile", "The uploaded file is empty.")
    assert "Upload" in error.next_step


def test_foreign_error_tells_nothing_of_its_inside() -> None:
    error = explain(lambda_cause("KeyError", "'Jane Doe'"))

    assert error.code == "InternalError"
    assert "Jane" not in error.message + error.next_step


@pytest.mark.parametrize("code", ["States.Timeout", "Sandbox.Timedout"])
def test_time_limits_have_a_code(code: str) -> None:
    assert explain({"Error": code, "Cause": "Task timed out"}).code == "AnalysisTimedOut"


def test_quality_reasons_become_sentences() -> None:
    cause = json.dumps(["No brainstem was found.", "The volume is implausible."])

    error = explain({"Error": "NotABrain", "Cause": cause})

    assert error.message == "No brainstem was found. The volume is implausible."


def test_callback_text_is_the_sentence() -> None:
    error = explain({"Error": "ModelFailed", "Cause": "No segmentation."})

    assert (error.code, error.message) == ("ModelFailed", "No segmentation.")
