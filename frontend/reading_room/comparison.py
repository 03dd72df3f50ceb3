"""Two studies of one subject: what speaks against comparing them, and what changed.

Nothing here says whether a change is real: how far figures of one person differ from scan to scan
has not been measured for this engine.
"""

from __future__ import annotations

from mri_analysis.contracts.segmentation import (
    Contrast,
    ImageGeometry,
    Measurements,
    Verdict,
    VolumeMeasurement,
)
from mri_analysis.reporting import figures
from mri_analysis.reporting.anatomy import RATIO_NAMES, STRUCTURE_NAMES
from mri_analysis.reporting.findings import ratio_decimals
from reading_room.measurement_table import figure_row, figure_table

ALWAYS = (
    "The order is that of the uploads: when the scans were taken is not kept.",
    "Each study was measured on its own. How uncertain a change is has not been measured: no "
    "change is called real or significant.",
    "Scanner and sequence of the two scans are not compared, and for a NIfTI upload they are not "
    "known; another scanner or sequence can by itself change a measured volume.",
)
"""What holds for every two studies."""

_CONTRASTS = {Contrast.T1_LIKE: "T1-like", Contrast.OTHER: "other than T1-like"}
_AXES = ("LR", "PA", "IS")
_NONE = "-"


def refusal(then: Measurements, now: Measurements) -> str:
    """Why no figures may be compared, in one sentence; empty where they may be."""
    before, after = then.engine, now.engine
    if (before.name, before.version) != (after.name, after.version):
        return (
            f"Not compared: the studies were measured by different versions of the model "
            f"({before.name} {before.version} then, {after.name} {after.version} now)."
        )
    if before.weights_sha256 != after.weights_sha256:
        return (
            f"Not compared: the studies were measured with different weights of the model "
            f"({before.weights_sha256[:8]} then, {after.weights_sha256[:8]} now)."
        )
    failed = [
        name
        for name, study in (("then", then), ("now", now))
        if study.quality.verdict is Verdict.FAIL
    ]
    if failed:
        return (
            f"Not compared: the quality check failed ({' and '.join(failed)}), and no figure of "
            "such a study is compared."
        )
    return ""


def differences(then: Measurements, now: Measurements) -> list[str]:
    """How the two measurements differ in what is no anatomy, a sentence each."""
    found = []
    if then.contrast is not now.contrast:
        found.append(
            f"Contrast differs: {_CONTRASTS[then.contrast]} then, {_CONTRASTS[now.contrast]} now."
        )
    elif then.engine.refined != now.engine.refined:
        found.append("The tissue borders were refined in one of the studies only.")
    before, after = _voxel(then.geometry), _voxel(now.geometry)
    if before != after:
        found.append(
            f"Voxel size differs (right-left, front-back, top-bottom): {before} then, {after} now."
        )
    if then.quality.verdict is not now.quality.verdict:
        found.append(
            f"Quality differs: {then.quality.verdict.value} then, {now.quality.verdict.value} now."
        )
    if then.engine.parameters != now.engine.parameters:
        found.append("The engine ran with other parameters.")
    return found


def volume_changes(then: Measurements, now: Measurements) -> str:
    """A table of volumes, as HTML; all text is escaped.

    Raises
    ------
    ValueError
        The studies may not be compared: see :func:`refusal`.
    """
    _require(then, now)
    rows = [
        figure_row(name, _volumes(then.volume(structure), now.volume(structure)))
        for structure, name in STRUCTURE_NAMES.items()
    ]
    return figure_table(("Structure", "Then, mL", "Now, mL", "Change, mL", "Change, %"), rows)


def ratio_changes(then: Measurements, now: Measurements) -> str:
    """A table of ratios, as :func:`volume_changes`."""
    _require(then, now)
    before = {ratio.id: ratio.value for ratio in then.ratios}
    after = {ratio.id: ratio.value for ratio in now.ratios}
    rows = []
    for ratio_id, name in RATIO_NAMES.items():
        old, new = before.get(ratio_id), after.get(ratio_id)
        decimals = ratio_decimals(ratio_id)
        cells = [
            "not assessed" if value is None else figures.printed(value, decimals)
            for value in (old, new)
        ]
        change = _NONE if old is None or new is None else _signed(new - old, decimals)
        rows.append(figure_row(name, [*cells, change]))
    return figure_table(("Ratio", "Then", "Now", "Change"), rows)


def _require(then: Measurements, now: Measurements) -> None:
    if refused := refusal(then, now):
        raise ValueError(refused)


def _volumes(then: VolumeMeasurement | None, now: VolumeMeasurement | None) -> list[str]:
    cells = [
        "not assessed" if one is None else figures.volume(one.total_ml).removesuffix(" mL")
        for one in (then, now)
    ]
    if then is None or now is None:
        return [*cells, _NONE, _NONE]
    if then.method is not now.method:
        return [*cells, "summed differently", _NONE]
    change = now.total_ml - then.total_ml
    decimals = min(map(figures.decimals_of_volume, (then.total_ml, now.total_ml)))
    share = _signed(100 * change / then.total_ml, 1) if then.total_ml else _NONE
    return [*cells, _signed(change, decimals), share]


def _signed(value: float, decimals: int) -> str:
    text = figures.printed(value, decimals)
    return f"+{text}" if float(text) > 0 else text


def _voxel(geometry: ImageGeometry) -> str:
    """Spacing by axis of the body, whatever the order of the stored voxels."""
    by_axis = {
        axis: spacing
        for letter, spacing in zip(geometry.orientation, geometry.spacing_mm, strict=True)
        for axis in _AXES
        if letter in axis
    }
    return " x ".join(f"{by_axis[axis]:.2f}" for axis in _AXES) + " mm"
