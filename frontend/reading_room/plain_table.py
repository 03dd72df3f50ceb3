"""Tables of what an administrator looks at: a caption, heads with units, rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

UNKNOWN = "not known"

_STYLE = """<style>
.plain-table { overflow-x: auto; }
.plain-table table { border-collapse: collapse; width: 100%; font-size: .875rem; font-variant-numeric: tabular-nums; }
.plain-table caption { text-align: left; padding: .2rem 0 .4rem; font-size: .8125rem; }
.plain-table th, .plain-table td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid rgba(128,128,128,.35); }
.plain-table .figure { text-align: right; white-space: nowrap; }
.plain-table .whole { white-space: nowrap; }
.plain-table .long { overflow-wrap: anywhere; }
.plain-table a { color: inherit; }
.plain-table a:focus-visible, .plain-table:focus-visible { outline: 2px solid currentColor; outline-offset: 2px; }
</style>"""  # noqa: E501


@dataclass(frozen=True)
class Column:
    """A head, and whether figures stand below it."""

    head: str
    figures: bool = False
    study: bool = False
    """ids of studies: each leads to its page"""
    whole: bool = False
    """texts that are not broken into lines"""


def table(caption: str, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> str:
    """The table as HTML; all text is escaped, and a wide one is moved with the arrow keys."""
    heads = "".join(f'<th scope="col"{_kind(one)}>{escape(one.head)}</th>' for one in columns)
    body = "".join(
        f"<tr>{''.join(_cell(*pair) for pair in zip(columns, row, strict=True))}</tr>"
        for row in rows
    )
    return (
        f'{_STYLE}<div class="plain-table" tabindex="0" role="region" '
        f'aria-label="{escape(caption)}"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def seconds(value: float | None) -> str:
    """Seconds as a person reads them; the unit stands in the head.

    >>> seconds(0.0614), seconds(3.2), seconds(74.26), seconds(None)
    ('0.06', '3.2', '74', '-')
    """
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def known(value: object) -> str:
    """A figure, or that nobody knows it.

    >>> known(0), known(None)
    ('0', 'not known')
    """
    return UNKNOWN if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _cell(column: Column, text: str) -> str:
    content = escape(text)
    if column.study and text:
        content = f'<a href="/study?job={quote(text)}" target="_self">{content}</a>'
    return f"<td{_kind(column)}>{content}</td>"


def _kind(column: Column) -> str:
    if column.figures:
        return ' class="figure"'
    return ' class="whole"' if column.whole or column.study else ' class="long"'
