"""Text from outside stays text, changes are tracked word by word."""

from datetime import UTC, datetime, timedelta

import pytest
from markdown_it import MarkdownIt

from mri_analysis.contracts.job import JobStatus, ReviewStatus
from reading_room.words import REVIEW, STATUS, age, changes, plain


@pytest.mark.parametrize(
    "text",
    [
        "![x](https://evil.example.org/p.png)",
        "[click](javascript:alert(1))",
        "<img src=x onerror=alert(1)>",
        "# Heading",
        "- item",
        "1. item",
        "**bold** _it_ `code` ~~no~~",
        "| a | b |",
        "$\\alpha$ :material/delete: https://evil.example.org",
        "a\nb",
    ],
)
def test_markup_from_outside_is_shown_and_not_obeyed(text: str) -> None:
    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(plain(text))

    assert html.startswith("<p>")
    for tag in ("<img", "<a ", "<h1", "<li", "<strong", "<em", "<code", "<s>", "<table"):
        assert tag not in html


def test_changes_show_what_went_and_what_came() -> None:
    assert changes("The left side is larger.", "The right side is larger.") == (
        "The ~~left~~ **right** side is larger\\."
    )
    assert changes("", "New *words*") == "**New \\*words\\***"
    assert changes("Gone", "") == "~~Gone~~"


def test_every_state_has_a_word() -> None:
    assert set(STATUS) == {status.value for status in JobStatus}
    assert set(REVIEW) == {status.value for status in ReviewStatus}


def test_age_is_told_roughly() -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    assert age(now - timedelta(seconds=59), now) == "59 s"
    assert age(now - timedelta(minutes=61), now) == "1 h"
    assert age(now - timedelta(days=3), now) == "3 d"
    assert age(now + timedelta(minutes=5), now) == "0 s"  # clocks differ
