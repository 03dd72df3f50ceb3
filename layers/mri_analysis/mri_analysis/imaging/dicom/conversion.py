"""One series as one NIfTI file, by dcm2niix: the converter that the field's pipelines use.

Its exit status says little (a truncated slice is a warning), so what came out is compared with what
the headers announced.
"""

import subprocess
from pathlib import Path

import nibabel as nib
import numpy as np

from mri_analysis.errors import ConversionFailed
from mri_analysis.imaging.dicom.grouping import Series

TIME_LIMIT_S = 180
"""A series of 384 slices takes 2.5 s."""
_SPACING_TOLERANCE = 0.01
_OPTIONS = (
    *("-b", "n"),  # no sidecar: it names institution and machine
    *("-f", "image"),
    *("-g", "i"),  # no file of defaults from the home folder
    *("-m", "y"),  # the objects are one series already
    *("-z", "n"),
)


def convert(objects: Path, series: Series, into: Path) -> Path:
    """Convert the objects of ``series``, which lie in the folder ``objects``, to a NIfTI file.

    Raises
    ------
    ConversionFailed
        Not exactly one image came out, or not the one that the headers announce.
    """
    import dcm2niix  # type: ignore[import-untyped]

    try:
        subprocess.run(
            [str(dcm2niix.bin), *_OPTIONS, "-o", str(into), str(objects)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # what it prints quotes the headers
            stderr=subprocess.DEVNULL,
            timeout=TIME_LIMIT_S,
            check=False,
            env={"HOME": str(into), "PATH": ""},
        )
    except subprocess.TimeoutExpired as error:
        raise ConversionFailed("The series took too long to be converted.") from error
    images = sorted(into.glob("*.nii"))
    if not images:
        raise ConversionFailed(
            "The series could not be converted: its voxels are damaged, or packed in a way that "
            "cannot be read."
        )
    if len(images) > 1:
        raise ConversionFailed(f"The series holds {len(images)} volumes and not one.")
    _compare(images[0], series)
    return images[0]


def _compare(image: Path, series: Series) -> None:
    """Every slice, at its size: a converter may drop what it cannot read."""
    header: nib.Nifti1Header = nib.Nifti1Image.from_filename(image).header
    first, spacing = series.first, series.spacing_mm
    expected = (first.columns, first.rows, series.slices)
    # Of 3-D acquisitions that are not axial it may reorder the axes.
    if sorted(header.get_data_shape()) != sorted(expected):
        raise ConversionFailed(
            f"The series has {' x '.join(map(str, expected))} voxels, and "
            f"{' x '.join(map(str, header.get_data_shape()))} came out of its conversion."
        )
    found = sorted(float(size) for size in header.get_zooms()[:3])
    if spacing is None or not np.allclose(found, sorted(spacing), rtol=_SPACING_TOLERANCE):
        raise ConversionFailed("The voxel sizes of the series changed in its conversion.")
