"""What an index of the knowledge base looks like: mapping, manifest, and the form of an entry.

Nothing rests on OpenSearch's ``_id``: serverless vector collections give their own. The entry's id
is a field of its own.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

from pydantic import Field, ValidationError

from mri_analysis.contracts.base import Contract, Sha256
from mri_analysis.contracts.knowledge import EntryKind, KnowledgeEntry
from mri_analysis.contracts.report import Passage
from mri_analysis.errors import KnowledgeIndexMismatch
from mri_analysis.passage_screening import entry_addresses_a_model
from mri_analysis.passage_text import entry_flaw, flaw_of, is_ours
from mri_analysis.ports.embedding import Embedder

SCHEMA_VERSION = 1
"""Of mapping and manifest. Another number needs an index of its own."""

_TEXT = {"type": "text", "analyzer": "english"}
_KEYWORD = {"type": "keyword"}
_KEPT = {"type": "keyword", "index": False, "doc_values": False}
"""Given back, never searched."""

_ID = re.compile(
    r"(?:HP:\d{7}|(?:note|rule)\.[a-z0-9.-]{1,80}|document\.[a-z0-9-]{1,60}\.[0-9a-f]{12})"
)
"""Ids as they are given here: what stands in a log. Another one may be a sentence."""


class IndexManifest(Contract):
    """What an index holds, in ``_meta`` of its mapping."""

    schema_version: Literal[1] = 1
    made_by: Literal["mri-analysis"] = "mri-analysis"
    embedder: str | None = Field(default=None, pattern=r"^[A-Za-z0-9:._/-]{1,200}$")
    dimension: int | None = Field(default=None, ge=1, le=16000)
    knowledge_version: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    hpo_release: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    content_sha256: Sha256 = Field(description="of the snapshot the index was made from")
    entries: int = Field(ge=0, description="of that snapshot; a site's documents come on top")
    made_at: datetime


_NAME = re.compile(r"[A-Za-z0-9._-]{1,60}")


def index_body(manifest: IndexManifest, *, sharded: bool) -> dict[str, Any]:
    """Settings and mapping of a new index.

    Vectors have unit length, so their inner product is their cosine; faiss knows it in every
    version of a domain (cosine since 2.19 only) and in a collection.

    Parameters
    ----------
    sharded
        Whether the service takes numbers of shards; a collection chooses them itself.
    """
    properties: dict[str, Any] = {
        "id": _KEYWORD,
        "kind": _KEYWORD,
        "document": _KEYWORD,
        "embedder": _KEYWORD,
        "sha256": _KEYWORD,
        "title": _TEXT,
        "text": _TEXT,
        "synonyms": _TEXT,
        "topics": _TEXT,
        "version": _KEPT,
        "rests_on": _KEPT,
        "source": _KEPT,
        "licence": _KEPT,
        "url": _KEPT,
    }
    index: dict[str, Any] = {}
    if sharded:
        # One shard: a few thousand entries, and word frequencies are counted in each shard apart.
        index |= {"number_of_shards": 1, "auto_expand_replicas": "0-1"}
    if manifest.dimension is not None:
        index["knn"] = True
        properties["vector"] = {
            "type": "knn_vector",
            "dimension": manifest.dimension,
            "method": {
                "name": "hnsw",
                "engine": "faiss",
                "space_type": "innerproduct",
                "parameters": {"ef_construction": 128, "m": 16},
            },
        }
    return {
        "settings": {"index": index},
        "mappings": {
            "dynamic": "strict",
            "_meta": manifest.model_dump(mode="json"),
            "properties": properties,
        },
    }


def read_manifest(mappings: object) -> IndexManifest:
    """The manifest in a mapping.

    Raises
    ------
    KnowledgeIndexMismatch
        Nobody knows who made the index, or its schema is of another version.
    """
    meta = mappings.get("_meta") if isinstance(mappings, dict) else None
    found = meta.get("schema_version") if isinstance(meta, dict) else None
    if isinstance(found, int) and found != SCHEMA_VERSION:
        raise KnowledgeIndexMismatch(
            f"The search index has schema {found}, this version reads {SCHEMA_VERSION}."
        )
    try:
        return IndexManifest.model_validate(meta)
    except ValidationError:
        raise KnowledgeIndexMismatch(
            "The search index carries no manifest of this application."
        ) from None


def require_same_embedder(manifest: IndexManifest, embedder: Embedder | None) -> None:
    """Refuse to let vectors of two embedders meet.

    An index without vectors, and a reader without an embedder, mix nothing: words are left.

    Raises
    ------
    KnowledgeIndexMismatch
        The index was made by another embedder, or with vectors of another length.
    """
    if embedder is None or manifest.embedder is None:
        return
    if (manifest.embedder, manifest.dimension) != (embedder.id, embedder.dimension):
        raise KnowledgeIndexMismatch(
            f"The search index has vectors of {manifest.embedder} with {manifest.dimension} "
            f"numbers, the embedder in use is {embedder.id} with {embedder.dimension}."
        )


def embedded_text(entry: KnowledgeEntry) -> str:
    """What an entry's vector is made from."""
    return "\n".join([entry.title, *entry.synonyms, entry.text])


