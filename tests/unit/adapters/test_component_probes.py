"""A deployment check says which component does not work, and what to do about it."""

import http.server
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber
from sqlalchemy import create_engine, text

from migrations.migrate import migrate
from mri_analysis.adapters import component_probes as probes
from mri_analysis.adapters.sql_tables import SCHEMA_REVISION
from mri_analysis.contracts.deployment import DeploymentReport
from mri_analysis.ports.components import ComponentUnusable
from mri_analysis.use_cases.check_deployment import check_deployment

MODEL = "anthropic.claude-sonnet-4-6-v1:0"
NOW = datetime(2026, 11, 22, tzinfo=UTC)


META = {
    "schema_version": 1,
    "made_by": "mri-analysis",
    "embedder": "amazon.titan-embed-text-v2:0",
    "dimension": 512,
    "knowledge_version": "1.2.0",
    "hpo_release": "2025-01-16",
    "content_sha256": "0" * 64,
    "entries": 2598,
    "made_at": "2026-11-23T04:22:54Z",
}


def client(service: str) -> Any:
    return boto3.client(
        service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )


def refusal(probe: Any) -> str:
    with pytest.raises(ComponentUnusable) as caught:
        probe.probe()
    assert caught.value.next_step
    return str(caught.value)


# ---- database ----


def test_migrated_database_works(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'mri.db'}")
    migrate(engine)

    assert SCHEMA_REVISION in probes.DatabaseProbe(engine, SCHEMA_REVISION).probe()


def test_newer_schema_serves_too(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'mri.db'}")
    migrate(engine)

    assert probes.DatabaseProbe(engine, "0000").probe()


def test_old_schema_is_named(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'mri.db'}")
    migrate(engine)

    assert "needs 9999" in refusal(probes.DatabaseProbe(engine, "9999"))


def test_empty_database_is_named(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'mri.db'}")

    assert "no schema" in refusal(probes.DatabaseProbe(engine, SCHEMA_REVISION))


def test_migration_that_died_before_its_revision_is_no_schema(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'mri.db'}")
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM alembic_version"))

    assert "no schema" in refusal(probes.DatabaseProbe(engine, SCHEMA_REVISION))


def test_unreachable_proxy_is_named() -> None:
    engine = create_engine("mysql+pymysql://mri_app@127.0.0.1:1/mri")

    assert "proxy did not answer" in refusal(probes.DatabaseProbe(engine, SCHEMA_REVISION))


# ---- model endpoints ----


@pytest.mark.parametrize("status", ["InService", "Updating"])
def test_endpoint_in_service_works(status: str) -> None:
    sagemaker = client("sagemaker")
    with Stubber(sagemaker) as stub:
        stub.add_response("describe_endpoint", endpoint(status), {"EndpointName": "mri"})
        assert status in probes.EndpointProbe(sagemaker, "mri", "segmentation").probe()


def test_failed_endpoint_is_named() -> None:
    sagemaker = client("sagemaker")
    with Stubber(sagemaker) as stub:
        stub.add_response("describe_endpoint", endpoint("Failed"))
        assert "mri is Failed" in refusal(probes.EndpointProbe(sagemaker, "mri", "segmentation"))


def test_missing_endpoint_is_named() -> None:
    sagemaker = client("sagemaker")
    with Stubber(sagemaker) as stub:
        stub.add_client_error("describe_endpoint", "ValidationException", http_status_code=400)
        assert "no endpoint mri" in refusal(probes.EndpointProbe(sagemaker, "mri", "segmentation"))


def test_blocked_network_is_told_apart_from_a_missing_endpoint() -> None:
    class Blocked:
        def describe_endpoint(self, **_: object) -> None:
            raise EndpointConnectionError(endpoint_url="https://sagemaker")

    assert "SageMaker did not answer" in refusal(
        probes.EndpointProbe(Blocked(), "mri", "segmentation")
    )


def endpoint(status: str) -> dict[str, Any]:
    return {
        "EndpointName": "mri",
        "EndpointArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/mri",
        "EndpointStatus": status,
        "CreationTime": NOW,
        "LastModifiedTime": NOW,
    }


