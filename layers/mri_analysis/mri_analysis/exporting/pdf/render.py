"""The report as PDF, set by typst from data: none of its words is ever read as markup."""

import json
import tempfile
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import typst

from mri_analysis.contracts.job import ReviewStatus
from mri_analysis.contracts.report import Finding, Reference
from mri_analysis.contracts.review import ReviewedReport
from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.exporting.pdf.bands import BAND_FROM, BAND_TO, band_rows
from mri_analysis.exporting.pdf.page_tree import page_tree
from mri_analysis.reporting.findings import find
from mri_analysis.reporting.markdown import MONTAGE, annex_part, main_part, render_markdown
from mri_analysis.reporting.reviewed import standing, title

_TEMPLATE = Path(__file__).with_name("report.typ")
_WATERMARKS = {
    ReviewStatus.DRAFT: "DRAFT",
    ReviewStatus.SIGNED: "",
    ReviewStatus.AMENDED: "",
    ReviewStatus.REJECTED: "REJECTED",
}
_MONTAGE_TEXT = (
    "Slices of the scan in three planes with the measured structures in colours. In axial and "
    "coronal slices the patient's right is on the left."
)
_MONTAGE_NOTE = "The picture was drawn before the report was decided on: it says draft for that."
_CODES_NOTE = (
    "Letters that this page has no type for stand as their codes, as in [U+65E5]; the report in "
    "Markdown has the letters themselves."
)
_BANDS_NOTE = (
    "The bar is the band or limit, the mark the measured figure; a figure beside its bar is a red "
    "square on its corner, at the edge where it lies further out than is drawn. What a band rests "
    "on stands in the annex. Figures without a verdict, and those held against a criterion with "
    "one end, are not drawn."
)


def render_pdf(
    review: ReviewedReport,
    measurements: Measurements,
    references: Sequence[Reference],
    *,
    montage: bytes | None,
    at: datetime,
) -> bytes:
    """The page of :func:`render_markdown` as a tagged PDF (PDF/UA-1, PDF/A-2a).

    Parameters
    ----------
    review
        Report and review; a report that nobody signed has a watermark on every page.
    measurements, references
        Of the same study, as :func:`render_markdown` takes them.
    montage
        Picture of the labels (PNG); None leaves it out.
    at
        When the file was made: its creation date. The same input gives the same bytes.
    """
    page = render_markdown(
        review.report,
        measurements,
        references,
        montage=None if montage is None else MONTAGE,
        review=review,
    )
    findings = find(measurements, references)
    content = _content(page, review, measurements, findings, with_montage=montage is not None)
    printable = _printable(content)
    if printable != content:
        printable["codes_note"] = _CODES_NOTE
    return _set(printable, montage, at)


def _content(
    page: str,
    review: ReviewedReport,
    measurements: Measurements,
    findings: Sequence[Finding],
    *,
    with_montage: bool,
) -> dict[str, Any]:
    state, _ = standing(review, review.report.disclaimer)
    decision = review.decision
    # One tree: a citation in the main part leads to its entry in the annex.
    main, annex = page_tree(main_part(page), annex_part(page))
    return {
        "title": f"Brain MRI volumetry: {title(review)}",
        "authors": [] if decision is None else [decision.reviewer_name],
        "study": f"Study {review.job_id}",
        "standing": state if decision is None else f"{state} by {decision.reviewer_name}",
        "watermark": _WATERMARKS[review.review_status],
        "footer": f"Content sha256 {review.content_sha256}, version {review.version}",
        "montage": with_montage,
        "montage_text": _MONTAGE_TEXT,
        "montage_note": "" if decision is None else _MONTAGE_NOTE,
        "bands": [row.model_dump() for row in band_rows(measurements, findings)],
        "band_from": BAND_FROM,
        "band_to": BAND_TO,
        "bands_note": _BANDS_NOTE,
        "codes_note": "",
        "main": main,
        "annex": annex,
    }


def _set(content: dict[str, Any], montage: bytes | None, at: datetime) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / _TEMPLATE.name
        source.write_bytes(_TEMPLATE.read_bytes())
        if montage is not None:
            (Path(folder) / MONTAGE).write_bytes(montage)
        return typst.compile(
            str(source),
            format="pdf",
            pdf_standards=["ua-1", "a-2a"],
            ignore_system_fonts=True,
            sys_inputs={"report": json.dumps(content)},
            timestamp=int(at.timestamp()),
        )


_PRINTABLE = (
    range(0x20, 0x500),  # Latin, Greek, Cyrillic
    range(0x590, 0x600),  # Hebrew
    range(0x1E00, 0x2000),
    range(0x2010, 0x2041),
    range(0x2070, 0x20D0),
    range(0x2190, 0x2300),
)
"""What the font has glyphs for. Others are told by their codes before typst sees them: PDF/A and
PDF/UA refuse a letter without a glyph, and on some of them (Arabic) typst 0.15 breaks down.
"""


def _printable(node: Any) -> Any:
    """The same with every character that the font lacks told by its code, as ``[U+65E5]``."""
    if isinstance(node, str):
        return "".join(c if _has_glyph(c) else f"[U+{ord(c):04X}]" for c in node)
    if isinstance(node, list):
        return [_printable(child) for child in node]
    if isinstance(node, dict):
        return {key: _printable(child) for key, child in node.items()}
    return node


def _has_glyph(character: str) -> bool:
    code = ord(character)
    return any(code in known for known in _PRINTABLE) and unicodedata.category(character)[0] != "C"
