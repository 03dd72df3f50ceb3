"""A finished study over the REST API: reading it, reviewing it, and who is told what."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
import requests

from mri_analysis import wiring
from mri_analysis.contracts.job import JobStatus
from mri_analysis.contracts.report import Report
from mri_analysis.contracts.review import content_sha256, sections_of
from tests.unit.functions.calling import JOB_ID, PERSON, Answer, Api, assert_problem, audited, kept
from tests.unit.functions.conftest import RESULTS_BUCKET
from tests.unit.functions.finished_study import KEYS, put_study

REPORT = f"/v1/jobs/{JOB_ID}/report"


@pytest.fixture
def api(load: Callable[[str], ModuleType], snapshot: Path, monkeypatch: pytest.MonkeyPatch) -> Api:
    """The function, called by a reviewer, and the finished study of a stroke behind it."""
    monkeypatch.setenv("KNOWLEDGE_SNAPSHOT_PATH", str(snapshot))
    put_study()
    return Api(load("api"), groups="reviewer")


def etag(answer: Answer) -> dict[str, str]:
    return {"If-Match": answer.headers["ETag"][0]}


def actions() -> list[str]:
    return [action for _, _, action in audited()]


# ---- reading -------------------------------------------------------------------------------------


def test_worklist_shows_quality_and_review_and_filters_by_them(api: Api) -> None:
    (job,) = api.get("/v1/jobs").document["jobs"]

    assert (job["quality"], job["review_status"]) == ("warn", "draft")
    for query, found in (
        ({"review_status": "draft"}, 1),
        ({"review_status": "signed"}, 0),
        ({"status": "completed"}, 1),
        ({"status": "failed"}, 0),
        ({"job_id": JOB_ID[:5]}, 1),
        ({"job_id": "ffff"}, 0),
        ({"job_id": "%"}, None),
        ({"status": "unheard-of"}, None),
    ):
        answer = api.get("/v1/jobs", **query)
        if found is None:
            assert_problem(answer, 422, "InvalidRequest")
        else:
            assert len(answer.document["jobs"]) == found, query


def test_measurements_are_those_that_were_kept_and_the_look_is_noted(api: Api) -> None:
    document = api.get(f"/v1/jobs/{JOB_ID}/measurements").document

    ventricles = next(v for v in document["volumes"] if v["id"] == "volume.ventricles")
    assert ventricles["total_ml"] == 42.0
    assert audited()[-1] == (JOB_ID, PERSON, "measurements.viewed")


def test_findings_come_with_what_they_were_held_against_and_the_look_is_noted(api: Api) -> None:
    document = api.get(f"/v1/jobs/{JOB_ID}/description").document

    found = {finding["id"]: finding for finding in document["findings"]}
    sides = found["finding.ventricles.asymmetry"]
    assert (sides["status"], sides["reference"]["quantity"]) == ("asymmetric", "asymmetry_percent")
    assert audited()[-1] == (JOB_ID, PERSON, "description.viewed")


def test_links_get_the_files_that_are_there_and_only_those(api: Api) -> None:
    document = api.get(f"/v1/jobs/{JOB_ID}/artefacts").document

    links = {file["name"]: file["url"] for file in document["artefacts"]}
    assert set(links) == {
        "labels.nii.gz",
        "measurements.json",
        "montage.png",
        "description.json",
        "report.json",
    }
    assert requests.get(links["labels.nii.gz"], timeout=5).content == b"labels"
    assert document["expires_in_seconds"] == 300
    assert "X-Amz-Expires=300" in links["labels.nii.gz"]
    assert audited()[-1] == (JOB_ID, PERSON, "artefacts.linked")


def test_history_tells_what_happened_and_who_looked(api: Api) -> None:
    api.get(REPORT)
    events = api.get(f"/v1/jobs/{JOB_ID}/events").document["events"]

    assert [event["action"] for event in events][-2:] == ["status.completed", "report.viewed"]
    assert events[-1]["actor"] == PERSON


@pytest.mark.parametrize("part", ["measurements", "description", "artefacts", "report"])
def test_study_without_a_report_has_nothing_to_read(api: Api, part: str) -> None:
    other = "11111111-2222-4333-8444-555555555555"
    kept(job_id=other, status=JobStatus.SEGMENTING)

    assert_problem(api.get(f"/v1/jobs/{other}/{part}"), 409, "ReportNotReady")


@pytest.mark.parametrize(
    "part", ["", "/measurements", "/description", "/artefacts", "/report", "/events"]
)
def test_study_of_another_organization_does_not_exist_and_the_attempt_is_noted(
    api: Api, part: str
) -> None:
    foreign = Api(api.module, organization="other", groups="reviewer")

    assert_problem(foreign.get(f"/v1/jobs/{JOB_ID}{part}"), 404, "JobNotFound")
    with wiring.jobs()._engine.begin() as connection:
        events = connection.exec_driver_sql(
            "select organization_id, action from audit_events order by event_id"
        ).all()
    assert events[-1] == ("other", "access.refused")


# ---- deleting ------------------------------------------------------------------------------------


def delete(api: Api, groups: str = "admin") -> Answer:
    return Api(api.module, groups=groups).send("DELETE", f"/v1/jobs/{JOB_ID}")


def objects(bucket: str) -> list[Any]:
    versions: list[Any] = boto3.client("s3").list_object_versions(Bucket=bucket).get("Versions", [])
    return versions


def test_deleted_study_leaves_nothing_but_the_trail(api: Api) -> None:
    uploads = "healthcare-mri-images-test"
    client = boto3.client("s3")
    client.create_bucket(
        Bucket=uploads, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    client.put_bucket_versioning(
        Bucket=RESULTS_BUCKET, VersioningConfiguration={"Status": "Enabled"}
    )
    wiring.results().put(KEYS.report, b"a second version", "application/json")
    client.put_object(Bucket=uploads, Key=KEYS.upload, Body=b"scan")
    other = KEYS.results.replace(JOB_ID, JOB_ID[:-1] + "0") + "report.json"
    wiring.results().put(other, b"of another study", "application/json")

    assert delete(api).status == 204
    assert_problem(api.get(f"/v1/jobs/{JOB_ID}"), 404, "JobNotFound")
    assert objects(uploads) == []
    assert [entry["Key"] for entry in objects(RESULTS_BUCKET)] == [other]
    assert (JOB_ID, PERSON, "study.deleted") in audited()
    assert delete(api).status == 204  # again, where storage had failed
    assert_problem(
        Api(api.module, groups="admin").send("DELETE", f"/v1/jobs/{JOB_ID[:-1]}1"),
        404,
        "JobNotFound",
    )


def test_signed_report_is_not_deleted(api: Api) -> None:
    assert api.post(f"{REPORT}/signature", headers=etag(api.get(REPORT))).status == 200

    assert_problem(delete(api), 409, "DeleteRefused")
    assert api.get(REPORT).document["review_status"] == "signed"


@pytest.mark.parametrize("groups", ["clinician", "reviewer"])
def test_only_an_administrator_deletes(api: Api, groups: str) -> None:
    assert_problem(delete(api, groups), 403, "RoleMissing")


# ---- review --------------------------------------------------------------------------------------


def test_report_comes_with_its_version_and_no_review(api: Api) -> None:
    answer = api.get(REPORT)
    document = answer.document

    assert answer.headers["ETag"] == ['"0"']
    assert (document["review_status"], document["version"]) == ("draft", 0)
    assert document["report"]["disclaimer"]
    assert (document["revisions"], document["decision"], document["addenda"]) == ([], None, [])
    assert [s["text"] for s in document["sections"]["key_findings"]] == [
        s["text"] for s in document["report"]["key_findings"]
    ]


def test_readers_words_are_kept_and_what_the_guard_objects_to_is_shown(api: Api) -> None:
    first = api.get(REPORT)
    sections = first.document["sections"]
    sections["key_findings"][0] = {"text": "Acute infarct of the left hemisphere.", "cites": []}
    sections["reader_observations"] = ["Restricted diffusion in the territory of the left MCA."]

    answer = api.put(f"{REPORT}/sections", sections, etag(first))
    document = answer.document

    assert (answer.status, document["version"], document["review_status"]) == (200, 1, "draft")
    assert document["sections"] == sections
    assert document["report"] == first.document["report"]
    objected = {(o["rule"], o["where"]) for o in document["objections"]}
    assert ("assertion", "key_findings[0]") in objected
    assert {where for _, where in objected if "[" in where} == {"key_findings[0]"}
    (revision,) = document["revisions"]
    assert (revision["number"], revision["author_id"]) == (1, PERSON)
    assert (
        revision["content_sha256"] == document["content_sha256"] != first.document["content_sha256"]
    )


def test_a_true_sentence_in_other_words_meets_no_objection(api: Api) -> None:
    first = api.get(REPORT)
    sections = first.document["sections"]
    sections["key_findings"].append(
        {"text": "The cortex measures 602 mL.", "cites": ["volume.cortex"]}
    )

    assert api.put(f"{REPORT}/sections", sections, etag(first)).document["objections"] == []


def test_signature_is_for_the_content_as_it_stood(api: Api) -> None:
    first = api.get(REPORT)
    signed = api.post(f"{REPORT}/signature", headers=etag(first))

    decision = signed.document["decision"]
    report = Report.model_validate(first.document["report"])
    assert signed.document["review_status"] == "signed"
    assert decision["content_sha256"] == content_sha256(report, sections_of(report))
    assert decision["reviewer_id"] == PERSON
    assert decision["reviewer_name"]
    assert api.get(f"/v1/jobs/{JOB_ID}").document["review_status"] == "signed"
    assert "report.signed" in actions()


def test_of_two_who_sign_the_same_version_the_second_looks_again(api: Api) -> None:
    first = api.get(REPORT)
    other = Api(api.module, groups="reviewer", person="another-person")

    assert api.post(f"{REPORT}/signature", headers=etag(first)).status == 200
    assert_problem(other.post(f"{REPORT}/signature", headers=etag(first)), 409, "ReportFinal")
    assert actions().count("report.signed") == 1


def test_change_of_a_version_that_is_gone_is_refused(api: Api) -> None:
    first = api.get(REPORT)
    sections = first.document["sections"]
    assert api.put(f"{REPORT}/sections", sections, etag(first)).status == 200

    for answer in (
        api.put(f"{REPORT}/sections", sections, etag(first)),
        api.post(f"{REPORT}/signature", headers=etag(first)),
        api.post(f"{REPORT}/signature"),
        api.post(f"{REPORT}/signature", headers={"If-Match": "*"}),
    ):
        assert_problem(answer, 412, "ReportChanged")
    assert api.get(REPORT).document["review_status"] == "draft"


def test_signed_report_cannot_change_but_takes_addenda(api: Api) -> None:
    signed = api.post(f"{REPORT}/signature", headers=etag(api.get(REPORT)))
    sections = signed.document["sections"]

    assert_problem(api.put(f"{REPORT}/sections", sections, etag(signed)), 409, "ReportFinal")
    rejected = api.post(f"{REPORT}/rejection", {"reason": "no"}, etag(signed))
    assert_problem(rejected, 409, "ReportFinal")
    amended = api.post(f"{REPORT}/addenda", {"text": "Seen again with MRA."}, etag(signed))
    again = api.post(f"{REPORT}/addenda", {"text": "And once more."}, etag(amended))

    assert again.document["review_status"] == "amended"
    assert [added["text"] for added in again.document["addenda"]] == [
        "Seen again with MRA.",
        "And once more.",
    ]
    assert again.document["decision"] == signed.document["decision"]
    assert again.document["content_sha256"] == signed.document["content_sha256"]


def test_rejected_draft_says_why_and_is_final(api: Api) -> None:
    rejected = api.post(
        f"{REPORT}/rejection", {"reason": "Labels miss the cerebellum."}, etag(api.get(REPORT))
    )

    assert rejected.document["review_status"] == "rejected"
    assert rejected.document["decision"]["comment"] == "Labels miss the cerebellum."
    assert_problem(api.post(f"{REPORT}/signature", headers=etag(rejected)), 409, "ReportFinal")
    assert_problem(api.post(f"{REPORT}/addenda", {"text": "x"}, etag(rejected)), 409, "ReportFinal")


@pytest.mark.parametrize("groups", ["clinician", "admin", ""])
def test_only_a_reviewer_reviews(api: Api, groups: str) -> None:
    tag = etag(api.get(REPORT))
    other = Api(api.module, groups=groups)
    sections = api.get(REPORT).document["sections"]

    for answer in (
        other.put(f"{REPORT}/sections", sections, tag),
        other.post(f"{REPORT}/signature", headers=tag),
        other.post(f"{REPORT}/rejection", {"reason": "x"}, tag),
        other.post(f"{REPORT}/addenda", {"text": "x"}, tag),
    ):
        assert_problem(answer, 403, "RoleMissing")


@pytest.mark.parametrize(
    "change",
    [
        {"text": ""},
        {"text": "x" * 4001},
        {"text": "a\x00b"},
        {"text": "a", "html": "<b>"},
        {"text": "a", "cites": ["x"] * 21},
    ],
)
def test_words_that_cannot_be_kept_are_refused_without_repeating_them(
    api: Api, change: dict[str, Any]
) -> None:
    first = api.get(REPORT)
    sections = first.document["sections"] | {"key_findings": [change]}

    answer = api.put(f"{REPORT}/sections", sections, etag(first))

    assert_problem(answer, 422, "InvalidRequest")
    assert "x" * 50 not in answer.body
    assert api.get(REPORT).document["version"] == 0


def test_script_in_a_readers_words_stays_text(api: Api) -> None:
    first = api.get(REPORT)
    sections = first.document["sections"]
    sections["reader_observations"] = ["<script>alert(1)</script>"]

    answer = api.put(f"{REPORT}/sections", sections, etag(first))

    assert answer.headers["Content-Type"] == ["application/json"]
    assert json.loads(answer.body)["sections"]["reader_observations"] == [
        "<script>alert(1)</script>"
    ]


# ---- files to take along -------------------------------------------------------------------------


def exported(api: Api, file: str = "report.md") -> Answer:
    return api.get(f"/v1/jobs/{JOB_ID}/exports/{file}")


def named(answer: Answer) -> str:
    return answer.headers["Content-Disposition"][0]


def test_exported_draft_says_so_and_taking_it_is_noted(api: Api) -> None:
    answer = exported(api)

    assert (answer.status, answer.headers["Content-Type"]) == (
        200,
        ["text/markdown; charset=utf-8"],
    )
    assert answer.body.startswith("# Brain MRI volumetry: draft report\n\n> **DRAFT, not signed.**")
    assert named(answer) == f'attachment; filename="{JOB_ID}-report-draft.md"'
    assert actions()[-1] == "study.exported"


def test_exported_report_is_what_was_signed_with_its_addenda(api: Api) -> None:
    first = api.get(REPORT)
    sections = first.document["sections"]
    drafted = sections["key_findings"][1]["text"]
    sections["key_findings"][1]["text"] = "Words of *mine*."
    sections["clinical_significance"] = []
    sections["reader_observations"] = ["<script>alert(1)</script> seen."]
    revised = api.put(f"{REPORT}/sections", sections, etag(first))
    signed = api.post(f"{REPORT}/signature", None, etag(revised))
    api.post(f"{REPORT}/addenda", {"text": "Discussed by telephone."}, etag(signed))

    answer = exported(api)
    page = answer.body

    assert page.startswith("# Brain MRI volumetry: signed report with addenda\n\n> **Signed** by ")
    assert signed.document["content_sha256"] in page
    assert "not signed" not in page
    assert "- Words of \\*mine\\*." in page
    assert drafted not in page
    assert "## Observations of the reader\n\n- \\<script\\>alert(1)\\</script\\> seen." in page
    assert "## Addenda\n\n**" in page
    assert "## Background (quoted; says nothing about this patient)\n\nNone.\n" in page
    assert "Discussed by telephone." in page
    assert "Changed by " in page
    assert named(answer).endswith('-report-signed.md"')


def test_exported_report_that_was_rejected_says_why(api: Api) -> None:
    first = api.get(REPORT)
    api.post(f"{REPORT}/rejection", {"reason": "Another patient's scan."}, etag(first))

    answer = exported(api)

    assert "**REJECTED. Not for clinical use.**" in answer.body
    assert "Another patient's scan." in answer.body
    assert named(answer).endswith('-report-rejected.md"')


def test_exported_table_has_the_figures_of_the_measurements(api: Api) -> None:
    answer = exported(api, "measurements.csv")
    rows = list(csv.DictReader(io.StringIO(answer.body)))
    measured = api.get(f"/v1/jobs/{JOB_ID}/measurements").document

    assert answer.headers["Content-Type"] == ["text/csv; charset=utf-8"]
    found = {(row["measurement"], row["quantity"]): float(row["value"]) for row in rows}
    assert len(found) == len(rows)
    for volume in measured["volumes"]:
        assert found[volume["id"], "total volume"] == volume["total_ml"]
        assert found.get((volume["id"], "asymmetry index")) == volume["asymmetry_percent"]
    for ratio in measured["ratios"]:
        assert found[ratio["id"], "ratio"] == ratio["value"]
    assert {row["study"] for row in rows} == {JOB_ID}


def test_exported_bundle_is_that_of_the_report_as_it_stands(api: Api) -> None:
    first = api.get(REPORT)
    api.post(f"{REPORT}/signature", None, etag(first))

    answer = exported(api, "fhir.json")

    assert answer.headers["Content-Type"] == ["application/fhir+json"]
    assert named(answer).endswith('-report-signed.fhir.json"')
    made = [entry["resource"] for entry in answer.document["entry"]]
    (report,) = (one for one in made if one["resourceType"] == "DiagnosticReport")
    assert report["status"] == "final"
    assert actions()[-1] == "study.exported"


def test_file_nobody_exports_and_study_of_others_are_refused(api: Api) -> None:
    assert_problem(exported(api, "report.exe"), 422, "InvalidRequest")
    assert_problem(api.get("/v1/jobs/unheard-of/exports/report.md"), 404, "JobNotFound")
