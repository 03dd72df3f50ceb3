"""Reading untrusted NIfTI uploads."""

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mri_analysis.errors
from mri_analysis.errors import UploadError
from mri_analysis.imaging.nifti import PreparedImage, compressed, read_upload
from tests.support.bad_uploads import BAD_UPLOADS, packed, ramp_image, with_header

MAX_VOXELS = 512**3


def read(tmp_path: Path, body: bytes) -> PreparedImage:
    path = tmp_path / "upload"
    path.write_bytes(body)
    return read_upload(path, max_voxels=MAX_VOXELS)


def written(prepared: PreparedImage) -> nib.Nifti1Image:
    return nib.Nifti1Image.from_bytes(gzip.decompress(compressed(prepared)))


@pytest.mark.parametrize("name", BAD_UPLOADS)
def test_bad_upload_is_refused_with_its_code(tmp_path: Path, name: str) -> None:
    make, code = BAD_UPLOADS[name]
    body = make()

    with pytest.raises(UploadError) as caught:
        read(tmp_path, body)

    assert type(caught.value) is getattr(mri_analysis.errors, code)
    assert str(caught.value).endswith(".")
    assert caught.value.next_step


@given(position=st.integers(0, 347), value=st.integers(0, 255))
@settings(max_examples=150, deadline=None)
def test_any_damaged_header_byte_is_read_or_refused_with_a_code(
    tmp_path_factory: pytest.TempPathFactory, position: int, value: int
) -> None:
    raw = bytearray(ramp_image().to_bytes())
    raw[position] = value
    path = tmp_path_factory.mktemp("damaged") / "upload"
    path.write_bytes(raw)

    try:
        prepared = read_upload(path, max_voxels=MAX_VOXELS)
    except UploadError:
        return  # any other exception fails the test

    assert min(prepared.spacing_mm) > 0


@pytest.mark.parametrize("data_type", ["int8", "uint8", "int16", "uint16", "float32", "float64"])
def test_voxels_and_affine_survive_preparation(tmp_path: Path, data_type: str) -> None:
    image = ramp_image(data_type)

    prepared = read(tmp_path, packed(image))

    again = written(prepared)
    np.testing.assert_allclose(again.get_fdata(), image.get_fdata())
    np.testing.assert_allclose(again.affine, image.affine)
    assert prepared.data_type == data_type


def test_scaling_is_kept(tmp_path: Path) -> None:
    body = with_header(112, "2f", 0.5, 10.0)

    again = written(read(tmp_path, body))

    np.testing.assert_allclose(again.get_fdata(), ramp_image().get_fdata() * 0.5 + 10)


def test_big_endian_and_nifti2_are_read(tmp_path: Path) -> None:
    values = np.indices((20, 22, 24)).sum(axis=0).astype(np.int16)
    header = nib.Nifti1Header(endianness=">")
    big = nib.Nifti1Image(values.astype(">i2"), np.eye(4), header)
    big.set_sform(np.eye(4), code=1)
    second = nib.Nifti2Image(values, np.eye(4))
    second.set_sform(np.eye(4), code=1)

    for image in (big, second):
        again = written(read(tmp_path, image.to_bytes()))
        np.testing.assert_array_equal(again.get_fdata(), values)


def test_trailing_singleton_dimensions_are_one_volume(tmp_path: Path) -> None:
    image = ramp_image()
    four = nib.Nifti1Image(np.asarray(image.dataobj)[..., None], image.affine, image.header)

    assert read(tmp_path, packed(four)).shape == image.shape


@pytest.mark.parametrize("codes", ["RAS", "LIA", "PSR", "ARS", "LPI"])
def test_orientation_is_kept_as_stored(tmp_path: Path, codes: str) -> None:
    start = ramp_image()
    to = nib.orientations.axcodes2ornt(tuple(codes))
    turned = start.as_reoriented(
        nib.orientations.ornt_transform(nib.orientations.io_orientation(start.affine), to)
    )

    prepared = read(tmp_path, packed(turned))

    assert prepared.orientation == codes
    np.testing.assert_allclose(written(prepared).affine, turned.affine, atol=1e-5)


def test_qform_is_used_where_the_sform_maps_into_a_template(tmp_path: Path) -> None:
    image = ramp_image()
    image.set_sform(np.diag([2.4, 2.4, 2.4, 1.0]), code="mni")

    prepared = read(tmp_path, packed(image))

    assert prepared.orientation_source == "qform"
    assert prepared.spacing_mm == (2.0, 2.0, 2.0)
    assert prepared.notes


def test_no_free_text_survives(tmp_path: Path) -> None:
    image = ramp_image()
    for field in ("descrip", "aux_file", "intent_name", "db_name"):
        image.header[field] = b"Jane Doe"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"Jane Doe 1950-01-01"))

    prepared = read(tmp_path, packed(image))

    assert b"Jane Doe" not in prepared.content


def test_preparation_is_deterministic(tmp_path: Path) -> None:
    body = packed(ramp_image())

    first, second = (compressed(read(tmp_path, body)) for _ in range(2))

    assert first == second


def test_voxels_right_behind_the_header_are_not_shifted(tmp_path: Path) -> None:
    raw = bytearray(ramp_image().to_bytes())
    raw[108:112] = bytes(4)  # vox_offset 0

    again = written(read(tmp_path, bytes(raw)))

    np.testing.assert_array_equal(again.get_fdata(), ramp_image().get_fdata())


def test_qfac_of_zero_is_one(tmp_path: Path) -> None:
    image = ramp_image()
    image.set_sform(None, code=0)
    raw = bytearray(image.to_bytes())
    raw[76:80] = bytes(4)  # pixdim[0] 0

    prepared = read(tmp_path, bytes(raw))

    assert prepared.orientation_source == "qform"
    np.testing.assert_allclose(written(prepared).affine, image.affine)
