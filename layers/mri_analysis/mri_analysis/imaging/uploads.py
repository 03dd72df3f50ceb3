"""An upload of any kind as one checked image."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mri_analysis.contracts.study import Acquisition, SeriesChoice, SeriesOffer
from mri_analysis.imaging.nifti import PreparedImage, read_upload

_ZIP = b"PK"
_MARK_AT, _MARK = 128, b"DICM"


@dataclass(frozen=True)
class Scan:
    """The image of an upload, and what its DICOM headers said; None for a NIfTI upload."""

    image: PreparedImage
    series: SeriesChoice | None = None
    acquisition: Acquisition | None = None
    original: bytes | None = None
    """what results need to stand in the original DICOM study; it names the patient"""


def read_scan(
    path: Path,
    folder: Path,
    *,
    max_voxels: int,
    tell: Callable[[SeriesOffer], None],
    wanted: int | None = None,
) -> Scan:
    """Read an uploaded file as one 3-D image.

    Parameters
    ----------
    path
        The uploaded bytes, of any name: NIfTI, a zip archive of DICOM objects, or one object.
    folder
        An empty folder for what is made on the way; whoever made it removes it.
    max_voxels
        Largest number of voxels that is unpacked.
    tell
        Called with what a DICOM upload holds, before one of its series is chosen.
    wanted
        Number of the DICOM series that a person chose; None where the rules choose.

    Raises
    ------
    UploadError
        One of its subclasses, with a sentence for the person who uploaded.
    """
    with path.open("rb") as raw:
        start = raw.read(_MARK_AT + len(_MARK))
    if not start.startswith(_ZIP) and start[_MARK_AT:] != _MARK:
        return Scan(read_upload(path, max_voxels=max_voxels))
    # Imported here: a NIfTI upload needs none of it.
    from mri_analysis.imaging.dicom.facts import acquisition_of, series_choice, series_offer
    from mri_analysis.imaging.dicom.reading import read_dicom

    read = read_dicom(
        path,
        folder,
        max_voxels=max_voxels,
        tell=lambda offered: tell(series_offer(offered)),
        wanted=wanted,
    )
    return Scan(
        read_upload(read.image, max_voxels=max_voxels),
        series_choice(read.choice),
        acquisition_of(read.choice.chosen.series),
        read.original,
    )
