"""Pictures of the pages for the documents, taken only when asked: ``MRI_PICTURES=docs/images``."""

import io
import os
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

MOST_BYTES = 250_000
"""Of one picture; they are read in a browser, and kept with the source."""
FOLDER = os.environ.get("MRI_PICTURES")
WANTED = bool(FOLDER)


def picture(page: Page, name: str) -> None:
    """Write what the window shows to ``name.png``, unless nobody asked for pictures."""
    if not FOLDER:
        return
    shown = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    # 256 colours: a third of the bytes, and no difference that an eye finds at this size.
    written = Path(FOLDER) / f"{name}.png"
    written.parent.mkdir(parents=True, exist_ok=True)
    shown.quantize(256, dither=Image.Dither.NONE).save(written, optimize=True)
    assert written.stat().st_size <= MOST_BYTES, f"{written} is too large"
