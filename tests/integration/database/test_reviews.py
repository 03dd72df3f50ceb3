"""Reviews and the catalogue on the databases they meet: one change of a version, whoever races."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from mri_analysis.adapters.sql_job_repository import SqlJobRepository
from mri_analysis.adapters.sql_review_repository import SqlReviewRepository
from mri_analysis.adapters.sql_study_catalogue import SqlStudyCatalogue
from mri_analysis.contracts.job import Job, JobStatus, ReviewStatus
from mri_analysis.contracts.review import Addendum, Decision, ReportSections, Revision
from mri_analysis.errors import DatabaseUnavailable, ReportChanged, ReportFinal, ReportNotReady
from mri_analysis.ports.jobs import JobPosition
from mri_analysis.ports.studies import StudyFilter
from tests.integration.database.test_job_repository import advance_to, engine, new_job, new_result

__all__ = ["engine"]  # a fixture

AT = datetime(2026, 3, 2, 8, 0, 0, 250000, tzinfo=UTC)
HASH = "a" * 64


@pytest.fixture
def reviews(engine: Engine) -> SqlReviewRepository:
    return SqlReviewRepository(engine)


@pytest.fixture
def job(engine: Engine) -> Job:
    """A completed job, its report a draft."""
    return completed(SqlJobRepository(engine), new_job())


def completed(jobs: SqlJobRepository, job: Job) -> Job:
    jobs.register(job)
    advance_to(jobs, job, JobStatus.ENHANCING)
    jobs.complete(new_result(job))
    return job


def revision(number: int = 1) -> Revision:
    said = [{"text": "Größe \U0001f9e0 as seen.", "cites": []}]
    return Revision(
        number=number,
        author_id="p1",
        author_name="Dr. Ödön",
        at=AT,
        content_sha256=HASH,
        sections=ReportSections.model_validate(
            {"key_findings": said, "clinical_significance": [], "recommended_follow_up": []}
        ),
    )


def decision(
    status: ReviewStatus = ReviewStatus.SIGNED, comment: str | None = None, by: str = "p1"
) -> Decision:
    return Decision(
        review_status=status,
        reviewer_id=by,
        reviewer_name="Dr. Ödön",
        at=AT,
        content_sha256=HASH,
        comment=comment,
    )


def addendum(text: str = "Later.") -> Addendum:
    return Addendum(
        reviewer_id="p1", reviewer_name="Dr. Ödön", at=AT, content_sha256=HASH, text=text
    )


def test_review_comes_back_as_it_was_kept(reviews: SqlReviewRepository, job: Job) -> None:
    reviews.revise("demo", job.job_id, revision(), version=0)
    reviews.decide("demo", job.job_id, decision(), version=1)
    reviews.amend("demo", job.job_id, addendum(), version=2)

    review = reviews.find("demo", job.job_id)

    assert review is not None
    assert (review.review_status, review.version) == (ReviewStatus.AMENDED, 3)
    assert list(review.revisions) == [revision()]
    assert review.decision == decision()
    assert list(review.addenda) == [addendum()]


def test_review_belongs_to_its_organization(reviews: SqlReviewRepository, job: Job) -> None:
    assert reviews.find("other", job.job_id) is None
    with pytest.raises(ReportNotReady):
        reviews.decide("other", job.job_id, decision(), version=0)


def test_each_change_is_in_the_audit_trail(
    engine: Engine, reviews: SqlReviewRepository, job: Job
) -> None:
    reviews.revise("demo", job.job_id, revision(), version=0)
    with pytest.raises(ReportChanged):
        reviews.decide("demo", job.job_id, decision(), version=0)
    reviews.decide("demo", job.job_id, decision(ReviewStatus.REJECTED, "no"), version=1)
    with pytest.raises(ReportFinal):
        reviews.amend("demo", job.job_id, addendum(), version=2)

    events = SqlStudyCatalogue(engine).events("demo", job.job_id)

    reviewed = [(event.actor, event.action) for event in events if event.action[:6] == "report"]
    assert reviewed == [("p1", "report.revised"), ("p1", "report.rejected")]
    assert [event.at for event in events][-1] == AT


def test_of_many_who_sign_at_once_one_does(
    engine: Engine, reviews: SqlReviewRepository, job: Job
) -> None:
    outcomes: list[str] = []
    gate = threading.Barrier(6)

    def sign(person: str) -> None:
        gate.wait()
        try:
            reviews.decide("demo", job.job_id, decision(by=person), version=0)
            outcomes.append("signed")
        except (ReportFinal, ReportChanged, DatabaseUnavailable) as error:
            outcomes.append(error.code)

    people = [threading.Thread(target=sign, args=(f"p{number}",)) for number in range(6)]
    for person in people:
        person.start()
    for person in people:
        person.join()

    assert outcomes.count("signed") == 1, outcomes
    events = SqlStudyCatalogue(engine).events("demo", job.job_id)
    assert [event.action for event in events].count("report.signed") == 1


def test_a_report_that_is_stored_again_is_another_version(
    engine: Engine, reviews: SqlReviewRepository, job: Job
) -> None:
    SqlJobRepository(engine).complete(new_result(job))  # the stage was tried again

    with pytest.raises(ReportChanged):
        reviews.decide("demo", job.job_id, decision(), version=0)


def test_catalogue_pages_through_what_is_wanted(
    engine: Engine, reviews: SqlReviewRepository
) -> None:
    # Given thirty studies, every third signed, some of the same moment
    jobs, catalogue = SqlJobRepository(engine), SqlStudyCatalogue(engine)
    signed = set()
    for number in range(30):
        made = new_job(created_at=AT + timedelta(minutes=number // 4))
        completed(jobs, made)
        if number % 3 == 0:
            reviews.decide("demo", made.job_id, decision(), version=0)
            signed.add(made.job_id)
    jobs.register(new_job(organization_id="other"))

    # When the signed ones are read page by page
    seen: list[str] = []
    after = None
    while page := catalogue.page("demo", 4, StudyFilter(review_status=ReviewStatus.SIGNED), after):
        seen += [study.job.job_id for study in page]
        after = JobPosition(page[-1].job.created_at, page[-1].job.job_id)

    # Then each is seen once, and nothing else
    assert len(seen) == len(set(seen))
    assert set(seen) == signed
    first = catalogue.page("demo", 100, StudyFilter(id_prefix=seen[0][:8]))
    assert seen[0] in [study.job.job_id for study in first]
    assert catalogue.page("demo", 100, StudyFilter(id_prefix="%")) == []
    assert len(catalogue.page("demo", 100, StudyFilter())) == 30
