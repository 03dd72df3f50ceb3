"""A language model that cannot be set up fails no study."""

import pytest
from botocore.exceptions import ClientError

from functions.llm_rag_enhancement import app
from mri_analysis import wiring
from mri_analysis.errors import LanguageModelUnavailable, ServiceUnavailable, SettingInvalid
from mri_analysis.ports.language_model import DraftRequest
from mri_analysis.use_cases.draft_report import UnreachableModel


@pytest.mark.parametrize(
    "error",
    [
        SettingInvalid("Two models are set."),
        ServiceUnavailable("The key could not be read."),
        ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetSecretValue"),
    ],
    ids=["setting", "throttled", "denied"],
)
def test_a_model_that_cannot_be_set_up_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, error: Exception
):
    def failing() -> None:
        raise error

    monkeypatch.setattr(wiring, "language_model", failing)

    writer = app._writer()

    assert writer is not None
    assert isinstance(writer.model, UnreachableModel)


def test_the_reason_is_told_where_it_is_our_own(monkeypatch: pytest.MonkeyPatch):
    def failing() -> None:
        raise SettingInvalid("Two models are set.")

    monkeypatch.setattr(wiring, "language_model", failing)

    writer = app._writer()

    assert writer is not None
    with pytest.raises(LanguageModelUnavailable, match="Two models are set"):
        writer.model.draft(DraftRequest("", "", {}))


def test_without_a_model_nobody_drafts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(wiring, "language_model", lambda: None)
    assert app._writer() is None
