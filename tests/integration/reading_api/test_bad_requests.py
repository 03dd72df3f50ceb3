"""Tokens, forms and files that are wrong, or come too late or twice."""

import base64
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from local_stack.api_gateway.server import ApiGateway
from local_stack.api_gateway.tokens import TokenVerifier
from local_stack.people import CLIENTS
from local_stack.stack import LocalStack
from mri_analysis.keys import StudyKeys
from tests.integration.reading_api.conftest import LARGEST_UPLOAD, Client
from tests.support.brains import SAMPLE
from tests.support.chain import Chain, wait_for


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


# ---- tokens --------------------------------------------------------------------------------------


class Issuer:
    """A provider whose tokens a test writes itself."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "k"})
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = (
                    KeySet([issuer.key]).as_dict(private=False)
                    if self.path == "/keys"
                    else {"jwks_uri": f"{issuer.url}/keys"}
                )
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def claims(self, **changed: Any) -> dict[str, Any]:
        """Of a good token; a claim that is None is left out."""
        now = int(time.time())
        good = {
            "iss": self.url,
            "aud": CLIENTS[0],
            "sub": "demo-clinician",
            "iat": now,
            "exp": now + 3600,
            "custom:organization": "demo",
            "cognito:groups": ["clinician"],
        }
        return {name: value for name, value in (good | changed).items() if value is not None}

    def token(self, **changed: Any) -> str:
        return jwt.encode({"alg": "RS256", "kid": "k"}, self.claims(**changed), self.key)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    running = Issuer()
    yield running
    running.close()


@pytest.fixture(scope="module")
def with_token(stack: LocalStack, issuer: Issuer) -> Iterator[Callable[[str], requests.Response]]:
    """Asks the stack's functions, through a gateway that trusts ``issuer``, for the worklist."""
    plan = stack.deployment.plan
    assert plan.rest_api is not None
    assert plan.websocket_api is not None
    gateway = ApiGateway(stack._runner, TokenVerifier(issuer.url, CLIENTS))
    gateway.serve(plan.rest_api, plan.websocket_api)
    yield lambda token: Client(gateway.url, token).get("/v1/jobs")
    gateway.stop()


def test_good_token_is_taken(issuer: Issuer, with_token: Any) -> None:
    # A minute is left, and it may have been issued by a clock that is minutes behind.
    assert with_token(issuer.token()).status_code == 200
    hour_ago = int(time.time()) - 3540
    assert with_token(issuer.token(iat=hour_ago, exp=hour_ago + 3600)).status_code == 200


@pytest.mark.parametrize("seconds", [1, 299, 301, 86400])
def test_expired_token_is_refused_however_little_it_is_late(
    issuer: Issuer, with_token: Any, seconds: int
) -> None:
    end = int(time.time()) - seconds

    answer = with_token(issuer.token(iat=end - 3600, exp=end))

    assert (answer.status_code, answer.json()["code"]) == (401, "SignInRequired")
    assert answer.json()["detail"] == "The sign-in is no longer valid."


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "somebody-elses-client"},
        {"aud": None},
        {"iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_other"},
        {"exp": None},
        {"exp": "tomorrow"},
        {"sub": None},
        {"iat": timedelta(minutes=15)},
        {"nbf": timedelta(minutes=15)},
    ],
    ids=str,
)
def test_token_of_another_place_or_time_is_refused(
    issuer: Issuer, with_token: Any, changed: dict[str, Any]
) -> None:
    # Times are from now, not from when the tests were collected: that may be long ago.
    claims = {
        name: int(time.time() + value.total_seconds()) if isinstance(value, timedelta) else value
        for name, value in changed.items()
    }

    answer = with_token(issuer.token(**claims))

    assert (answer.status_code, answer.json()["code"]) == (401, "SignInRequired")
    assert answer.json()["next_step"]


def test_token_with_a_signature_of_another_kind_is_refused(issuer: Issuer, with_token: Any) -> None:
    # Signed with what everybody knows: the public key, taken for a shared secret.
    head = base64url(json.dumps({"alg": "HS256", "kid": "k", "typ": "JWT"}).encode())
    said = f"{head}.{base64url(json.dumps(issuer.claims()).encode())}"
    secret = issuer.key.as_pem(private=False)
    confused = f"{said}.{base64url(hmac.digest(secret, said.encode(), 'sha256'))}"
    stranger = RSAKey.generate_key(2048, {"kid": "k"})
    foreign = jwt.encode({"alg": "RS256", "kid": "k"}, issuer.claims(), stranger)
    unsigned = ".".join((issuer.token().rsplit(".", 1)[0], ""))

    for token in (confused, foreign, unsigned):
        assert with_token(token).status_code == 401


