"""What each measurement means, decided by code from published figures and limits.

The limits themselves lie in the knowledge base (``knowledge/references.yaml``) with population,
method and source, so that a report can cite them. This module holds only the rules of when one may
be used:

- a study that failed its quality check is compared with nothing;
- without the tissue refinement, figures that hang on the border between grey and white matter or
  fluid get no verdict, because the references were made on T1 images;
- a reference with ``decides`` false is context and gives no verdict (ventricular volume,
  hippocampus, sides of white matter and cerebellum).
"""

from collections.abc import Sequence

from mri_analysis.contracts.report import Finding, FindingStatus, Reference
from mri_analysis.contracts.segmentation import (
    Measurements,
    RatioMeasurement,
    Structure,
    Verdict,
    VolumeMeasurement,
)
from mri_analysis.reporting import figures
from mri_analysis.reporting.anatomy import (
    BRAIN_PARENCHYMAL_FRACTION,
    EVANS_INDEX,
    RATIO_NAMES,
    STRUCTURE_NAMES,
    capitalised,
)

FLAGGED = frozenset({FindingStatus.BELOW, FindingStatus.ABOVE, FindingStatus.ASYMMETRIC})
"""Statuses a report must not leave out."""

COMPARED = FLAGGED | {FindingStatus.WITHIN, FindingStatus.SYMMETRIC}
"""Statuses of a figure that was held against a band, criterion or limit and got a verdict."""

_NEEDS_TISSUE_BORDER = frozenset(
    {
        "volume.csf",
        "volume.cortex",
        "volume.white_matter",
        "volume.brain",
        BRAIN_PARENCHYMAL_FRACTION,
    }
)
# A slit-like frontal horn is measured too narrow (0.15 on the sample, where a reader sees about
# 0.23), so a value below the criterion rules nothing out and gets no verdict.
_ONE_SIDED = frozenset({EVANS_INDEX})

_RATIO_DECIMALS = {BRAIN_PARENCHYMAL_FRACTION: 3, EVANS_INDEX: 2}


def ratio_decimals(measurement_id: str) -> int:
    """Decimals a ratio is printed with."""
    return _RATIO_DECIMALS.get(measurement_id, 2)


def find(measurements: Measurements, references: Sequence[Reference]) -> list[Finding]:
    """State every measurement in words and hold it against its reference.

    Parameters
    ----------
    measurements
        Of one study.
    references
        Of the knowledge base. The first that fits a measurement and its quantity is used.

    Returns
    -------
    list of Finding
        In the order of the report: level and side difference of each structure, ratios, and one
        finding for each structure or ratio that was not measured.
    """
    found: list[Finding] = []
    for structure in STRUCTURE_NAMES:
        volume = measurements.volume(structure)
        if volume is None:
            found.append(_missing(structure.value, STRUCTURE_NAMES[structure]))
            continue
        found.append(_level(volume, measurements, references))
        if volume.asymmetry_percent is not None:
            found.append(_side_difference(volume, measurements, references))
        if structure is Structure.BRAIN:
            found.append(_ratio(BRAIN_PARENCHYMAL_FRACTION, measurements, references))
        if structure is Structure.VENTRICLES:
            found.append(_ratio(EVANS_INDEX, measurements, references))
    for ratio_id in RATIO_NAMES:
        if not any(finding.id == f"finding.{ratio_id}" for finding in found):
            found.append(_ratio(ratio_id, measurements, references))
    return found


def compared_measurements(findings: Sequence[Finding]) -> list[str]:
    """Ids of the measurements that were held against a figure and got a verdict, each once."""
    return list(
        dict.fromkeys(
            id_
            for finding in findings
            if finding.status in COMPARED
            for id_ in finding.measurement_ids
        )
    )


def larger_side(volume: VolumeMeasurement) -> str | None:
    """'left' or 'right', or None where the sides are equal or were not told apart."""
    difference = volume.asymmetry_percent
    if difference is None and volume.left_ml is not None and volume.right_ml is not None:
        difference = volume.left_ml - volume.right_ml
    if not difference:
        return None
    return "left" if difference > 0 else "right"


_NEEDS_SKULL = frozenset(
    {"volume.intracranial", "volume.brain", BRAIN_PARENCHYMAL_FRACTION, EVANS_INDEX}
)
"""Without the skull the network guesses where its inside ends."""


def lacks_skull(measurement_id: str, measurements: Measurements) -> bool:
    """Whether a measurement needs the skull, and the image has none."""
    return measurement_id in _NEEDS_SKULL and _skull_removed(measurements)


def lacks_tissue_border(measurement_id: str, measurements: Measurements) -> bool:
    """Whether a measurement hangs on the border of the tissues, and that was not refined."""
    return measurement_id in _NEEDS_TISSUE_BORDER and not measurements.engine.refined


def _comparable(measurement_id: str, measurements: Measurements) -> bool:
    return (
        measurements.quality.verdict is not Verdict.FAIL
        and not lacks_skull(measurement_id, measurements)
        and not lacks_tissue_border(measurement_id, measurements)
    )


def _skull_removed(measurements: Measurements) -> bool:
    return any(
        check.code == "skull_removed" and check.verdict is not Verdict.PASS
        for check in measurements.quality.checks
    )


def _reference(
    references: Sequence[Reference], measurement_id: str, quantities: Sequence[str]
) -> Reference | None:
    return next(
        (
            reference
            for reference in references
            if reference.measurement_id == measurement_id and reference.quantity in quantities
        ),
        None,
    )


