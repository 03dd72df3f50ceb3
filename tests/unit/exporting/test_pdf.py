"""The report as PDF: says what the Markdown page says, and what state the report is in."""

import io
import re
import unicodedata

import pytest
from pypdf import PdfReader

from mri_analysis.contracts.job import ReviewStatus
from mri_analysis.contracts.review import ReportSections, ReviewedReport
from mri_analysis.contracts.segmentation import Measurements, Structure, Verdict
from mri_analysis.exporting.pdf import render
from mri_analysis.exporting.pdf.bands import BAND_FROM, BAND_TO, band_rows
from mri_analysis.exporting.pdf.page_tree import page_tree
from mri_analysis.exporting.pdf.render import render_pdf
from mri_analysis.reporting.evidence import Evidence
from mri_analysis.reporting.findings import COMPARED, find
from tests.support.measurements import VOLUMES_ML, some_measurements
from tests.support.pictures import a_picture
from tests.unit.exporting.conftest import AT, Reviewed

STROKE = some_measurements(
    volumes_ml={Structure.VENTRICLES: 42.0},
    asymmetry_percent={Structure.VENTRICLES: 63.0, Structure.CSF: 27.0},
    evans_index=0.34,
)


def printed(made: tuple[ReviewedReport, Evidence], measurements: Measurements = STROKE) -> bytes:
    review, evidence = made
    return render_pdf(review, measurements, evidence.references, montage=a_picture(), at=AT)


def words(pdf: bytes) -> str:
    """All words of all pages; hyphens at line ends and places where ids may break are undone."""
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]
    return " ".join(" ".join(pages).replace("\u200b", "").split())


def observed(text: str, reviewed: Reviewed) -> str:
    def change(sections: ReportSections) -> ReportSections:
        return sections.model_copy(update={"reader_observations": [text]})

    return words(printed(reviewed(STROKE, change=change)))


@pytest.mark.parametrize(
    ("status", "title", "standing", "mark"),
    [
        (ReviewStatus.DRAFT, "draft report", "DRAFT, not signed.", "DRAFT"),
        (ReviewStatus.SIGNED, "signed report", "Signed by Dr. Reviewer", ""),
        (ReviewStatus.AMENDED, "signed report with addenda", "Signed by Dr. Reviewer", ""),
        (ReviewStatus.REJECTED, "rejected draft", "REJECTED. Not for clinical use.", "REJECTED"),
    ],
)
def test_every_page_says_what_state_the_report_is_in(
    reviewed: Reviewed, status: ReviewStatus, title: str, standing: str, mark: str
) -> None:
    reader = PdfReader(io.BytesIO(printed(reviewed(STROKE, status))))

    assert reader.metadata is not None
    assert reader.metadata.title == f"Brain MRI volumetry: {title}"
    assert len(reader.pages) > 2
    for page in reader.pages:
        text = page.extract_text()
        assert standing in " ".join(text.split())
        assert (mark in text.splitlines()) is bool(mark)
        if not mark:
            assert "DRAFT" not in text
            assert "REJECTED" not in text


def test_it_says_what_the_markdown_page_says(reviewed: Reviewed) -> None:
    review, _ = made = reviewed(STROKE, ReviewStatus.AMENDED)
    text = words(printed(made))

    for section in (review.sections.key_findings, review.sections.recommended_follow_up):
        for statement in section:
            assert " ".join(statement.text.split()) in text
    for sentence in review.report.not_assessed:
        assert sentence in text
    assert "Lesions are not looked for." in text
    assert "Told by telephone." in text
    assert review.content_sha256 in text
    for volume in STROKE.volumes:
        if volume.asymmetry_percent is not None:
            assert f"{volume.asymmetry_percent:.1f}" in text


def test_it_is_tagged_and_claims_what_typst_checked(reviewed: Reviewed) -> None:
    reader = PdfReader(io.BytesIO(printed(reviewed(STROKE))))

    metadata = reader.xmp_metadata
    assert metadata is not None
    claimed = metadata.stream.get_data().decode()
    assert re.search(r"pdfaid:part[^0-9]*2", claimed)
    assert re.search(r"pdfaid:conformance[^A-Z]*A", claimed)
    assert re.search(r"pdfuaid:part[^0-9]*1", claimed)
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert reader.trailer["/Root"]["/Lang"] == "en"


