"""The review: change the words of a draft, sign or reject it, add to a signed one."""

from __future__ import annotations

import streamlit as st

from mri_analysis.contracts.review import ReviewedReport, sections_of
from reading_room.objections import objected
from reading_room.open_report import change, notice
from reading_room.person import api, signed_in
from reading_room.tracked import tracked
from reading_room.typing_desk import (
    KEPT,
    OBSERVATIONS,
    QUOTED,
    REMOVED,
    WORDED,
    Desk,
    written,
)
from reading_room.views import decision_part
from reading_room.words import changes, plain

_UNSAVED = "⚠ **Your changes are not saved**: they are no part of the report yet."
_SAVE_FIRST = "⚠ **Save or discard your changes first**: a signature would not hold them."
_FINAL = "A signature is for the content as it stands here; it cannot be taken back."


def show(report: ReviewedReport, *, may_review: bool) -> None:
    """What a reviewer may do, and what was done."""
    told = notice(report.job_id)
    if told is not None:
        st.error(f"{plain(told)}  \nNothing was changed. What you typed is kept below.")
    decision_part.show(report)
    person = signed_in()
    reviewer = person.key if may_review and person is not None else None
    if report.review_status == "draft":
        _objections(report)
        _tracked(report)
        if reviewer is None:
            st.info("A reviewer signs or rejects this draft.")
        else:
            _draft(report, reviewer)
    elif reviewer is not None:
        _left_over(report, reviewer)
        if report.review_status in ("signed", "amended"):
            _add(report, reviewer)
    for revision in report.revisions:
        at = f"{revision.at:%Y-%m-%d %H:%M} UTC"
        st.caption(f"Revision {revision.number}: {plain(revision.author_name)}, {at}")


def _objections(report: ReviewedReport) -> None:
    for found in objected(report):
        said = f"“{plain(found.sentence)}”" if found.sentence else ""
        reasons = "\n".join(f"- {plain(reason)}" for reason in found.reasons)
        st.warning(
            f"**The check does not find this supported: {plain(found.place)}**  \n{said}\n\n"
            f"{reasons}\n\nIt stays if you leave it."
        )


def _tracked(report: ReviewedReport) -> None:
    found = list(tracked(sections_of(report.report), report.sections))
    if found:
        st.markdown("**Changes to the draft**")
        for sentence in found:
            st.markdown(sentence)


# ---- a draft -------------------------------------------------------------------------------------


@st.fragment  # a field or a tick is answered without asking the API for the study again
def _draft(report: ReviewedReport, reviewer: str) -> None:
    desk = Desk(reviewer, report)
    _edit(desk)
    _decide(desk)


def _edit(desk: Desk) -> None:
    report, draft = desk.report, desk.draft
    drafted = sections_of(report.report)
    if desk.overtaken:
        st.warning(
            "**The report was changed while you wrote.** The fields hold your words, which are not "
            "saved. Saved, they take the place of the report as it stands now, like this:"
        )
    fields: dict[str, str] = {}
    for section, title in WORDED.items():
        st.markdown(f"**{title}**")
        for position, said in enumerate(getattr(draft.sections, section)):
            name = f"{section}-{position}"
            fields[name] = desk.area(
                name,
                f"{title}, sentence {position + 1}",
                said.text,
                max_chars=4000,
                height="content",
                label_visibility="collapsed",
            )
    st.markdown("**Background, quoted**")
    st.caption("A quotation can be removed or put back. Its words are its author's and stay.")
    quoted = {said.text for said in draft.sections.clinical_significance}
    for position, said in enumerate(drafted.clinical_significance):
        name = f"{QUOTED}-{position}"
        initial = KEPT if said.text in quoted else REMOVED
        fields[name] = desk.tick(name, plain(said.text), initial=initial)
    st.markdown("**Observations of the reader**")
    fields[OBSERVATIONS] = desk.area(
        OBSERVATIONS,
        "What you saw in the images, one observation a line",
        "\n".join(draft.sections.reader_observations),
    )
    sections = written(draft.sections, drafted, fields)
    if desk.overtaken:
        for sentence in tracked(report.sections, sections):
            st.markdown(sentence)
    # Of one height whatever it says: a button that moves while it is pressed loses the press.
    st.caption(_UNSAVED if desk.unsaved else "Every change is saved.")
    save, discard, _ = st.columns([2, 2, 3])
    label = "Save mine over it" if desk.overtaken else "Save the changes"
    # Never disabled: the press that leaves a field is the one that saves it.
    if save.button(label) and desk.unsaved:
        change(
            report.job_id,
            lambda: api().revise(report.job_id, sections, version=report.version),
            desk.forget,
        )
    if desk.unsaved:
        discard.button("Discard my changes", on_click=desk.forget)


def _decide(desk: Desk) -> None:
    report = desk.report
    st.markdown("**Decision**")
    st.caption(_SAVE_FIRST if desk.unsaved else _FINAL)
    seen = st.checkbox("I have compared this report with the images.")
    blocked = not seen or desk.unsaved
    # A press that left a field comes with its words: they would not be in what is signed.
    if st.button("Sign the report", type="primary", disabled=blocked) and not blocked:
        change(report.job_id, lambda: api().sign(report.job_id, version=report.version))
    with st.popover("Reject the draft"):
        why = Desk(desk.person, report, "reason")
        reason = why.area("reason", "Why", max_chars=4000)
        if st.button("Reject") and reason.strip():
            change(
                report.job_id,
                lambda: api().reject(report.job_id, reason, version=report.version),
                why.forget,
            )


# ---- a report that was decided on ----------------------------------------------------------------


def _left_over(report: ReviewedReport, reviewer: str) -> None:
    """Words that came too late: shown to their writer, who alone can say what becomes of them."""
    desk, why = Desk(reviewer, report), Desk(reviewer, report, "reason")
    if not (desk.unsaved or why.unsaved):
        return
    st.warning(
        f"**What you typed is not part of this report**: it was {report.review_status} meanwhile."
    )
    begun = desk.draft.sections
    for name, text in desk.draft.typed.items():
        section, _, position = name.partition("-")
        if section == QUOTED:
            st.markdown("A quotation removed." if text == REMOVED else "A quotation put back.")
        elif text.strip():
            st.markdown(plain(text))
        elif section in WORDED:
            st.markdown(changes(getattr(begun, section)[int(position)].text, ""))
    for text in why.draft.typed.values():
        st.markdown(plain(text))

    def forget() -> None:
        desk.forget()
        why.forget()

    st.button("Discard what I typed", on_click=forget)


@st.fragment
def _add(report: ReviewedReport, reviewer: str) -> None:
    desk = Desk(reviewer, report, "addendum")
    text = desk.area("addendum", "Addendum", max_chars=4000)
    if st.button("Add to the signed report") and text.strip():
        change(
            report.job_id,
            lambda: api().amend(report.job_id, text, version=report.version),
            desk.forget,
        )
