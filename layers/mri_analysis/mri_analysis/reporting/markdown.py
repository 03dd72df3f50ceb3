"""``report.md``: the report as a page a clinician can read and print.

The main part is what a reader needs beside the images, on about a page; everything that a figure or
a sentence rests on is in the annex below it, and every number in brackets leads there.
"""

import re
from collections.abc import Sequence

from mri_analysis.contracts.report import (
    Finding,
    FindingStatus,
    Reference,
    Report,
    Statement,
)
from mri_analysis.contracts.review import ReviewedReport
from mri_analysis.contracts.segmentation import (
    Contrast,
    Measurements,
    QualityCheck,
    RatioMeasurement,
    Structure,
    Verdict,
    VolumeMeasurement,
    VolumeMethod,
)
from mri_analysis.reporting import figures
from mri_analysis.reporting.anatomy import (
    EVANS_INDEX,
    RATIO_NAMES,
    STRUCTURE_NAMES,
    capitalised,
)
from mri_analysis.reporting.compose import NONE_OUTSIDE
from mri_analysis.reporting.findings import FLAGGED, find, ratio_decimals
from mri_analysis.reporting.provenance import provenance_lines
from mri_analysis.reporting.reviewed import addenda, changed_by, edited, standing, title
from mri_analysis.reporting.verdicts import WORDS

MONTAGE = "montage.png"
ANNEX = "# Annex"
_BLANK = "-"
_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")

_WRITTEN_BY = {
    "composed": "fixed rules from measurements, no language model",
    "language_model": "a language model, each sentence checked against the measurements",
}
_NOT_LOOKED_FOR = (
    "\n>\n> **Lesions are not looked for.** A stroke, a tumour, a bleed or white-matter disease "
    "would not be named here."
)
_SIGN = (
    "Asymmetry index: 200 (left - right) / (left + right), in per cent, from unrounded volumes; "
    "positive means the patient's left is larger."
)
_DERIVED = "derived from published figures"
_LIMITS = (
    "Limits of the asymmetry index are this engine's own: they rest on a few heads or on its "
    "accuracy, and are no population norm."
)
_EVANS = (
    "An Evans index below its criterion gets no verdict, because it rules nothing out: frontal "
    "horns that are thin slits come out too narrow here, so that the index may be too small."
)
_SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")


