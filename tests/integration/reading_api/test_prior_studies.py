"""Two studies of one subject, uploaded and analysed; nothing but one column tells who that is."""

import pytest
import requests
from sqlalchemy import create_engine, text

from local_stack.stack import LocalStack
from mri_analysis.keys import StudyKeys
from mri_analysis.subjects import subject_hash
from tests.integration.reading_api.conftest import Client
from tests.support.brains import SAMPLE
from tests.support.chain import Chain
from tests.support.kept import kept

SUBJECT = "Planted-Person 4711"


def analysed(stack: LocalStack, clinician: Client) -> str:
    scan = SAMPLE.read_bytes()
    form = clinician.post("/v1/uploads", json={"size_bytes": len(scan), "subject": SUBJECT}).json()
    sent = requests.post(form["url"], data=form["fields"], files={"file": scan}, timeout=30)
    assert sent.status_code == 204, sent.text
    Chain.of(stack).ended(StudyKeys("demo", form["job_id"]))
    return str(form["job_id"])


@pytest.fixture(scope="module")
def pair(stack: LocalStack, clinician: Client) -> tuple[str, str]:
    """The earlier study and the later one."""
    earlier = analysed(stack, clinician)
    return earlier, analysed(stack, clinician)


def secret_of(stack: LocalStack) -> str:
    client = stack.client("secretsmanager")
    (secret,) = client.list_secrets()["SecretList"]
    return str(client.get_secret_value(SecretId=secret["ARN"])["SecretString"])


def test_earlier_study_of_the_subject_is_found(
    clinician: Client, reviewer: Client, pair: tuple[str, str]
) -> None:
    earlier, later = pair

    (found,) = reviewer.get(f"/v1/jobs/{later}/prior-studies").json()["prior_studies"]

    assert found["job_id"] == earlier
    assert found["review_status"] == "draft"
    measured = clinician.get(f"/v1/jobs/{earlier}/measurements").json()
    assert found["quality"] == measured["quality"]["verdict"]
    assert reviewer.get(f"/v1/jobs/{earlier}/prior-studies").json() == {
        "subject_given": True,
        "prior_studies": [],
    }


def test_look_is_noted_for_the_study_and_for_its_prior(
    reviewer: Client, pair: tuple[str, str]
) -> None:
    earlier, later = pair
    reviewer.get(f"/v1/jobs/{later}/prior-studies")
    reviewer.get(f"/v1/jobs/{earlier}/measurements")

    def looks(job_id: str) -> set[tuple[str, str]]:
        events = reviewer.get(f"/v1/jobs/{job_id}/events").json()["events"]
        return {(event["actor"], event["action"]) for event in events}

    assert ("demo-reviewer", "prior_studies.listed") in looks(later)
    assert ("demo-reviewer", "measurements.viewed") in looks(earlier)


def test_another_organization_finds_nothing(stranger: Client, pair: tuple[str, str]) -> None:
    refused = stranger.get(f"/v1/jobs/{pair[1]}/prior-studies")
    form = stranger.post("/v1/uploads", json={"size_bytes": 5, "subject": SUBJECT}).json()
    theirs = stranger.get(f"/v1/jobs/{form['job_id']}/prior-studies").json()

    assert (refused.status_code, refused.json()["code"]) == (404, "JobNotFound")
    assert theirs == {"subject_given": True, "prior_studies": []}


def test_neither_subject_nor_hash_nor_key_lies_anywhere_else(
    stack: LocalStack, pair: tuple[str, str]
) -> None:
    key = secret_of(stack)
    hashed = subject_hash("demo", SUBJECT, key.encode())
    names = []

    for name, content in kept(stack):
        names.append(name)
        for word in ("Planted-Person", hashed, key):
            assert word.encode() not in content, (name, word[:4])

    assert len(key) == 64
    assert any(name.endswith("report.json") for name in names)
    assert any("api" in name and name.endswith(".log") for name in names), names
    database = next(stack.state_dir.glob("mri_analysis.db"))
    with create_engine(f"sqlite:///{database}").connect() as connection:
        rows = connection.execute(text("SELECT job_id, subject_hash FROM analysis_jobs"))
        of_job = {row.job_id: row.subject_hash for row in rows}
        events = connection.execute(text("SELECT * FROM audit_events")).all()
    assert {of_job[job_id] for job_id in pair} == {hashed}
    assert hashed not in repr(events)
    assert "Planted-Person" not in repr(events)
