"""Fields whose words outlive their page: each is kept for its writer as soon as it is left."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from mri_analysis.contracts.review import ReaderStatement, ReportSections, ReviewedReport
from reading_room.unsaved import Draft, drafts

OBSERVATIONS = "reader_observations"
WORDED = {"key_findings": "Key findings", "recommended_follow_up": "Recommended follow-up"}
QUOTED = "clinical_significance"
KEPT, REMOVED = "kept", ""
"""What a field of a quotation holds."""


@dataclass(frozen=True)
class Desk:
    """One person at one report; ``kind`` tells the fields of one button from those of another."""

    person: str
    report: ReviewedReport
    kind: str = "sections"

    @property
    def draft(self) -> Draft:
        """What they typed and did not save, or the report as it is with nothing typed.

        Two tabs of one person do not disturb each other: only a new session asks for what an
        earlier one left.
        """
        if self._place not in st.session_state:
            st.session_state[self._place] = drafts.get(self.person, self._place)
        found: Draft | None = st.session_state[self._place]
        return found or Draft(self.report.version, self.report.sections)

    @property
    def unsaved(self) -> bool:
        """Whether words stand in the fields that the report does not have."""
        return bool(self.draft.typed)

    @property
    def overtaken(self) -> bool:
        """Whether the report changed since these words were begun."""
        return self.unsaved and self.draft.version != self.report.version

    def area(self, name: str, label: str, initial: str = "", **options: Any) -> str:
        """A text area of that name; ``initial`` is what the report has."""
        key = self._key(name)
        if key not in st.session_state:
            st.session_state[key] = self.draft.typed.get(name, initial)
        st.text_area(label, key=key, on_change=self._left, args=(name, initial), **options)
        return str(st.session_state[key])

    def tick(self, name: str, label: str, *, initial: str) -> str:
        """A checkbox of that name, ``KEPT`` or ``REMOVED``."""
        key = self._key(name)
        if key not in st.session_state:
            st.session_state[key] = self.draft.typed.get(name, initial) == KEPT
        st.checkbox(label, key=key, on_change=self._left, args=(name, initial))
        return KEPT if st.session_state[key] else REMOVED

    def forget(self) -> None:
        """The words were saved, or are not wanted."""
        draft = self.draft
        for name in draft.typed:
            st.session_state.pop(self._key(name), None)
        st.session_state[self._place] = None
        drafts.drop(self.person, self._place, draft)

    def _left(self, name: str, initial: str) -> None:
        """A field was left: this runs before the page, even one that a sign-in replaces."""
        held = st.session_state[self._key(name)]
        text = held if isinstance(held, str) else KEPT if held else REMOVED
        draft = self.draft
        typed = {field: kept for field, kept in draft.typed.items() if field != name}
        if text != initial:
            typed[name] = text
        kept = replace(draft, typed=typed)
        st.session_state[self._place] = kept if typed else None
        drafts.keep(self.person, self._place, kept, name)

    @property
    def _place(self) -> str:
        return f"draft-{self.kind}-{self.report.job_id}"

    def _key(self, name: str) -> str:
        return f"typed-{self._place}-{self.draft.version}-{name}"


def written(
    begun: ReportSections, drafted: ReportSections, fields: dict[str, str]
) -> ReportSections:
    """The sections as the fields have them; quotations are those of the draft, word for word.

    A sentence in other words is the reader's; what it cites stays beside it.
    """
    worded = {
        section: [
            ReaderStatement(text=text, cites=said.cites)
            for position, said in enumerate(getattr(begun, section))
            if (text := fields[f"{section}-{position}"].strip())
        ]
        for section in WORDED
    }
    return ReportSections(
        **worded,
        clinical_significance=[
            said
            for position, said in enumerate(drafted.clinical_significance)
            if fields[f"{QUOTED}-{position}"] == KEPT
        ],
        reader_observations=[
            line.strip() for line in fields[OBSERVATIONS].splitlines() if line.strip()
        ],
    )
