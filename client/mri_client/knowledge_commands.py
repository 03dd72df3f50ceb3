"""``mri knowledge``: a site's own documents in the knowledge base, and what a search finds.

On one machine the documents lie in a file beside the snapshot, which is built anew after each
change; with a search service they are indexed there. Whatever a document says is printed as data:
no markup, no escape sequence of it acts on the terminal.

Exit codes: 0 done, 1 a document was refused, 2 the command could not do its work.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from mri_analysis.contracts.knowledge import EntryKind
from mri_analysis.errors import DocumentError, DocumentNotFound, KnowledgeUnavailable
from mri_client.errors import CommandError
from mri_client.terminal import AsJson, err, out, plain, print_json, print_table, reported

if TYPE_CHECKING:
    from knowledge.documents.ingest import Ingested
    from mri_analysis.contracts.report import Passage
    from mri_analysis.ports.knowledge import DocumentIndex, KnowledgeBase, ScoredPassage

app = typer.Typer(
    name="knowledge",
    help="Your own documents in the knowledge base, and searching it.",
    no_args_is_help=True,
)
SNAPSHOT = Path("out/knowledge.sqlite")
_TAKES_EFFECT = "Functions that run already keep what they opened: restart `make up` to use it."
_TRY_THIS = (
    "Without a search service: build the knowledge base with `make setup`, or name its file with "
    "--snapshot. With one: check its address and your credentials."
)

SnapshotFile = Annotated[
    Path,
    typer.Option(
        "--snapshot", help="The local knowledge base; documents are kept in the file beside it."
    ),
]
SearchUrl = Annotated[
    str | None,
    typer.Option(
        "--search-url",
        envvar="KNOWLEDGE_SEARCH_URL",
        help="An OpenSearch service to use instead of the local file.",
    ),
]


class NothingToIngest(CommandError):
    """A folder without a document."""

    next_step = "Name a file or a folder with Markdown (.md), PDF (.pdf) or JSON Lines (.jsonl)."


class PassageUnknown(CommandError):
    """An id that this knowledge base does not have."""

    next_step = (
        "Copy the id from `passages` of report.json; another version of the knowledge base may "
        "have others. `mri knowledge search WORDS` looks for words."
    )


class NothingToSearch(CommandError):
    """A search without words."""

    next_step = 'Name some, for example `mri knowledge search "enlarged ventricles"`.'


@app.command("ingest")
def ingest_command(
    path: Annotated[Path, typer.Argument(help="A .md, .pdf or .jsonl file, or a folder of them.")],
    title: Annotated[str | None, typer.Option("--title", help="Of the one document.")] = None,
    source: Annotated[str | None, typer.Option("--source", help="Who published it.")] = None,
    licence: Annotated[str | None, typer.Option("--licence", help="Under which terms.")] = None,
    url: Annotated[str | None, typer.Option("--url", help="Where it can be read.")] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Its name here; else that of the file.")
    ] = None,
    snapshot: SnapshotFile = SNAPSHOT,
    search_url: SearchUrl = None,
    as_json: AsJson = False,
) -> None:
    """Make documents part of the knowledge base, or replace their earlier versions."""
    # The readers are not loaded for the commands that follow a study.
    from knowledge.documents.document import document_name
    from knowledge.documents.ingest import documents_below, ingest, refuse_shared_names
    from knowledge.documents.readers import read_document

    with _reported(as_json):
        if path.is_dir():
            if title or url or name:
                raise typer.BadParameter("--title, --url and --name are for one file.")
            found = documents_below(path)
            if not found:
                raise NothingToIngest(f"{path} holds no .md, .pdf or .jsonl file.")
            skipped = list(_passed_over(path))
        else:
            if not path.exists():
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
            skipped = []
            found = [(path, name if name is not None else document_name(path.stem))]
        shared = refuse_shared_names(called for _, called in found)
        index = _index(search_url, snapshot)
        outcomes: list[dict[str, Any]] = []
        changed = False
        try:
            for file, called in found:
                try:
                    if called in shared:
                        raise shared[called]
                    document = read_document(
                        file, title=title, source=source, licence=licence, url=url, name=called
                    )
                    ingested = ingest(document, index)
                except DocumentError as error:
                    outcomes.append(_refusal(file, error))
                else:
                    changed |= bool(ingested.change.added or ingested.change.removed)
                    outcomes.append(_outcome(file, ingested))
        finally:
            # What was ingested before a service failed is there, and is to be found.
            effect = _settled(search_url, snapshot, changed)
    refused = [outcome for outcome in outcomes if "error" in outcome]
    if as_json:
        told = {"documents": outcomes, "skipped": skipped, "note": effect}
        print_json({"schema_version": 1, **told})
    else:
        for passed in skipped:
            err.print(plain(f"skipped: {passed['file']}: {passed['reason']}"))
        for outcome in outcomes:
            _print_outcome(outcome)
        _say(effect)
    raise typer.Exit(1 if refused else 0)


@app.command("search")
def search_command(
    words: Annotated[str, typer.Argument(help="What to look for.")],
    limit: Annotated[int, typer.Option("--limit", min=1, max=50)] = 5,
    kind: Annotated[
        list[EntryKind] | None, typer.Option("--kind", help="Only these; may be repeated.")
    ] = None,
    snapshot: SnapshotFile = SNAPSHOT,
    search_url: SearchUrl = None,
    as_json: AsJson = False,
) -> None:
    """Show the passages nearest to some words, with where they are from."""
    with _reported(as_json):
        if not words.strip():
            raise NothingToSearch("There are no words to look for.")
        base = _searchable(search_url, snapshot)
        hits = base.search(words, limit, kind or None)
        found_by = base.manifest.retrieval
        exact = None if kind else _opened(base, words.strip())
    if as_json:
        shown = [_hit(hit) for hit in hits]
        print_json(
            {
                "schema_version": 1,
                "query": words,
                "retrieval": found_by,
                "exact": exact.model_dump(mode="json") if exact else None,
                "hits": shown,
            }
        )
        return
    if search_url:
        _say(f"found by {found_by}")
    if exact is not None:
        _say("the passage with this id:")
        _print_passage(exact)
        hits = [hit for hit in hits if hit.passage.id != exact.id]
    elif not hits:
        out.print("Nothing was found.")
    for hit in hits:
        _print_hit(hit)


@app.command("show")
def show_command(
    passage_id: Annotated[
        str, typer.Argument(metavar="ID", help="As a report cites it: `reference.evans.criterion`.")
    ],
    snapshot: SnapshotFile = SNAPSHOT,
    search_url: SearchUrl = None,
    as_json: AsJson = False,
) -> None:
    """Open one passage by its id: what a report rests on, with its source."""
    with _reported(as_json):
        passage = _opened(_searchable(search_url, snapshot), passage_id)
        if passage is None:
            raise PassageUnknown(f"There is no passage {passage_id} in this knowledge base.")
    if as_json:
        print_json({"schema_version": 1, "passage": passage.model_dump(mode="json")})
    else:
        _print_passage(passage)


@app.command("documents")
def documents_command(
    snapshot: SnapshotFile = SNAPSHOT, search_url: SearchUrl = None, as_json: AsJson = False
) -> None:
    """List the documents that were ingested."""
    with _reported(as_json):
        held = _index(search_url, snapshot).stored_documents()
    if as_json:
        print_json({"schema_version": 1, "documents": [asdict(document) for document in held]})
        return
    if not held:
        out.print("No documents yet: `mri knowledge ingest PATH`.")
        return
    table = Table("document", "pieces", "source", "licence", "version")
    for document in held:
        origin = (document.sources, document.licences, document.versions)
        told = (plain("\n".join(_shown_origins(values))) for values in origin)
        table.add_row(plain(document.name), str(document.pieces), *told)
    print_table(table)


@app.command("remove")
def remove_command(
    name: Annotated[str, typer.Argument(help="A name that `mri knowledge documents` shows.")],
    snapshot: SnapshotFile = SNAPSHOT,
    search_url: SearchUrl = None,
    as_json: AsJson = False,
) -> None:
    """Take a document out of the knowledge base."""
    with _reported(as_json):
        index = _index(search_url, snapshot)
        if name not in index.documents():
            raise DocumentNotFound("There is no document of this name.")
        change = index.replace_document(name, [])
        effect = _settled(search_url, snapshot, changed=True)
    if as_json:
        print_json({"schema_version": 1, "name": name, "removed": change.removed, "note": effect})
    else:
        out.print(plain(f"removed: {name}, {_counted(change.removed, 'piece')}"))
        _say(effect)


@app.command("reindex")
def reindex_command(
    forget_documents: Annotated[
        bool, typer.Option("--forget-documents", help="Leave ingested documents behind.")
    ] = False,
    snapshot: SnapshotFile = SNAPSHOT,
    search_url: SearchUrl = None,
    as_json: AsJson = False,
) -> None:
    """Make a search service's index anew from the local knowledge base, then switch over to it."""
    from mri_analysis import wiring
    from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge
    from mri_analysis.use_cases.index_knowledge import reindex

    if not search_url:
        raise typer.BadParameter("reindex needs a search service: --search-url.")
    with _reported(as_json):
        local = SqliteKnowledge(snapshot)
        # The local documents are the local ones; the service keeps its own.
        entries = [entry for entry in local.entries() if entry.kind is not EntryKind.DOCUMENT]
        made = reindex(
            entries,
            local.manifest,
            wiring.search_index(search_url),
            keep_documents=not forget_documents,
        )
    if as_json:
        print_json({"schema_version": 1, **asdict(made)})
    else:
        out.print(
            plain(
                f"{made.index} is in use: {made.entries} entries, "
                f"{_counted(made.document_pieces, 'piece')} of documents carried over; "
                f"before: {made.previous or 'none'}"
            )
        )


