"""A site's documents on one machine: a file beside the snapshot.

The snapshot can be built anew at any time; what was ingested cannot, so it is kept in a file of its
own and read whenever the snapshot is built.
"""

import fcntl
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from knowledge.stored_entries import read_entries, write_entries
from mri_analysis.contracts.knowledge import EntryKind, KnowledgeEntry
from mri_analysis.ports.knowledge import IndexChange, StoredDocument, stored_documents


class DocumentStore:
    """A :class:`~mri_analysis.ports.knowledge.DocumentIndex` on a JSON Lines file.

    Parameters
    ----------
    path
        The file; it is made with the first document. Beside it a lock file keeps two writers apart.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def replace_document(self, document: str, pieces: Sequence[KnowledgeEntry]) -> IndexChange:
        """Make ``pieces`` all there is of ``document``; nothing is written where nothing changes.

        Raises
        ------
        KnowledgeUnavailable
            The file is damaged.
        """
        with self._locked():
            stored = self._entries()
            before = {_identity(entry) for entry in stored if entry.document == document}
            after = {_identity(piece) for piece in pieces}
            change = IndexChange(len(after - before), len(before - after), len(before & after))
            if change.added or change.removed:
                others = [entry for entry in stored if entry.document != document]
                kept = sorted([*others, *pieces], key=lambda entry: entry.document or "")
                write_entries(self._path, kept)
            return change

    def documents(self) -> Mapping[str, int]:
        """Names of the documents and how many pieces each has."""
        return dict(Counter(entry.document or "" for entry in self._entries()))

    def stored_documents(self) -> list[StoredDocument]:
        """The documents with their origins, in the order of their names."""
        origins = (
            (entry.document or "", entry.source, entry.licence, entry.version)
            for entry in self._entries()
        )
        return stored_documents(origins)

    def entries(self, document: str) -> list[KnowledgeEntry]:
        """The pieces of one document in their order."""
        return [entry for entry in self._entries() if entry.document == document]

    def _entries(self) -> list[KnowledgeEntry]:
        return read_entries(self._path, EntryKind.DOCUMENT)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_name(self._path.name + ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _identity(entry: KnowledgeEntry) -> tuple[str, str]:
    return entry.id, entry.sha256
