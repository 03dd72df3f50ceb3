"""The same against an OpenSearch with vectors, where one is at hand: OPENSEARCH_URL=http://127.0.0.1:9200"""

import os
import uuid
from collections.abc import Iterator

import boto3
import pytest

from mri_analysis.adapters.opensearch_connection import INDEXING, OpenSearchConnection
from mri_analysis.adapters.opensearch_index import OpenSearchIndex
from mri_analysis.adapters.opensearch_knowledge import OpenSearchKnowledge
from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge
from mri_analysis.contracts.knowledge import EntryKind
from mri_analysis.use_cases.index_knowledge import ingest_document, reindex
from tests.integration.retrieval.test_index import piece
from tests.support.hashed_embedder import HashedEmbedder

pytestmark = pytest.mark.skipif(
    not os.environ.get("OPENSEARCH_URL"),
    reason="OPENSEARCH_URL names no OpenSearch with vectors (OPENSEARCH_SERVICE: es or aoss)",
)


@pytest.fixture
def alias() -> Iterator[str]:
    name = f"mri-knowledge-test-{uuid.uuid4().hex[:8]}"
    yield name
    connection = live()
    for index in connection.ask("GET", f"/{name}-*/_alias", accept=[404]).body:
        if index.startswith(name):
            connection.ask("DELETE", f"/{index}", accept=[404])


def live() -> OpenSearchConnection:
    session = boto3.Session()
    service = "aoss" if os.environ.get("OPENSEARCH_SERVICE") == "aoss" else "es"
    return OpenSearchConnection(
        os.environ["OPENSEARCH_URL"],
        service,
        session.region_name or "",
        session.get_credentials(),
        INDEXING,
    )


def test_words_and_vectors_over_two_generations(alias: str, snapshot: SqliteKnowledge) -> None:
    embedder = HashedEmbedder(64)
    index = OpenSearchIndex(live(), alias, embedder)
    for _ in range(2):
        reindex(snapshot.entries(), snapshot.manifest, index)
    assert ingest_document("a.md", [piece(1, "local words", "a.md")], index).added == 1

    search = OpenSearchKnowledge(live(), alias, embedder)
    found = search.find("ventriculomegaly enlarged ventricles", 5, [EntryKind.TERM])

    assert found is not None
    assert found.retrieval == "opensearch"
    assert "HP:0002119" in [hit.passage.id for hit in found.passages]
    assert search.passages(["HP:0002119"]) == snapshot.passages(["HP:0002119"])
