"""Real HTTP: a server in memory that speaks OpenSearch, and one in between that fails on demand."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from osmem_server import OsmemClone, OsmemServer

from knowledge.build import build_snapshot
from mri_analysis.adapters.opensearch_connection import OpenSearchConnection, Patience
from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge
from tests.support.search_server import SearchServer, forward

QUICK = Patience(connect_s=1, read_s=1, deadline_s=2, attempts=3, pause_s=0.001)
"""Where a test waits for the end of it."""

UNHURRIED = Patience(connect_s=10, read_s=60, deadline_s=60, attempts=3, pause_s=0.001)
"""Where the machine may be busy and nothing is waited for."""


def connect(url: str, patience: Patience = UNHURRIED) -> OpenSearchConnection:
    return OpenSearchConnection(url, patience=patience)


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> SqliteKnowledge:
    path: Path = tmp_path_factory.mktemp("knowledge") / "knowledge.sqlite"
    build_snapshot(path)
    return SqliteKnowledge(path)


@pytest.fixture(scope="session")
def osmem_server() -> Iterator[OsmemServer]:
    with OsmemServer.start(japanese=False) as server:
        yield server


@pytest.fixture
def search_url(osmem_server: OsmemServer) -> Iterator[str]:
    """An empty OpenSearch of the test's own."""
    clone: OsmemClone
    with osmem_server.clone() as clone:
        yield clone.url


@pytest.fixture
def between(search_url: str) -> Iterator[SearchServer]:
    """A server in front of OpenSearch that fails as a test tells it."""
    with SearchServer(forward(search_url)) as server:
        yield server
