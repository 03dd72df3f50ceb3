"""Parts of the system fail in the middle of a study; the study does not."""

import time

from mri_analysis.contracts.job import JobStatus
from tests.support.brains import as_upload, small_brain
from tests.support.chain import Chain
from tests.support.mariadb import MariaDb

OUTAGE_S = 10


def test_model_server_killed_in_the_middle_of_a_study(chain: Chain) -> None:
    assert chain.stack.wait_for_model_server()
    study = chain.put(as_upload(small_brain()))
    chain.stage_entered(study, "SegmentImage")

    chain.stack.kill_model_server()

    job = chain.ended(study)
    assert job.status is JobStatus.COMPLETED


def test_database_gone_for_ten_seconds(chain: Chain, mariadb: MariaDb) -> None:
    study = chain.put(as_upload(small_brain()))
    chain.stage_entered(study, "SegmentImage")

    with mariadb.gone():
        time.sleep(OUTAGE_S)  # the outage itself, not a wait for something

    job = chain.ended(study, 180)
    assert job.status is JobStatus.COMPLETED
    assert chain.jobs.result(study.organization_id, study.job_id) is not None
