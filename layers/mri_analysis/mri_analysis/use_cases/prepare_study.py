"""Turn an upload into a checked image without anything that could name a person."""

import hashlib
import tempfile
from pathlib import Path

from mri_analysis.contracts.base import Contract
from mri_analysis.contracts.study import PreparedStudy
from mri_analysis.contracts.tasks import AnalysisInput, UploadedObject
from mri_analysis.errors import EmptyFile, FileTooLarge, UploadMissing
from mri_analysis.imaging.nifti import compressed
from mri_analysis.imaging.uploads import read_scan
from mri_analysis.keys import StudyKeys
from mri_analysis.ports.storage import ObjectStore

_JSON = "application/json"


def prepare_study(
    task: AnalysisInput,
    *,
    images: ObjectStore,
    results: ObjectStore,
    originals: ObjectStore,
    max_upload_bytes: int,
    max_voxels: int,
    quarantine: bool = False,
) -> PreparedStudy:
    """Check and scrub the upload; write ``image.nii.gz`` and ``study.json``.

    A DICOM upload names a person in many places, so it is removed once its image is prepared. What
    results need to stand in its study is put into ``originals`` (the same bucket, under a key of
    its own), apart from everything else; with ``quarantine`` the upload, too, in place of being
    removed. A retry after that goes on with the image.

    Raises
    ------
    UploadError
        What is wrong with the file, in a sentence for the person who uploaded it.
    """
    keys = StudyKeys(task.organization_id, task.job_id)
    source = task.source
    stored = images.head(source.key, source.version_id)
    if stored is None:
        prepared_before = _prepared_before(source, keys, results)
        if prepared_before is not None:
            return prepared_before
        raise UploadMissing("The uploaded object was deleted before it was read.")
    if stored.size == 0:
        raise EmptyFile("The uploaded file is empty.")
    if stored.size > max_upload_bytes:
        raise FileTooLarge(
            f"The upload has {stored.size / 1e6:,.0f} MB; {max_upload_bytes / 1e6:,.0f} MB "
            f"can be read."
        )
    with tempfile.TemporaryDirectory() as folder:
        path, work = Path(folder) / "upload", Path(folder) / "work"
        work.mkdir()
        images.download(source.key, path, source.version_id)
        with path.open("rb") as upload:
            digest = hashlib.file_digest(upload, "sha256").hexdigest()
        scan = read_scan(
            path,
            work,
            max_voxels=max_voxels,
            tell=lambda offer: results.put(keys.series, _document(offer), _JSON),
            wanted=source.series,
        )
    prepared = scan.image
    study = PreparedStudy(
        organization_id=task.organization_id,
        job_id=task.job_id,
        source_format="nifti" if scan.series is None else "dicom",
        image_key=keys.prepared_image,
        source_sha256=digest,
        source_version=source.version_id,
        shape=prepared.shape,
        spacing_mm=prepared.spacing_mm,
        orientation=prepared.orientation,
        data_type=prepared.data_type,
        orientation_source=prepared.orientation_source,
        notes=prepared.notes,
        series=scan.series,
        acquisition=scan.acquisition,
        original_kept=scan.original is not None,
    )
    if scan.original is not None:
        originals.put(keys.original, scan.original, "application/zip")
    results.put(keys.prepared_image, compressed(prepared), "application/gzip")
    results.put(keys.study, _document(study), _JSON)
    if study.source_format == "dicom":
        if quarantine:
            originals.move(source.key, source.version_id, keys.quarantined)
        else:
            images.remove(source.key, source.version_id)
    return study


def _prepared_before(
    source: UploadedObject, keys: StudyKeys, results: ObjectStore
) -> PreparedStudy | None:
    """What an earlier attempt made of the same upload, before it was removed."""
    if results.head(keys.study) is None:
        return None
    study = PreparedStudy.model_validate_json(results.get(keys.study))
    if study.source_version != source.version_id:
        return None
    chosen = None if study.series is None else study.series.number
    return study if source.series in (None, chosen) else None


def _document(content: Contract) -> bytes:
    return content.model_dump_json(indent=1).encode()