def _index(search_url: str | None, snapshot: Path) -> "DocumentIndex":
    if search_url:
        from mri_analysis import wiring

        return wiring.search_index(search_url)
    from knowledge.build import DOCUMENTS
    from knowledge.documents.store import DocumentStore

    return DocumentStore(snapshot.with_name(DOCUMENTS))


def _settled(search_url: str | None, snapshot: Path, changed: bool) -> str:
    """Build the local snapshot anew where that is needed; answer when the change takes effect."""
    if search_url:
        return "The search service finds it from now on." if changed else ""
    if changed or not snapshot.exists():
        from knowledge.build import build_snapshot

        build_snapshot(snapshot)
    return _TAKES_EFFECT if changed else ""


def _searchable(search_url: str | None, snapshot: Path) -> "KnowledgeBase":
    from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge

    local = SqliteKnowledge(snapshot)
    if not search_url:
        return local
    from mri_analysis import wiring
    from mri_analysis.adapters.searched_knowledge import SearchedKnowledge

    return SearchedKnowledge(local, wiring.passage_search(search_url))


def _passed_over(folder: Path) -> Iterator[dict[str, str]]:
    """What ``documents_below`` leaves out, and why."""
    from knowledge.documents.parsing import KINDS

    for path in sorted(folder.iterdir()):
        if path.is_symlink():
            yield {"file": str(path), "reason": "a link"}
        elif path.name.startswith("."):
            yield {"file": str(path), "reason": "hidden"}
        elif path.is_dir():
            yield from _passed_over(path)
        elif not path.is_file():
            yield {"file": str(path), "reason": "no file to read"}
        elif path.suffix.lower() not in KINDS:
            yield {"file": str(path), "reason": f"none of {', '.join(KINDS)}"}


