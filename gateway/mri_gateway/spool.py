"""Studies on disk between the network and the API.

``incoming/STUDY/OBJECT.dcm`` are objects that arrived; ``ready/STUDY.zip`` is a study that is
whole; ``sent/STUDY.json`` names its job; ``done/STUDY.json`` says that results went back, ``dead/``
keeps what could not be sent, with the reason. STUDY is a hash: no folder is called as a person's
study is.

Each step writes beside its place, makes it durable, and renames: after a kill a step is done or not
done, and doing it again changes nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PART = ".part"
_FOLDERS = ("incoming", "ready", "sent", "done", "dead")


class SpoolFull(Exception):
    """There is no room for another object."""


@dataclass(frozen=True)
class ReadyStudy:
    """A whole study that waits to be uploaded."""

    name: str
    archive: Path

    @property
    def content(self) -> str:
        """Of the objects in it, whatever the archive's bytes are: sent twice, it is one job."""
        digest = hashlib.sha256()
        with zipfile.ZipFile(self.archive) as packed:
            for entry in sorted(packed.namelist()):
                digest.update(f"{entry} {packed.getinfo(entry).CRC}\n".encode())
        return digest.hexdigest()


class Spool:
    """The folders of one gateway; threads may share it.

    Parameters
    ----------
    least_free_bytes
        Below it an object is refused, so that what is there can still be packed.
    free_bytes
        For tests.
    """

    def __init__(
        self,
        root: Path,
        *,
        least_free_bytes: int = 0,
        free_bytes: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
    ) -> None:
        self._root = root
        self._least_free_bytes = least_free_bytes
        self._free_bytes = free_bytes
        self._lock = threading.Lock()
        for name in _FOLDERS:
            (root / name).mkdir(parents=True, exist_ok=True)
        os.chmod(root, 0o700)
        for left_over in root.rglob(f"*{_PART}"):
            left_over.unlink()  # of a step that did not end

    # ---- objects that arrive ---------------------------------------------------------------------

    def receive(self, study_uid: str, object_uid: str, content: bytes) -> None:
        """Keep an object; it is durable when this returns.

        Raises
        ------
        SpoolFull
            There is no room, or the disk refused.
        """
        if self._free_bytes(self._root) - len(content) < self._least_free_bytes:
            raise SpoolFull
        with self._lock:  # a study that is being packed takes no more
            folder = self._root / "incoming" / _hashed(study_uid)
            folder.mkdir(exist_ok=True)
            try:
                _durable(folder / f"{_hashed(object_uid)}.dcm", content)
            except OSError as error:
                raise SpoolFull from error

    def holds(self, object_uid: str) -> bool:
        """Whether an object is kept durably, or went on from here: we answer for it."""
        name = f"{_hashed(object_uid)}.dcm"
        if any((self._root / "incoming").glob(f"*/{name}")):
            return True
        for archive in (self._root / "ready").glob("*.zip"):
            with zipfile.ZipFile(archive) as packed:
                if name in packed.namelist():
                    return True
        notes = [*(self._root / "sent").glob("*.json"), *(self._root / "done").glob("*.json")]
        return any(name in json.loads(note.read_text())["objects"] for note in notes)

    # ---- studies ---------------------------------------------------------------------------------

    def pack_quiet(self, quiet_seconds: float) -> list[str]:
        """Pack every study whose last object came that long ago; their names."""
        packed = []
        for folder in sorted((self._root / "incoming").iterdir()):
            with self._lock:
                newest = max((one.stat().st_mtime for one in folder.iterdir()), default=None)
                if newest is None or time.time() - newest < quiet_seconds:
                    continue
                packed.append(self._pack(folder))
        return packed

    def _pack(self, folder: Path) -> str:
        # A study that is sent on in two parts is two uploads.
        name = f"{folder.name}-{time.time_ns():x}"
        place = self._root / "ready" / f"{name}.zip"
        part = place.with_name(place.name + _PART)
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for one in sorted(folder.glob("*.dcm")):
                archive.write(one, one.name)
        _rename(part, place)
        # Killed here, the same objects are packed again: the API knows them by their content.
        shutil.rmtree(folder)
        return name

    def ready(self) -> list[ReadyStudy]:
        """Studies to be uploaded, the oldest first."""
        places = sorted((self._root / "ready").glob("*.zip"), key=lambda one: one.stat().st_mtime)
        return [ReadyStudy(place.stem, place) for place in places]

    def sent(self, study: ReadyStudy, job_id: str) -> None:
        """The study was uploaded as that job."""
        with zipfile.ZipFile(study.archive) as packed:
            objects = packed.namelist()
        self._note("sent", study.name, {"job_id": job_id, "objects": objects})
        study.archive.unlink()

    def waiting(self) -> Iterator[tuple[str, str]]:
        """Name and job of each study whose results are not back yet."""
        for note in sorted((self._root / "sent").glob("*.json")):
            yield note.stem, str(json.loads(note.read_text())["job_id"])

    def done(self, name: str, outcome: str) -> None:
        """Results went back, or there are none to send."""
        note = self._root / "sent" / f"{name}.json"
        self._note("done", name, json.loads(note.read_text()) | {"outcome": outcome})
        note.unlink()

    def bury(self, study: ReadyStudy, reason: str) -> None:
        """The study cannot be uploaded; it stays here until a person looks."""
        self._note("dead", study.name, {"reason": reason})
        _rename(study.archive, self._root / "dead" / study.archive.name)

    def counts(self) -> dict[str, int]:
        """How many studies are in each folder."""
        ending = {"incoming": "*", "ready": "*.zip"}
        return {
            name: sum(1 for _ in (self._root / name).glob(ending.get(name, "*.json")))
            for name in _FOLDERS
        }

    def _note(self, folder: str, name: str, content: dict[str, Any]) -> None:
        _durable(self._root / folder / f"{name}.json", json.dumps(content).encode())


def _hashed(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest()[:32]


def _durable(place: Path, content: bytes) -> None:
    part = place.with_name(place.name + _PART)
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        part.unlink(missing_ok=True)
        raise
    _rename(part, place)


def _rename(part: Path, place: Path) -> None:
    part.replace(place)
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
