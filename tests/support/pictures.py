"""A picture to put into a report."""

import io

from PIL import Image


def a_picture() -> bytes:
    """A small PNG."""
    page = io.BytesIO()
    Image.new("RGB", (32, 16), (12, 40, 80)).save(page, "PNG")
    return page.getvalue()
