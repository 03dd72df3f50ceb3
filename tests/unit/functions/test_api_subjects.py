"""Studies of one subject: linked by a hash, and nothing else is kept of whom they are."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import boto3
import pytest
from sqlalchemy import select, text, update

from mri_analysis import wiring
from mri_analysis.adapters.sql_tables import analysis_jobs, metadata
from mri_analysis.contracts.job import JobStatus
from mri_analysis.subjects import subject_hash
from tests.unit.functions.calling import JOB_ID, PERSON, Answer, Api, assert_problem, audited

SUBJECT = "Planted Person 4711"
KEY = "s" * 64


@pytest.fixture
def api(load: Callable[[str], ModuleType]) -> Api:
    metadata.create_all(wiring.jobs()._engine)
    boto3.client("secretsmanager").create_secret(Name="subjects", SecretString=KEY)
    return Api(load("api"))


def uploaded(
    api: Api,
    subject: str | None = SUBJECT,
    status: JobStatus = JobStatus.COMPLETED,
    age_hours: int = 0,
) -> str:
    """Id of a study; ``status`` and age are set beside the API."""
    body: dict[str, Any] = {"size_bytes": 5} | ({"subject": subject} if subject else {})
    answer = api.post("/v1/uploads", body)
    assert answer.status == 201, answer.body
    job_id = str(answer.document["job_id"])
    moment = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=age_hours)
    with wiring.jobs()._engine.begin() as connection:
        connection.execute(
            update(analysis_jobs)
            .where(analysis_jobs.c.job_id == job_id)
            .values(status=status, created_at=moment)
        )
    return job_id


def prior(api: Api, job_id: str) -> Answer:
    return api.get(f"/v1/jobs/{job_id}/prior-studies")


def listed(api: Api, job_id: str) -> list[str]:
    return [study["job_id"] for study in prior(api, job_id).document["prior_studies"]]


def test_prior_studies_are_earlier_completed_ones_of_the_subject_newest_first(api: Api) -> None:
    oldest = uploaded(api, age_hours=9)
    uploaded(api, "somebody else", age_hours=8)
    uploaded(api, None, age_hours=7)
    uploaded(api, status=JobStatus.FAILED, age_hours=6)
    older = uploaded(api, f"  {SUBJECT} ", age_hours=5)
    this = uploaded(api, age_hours=4)
    uploaded(api, age_hours=3)

    document = prior(api, this).document

    assert listed(api, this) == [older, oldest]
    assert document["subject_given"] is True
    assert set(document["prior_studies"][0]) == {
        *("job_id", "created_at", "quality", "review_status")
    }
    assert prior(api, oldest).document == {"subject_given": True, "prior_studies": []}


def test_study_without_a_subject_has_no_prior_studies(api: Api) -> None:
    uploaded(api, None, age_hours=1)

    answer = prior(api, uploaded(api, None))

    assert answer.document == {"subject_given": False, "prior_studies": []}


def test_same_subject_in_another_organization_is_another_one(api: Api) -> None:
    theirs = uploaded(api, age_hours=2)
    api.organization = "other"
    this = uploaded(api)

    assert listed(api, this) == []
    assert_problem(prior(api, theirs), 404, "JobNotFound")


def test_row_of_another_organization_with_the_same_hash_is_not_listed(api: Api) -> None:
    """Not even where hashes met: every query carries the organization."""
    theirs = uploaded(api, age_hours=2)
    this = uploaded(api)
    with wiring.jobs()._engine.begin() as connection:
        connection.execute(
            update(analysis_jobs)
            .where(analysis_jobs.c.job_id == theirs)
            .values(organization_id="other")
        )

    assert listed(api, this) == []


def test_look_for_prior_studies_is_noted(api: Api) -> None:
    this = uploaded(api)
    prior(api, this)

    assert audited()[-1] == (this, PERSON, "prior_studies.listed")
    assert_problem(prior(api, JOB_ID), 404, "JobNotFound")


def test_subject_is_kept_as_a_keyed_hash_in_one_column_and_nowhere_else(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = uploaded(api)
    prior(api, job_id)
    api.get(f"/v1/jobs/{job_id}")
    hashed = subject_hash("demo", SUBJECT, KEY.encode())

    with wiring.jobs()._engine.begin() as connection:
        kept = connection.execute(select(analysis_jobs.c.subject_hash)).scalars().all()
        assert kept == [hashed]
        everything = ""
        for table in metadata.sorted_tables:
            for row in connection.execute(text(f"SELECT * FROM {table.name}")).mappings():
                everything += repr({k: v for k, v in row.items() if k != "subject_hash"})
    said = repr([vars(record) for record in caplog.records])
    answers = api.get(f"/v1/jobs/{job_id}/events").body + api.get("/v1/jobs").body
    for place in (everything, said, answers):
        assert SUBJECT not in place
        assert hashed not in place
    assert "upload prepared" in said


def test_job_as_the_analysis_reads_it_knows_no_subject(api: Api) -> None:
    job = wiring.jobs().find("demo", uploaded(api))

    assert job is not None
    assert subject_hash("demo", SUBJECT, KEY.encode()) not in job.model_dump_json()


def test_repeated_upload_keeps_its_subject(api: Api) -> None:
    key = {"Idempotency-Key": "request-1"}

    def ask(subject: str | None) -> Answer:
        body = {"size_bytes": 5} | ({"subject": subject} if subject else {})
        return api.post("/v1/uploads", body, key)

    first = ask(SUBJECT).document["job_id"]

    assert ask(SUBJECT).document["job_id"] == first
    assert ask(None).document["job_id"] == first  # says nothing of a subject
    refused = ask("somebody else")
    assert_problem(refused, 409, "SubjectDiffers")
    assert first in refused.document["detail"]
    assert "somebody" not in refused.body
    wiring.jobs().advance("demo", first, JobStatus.UPLOADED)
    assert_problem(ask(SUBJECT), 409, "UploadArrived")
    assert_problem(ask("somebody else"), 409, "SubjectDiffers")


def test_subject_cannot_be_given_to_an_upload_that_had_none(api: Api) -> None:
    key = {"Idempotency-Key": "request-1"}
    assert api.post("/v1/uploads", {"size_bytes": 5}, key).status == 201

    refused = api.post("/v1/uploads", {"size_bytes": 5, "subject": SUBJECT}, key)

    assert_problem(refused, 409, "SubjectDiffers")


@pytest.mark.parametrize(
    "subject", ["", "   ", "x" * 65, "a\nb", "a\x00", "M\u00fcller", "\ud800", 4711, ["a"]]
)
def test_what_is_no_subject_is_refused_without_repeating_it(api: Api, subject: Any) -> None:
    refused = api.post("/v1/uploads", {"size_bytes": 5, "subject": subject})

    assert_problem(refused, 422, "InvalidRequest")
    assert "subject" in refused.document["detail"]
    assert "ller" not in refused.body
    assert "4711" not in refused.body
    assert wiring.jobs().recent("demo", 10) == []


def test_deleted_study_is_no_prior_study(api: Api) -> None:
    gone, this = uploaded(api, age_hours=2), uploaded(api)
    wiring.studies().remove("demo", gone, PERSON)

    assert listed(api, this) == []
