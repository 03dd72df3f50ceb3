"""Turn an upload into a checked image without anything that could name a person."""

import hashlib
import tempfile
from pathlib import Path

from mri_analysis.contracts.study import PreparedStudy
from mri_analysis.contracts.tasks import AnalysisInput
from mri_analysis.errors import EmptyFile, FileTooLarge, UploadMissing
from mri_analysis.imaging.nifti import compressed, read_upload
from mri_analysis.keys import StudyKeys
from mri_analysis.ports.storage import ObjectStore


def prepare_study(
    task: AnalysisInput,
    *,
    images: ObjectStore,
    results: ObjectStore,
    max_upload_bytes: int,
    max_voxels: int,
) -> PreparedStudy:
    """Check and scrub the upload; write ``image.nii.gz`` and ``study.json``.

    Raises
    ------
    UploadError
        What is wrong with the file, in a sentence for the person who uploaded it.
    """
    keys = StudyKeys(task.organization_id, task.job_id)
    source = task.source
    stored = images.head(source.key, source.version_id)
    if stored is None:
        raise UploadMissing("The uploaded object was deleted before it was read.")
    if stored.size == 0:
        raise EmptyFile("The uploaded file is empty.")
    if stored.size > max_upload_bytes:
        raise FileTooLarge(
            f"The upload has {stored.size / 1e6:,.0f} MB; {max_upload_bytes / 1e6:,.0f} MB "
            f"can be read."
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upload"
        images.download(source.key, path, source.version_id)
        with path.open("rb") as upload:
            digest = hashlib.file_digest(upload, "sha256").hexdigest()
        prepared = read_upload(path, max_voxels=max_voxels)
    study = PreparedStudy(
        organization_id=task.organization_id,
        job_id=task.job_id,
        source_format="nifti",
        image_key=keys.prepared_image,
        source_sha256=digest,
        shape=prepared.shape,
        spacing_mm=prepared.spacing_mm,
        orientation=prepared.orientation,
        data_type=prepared.data_type,
        orientation_source=prepared.orientation_source,
        notes=prepared.notes,
    )
    results.put(keys.prepared_image, compressed(prepared), "application/gzip")
    results.put(keys.study, study.model_dump_json(indent=1).encode(), "application/json")
    return study
