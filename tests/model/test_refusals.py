"""Objects that are no brain are refused with the right word, and never with an exception."""

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from mri_analysis.contracts.segmentation import Measurements, Verdict
from mri_segmentation.analysis import analyse
from mri_segmentation.network import Network

SHAPE = (80, 90, 80)
SPACING = np.diag([2.0, 2.0, 2.0, 1.0])


def phantom(name: str) -> NDArray[np.float32]:
    """An object in a field of 160 x 180 x 160 mm."""
    random = np.random.default_rng(7)
    x, y, z = (np.indices(SHAPE) - np.array(SHAPE).reshape(3, 1, 1, 1) / 2) * 2.0
    radius = np.sqrt((x / 65) ** 2 + (y / 80) ** 2 + (z / 65) ** 2)
    noise = random.normal(0, 5, SHAPE)
    texture = ndimage.gaussian_filter(random.normal(size=SHAPE), 2)
    objects = {
        "sphere": 100.0 * (x**2 + y**2 + z**2 < 70**2) + noise,
        "box": 100.0 * ((abs(x) < 60) & (abs(y) < 75) & (abs(z) < 60)) + noise,
        "cylinder": 100.0 * ((x**2 + y**2 < 70**2) & (abs(z) < 70)) + noise,
        "shells": np.select([radius < 0.35, radius < 0.75, radius < 0.95], [110, 100, 20], 0)
        + abs(noise),
        "fruit": np.where(radius < 1, 100 - 40 * (radius > 0.9) + 15 * texture / texture.std(), 0)
        + abs(noise),
        "noise": random.normal(100, 20, SHAPE),
        "stripes": 100.0 * (np.sin(x / 3) > 0) + noise,
        "gradient": x + y,
        "zeros": np.zeros(SHAPE),
        "constant": np.full(SHAPE, 7.0),
    }
    return np.asarray(objects[name], dtype=np.float32)


def measured(data: NDArray[np.generic], affine: NDArray[np.float64], net: Network) -> Measurements:
    return analyse(nib.Nifti1Image(data, affine), net).measurements


@pytest.mark.parametrize(
    "name",
    [
        "sphere", "box", "cylinder", "shells", "fruit",
        "noise", "stripes", "gradient", "zeros", "constant",
    ],
)  # fmt: skip
def test_phantoms_are_not_a_brain(name: str, network: Network) -> None:
    # When something else than a head is analysed
    analysis = analyse(nib.Nifti1Image(phantom(name), SPACING), network)
    result = analysis.measurements

    # Then it is refused with reasons, and no number or label is told
    assert result.quality.verdict is Verdict.FAIL
    assert result.quality.refusal == "NotABrain"
    assert result.quality.reasons()
    assert result.volumes == []
    assert result.ratios == []
    assert not np.asarray(analysis.labels.dataobj).any()


def test_an_inverted_head_is_not_a_brain(small_scan: nib.Nifti1Image, network: Network) -> None:
    # Given a head whose air is bright, as no MRI shows it
    inverted = 255 - np.asarray(small_scan.dataobj).astype(np.int16)
    result = measured(inverted, small_scan.affine, network)
    assert result.quality.refusal == "NotABrain"
    assert "bright_background" in failed_codes(result)


def test_a_head_stored_upside_down_is_refused(
    small_scan: nib.Nifti1Image, network: Network
) -> None:
    # Given voxels that contradict their affine
    result = measured(np.asarray(small_scan.dataobj)[:, :, ::-1], small_scan.affine, network)
    assert result.quality.refusal == "NotABrain"
    assert "implausible_anatomy" in failed_codes(result)


def test_a_head_cut_off_is_too_poor(small_scan: nib.Nifti1Image, network: Network) -> None:
    # Given a head that lacks its vertex
    data = np.asarray(small_scan.dataobj)
    top = np.flatnonzero((data > 30).any(axis=(0, 1)))[-1]
    result = measured(data[:, :, : top - 17], small_scan.affine, network)
    assert result.quality.refusal == "QualityTooLow"
    assert failed_codes(result) == {"field_of_view_cut"}


def test_a_single_slice_is_too_poor(small_scan: nib.Nifti1Image, network: Network) -> None:
    data = np.asarray(small_scan.dataobj)[:, :, 64:65]
    result = measured(data, small_scan.affine, network)
    assert result.quality.refusal == "QualityTooLow"
    assert "few_slices" in failed_codes(result)


def failed_codes(result: Measurements) -> set[str]:
    return {check.code for check in result.quality.checks if check.verdict is Verdict.FAIL}
