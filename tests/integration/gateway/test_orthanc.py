"""The round trip with a real PACS: see ``orthanc_round_trip``."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import highdicom as hd
import nibabel as nib
import numpy as np
import pydicom
import pytest

from tests.integration.gateway.orthanc_round_trip import PLUGIN, STUDY
from tests.support.brains import small_brain

_NAMESPACE = ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]


def _own_network() -> bool:
    try:
        return (
            subprocess.run([*_NAMESPACE, "true"], capture_output=True, check=False).returncode == 0
        )
    except OSError:
        return False


pytestmark = [
    pytest.mark.skipif(
        shutil.which("Orthanc") is None or not Path(PLUGIN).exists(),
        reason="Orthanc is not installed (scripts/install_dicom_tools.sh)",
    ),
    pytest.mark.skipif(
        not _own_network(), reason="no right to a network namespace: Orthanc would be reachable"
    ),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("orthanc")


@pytest.fixture(scope="module")
def told(folder: Path) -> dict[str, Any]:
    done = subprocess.run(
        [
            *_NAMESPACE,
            *(sys.executable, "-m", "tests.integration.gateway.orthanc_round_trip", str(folder)),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.fixture(scope="module")
def back(told: dict[str, Any], folder: Path) -> Path:
    assert told["studies"] == 1
    return folder / "back"


def test_results_are_in_the_pacs_under_the_same_study(told: dict[str, Any], back: Path) -> None:
    assert told["modalities"] == ["DOC", "MR", "SEG", "SR"]
    assert told["counts"] == {"incoming": 0, "ready": 0, "sent": 0, "done": 1, "dead": 0}
    for kind in ("DOC", "SEG", "SR"):
        (found,) = (pydicom.dcmread(path) for path in back.glob(f"{kind}_*.dcm"))
        assert found.StudyInstanceUID == STUDY
        assert (str(found.PatientName), found.AccessionNumber) == ("Example^Person", "ACC-7")


def test_segmentation_read_from_the_pacs_lies_on_the_images_there(back: Path) -> None:
    images = [pydicom.dcmread(path) for path in back.glob("MR_*.dcm")]
    grid = hd.get_volume_from_series(images)
    made = hd.seg.segread(next(back.glob("SEG_*.dcm")))

    volume = made.get_volume(combine_segments=True)

    brain = nib.as_closest_canonical(small_brain())
    assert grid.spatial_shape == tuple(reversed(brain.shape))
    place = np.linalg.inv(grid.affine) @ volume.affine @ [0, 0, 0, 1]
    assert np.abs((place - np.rint(place))[:3] * np.array(grid.spacing)).max() < 0.01
    assert np.count_nonzero(volume.array) > 1000
    assert len(made.SegmentSequence) == 16


def test_structured_report_read_from_the_pacs_refers_to_both(back: Path) -> None:
    report = pydicom.dcmread(next(back.glob("SR_*.dcm")))
    segmentation = pydicom.dcmread(next(back.glob("SEG_*.dcm")))

    named = str(report.CurrentRequestedProcedureEvidenceSequence)
    assert segmentation.SOPInstanceUID in named
    assert report.VerificationFlag == "UNVERIFIED"


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_dciodvfy_finds_no_error_in_what_came_back(back: Path) -> None:
    def errors(path: Path) -> set[str]:
        said = subprocess.run(
            ["dciodvfy", str(path)], capture_output=True, text=True, check=False, timeout=120
        )
        lines = (said.stdout + said.stderr).splitlines()
        return {line for line in lines if line.startswith("Error")}

    known = errors(next(back.glob("MR_*.dcm")))
    for kind in ("SEG", "SR", "DOC"):
        assert errors(next(back.glob(f"{kind}_*.dcm"))) <= known