def test_same_report_gives_the_same_bytes(reviewed: Reviewed) -> None:
    made = reviewed(STROKE)

    assert printed(made) == printed(made)


@pytest.mark.parametrize(
    "hostile",
    [
        '#import "x" $a$ #{panic()} [7](http://x) <script>alert(1)</script> `#` @x _y_ *z*',
        '\\"}\\u0000 #read("/etc/passwd") #sys.inputs ${x} %s',
        "]] ) } #eval(1) // comment /* */ ~~~",
    ],
)
def test_markup_in_the_words_of_a_person_is_text(reviewed: Reviewed, hostile: str) -> None:
    text = observed(hostile, reviewed)

    assert "".join(hostile.split()) in "".join(text.split())


@pytest.mark.parametrize("name", ["日本 太郎", "محمد", "नेहा", "🧠", "ไทย", "\u202eabc"])
def test_letters_without_type_are_told_by_their_codes(reviewed: Reviewed, name: str) -> None:
    pdf = printed(reviewed(STROKE, ReviewStatus.SIGNED, reviewer=name))
    text = words(pdf)

    assert f"[U+{ord(name[0]):04X}]" in text
    assert "stand as their codes" in text


def test_every_letter_that_counts_as_printable_is_printed(reviewed: Reviewed) -> None:
    letters = [
        chr(code)
        for known in render._PRINTABLE
        for code in known
        if render._has_glyph(chr(code)) and unicodedata.category(chr(code))[0] not in "MZ"
    ]

    text = observed(" ".join(letters).replace("\\", ""), reviewed)

    assert len(letters) > 2000
    assert "stand as their codes" not in text


def test_bands_show_each_figure_with_a_verdict_and_no_other(reviewed: Reviewed) -> None:
    _, evidence = reviewed(STROKE)
    findings = find(STROKE, evidence.references)

    rows = {row.name: row for row in band_rows(STROKE, findings)}

    judged = [
        finding
        for finding in findings
        if finding.status in COMPARED
        and finding.reference is not None
        and finding.reference.low is not None
        and finding.reference.high is not None
    ]
    assert len(rows) == len(judged) > 3
    assert rows["Ventricles, sides"].flagged
    assert rows["Ventricles, sides"].verdict == "asymmetric"
    assert rows["Ventricles, sides"].place == 1.0
    assert rows["Ventricles, sides"].beyond
    for row in rows.values():
        assert row.flagged is not (BAND_FROM <= row.place <= BAND_TO)
    assert "Evans index" not in rows  # its criterion has one end


@pytest.mark.parametrize(("factor", "verdict"), [(0.6, "below"), (1.0, "within"), (1.4, "above")])
def test_a_mark_stands_on_the_side_of_its_verdict(
    reviewed: Reviewed, factor: float, verdict: str
) -> None:
    volumes = {structure: factor * volume for structure, volume in VOLUMES_ML.items()}
    measurements = some_measurements(volumes_ml=volumes)
    _, evidence = reviewed(measurements)

    rows = {r.name: r for r in band_rows(measurements, find(measurements, evidence.references))}

    row = rows["Brain volume"]
    assert row.verdict == verdict
    assert (row.place < BAND_FROM, row.place > BAND_TO) == (verdict == "below", verdict == "above")


def test_failed_study_has_no_bands(reviewed: Reviewed) -> None:
    measurements = some_measurements(verdict=Verdict.FAIL)
    made = reviewed(measurements)

    text = words(printed(made, measurements))

    assert "The quality check failed: do not use the figures of this study." in text
    assert "Figures with a verdict" not in text


def test_number_in_brackets_leads_to_its_entry_or_is_text() -> None:
    page = "See [2] and [9].\n\n- [2] Entry, see [2]\n- text [2]\n"

    ((said, entries),) = page_tree(page)

    kinds = [(node["kind"], node.get("number", node.get("text"))) for node in said["children"]]
    assert kinds == [
        ("text", "See "),
        ("citation", "2"),
        ("text", " and "),
        ("text", "[9]"),
        ("text", "."),
    ]
    first = entries["children"][0]["children"][0]["children"]
    assert [node["kind"] for node in first] == ["anchor", "text", "citation"]
