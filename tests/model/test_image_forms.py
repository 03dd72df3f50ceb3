"""The same head, stored in other ways, gives the same measurements."""

import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform

from mri_analysis.contracts.segmentation import Structure
from mri_segmentation import errors
from mri_segmentation.analysis import Analysis, analyse
from mri_segmentation.network import Network
from mri_segmentation.volume import MAX_VOXELS, canonical_volume, read_nifti


def stored_as(image: nib.Nifti1Image, codes: str) -> nib.Nifti1Image:
    """The same image with its voxels stored along other axes and the affine to match."""
    turn = ornt_transform(io_orientation(image.affine), axcodes2ornt(tuple(codes)))
    data = nib.apply_orientation(np.asarray(image.dataobj), turn)
    return nib.Nifti1Image(
        np.ascontiguousarray(data), image.affine @ inv_ornt_aff(turn, image.shape)
    )


@pytest.mark.parametrize("codes", ["LPS", "LIA", "PSR", "SAL"])
def test_orientation_of_storage_changes_nothing(
    codes: str, small_scan: nib.Nifti1Image, small_analysed: Analysis, network: Network
) -> None:
    # Given the head with flipped or exchanged axes
    turned = stored_as(small_scan, codes)

    # When it is analysed
    result = analyse(turned, network)

    # Then sides and volumes stay, and the labels lie on the turned grid
    for volume in small_analysed.measurements.volumes:
        other = result.measurements.volume(volume.structure)
        assert other is not None
        assert other.total_ml == pytest.approx(volume.total_ml, rel=1e-3, abs=0.05)
        assert (other.left_ml or 0) == pytest.approx(volume.left_ml or 0, rel=1e-3, abs=0.05)
    back = np.asarray(nib.as_closest_canonical(result.labels).dataobj)
    assert np.mean(back == np.asarray(small_analysed.labels.dataobj)) > 0.9999
    assert result.measurements.geometry.orientation == codes


def test_a_mirrored_head_swaps_its_sides(
    small_scan: nib.Nifti1Image, small_analysed: Analysis, network: Network
) -> None:
    # Given a head whose voxels are mirrored while the affine still claims the old orientation
    mirrored = nib.Nifti1Image(np.asarray(small_scan.dataobj)[::-1], small_scan.affine)

    # When it is analysed
    result = analyse(mirrored, network).measurements

    # Then what was left is right: sides come from the affine, not from a guess
    before = small_analysed.measurements.volume(Structure.VENTRICLES)
    after = result.volume(Structure.VENTRICLES)
    assert before is not None
    assert after is not None
    assert after.asymmetry_percent is not None
    assert before.asymmetry_percent is not None
    assert after.asymmetry_percent * before.asymmetry_percent < 0


@pytest.mark.parametrize("form", ["int8", "uint16", "float64", "scaled", "inverted sign", "4d"])
def test_voxel_type_and_scale_change_nothing(
    form: str, small_scan: nib.Nifti1Image, small_analysed: Analysis, network: Network
) -> None:
    # Given the head in another voxel type, or with a scale factor in the header
    data = np.asarray(small_scan.dataobj).astype(np.float64)
    affine = small_scan.affine
    match form:
        case "int8":
            image = nib.Nifti1Image((data - 128).clip(-128, 127).astype(np.int8), affine)
        case "uint16":
            image = nib.Nifti1Image((data * 200).astype(np.uint16), affine)
        case "float64":
            image = nib.Nifti1Image(data * 1e-7, affine)
        case "scaled":
            image = nib.Nifti1Image(data.astype(np.int16), affine)
            image.header.set_slope_inter(0.25, -7)
            image = read_nifti(image.to_bytes())
        case "inverted sign":
            # Raw voxels are negative; the slope of the header makes them the head again.
            image = nib.Nifti1Image((-data).astype(np.int16), affine)
            content = bytearray(image.to_bytes())
            content[112:116] = np.float32(-1).tobytes()
            content[116:120] = np.float32(0).tobytes()
            image = read_nifti(bytes(content))
        case _:
            image = nib.Nifti1Image(np.asarray(small_scan.dataobj)[..., None], affine)

    # When it is analysed
    result = analyse(image, network)

    # Then the labels are the same
    same = np.asarray(result.labels.dataobj) == np.asarray(small_analysed.labels.dataobj)
    assert np.mean(same) > 0.9998
    assert result.labels.shape == small_scan.shape


def test_fine_voxels_are_averaged_and_come_back_whole() -> None:
    # Given voxels of a third of a millimetre along one axis, and a length no factor divides
    image = nib.Nifti1Image(np.zeros((31, 20, 20), np.int16), np.diag([0.4, 1.0, 1.0, 1.0]))

    # When the volume is prepared and labels are turned back
    volume = canonical_volume(image)
    labels = volume.on_input_grid(np.ones(volume.voxels.shape, np.uint8))

    # Then the working grid is coarser, positions stay, and the labels fit the input
    assert volume.voxels.shape == (15, 20, 20)
    np.testing.assert_allclose(volume.spacing_mm, [0.8, 1, 1])
    np.testing.assert_allclose(volume.affine[:3, 3], [0.2, 0, 0])
    assert labels.shape == image.shape
    assert labels[:30].all()
    assert not labels[30].any()


def test_unusable_images_raise_their_own_error() -> None:
    # Given images no analysis can begin with; then each raises the type that names its cause
    plain = np.zeros((8, 8, 8), np.float32)
    broken = plain.copy()
    broken[0, 0, 0] = np.nan
    with pytest.raises(errors.NonFiniteVoxels):
        canonical_volume(nib.Nifti1Image(broken, np.eye(4)))
    with pytest.raises(errors.UnsupportedShape):
        canonical_volume(nib.Nifti1Image(np.zeros((8, 8, 8, 3), np.float32), np.eye(4)))
    with pytest.raises(errors.UnsupportedShape):
        canonical_volume(nib.Nifti1Image(np.zeros((8, 8), np.float32), np.eye(4)))
    with pytest.raises(errors.UnsupportedVoxelType):
        canonical_volume(nib.Nifti1Image(plain.astype(np.complex64), np.eye(4)))
    singular = bytearray(nib.Nifti1Image(plain, np.eye(4)).to_bytes())
    singular[296:312] = bytes(16)  # srow_y
    with pytest.raises(errors.UnusableOrientation):
        canonical_volume(read_nifti(bytes(singular)))
    silent = bytearray(nib.Nifti1Image(plain, np.eye(4)).to_bytes())
    silent[252:256] = bytes(4)  # qform_code, sform_code
    with pytest.raises(errors.UnusableOrientation):
        canonical_volume(read_nifti(bytes(silent)))


def test_damaged_files_are_unreadable(scan: nib.Nifti1Image) -> None:
    # Given no NIfTI at all, a gzip stream that ends early, and a volume that ends early
    for content in (b"", b"no image", b"\x1f\x8b" + b"\0" * 40):
        with pytest.raises(errors.UnreadableImage):
            read_nifti(content)
    short = nib.Nifti1Image(np.zeros((8, 8, 8), np.int16), np.eye(4)).to_bytes()[:-100]
    with pytest.raises(errors.UnreadableImage):
        canonical_volume(read_nifti(short))
    assert np.prod(scan.shape) < MAX_VOXELS
