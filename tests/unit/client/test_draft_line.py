"""What the terminal says of a language model's drafts."""

import pytest

from mri_analysis.contracts.report import DraftOutcome, LanguageModelUse
from mri_client.display import wrote_something


def use(outcome: DraftOutcome, attempts: int) -> LanguageModelUse:
    return LanguageModelUse(
        name="openai:qwen", prompt_version="1", outcome=outcome, attempts=attempts
    )


@pytest.mark.parametrize(
    ("outcome", "attempts", "something"),
    [
        (DraftOutcome.USED, 1, True),
        (DraftOutcome.UNUSABLE, 1, True),
        (DraftOutcome.UNSUPPORTED, 2, True),
        (DraftOutcome.UNAVAILABLE, 1, False),
        # the first draft was refused, the second never came
        (DraftOutcome.UNAVAILABLE, 2, True),
    ],
)
def test_nobody_is_sent_to_a_record_that_is_empty(
    outcome: DraftOutcome, attempts: int, something: bool
):
    assert wrote_something(use(outcome, attempts)) is something
