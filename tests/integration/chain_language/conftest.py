"""A stack that asks a scripted Bedrock, with its guardrail, and a scripted vision-language model.

In a folder of its own: moto keeps one stack a process.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from osmem_server import OsmemServer

from knowledge.build import build_snapshot
from local_stack.product import product_stack
from local_stack.vision_language import VisionLanguageServer
from mri_analysis.adapters.opensearch_connection import OpenSearchConnection, Patience
from mri_analysis.adapters.opensearch_index import OpenSearchIndex
from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge
from mri_analysis.use_cases.index_knowledge import reindex
from tests.support.chain import Chain
from tests.support.drafts import answered
from tests.support.scripted_language_model import ScriptedLanguageModel, answer
from tests.support.scripted_vision_language import Reply, ScriptedVisionLanguage, observations
from tests.support.search_server import SearchServer, forward

MODEL_ID = "eu.example.model-1"
INDEX = "mri-knowledge"


@pytest.fixture(scope="package")
def bedrock_server() -> Iterator[ScriptedLanguageModel]:
    with ScriptedLanguageModel() as server:
        yield server


@pytest.fixture(scope="package")
def image_server() -> Iterator[ScriptedVisionLanguage]:
    with ScriptedVisionLanguage() as server:
        yield server


@pytest.fixture(scope="package")
def osmem() -> Iterator[OsmemServer]:
    with OsmemServer.start(japanese=False) as server:
        yield server


@pytest.fixture(scope="package")
def search_index(osmem: OsmemServer, tmp_path_factory: pytest.TempPathFactory) -> OpenSearchIndex:
    """The index that the stack searches, filled from the snapshot."""
    path = tmp_path_factory.mktemp("knowledge") / "knowledge.sqlite"
    build_snapshot(path)
    snapshot = SqliteKnowledge(path)
    patience = Patience(connect_s=10, read_s=60, deadline_s=60, attempts=3, pause_s=0.001)
    index = OpenSearchIndex(OpenSearchConnection(osmem.url, patience=patience), INDEX, None)
    reindex(snapshot.entries(), snapshot.manifest, index)
    return index


@pytest.fixture(scope="package")
def search(osmem: OsmemServer, search_index: OpenSearchIndex) -> Iterator[SearchServer]:
    """What stands before the search service and fails as a test tells it."""
    with SearchServer(forward(osmem.url)) as server:
        yield server


@pytest.fixture(scope="package")
def language_stack(
    tmp_path_factory: pytest.TempPathFactory,
    search: SearchServer,
    bedrock_server: ScriptedLanguageModel,
    image_server: ScriptedVisionLanguage,
) -> Iterator[Chain]:
    stack = product_stack(
        Path.cwd(),
        tmp_path_factory.mktemp("stack"),
        environment={
            **bedrock_server.bedrock_environment,
            "BEDROCK_MODEL_ID": MODEL_ID,
            "KNOWLEDGE_SEARCH_URL": search.url,
            "KNOWLEDGE_INDEX": INDEX,
            "BEDROCK_GUARDRAIL_ID": "guardrail1",
            "BEDROCK_GUARDRAIL_VERSION": "1",
            "LANGUAGE_MODEL_INPUT_PRICE": "3",
            "LANGUAGE_MODEL_OUTPUT_PRICE": "15",
            "LANGUAGE_MODEL_DEADLINE_SECONDS": "3",
        },
        vision_language=VisionLanguageServer(image_server.url, "scripted"),
    )
    with stack:
        yield Chain.of(stack)


@pytest.fixture
def language_chain(language_stack: Chain) -> Chain:
    """The stack, its circuit breakers closed."""
    client = language_stack.stack.client("dynamodb")
    table = language_stack.stack.resource("CircuitBreakerTable")
    (key,) = client.describe_table(TableName=table)["Table"]["KeySchema"]
    name = key["AttributeName"]
    for item in client.scan(TableName=table)["Items"]:
        client.delete_item(TableName=table, Key={name: item[name]})
    return language_stack


@pytest.fixture
def bedrock(bedrock_server: ScriptedLanguageModel) -> ScriptedLanguageModel:
    """Bedrock, honest until a test says otherwise."""
    bedrock_server.script(answer(answered))
    bedrock_server.requests.clear()
    bedrock_server.guardrail_requests.clear()
    bedrock_server.guardrail_intervenes = False
    bedrock_server.guardrail_behaviour = None
    return bedrock_server


@pytest.fixture
def image_model(image_server: ScriptedVisionLanguage) -> ScriptedVisionLanguage:
    """The vision-language model, which marks nothing until a test says otherwise."""
    image_server.reply = Reply(observations())
    image_server.questions.clear()
    return image_server
