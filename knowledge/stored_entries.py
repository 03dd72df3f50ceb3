"""Entries in a JSON Lines file: one :class:`KnowledgeEntry` a line, replaced as a whole."""

import os
from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from mri_analysis.contracts.knowledge import EntryKind, KnowledgeEntry
from mri_analysis.errors import KnowledgeUnavailable


def read_entries(path: Path, kind: EntryKind) -> list[KnowledgeEntry]:
    """The entries of ``path`` in their order; none where there is no file.

    Raises
    ------
    KnowledgeUnavailable
        A line is no entry of this kind, or an id stands there twice.
    """
    if not path.exists():
        return []
    entries: list[KnowledgeEntry] = []
    try:
        # Not splitlines: it would also end a line at characters a text may hold.
        for line in path.read_text(encoding="utf-8").split("\n"):
            if line:
                entries.append(KnowledgeEntry.model_validate_json(line))
    except (ValidationError, UnicodeDecodeError) as error:
        raise KnowledgeUnavailable(
            f"Line {len(entries) + 1} of {path.name} is damaged; remove the file and make it again."
        ) from error
    if len({entry.id for entry in entries}) < len(entries) or {entry.kind for entry in entries} - {
        kind
    }:
        raise KnowledgeUnavailable(
            f"{path.name} holds other entries than it should; remove the file and make it again."
        )
    return entries


def write_entries(path: Path, entries: Iterable[KnowledgeEntry]) -> None:
    """Write ``entries``; the older file stays whole until the new one is on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(entry.model_dump_json() + "\n" for entry in entries)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
