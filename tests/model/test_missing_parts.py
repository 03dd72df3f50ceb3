"""Heads of which a part is missing, and images that only look like scans."""

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from mri_analysis.contracts.segmentation import Measurements, Verdict
from mri_segmentation.analysis import Analysis, analyse
from mri_segmentation.network import Network

CEREBELLUM_AND_STEM = (8, 47, 16)


@pytest.fixture(scope="session")
def voxels(small_scan: nib.Nifti1Image) -> NDArray[np.uint8]:
    return np.asarray(small_scan.dataobj).astype(np.uint8)


@pytest.fixture(scope="session")
def labels(small_analysed: Analysis) -> NDArray[np.uint8]:
    return np.asarray(small_analysed.labels.dataobj)


def measure(data: NDArray[np.uint8], like: nib.Nifti1Image, network: Network) -> Measurements:
    return analyse(nib.Nifti1Image(data, like.affine), network).measurements


def failed(result: Measurements) -> set[str]:
    return {c.code for c in result.quality.checks if c.verdict is Verdict.FAIL}


def test_brain_without_cerebellum_and_brainstem_is_refused(
    voxels: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    small_scan: nib.Nifti1Image,
    network: Network,
) -> None:
    # Given what a failed brain extraction leaves
    data = np.where((labels > 0) & ~np.isin(labels, CEREBELLUM_AND_STEM), voxels, 0)

    # When it is analysed
    result = measure(data.astype(np.uint8), small_scan, network)

    # Then the missing parts are noticed, not measured on air
    assert "structure_without_signal" in failed(result)
    assert result.quality.refusal is not None


def test_half_a_head_is_refused(
    voxels: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    small_scan: nib.Nifti1Image,
    network: Network,
) -> None:
    # Given a head of which one half was blanked (the first axis runs from left to right)
    middle = int(np.argwhere(labels > 0)[:, 0].mean())
    data = voxels.copy()
    data[middle:] = 0

    result = measure(data, small_scan, network)

    assert "structure_without_signal" in failed(result)
    assert result.quality.refusal is not None


def test_label_map_is_no_scan(
    labels: NDArray[np.uint8], small_scan: nib.Nifti1Image, network: Network
) -> None:
    result = measure(labels, small_scan, network)

    assert result.quality.verdict is Verdict.FAIL
    assert result.quality.refusal == "NotABrain"


@pytest.mark.parametrize("axes", [(1, 0, 2), (0, 2, 1), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_axes_named_wrongly_are_refused(
    axes: tuple[int, int, int],
    voxels: NDArray[np.uint8],
    small_scan: nib.Nifti1Image,
    network: Network,
) -> None:
    # Given an array that was transposed while its affine was kept
    result = measure(np.ascontiguousarray(voxels.transpose(axes)), small_scan, network)

    assert result.quality.verdict is Verdict.FAIL


def test_removed_skull_is_noticed_and_measured(
    voxels: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    small_scan: nib.Nifti1Image,
    small_analysed: Analysis,
    network: Network,
) -> None:
    result = measure(np.where(labels > 0, voxels, 0).astype(np.uint8), small_scan, network)

    told = {c.code: c.verdict for c in result.quality.checks}
    whole = {c.code: c.verdict for c in small_analysed.measurements.quality.checks}
    assert told["skull_removed"] is Verdict.WARN
    assert whole["skull_removed"] is Verdict.PASS
    assert result.quality.refusal is None
