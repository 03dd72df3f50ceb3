"""The measurements as a DICOM structured report (TID 1500), with the numbers of the report."""

from collections.abc import Iterator, Sequence

import highdicom as hd
from highdicom.sr import (
    AlgorithmIdentification,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    Measurement,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    ReferencedSegment,
    SourceSeriesForSegmentation,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from highdicom.sr.coding import CodedConcept
from pydicom.sr.codedict import codes

from mri_analysis.contracts.review import Decision
from mri_analysis.contracts.segmentation import (
    Measurements,
    Structure,
    VolumeMeasurement,
    VolumeMethod,
)
from mri_analysis.exporting.codes import LEFT, RIGHT, VOLUME
from mri_analysis.exporting.dicom.segmentation_object import OWN_SCHEME, Segment, coded, concept
from mri_analysis.exporting.dicom.study import MANUFACTURER, OriginalStudy, Writing
from mri_analysis.reporting.anatomy import RATIO_NAMES, STRUCTURE_NAMES, capitalised

_MILLILITRE = CodedConcept("mL", "UCUM", "mL")
_PERCENT = CodedConcept("%", "UCUM", "%")
_ONE = CodedConcept("1", "UCUM", "no units")
_ASYMMETRY = CodedConcept("asymmetry_index", OWN_SCHEME, "Asymmetry index")
_SHARE = CodedConcept("percent_of_icv", OWN_SCHEME, "Share of intracranial volume")
_QUALITY = CodedConcept("image_checks", OWN_SCHEME, "Image checks, not about disease")
_METHODS = {
    VolumeMethod.VOXEL_COUNT: CodedConcept("voxel_count", OWN_SCHEME, "Count of voxels"),
    VolumeMethod.SOFT: CodedConcept("soft", OWN_SCHEME, "Sum of class probabilities"),
}
_SIDES = {"left": coded(LEFT), "right": coded(RIGHT)}
_VOLUME = coded(VOLUME)
_SERIES_NUMBER = 9002

Group = VolumetricROIMeasurementsAndQualitativeEvaluations | MeasurementsAndQualitativeEvaluations


def write_structured_report(
    study: OriginalStudy,
    segmentation: hd.seg.Segmentation,
    segments: Sequence[Segment],
    measurements: Measurements,
    decision: Decision | None,
    organization_id: str,
    writing: Writing,
) -> hd.sr.Comprehensive3DSR:
    """The report: a volume for each segment, and for each structure its other figures.

    It is preliminary until somebody signed; then it names who verified it. Numbers are unrounded,
    as in ``measurements.json``; what was not measured has none.
    """
    device = ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=writing.uid("device"), name=writing.model, model_name=writing.model_version
        ),
    )
    content = hd.sr.MeasurementReport(
        observation_context=ObservationContext(observer_device_context=device),
        procedure_reported=CodedConcept("24590-2", "LN", "Brain MRI"),
        imaging_measurements=list(_groups(study, segmentation, segments, measurements, writing)),
    )
    signed = writing.signed and decision is not None
    made = hd.sr.Comprehensive3DSR(
        evidence=[*study.images, segmentation],
        content=content,
        series_instance_uid=writing.uid("report series"),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=writing.uid("report"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=True,
        is_final=signed,
        is_verified=signed,
        # A name without its parts: all of it stands as the family name.
        verifying_observer_name=f"{decision.reviewer_name}^" if signed and decision else None,
        verifying_organization=organization_id if signed else None,
        series_description=f"Brain volumetry, {'signed' if signed else 'DRAFT, not signed'}",
    )
    writing.finish(made)
    if signed and decision is not None:
        for observer in made.VerifyingObserverSequence:
            observer.VerificationDateTime = f"{decision.at:%Y%m%d%H%M%S}"
    return made


def _groups(
    study: OriginalStudy,
    segmentation: hd.seg.Segmentation,
    segments: Sequence[Segment],
    measurements: Measurements,
    writing: Writing,
) -> Iterator[Group]:
    series = str(study.images[0].SeriesInstanceUID)
    for segment in segments:
        volume = measurements.volume(segment.structure)
        value = None if volume is None else _of_side(volume, segment.side)
        if volume is None or value is None:
            continue
        site = FindingSite(
            concept(segment.structure), laterality=_SIDES[segment.side] if segment.side else None
        )
        yield VolumetricROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=TrackingIdentifier(
                uid=segment.tracking_uid(writing), identifier=segment.name
            ),
            # By its series: naming each image of each segment takes seconds and a megabyte.
            referenced_segment=ReferencedSegment(
                sop_class_uid=segmentation.SOPClassUID,
                sop_instance_uid=segmentation.SOPInstanceUID,
                segment_number=segment.number,
                source_series=SourceSeriesForSegmentation(series),
            ),
            finding_type=concept(segment.structure),
            finding_sites=[site],
            measurements=[_measured(_VOLUME, value, _MILLILITRE, volume.method, writing)],
        )
    for structure, name in STRUCTURE_NAMES.items():
        volume = measurements.volume(structure)
        if volume is not None:
            yield _whole(structure, name, volume, writing)
    yield _ratios_and_quality(measurements, writing)


def _of_side(volume: VolumeMeasurement, side: str) -> float | None:
    return {"left": volume.left_ml, "right": volume.right_ml, "": volume.total_ml}[side]


def _whole(
    structure: Structure, name: str, volume: VolumeMeasurement, writing: Writing
) -> MeasurementsAndQualitativeEvaluations:
    """Both sides together: total, share and asymmetry."""
    figures = (
        (_VOLUME, volume.total_ml, _MILLILITRE),
        (_SHARE, volume.percent_of_icv, _PERCENT),
        (_ASYMMETRY, volume.asymmetry_percent, _PERCENT),
    )
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=writing.uid(f"structure {structure.value}"), identifier=f"{name}, whole"
        ),
        finding_type=concept(structure),
        finding_sites=[FindingSite(concept(structure))],
        measurements=[
            _measured(kind, value, unit, volume.method, writing)
            for kind, value, unit in figures
            if value is not None
        ],
    )


def _ratios_and_quality(
    measurements: Measurements, writing: Writing
) -> MeasurementsAndQualitativeEvaluations:
    verdict = measurements.quality.verdict.value
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=writing.uid("brain"), identifier="Brain"),
        finding_type=concept(Structure.BRAIN),
        finding_sites=[FindingSite(concept(Structure.BRAIN))],
        measurements=[
            Measurement(
                name=CodedConcept(
                    ratio.id.removeprefix("ratio.")[:16],
                    OWN_SCHEME,
                    capitalised(RATIO_NAMES[ratio.id]),
                ),
                value=ratio.value,
                unit=_ONE,
                algorithm_id=_algorithm(writing),
            )
            for ratio in measurements.ratios
            if ratio.id in RATIO_NAMES
        ],
        qualitative_evaluations=[
            QualitativeEvaluation(_QUALITY, CodedConcept(verdict, OWN_SCHEME, verdict))
        ],
    )


def _measured(
    kind: CodedConcept, value: float, unit: CodedConcept, method: VolumeMethod, writing: Writing
) -> Measurement:
    return Measurement(
        name=kind,
        value=value,
        unit=unit,
        method=_METHODS[method],
        algorithm_id=_algorithm(writing),
    )


def _algorithm(writing: Writing) -> AlgorithmIdentification:
    return AlgorithmIdentification(name=writing.model, version=writing.model_version)
