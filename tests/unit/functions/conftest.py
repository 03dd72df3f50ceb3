"""The functions as Lambda calls them, with their outside systems near by."""

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import boto3
import pytest
from moto import mock_aws

from knowledge.build import build_snapshot
from mri_analysis import wiring
from mri_analysis.observability import metrics
from mri_analysis.settings import settings

ORIGIN = "https://reading.example.org"
MAX_UPLOAD_BYTES = 10_000_000
RESULTS_BUCKET = "healthcare-processed-results-test"


@dataclass(frozen=True)
class Context:
    """What Powertools reads from the context of an invocation."""

    function_name: str = "function-under-test"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:123456789012:function:under-test"
    aws_request_id: str = "00000000-0000-4000-8000-000000000000"


def _forget() -> None:
    settings.cache_clear()
    for name in dir(wiring):
        getattr(getattr(wiring, name), "cache_clear", lambda: None)()


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """An empty AWS account and database, and settings that name what is in them."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_SESSION_TOKEN": "testing",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'jobs.db'}",
        "IMAGES_BUCKET": "healthcare-mri-images-test",
        "RESULTS_BUCKET": RESULTS_BUCKET,
        "SUBJECT_KEY_SECRET_ARN": "subjects",
        "UPLOAD_KEY_ARN": "arn:aws:kms:eu-central-1:123456789012:key/k",
        "TICKET_TABLE": "tickets",
        "CONNECTION_TABLE": "connections",
        "READING_ROOM_ORIGIN": ORIGIN,
        "WEBSOCKET_URL": "wss://live.example.org/test",
        "MAX_UPLOAD_BYTES": str(MAX_UPLOAD_BYTES),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(metrics.provider, "namespace", "MriAnalysis")
    monkeypatch.setattr(metrics.provider, "service", "mri-analysis")
    _forget()
    with mock_aws():
        yield
    _forget()


@pytest.fixture
def tables(account: None) -> None:
    """The two tables of live updates, as the template makes them."""
    client = boto3.client("dynamodb")
    client.create_table(
        TableName="tickets",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    client.create_table(
        TableName="connections",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "organization_id", "AttributeType": "S"},
            {"AttributeName": "connection_id", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "organization_id", "KeyType": "HASH"},
            {"AttributeName": "connection_id", "KeyType": "RANGE"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-connection",
                "KeySchema": [{"AttributeName": "connection_id", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    )


@pytest.fixture
def load(account: None) -> Callable[[str], ModuleType]:
    """Import ``functions/<name>/app.py`` with the settings of this test."""

    def load_function(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, f"functions/{name}/app.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load_function


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The knowledge base that reports quote from."""
    path: Path = tmp_path_factory.mktemp("knowledge") / "knowledge.sqlite"
    build_snapshot(path)
    return path
