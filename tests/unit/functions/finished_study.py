"""A study that was analysed, in database and buckets: a stroke, as it is measured."""

import boto3

from mri_analysis import wiring
from mri_analysis.adapters.sql_tables import metadata
from mri_analysis.contracts.job import JobStatus
from mri_analysis.contracts.segmentation import Structure
from mri_analysis.keys import StudyKeys
from mri_analysis.ports.jobs import AnalysisResult
from mri_analysis.reporting.compose import write_report
from mri_analysis.reporting.describe import describe
from mri_analysis.reporting.evidence import gather_evidence
from tests.support.measurements import some_measurements
from tests.support.pictures import a_picture
from tests.unit.functions.calling import JOB_ID, kept
from tests.unit.functions.conftest import RESULTS_BUCKET

KEYS = StudyKeys("demo", JOB_ID)


def put_study() -> None:
    """Needs ``KNOWLEDGE_SNAPSHOT_PATH``."""
    metadata.create_all(wiring.jobs()._engine)
    measurements = some_measurements(
        volumes_ml={Structure.VENTRICLES: 42.0},
        asymmetry_percent={Structure.VENTRICLES: 63.0, Structure.CSF: 27.0},
        evans_index=0.34,
    )
    evidence = gather_evidence(measurements, wiring.knowledge_snapshot())
    description = describe(measurements, evidence.references)
    report = write_report(
        organization_id="demo", job_id=JOB_ID, description=description, evidence=evidence
    )
    boto3.client("s3").create_bucket(
        Bucket=RESULTS_BUCKET,
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
    )
    put = wiring.results().put
    put(
        KEYS.results + "measurements.json",
        measurements.model_dump_json().encode(),
        "application/json",
    )
    put(KEYS.description, description.model_dump_json().encode(), "application/json")
    put(KEYS.report, report.model_dump_json().encode(), "application/json")
    put(KEYS.results + "labels.nii.gz", b"labels", "application/gzip")
    put(KEYS.results + "montage.png", a_picture(), "image/png")
    kept(status=JobStatus.ENHANCING)
    wiring.jobs().complete(
        AnalysisResult(
            organization_id="demo",
            job_id=JOB_ID,
            segmentation_result_key=KEYS.results + "labels.nii.gz",
            measurements_key=KEYS.results + "measurements.json",
            montage_key=KEYS.results + "montage.png",
            report_key=KEYS.report,
            image_description=description.text,
            enhanced_report="# Report",
            confidence_scores={},
            processing_metrics={"quality_verdict": "warn"},
        )
    )
