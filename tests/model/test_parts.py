"""Resampling, midsagittal plane, measurements, refinement and quality limits, each alone."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mri_analysis.contracts.segmentation import ImageGeometry, Structure, Verdict
from mri_segmentation.errors import InvalidWeights
from mri_segmentation.labels import FREESURFER_IDS, FREESURFER_NAMES, Tissue, freesurfer_labels
from mri_segmentation.measurement import (
    LabelledBox,
    asymmetry_percent,
    brain_parenchymal_fraction,
    evans_index,
    measure_volumes,
)
from mri_segmentation.midsagittal import MidsagittalPlane, fit_plane
from mri_segmentation.network import WEIGHTS_FOLDER, Network
from mri_segmentation.parcellation import CoarseMap, Parcellation
from mri_segmentation.quality import Figures, judge
from mri_segmentation.refinement import ClassMeans, class_means, refine
from mri_segmentation.resampling import box_matrix, linear_matrix, resample
from mri_segmentation.volume import Volume

GOOD = Figures(
    signal=True,
    largest_spacing_mm=1.0,
    anisotropy=1.0,
    smallest_slice_count=160,
    smallest_extent_mm=160.0,
    confidence=0.77,
    intracranial_ml=1450.0,
    brainstem_ml=22.0,
    cerebellum_ml=140.0,
    parenchymal_fraction=0.82,
    cortex_to_white=1.2,
    hemisphere_asymmetry_percent=1.0,
    t1_like=True,
    tissue_separation=3.0,
    signal_to_noise=40.0,
)


@settings(deadline=None, max_examples=60)
@given(
    n=st.integers(4, 60),
    spacing=st.floats(0.3, 6.0),
    target=st.floats(0.5, 3.0),
    shift=st.floats(-5.0, 5.0),
)
def test_resampling_rows_are_weights(n: int, spacing: float, target: float, shift: float) -> None:
    # Given any pair of grids
    matrix = box_matrix(n, spacing, 24, target, shift)

    # Then no weight is negative and no row exceeds 1; rows well inside the source sum to 1
    centres = shift + (np.arange(24) + 0.5) * target
    margin = max(spacing, target)
    inside = (centres > margin) & (centres < n * spacing - margin)
    assert matrix.min() >= 0
    assert matrix.sum(axis=1).max() < 1 + 1e-4
    np.testing.assert_allclose(matrix[inside].sum(axis=1), 1, atol=1e-4)


def test_resampling_keeps_positions() -> None:
    # Given a ramp that holds each voxel's position in mm along the second axis
    ramp = np.broadcast_to(((np.arange(30) + 0.5) * 1.5)[None, :, None], (8, 30, 6))
    at = np.array([3.0, 17.2, 40.1])

    # When it is interpolated and averaged
    keep = np.eye(8, dtype=np.float32), np.eye(6, dtype=np.float32)
    linear = resample(ramp, (keep[0], linear_matrix(30, 1.5, 0.0, at), keep[1]))
    boxed = resample(ramp, (keep[0], box_matrix(30, 1.5, 5, 4.0, 6.0), keep[1]))

    # Then values are the positions asked for; averages are off by a part of a voxel at most
    np.testing.assert_allclose(linear[2, :, 3], at, rtol=1e-5)
    np.testing.assert_allclose(boxed[2, :, 3], [8, 12, 16, 20, 24], atol=0.1)


def coarse_map(tissues: NDArray[np.uint8]) -> CoarseMap:
    probabilities = np.stack([(tissues == t) for t in Tissue]).astype(np.float32)
    return CoarseMap(probabilities, np.array([10.0, 5.0, 0.0]), 2.0, tissues > 0, 1.0)


def tilted_head(slope_y: float, slope_z: float) -> CoarseMap:
    """An ellipsoid of white matter, 130 x 170 x 130 mm, sheared about a tilted plane."""
    x, y, z = np.indices((80, 96, 80)) * 2.0 + 1 + np.array([10.0, 5, 0]).reshape(3, 1, 1, 1)
    across = x - (90 + slope_y * (y - 100) + slope_z * (z - 80))
    inside = (across / 65) ** 2 + ((y - 100) / 85) ** 2 + ((z - 80) / 65) ** 2 < 1
    return coarse_map(np.where(inside, Tissue.WHITE_MATTER, 0).astype(np.uint8))


@pytest.mark.parametrize(("slope_y", "slope_z"), [(0.0, 0.0), (0.12, -0.08), (-0.2, 0.15)])
def test_the_plane_follows_a_tilted_head(slope_y: float, slope_z: float) -> None:
    # When a plane is fitted to a head turned and tilted by up to 11 degrees
    plane = fit_plane(tilted_head(slope_y, slope_z))

    # Then its slopes are found to half a degree
    assert plane.fitted
    assert plane.slope_y == pytest.approx(slope_y, abs=0.01)
    assert plane.slope_z == pytest.approx(slope_z, abs=0.01)
    middle = plane.offset_mm + plane.slope_y * 100 + plane.slope_z * 80
    assert middle == pytest.approx(90, abs=0.5)


def test_a_one_sided_defect_does_not_pull_the_plane() -> None:
    # Given a head that lacks a third of its left side over a fifth of its length
    head = tilted_head(0.0, 0.0)
    tissues = head.tissues
    tissues[:25, 30:48, 30:50] = 0
    plane = fit_plane(coarse_map(tissues))

    # Then the plane stays in the middle
    assert plane.offset_mm + plane.slope_y * 100 + plane.slope_z * 80 == pytest.approx(90, abs=1.5)


def test_too_little_cerebrum_gives_an_upright_plane() -> None:
    assert not fit_plane(coarse_map(np.zeros((80, 96, 80), np.uint8))).fitted


def test_freesurfer_ids_are_named_and_sided() -> None:
    # Given every class on both sides
    tissues = np.array([list(Tissue)] * 2, np.uint8)
    labels = freesurfer_labels(tissues, np.array([[False] * 10, [True] * 10]))

    # Then ids are the table's, and each but background has a name
    assert [tuple(pair) for pair in labels.T] == [FREESURFER_IDS[t] for t in Tissue]
    assert set(labels.ravel().tolist()) - {0} == set(FREESURFER_NAMES)


def labelled_box(tissues: NDArray[np.uint8], plane: MidsagittalPlane) -> LabelledBox:
    x, y, z = (np.arange(n, dtype=np.float64) + np.float64(0.5) for n in tissues.shape)
    return LabelledBox(tissues, plane.right_of(x, y, z), (x, y, z), 0.001)


def drawn_head() -> NDArray[np.uint8]:
    """A skull 130 mm wide with thalami and frontal horns 36 mm wide in front of them."""
    tissues = np.zeros((140, 160, 120), np.uint8)
    tissues[5:135, 5:155, 5:115] = Tissue.WHITE_MATTER
    tissues[55:85, 60:90, 50:70] = Tissue.THALAMUS
    tissues[52:88, 95:115, 60:75] = Tissue.VENTRICLES
    # Trigones behind the thalami and temporal horns below them are wider, and must not count.
    tissues[35:105, 35:55, 60:70] = Tissue.VENTRICLES
    tissues[30:110, 95:105, 30:40] = Tissue.VENTRICLES
    return tissues


def test_evans_index_measures_frontal_horns_alone() -> None:
    # Given a drawn head
    plane = MidsagittalPlane(70.0, 0.0, 0.0, True)
    ratio = evans_index(labelled_box(drawn_head(), plane), plane)

    # Then the index is the quotient of the drawn widths
    assert ratio is not None
    assert ratio.parts["frontal_horn_width_mm"] == pytest.approx(36, abs=1)
    assert ratio.parts["inner_skull_width_mm"] == pytest.approx(130, abs=1)
    assert ratio.value == pytest.approx(36 / 130, abs=0.01)


def test_a_stray_voxel_does_not_widen_the_horns() -> None:
    tissues = drawn_head()
    tissues[110, 110, 65] = Tissue.VENTRICLES
    plane = MidsagittalPlane(70.0, 0.0, 0.0, True)
    ratio = evans_index(labelled_box(tissues, plane), plane)
    assert ratio is not None
    assert ratio.parts["frontal_horn_width_mm"] == pytest.approx(36, abs=1)


def test_evans_index_is_omitted_without_horns_or_thalami() -> None:
    plane = MidsagittalPlane(70.0, 0.0, 0.0, True)
    for missing in (Tissue.THALAMUS, Tissue.VENTRICLES):
        tissues = drawn_head()
        tissues[tissues == missing] = Tissue.WHITE_MATTER
        assert evans_index(labelled_box(tissues, plane), plane) is None


def test_volumes_are_counted_and_sided() -> None:
    # Given 2 mL of cortex on the left, 1 mL on the right, and 1 mL of CSF on the right
    tissues = np.zeros((40, 20, 20), np.uint8)
    tissues[15:20, :, :] = Tissue.CORTEX
    tissues[20:25, :10, :] = Tissue.CORTEX
    tissues[25:30, :10, :] = Tissue.CSF
    plane = MidsagittalPlane(20.0, 0.0, 0.0, True)
    empty = coarse_map(np.zeros((16, 16, 16), np.uint8))

    # When they are measured
    volumes = {v.structure: v for v in measure_volumes(labelled_box(tissues, plane), empty, plane)}
    fraction = brain_parenchymal_fraction(list(volumes.values()))

    # Then totals, sides, percentages and the fraction follow
    cortex = volumes[Structure.CORTEX]
    assert (cortex.left_ml, cortex.right_ml, cortex.total_ml) == (2.0, 1.0, 3.0)
    assert cortex.asymmetry_percent == pytest.approx(66.67)
    assert cortex.percent_of_icv == 75.0
    fluid = volumes[Structure.CSF]
    assert (fluid.left_ml, fluid.right_ml, fluid.asymmetry_percent) == (0.0, 1.0, -200.0)
    assert volumes[Structure.BRAINSTEM].left_ml is None
    assert volumes[Structure.INTRACRANIAL].total_ml == 4.0
    assert fraction is not None
    assert fraction.value == 0.75
    assert volumes[Structure.HIPPOCAMPUS].asymmetry_percent is None


def test_asymmetry_of_nothing_is_unknown() -> None:
    assert asymmetry_percent(0.0, 0.0) is None
    assert asymmetry_percent(1.0, 0.0) == 200


def test_refinement_moves_the_border_to_the_image() -> None:
    # Given three slabs with noise and a bias field, and a network that is off by two voxels
    truth = np.ones((48, 40, 40), np.uint8)
    truth[16:] = 2
    truth[32:] = 3
    random = np.random.default_rng(3)
    bias = np.exp(0.15 * np.linspace(-1, 1, 40))[None, :, None]
    voxels = np.array([0, 30, 70, 110])[truth] * bias + random.normal(0, 6, truth.shape)
    seen = np.roll(truth, 2, axis=0)
    seen[:2] = 1
    priors = np.stack([np.where(seen == k, 0.75, 0.125) for k in (1, 2, 3)]).astype(np.float32)
    volume = Volume(
        voxels=voxels.astype(np.float32),
        spacing_mm=np.ones(3),
        affine=np.eye(4),
        geometry=ImageGeometry(shape=truth.shape, spacing_mm=(1, 1, 1), orientation="RAS"),
        to_input=np.zeros((3, 2)),
        averaged=(1, 1, 1),
        canonical_shape=truth.shape,
    )
    whole = (slice(None), slice(None), slice(None))
    parcellation = Parcellation(whole, seen, priors)

    # When the border is refined
    means = class_means(volume, parcellation)
    refined = refine(volume, parcellation, means)

    # Then nearly all voxels of the shifted border are right again
    assert means.t1_like
    assert np.mean(seen == truth) < 0.93
    assert np.mean(refined == truth) > 0.99


@pytest.mark.parametrize(
    ("means", "expected"),
    [
        (ClassMeans(35, 73, 108), True),
        (ClassMeans(88, 62, 68), False),
        (ClassMeans(42, 113, 124), False),
        (ClassMeans(110, 70, 30), False),
        (ClassMeans(0, 0, 0), False),
    ],
)
def test_only_t1_contrast_is_refined(means: ClassMeans, expected: bool) -> None:
    # Means of a T1, a T2 and a FLAIR scan, and two impossible ones
    assert means.t1_like is expected


def test_a_good_scan_passes_every_check() -> None:
    quality = judge(GOOD)
    assert quality.verdict is Verdict.PASS
    assert quality.refusal is None
    assert quality.reasons() == []
    assert len({check.code for check in quality.checks}) == len(quality.checks)


@pytest.mark.parametrize(
    ("change", "code", "verdict", "refusal"),
    [
        ({"confidence": 0.69}, "low_confidence", "warn", None),
        ({"confidence": 0.6}, "low_confidence", "fail", "NotABrain"),
        ({"intracranial_ml": 980.0, "cerebellum_ml": 95.0}, "intracranial_volume", "warn", None),
        (
            {"intracranial_ml": 700.0, "cerebellum_ml": 70.0},
            "intracranial_volume",
            "fail",
            "NotABrain",
        ),
        (
            {"intracranial_ml": 2400.0, "cerebellum_ml": 230.0},
            "intracranial_volume",
            "fail",
            "NotABrain",
        ),
        ({"brainstem_ml": 4.0}, "brainstem_missing", "fail", "NotABrain"),
        ({"parenchymal_fraction": 0.3}, "brain_parenchymal_fraction", "fail", "NotABrain"),
        ({"bright_background": 0.9}, "bright_background", "fail", "NotABrain"),
        ({"misplaced": 1}, "implausible_anatomy", "fail", "NotABrain"),
        ({"hemisphere_asymmetry_percent": -30.0}, "hemispheres_unequal", "warn", None),
        ({"border_cm2": 22.0}, "field_of_view_cut", "warn", None),
        ({"border_cm2": 60.0}, "field_of_view_cut", "fail", "QualityTooLow"),
        ({"largest_spacing_mm": 5.0}, "voxel_spacing", "warn", None),
        ({"largest_spacing_mm": 8.0}, "voxel_spacing", "fail", "QualityTooLow"),
        ({"smallest_slice_count": 9}, "few_slices", "fail", "QualityTooLow"),
        ({"signal_to_noise": 8.0}, "noise", "warn", None),
        ({"signal_to_noise": 2.0}, "noise", "fail", "QualityTooLow"),
        ({"tissue_separation": 0.4}, "tissue_contrast", "warn", None),
        ({"t1_like": False}, "contrast", "warn", None),
        ({"signal": False}, "no_signal", "fail", "NotABrain"),
    ],
)
def test_each_limit_decides(
    change: dict[str, float], code: str, verdict: str, refusal: str | None
) -> None:
    # Given a good scan with one figure changed
    quality = judge(dataclasses.replace(GOOD, **change))  # type: ignore[arg-type]

    # Then that check alone decides, and says so in a sentence
    decisive = [check for check in quality.checks if check.verdict is not Verdict.PASS]
    assert [check.code for check in decisive] == [code]
    assert decisive[0].verdict.value == verdict
    assert decisive[0].message.endswith(".")
    assert quality.verdict.value == verdict
    assert quality.refusal == refusal


def test_a_head_without_its_base_is_poor_and_no_stranger() -> None:
    # Given a field of view that ends above the brainstem
    quality = judge(dataclasses.replace(GOOD, border_cm2=80.0, brainstem_ml=1.0))
    assert quality.refusal == "QualityTooLow"


def test_weights_are_checked_against_their_manifest(tmp_path: Path) -> None:
    # Given weights of which one byte was changed
    folder = tmp_path
    (folder / "brainseg_int8.json").write_text((WEIGHTS_FOLDER / "brainseg_int8.json").read_text())
    weights = bytearray((WEIGHTS_FOLDER / "brainseg_int8.onnx").read_bytes())
    weights[1000] ^= 1
    (folder / "brainseg_int8.onnx").write_bytes(weights)

    # Then they are not loaded
    with pytest.raises(InvalidWeights):
        Network(folder / "brainseg_int8.json")
