"""The snapshot, with a search service in front of it.

The service ranks and brings a site's own documents; what is quoted of notes, rules and terms is
always the text of the snapshot, which was reviewed and came with the release. So neither a passage
that contradicts it nor one that somebody wrote into the index can enter a report as ours. Where the
service fails, or takes more time than all searches of a report may, the snapshot searches.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from aws_lambda_powertools.utilities.circuit_breaker import CircuitBreakerConfig, circuit_breaker
from aws_lambda_powertools.utilities.circuit_breaker.exceptions import (
    CircuitBreakerError,
    CircuitBreakerOpenError,
)
from botocore.exceptions import BotoCoreError, ClientError

from mri_analysis.adapters.deadline import within
from mri_analysis.contracts.knowledge import EntryKind, KnowledgeEntry
from mri_analysis.contracts.report import Passage, Reference
from mri_analysis.errors import KnowledgeIndexMismatch, KnowledgeUnavailable
from mri_analysis.observability import logger
from mri_analysis.passage_text import is_ours
from mri_analysis.ports.knowledge import (
    Found,
    KnowledgeBase,
    KnowledgeManifest,
    PassageSearch,
    ScoredPassage,
)

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.circuit_breaker.persistence.base import (
        CircuitBreakerPersistenceLayer,
    )

FAILURE_THRESHOLD = 5
RECOVERY_TIMEOUT_SECONDS = 300

BUDGET_S = 30.0
"""For all searches of one report, up to 25 of them. The state has 300 s, of which two drafts and a
guardrail may take 240."""

NO_ANSWER = "snapshot (the search service did not answer)"
RESTING = "snapshot (the search service failed several times and rests)"
EMPTY = "snapshot (the search index is empty)"
MISMATCH = "snapshot (the search index is of another embedder or version)"

_SPARE = 5
"""Further passages asked for, in place of those that the snapshot does not know."""

_T = TypeVar("_T")


class _Find(Protocol):
    def __call__(
        self, query: str, limit: int, kinds: Collection[EntryKind], *, by_vectors: bool = True
    ) -> Found | None: ...


class Breaker(Protocol):
    """Decorates a call of the search service."""

    def __call__(self, call: _Find) -> _Find: ...


def search_breaker(index: str, state: "CircuitBreakerPersistenceLayer") -> Breaker:
    """The breaker of this index, shared by all environments of a deployment."""
    protect: Breaker = circuit_breaker(
        name=f"search.{index}",
        persistence_store=state,
        config=CircuitBreakerConfig(
            failure_threshold=FAILURE_THRESHOLD,
            recovery_timeout=RECOVERY_TIMEOUT_SECONDS,
            success_threshold=1,
            handled_exceptions=KnowledgeUnavailable,
        ),
    )
    return protect


class SearchedKnowledge:
    """A :class:`~mri_analysis.ports.knowledge.KnowledgeBase` for one report.

    One object serves one study: its manifest says how that study's passages were found, and a
    service that failed once is not waited for again, nor is its embedder.

    Parameters
    ----------
    breaker
        Keeps a failing service from being asked; None where there is no store for its state.
    budget_s
        Seconds that all calls of the service may take together, breaker and embedder included.
        What comes after is searched for in the snapshot.
    """

    def __init__(
        self,
        snapshot: KnowledgeBase,
        service: PassageSearch,
        breaker: Breaker | None = None,
        budget_s: float = BUDGET_S,
    ) -> None:
        self._snapshot = snapshot
        self._service = service
        self._find: _Find = service.find if breaker is None else breaker(service.find)
        self._retrievals: dict[str, None] = {}
        self._failed: str | None = None
        self._no_vectors: str | None = None
        self._left_s = budget_s

    @property
    def manifest(self) -> KnowledgeManifest:
        """The snapshot's manifest; ``retrieval`` tells what happened since this object was made."""
        manifest = self._snapshot.manifest
        if not self._retrievals:
            return manifest
        return replace(manifest, retrieval="; ".join(self._retrievals))

    def search(
        self, query: str, limit: int = 5, kinds: Collection[EntryKind] | None = None
    ) -> list[ScoredPassage]:
        """The passages nearest to ``query``, best first: of the service, else of the snapshot."""
        wanted = list(EntryKind) if kinds is None else sorted(kinds)
        if limit < 1 or not wanted or not query.strip():
            return []
        found = self._ask(query, limit + _SPARE, wanted)
        if found is None:
            return self._snapshot.search(query, limit, kinds)
        return self._ours(found.passages)[:limit]

    def passages(self, ids: Sequence[str]) -> list[Passage]:
        """Notes, rules and terms of the snapshot alone; documents it lacks, of the service."""
        known = {passage.id: passage for passage in self._snapshot.passages(ids)}
        missing = [id_ for id_ in dict.fromkeys(ids) if id_ not in known and not is_ours(id_)]
        if missing and self._failed is None:
            try:
                fetched = self._bounded(lambda: self._service.passages(missing))
                known |= {passage.id: passage for passage in fetched}
            except KnowledgeUnavailable as error:
                self._failed = NO_ANSWER
                logger.warning("the search service failed", code=error.code, reason=str(error))
            except KnowledgeIndexMismatch as error:
                logger.warning("the search index does not fit", code=error.code)
        return [known[id_] for id_ in dict.fromkeys(ids) if id_ in known]

    def rules(self) -> list[KnowledgeEntry]:
        """All follow-up rules of the snapshot."""
        return self._snapshot.rules()

    def references(self) -> list[Reference]:
        """All reference figures of the snapshot."""
        return self._snapshot.references()

    def _ask(self, query: str, limit: int, kinds: Collection[EntryKind]) -> Found | None:
        """What the service found; None where the snapshot must search, with the reason noted."""
        if self._failed is None:
            try:
                by_vectors = self._no_vectors is None
                found = self._bounded(
                    lambda: self._find(query, limit, kinds, by_vectors=by_vectors)
                )
                if found is not None:
                    if found.no_vectors is not None:
                        self._no_vectors = found.no_vectors
                        logger.warning("searching by words alone", reason=found.no_vectors)
                    self._note(self._describe(found))
                    return found
                self._failed = EMPTY
            except KnowledgeUnavailable as error:
                self._failed = NO_ANSWER
                logger.warning("the search service failed", code=error.code, reason=str(error))
            except KnowledgeIndexMismatch as error:
                self._failed = MISMATCH
                logger.warning("the search index does not fit", code=error.code)
            except CircuitBreakerOpenError:
                self._failed = RESTING
            except (CircuitBreakerError, BotoCoreError, ClientError):
                self._failed = NO_ANSWER  # the circuit breaker's table did not answer
        self._note(self._failed)
        return None

    def _bounded(self, call: Callable[[], _T]) -> _T:
        """``call`` within what is left of the time; raises ``KnowledgeUnavailable`` where none is.

        The thread that is left behind ends by the deadlines of the connection.
        """
        if self._left_s <= 0:
            raise KnowledgeUnavailable("The time for the searches of a report is spent.")
        started = time.monotonic()
        try:
            return within(self._left_s, call)
        except TimeoutError:
            raise KnowledgeUnavailable("The time for the searches of a report is spent.") from None
        finally:
            self._left_s -= time.monotonic() - started

    def _describe(self, found: Found) -> str:
        told = found.retrieval
        if self._no_vectors is not None:
            told += f" ({self._no_vectors})"
        if found.knowledge_sha256 == self._snapshot.manifest.content_sha256:
            return told
        return f"{told}, index holds knowledge version {found.knowledge_version}"

    def _note(self, retrieval: str) -> None:
        self._retrievals[retrieval] = None

    def _ours(self, found: Sequence[ScoredPassage]) -> list[ScoredPassage]:
        """Documents as they are, anything else in the words of the snapshot or not at all."""
        own_ids = [hit.passage.id for hit in found if hit.kind is not EntryKind.DOCUMENT]
        own = {passage.id: passage for passage in self._snapshot.passages(own_ids)}
        # A document that calls itself by the id of a note would hide it where ids are cited.
        taken = {
            passage.id
            for passage in self._snapshot.passages(
                [hit.passage.id for hit in found if hit.kind is EntryKind.DOCUMENT]
            )
        }
        kept = []
        for hit in found:
            if hit.kind is EntryKind.DOCUMENT:
                if hit.passage.id not in taken:
                    kept.append(hit)
            elif hit.passage.id in own:
                kept.append(replace(hit, passage=own[hit.passage.id]))
        return kept
