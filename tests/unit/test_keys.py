"""Which study an uploaded object belongs to."""

import pytest

from mri_analysis.errors import ForeignUpload
from mri_analysis.keys import execution_name, study_of_upload

JOB = "1f0c6a7e-2f57-4c0e-9a37-b1a1de3a4c11"


def test_key_with_a_job_id_names_the_job() -> None:
    study = study_of_upload("b", f"incoming/demo/{JOB}/upload", "v1")

    assert (study.organization_id, study.job_id) == ("demo", JOB)
    assert study.upload == f"incoming/demo/{JOB}/upload"


@pytest.mark.parametrize(
    "key",
    ["incoming/demo/Frau Müller (T1).nii.gz", f"incoming/demo/{JOB}/other", "incoming/demo/a/b/c"],
)
def test_any_other_name_gets_a_job_id_of_its_own(key: str) -> None:
    first, again, other = (study_of_upload("b", key, v) for v in ("v1", "v1", "v2"))

    assert first == again
    assert first.job_id != other.job_id
    assert "M" not in first.results


@pytest.mark.parametrize("key", ["x", "incoming/", "incoming/../x", "incoming/UP/x", "results/a/b"])
def test_foreign_keys_are_refused(key: str) -> None:
    with pytest.raises(ForeignUpload):
        study_of_upload("b", key, None)


def test_execution_name_differs_by_version_and_fits() -> None:
    names = {execution_name("b", "k", version) for version in ("v1", "v2", None)}

    assert len(names) == 3
    assert all(len(name) == 64 for name in names)
