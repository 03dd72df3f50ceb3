"""What changed between two states of a report, sentence by sentence and word by word."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from mri_analysis.contracts.review import ReportSections
from reading_room.words import changes

SECTIONS = {
    "key_findings": "Key findings",
    "recommended_follow_up": "Recommended follow-up",
    "clinical_significance": "Background, quoted",
}


def tracked(before: ReportSections, after: ReportSections) -> Iterator[str]:
    """Markdown of each sentence that changed, came in, or was removed."""
    for section in SECTIONS:
        old = [said.text for said in getattr(before, section)]
        new = [said.text for said in getattr(after, section)]
        yield from sentences(old, new)
    yield from sentences(before.reader_observations, after.reader_observations)


def sentences(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    """The same of one section; a sentence that only moved up is no change.

    >>> list(sentences(["A", "B", "C"], ["A", "C"]))
    ['~~B~~']
    >>> list(sentences(["a b"], ["a c", "d"]))
    ['a ~~b~~ **c**', '**d**']
    """
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        gone, came = old[a:b], new[c:d]
        for position in range(max(len(gone), len(came))):
            yield changes(
                gone[position] if position < len(gone) else "",
                came[position] if position < len(came) else "",
            )
