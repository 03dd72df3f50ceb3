"""The labels as a DICOM Segmentation (binary) on the grid of the original images."""

from dataclasses import dataclass

import highdicom as hd
import numpy as np
from highdicom.sr.coding import CodedConcept
from numpy.typing import NDArray
from pydicom.sr.codedict import codes

from mri_analysis.contracts.segmentation import Measurements, Structure
from mri_analysis.errors import OriginalUnreadable
from mri_analysis.exporting.codes import LEFT, RIGHT, STRUCTURES, Code
from mri_analysis.exporting.dicom.study import MANUFACTURER, OriginalStudy, Writing
from mri_analysis.reporting.anatomy import STRUCTURE_NAMES, capitalised
from mri_analysis.reporting.label_table import COLOURS, LABELS, Side

OWN_SCHEME = "99MRIANALYSIS"
"""For what no code of SNOMED CT says."""
_SIDES = {"left": LEFT, "right": RIGHT}
_SAME_PLACE_MM = 1e-2
"""A NIfTI affine has 32 bits: it differs from the headers by micrometres."""
_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_SERIES_NUMBER = 9001


@dataclass(frozen=True)
class Segment:
    """One label as a segment."""

    number: int
    label: int
    structure: Structure
    side: Side

    @property
    def name(self) -> str:
        """As a person reads it."""
        name = capitalised(STRUCTURE_NAMES[self.structure])
        return f"{name}, {self.side}" if self.side else name

    def tracking_uid(self, writing: Writing) -> str:
        """Names the same segment in segmentation and structured report."""
        return writing.uid(f"segment {self.label}")


def segments_of(labels: NDArray[np.uint8]) -> list[Segment]:
    """The labels that are there, in a fixed order; one that is none of ours is left out."""
    present = [int(label) for label in np.unique(labels) if int(label) in LABELS]
    return [Segment(number, label, *LABELS[label]) for number, label in enumerate(present, start=1)]


def concept(structure: Structure) -> CodedConcept:
    """SNOMED CT where a code fits, else our own."""
    code = STRUCTURES.get(structure)
    if code is None:
        return CodedConcept(structure.value, OWN_SCHEME, capitalised(STRUCTURE_NAMES[structure]))
    return coded(code)


def coded(code: Code) -> CodedConcept:
    """A code of SNOMED CT."""
    return CodedConcept(code.value, "SCT", code.meaning)


def write_segmentation(
    study: OriginalStudy,
    labels: NDArray[np.uint8],
    affine: NDArray[np.float64],
    measurements: Measurements,
    writing: Writing,
) -> hd.seg.Segmentation:
    """The segmentation object.

    Parameters
    ----------
    labels, affine
        Of ``labels.nii.gz``: FreeSurfer's ids, and the affine to millimetres (right, anterior,
        superior).

    Raises
    ------
    OriginalUnreadable
        The labels do not lie on the grid of the original images.
    """
    segments = segments_of(labels)
    numbered = np.zeros(256, np.uint8)
    for segment in segments:
        numbered[segment.label] = segment.number
    made = hd.seg.Segmentation(
        source_images=list(study.images),
        pixel_array=_on_grid(numbered[labels], affine, study.geometry),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[_described(segment, writing) for segment in segments],
        series_instance_uid=writing.uid("segmentation series"),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=writing.uid("segmentation"),
        instance_number=1,
        content_label="BRAINSEG",
        content_description=f"Image checks: {measurements.quality.verdict.value}",
        series_description=f"Brain segmentation, {_state(writing)}",
        manufacturer=MANUFACTURER,
        manufacturer_model_name=writing.model,
        software_versions=writing.model_version,
        device_serial_number=writing.model_version,
    )
    # highdicom makes a random one.
    dimensions = writing.uid("dimensions")
    for item in (*made.DimensionOrganizationSequence, *made.DimensionIndexSequence):
        item.DimensionOrganizationUID = dimensions
    writing.finish(made)
    return made


def _state(writing: Writing) -> str:
    return "signed report" if writing.signed else "DRAFT"


def _on_grid(
    labels: NDArray[np.uint8], affine: NDArray[np.float64], grid: hd.VolumeGeometry
) -> hd.Volume:
    reference = grid.frame_of_reference_uid
    try:
        volume = hd.Volume(labels, _TO_LPS @ affine, "PATIENT", frame_of_reference_uid=reference)
        turned = volume.match_geometry(grid, tol=_SAME_PLACE_MM)
    except (ValueError, RuntimeError) as error:
        raise OriginalUnreadable("The labels lie on another grid than the images.") from error
    # It pads and crops where the grids are of other sizes.
    other = sorted(volume.spatial_shape) != sorted(grid.spatial_shape)
    lost = np.count_nonzero(volume.array) != np.count_nonzero(turned.array)
    if other or lost or not np.allclose(turned.affine, grid.affine, atol=_SAME_PLACE_MM):
        raise OriginalUnreadable("The labels lie on another grid than the images.")
    return hd.Volume(turned.array, grid.affine, "PATIENT", frame_of_reference_uid=reference)


def _described(segment: Segment, writing: Writing) -> hd.seg.SegmentDescription:
    fluid = segment.structure in (Structure.CSF,)
    made = hd.seg.SegmentDescription(
        segment_number=segment.number,
        segment_label=segment.name,
        segmented_property_category=(
            codes.SCT.BodySubstance if fluid else codes.SCT.AnatomicalStructure
        ),
        segmented_property_type=concept(segment.structure),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name=writing.model,
            version=writing.model_version,
            family=codes.DCM.ArtificialIntelligence,
        ),
        tracking_uid=segment.tracking_uid(writing),
        tracking_id=segment.name,
        display_color=hd.color.CIELabColor.from_rgb(*COLOURS[segment.structure]),
    )
    if segment.side:
        kind = made.SegmentedPropertyTypeCodeSequence[0]
        kind.SegmentedPropertyTypeModifierCodeSequence = [coded(_SIDES[segment.side])]
    return made
