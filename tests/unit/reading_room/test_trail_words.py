"""Details of the audit trail, as a privacy officer reads them."""

import pytest

from reading_room.trail_words import detail


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        ({}, ""),
        ({"version": 2}, "version 2"),
        ({"revision": 3, "content_sha256": "ab" * 32}, f"revision 3; content sha256 {'ab' * 32}"),
        ({"job_ids": ["a1", "b2"]}, "studies: a1, b2"),
        ({"job_ids": []}, "studies: none"),
        ({"method": "GET"}, "by a request GET"),
        ({"execution_name": "x-r1"}, "execution x-r1"),
        ({"from": "enhancing"}, "before: writing"),
        ({"from": "a state of tomorrow"}, "before: a state of tomorrow"),
        ({"names": "not a list"}, "files: not a list"),
        ({"a key of tomorrow": [1, None]}, "a key of tomorrow: [1, null]"),
    ],
)
def test_details_are_told_in_words_and_none_is_left_out(kept: dict, told: str) -> None:
    assert detail(kept) == told
