"""Whether a series is one whole volume: every slice there, whole, all of them at even steps."""

import numpy as np

from mri_analysis.errors import SeriesIncomplete, TruncatedFile
from mri_analysis.imaging.dicom.grouping import Series

_EVEN = 0.02
"""Steps may differ by this share, or by 0.02 mm: positions are written with few digits."""
_EVEN_MM = 0.02


def check_stack(series: Series) -> None:
    """Name the place where the slices of ``series`` are not whole or do not follow evenly.

    Raises
    ------
    TruncatedFile, SeriesIncomplete
        Voxels are missing from a slice; slices are missing, doubled or at uneven distances.
    """
    for header in series.headers:
        if header.voxels_missing:
            raise TruncatedFile(header.voxels_missing)
    steps = np.diff(series.positions_mm)
    if not len(steps):
        raise SeriesIncomplete("The slices of the series do not say where they lie.")
    step = float(np.median(steps))
    off = np.abs(steps - step) > max(_EVEN * step, _EVEN_MM)
    if not off.any():
        return
    at = int(np.argmax(off))
    between = _between(series, at)
    if steps[at] < _EVEN_MM:
        raise SeriesIncomplete(f"Two slices of the series lie at the same place: {between}.")
    missing = steps[at] / step - 1
    if missing > 0.5 and abs(missing - round(missing)) < _EVEN * (round(missing) + 1) + 0.05:
        total = sum(round(one / step - 1) for one in steps[off])
        raise SeriesIncomplete(
            f"{_counted(total)} missing from the series, the first between {between}."
        )
    raise SeriesIncomplete(
        f"The slices of the series lie at uneven distances: {steps[at]:.2f} mm in place of "
        f"{step:.2f} mm between {between}."
    )


def _between(series: Series, at: int) -> str:
    if len(series.headers) == 1:
        return f"its slices {at + 1} and {at + 2}"
    return f"{series.headers[at].file} and {series.headers[at + 1].file}"


def _counted(missing: int) -> str:
    return "1 slice is" if missing == 1 else f"{missing} slices are"
