"""One real scan, analysed once, and a quick version of it for tests that need many runs."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from mri_segmentation.analysis import Analysis, analyse
from mri_segmentation.network import Network
from mri_segmentation.volume import read_nifti

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "samples" / "pycortex_S1_T1w.nii.gz"
TRUTH = Path(__file__).parent / "data"


def stored_labels(name: str) -> NDArray[np.uint8]:
    return np.asarray(read_nifti((TRUTH / name).read_bytes()).dataobj, dtype=np.uint8)


@pytest.fixture(scope="session")
def network() -> Network:
    return Network()


@pytest.fixture(scope="session")
def scan() -> nib.Nifti1Image:
    """Subject S1, whole head, 256 x 256 x 256 voxels of 1 mm, stored as LIA."""
    return read_nifti(SAMPLE.read_bytes())


@pytest.fixture(scope="session")
def analysed(scan: nib.Nifti1Image, network: Network) -> Analysis:
    return analyse(scan, network)


@pytest.fixture(scope="session")
def surfaces() -> NDArray[np.uint8]:
    return stored_labels("S1_surface_truth_gm2_wm3.nii.gz")


@pytest.fixture(scope="session")
def hemispheres() -> NDArray[np.uint8]:
    return stored_labels("S1_hemisphere_lh1_rh2.nii.gz")


@pytest.fixture(scope="session")
def small_scan(scan: nib.Nifti1Image) -> nib.Nifti1Image:
    """The scan at 2 mm in canonical orientation: an eighth of the voxels, the same head."""
    canonical = nib.as_closest_canonical(scan)
    blocks = np.asarray(canonical.dataobj).reshape(128, 2, 128, 2, 128, 2)
    affine = canonical.affine @ np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] += canonical.affine[:3, :3] @ [0.5, 0.5, 0.5]
    return nib.Nifti1Image(blocks.mean(axis=(1, 3, 5)).round().astype(np.uint8), affine)


@pytest.fixture(scope="session")
def small_analysed(small_scan: nib.Nifti1Image, network: Network) -> Analysis:
    return analyse(small_scan, network)
