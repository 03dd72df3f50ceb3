"""The picture a reader checks a segmentation by, slices in three planes with coloured outlines, and
the same slices without them.

Pictures follow the radiological convention (the patient's right on the left of the picture) and say
so."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mri_analysis.contracts.segmentation import Quality, Verdict
from mri_segmentation.labels import COLOURS, DISPLAY_NAMES, Tissue
from mri_segmentation.volume import Volume

COLUMNS = 6
PIXELS_PER_MM = 1.6
MARGIN_MM = 14.0
GAP = 6
SIDE = 26
HEADER = 104
FOOTER = 112
FILL = 0.16
OUTLINE = 0.9

BACKGROUND = (13, 17, 23)
TEXT = (230, 234, 240)
MUTED = (150, 158, 170)
VERDICT_COLOURS = {
    Verdict.PASS: (70, 170, 100),
    Verdict.WARN: (225, 165, 50),
    Verdict.FAIL: (215, 75, 75),
}
VERDICT_WORDS = {
    Verdict.PASS: "Image checks: passed (they say nothing about disease)",
    Verdict.WARN: "Image checks: warning",
    Verdict.FAIL: "Image checks: failed - no measurements for use",
}
FOOTNOTE = (
    "Draft - not for diagnosis without review by a trained reader. Lesions are not looked for."
)
CONVENTION = (
    "Radiological convention: the patient's right (R) is on the left of axial and coronal pictures."
)

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class _Plane:
    """One row of the montage: the axis that is sliced and the letters at the picture's edges."""

    name: str
    axis: int
    across: int
    down: int
    letters: tuple[str, str, str, str]
    """left, right, top, bottom"""
    ends: tuple[str, str]
    """letters of the slice axis at its low and its high end"""


_PLANES = (
    _Plane("Axial", 2, 0, 1, ("R", "L", "A", "P"), ("I", "S")),
    _Plane("Coronal", 1, 0, 2, ("R", "L", "S", "I"), ("P", "A")),
    _Plane("Sagittal", 0, 1, 2, ("A", "P", "S", "I"), ("L", "R")),
)


@dataclass(frozen=True)
class _Frame:
    """The part of the volume that is shown, as voxel ranges and millimetres."""

    low: tuple[int, int, int]
    high: tuple[int, int, int]
    spacing_mm: NDArray[np.float64]

    def pixels(self, axis: int) -> int:
        """Length of ``axis`` on the picture."""
        length_mm = (self.high[axis] - self.low[axis]) * float(self.spacing_mm[axis])
        return max(8, round(length_mm * PIXELS_PER_MM))


def draw_montage(
    volume: Volume, tissues: NDArray[np.uint8], quality: Quality, engine: str
) -> bytes:
    """Draw the montage.

    Parameters
    ----------
    volume : Volume
    tissues : ndarray of uint8, shape of ``volume.voxels``
        Values of :class:`~mri_segmentation.labels.Tissue`; may be empty of labels.
    quality : Quality
        Shown in the head line, so that a refused study cannot be mistaken for a measured one.
    engine : str
        Name and version, for the foot line.

    Returns
    -------
    bytes
        A PNG file; the same input gives the same bytes.
    """
    canvas, bottom = _draw_rows(volume, tissues, HEADER, FOOTER, _overlaid)
    draw = ImageDraw.Draw(canvas)
    _draw_header(draw, canvas.width, quality)
    _draw_footer(draw, bottom, canvas.width, engine)
    return _png(canvas)


def draw_slices(volume: Volume, tissues: NDArray[np.uint8]) -> bytes:
    """Draw the slices of :func:`draw_montage` as they are, in grey, without captions.

    ``tissues`` decides only which slices are shown, so that both pictures match. The letters of the
    sides and the positions in millimetres stay: without them nobody could tell left from right.

    Returns
    -------
    bytes
        A PNG file; the same input gives the same bytes.
    """
    canvas, _ = _draw_rows(volume, tissues, GAP, 0, _plain)
    return _png(canvas.convert("L"))


_Painter = Callable[[Image.Image, NDArray[np.uint8]], Image.Image]


