"""What of a page keeps a person from it, as axe-core and the size of the page tell."""

from pathlib import Path

from playwright.sync_api import Page

_AXE = Path("out/axe.min.js")
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def barriers(page: Page) -> list[str]:
    """What axe-core finds serious or critical on the page as it is."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", _RULES
    )
    return [
        f"{violation['id']}: {node['target']}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


def hidden_width(page: Page) -> int:
    """How many CSS pixels of the page lie beyond its right border."""
    return int(
        page.evaluate(
            "Math.max(...[document.scrollingElement, ...document.querySelectorAll('.stMain')]"
            ".map(part => part.scrollWidth - part.clientWidth))"
        )
    )
