"""Studies as a BIDS derivative dataset."""

import csv
import gzip
import json
from pathlib import Path

import pytest

from mri_analysis.contracts.segmentation import Contrast, Measurements, Structure
from mri_client.bids import NotOurDataset, StudyFiles, write_dataset
from tests.support.measurements import some_measurements

JOB = "1f0c6a7e-2f57-4c0e-9a37-b1a1de3a4c11"
SUBJECT = "sub-1f0c6a7e2f574c0e9a37b1a1de3a4c11"


def files(measurements: Measurements, job_id: str = JOB) -> StudyFiles:
    return StudyFiles(
        job_id,
        measurements,
        lambda: gzip.compress(b"image"),
        lambda: gzip.compress(b"labels"),
    )


def table(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "participants.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return {row["participant_id"]: row for row in rows}


def test_dataset_is_laid_out_as_a_derivative(tmp_path: Path) -> None:
    written = write_dataset(tmp_path / "out", [files(some_measurements())])

    names = {str(path.relative_to(tmp_path / "out")) for path in written}
    assert names == {
        *("dataset_description.json", "participants.tsv", "participants.json", "dseg.tsv"),
        "README",
        *(
            f"{SUBJECT}/anat/{SUBJECT}_{name}"
            for name in (
                *("dseg.nii.gz", "dseg.json"),
                *("desc-prepared_T1w.nii.gz", "desc-prepared_T1w.json"),
            )
        ),
    }
    described = json.loads((tmp_path / "out" / "dataset_description.json").read_text())
    assert (described["DatasetType"], described["BIDSVersion"]) == ("derivative", "1.10.0")
    labels = gzip.decompress(
        (tmp_path / "out" / SUBJECT / "anat" / f"{SUBJECT}_dseg.nii.gz").read_bytes()
    )
    assert labels == b"labels"


def test_figures_are_those_of_the_measurements_and_what_is_missing_is_not_a_number(
    tmp_path: Path,
) -> None:
    measured = some_measurements(missing=frozenset({Structure.THALAMUS}), evans_index=None)
    write_dataset(tmp_path, [files(measured)])

    row = table(tmp_path)[SUBJECT]

    for volume in measured.volumes:
        assert float(row[f"{volume.structure.value}_total_ml"]) == volume.total_ml
    assert row["thalamus_total_ml"] == row["evans_index"] == "n/a"
    columns = json.loads((tmp_path / "participants.json").read_text())
    assert set(columns) == set(row) - {"participant_id"}
    assert columns["hippocampus_left_ml"]["Units"] == "mL"


def test_study_that_comes_later_joins_and_one_that_comes_again_is_replaced(tmp_path: Path) -> None:
    other = JOB.replace("1f", "2f")
    write_dataset(tmp_path, [files(some_measurements())])
    write_dataset(tmp_path, [files(some_measurements(), other)])
    changed = some_measurements(evans_index=0.31)

    write_dataset(tmp_path, [files(changed)])

    found = table(tmp_path)
    assert len(found) == 2
    assert found[SUBJECT]["evans_index"] == "0.31"


def test_image_of_another_contrast_is_called_nothing(tmp_path: Path) -> None:
    written = write_dataset(tmp_path, [files(some_measurements(contrast=Contrast.OTHER))])

    assert not [path for path in written if "T1w" in path.name]


@pytest.mark.parametrize("content", ["{}", "[]", '{"GeneratedBy": [{"Name": "fmriprep"}]}', "x"])
def test_dataset_of_somebody_else_is_left_alone(tmp_path: Path, content: str) -> None:
    (tmp_path / "dataset_description.json").write_text(content)

    with pytest.raises(NotOurDataset):
        write_dataset(tmp_path, [files(some_measurements())])

    assert [path.name for path in tmp_path.iterdir()] == ["dataset_description.json"]