def _draw_rows(
    volume: Volume, tissues: NDArray[np.uint8], header: int, footer: int, paint: _Painter
) -> tuple[Image.Image, int]:
    """The rows of slices on a canvas, below ``header`` free pixels; and where they end."""
    shown = tissues > 0
    frame = _frame(volume, shown)
    window = _window(volume, frame)
    widths = {plane.name: frame.pixels(plane.across) for plane in _PLANES}
    heights = {plane.name: frame.pixels(plane.down) for plane in _PLANES}
    cell = max(widths.values())
    width = SIDE + COLUMNS * (cell + GAP) + SIDE
    height = header + sum(h + GAP for h in heights.values()) + footer
    canvas = Image.new("RGB", (width, height), BACKGROUND)
    draw = ImageDraw.Draw(canvas)
    top = header
    for plane in _PLANES:
        for column, index in enumerate(_positions(shown, frame, plane.axis)):
            picture = paint(*_slice(volume, tissues, frame, plane, index, window))
            left = SIDE + column * (cell + GAP) + (cell - picture.width) // 2
            canvas.paste(picture, (left, top))
            _draw_letters(draw, plane, left, top, picture)
            _draw_position(draw, volume, frame, plane, index, (left, top))
        _draw_row_name(canvas, plane.name, top, heights[plane.name])
        top += heights[plane.name] + GAP
    return canvas, top


def _png(canvas: Image.Image) -> bytes:
    stream = io.BytesIO()
    canvas.save(stream, "PNG", compress_level=4)
    return stream.getvalue()


def _font(size: int) -> Font:
    """Pillow's own typeface: no file of the machine decides how the picture looks."""
    return ImageFont.load_default(size)


def _frame(volume: Volume, shown: NDArray[np.bool_]) -> _Frame:
    low, high = [], []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        filled = np.flatnonzero(shown.any(axis=others))
        n = volume.voxels.shape[axis]
        margin = round(MARGIN_MM / float(volume.spacing_mm[axis]))
        low.append(max(0, int(filled[0]) - margin) if len(filled) else 0)
        high.append(min(n, int(filled[-1]) + 1 + margin) if len(filled) else n)
    return _Frame((low[0], low[1], low[2]), (high[0], high[1], high[2]), volume.spacing_mm)


def _window(volume: Volume, frame: _Frame) -> tuple[float, float]:
    part = volume.voxels[
        tuple(slice(a, b, 2) for a, b in zip(frame.low, frame.high, strict=True))
    ].astype(np.float32)
    low, high = (float(q) for q in np.quantile(part, [0.02, 0.995]))
    return low, max(high, low + 1e-6)


def _positions(shown: NDArray[np.bool_], frame: _Frame, axis: int) -> list[int]:
    """Slices spread evenly through the labels, from right, front or top; poles are left out."""
    others = tuple(a for a in range(3) if a != axis)
    filled = np.flatnonzero(shown.any(axis=others))
    low, high = (filled[0], filled[-1]) if len(filled) else (frame.low[axis], frame.high[axis] - 1)
    parts = np.linspace(0.88, 0.14, COLUMNS)
    return [round(float(low + part * (high - low))) for part in parts]