def _refusal(file: Path, error: DocumentError) -> dict[str, Any]:
    return {
        "file": str(file),
        "error": {"code": error.code, "message": str(error), "next_step": error.next_step},
    }


def _outcome(file: Path, ingested: "Ingested") -> dict[str, Any]:
    document, change = ingested.document, ingested.change
    return {
        "file": str(file),
        "name": document.name,
        "title": document.title,
        "version": document.version,
        "added": change.added,
        "removed": change.removed,
        "unchanged": change.unchanged,
        "unit": document.unit,
        "left_out": [{"first": first, "last": last} for first, last in ingested.left_out],
        "pages_without_text": list(document.empty_pages),
        "removed_characters": document.removed_characters,
    }


def _print_outcome(outcome: dict[str, Any]) -> None:
    from knowledge.documents.ingest import place_words

    if "error" in outcome:
        error = outcome["error"]
        err.print(plain(f"refused: {outcome['file']}: {error['code']}"))
        err.print(plain(error["message"]))
        err.print(plain(f"Next: {error['next_step']}"))
        return
    if outcome["added"] or outcome["removed"]:
        told = f"{_counted(outcome['added'], 'piece')} added, {outcome['removed']} removed"
    else:
        told = f"nothing changed, {_counted(outcome['unchanged'], 'piece')}"
    out.print(plain(f"{outcome['name']}: {told} ({outcome['title']})"))
    if outcome["left_out"]:
        places = [place_words(outcome["unit"], **place) for place in outcome["left_out"]]
        err.print(
            plain(
                f"{outcome['name']}: {_counted(len(places), 'piece')} left out for reading like "
                f"instructions to a language model: {_shortened(places)}."
            )
        )
    if outcome["pages_without_text"]:
        pages = [str(page) for page in outcome["pages_without_text"]]
        on = "page" if len(pages) == 1 else "pages"
        err.print(plain(f"{outcome['name']}: no text on {on} {_shortened(pages)}."))
    if outcome["removed_characters"]:
        removed = _counted(outcome["removed_characters"], "unseen character")
        err.print(plain(f"{outcome['name']}: {removed} removed."))


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _shown_origins(values: Sequence[str], most: int = 3) -> list[str]:
    more = [f"and {len(values) - most} more"] if len(values) > most else []
    return [*values[:most], *more]


