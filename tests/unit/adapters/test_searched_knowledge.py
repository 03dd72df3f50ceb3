"""A search service in front of the snapshot: what it may change, and what happens when it fails."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import boto3
import pytest
from aws_lambda_powertools.utilities.circuit_breaker import base as breaker_module
from aws_lambda_powertools.utilities.circuit_breaker.persistence import (
    CircuitBreakerDynamoDBPersistence,
)
from moto import mock_aws

from mri_analysis import wiring
from mri_analysis.adapters.searched_knowledge import (
    FAILURE_THRESHOLD,
    SearchedKnowledge,
    search_breaker,
)
from mri_analysis.contracts.knowledge import EntryKind, KnowledgeEntry
from mri_analysis.contracts.report import Passage, Reference
from mri_analysis.errors import AnalysisError, KnowledgeIndexMismatch, KnowledgeUnavailable
from mri_analysis.passage_text import content_sha256
from mri_analysis.ports.knowledge import Found, KnowledgeManifest, ScoredPassage
from mri_analysis.settings import Settings

OWN = "0" * 64


def passage(id_: str, text: str) -> Passage:
    return Passage(
        id=id_,
        source="s",
        source_version="1",
        licence="l",
        title="t",
        text=text,
        sha256=content_sha256("t", text),
    )


class Snapshot:
    manifest = KnowledgeManifest(1, "1.2.0", "2025-01-16", OWN, {}, ("HPO",), "snapshot")

    def search(
        self, query: str, limit: int = 5, kinds: Collection[EntryKind] | None = None
    ) -> list[ScoredPassage]:
        return [ScoredPassage(passage("note.a", "ours"), EntryKind.NOTE, 1.0)][:limit]

    def passages(self, ids: Sequence[str]) -> list[Passage]:
        known = {"note.a": passage("note.a", "ours"), "note.b": passage("note.b", "ours too")}
        return [known[id_] for id_ in ids if id_ in known]

    def rules(self) -> list[KnowledgeEntry]:
        return []

    def references(self) -> list[Reference]:
        return []


@dataclass
class Service:
    """Finds what it is told to, or fails."""

    hits: list[ScoredPassage] | None = field(default_factory=list)
    fails: AnalysisError | None = None
    knowledge_sha256: str = OWN
    asked: int = 0
    seconds: float = 0.0
    no_vectors: str | None = None
    by_vectors: list[bool] = field(default_factory=list)

    def find(
        self, query: str, limit: int, kinds: Collection[EntryKind], *, by_vectors: bool = True
    ) -> Found | None:
        self.asked += 1
        self.by_vectors.append(by_vectors)
        time.sleep(self.seconds)
        if self.fails is not None:
            raise self.fails
        if self.hits is None:
            return None
        failed = self.no_vectors if by_vectors else None
        how = "opensearch" if by_vectors and failed is None else "opensearch, words only"
        return Found(self.hits[:limit], how, "1.1.0", self.knowledge_sha256, failed)

    def passages(self, ids: Sequence[str]) -> list[Passage]:
        self.asked += 1
        time.sleep(self.seconds)
        if self.fails is not None:
            raise self.fails
        return [hit.passage for hit in self.hits or [] if hit.passage.id in ids]


def hit(id_: str, text: str, kind: EntryKind = EntryKind.NOTE) -> ScoredPassage:
    return ScoredPassage(passage(id_, text), kind, 0.5)


def test_the_service_ranks_and_the_snapshot_is_quoted() -> None:
    service = Service([hit("note.b", "contradicts ours"), hit("note.a", "ours")])
    knowledge = SearchedKnowledge(Snapshot(), service)

    assert [h.passage.text for h in knowledge.search("q")] == ["ours too", "ours"]
    assert knowledge.manifest.retrieval == "opensearch"


def test_a_note_that_did_not_come_with_the_release_is_not_quoted() -> None:
    service = Service([hit("note.planted", "words of a stranger"), hit("note.a", "ours")])

    found = SearchedKnowledge(Snapshot(), service).search("q")

    assert [h.passage.id for h in found] == ["note.a"]


def test_a_document_is_quoted_from_the_service_but_never_under_the_id_of_a_note() -> None:
    service = Service(
        [
            hit("doc.site.1", "local protocol", EntryKind.DOCUMENT),
            hit("note.a", "disguised", EntryKind.DOCUMENT),
        ]
    )
    knowledge = SearchedKnowledge(Snapshot(), service)

    assert [h.passage.text for h in knowledge.search("q")] == ["local protocol"]
    assert [p.text for p in knowledge.passages(["doc.site.1", "note.a", "no"])] == [
        "local protocol",
        "ours",
    ]


def test_an_index_of_another_release_is_named() -> None:
    knowledge = SearchedKnowledge(Snapshot(), Service(knowledge_sha256="1" * 64))
    knowledge.search("q")

    assert knowledge.manifest.retrieval == "opensearch, index holds knowledge version 1.1.0"
    assert knowledge.manifest.version == "1.2.0"


@pytest.mark.parametrize(
    ("service", "label"),
    [
        (
            Service(fails=KnowledgeUnavailable("secret")),
            "snapshot (the search service did not answer)",
        ),
        (Service(hits=None), "snapshot (the search index is empty)"),
        (
            Service(fails=KnowledgeIndexMismatch("x")),
            "snapshot (the search index is of another embedder or version)",
        ),
    ],
)
def test_the_snapshot_serves_and_the_report_says_why(service: Service, label: str) -> None:
    knowledge = SearchedKnowledge(Snapshot(), service)

    assert [h.passage.text for h in knowledge.search("q")] == ["ours"]
    assert [h.passage.text for h in knowledge.search("q")] == ["ours"]
    assert knowledge.manifest.retrieval == label
    # One study does not wait twice.
    assert service.asked == 1


def test_a_service_that_fails_in_the_middle_is_told_as_both() -> None:
    service = Service([hit("note.a", "ours")])
    knowledge = SearchedKnowledge(Snapshot(), service)
    knowledge.search("q")
    service.fails = KnowledgeUnavailable("x")
    knowledge.search("q")

    assert knowledge.manifest.retrieval == (
        "opensearch; snapshot (the search service did not answer)"
    )


def test_passages_of_a_failing_service_are_left_out() -> None:
    service = Service(fails=KnowledgeUnavailable("x"))

    assert [p.id for p in SearchedKnowledge(Snapshot(), service).passages(["z", "note.a"])] == [
        "note.a"
    ]


def test_all_searches_of_a_report_have_one_time_together() -> None:
    service = Service([hit("note.b", "ours too")], seconds=0.2)
    knowledge = SearchedKnowledge(Snapshot(), service, budget_s=0.5)
    started = time.monotonic()

    found = [knowledge.search("q")[0].passage.id for _ in range(25)]

    assert time.monotonic() - started < 1.5
    assert found == ["note.b"] * 2 + ["note.a"] * 23
    assert service.asked == 3
    assert knowledge.manifest.retrieval == (
        "opensearch; snapshot (the search service did not answer)"
    )
    # Neither is it asked for a passage any more.
    assert knowledge.passages(["doc.x.1"]) == []
    assert service.asked == 3


def test_the_time_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = Settings(knowledge_search_url="http://127.0.0.1:9", knowledge_search_seconds=0.0)
    monkeypatch.setattr(wiring, "settings", lambda: chosen)
    monkeypatch.setattr(wiring, "knowledge_snapshot", Snapshot)
    monkeypatch.setattr(wiring, "_search_breaker", lambda: None)
    monkeypatch.setattr(wiring, "passage_search", lambda url: service)
    service = Service([hit("note.b", "ours too")])

    assert Settings().knowledge_search_seconds == 30
    assert [h.passage.id for h in wiring.knowledge().search("q")] == ["note.a"]
    assert service.asked == 0


def test_time_that_nobody_searches_is_not_counted() -> None:
    service = Service([hit("note.b", "ours too")])
    knowledge = SearchedKnowledge(Snapshot(), service, budget_s=0.3)
    for _ in range(3):
        knowledge.search("q")
        time.sleep(0.2)

    assert knowledge.manifest.retrieval == "opensearch"


def test_a_breaker_that_hangs_is_within_the_time_too() -> None:
    def hanging(call: object) -> object:
        return lambda *_, **__: time.sleep(5)

    knowledge = SearchedKnowledge(Snapshot(), Service(), hanging, budget_s=0.2)  # type: ignore[arg-type]
    started = time.monotonic()

    assert [h.passage.id for h in knowledge.search("q")] == ["note.a"]
    assert time.monotonic() - started < 1


def test_a_passage_that_is_not_fetched_in_time_is_left_out_and_nobody_waits_again() -> None:
    service = Service([hit("doc.x.1", "x", EntryKind.DOCUMENT)], seconds=0.4)
    knowledge = SearchedKnowledge(Snapshot(), service, budget_s=0.1)

    assert [p.id for p in knowledge.passages(["doc.x.1", "note.a"])] == ["note.a"]
    knowledge.search("q")
    assert service.asked == 1
    assert "did not answer" in knowledge.manifest.retrieval


def test_an_embedder_that_failed_is_not_asked_again_for_this_report() -> None:
    service = Service([hit("note.a", "ours")], no_vectors="the embedding model did not answer")
    knowledge = SearchedKnowledge(Snapshot(), service)
    for _ in range(3):
        assert [h.passage.id for h in knowledge.search("q")] == ["note.a"]

    assert service.by_vectors == [True, False, False]
    assert knowledge.manifest.retrieval == (
        "opensearch, words only (the embedding model did not answer)"
    )
    # The next report asks anew.
    SearchedKnowledge(Snapshot(), service).search("q")
    assert service.by_vectors[-1]


@pytest.mark.parametrize("query", ["", " ", "\n"])
def test_an_empty_query_asks_nobody(query: str) -> None:
    service = Service()
    knowledge = SearchedKnowledge(Snapshot(), service)

    assert knowledge.search(query) == []
    assert service.asked == 0
    assert knowledge.manifest.retrieval == "snapshot"


@mock_aws
def test_the_circuit_opens_for_all_and_the_report_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_LOCAL_FAILURES", "_LAST_OBSERVED_STATE"):
        monkeypatch.setattr(breaker_module, name, {})
    client = boto3.client(
        "dynamodb", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    client.create_table(
        TableName="breakers",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    service = Service(fails=KnowledgeUnavailable("x"))
    state = CircuitBreakerDynamoDBPersistence(table_name="breakers", boto3_client=client)
    breaker = search_breaker("mri-knowledge", state)
    for _ in range(FAILURE_THRESHOLD):
        SearchedKnowledge(Snapshot(), service, breaker).search("q")

    resting = SearchedKnowledge(Snapshot(), service, search_breaker("mri-knowledge", state))
    found = resting.search("q")

    assert service.asked == FAILURE_THRESHOLD
    assert [h.passage.text for h in found] == ["ours"]
    assert "rests" in resting.manifest.retrieval
