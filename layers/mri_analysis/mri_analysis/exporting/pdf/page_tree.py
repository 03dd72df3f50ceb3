"""The Markdown page of a report as a tree that the PDF's template can walk.

The PDF prints what the Markdown page says, sentence by sentence: there is one text of a report, and
nothing in its two forms can differ. CommonMark is read by markdown-it; raw HTML is no markup here.
"""

import re
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

Node = dict[str, Any]
"""``{"kind": ..., "children": [...]}``, or text: ``{"kind": "text", "text": ...}``."""

_CITATION = re.compile(r"\[(\d+)\]")
_KINDS = {
    "paragraph": "paragraph",
    "blockquote": "quote",
    "bullet_list": "list",
    "list_item": "item",
    "strong": "strong",
    "em": "emphasis",
    "table": "table",
    "thead": "head",
    "tbody": "body",
    "tr": "row",
    "th": "cell",
    "td": "cell",
}


def page_tree(*parts: str) -> list[list[Node]]:
    """The blocks of each part of a page.

    The first ``[7]`` that begins a table row or an item of a list is the place that every other
    ``[7]`` leads to: ``{"kind": "anchor"}`` and ``{"kind": "citation"}``, each with its number.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    anchors: set[str] = set()
    trees = [_children(SyntaxTreeNode(parser.parse(part)), anchors) for part in parts]
    for blocks in trees:
        _drop_dead_links(blocks, anchors)
    return trees


def _read(node: SyntaxTreeNode, anchors: set[str]) -> list[Node]:
    match node.type:
        case "text":
            return _with_citations(node.content)
        case "code_inline" | "fence" | "code_block":
            return [{"kind": "code", "text": node.content}]
        case "softbreak" | "hardbreak":
            return [_text(" ")]
        case "image":
            return [{"kind": "image", "text": node.content}]
        case "hr":
            return []
        case "inline" | "root":
            return _children(node, anchors)
        case "heading":
            level = int(node.tag.removeprefix("h"))
            return [{"kind": "heading", "level": level, "children": _children(node, anchors)}]
        case "link":
            # Addresses are printed as they are: a page on paper has no links.
            return _children(node, anchors)
    children = _children(node, anchors)
    kind = _KINDS[node.type]
    if kind == "paragraph" and [child["kind"] for child in children] == ["image"]:
        return children
    if kind in ("row", "item"):
        _mark_anchor(children, anchors)
    found: Node = {"kind": kind, "children": children}
    if kind == "cell":
        found["right"] = "right" in str(node.attrs.get("style", ""))
    return [found]


def _children(node: SyntaxTreeNode, anchors: set[str]) -> list[Node]:
    return [found for child in node.children for found in _read(child, anchors)]


def _text(text: str) -> Node:
    return {"kind": "text", "text": text}


def _with_citations(text: str) -> list[Node]:
    """Text with its ``[7]`` apart."""
    nodes: list[Node] = []
    for place, part in enumerate(_CITATION.split(text)):
        if place % 2:
            nodes.append({"kind": "citation", "number": part})
        elif part:
            nodes.append(_text(part))
    return nodes


def _mark_anchor(children: Sequence[Node], anchors: set[str]) -> None:
    """Make a citation that begins this row or item the place that it leads to."""
    first = children[0] if children else None
    while first is not None and first.get("children"):
        first = first["children"][0]
    if first is not None and first["kind"] == "citation" and first["number"] not in anchors:
        anchors.add(first["number"])
        first["kind"] = "anchor"


def _drop_dead_links(nodes: Sequence[Node], anchors: set[str]) -> None:
    """A number in brackets that leads nowhere, as in the words of a person, is text."""
    for node in nodes:
        if node["kind"] == "citation" and node["number"] not in anchors:
            node["kind"], node["text"] = "text", f"[{node.pop('number')}]"
        _drop_dead_links(node.get("children", ()), anchors)
