"""The answer of the segmentation container: one ZIP archive with the files of an analysis.

The container has neither a network nor credentials (SageMaker isolates it), so labels, measurements
and pictures travel in its answer, and whoever receives the answer stores them.
"""

import io
import zipfile
from collections.abc import Mapping

LABELS = "labels.nii.gz"
MEASUREMENTS = "measurements.json"
MONTAGE = "montage.png"
SLICES = "slices.png"

CONTENT_TYPES = {
    LABELS: "application/gzip",
    MEASUREMENTS: "application/json",
    MONTAGE: "image/png",
    SLICES: "image/png",
}
"""The files of an archive and no other, with their types."""

OPTIONAL = frozenset({SLICES})
"""Containers of before the slices without labels leave these out."""

ARCHIVE_TYPE = "application/zip"

MAX_BYTES = 200_000_000
"""Of all files together; the labels of a 512^3 image, compressed, take about a tenth of it."""

_MAGIC = b"PK\x03\x04"


class InvalidArchive(ValueError):
    """The bytes are no archive of exactly the files of an analysis."""


def is_archive(content: bytes) -> bool:
    """Whether the bytes begin as a ZIP archive does."""
    return content.startswith(_MAGIC)


def pack(files: Mapping[str, bytes]) -> bytes:
    """Pack file name -> content. Labels and picture are compressed already: nothing is deflated,
    and equal files give equal bytes.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in (name for name in CONTENT_TYPES if name in files):
            archive.writestr(zipfile.ZipInfo(name), files[name])
    return buffer.getvalue()


def unpack(content: bytes) -> dict[str, bytes]:
    """File name -> content.

    Raises
    ------
    InvalidArchive
        A file is missing, unknown, damaged, or all together are too large.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            names = sorted(member.filename for member in members)
            required = CONTENT_TYPES.keys() - OPTIONAL
            if len(set(names)) != len(names) or not required <= set(names) <= CONTENT_TYPES.keys():
                raise InvalidArchive("The archive does not hold exactly the files of an analysis.")
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                raise InvalidArchive("The archive is compressed; its files are already.")
            if sum(member.file_size for member in members) > MAX_BYTES:
                raise InvalidArchive("The files of the archive are too large.")
            return {member.filename: archive.read(member) for member in members}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise InvalidArchive("The archive is damaged.") from error
