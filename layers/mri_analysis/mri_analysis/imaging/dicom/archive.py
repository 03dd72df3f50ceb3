"""What lies in an uploaded archive, unpacked within bounds.

No name in the archive is ever used as a path: each file gets a number. What the archive announces
of itself is not believed: bytes are counted while they are unpacked.
"""

import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mri_analysis.errors import ArchiveTooLarge, CorruptFile, EncryptedArchive, TruncatedFile

MAX_FILES = 20_000
"""The largest series of a head have about 1,000 objects, a whole examination some thousands."""
MAX_UNPACKED_BYTES = 3 << 29
"""1.6 GB: a whole examination. The function has room for it beside the archive."""
MAX_FILE_BYTES = 600_000_000
"""One object with a whole head of 512^3 voxels has 270 MB. It is held in memory twice."""
_MAX_DIRECTORY_BYTES = 8 << 20
"""Of the central directory: 20,000 names of 350 bytes. zipfile reads it whole before any check."""
_END, _END_SIZE, _LONGEST_COMMENT = b"PK\x05\x06", 22, 65_535
_ENCRYPTED = 0x1 | 0x40  # by any method, or strongly
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""Those of every tool that writes DICOM archives; others raise errors of their own libraries."""
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, struct.error),
    *(NotImplementedError, OSError, ValueError),
)
"""What zipfile raises for damaged bytes, and for versions and flags that damage makes up."""
_CHUNK = 1 << 20
_LEAST_SIGNS = 132 + 4  # preamble and "DICM"


@dataclass(frozen=True)
class PackedFile:
    """A file of the archive, by its place in it: names may name people."""

    place: int
    """from 1, in the archive's own order"""
    size: int

    def __str__(self) -> str:
        return f"file {self.place} of the archive"


class Archive:
    """A zip archive, opened; close it with ``with``.

    Raises
    ------
    ArchiveTooLarge, EncryptedArchive, CorruptFile
        Told before anything is unpacked, as far as the directory of the archive shows it.
    """

    def __init__(self, path: Path) -> None:
        _check_directory(path)
        try:
            self._zip = zipfile.ZipFile(path)
        except _DAMAGE as error:
            raise CorruptFile(
                "The zip archive is damaged: its directory cannot be read."
            ) from error
        members = [member for member in self._zip.infolist() if not member.is_dir()]
        if len(members) > MAX_FILES:
            raise ArchiveTooLarge(
                f"The archive holds {len(members):,} files; {MAX_FILES:,} can be read."
            )
        if any(member.flag_bits & _ENCRYPTED for member in members):
            raise EncryptedArchive("The archive is protected with a password.")
        if sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
            raise _too_large()
        for place, member in enumerate(members, start=1):
            packed = PackedFile(place, member.file_size)
            check_size(packed)
            if member.compress_type not in _METHODS:
                raise CorruptFile(f"The {packed} is packed by a method that cannot be read.")
        self._members = members

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def files(self, places: Collection[int] | None = None) -> Iterator[tuple[PackedFile, bytes]]:
        """Each file that can be an object, or those at ``places``, unpacked.

        Raises as ``Archive`` does. Each call may unpack ``MAX_UNPACKED_BYTES`` anew.
        """
        left = MAX_UNPACKED_BYTES
        for place, member in enumerate(self._members, start=1):
            if member.file_size < _LEAST_SIGNS or (places is not None and place not in places):
                continue
            packed = PackedFile(place, member.file_size)
            content = self._unpacked(packed, member, left)
            left -= len(content)
            yield packed, content

    def _unpacked(self, packed: PackedFile, member: zipfile.ZipInfo, most: int) -> bytes:
        content = bytearray()
        try:
            with self._zip.open(member) as stream:
                while chunk := stream.read(_CHUNK):
                    content += chunk
                    if len(content) > most:
                        raise _too_large()
        except EOFError as error:
            raise TruncatedFile(f"The archive ends within {packed}.") from error
        except _DAMAGE as error:
            raise CorruptFile(f"The {packed} is damaged and cannot be unpacked.") from error
        return bytes(content)


def check_size(file: PackedFile) -> None:
    """Raise ``ArchiveTooLarge`` for a file that is no object of a head."""
    if file.size > MAX_FILE_BYTES:
        raise ArchiveTooLarge(
            f"The {file} has {file.size / 1e6:,.0f} MB; {MAX_FILE_BYTES / 1e6:,.0f} MB can be read."
        )


def _too_large() -> ArchiveTooLarge:
    limit = MAX_UNPACKED_BYTES / 1e6
    return ArchiveTooLarge(f"The archive unpacks to more than {limit:,.0f} MB.")


def _check_directory(path: Path) -> None:
    """Refuse a directory that would cost memory before ``zipfile`` parses it."""
    with path.open("rb") as raw:
        size = raw.seek(0, 2)
        tail = _tail(raw, size)
    at = tail.rfind(_END)
    if at < 0 or at + _END_SIZE > len(tail):
        raise TruncatedFile("The zip archive ends before its directory.")
    entries, directory = struct.unpack_from("<HI", tail, at + 10)
    if entries > MAX_FILES or directory > _MAX_DIRECTORY_BYTES:
        raise ArchiveTooLarge(f"The archive holds more than {MAX_FILES:,} files.")


def _tail(raw: IO[bytes], size: int) -> bytes:
    raw.seek(max(0, size - _END_SIZE - _LONGEST_COMMENT))
    return raw.read()
