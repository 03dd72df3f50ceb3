"""The segmentation of a real head, held against surfaces, hemispheres and published ranges."""

import io

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from benchmarks import surface_truth
from mri_analysis.contracts.segmentation import Contrast, Structure, Verdict, VolumeMethod
from mri_segmentation.analysis import Analysis, analyse
from mri_segmentation.artefacts import artefacts
from mri_segmentation.labels import FREESURFER_NAMES
from mri_segmentation.montage import GAP, HEADER
from mri_segmentation.network import Network

LEFT = (2, 3, 4, 10, 17, 28)
RIGHT = (41, 42, 43, 49, 53, 60)


def labels_of(analysis: Analysis) -> NDArray[np.uint8]:
    return np.asarray(analysis.labels.dataobj)


def test_cortex_and_white_matter_follow_the_surfaces(
    analysed: Analysis, surfaces: NDArray[np.uint8]
) -> None:
    # When labels and surfaces are compared within 5 mm of the cortex
    overlap = surface_truth.overlap(labels_of(analysed), surfaces)

    # Then they overlap as the model card says
    assert overlap["cortex_dice"] >= 0.94
    assert overlap["inside_white_dice"] >= 0.935
    assert overlap["pia_recall"] > 0.99


def test_left_and_right_are_the_patients(
    analysed: Analysis, hemispheres: NDArray[np.uint8]
) -> None:
    # Given labels that carry a side
    labels = labels_of(analysed)
    left, right = np.isin(labels, LEFT), np.isin(labels, RIGHT)

    # When they are held against the hemispheres of the surfaces
    known = (left | right) & (hemispheres > 0)

    # Then nearly all voxels agree
    agreement = np.mean(right[known] == (hemispheres[known] == 2))
    assert agreement > 0.995


def test_volumes_and_ratios_are_those_of_a_healthy_adult(analysed: Analysis) -> None:
    # Given the measurements of a healthy adult
    measured = analysed.measurements
    ml = {volume.structure: volume.total_ml for volume in measured.volumes}
    ratio = {r.id: r for r in measured.ratios}

    # Then every structure was measured and lies in an adult's range
    assert set(ml) == set(Structure)
    assert 1400 < ml[Structure.INTRACRANIAL] < 1800
    assert 120 < ml[Structure.CEREBELLUM] < 180
    assert 15 < ml[Structure.BRAINSTEM] < 30
    assert 7 < ml[Structure.HIPPOCAMPUS] < 12
    assert 0.75 < ratio["ratio.brain_parenchymal_fraction"].value < 0.9
    # This head has slit-like frontal horns, whose walls touch: their width is underestimated.
    evans = ratio["ratio.evans_index"]
    assert 0.1 < evans.value < 0.3
    assert 120 < evans.parts["inner_skull_width_mm"] < 155

    # And a healthy head is nearly symmetrical
    for structure in (
        Structure.CSF,
        Structure.CORTEX,
        Structure.WHITE_MATTER,
        Structure.CEREBELLUM,
    ):
        volume = measured.volume(structure)
        assert volume is not None
        assert volume.asymmetry_percent is not None
        assert abs(volume.asymmetry_percent) < 4
    assert measured.quality.verdict is Verdict.PASS
    assert measured.contrast is Contrast.T1_LIKE
    assert measured.engine.refined


def test_measurements_agree_with_the_labels(analysed: Analysis) -> None:
    # Given label counts in millilitres (1-mm voxels)
    counts = np.bincount(labels_of(analysed).ravel(), minlength=256) / 1000
    cortex = analysed.measurements.volume(Structure.CORTEX)
    hippocampus = analysed.measurements.volume(Structure.HIPPOCAMPUS)
    assert cortex is not None
    assert hippocampus is not None

    # Then counted volumes are the counts, and soft ones lie near them
    assert cortex.left_ml == pytest.approx(counts[3], abs=0.002)
    assert cortex.right_ml == pytest.approx(counts[42], abs=0.002)
    assert hippocampus.method is VolumeMethod.SOFT
    assert abs(hippocampus.total_ml / (counts[17] + counts[53]) - 1) < 0.15
    assert set(np.flatnonzero(counts)) - {0} == set(FREESURFER_NAMES)


def test_labels_lie_on_the_input_grid(analysed: Analysis, scan: nib.Nifti1Image) -> None:
    # Then shape, affine and orientation are the input's, and nothing else of its header is
    assert analysed.labels.shape == scan.shape
    np.testing.assert_array_equal(analysed.labels.affine, scan.affine)
    assert analysed.labels.get_data_dtype() == np.uint8
    assert analysed.measurements.geometry.orientation == "LIA"
    assert analysed.labels.header["descrip"].tobytes().strip(b"\0") == b""


def test_the_same_image_gives_the_same_bytes(
    small_scan: nib.Nifti1Image, small_analysed: Analysis, network: Network
) -> None:
    # When the same image is analysed again
    first, second = artefacts(small_analysed), artefacts(analyse(small_scan, network))

    # Then labels and picture are equal byte by byte, and so are all numbers but the times
    assert first["labels.nii.gz"] == second["labels.nii.gz"]
    assert first["montage.png"] == second["montage.png"]
    assert first["slices.png"] == second["slices.png"]
    a, b = (
        r.measurements.model_dump(exclude={"engine": {"seconds", "cpu_seconds"}})
        for r in (small_analysed, analyse(small_scan, network))
    )
    assert a == b


def test_the_montage_is_a_picture_of_readable_size(analysed: Analysis) -> None:
    picture = Image.open(io.BytesIO(analysed.montage_png))
    assert picture.format == "PNG"
    assert 1200 < picture.width < 2600
    assert 700 < picture.height < 2000
    assert len(analysed.montage_png) < 3_000_000


def test_the_plain_slices_are_those_of_the_montage_without_labels(analysed: Analysis) -> None:
    # Given both pictures
    montage = Image.open(io.BytesIO(analysed.montage_png))
    slices = Image.open(io.BytesIO(analysed.slices_png))

    # Then the plain one is grey, of the same slices, and says nothing inside the file
    assert (slices.format, slices.mode, slices.info) == ("PNG", "L", {})
    assert slices.width == montage.width
    assert len(analysed.slices_png) < 1_500_000
    below_header = np.asarray(montage.convert("L"))[HEADER:][: slices.height - GAP]
    plain = np.asarray(slices)[GAP:]
    same = np.abs(plain.astype(int) - below_header) <= 8
    assert 0.6 < same.mean() < 1


def test_the_report_is_told_what_was_not_assessed(analysed: Analysis) -> None:
    text = " ".join(analysed.measurements.not_assessed).lower()
    for word in ("lesion", "tumour", "infarct", "haemorrhage", "hippocampal", "children", "vessel"):
        assert word in text
