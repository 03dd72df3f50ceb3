"""Parts of the system fail in the middle of a study; the study does not."""

import time

from mri_analysis.adapters.step_functions import StepFunctionsWorkflow
from mri_analysis.contracts.job import Job, JobError, JobStatus
from mri_analysis.use_cases.start_analysis import retry_analysis
from tests.support.brains import as_upload, small_brain
from tests.support.chain import Chain, wait_for
from tests.support.mariadb import MariaDb

OUTAGE_S = 10
OUTAGE = {"code": "ModelEndpointResting", "message": "It rests.", "next_step": "Retry."}


def test_model_server_killed_in_the_middle_of_a_study(chain: Chain) -> None:
    assert chain.stack.wait_for_model_server()
    log = chain.stack.state_dir / "logs" / "model-server.log"
    before = log.read_text().count('"started"')
    study = chain.put(as_upload(small_brain()))
    wait_for(lambda: log.read_text().count('"started"') > before, "the inference to begin")

    chain.stack.kill_model_server()

    job = chain.ended(study)
    assert job.status is JobStatus.COMPLETED
    execution = chain.execution(job)
    assert execution is not None
    assert {s.name: s.attempts for s in execution.stages}["SegmentImage"] == 2


def test_database_gone_for_ten_seconds(chain: Chain, mariadb: MariaDb) -> None:
    study = chain.put(as_upload(small_brain()))
    chain.stage_entered(study, "SegmentImage")

    with mariadb.gone():
        time.sleep(OUTAGE_S)  # the outage itself, not a wait for something

    job = chain.ended(study, 180)
    assert job.status is JobStatus.COMPLETED
    assert chain.jobs.result(study.organization_id, study.job_id) is not None


def test_study_that_failed_in_an_outage_is_retried(chain: Chain) -> None:
    study = chain.put(as_upload(small_brain()))

    def segmenting() -> Job | None:
        job = chain.job(study)
        return job if job is not None and job.status is JobStatus.SEGMENTING else None

    job = wait_for(segmenting, "the segmentation to be queued")
    # What an outage longer than all retries leaves.
    chain.stack.client("stepfunctions").stop_execution(executionArn=chain.execution(job).arn)
    chain.jobs.advance("demo", study.job_id, JobStatus.FAILED, JobError(**OUTAGE))
    workflow = StepFunctionsWorkflow(
        chain.stack.client("stepfunctions"), chain.stack.resource("MriAnalysisStateMachine")
    )

    again = retry_analysis(
        "demo",
        study.job_id,
        images_bucket=chain.images_bucket,
        actor="somebody",
        jobs=chain.jobs,
        workflow=workflow,
    )

    assert again.execution_name.endswith("-r1")
    assert chain.ended(study).status is JobStatus.COMPLETED
