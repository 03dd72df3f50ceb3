"""People sign in, upload, watch, read and sign, over HTTP and a socket."""

import asyncio
import contextlib
import json
import time
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from local_stack.stack import LocalStack
from tests.integration.reading_api.conftest import Client
from tests.support.brains import SAMPLE
from tests.support.chain import wait_for
from tests.support.signed_in import id_token


def problem(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


# ---- who may call --------------------------------------------------------------------------------


def test_health_needs_no_token_and_everything_else_does(stack: LocalStack) -> None:
    nobody = Client(stack.api_url, None)

    assert nobody.get("/v1/health").json() == {"status": "ok"}
    for path in ("/v1/jobs", "/v1/openapi.json", "/v1/jobs/x/report"):
        assert problem(nobody.get(path)) == (401, "SignInRequired")


@pytest.mark.parametrize("spoilt", ["", "nonsense", "a.b.c"])
def test_token_that_proves_nothing_is_refused(stack: LocalStack, spoilt: str) -> None:
    assert problem(Client(stack.api_url, spoilt).get("/v1/jobs")) == (401, "SignInRequired")


def test_token_with_another_claim_in_it_is_refused(clinician: Client) -> None:
    import base64

    head, body, signature = str(clinician.token).split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["custom:organization"] = "clinic-b"
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    thief = Client(clinician.url, f"{head}.{forged}.{signature}")

    assert problem(thief.get("/v1/jobs")) == (401, "SignInRequired")


def test_token_of_another_provider_is_refused(stack: LocalStack) -> None:
    from local_stack.identity_provider import IdentityProvider

    other = IdentityProvider()
    other.start()
    try:
        foreign = Client(stack.api_url, id_token(other.issuer, "demo-admin"))
        assert problem(foreign.get("/v1/jobs")) == (401, "SignInRequired")
    finally:
        other.stop()


def test_account_without_an_organization_sees_nothing(stack: LocalStack) -> None:
    homeless = Client(stack.api_url, id_token(stack.issuer, "homeless"))

    assert problem(homeless.get("/v1/jobs")) == (403, "OrganizationMissing")


def test_unknown_address_and_body_of_another_form_are_problems(clinician: Client) -> None:
    assert problem(clinician.get("/v1/nothing")) == (404, "RouteNotFound")
    assert problem(clinician.send("DELETE", "/v1/jobs")) == (404, "RouteNotFound")
    assert problem(clinician.post("/v1/uploads", json={"size": 1})) == (422, "InvalidRequest")
    assert problem(clinician.post("/v1/uploads", data="{"))[0] == 422


def test_preflight_names_what_a_browser_may_send(stack: LocalStack) -> None:
    answer = requests.options(f"{stack.api_url}/v1/jobs/x/report/sections", timeout=5)

    assert answer.status_code == 200
    assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
    assert "If-Match" in answer.headers["Access-Control-Allow-Headers"]


# ---- uploads -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"key": "incoming/clinic-b/x/upload"}, 403, "AccessDenied"),
        ({"Content-Type": "text/html"}, 403, "AccessDenied"),
        ({"acl": "public-read"}, 403, "AccessDenied"),
        ({"x-amz-signature": "0" * 64}, 403, "SignatureDoesNotMatch"),
        ({"policy": ""}, 403, "AccessDenied"),
    ],
)
def test_form_puts_what_it_was_made_for_and_nothing_else(
    stack: LocalStack, clinician: Client, change: dict[str, str], status: int, code: str
) -> None:
    form = clinician.post("/v1/uploads", json={"size_bytes": 3}).json()

    answer = requests.post(
        form["url"], data=form["fields"] | change, files={"file": b"abc"}, timeout=5
    )

    assert (answer.status_code, f"<Code>{code}</Code>" in answer.text) == (status, True)
    assert clinician.get(f"/v1/jobs/{form['job_id']}").json()["status"] == "awaiting_upload"


def test_empty_file_is_smaller_than_a_form_takes(clinician: Client) -> None:
    form = clinician.post("/v1/uploads", json={"size_bytes": 3}).json()

    answer = requests.post(form["url"], data=form["fields"], files={"file": b""}, timeout=5)

    assert (answer.status_code, "EntityTooSmall" in answer.text) == (400, True)


# ---- a study -------------------------------------------------------------------------------------


def test_finished_study_is_read_piece_by_piece(clinician: Client, finished: str) -> None:
    job = clinician.get(f"/v1/jobs/{finished}").json()
    measured = clinician.get(f"/v1/jobs/{finished}/measurements").json()
    files = clinician.get(f"/v1/jobs/{finished}/artefacts").json()["artefacts"]
    described = clinician.get(f"/v1/jobs/{finished}/description").json()

    told = {id_ for finding in described["findings"] for id_ in finding["measurement_ids"]}
    assert {volume["id"] for volume in measured["volumes"]} <= told
    assert (job["status"], job["review_status"]) == ("completed", "draft")
    assert job["quality"] == measured["quality"]["verdict"]
    by_name = {file["name"]: file for file in files}
    assert {"image.nii.gz", "labels.nii.gz", "montage.png", "report.json"} <= set(by_name)
    picture = requests.get(by_name["montage.png"]["url"], timeout=5)
    assert picture.content[:8] == b"\x89PNG\r\n\x1a\n"
    assert picture.headers["Content-Type"] == "image/png"
    assert len(picture.content) == by_name["montage.png"]["size_bytes"]