def entry_document(
    entry: KnowledgeEntry, embedder_id: str | None = None, vector: list[float] | None = None
) -> dict[str, Any]:
    """An entry as it is indexed, without conditions: rules are not chosen by a search."""
    fields = entry.model_dump(mode="json", exclude={"schema_version", "when"}, exclude_none=True)
    if vector is not None:
        fields |= {"embedder": embedder_id, "vector": vector}
    return fields


@dataclass(frozen=True)
class ReadBack:
    """Entries of an index that pass the checks again, and the ids of those that do not."""

    entries: list[KnowledgeEntry]
    refused: list[str]
    """``unreadable`` for what has no id of ours"""
    refused_documents: list[str]
    """names of documents that they are pieces of, as far as they have one"""


def read_entries(sources: Iterable[object]) -> ReadBack:
    """Indexed entries, each checked by :func:`read_entry`."""
    back = ReadBack([], [], [])
    for source in sources:
        entry = read_entry(source)
        if entry is None:
            back.refused.append(_told(source, "id", _ID) or "unreadable")
            back.refused_documents.extend(filter(None, [_told(source, "document", _NAME)]))
        else:
            back.entries.append(entry)
    return back


def read_entry(source: object) -> KnowledgeEntry | None:
    """An indexed entry, checked again; None for one that this application would not have indexed.

    The index is outside: its text is what somebody may have changed since. Documents are screened
    as they were when they were ingested; of all other kinds the snapshot's own words are quoted.
    """
    if not isinstance(source, dict):
        return None
    fields = {key: value for key, value in source.items() if key not in ("embedder", "vector")}
    try:
        entry = KnowledgeEntry.model_validate(fields)
    except (ValidationError, RecursionError):
        return None
    if entry.url is not None and (
        not entry.url.startswith(("https://", "http://")) or flaw_of(entry.url, limit=2000)
    ):
        return None
    if entry_flaw(entry) is not None:
        return None
    if entry.kind is not EntryKind.DOCUMENT:
        return entry
    # A document must not pass for a measurement, a reference, a note or a rule where ids are cited.
    return None if is_ours(entry.id) or _screened(entry.model_dump_json()) else entry


@lru_cache(maxsize=512)
def _screened(entry: str) -> bool:
    """Whether an entry, as JSON, addresses a model; the searches of a report meet the same ones."""
    return entry_addresses_a_model(KnowledgeEntry.model_validate_json(entry))


def _told(source: object, field: str, form: re.Pattern[str]) -> str | None:
    value = source.get(field) if isinstance(source, dict) else None
    return value if isinstance(value, str) and form.fullmatch(value) else None


def entry_passage(entry: KnowledgeEntry) -> Passage:
    """An entry in the form that is cited."""
    return Passage(
        id=entry.id,
        source=entry.source,
        source_version=entry.version,
        licence=entry.licence,
        title=entry.title,
        text=entry.text,
        url=entry.url,
        sha256=entry.sha256,
    )


def kind_filter(kinds: list[EntryKind]) -> dict[str, Any]:
    """Query clause that keeps these kinds."""
    return {"terms": {"kind": [kind.value for kind in kinds]}}
