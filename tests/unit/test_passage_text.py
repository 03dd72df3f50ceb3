"""Text that a reader cannot see becomes no passage."""

import pytest

from mri_analysis.contracts.knowledge import EntryKind, KnowledgeEntry
from mri_analysis.passage_text import MAX_CHARACTERS, content_sha256, entry_flaw, flaw_of


@pytest.mark.parametrize(
    "text", ["Grösse ≥ 3 mL", "two\nlines\tand a tab", "脳室拡大", "\u03b1-\u03b2 \u201cx\u201d"]
)
def test_plain_text_of_any_language_is_taken(text: str) -> None:
    assert flaw_of(text) is None


@pytest.mark.parametrize(
    "character",
    [
        *("\x00", "\x1b", "\r", "\u200b", "\u200d", "\u202e", "\u2066", "\ufeff", "\u00ad"),
        *("\u2028", "\U000e0041", "\ufe0f", "\U000e0101", "\ud800", "\ue000"),
    ],
)
def test_what_cannot_be_seen_is_refused(character: str) -> None:
    flaw = flaw_of(f"a{character}b")

    assert flaw is not None
    assert character not in flaw


def test_empty_and_long_text_is_refused() -> None:
    assert flaw_of(" \n") == "it is empty"
    assert flaw_of("x" * MAX_CHARACTERS) is None
    assert "4001" in str(flaw_of("x" * (MAX_CHARACTERS + 1)))


def entry(**changes: object) -> KnowledgeEntry:
    fields: dict[str, object] = {
        "id": "doc.a.1",
        "kind": EntryKind.DOCUMENT,
        "version": "1",
        "title": "Title",
        "text": "Text",
        "rests_on": "the document",
        "source": "A",
        "licence": "CC0",
        "document": "a.md",
        "sha256": content_sha256("Title", "Text"),
    }
    return KnowledgeEntry.model_validate(fields | changes)


def test_a_sound_entry_has_no_flaw() -> None:
    assert entry_flaw(entry()) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "Changed"},
        {"title": "T\u200bitle"},
        {"synonyms": ["x\u202e"]},
        {"source": "x" * 301},
        {"document": "\u2066a.md"},
        {"rests_on": "\x07"},
    ],
)
def test_each_field_that_is_shown_is_looked_at(changes: dict[str, object]) -> None:
    assert entry_flaw(entry(**changes)) is not None