def test_study_stays_within_its_organization(stranger: Client, finished: str) -> None:
    # The stack is shared: the other organization may have studies of its own by now.
    assert finished not in [job["job_id"] for job in stranger.get("/v1/jobs").json()["jobs"]]
    parts = ("/report", "/measurements", "/description", "/artefacts", "/events", "/prior-studies")
    for part in ("", *parts):
        assert problem(stranger.get(f"/v1/jobs/{finished}{part}")) == (404, "JobNotFound")


def test_report_is_revised_signed_and_amended(
    clinician: Client, reviewer: Client, finished: str
) -> None:
    path = f"/v1/jobs/{finished}/report"
    draft = reviewer.get(path)
    sections = draft.json()["sections"]
    sections["reader_observations"] = ["No haemorrhage on the SWI of the same day."]

    assert problem(clinician.post(f"{path}/signature", headers=_match(draft))) == (
        403,
        "RoleMissing",
    )
    revised = reviewer.send("PUT", f"{path}/sections", json=sections, headers=_match(draft))
    assert revised.status_code == 200, revised.text
    assert revised.json()["objections"] == []
    stale = reviewer.post(f"{path}/signature", headers=_match(draft))
    assert problem(stale) == (412, "ReportChanged")
    signed = reviewer.post(f"{path}/signature", headers=_match(revised))
    assert signed.json()["decision"]["reviewer_name"] == "Dr. Rosa Reviewer"
    late = reviewer.send("PUT", f"{path}/sections", json=sections, headers=_match(signed))
    assert problem(late) == (409, "ReportFinal")
    amended = reviewer.post(
        f"{path}/addenda", json={"text": "Discussed by phone."}, headers=_match(signed)
    )

    assert amended.json()["review_status"] == "amended"
    actions = [
        event["action"]
        for event in clinician.get(f"/v1/jobs/{finished}/events").json()["events"]
        if event["action"].startswith("report.")
    ]
    assert [action for action in actions if action != "report.viewed"] == [
        "report.revised",
        "report.signed",
        "report.amended",
    ]


def _match(answer: requests.Response) -> dict[str, str]:
    return {"If-Match": answer.headers["ETag"]}


def test_running_study_is_cancelled_and_analysed_after_all(
    stack: LocalStack, clinician: Client
) -> None:
    scan = SAMPLE.read_bytes()
    form = clinician.post("/v1/uploads", json={"size_bytes": len(scan)}).json()
    requests.post(form["url"], data=form["fields"], files={"file": scan}, timeout=30)
    path = f"/v1/jobs/{form['job_id']}"
    wait_for(lambda: clinician.get(path).json()["status"] == "segmenting", "the segmentation")

    cancelled = clinician.post(f"{path}/cancel")

    assert cancelled.json()["error"]["code"] == "AnalysisStopped", cancelled.text
    time.sleep(1)
    assert clinician.get(path).json()["status"] == "failed"
    assert clinician.post(f"{path}/retry").status_code == 202
    wait_for(lambda: clinician.get(path).json()["status"] == "completed", "the second analysis")


# ---- live updates --------------------------------------------------------------------------------


def _ticket(client: Client) -> str:
    document = client.post("/v1/live-tickets").json()
    return f"{document['url']}?ticket={document['ticket']}"


def test_those_who_watch_hear_of_their_studies_at_once(
    stack: LocalStack, clinician: Client, stranger: Client
) -> None:
    async def watch() -> tuple[list[Any], list[Any], float]:
        async with connect(_ticket(clinician)) as ours, connect(_ticket(stranger)) as theirs:
            scan = SAMPLE.read_bytes()
            form = clinician.post("/v1/uploads", json={"size_bytes": len(scan)}).json()
            requests.post(form["url"], data=form["fields"], files={"file": scan}, timeout=30)
            heard: list[Any] = []
            while not heard or heard[-1]["job_id"] != form["job_id"]:
                heard.append(json.loads(await asyncio.wait_for(ours.recv(), 60)))
            at = time.time()
            others = []
            with contextlib.suppress(TimeoutError):
                others.append(await asyncio.wait_for(theirs.recv(), 0.5))
            events = clinician.get(f"/v1/jobs/{form['job_id']}").json()
            return heard, others, at - _seconds(events["updated_at"])

    heard, others, delay = asyncio.run(watch())

    assert heard[-1]["event"]
    assert others == []
    assert delay < 5  # the figure itself belongs to the bench


def _seconds(moment: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(moment).timestamp()


def test_ticket_opens_one_socket(clinician: Client) -> None:
    address = _ticket(clinician)

    async def twice() -> None:
        async with connect(address):
            with pytest.raises(InvalidStatus) as refused:
                async with connect(address):
                    pass
            assert refused.value.response.status_code == 401

    asyncio.run(twice())


def test_socket_without_a_ticket_is_refused(stack: LocalStack) -> None:
    async def knock() -> int:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(stack.description()["websocket_url"]):
                pass
        return refused.value.response.status_code

    assert asyncio.run(knock()) == 401


def test_socket_that_left_is_gone_for_the_functions(stack: LocalStack, clinician: Client) -> None:
    async def visit() -> None:
        async with connect(_ticket(clinician)) as socket:
            await socket.send("still here")

    asyncio.run(visit())
    management = boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=stack.api_url,
        region_name="eu-central-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
    with pytest.raises(ClientError) as gone:
        management.post_to_connection(ConnectionId="0" * 16, Data=b"{}")
    assert gone.value.response["Error"]["Code"] == "GoneException"
    table, client = stack.resource("ConnectionTable"), stack.client("dynamodb")
    wait_for(
        lambda: not client.scan(TableName=table)["Items"], "the last socket to be forgotten", 5
    )