# ---- language model ----


def foundation_model(**lifecycle: Any) -> dict[str, Any]:
    arn = f"arn:aws:bedrock:us-east-1::foundation-model/{MODEL}"
    return {"modelDetails": {"modelArn": arn, "modelId": MODEL, "modelLifecycle": lifecycle}}


def test_active_model_works() -> None:
    bedrock = client("bedrock")
    with Stubber(bedrock) as stub:
        stub.add_response("get_foundation_model", foundation_model(status="ACTIVE"))
        assert "ACTIVE" in probes.BedrockModelProbe(bedrock, MODEL, lambda: NOW).probe()


def test_legacy_model_tells_until_when_it_works() -> None:
    bedrock = client("bedrock")
    until = datetime(2027, 3, 1, tzinfo=UTC)
    with Stubber(bedrock) as stub:
        stub.add_response(
            "get_foundation_model", foundation_model(status="LEGACY", endOfLifeTime=until)
        )
        said = probes.BedrockModelProbe(bedrock, MODEL, lambda: NOW).probe()
    assert "LEGACY until 2027-03-01" in said


def test_model_after_its_end_of_life_is_refused() -> None:
    bedrock = client("bedrock")
    ended = datetime(2026, 3, 1, tzinfo=UTC)
    with Stubber(bedrock) as stub:
        stub.add_response(
            "get_foundation_model", foundation_model(status="LEGACY", endOfLifeTime=ended)
        )
        said = refusal(probes.BedrockModelProbe(bedrock, MODEL, lambda: NOW))
    assert "end of life on 2026-03-01" in said


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "ValidationException"])
def test_model_that_is_gone_is_refused(code: str) -> None:
    bedrock = client("bedrock")
    with Stubber(bedrock) as stub:
        stub.add_client_error("get_foundation_model", code)
        assert "end of life" in refusal(probes.BedrockModelProbe(bedrock, MODEL, lambda: NOW))


def test_models_behind_an_inference_profile_are_checked() -> None:
    bedrock = client("bedrock")
    regions = ("us-east-1", "us-west-2")
    account = "arn:aws:bedrock:us-east-1:123456789012"
    profile = {
        "inferenceProfileName": "p",
        "inferenceProfileArn": f"{account}:inference-profile/us.{MODEL}",
        "inferenceProfileId": f"us.{MODEL}",
        "models": [{"modelArn": f"arn:aws:bedrock:{r}::foundation-model/{MODEL}"} for r in regions],
        "status": "ACTIVE",
        "type": "SYSTEM_DEFINED",
    }
    with Stubber(bedrock) as stub:
        stub.add_response(
            "get_inference_profile", profile, {"inferenceProfileIdentifier": f"us.{MODEL}"}
        )
        stub.add_response(
            "get_foundation_model", foundation_model(status="ACTIVE"), {"modelIdentifier": MODEL}
        )
        assert MODEL in probes.BedrockModelProbe(bedrock, f"us.{MODEL}", lambda: NOW).probe()
        stub.assert_no_pending_responses()


@pytest.mark.parametrize(("status", "works"), [("READY", True), ("FAILED", False)])
def test_guardrail(status: str, works: bool) -> None:
    bedrock = client("bedrock")
    answer = {
        "name": "g",
        "guardrailId": "abc",
        "guardrailArn": "arn:aws:bedrock:us-east-1:123456789012:guardrail/abc",
        "version": "1",
        "status": status,
        "createdAt": NOW,
        "updatedAt": NOW,
        "blockedInputMessaging": "no",
        "blockedOutputsMessaging": "no",
    }
    with Stubber(bedrock) as stub:
        stub.add_response("get_guardrail", answer)
        probe = probes.GuardrailProbe(bedrock, "abc", "1")
        if works:
            assert "ready" in probe.probe()
        else:
            assert "FAILED" in refusal(probe)


# ---- knowledge ----


