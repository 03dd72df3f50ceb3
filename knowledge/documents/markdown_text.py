"""Markdown as the text its reader sees: markup gone, headings kept as context.

Comments and HTML are left out with the rest of what a page does not show. Links keep their words,
pictures their description; no address in a document is ever opened.
"""

import re
from collections.abc import Mapping, Sequence

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from knowledge.documents.document import Block
from mri_analysis.errors import DocumentLineMalformed

FIELDS = ("title", "source", "licence", "url")
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*$\n?", re.DOTALL | re.MULTILINE)
_LONGEST_FRONT_MATTER = 8192


def read_markdown(text: str) -> tuple[dict[str, str], list[Block]]:
    """Front matter and paragraphs of a Markdown text.

    Raises
    ------
    DocumentLineMalformed
        The front matter is no mapping, or one of its known fields is no line of text.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    front = _FRONT_MATTER.match(text)
    fields = _fields(front[1]) if front else {}
    skipped = front[0].count("\n") if front else 0
    body = text[front.end() :] if front else text
    tokens = MarkdownIt("commonmark").enable("table").parse(body)
    return fields, _blocks(tokens, skipped)


def _fields(front: str) -> dict[str, str]:
    if len(front) > _LONGEST_FRONT_MATTER:
        raise DocumentLineMalformed(
            f"The front matter has more than {_LONGEST_FRONT_MATTER} characters."
        )
    try:
        loaded = yaml.safe_load(front) or {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # The mark counts from 0 and from the line behind the first ---.
        line = f"Line {mark.line + 2}" if mark is not None else "A line of the front matter"
        raise DocumentLineMalformed(
            f"{line} is no YAML: put a text with a colon, quotes or brackets in it into double "
            'quotes (title: "A: B").'
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DocumentLineMalformed(
            "The front matter (line 1 up to the second ---) is no YAML."
        ) from error
    if not isinstance(loaded, Mapping):
        raise DocumentLineMalformed(
            "The front matter (line 1 up to the second ---) is no list of fields; a line of it "
            "is like title: A guide."
        )
    for field in FIELDS:
        if field in loaded and not isinstance(loaded[field], str):
            raise DocumentLineMalformed(
                f"The field {field} of the front matter is no text; put it into double quotes."
            )
    return {field: loaded[field] for field in FIELDS if field in loaded}


def _blocks(tokens: Sequence[Token], skipped: int) -> list[Block]:
    headings: list[tuple[int, str]] = []
    blocks: list[Block] = []
    row: list[str] | None = None
    level = 0
    lines = (0, 0)
    for token in tokens:
        if token.map is not None:
            lines = (token.map[0] + skipped + 1, max(token.map[1], token.map[0] + 1) + skipped)
        if token.type == "heading_open":
            level = int(token.tag[1:])
        elif token.type == "heading_close":
            level = 0
        elif token.type == "tr_open":
            row = []
        elif token.type == "tr_close" and row is not None:
            _append(blocks, "; ".join(cell for cell in row if cell), headings, lines)
            row = None
        elif token.type in ("fence", "code_block"):
            _append(blocks, token.content, headings, lines)
        elif token.type == "inline":
            shown = _shown(token.children or [])
            if level:
                headings = [above for above in headings if above[0] < level]
                headings.append((level, " ".join(shown.split())))
            elif row is not None:
                row.append(shown)
            else:
                _append(blocks, shown, headings, lines)
    return blocks


def _append(
    blocks: list[Block], text: str, headings: list[tuple[int, str]], lines: tuple[int, int]
) -> None:
    if text.strip():
        heading = " > ".join(text for _, text in headings if text)
        blocks.append(Block(text, heading, *lines))


def _shown(children: Sequence[Token]) -> str:
    parts = []
    for child in children:
        if child.type in ("text", "code_inline"):
            parts.append(child.content)
        elif child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif child.type == "image":
            parts.append(_shown(child.children or []))
    return "".join(parts)
