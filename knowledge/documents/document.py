"""A document as it was read, before it is cut into pieces."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass

from mri_analysis.errors import DocumentNameRefused

_LONGEST_NAME = 60

LONGEST_LINE = 300
"""Characters of a title, a source, a licence or an address."""


@dataclass(frozen=True)
class Block:
    """One paragraph and where it stands.

    ``first`` and ``last`` count lines (Markdown, JSON Lines) or pages (PDF) from 1. Source,
    licence and address are those of a JSON line that names its own.
    """

    text: str
    heading: str
    first: int
    last: int
    source: str = ""
    licence: str = ""
    url: str = ""
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Document:
    """A document with its origin. ``version`` is the start of its file's SHA-256."""

    name: str
    title: str
    source: str
    licence: str
    url: str | None
    version: str
    unit: str
    """'line' or 'page': what the places of the blocks count"""
    blocks: tuple[Block, ...]
    empty_pages: tuple[int, ...] = ()
    """pages of a PDF that hold no text: pictures, or empty"""
    removed_characters: int = 0
    """control, zero-width and direction characters that were taken out"""


def file_version(data: bytes) -> str:
    """The first 12 hexadecimal digits of the SHA-256 of ``data``."""
    return hashlib.sha256(data).hexdigest()[:12]


def document_name(text: str) -> str:
    """``text`` as a name: a-z, 0-9 and single hyphens, at most 60 characters.

    Raises
    ------
    DocumentNameRefused
        Nothing of ``text`` can stand in a name.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "-", plain)[:_LONGEST_NAME].strip("-")
    if not name:
        raise DocumentNameRefused("No name can be made of the file's name.")
    return name