@pytest.fixture
def search_service(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A server that answers with the status a test sets, and keeps what it was asked."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    state: dict[str, Any] = {"status": 200, "meta": dict(META)}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state["path"], state["signature"] = self.path, self.headers.get("Authorization", "")
            content = json.dumps({"mri-knowledge-1": {"mappings": {"_meta": state["meta"]}}})
            self.send_response(state["status"])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *_: object) -> None: ...

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    state["url"] = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    server.server_close()


def index(url: str, required: bool = True, dimension: int = 512) -> probes.KnowledgeIndexProbe:
    titan = "amazon.titan-embed-text-v2:0"
    return probes.KnowledgeIndexProbe(
        url, "mri-knowledge", "es", "us-east-1", required, titan, dimension
    )


def test_existing_index_works_and_the_request_is_signed(search_service: dict[str, Any]) -> None:
    said = index(search_service["url"]).probe()

    assert "holds knowledge version 1.2.0, searched by words and vectors" in said
    assert search_service["path"] == "/mri-knowledge/_mapping"
    assert "us-east-1/es/aws4_request" in search_service["signature"]
    # Serverless refuses a request without it.
    assert "x-amz-content-sha256" in search_service["signature"]


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(404, "mri-knowledge is missing"), (403, "refused"), (503, "answered 503")],
)
def test_index_that_cannot_be_used_is_named(
    search_service: dict[str, Any], status: int, sentence: str
) -> None:
    search_service["status"] = status

    assert sentence in refusal(index(search_service["url"]))


def test_index_of_another_embedder_is_refused(search_service: dict[str, Any]) -> None:
    said = refusal(index(search_service["url"], dimension=1024))

    assert "with 512 numbers, the settings say" in said


def test_index_of_another_schema_is_refused(search_service: dict[str, Any]) -> None:
    search_service["meta"]["schema_version"] = 7

    assert "schema 7" in refusal(index(search_service["url"]))


def test_index_of_somebody_else_is_refused(search_service: dict[str, Any]) -> None:
    search_service["meta"] = {"made_by": "somebody else"}

    assert "no manifest" in refusal(index(search_service["url"]))


def test_index_of_words_serves_an_embedder_that_was_set_later(
    search_service: dict[str, Any],
) -> None:
    search_service["meta"] |= {"embedder": None, "dimension": None}

    assert "by words alone" in index(search_service["url"]).probe()


def test_missing_index_is_no_fault_before_the_first_ingest(search_service: dict[str, Any]) -> None:
    search_service["status"] = 404

    assert "snapshot" in index(search_service["url"], required=False).probe()


def test_unreachable_search_service_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")

    assert "did not answer" in refusal(index("http://127.0.0.1:1", required=False))


def test_missing_snapshot_is_named(tmp_path: Path) -> None:
    assert "snapshot" in refusal(probes.KnowledgeSnapshotProbe(str(tmp_path / "none.sqlite")))


# ---- all together ----


class Fine:
    name = "fine"

    def probe(self) -> str:
        return "works"


class Broken:
    name = "broken"

    def probe(self) -> str:
        raise ComponentUnusable("It does not work.", "Mend it.")


class Unforeseen:
    name = "unforeseen"

    def probe(self) -> str:
        raise RuntimeError("password=hunter2")


def test_a_probe_that_breaks_hides_no_other_and_tells_no_text() -> None:
    report = check_deployment([Unforeseen(), Fine()])

    assert [check.ok for check in report.checks] == [False, True]
    assert "RuntimeError" in report.complaint()
    assert "hunter2" not in report.complaint()


def test_missing_permission_is_no_missing_model() -> None:
    bedrock = client("bedrock")
    with Stubber(bedrock) as stub:
        stub.add_client_error("get_foundation_model", "AccessDeniedException")
        assert "may not ask" in refusal(probes.BedrockModelProbe(bedrock, MODEL, lambda: NOW))


def test_one_broken_component_makes_the_report_not_ok_and_hides_no_other() -> None:
    report = check_deployment([Broken(), Fine()])

    assert not report.ok
    assert [check.ok for check in report.checks] == [False, True]
    assert report.complaint() == "broken: It does not work. Mend it."
    assert check_deployment([Fine()]) == DeploymentReport(
        ok=True, checks=[{"name": "fine", "ok": True, "message": "works"}]
    )