# ---- forms and files -----------------------------------------------------------------------------


def prepared(client: Client, size: int) -> dict[str, Any]:
    answer = client.post("/v1/uploads", json={"size_bytes": size})
    assert answer.status_code == 201, answer.text
    form: dict[str, Any] = answer.json()
    return form


def send(form: dict[str, Any], body: bytes) -> requests.Response:
    return requests.post(form["url"], data=form["fields"], files={"file": body}, timeout=30)


def job_of(client: Client, form: dict[str, Any]) -> dict[str, Any]:
    job: dict[str, Any] = client.get(f"/v1/jobs/{form['job_id']}").json()
    return job


def test_form_that_is_sent_again_changes_no_finished_study(
    stack: LocalStack, clinician: Client
) -> None:
    # Given a study that was uploaded with a form, and its measurements
    form = prepared(clinician, SAMPLE.stat().st_size)
    assert send(form, SAMPLE.read_bytes()).status_code == 204
    chain = Chain.of(stack)
    chain.ended(StudyKeys("demo", form["job_id"]))
    before = job_of(clinician, form)
    measured = clinician.get(f"/v1/jobs/{form['job_id']}/measurements").json()
    assert before["status"] == "completed"

    # When somebody sends the form again, as it was and with other bytes
    assert send(form, SAMPLE.read_bytes()).status_code == 204
    assert send(form, b"no scan").status_code == 204
    wait_for(chain.queue_is_empty, "the second upload")

    # Then nothing is analysed, and nothing has changed
    assert job_of(clinician, form) == before
    assert clinician.get(f"/v1/jobs/{form['job_id']}/measurements").json() == measured
    assert chain.dead_letters() == []


def test_form_that_has_run_out_puts_nothing(stack: LocalStack, clinician: Client) -> None:
    form = prepared(clinician, 3)
    signer = boto3.client(
        "s3",
        region_name=stack.client("s3").meta.region_name,
        endpoint_url=stack.endpoint_url,
        aws_access_key_id=form["fields"]["x-amz-credential"].split("/")[0],
        aws_secret_access_key="local",
        config=Config(signature_version="s3v4"),
    )
    late = signer.generate_presigned_post(
        stack.resource("ImagesBucket"), form["fields"]["key"], ExpiresIn=-1
    )
    in_time = signer.generate_presigned_post(
        stack.resource("ImagesBucket"), "incoming/demo/in-time/upload", ExpiresIn=60
    )

    answer = send(late, b"abc")

    assert (answer.status_code, "Policy expired" in answer.text) == (403, True)
    assert send(in_time, b"abc").status_code == 204  # so it was the time
    assert job_of(clinician, form)["status"] == "awaiting_upload"


@pytest.mark.parametrize(
    "path", ["/v1/jobs/%0A8/retry", "/v1/jobs/8%0A/retry", "/%0A", "/v1%0A/jobs"]
)
def test_address_with_a_line_feed_is_answered_as_any_other(clinician: Client, path: str) -> None:
    answer = clinician.post(path)

    assert answer.status_code in (403, 404, 422)
    assert answer.headers["Content-Type"] in ("application/problem+json", "application/json")


def test_file_over_the_limit_is_refused_before_and_while_it_is_sent(clinician: Client) -> None:
    announced = clinician.post("/v1/uploads", json={"size_bytes": LARGEST_UPLOAD + 1})
    assert (announced.status_code, announced.json()["code"]) == (413, "FileTooLarge")

    # And storage does not believe what was announced
    form = prepared(clinician, LARGEST_UPLOAD)
    answer = send(form, bytes(LARGEST_UPLOAD + 1))

    assert (answer.status_code, "EntityTooLarge" in answer.text) == (400, True)
    assert job_of(clinician, form)["status"] == "awaiting_upload"


def test_file_of_another_kind_fails_its_job_in_words(stack: LocalStack, clinician: Client) -> None:
    form = prepared(clinician, 5)

    assert send(form, b"%PDF-1.7").status_code == 204
    Chain.of(stack).ended(StudyKeys("demo", form["job_id"]))

    job = job_of(clinician, form)
    assert (job["status"], job["error"]["code"]) == ("failed", "UnsupportedFormat")
    assert job["error"]["next_step"]