def _shortened(items: Sequence[str], most: int = 20) -> str:
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more


def _hit(hit: "ScoredPassage") -> dict[str, Any]:
    return {"kind": hit.kind.value, "score": hit.score, **hit.passage.model_dump(mode="json")}


def _opened(base: "KnowledgeBase", passage_id: str) -> "Passage | None":
    """The passage with this id, a reference in the form that reports cite among them."""
    from mri_analysis.reporting.evidence import reference_passage

    for reference in base.references():
        if reference.id == passage_id:
            return reference_passage(reference, base.manifest.version)
    return next(iter(base.passages([passage_id])), None)


def _print_hit(hit: "ScoredPassage") -> None:
    _print_passage(hit.passage, f"score {hit.score:.3g}")


def _print_passage(passage: "Passage", *further: str) -> None:
    out.print(plain(passage.title, "bold"))
    origin = [passage.id, passage.source, passage.source_version, passage.licence]
    out.print(plain(" | ".join([*origin, *further]), "dim"))
    if passage.url:
        out.print(plain(passage.url, "dim"))
    out.print(plain(passage.text))
    out.print()


def _say(effect: str) -> None:
    if effect:
        out.print(plain(effect, "dim"))


@contextmanager
def _reported(as_json: bool) -> Iterator[None]:
    with reported(as_json):
        try:
            yield
        except KnowledgeUnavailable as error:
            # That of the layer speaks of a study.
            raise CommandError(str(error), _TRY_THIS, code=error.code) from error
