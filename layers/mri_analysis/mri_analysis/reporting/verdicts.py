"""A finding's verdict for a table: the word, what it was held against, or why there is none."""

from collections.abc import Mapping

from mri_analysis.contracts.report import Finding, FindingStatus, Reference
from mri_analysis.contracts.segmentation import Measurements, Verdict
from mri_analysis.reporting import figures
from mri_analysis.reporting.anatomy import EVANS_INDEX
from mri_analysis.reporting.findings import lacks_skull, lacks_tissue_border

WORDS = {
    FindingStatus.WITHIN: "within",
    FindingStatus.BELOW: "below",
    FindingStatus.ABOVE: "above",
    FindingStatus.ASYMMETRIC: "asymmetric",
    FindingStatus.SYMMETRIC: "within",
    FindingStatus.MEASURED: "none",
    FindingStatus.NOT_ASSESSED: "not assessed",
}


def bounds(reference: Reference) -> Mapping[str, str]:
    """What a figure is held against, by its name: ``limit``, ``criterion``, or ``band`` with ends.

    Empty for a reference that is context alone.
    """
    unit = f" {reference.unit}" if reference.unit else ""
    low = None if reference.low is None else figures.limit(reference.low)
    high = None if reference.high is None else figures.limit(reference.high)
    if reference.quantity == "asymmetry_percent":
        bound = high if high is not None else (low or "").lstrip("-")
        return {"limit": f"{bound}{unit}"} if bound else {}
    if low is not None and high is not None:
        return {"band": f"{low} to {high}{unit}", "low": f"{low}{unit}", "high": f"{high}{unit}"}
    one = high if high is not None else low
    return {"criterion": f"{one}{unit}"} if one is not None else {}


def held_against(finding: Finding) -> str:
    """The band, criterion or limit that gave the verdict; empty where none is given.

    >>> held_against(Finding(id="f", measurement_ids=[], status=FindingStatus.MEASURED, text=""))
    ''
    """
    if finding.reference is None or finding.status is FindingStatus.MEASURED:
        return ""
    name, bound = next(iter(bounds(finding.reference).items()))
    return f"{name} {bound}"


def reason_for_none(finding: Finding, measurements: Measurements) -> str:
    """Why a measured figure gets no verdict, in one sentence; empty where it has one."""
    if finding.status is not FindingStatus.MEASURED:
        return ""
    about = finding.measurement_ids[0]
    if measurements.quality.verdict is Verdict.FAIL:
        return "The quality check failed: no figure of this study is compared."
    if lacks_skull(about, measurements):
        return "The skull was removed from the image: where its inside ends is a guess."
    if lacks_tissue_border(about, measurements):
        return "The tissue border was not refined: the references were made on T1 images."
    if finding.reference is None:
        return "No published figure that fits this engine is known here."
    if about == EVANS_INDEX and finding.reference.decides:
        return (
            "Not above its criterion, which rules nothing out: thin frontal horns come out too "
            "narrow here."
        )
    return "What is published is context here: no verdict rests on it."
