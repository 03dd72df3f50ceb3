"""The answer of the segmentation container: one ZIP archive with the three files of an analysis.

The container has neither a network nor credentials (SageMaker isolates it), so labels, measurements
and picture travel in its answer, and whoever receives the answer stores them.
"""

import io
import zipfile
from collections.abc import Mapping

LABELS = "labels.nii.gz"
MEASUREMENTS = "measurements.json"
MONTAGE = "montage.png"

CONTENT_TYPES = {
    LABELS: "application/gzip",
    MEASUREMENTS: "application/json",
    MONTAGE: "image/png",
}
"""The files of an archive, all of them and no other, with their types."""

ARCHIVE_TYPE = "application/zip"

MAX_BYTES = 200_000_000
"""Of all files together; the labels of a 512^3 image, compressed, take about a tenth of it."""

_MAGIC = b"PK\x03\x04"


class InvalidArchive(ValueError):
    """The bytes are no archive of exactly the three files."""


def is_archive(content: bytes) -> bool:
    """Whether the bytes begin as a ZIP archive does."""
    return content.startswith(_MAGIC)


def pack(files: Mapping[str, bytes]) -> bytes:
    """Pack file name -> content. Labels and picture are compressed already: nothing is deflated,
    and equal files give equal bytes.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in CONTENT_TYPES:
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
            if sorted(member.filename for member in members) != sorted(CONTENT_TYPES):
                raise InvalidArchive("The archive does not hold exactly the three files.")
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                raise InvalidArchive("The archive is compressed; its files are already.")
            if sum(member.file_size for member in members) > MAX_BYTES:
                raise InvalidArchive("The files of the archive are too large.")
            return {member.filename: archive.read(member) for member in members}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise InvalidArchive("The archive is damaged.") from error
