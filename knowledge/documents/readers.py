"""Read a document from a file, within bounds: Markdown, PDF or JSON Lines."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from knowledge.documents.document import LONGEST_LINE, Block, Document, document_name, file_version
from knowledge.documents.limits import LIMITS, Limits
from knowledge.documents.parsing import KINDS
from mri_analysis.errors import (
    DocumentBroken,
    DocumentEmpty,
    DocumentError,
    DocumentKindUnknown,
    DocumentLineMalformed,
    DocumentOriginMissing,
    DocumentSuspicious,
    DocumentTooLarge,
    error_type,
)
from mri_analysis.passage_screening import addresses_a_model
from mri_analysis.passage_text import visible


def read_document(
    path: Path,
    *,
    title: str | None = None,
    source: str | None = None,
    licence: str | None = None,
    url: str | None = None,
    name: str | None = None,
    limits: Limits = LIMITS,
) -> Document:
    """Read one document; what is given here goes before what the file says of itself.

    The title falls back to the first heading and then to the file's name; source and licence must
    be given or stand in the file.

    Raises
    ------
    DocumentError
        One of its subclasses: the sentence says what is wrong and quotes nothing of the document.
    OSError
        The file cannot be opened.
    """
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise DocumentKindUnknown("The file's ending tells no kind that can be read.")
    data = _bytes(path, limits)
    answer = _read(kind, data, limits)
    fields: dict[str, str] = answer["fields"]
    blocks = tuple(
        Block(**block | {"synonyms": tuple(block["synonyms"])}) for block in answer["blocks"]
    )
    given = {"title": title, "source": source, "licence": licence, "url": url}
    chosen = {
        key: " ".join(visible(value if value is not None else fields.get(key, ""))[0].split())
        for key, value in given.items()
    }
    heading = next((block.heading for block in blocks if block.heading), "")
    fallback = heading.split(" > ")[0] if kind == "markdown" else ""
    document = Document(
        name=document_name(name if name is not None else path.stem),
        title=chosen["title"] or fallback or " ".join(visible(path.stem)[0].split()),
        source=chosen["source"],
        licence=chosen["licence"],
        url=chosen["url"] or None,
        version=file_version(data),
        unit="page" if kind == "pdf" else "line",
        blocks=blocks,
        empty_pages=tuple(answer["empty_pages"]),
        removed_characters=answer["removed_characters"],
    )
    _check_origin(document)
    return document


def _bytes(path: Path, limits: Limits) -> bytes:
    if path.stat().st_size > limits.bytes:
        raise DocumentTooLarge(
            f"The file has {path.stat().st_size >> 20} MiB; {limits.bytes >> 20} MiB can be read."
        )
    with path.open("rb") as file:
        data = file.read(limits.bytes + 1)
    if not data.strip():
        raise DocumentEmpty("The file is empty.")
    if len(data) > limits.bytes:
        raise DocumentTooLarge(f"The file has more than {limits.bytes >> 20} MiB.")
    return data


def _read(kind: str, data: bytes, limits: Limits) -> dict[str, Any]:
    script = Path(__file__).with_name("reading_process.py")
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(script), kind, json.dumps(asdict(limits))],
            input=data,
            stdout=subprocess.PIPE,
            # What a reader complains about may quote the document.
            stderr=subprocess.DEVNULL,
            timeout=limits.seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DocumentTooLarge(
            f"Reading the document took longer than {limits.seconds:g} s."
        ) from error
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        if done.returncode < 0:  # ended by the system: out of time or memory
            raise DocumentTooLarge("Reading the document takes too much time or memory.") from error
        raise DocumentBroken("The document cannot be read.") from error
    if "refused" in answer:
        refused = error_type(answer["refused"])
        assert issubclass(refused, DocumentError)
        raise refused(answer["sentence"])
    return answer


def _check_origin(document: Document) -> None:
    missing = [
        word
        for word, own in (("source", document.source), ("licence", document.licence))
        if not own and not all(getattr(block, word) for block in document.blocks)
    ]
    if missing:
        raise DocumentOriginMissing(f"The document has no {' and no '.join(missing)}.")
    lines = [document.title, document.source, document.licence, document.url or ""]
    if any(len(line) > LONGEST_LINE for line in lines):
        raise DocumentLineMalformed(
            f"Title, source, licence or address is longer than {LONGEST_LINE} characters."
        )
    urls = {document.url or ""} | {block.url for block in document.blocks}
    if not all(_is_web_address(url) for url in urls if url):
        raise DocumentLineMalformed("An address (url) is no http or https address.")
    named = [*lines, document.name.replace("-", " ")]
    if any(addresses_a_model(line) for line in named):
        raise DocumentSuspicious(
            "The title, the name, the source, the licence or the address reads like an instruction "
            "to a language model."
        )


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in url
