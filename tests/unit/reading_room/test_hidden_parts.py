"""What a component's markup hides stays hidden, whatever its style says of the layout."""

import re
from pathlib import Path

import pytest

import reading_room

COMPONENTS = sorted((Path(reading_room.__file__).parent / "components").glob("*.html"))


@pytest.mark.parametrize("markup", COMPONENTS, ids=lambda path: path.stem)
def test_layout_shows_nothing_that_is_hidden(markup: Path) -> None:
    """``display`` of a class outdoes ``hidden``, unless a rule says otherwise."""
    style = markup.with_suffix(".css").read_text()
    for attributes in re.findall(r"<\w+([^>]*\shidden[\s>][^>]*)", markup.read_text() + ">"):
        for name in re.findall(r'class="([^"]+)"', attributes):
            laid_out = re.search(rf"\.{name} \{{[^}}]*display:", style)
            assert not laid_out or f".{name}[hidden] {{ display: none; }}" in style, name
