"""Optional terms: brain disorders of MONDO and parts of the brain of UBERON.

They come with the package ``cellxgene-ontology-guide``, whose wheel has 98 MB; so it lives in an
environment of its own (``make knowledge-full``), and the selection is kept in a file that
``knowledge/build.py`` reads: ``python -m knowledge.ontologies --output PATH``.
"""

import argparse
import importlib.util
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from knowledge.build import HERE, ONTOLOGIES, content_sha256
from knowledge.stored_entries import write_entries
from mri_analysis.contracts.knowledge import EntryKind, KnowledgeEntry

ROOTS = {"mondo": "MONDO:0005560", "uberon": "UBERON:0000955"}
"""Brain disorder; brain."""


def load_terms(
    terms: Mapping[str, Mapping[str, Any]], root: str, version: str, ontology: Mapping[str, str]
) -> list[KnowledgeEntry]:
    """The live, defined terms at and below ``root``, by id, as the ontology words them.

    Parameters
    ----------
    terms
        Of one ontology, by id: ``label``, ``description``, ``synonyms``, ``ancestors``,
        ``deprecated``. In UBERON the ancestors are reached by is-a and part-of.
    """
    prefix = root.split(":")[0] + ":"
    return [
        _entry(id_, term, version, ontology)
        for id_, term in sorted(terms.items())
        if id_.startswith(prefix)
        and (id_ == root or root in term.get("ancestors", {}))
        and not term.get("deprecated")
        and term.get("description")
    ]


def installed_terms(name: str) -> tuple[str, dict[str, Any]]:
    """Release and terms of the newest ``name`` in the installed package."""
    spec = importlib.util.find_spec("cellxgene_ontology_guide")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("cellxgene-ontology-guide is not installed: use `make knowledge-full`.")
    import zstandard

    folder = Path(spec.submodule_search_locations[0]) / "data"
    newest = max(folder.glob(f"{name.upper()}-ontology-v*.json.zst"))
    release = re.fullmatch(r"[A-Z]+-ontology-v(\d{4}-\d\d-\d\d)\.json\.zst", newest.name)
    if release is None:
        raise SystemExit(f"{newest.name} names no release: the licence asks for the version.")
    with newest.open("rb") as packed:
        unpacked = zstandard.ZstdDecompressor().stream_reader(packed)
        return release[1], json.load(io.TextIOWrapper(unpacked, encoding="utf-8"))


def _entry(
    id_: str, term: Mapping[str, Any], version: str, ontology: Mapping[str, str]
) -> KnowledgeEntry:
    title, text = term["label"], term["description"]
    return KnowledgeEntry(
        id=id_,
        kind=EntryKind.TERM,
        version=version,
        title=title,
        text=text,
        synonyms=[synonym for synonym in term.get("synonyms", []) if synonym != title],
        rests_on=f"{ontology['source']} definition",
        source=ontology["source"],
        licence=ontology["licence"],
        url=f"http://purl.obolibrary.org/obo/{id_.replace(':', '_')}",
        sha256=content_sha256(title, text),
    )


def main(arguments: list[str] | None = None) -> None:
    """Command line: write the selected terms and print how many there are."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--output", type=Path, default=Path("out") / ONTOLOGIES, help="the file to write"
    )
    options = parser.parse_args(arguments)
    ontologies = yaml.safe_load((HERE / "manifest.yaml").read_text(encoding="utf-8"))["ontologies"]
    entries: list[KnowledgeEntry] = []
    for name, root in ROOTS.items():
        version, terms = installed_terms(name)
        selected = load_terms(terms, root, version, ontologies[name])
        entries += selected
        print(f"{ontologies[name]['source']} {version}: {len(selected)} terms")
    write_entries(options.output, entries)


if __name__ == "__main__":
    main()
