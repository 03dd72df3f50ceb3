"""The text of a PDF, page by page, as paragraphs.

Lines at the top and the bottom that most pages share (running heads, page numbers) are left out.
A word cut at a line's end is joined where the whole word stands elsewhere in the document;
otherwise the hyphen stays, because nobody can tell whether it belongs to the word.
"""

import io
import logging
import re
from collections import Counter
from collections.abc import Sequence

from pypdf import PasswordType, PdfReader
from pypdf.errors import DependencyError, LimitReachedError, PyPdfError

from knowledge.documents.document import Block
from knowledge.documents.limits import Limits
from mri_analysis.errors import (
    DocumentBroken,
    DocumentEncrypted,
    DocumentTooLarge,
    DocumentWithoutText,
)

_CUT = re.compile(r"(\w+)-\n(\w+)")
_FEWEST_LETTERS = 20
_SHARED_FROM_PAGES = 4


def read_pdf(data: bytes, limits: Limits) -> tuple[str, list[Block], list[int]]:
    """Title, paragraphs and the pages without text of a PDF.

    Raises
    ------
    DocumentEncrypted, DocumentBroken, DocumentTooLarge, DocumentWithoutText
    """
    # pypdf quotes what it finds in its warnings; nothing of a document goes to a log.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)
    try:
        reader = PdfReader(io.BytesIO(data), strict=False)
        # With an owner's password alone it opens for everybody, as it does in a viewer.
        if reader.is_encrypted and reader.decrypt("") is PasswordType.NOT_DECRYPTED:
            raise DocumentEncrypted("The PDF asks for a password.")
        count = len(reader.pages)
        if count > limits.pages:
            raise DocumentTooLarge(f"The PDF has {count} pages; {limits.pages} can be read.")
        pages: list[list[str]] = []
        characters = 0
        for page in reader.pages:
            text = page.extract_text()
            characters += len(text)
            if characters > limits.characters:
                raise DocumentTooLarge(
                    f"The PDF holds more than {limits.characters} characters of text."
                )
            pages.append(text.splitlines())
        title = reader.metadata.title if reader.metadata else None
    except DependencyError as error:
        raise DocumentEncrypted(
            "The PDF is encrypted in a way that nothing installed here reads."
        ) from error
    except LimitReachedError as error:
        raise DocumentTooLarge("A part of the PDF unpacks to more than can be read.") from error
    except (PyPdfError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise DocumentBroken("The PDF is damaged.") from error
    except (RecursionError, ArithmeticError, AssertionError, NotImplementedError) as error:
        raise DocumentBroken("The PDF is damaged, or made in a way no reader follows.") from error
    letters = sum(character.isalpha() for page in pages for line in page for character in line)
    if letters < _FEWEST_LETTERS:
        which = "The page" if len(pages) == 1 else f"The {len(pages)} pages"
        raise DocumentWithoutText(f"{which} of the PDF hold{'s' * (len(pages) == 1)} no text.")
    empty = [number for number, page in enumerate(pages, start=1) if not "".join(page).strip()]
    return (title if isinstance(title, str) else ""), paragraphs(pages), empty


def paragraphs(pages: Sequence[Sequence[str]]) -> list[Block]:
    """The paragraphs of pages given as lines; one that goes on over a page's end stays whole."""
    shared = _shared_lines(pages)
    words = Counter(re.findall(r"\w+", "\n".join("\n".join(page) for page in pages).lower()))
    found: list[Block] = []
    for number, lines in enumerate(pages, start=1):
        kept = _without_margins([line.strip() for line in lines], shared)
        for index, text in enumerate(re.split(r"\n\s*\n", "\n".join(kept).strip("\n"))):
            text = _CUT.sub(lambda match: _joined(match, words), text)
            if not text.strip():
                continue
            if index == 0 and found and _goes_on(found[-1].text):
                before = found.pop()
                text = _CUT.sub(lambda match: _joined(match, words), f"{before.text}\n{text}")
                found.append(Block(text, "", before.first, number))
            else:
                found.append(Block(text, "", number, number))
    return found


def _goes_on(text: str) -> bool:
    # Very long runs without an end are tables or lists: they are not gathered without bound.
    return not re.search(r"[.!?:…][\"'\u201d\u2019)\]]*\s*$", text) and len(text) < 4000


def _joined(match: re.Match[str], words: Counter[str]) -> str:
    whole = f"{match[1]}{match[2]}"
    return whole if words[whole.lower()] else f"{match[1]}-{match[2]}"


def _pattern(line: str) -> str:
    return re.sub(r"\d+", "#", line.strip())


def _margins(lines: Sequence[str]) -> list[str]:
    filled = [line for line in lines if line.strip()]
    return [filled[0], filled[-1]] if len(filled) > 2 else []


def _shared_lines(pages: Sequence[Sequence[str]]) -> frozenset[str]:
    if len(pages) < _SHARED_FROM_PAGES:
        return frozenset()
    counted = Counter(line for page in pages for line in {_pattern(m) for m in _margins(page)})
    return frozenset(line for line, count in counted.items() if count * 2 > len(pages))


def _without_margins(lines: list[str], shared: frozenset[str]) -> list[str]:
    if not shared:
        return lines
    edge = {_pattern(margin) for margin in _margins(lines)} & shared
    filled = [index for index, line in enumerate(lines) if line]
    outer = {filled[0], filled[-1]} if filled else set()
    return [
        line for index, line in enumerate(lines) if index not in outer or _pattern(line) not in edge
    ]