def render_markdown(
    report: Report,
    measurements: Measurements,
    references: Sequence[Reference],
    *,
    montage: str | None = MONTAGE,
    review: ReviewedReport | None = None,
) -> str:
    """Print a report as Markdown (tables as in GitHub's dialect).

    Parameters
    ----------
    report
        A report that passed the guard.
    measurements
        Of the same study.
    references
        Of the knowledge base; those used are listed with population and method.
    montage
        Link to the picture of the labels, relative to the report; None leaves it out.
    review
        The review of ``report``: its sections are printed in place of the draft's, with what was
        decided and added.
    """
    if review is not None:
        report = edited(report, review.sections)
    findings = find(measurements, references)
    numbers = {passage.id: str(n) for n, passage in enumerate(report.passages, start=1)}
    used = [finding.reference for finding in findings if finding.reference is not None]
    for reference in used:
        numbers.setdefault(reference.id, str(len(numbers) + 1))
    soft = any(volume.method is VolumeMethod.SOFT for volume in measurements.volumes)
    sides_told = any(_tells_sides(statement) for statement in report.key_findings)
    blocks = [
        f"# Brain MRI volumetry: {title(review)}",
        _standing(report, review),
        _warning(report, measurements),
        _study_facts(report, review),
        *_addenda(review),
        "## Key findings",
        _bullets(report.key_findings, numbers),
        _below_key_findings(report, findings, sides_told),
        f"![Labels over the image, in three planes]({montage})" if montage else "",
        *_readers_observations(review),
        *_observations(report, numbers),
        "## Recommended follow-up",
        _bullets(report.recommended_follow_up, numbers),
        "## Confidence",
        _bullets(report.confidence, numbers),
        "## Not assessed",
        "Nothing in this report says that one of these is present or absent.",
        "\n".join(f"- {_escaped(sentence)}" for sentence in report.not_assessed),
        "## Measurements",
        _volume_table(measurements, findings, numbers),
        ("" if sides_told else _SIGN + " ")
        + "ICV: intracranial volume. Left and right are the patient's. Verdicts: against the "
        "band, criterion or limit in the annex."
        + (r" \* sum of class probabilities." if soft else ""),
        ANNEX,
        "## Bands, criteria and limits used",
        _reference_table(used, numbers),
        "## Background (quoted; says nothing about this patient)",
        _quotations(report, numbers),
        "## Passages quoted and rules applied",
        _reference_list(report, findings, numbers),
        "## Image and quality checks",
        _image(measurements),
        _quality_table(measurements),
        "At most and at least tell where a value must lie for no warning and no failure."
        if measurements.quality.checks
        else "",
        "## Ratios and methods",
        _ratio_table(measurements, findings, numbers),
        _methods(measurements, soft),
        "## Provenance",
        _provenance(report, measurements),
        "## Attributions",
        "\n".join(f"- {_escaped(text)}" for text in report.attributions),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def main_part(page: str) -> str:
    """A page of :func:`render_markdown` without its annex."""
    return page.partition(f"\n{ANNEX}\n")[0]


def annex_part(page: str) -> str:
    """What stands below the annex's heading, with it."""
    return ANNEX + "\n" + page.partition(f"\n{ANNEX}\n")[2]


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _markers(cites: Sequence[str], numbers: dict[str, str]) -> str:
    found = [rf"\[{numbers[cite]}\]" for cite in cites if cite in numbers]
    return " " + "".join(found) if found else ""


def _bullets(statements: Sequence[Statement], numbers: dict[str, str]) -> str:
    if not statements:
        return "None."
    return "\n".join(f"- {_escaped(s.text)}{_markers(s.cites, numbers)}" for s in statements)


def _warning(report: Report, measurements: Measurements) -> str:
    lines = []
    if report.verdict is Verdict.FAIL:
        lines.append("> **The quality check failed: do not use the figures of this study.**")
    if report.verdict is Verdict.WARN:
        lines.append(
            "> **The quality check gave a warning: see Confidence before using a figure.**"
        )
    if measurements.contrast is Contrast.OTHER:
        lines.append("> **The image does not look like T1.**")
    if not measurements.engine.refined:
        lines.append(
            "> **The tissue border was not refined: cortex and white matter carry no verdict.**"
        )
    return "\n>\n".join(lines)


def _standing(report: Report, review: ReviewedReport | None) -> str:
    state, sentences = standing(review, report.disclaimer)
    return f"> **{state}** {_escaped(sentences)}{_NOT_LOOKED_FOR}"


def _addenda(review: ReviewedReport | None) -> list[str]:
    added = addenda(review)
    if not added:
        return []
    return ["## Addenda", *(f"**{_escaped(who)}**: {_escaped(text)}" for who, text in added)]


def _readers_observations(review: ReviewedReport | None) -> list[str]:
    seen = [] if review is None else review.sections.reader_observations
    if not seen:
        return []
    return ["## Observations of the reader", "\n".join(f"- {_escaped(text)}" for text in seen)]


def _study_facts(report: Report, review: ReviewedReport | None) -> str:
    written_at = report.provenance.get("written_at")
    written = f" on {written_at[:10]} at {written_at[11:16]} UTC" if written_at else ""
    changed = f"{_escaped(changed_by(review))} " if changed_by(review) else ""
    return (
        f"Study {_escaped(report.job_id)}. Written{written} by {_WRITTEN_BY[report.mode]}. "
        f"{changed}"
        f"Image checks (they say nothing about disease): **{report.verdict.value}**."
    )


def _tells_sides(statement: Statement) -> bool:
    """Whether a key finding states an asymmetry index, also where it says "the index" only."""
    text = statement.text.lower()
    volume = any(cite.startswith("volume.") for cite in statement.cites)
    return "asymmetr" in text or (volume and re.search(r"\bind(?:ex|ices)\b", text) is not None)


def _below_key_findings(report: Report, findings: Sequence[Finding], sides_told: bool) -> str:
    lines = [_SIGN] if sides_told else []
    text = _without_the_count(report)
    bands = re.search(r"\bbands? of\b|\b(?:its|the) band\b(?! criterion)", text)
    if bands and _DERIVED not in text:
        lines.append(f"Bands are {_DERIVED}; nobody published the bands themselves.")
    if re.search(r"\blimit\b", _without_the_count(report)):
        lines.append(_LIMITS)
    told = any(EVANS_INDEX in statement.cites for statement in report.key_findings)
    if told and _evans_is_low(findings):
        lines.append(_EVANS)
    return " ".join([*lines, "Numbers in brackets lead to the annex."])


def _without_the_count(report: Report) -> str:
    """What the key findings say of single figures."""
    return " ".join(s.text for s in report.key_findings if s.text != NONE_OUTSIDE)


def _evans_is_low(findings: Sequence[Finding]) -> bool:
    """Whether the index was held against its criterion and is not above it."""
    return any(
        finding.id == f"finding.{EVANS_INDEX}"
        and finding.status is FindingStatus.MEASURED
        and finding.reference is not None
        for finding in findings
    )


def _quotations(report: Report, numbers: dict[str, str]) -> str:
    if not report.clinical_significance:
        return "None."
    passages = {passage.id: passage for passage in report.passages}
    blocks = []
    for statement in report.clinical_significance:
        passage = passages[statement.cites[0]]
        origin = f"{_escaped(passage.source)} {_escaped(passage.source_version)}"
        blocks.append(
            f"**{_escaped(passage.title)}**{_markers(statement.cites, numbers)} ({origin})\n"
            f"> {_escaped(statement.text)}"
        )
    return "\n\n".join(blocks)


def _observations(report: Report, numbers: dict[str, str]) -> list[str]:
    if not report.unverified_observations:
        return []
    return [
        "## Unverified observations of an image model",
        "**No person has verified these, and nothing in this report rests on them.** They are"
        " entries "
        "of a closed list that a model chose when it looked at a few slices.",
        _bullets(report.unverified_observations, numbers),
    ]


def _image(measurements: Measurements) -> str:
    geometry = measurements.geometry
    shape = " x ".join(str(size) for size in geometry.shape)
    spacing = " x ".join(figures.printed(mm, 2) for mm in geometry.spacing_mm)
    contrast = "T1-like" if measurements.contrast is Contrast.T1_LIKE else "not T1-like"
    return (
        f"{shape} voxels of {spacing} mm, orientation {_escaped(geometry.orientation)}. Contrast, "
        f"judged from the image: {contrast}."
    )


def _quality_table(measurements: Measurements) -> str:
    if not measurements.quality.checks:
        return ""
    rows = [
        "| Checked for | Result | Value | Warning limit | Failure limit |",
        "|---|---|---:|---:|---:|",
    ]
    for check in measurements.quality.checks:
        counts = _counts(check)
        cells = [
            _BLANK if check.value is None else f"{check.value:.4g}",
            *(
                _BLANK if limit is None else f"{counts} {limit:.4g}".strip()
                for limit in (check.warn_limit, check.fail_limit)
            ),
        ]
        name = _escaped(check.code.replace("_", " "))
        rows.append(f"| {name} | {check.verdict.value} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _counts(check: QualityCheck) -> str:
    """In which direction the limits of a check count; empty where its figures do not tell.

    A check of a range gives the limits of the side its value lies on.
    """
    warn, fail = check.warn_limit, check.fail_limit
    if warn is not None and fail is not None and warn != fail:
        return "at most" if warn < fail else "at least"
    limit = fail if warn is None else warn
    if limit is None or check.value is None:
        return ""
    if check.value == limit:
        # Nothing is counted below nought, so that "at least 0" would be no limit.
        return "at most" if limit == 0 else ""
    passed_below = (check.value < limit) == (check.verdict is Verdict.PASS)
    return "at most" if passed_below else "at least"


def _result(finding: Finding | None, numbers: dict[str, str]) -> str:
    if finding is None:
        return _BLANK
    cites = [finding.reference.id] if finding.reference else []
    word = WORDS[finding.status]
    shown = f"**{word}**" if finding.status in FLAGGED else word
    return shown + _markers(cites, numbers)


def _volume_table(
    measurements: Measurements, findings: Sequence[Finding], numbers: dict[str, str]
) -> str:
    by_id = {finding.id: finding for finding in findings}
    rows = [
        "| Structure | Volume, mL | % of ICV | Left / right, mL | Asymmetry, % "
        "| Verdict on volume | Verdict on sides |",
        "|---|---:|---:|---:|---:|---|---|",
    ]
    for structure, name in STRUCTURE_NAMES.items():
        volume = measurements.volume(structure)
        if volume is None:
            rows.append(f"| {capitalised(name)} | not assessed | - | - | - | - | - |")
            continue
        level = by_id.get(f"finding.{structure.value}.volume")
        sides = by_id.get(f"finding.{structure.value}.asymmetry")
        cells = [*_volume_cells(volume), _result(level, numbers), _result(sides, numbers)]
        rows.append(f"| {capitalised(name)} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _volume_cells(volume: VolumeMeasurement) -> list[str]:
    def millilitres(value: float | None) -> str:
        return _BLANK if value is None else figures.volume(value).removesuffix(" mL")

    def percent(value: float | None) -> str:
        return _BLANK if value is None else figures.percent(value).removesuffix(" %")

    mark = r"\*" if volume.method is VolumeMethod.SOFT else ""
    share = None if volume.structure is Structure.INTRACRANIAL else volume.percent_of_icv
    return [
        millilitres(volume.total_ml) + mark,
        percent(share),
        _BLANK
        if volume.left_ml is None and volume.right_ml is None
        else f"{millilitres(volume.left_ml)} / {millilitres(volume.right_ml)}",
        percent(volume.asymmetry_percent),
    ]


def _ratio_table(
    measurements: Measurements, findings: Sequence[Finding], numbers: dict[str, str]
) -> str:
    ratios = {ratio.id: ratio for ratio in measurements.ratios}
    by_id = {finding.id: finding for finding in findings}
    rows = ["| Ratio | Value | Verdict |", "|---|---:|---|"]
    for ratio_id, name in RATIO_NAMES.items():
        ratio = ratios.get(ratio_id)
        if ratio is None:
            rows.append(f"| {capitalised(name)} | not assessed | - |")
            continue
        value = figures.printed(ratio.value, ratio_decimals(ratio_id))
        result = _result(by_id.get(f"finding.{ratio_id}"), numbers)
        rows.append(f"| {capitalised(name)} | {value} | {result} |")
    return "\n".join(rows)


def _methods(measurements: Measurements, soft: bool) -> str:
    ratios = {ratio.id: ratio for ratio in measurements.ratios}
    rows = [
        "Ventricles: lateral, third and fourth together. Deep grey matter: caudate, putamen, "
        "pallidum, amygdala, accumbens and ventral diencephalon together.",
        r"Volumes marked \* are sums of class probabilities, the others voxel counts."
        if soft
        else "Volumes are voxel counts.",
        *(
            f"{capitalised(name)}: {_origin(ratios[id_])}"
            for id_, name in RATIO_NAMES.items()
            if id_ in ratios
        ),
    ]
    return "\n".join(f"- {row}" for row in rows)


def _origin(ratio: RatioMeasurement) -> str:
    parts = []
    for key, value in ratio.parts.items():
        name, unit = re.sub(r"_(mm|ml)$", "", key), re.search(r"_(mm|ml)$", key)
        shown = {"mm": "mm", "ml": "mL"}[unit[1]] if unit else ""
        decimals = figures.decimals_of_volume(value)
        parts.append(f"{name.replace('_', ' ')} {figures.printed(value, decimals)} {shown}".strip())
    return _escaped("; ".join([ratio.definition.rstrip("."), *parts])) + "."


def _reference_table(used: Sequence[Reference], numbers: dict[str, str]) -> str:
    if not used:
        return "None: no figure of this study was compared."
    rows = [
        "| | For | Figure or limit, and how it was made | Population | Method "
        "| Difference from this engine | Source |",
        "|---|---|---|---|---|---|---|",
    ]
    names = RATIO_NAMES | {f"volume.{key.value}": name for key, name in STRUCTURE_NAMES.items()}
    for reference in sorted(used, key=lambda reference: int(numbers[reference.id])):
        about = names.get(reference.measurement_id or "", reference.measurement_id or "")
        if reference.quantity == "asymmetry_percent":
            about = f"{about}, sides"
        cells = [
            about,
            reference.statistic,
            reference.population,
            reference.method,
            reference.method_difference,
            reference.source,
        ]
        number = rf"\[{numbers[reference.id]}\]"
        link = f" <{reference.url}>" if reference.url else ""
        shown = " | ".join(_escaped(cell) for cell in cells)
        rows.append(f"| {number} | {shown}{link} `{reference.id}` |")
    return "\n".join(rows)


def _reference_list(report: Report, findings: Sequence[Finding], numbers: dict[str, str]) -> str:
    lines = []
    tabled = {f.reference.id for f in findings if f.reference is not None}
    for passage in report.passages:
        if passage.id in tabled:
            continue
        link = f" <{passage.url}>" if passage.url else ""
        lines.append(
            rf"- \[{numbers[passage.id]}\] {_escaped(passage.title)}. {_escaped(passage.source)}, "
            f"version {_escaped(passage.source_version)}, `{passage.id}`. "
            f"{_escaped(passage.licence)}.{link}"
        )
    return "\n".join(lines)


def _provenance(report: Report, measurements: Measurements) -> str:
    lines = provenance_lines(report, measurements.engine)
    return "\n".join(f"- {name}: {_with_digests(_escaped(said))}" for name, said in lines)


def _with_digests(text: str) -> str:
    return _SHA256.sub(r"`\g<0>`", text)
