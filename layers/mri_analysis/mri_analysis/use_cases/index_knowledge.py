"""Fill the search index: anew from the snapshot, or with a document of the site's own."""

from collections.abc import Iterable, Sequence

from mri_analysis.contracts.knowledge import KnowledgeEntry
from mri_analysis.errors import DocumentError, KnowledgeUnavailable
from mri_analysis.passage_text import entry_flaw
from mri_analysis.ports.knowledge import (
    DocumentIndex,
    IndexChange,
    KnowledgeManifest,
    RebuiltIndex,
    SearchIndex,
)


def reindex(
    entries: Iterable[KnowledgeEntry],
    knowledge: KnowledgeManifest,
    index: SearchIndex,
    *,
    keep_documents: bool = True,
) -> RebuiltIndex:
    """Make the search index anew, so that it and the snapshot of a deployment agree.

    Parameters
    ----------
    entries, knowledge
        ``SqliteKnowledge.entries()`` and ``.manifest`` of the deployed snapshot.
    index
        Holds the embedder; the index in use stays as it was where anything fails.
    keep_documents
        Whether documents that were ingested are carried over.

    Raises
    ------
    DocumentsUnreadable
        A document that was ingested cannot be carried over.
    KnowledgeIndexBusy
        Somebody else writes to the index.
    KnowledgeUnavailable, KnowledgeIndexMismatch, EmbedderUnavailable
    """
    checked = list(entries)
    for entry in checked:
        flaw = entry_flaw(entry)
        if flaw is not None:
            raise KnowledgeUnavailable(f"The entry {entry.id} cannot be indexed: {flaw}.")
    return index.rebuild(checked, knowledge, keep_documents=keep_documents)


def ingest_document(
    document: str, pieces: Sequence[KnowledgeEntry], index: DocumentIndex
) -> IndexChange:
    """Make ``pieces`` all there is of ``document``; ingesting the same again changes nothing.

    Raises
    ------
    DocumentError
        A piece holds what no passage may hold.
    KnowledgeIndexBusy
        The index is made anew, or written to by somebody else.
    KnowledgeUnavailable, KnowledgeIndexMismatch, EmbedderUnavailable
    """
    for piece in pieces:
        flaw = entry_flaw(piece)
        if flaw is not None:
            raise DocumentError(f"The piece {piece.id} cannot be indexed: {flaw}.")
    return index.replace_document(document, pieces)
