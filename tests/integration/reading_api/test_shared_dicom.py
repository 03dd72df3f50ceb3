"""Real DICOM examinations, where they lie beside the repository: ``../shared/data/dicom``.

One is a brain and has to give complete results that go back into its study; the other has the
headers of a real scanner and no anatomy, and has to be refused with its reason.
"""

import io
import zipfile
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from local_stack.stack import LocalStack
from mri_analysis.contracts.job import JobStatus
from mri_analysis.keys import StudyKeys
from tests.integration.reading_api.conftest import Client
from tests.integration.reading_api.test_dicom import exported, sent, volumes
from tests.support.chain import Chain

SHARED = Path("../shared/data/dicom")
BRAIN, STRIPES = SHARED / "example_structural_t1.zip", SHARED / "ge_mprage_t1.zip"

pytestmark = pytest.mark.skipif(
    not BRAIN.exists(), reason="optional: ../shared/data/dicom is not beside the repository"
)


def objects_of(path: Path) -> list[Dataset]:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        return [pydicom.dcmread(io.BytesIO(archive.read(name))) for name in names]


@pytest.fixture(scope="module")
def brain(stack: LocalStack, clinician: Client) -> str:
    job_id = sent(clinician, BRAIN.read_bytes())
    job = Chain.of(stack).ended(StudyKeys("demo", job_id), limit_s=240)
    assert job.status is JobStatus.COMPLETED, job.error
    return job_id


def test_real_brain_gives_complete_and_plausible_results(clinician: Client, brain: str) -> None:
    found = volumes(clinician, brain)

    assert len(found) == 11
    assert 1000 < found["volume.intracranial"] < 2000
    assert 900 < found["volume.brain"] < 1600
    assert found["volume.brain"] < found["volume.intracranial"]
    assert 4 < found["volume.hippocampus"] < 14
    document = clinician.get(f"/v1/jobs/{brain}/measurements").json()
    assert document["contrast"] == "t1_like"
    assert document["quality"]["verdict"] in ("pass", "warn")


def test_its_segmentation_lies_on_its_images(reviewer: Client, brain: str) -> None:
    source = objects_of(BRAIN)
    grid = hd.get_volume_from_series(source)

    made = hd.seg.segread(io.BytesIO(exported(reviewer, brain, "segmentation.dcm").content))

    assert made.StudyInstanceUID == source[0].StudyInstanceUID
    referenced = {
        item.ReferencedSOPInstanceUID
        for item in made.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    }
    assert referenced == {one.SOPInstanceUID for one in source}
    volume = made.get_volume(combine_segments=True)
    inside = np.linalg.inv(grid.affine) @ volume.affine
    corner = inside @ [0, 0, 0, 1]
    far = inside @ [*(np.array(volume.spatial_shape) - 1), 1]
    spacing = np.array([*grid.spacing, 1.0])
    for place in (corner, far):  # whole voxels of the source, to 0.01 mm
        assert np.abs((place - np.rint(place)) * spacing).max() < 0.01
        assert (place[:3] > -0.1).all()
        assert (place[:3] < np.array(grid.spatial_shape)).all()
    voxel_ml = float(np.prod(volume.spacing)) / 1000
    brainstem = next(s for s in made.SegmentSequence if s.SegmentLabel == "Brainstem")
    counted = np.count_nonzero(volume.array == brainstem.SegmentNumber) * voxel_ml
    assert counted == pytest.approx(volumes(reviewer, brain)["volume.brainstem"], rel=0.001)


def test_real_headers_without_anatomy_are_refused_with_the_reason(
    stack: LocalStack, clinician: Client
) -> None:
    job_id = sent(clinician, STRIPES.read_bytes())

    job = Chain.of(stack).ended(StudyKeys("demo", job_id), limit_s=240)

    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.code in ("NotABrain", "QualityTooLow")
    assert len(job.error.message) > 40
    assert job.error.next_step
