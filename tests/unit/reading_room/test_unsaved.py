"""How long words are kept, and how many."""

from mri_analysis.contracts.review import ReportSections
from reading_room.unsaved import Draft, Drafts

SECTIONS = ReportSections(
    key_findings=[], clinical_significance=[], recommended_follow_up=[], reader_observations=[]
)
DRAFT = Draft(0, SECTIONS, {"a": "words"})


def test_words_are_forgotten_in_time() -> None:
    now = 0.0
    drafts = Drafts(seconds=10, clock=lambda: now)
    drafts.keep("p", "x", DRAFT, "a")
    now = 9.0
    assert drafts.get("p", "x") == DRAFT

    now = 10.0

    assert drafts.get("p", "x") is None


def test_the_oldest_make_way() -> None:
    drafts = Drafts(most=2)
    for place in "xyz":
        drafts.keep("p", place, DRAFT, "a")

    assert [drafts.get("p", place) for place in "xyz"] == [None, DRAFT, DRAFT]


def test_words_about_another_version_make_way() -> None:
    drafts = Drafts()
    drafts.keep("p", "x", DRAFT, "a")
    later = Draft(1, SECTIONS, {"b": "other"})

    drafts.keep("p", "x", later, "b")

    assert drafts.get("p", "x") == later


def test_nobody_gets_the_words_of_another() -> None:
    drafts = Drafts()
    drafts.keep("p", "x", DRAFT, "a")

    drafts.drop("q", "x", DRAFT)

    assert drafts.get("q", "x") is None
    assert drafts.get("p", "x") == DRAFT
