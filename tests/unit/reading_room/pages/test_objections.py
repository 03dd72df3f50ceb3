"""Objections as a reviewer reads them."""

import pytest

from mri_analysis.contracts.review import Objection, ReaderStatement
from reading_room.objections import Objected, objected
from tests.support.scripted_api import ScriptedApi


@pytest.fixture
def said(api: ScriptedApi, study):
    """``said(("where", "message"), ...)``: how these are shown."""
    report = api.desk().open(study())

    def shown(*raised: tuple[str, str]) -> list[Objected]:
        mine = ReaderStatement(text="Words of mine.", cites=[])
        findings = [report.sections.key_findings[0], mine]
        sections = report.sections.model_copy(update={"key_findings": findings})
        objections = [Objection(rule="x", where=where, message=why) for where, why in raised]
        changed = {"sections": sections, "objections": objections}
        return objected(report.model_copy(update=changed))

    return shown


def test_reasons_against_one_sentence_stand_together_below_it(said) -> None:
    found = said(
        ("key_findings[1]", "a statement about the study must cite a measurement of it"),
        ("key_findings[1]", "states no figure, side or direction"),
        ("key_findings[1]", "'infarct' goes beyond what a measurement says"),
    )

    assert found == [
        Objected(
            "Key findings, sentence 2",
            "Words of mine.",
            (
                "A statement about the study must cite a measurement of it.",
                "It states no figure, side or direction.",
                "'infarct' goes beyond what a measurement says.",
            ),
        )
    ]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (
            "finding.intracranial.volume is not mentioned",
            "The intracranial volume is not mentioned.",
        ),
        (
            "finding.ventricles.volume is not mentioned",
            "The volume of the ventricles is not mentioned.",
        ),
        (
            "finding.ventricles.asymmetry is not mentioned",
            "The side difference of the ventricles is not mentioned.",
        ),
        ("finding.ratio.evans_index is not mentioned", "The Evans index is not mentioned."),
        (
            "volume.cortex is neither a measurement of this study nor a cited passage",
            "The volume of the cortex is neither a measurement of this study nor a cited passage.",
        ),
    ],
)
def test_what_was_left_out_is_named(said, message: str, reason: str) -> None:
    (found,) = said(("key_findings", message))

    assert (found.place, found.sentence, found.reasons) == ("Key findings", "", (reason,))


def test_missing_recommendation_is_told_by_its_words(said) -> None:
    (found,) = said(("recommended_follow_up", "rule.review-by-reader applies but is missing"))

    (reason,) = found.reasons
    assert reason.startswith("The recommendation “Have a trained reader look at the images")
    assert reason.endswith("” applies but is missing.")
