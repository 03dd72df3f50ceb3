"""Parts of a Markdown file that a script writes, between two comments that no reader sees.

``<!-- generated NAME -->`` begins such a part and ``<!-- end NAME -->`` ends it. What stands
between them is replaced whole; a test compares, so a part behind its source cannot be committed.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

Sections = Mapping[tuple[str, str], str]
"""Content by file and name of the part."""


class SectionMissing(Exception):
    """A file has no place for a part."""


def with_section(text: str, name: str, content: str) -> str:
    """``text`` with ``content`` between the comments of ``name``.

    Raises
    ------
    SectionMissing
        The comments do not stand in the text exactly once.
    """
    begin, end = f"<!-- generated {name} -->", f"<!-- end {name} -->"
    pattern = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
    replaced, count = pattern.subn(lambda _: f"{begin}\n{content.strip()}\n{end}", text)
    if count != 1:
        raise SectionMissing(f"{begin} ... {end} stands there {count} times, not once.")
    return replaced


def stale(sections: Sections, base: Path = Path()) -> list[str]:
    """The files that differ from what the script would write."""
    return sorted(
        str(path)
        for path, text in _files(sections, base).items()
        if path.read_text(encoding="utf-8") != text
    )


def write(sections: Sections, base: Path = Path()) -> None:
    """Write every part."""
    for path, text in _files(sections, base).items():
        path.write_text(text, encoding="utf-8")


def _files(sections: Sections, base: Path) -> dict[Path, str]:
    texts: dict[Path, str] = {}
    for (file, name), content in sections.items():
        path = base / file
        text = texts.get(path) or path.read_text(encoding="utf-8")
        texts[path] = with_section(text, name, content)
    return texts


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; a bar within a cell is escaped."""
    lines = [list(header), ["---"] * len(header), *[list(row) for row in rows]]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def run(sections: Sections, description: str, arguments: Sequence[str] | None = None) -> int:
    """The command line of such a script: write the parts, or with ``--check`` only compare."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail where a file is not current"
    )
    if not parser.parse_args(arguments).check:
        write(sections)
        return 0
    behind = stale(sections)
    for path in behind:
        print(f"{path} is not current: run this script without --check.", file=sys.stderr)
    return 1 if behind else 0
