"""The main job: a real brain goes in, a measured and cited draft report comes out."""

import gzip
import json

import nibabel as nib
import numpy as np

from mri_analysis.contracts.job import Job, JobStatus
from mri_analysis.contracts.report import Report
from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.contracts.study import PreparedStudy
from mri_analysis.keys import StudyKeys
from tests.support.brains import SAMPLE, as_upload, small_brain
from tests.support.chain import Chain

Study = tuple[StudyKeys, Job]

ARTEFACTS = (
    "labels.nii.gz",
    "measurements.json",
    "montage.png",
    "description.json",
    "report.json",
    "report.md",
)


def test_every_stage_runs_once_in_order(chain: Chain, sample_study: Study) -> None:
    _, job = sample_study
    execution = chain.execution(job)

    assert job.status is JobStatus.COMPLETED
    assert execution is not None
    assert execution.status == "SUCCEEDED"
    assert [stage.name for stage in execution.stages] == [
        "PrepareStudy",
        "SegmentImage",
        "CheckQuality",
        "ImageToText",
        "EnhanceWithLLM",
        "StoreResults",
        "NotifyUser",
        "AnalysisCompleted",
    ]
    assert all(stage.attempts <= 1 for stage in execution.stages)


def test_labels_lie_on_the_grid_of_the_upload(chain: Chain, sample_study: Study) -> None:
    study, _ = sample_study
    labels = nib.Nifti1Image.from_bytes(gzip.decompress(chain.result(study, "labels.nii.gz")))
    scan = nib.load(SAMPLE)

    assert labels.shape == scan.shape
    np.testing.assert_allclose(labels.affine, scan.affine, atol=1e-4)


def test_documents_keep_their_contracts(chain: Chain, sample_study: Study) -> None:
    study, _ = sample_study
    prepared = chain.stack.client("s3").get_object(
        Bucket=chain.stack.resource("ResultsBucket"), Key=study.study
    )
    Measurements.model_validate_json(chain.result(study, "measurements.json"))
    report = Report.model_validate_json(chain.result(study, "report.json"))

    assert PreparedStudy.model_validate_json(prepared["Body"].read()).orientation == "LIA"
    assert report.status == "draft"
    assert report.key_findings
    assert report.recommended_follow_up
    assert report.not_assessed


def test_report_states_the_measured_volume(chain: Chain, sample_study: Study) -> None:
    study, _ = sample_study
    measurements = Measurements.model_validate_json(chain.result(study, "measurements.json"))
    icv = next(v for v in measurements.volumes if v.id == "volume.intracranial")

    assert f"{icv.total_ml:.0f} mL" in chain.result(study, "report.md").decode()


def test_result_row_holds_what_was_written(chain: Chain, sample_study: Study) -> None:
    study, _ = sample_study
    row = chain.jobs.result(study.organization_id, study.job_id)

    assert row is not None
    assert row.enhanced_report == chain.result(study, "report.md").decode()
    assert row.segmentation_result_key == study.results + "labels.nii.gz"
    assert set(row.processing_metrics["stage_seconds"]) == {
        "PrepareStudy",
        "ImageToText",
        "EnhanceWithLLM",
    }


def test_same_scan_gives_the_same_labels(chain: Chain) -> None:
    body = as_upload(small_brain())
    studies = [chain.put(body) for _ in range(2)]
    for study in studies:
        assert chain.ended(study).status is JobStatus.COMPLETED

    first, second = (chain.result(study, "labels.nii.gz") for study in studies)
    assert gzip.decompress(first) == gzip.decompress(second)


def test_trace_of_a_study_can_be_found_by_its_job_id(chain: Chain, sample_study: Study) -> None:
    study, _ = sample_study
    traces = (chain.stack.state_dir / "traces.jsonl").read_text()

    assert study.job_id in traces


def test_every_artefact_is_there(chain: Chain, sample_study: Study) -> None:
    study, _ = sample_study

    assert all(chain.result(study, name) for name in ARTEFACTS)


def test_execution_carries_ids_and_keys_only(chain: Chain, sample_study: Study) -> None:
    _, job = sample_study
    execution = chain.execution(job)
    assert execution is not None
    client = chain.stack.client("stepfunctions")

    output = client.describe_execution(executionArn=execution.arn)["output"]

    assert len(output) < 8_000
    assert "findings" not in json.loads(output)
