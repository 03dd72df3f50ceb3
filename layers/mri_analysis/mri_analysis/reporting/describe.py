"""The deterministic describer: the study in the paragraphs a radiologist would dictate.

It knows the measurements only. It cannot see what the engine does not label, and says so.
"""

from collections.abc import Sequence

from mri_analysis.contracts.report import Description, Finding, FindingStatus, Reference
from mri_analysis.contracts.segmentation import Contrast, Measurements, Verdict
from mri_analysis.reporting import figures
from mri_analysis.reporting.findings import FLAGGED, find

WRITER = "mri-analysis describer 1.0.0"

_PARAGRAPHS = (
    ("intracranial", "brain", "ratio.brain_parenchymal_fraction"),
    ("ventricles", "ratio.evans_index", "csf"),
    ("cortex", "white_matter", "deep_grey", "thalamus", "hippocampus", "cerebellum", "brainstem"),
)


def describe(measurements: Measurements, references: Sequence[Reference]) -> Description:
    """Put a study's measurements in words.

    Parameters
    ----------
    measurements
        Of one study.
    references
        Figures, bands and limits, from the knowledge base.
    """
    findings = find(measurements, references)
    not_assessed = not_assessed_sentences(measurements, findings)
    return Description(
        writer=WRITER,
        findings=findings,
        not_assessed=not_assessed,
        text="\n\n".join(_paragraphs(measurements, findings, not_assessed)),
    )


def not_assessed_sentences(measurements: Measurements, findings: Sequence[Finding]) -> list[str]:
    """What the engine says it cannot show, and what it failed to measure in this study."""
    missing = [f.text for f in findings if f.status is FindingStatus.NOT_ASSESSED]
    return list(dict.fromkeys([*measurements.not_assessed, *missing]))


def contrast_sentence(measurements: Measurements) -> str:
    """Contrast of the image and whether the border between the tissues was refined."""
    if measurements.contrast is Contrast.OTHER:
        seen = "The image does not look like T1"
    else:
        seen = "The image looks like T1"
    if measurements.engine.refined:
        return f"{seen}; the tissue border was refined at the image's own resolution."
    return (
        f"{seen}; the tissue border was not refined, so cortex, white matter, outer fluid and "
        "brain parenchymal fraction are shown without a verdict."
    )


def quality_sentences(measurements: Measurements) -> list[str]:
    """The verdict of the quality check, then its reasons as the check words them."""
    quality = measurements.quality
    verdict = {
        Verdict.PASS: "All quality checks passed.",
        Verdict.WARN: "The quality check gave a warning.",
        Verdict.FAIL: "The quality check failed: the figures must not be used.",
    }[quality.verdict]
    return [verdict, *quality.reasons()]


def _paragraphs(
    measurements: Measurements, findings: Sequence[Finding], not_assessed: Sequence[str]
) -> list[str]:
    shape = " x ".join(str(size) for size in measurements.geometry.shape)
    spacing = " x ".join(figures.printed(mm, 2) for mm in measurements.geometry.spacing_mm)
    texts = {finding.id: finding.text for finding in findings if finding.measurement_ids}
    paragraphs = [
        f"Brain MRI of {shape} voxels, {spacing} mm each. {contrast_sentence(measurements)}"
    ]
    for keys in _PARAGRAPHS:
        ids = [f"finding.{key}" if "." in key else f"finding.{key}.volume" for key in keys]
        paragraphs.append(" ".join(texts[id_] for id_ in ids if id_ in texts))
    sides = [f for f in findings if f.id.endswith(".asymmetry")]
    sides.sort(key=lambda finding: finding.status not in FLAGGED)
    paragraphs.append(" ".join(finding.text for finding in sides))
    paragraphs.append(" ".join(quality_sentences(measurements)))
    paragraphs.append(" ".join(not_assessed))
    return [paragraph for paragraph in paragraphs if paragraph]