def _slice(
    volume: Volume,
    tissues: NDArray[np.uint8],
    frame: _Frame,
    plane: _Plane,
    index: int,
    window: tuple[float, float],
) -> tuple[Image.Image, NDArray[np.uint8]]:
    """One slice in grey, and the classes of its pixels."""
    chosen: list[slice | int] = [slice(a, b) for a, b in zip(frame.low, frame.high, strict=True)]
    chosen[plane.axis] = index
    size = (frame.pixels(plane.across), frame.pixels(plane.down))
    # Remaining axes come in ascending order, which is (across, down) for all three planes. High
    # coordinates (right, front, top) go to the picture's left and top.
    grey = volume.voxels[tuple(chosen)].astype(np.float32).T[::-1, ::-1]
    label = tissues[tuple(chosen)].T[::-1, ::-1]
    low, high = window
    shades = np.clip((grey - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    base = Image.fromarray(np.ascontiguousarray(shades)).resize(size, Image.Resampling.BICUBIC)
    classes = np.asarray(
        Image.fromarray(np.ascontiguousarray(label)).resize(size, Image.Resampling.NEAREST)
    )
    return base, classes


def _plain(base: Image.Image, classes: NDArray[np.uint8]) -> Image.Image:
    return base


def _overlaid(base: Image.Image, classes: NDArray[np.uint8]) -> Image.Image:
    colours = np.zeros((len(Tissue), 3), np.float32)
    for tissue, colour in COLOURS.items():
        colours[tissue] = colour
    opacity = np.where(classes > 0, FILL, 0.0).astype(np.float32)
    # White matter and CSF fill most of a slice: tinting them would hide the image.
    opacity[(classes == Tissue.WHITE_MATTER) | (classes == Tissue.CSF)] = 0.0
    opacity[_outline(classes) & (classes > 0)] = OUTLINE
    rgb = np.repeat(np.asarray(base, dtype=np.float32)[..., None], 3, axis=2)
    mixed = rgb * (1 - opacity[..., None]) + colours[classes] * opacity[..., None]
    return Image.fromarray(mixed.round().astype(np.uint8))


def _outline(classes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Pixels whose upper or left neighbour is of a lower class, or lower or right one."""
    edge = np.zeros(classes.shape, bool)
    edge[1:] |= classes[1:] > classes[:-1]
    edge[:-1] |= classes[:-1] > classes[1:]
    edge[:, 1:] |= classes[:, 1:] > classes[:, :-1]
    edge[:, :-1] |= classes[:, :-1] > classes[:, 1:]
    return edge


def _draw_header(draw: ImageDraw.ImageDraw, width: int, quality: Quality) -> None:
    draw.text((SIDE, 14), "Brain segmentation", fill=TEXT, font=_font(28))
    words = VERDICT_WORDS[quality.verdict]
    if quality.refusal == "NotABrain":
        words = "Image checks: failed - not recognised as a brain"
    font = _font(18)
    length = round(draw.textlength(words, font=font))
    left = width - SIDE - length - 28
    draw.rounded_rectangle((left, 14, width - SIDE, 46), 8, fill=VERDICT_COLOURS[quality.verdict])
    draw.text((left + 14, 19), words, fill=BACKGROUND, font=font)
    draw.text((SIDE, 54), CONVENTION, fill=TEXT, font=_font(17))
    reasons = quality.reasons()
    if reasons:
        line = _fitted(draw, "  ".join(reasons), width - 2 * SIDE, _font(15))
        draw.text((SIDE, 79), line, fill=VERDICT_COLOURS[quality.verdict], font=_font(15))


def _fitted(draw: ImageDraw.ImageDraw, line: str, width: int, font: Font) -> str:
    """``line`` shortened at a word until it fits."""
    if draw.textlength(line, font=font) <= width:
        return line
    words = line.split(" ")
    while words and draw.textlength(" ".join(words) + " ...", font=font) > width:
        words.pop()
    return " ".join(words) + " ..."


def _draw_letters(
    draw: ImageDraw.ImageDraw, plane: _Plane, left: int, top: int, picture: Image.Image
) -> None:
    font = _font(18)
    middle, centre = top + picture.height // 2, left + picture.width // 2
    places = (
        (left + 4, middle, "lm"),
        (left + picture.width - 4, middle, "rm"),
        (centre, top + 3, "ma"),
        (centre, top + picture.height - 3, "md"),
    )
    for letter, (x, y, anchor) in zip(plane.letters, places, strict=True):
        _text(draw, (x, y), letter, font, (255, 236, 120), anchor)


def _draw_position(
    draw: ImageDraw.ImageDraw,
    volume: Volume,
    frame: _Frame,
    plane: _Plane,
    index: int,
    at: tuple[int, int],
) -> None:
    """The slice's position in the scanner's millimetres, at the centre of the picture."""
    voxel = [(a + b - 1) / 2 for a, b in zip(frame.low, frame.high, strict=True)]
    voxel[plane.axis] = index
    place = float((volume.affine @ [*voxel, 1.0])[plane.axis])
    letter = plane.ends[1] if place >= 0 else plane.ends[0]
    _text(draw, (at[0] + 5, at[1] + 4), f"{letter} {abs(place):.0f} mm", _font(14), MUTED, "la")


def _text(
    draw: ImageDraw.ImageDraw,
    at: tuple[int, int],
    words: str,
    font: Font,
    colour: tuple[int, int, int],
    anchor: str,
) -> None:
    """Text with a dark rim, legible on bright fat as well."""
    draw.text(
        at, words, fill=colour, font=font, anchor=anchor, stroke_width=2, stroke_fill=(0, 0, 0)
    )


def _draw_row_name(canvas: Image.Image, name: str, top: int, height: int) -> None:
    label = Image.new("RGB", (height, SIDE - 4), BACKGROUND)
    pen = ImageDraw.Draw(label)
    pen.text((height // 2, (SIDE - 4) // 2), name, fill=MUTED, font=_font(16), anchor="mm")
    canvas.paste(label.rotate(90, expand=True), (0, top))


def _draw_footer(draw: ImageDraw.ImageDraw, top: int, width: int, engine: str) -> None:
    font = _font(17)
    x, y = SIDE, top + 12
    for tissue, name in DISPLAY_NAMES.items():
        draw.rectangle((x, y + 2, x + 16, y + 18), fill=COLOURS[tissue])
        draw.text((x + 24, y), name, fill=TEXT, font=font)
        x += 24 + round(draw.textlength(name, font=font)) + 26
    draw.line((SIDE, y + 38, width - SIDE, y + 38), fill=(45, 52, 63))
    draw.text((SIDE, y + 50), FOOTNOTE, fill=(255, 205, 90), font=_font(20))
    right = f"{engine}   Positions in scanner coordinates; left and right share a colour"
    draw.text((width - SIDE, y + 54), right, fill=MUTED, font=_font(15), anchor="ra")