def _status(value: float, reference: Reference) -> FindingStatus:
    if reference.low is not None and value < reference.low:
        return FindingStatus.BELOW
    if reference.high is not None and value > reference.high:
        return FindingStatus.ABOVE
    return FindingStatus.WITHIN


def _compared(status: FindingStatus, reference: Reference) -> str:
    word = {
        FindingStatus.WITHIN: "within",
        FindingStatus.BELOW: "below",
        FindingStatus.ABOVE: "above",
    }[status]
    unit = f" {reference.unit}" if reference.unit else ""
    if reference.low is not None and reference.high is not None:
        low, high = figures.limit(reference.low), figures.limit(reference.high)
        return f"{word} the band of {low} to {high}{unit} derived from published figures"
    bound = reference.high if reference.high is not None else reference.low
    assert bound is not None
    return f"{word} the usual criterion of {figures.limit(bound)}{unit}"


def _decides(reference: Reference | None, comparable: bool) -> bool:
    return (
        reference is not None
        and reference.decides
        and comparable
        and (reference.low is not None or reference.high is not None)
    )


def _level(
    volume: VolumeMeasurement, measurements: Measurements, references: Sequence[Reference]
) -> Finding:
    reference = _reference(references, volume.id, ("total_ml", "percent_of_icv"))
    value = figures.rounded(volume.total_ml, figures.decimals_of_volume(volume.total_ml))
    if reference is not None and reference.quantity == "percent_of_icv":
        if volume.percent_of_icv is None:
            reference = None
        else:
            value = figures.rounded(volume.percent_of_icv, 1)
    name = capitalised(STRUCTURE_NAMES[volume.structure])
    text = f"{name} {figures.volume(volume.total_ml)}"
    if volume.percent_of_icv is not None and volume.structure is not Structure.INTRACRANIAL:
        text += f" ({figures.percent(volume.percent_of_icv)} of intracranial volume)"
    status = FindingStatus.MEASURED
    comparable = _comparable(volume.id, measurements)
    if reference is not None and _decides(reference, comparable):
        status = _status(value, reference)
        text += f", {_compared(status, reference)}"
    else:
        text += "; no verdict is given"
    return Finding(
        id=f"finding.{volume.structure.value}.volume",
        measurement_ids=[volume.id],
        status=status,
        text=text + ".",
        reference=reference if comparable else None,
    )


def _side_difference(
    volume: VolumeMeasurement, measurements: Measurements, references: Sequence[Reference]
) -> Finding:
    assert volume.asymmetry_percent is not None
    reference = _reference(references, volume.id, ("asymmetry_percent",))
    value = figures.rounded(volume.asymmetry_percent, 1)
    parts = []
    if volume.left_ml is not None and volume.right_ml is not None:
        parts = [f"left {figures.volume(volume.left_ml)}, right {figures.volume(volume.right_ml)}"]
    status, side, relation = FindingStatus.MEASURED, None, ", no verdict is given"
    comparable = _comparable(volume.id, measurements)
    if reference is not None and _decides(reference, comparable):
        status, side = FindingStatus.SYMMETRIC, "both"
        exceeded = {FindingStatus.BELOW: reference.low, FindingStatus.ABOVE: reference.high}.get(
            _status(value, reference)
        )
        if exceeded is not None:
            status, side = FindingStatus.ASYMMETRIC, larger_side(volume)
            parts.append(f"the {side} side is larger")
            relation = f", beyond the limit of {figures.limit(abs(exceeded))} %"
        else:
            bound = reference.high if reference.high is not None else reference.low
            assert bound is not None
            relation = f", within the limit of {figures.limit(abs(bound))} %"
    parts.append(f"asymmetry index {figures.percent(value)}{relation}")
    name = capitalised(STRUCTURE_NAMES[volume.structure])
    adjective = " asymmetric" if status is FindingStatus.ASYMMETRIC else ""
    return Finding(
        id=f"finding.{volume.structure.value}.asymmetry",
        measurement_ids=[volume.id],
        status=status,
        side=side,  # type: ignore[arg-type]
        text=f"{name}{adjective}: {'; '.join(parts)}.",
        reference=reference if comparable else None,
    )


def _ratio(ratio_id: str, measurements: Measurements, references: Sequence[Reference]) -> Finding:
    ratio: RatioMeasurement | None = next(
        (ratio for ratio in measurements.ratios if ratio.id == ratio_id), None
    )
    name = RATIO_NAMES[ratio_id]
    if ratio is None:
        return _missing(ratio_id, name)
    reference = _reference(references, ratio_id, ("value",))
    decimals = ratio_decimals(ratio_id)
    text = f"{capitalised(name)} {figures.printed(ratio.value, decimals)}"
    status = FindingStatus.MEASURED
    comparable = _comparable(ratio_id, measurements)
    if reference is not None and _decides(reference, comparable):
        status = _status(figures.rounded(ratio.value, decimals), reference)
    if status is FindingStatus.WITHIN and ratio_id in _ONE_SIDED:
        status = FindingStatus.MEASURED
    if reference is not None and status is not FindingStatus.MEASURED:
        text += f", {_compared(status, reference)}"
    else:
        text += "; no verdict is given"
    return Finding(
        id=f"finding.{ratio_id}",
        measurement_ids=[ratio_id],
        status=status,
        text=text + ".",
        reference=reference if comparable else None,
    )


def _missing(key: str, name: str) -> Finding:
    return Finding(
        id=f"finding.{key}",
        measurement_ids=[],
        status=FindingStatus.NOT_ASSESSED,
        text=f"{capitalised(name)}: not assessed in this study.",
    )
