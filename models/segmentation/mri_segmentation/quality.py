"""Whether the image shows a brain, and whether it shows it well enough to be measured.

Figures are gathered first (:func:`gather`, from :mod:`.pixels`), judged afterwards (:func:`judge`),
so that every limit can be tested without an image. Limits rest on the scans named in the model card
unless a comment says otherwise."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mri_analysis.contracts.segmentation import (
    Quality,
    QualityCheck,
    Structure,
    Verdict,
    VolumeMeasurement,
)
from mri_segmentation import pixels
from mri_segmentation.labels import Tissue
from mri_segmentation.measurement import LabelledBox
from mri_segmentation.midsagittal import MidsagittalPlane
from mri_segmentation.parcellation import Box, CoarseMap
from mri_segmentation.volume import Volume

GEOMETRY_CODES = frozenset({"voxel_spacing", "few_slices", "small_field_of_view"})
"""The grid itself cannot carry the analysis: what was found on it proves nothing about its
content."""

IDENTITY_CODES = frozenset(
    {
        "no_signal",
        "low_confidence",
        "intracranial_volume",
        "brainstem_missing",
        "bright_background",
        "implausible_anatomy",
        "hemispheres_unequal",
        "few_grey_levels",
        "several_doubts",
        "wider_than_long",
        "cerebellum_one_sided",
        "brain_parenchymal_fraction",
        "structure_proportions",
    }
)
"""Checks that only an image of something else than a whole head fails."""

_ODD_ANATOMY = frozenset(
    {
        "intracranial_volume",
        "structure_proportions",
        "cerebellum_one_sided",
        "hemispheres_unequal",
        "head_tilt",
        "wider_than_long",
    }
)


@dataclass(frozen=True)
class Figures:
    """What the checks look at. None: could not be measured."""

    signal: bool
    largest_spacing_mm: float
    anisotropy: float
    smallest_slice_count: int
    smallest_extent_mm: float
    confidence: float = 0.0
    intracranial_ml: float = 0.0
    brainstem_ml: float = 0.0
    cerebellum_ml: float = 0.0
    parenchymal_fraction: float = 0.0
    cortex_to_white: float | None = None
    border_cm2: float = 0.0
    bright_background: float = 0.0
    misplaced: int = 0
    hemisphere_asymmetry_percent: float | None = None
    tilt_degrees: float = 0.0
    t1_like: bool = False
    tissue_separation: float | None = None
    signal_to_noise: float | None = None
    pixel_signal: pixels.SignalFigures | None = None
    cerebellum_asymmetry_percent: float | None = None
    width_to_length: float | None = None


def grid_figures(volume: Volume, signal: bool) -> Figures:
    """Figures of the grid alone, for an image no network needs to see."""
    shape, spacing = volume.geometry.shape, volume.geometry.spacing_mm
    return Figures(
        signal=signal,
        largest_spacing_mm=max(spacing),
        anisotropy=max(spacing) / min(spacing),
        smallest_slice_count=min(shape),
        smallest_extent_mm=min(n * s for n, s in zip(shape, spacing, strict=True)),
    )


def gather(
    volume: Volume,
    coarse: CoarseMap,
    plane: MidsagittalPlane,
    labelled: LabelledBox,
    box: Box,
    volumes: list[VolumeMeasurement],
    *,
    t1_like: bool,
) -> Figures:
    """Measure everything :func:`judge` looks at."""
    grid = grid_figures(volume, True)
    ml = {v.structure: v.total_ml for v in volumes}
    icv = ml[Structure.INTRACRANIAL]
    inside = volume.voxels[box]
    white = labelled.tissues == Tissue.WHITE_MATTER
    grey = labelled.tissues == Tissue.CORTEX
    return Figures(
        signal=True,
        largest_spacing_mm=grid.largest_spacing_mm,
        anisotropy=grid.anisotropy,
        smallest_slice_count=grid.smallest_slice_count,
        smallest_extent_mm=grid.smallest_extent_mm,
        confidence=coarse.confidence,
        intracranial_ml=icv,
        brainstem_ml=ml[Structure.BRAINSTEM],
        cerebellum_ml=ml[Structure.CEREBELLUM],
        parenchymal_fraction=ml[Structure.BRAIN] / icv if icv > 0 else 0.0,
        cortex_to_white=(
            ml[Structure.CORTEX] / ml[Structure.WHITE_MATTER]
            if ml[Structure.WHITE_MATTER] > 0
            else None
        ),
        border_cm2=pixels.border_cm2(volume, labelled.tissues, box),
        bright_background=pixels.bright_background(volume, inside, labelled.tissues, box),
        misplaced=pixels.misplaced(coarse),
        hemisphere_asymmetry_percent=pixels.hemisphere_asymmetry_percent(labelled),
        tilt_degrees=plane.tilt_degrees,
        t1_like=t1_like,
        tissue_separation=pixels.tissue_separation(inside, grey, white),
        signal_to_noise=pixels.signal_to_noise(inside, white, float(volume.voxels.min())),
        pixel_signal=pixels.signal_figures(inside, labelled.tissues, float(volume.voxels.min())),
        width_to_length=pixels.width_to_length(labelled),
        cerebellum_asymmetry_percent=next(
            (v.asymmetry_percent for v in volumes if v.structure is Structure.CEREBELLUM), None
        ),
    )


def judge(figures: Figures) -> Quality:
    """Apply every limit; the verdict is the worst of the checks.

    The refusal names the cause a reader can act on: a grid that carries nothing is
    ``QualityTooLow``, an image that does not look like a head is ``NotABrain``, a head that was cut
    off or is too noisy is ``QualityTooLow`` again."""
    checks = _grid_checks(figures)
    if figures.signal:
        checks += _identity_checks(figures) + _image_checks(figures)
    else:
        checks.append(
            QualityCheck(
                code="no_signal",
                verdict=Verdict.FAIL,
                message="All voxels have the same value: the image is empty.",
            )
        )
    checks += _doubts_together(checks)
    failed = {check.code for check in checks if check.verdict is Verdict.FAIL}
    verdict = Verdict.PASS
    if failed:
        verdict = Verdict.FAIL
    elif any(check.verdict is Verdict.WARN for check in checks):
        verdict = Verdict.WARN
    return Quality(verdict=verdict, checks=checks, refusal=_refusal(failed))


def _doubts_together(checks: list[QualityCheck]) -> list[QualityCheck]:
    """An unsure network and an odd anatomy: one alone happens, both together are no upright head.

    Found with heads whose axes were named wrongly: the network sees a brain and finds strange
    sizes.
    """
    warned = {check.code for check in checks if check.verdict is Verdict.WARN}
    odd = sorted(warned & _ODD_ANATOMY)
    if "low_confidence" not in warned or not odd:
        return []
    return [
        QualityCheck(
            code="several_doubts",
            verdict=Verdict.FAIL,
            message=(
                "The network is unsure and the sizes are odd; check that the image shows a "
                "head and "
                "that its axes are named right."
            ),
        )
    ]


def _refusal(failed: set[str]) -> Literal["NotABrain", "QualityTooLow"] | None:
    if not failed:
        return None
    if "no_signal" in failed:
        return "NotABrain"
    if failed & GEOMETRY_CODES:
        return "QualityTooLow"
    # A head cut off above its base lacks the brainstem and much volume, and is a head all the same.
    excused = (
        {
            "brainstem_missing",
            "implausible_anatomy",
            "intracranial_volume",
            "structure_proportions",
        }
        if "field_of_view_cut" in failed
        else set()
    )
    return "NotABrain" if (failed & IDENTITY_CODES) - excused else "QualityTooLow"


def _grid_checks(f: Figures) -> list[QualityCheck]:
    return [
        _at_most(
            "voxel_spacing",
            f.largest_spacing_mm,
            2.1,
            7.0,
            lambda v: f"Voxels are up to {v:.1f} mm long; the cortex is blurred.",
        ),
        _at_most(
            "anisotropy",
            f.anisotropy,
            3.0,
            None,
            lambda v: f"Voxels are {v:.1f} times as long as wide; borders are uncertain.",
        ),
        _at_least(
            "few_slices",
            f.smallest_slice_count,
            24,
            16,
            lambda v: f"The image has only {v:.0f} slices in one direction.",
        ),
        _at_least(
            "small_field_of_view",
            f.smallest_extent_mm,
            110.0,
            80.0,
            lambda v: f"The field of view is only {v:.0f} mm in one direction; a brain needs more.",
        ),
    ]


def _identity_checks(f: Figures) -> list[QualityCheck]:
    checks = [
        _at_least(
            "low_confidence",
            f.confidence,
            0.70,
            0.65,
            lambda v: f"The network is unsure of what it sees (mean confidence {v:.2f}).",
        ),
        _between(
            "intracranial_volume",
            f.intracranial_ml,
            (1000, 2000),
            (800, 2300),
            lambda v: f"The intracranial volume of {v:.0f} mL is unusual for an adult head.",
        ),
        _at_least(
            "brainstem_missing",
            f.brainstem_ml,
            11.0,
            8.0,
            lambda v: f"Too little brainstem was found ({v:.1f} mL).",
        ),
        _between(
            "brain_parenchymal_fraction",
            f.parenchymal_fraction,
            (0.62, 0.95),
            (0.45, 0.985),
            lambda v: f"Brain tissue fills {100 * v:.0f} % of the skull, which is unusual.",
        ),
        _between(
            "structure_proportions",
            f.cerebellum_ml / f.intracranial_ml if f.intracranial_ml > 0 else 0.0,
            (0.06, 0.14),
            (0.03, 0.2),
            lambda v: f"The cerebellum fills {100 * v:.1f} % of the skull, which is unusual.",
        ),
        _at_most(
            "bright_background",
            f.bright_background,
            0.4,
            0.6,
            lambda v: f"{100 * v:.0f} % of the image border is as bright as brain; air is dark.",
        ),
        _at_most(
            "implausible_anatomy",
            f.misplaced,
            None,
            0,
            lambda v: (
                f"The structures contradict the anatomy of a head ({v:.0f} of 4 facts); check "
                "that the image shows a head and that its orientation is right."
            ),
        ),
    ]
    if f.cortex_to_white is not None:
        checks.append(
            _between(
                "grey_white_proportion",
                f.cortex_to_white,
                (0.75, 2.0),
                (0.4, 4.0),
                lambda v: f"Cortex and white matter are in an unusual proportion ({v:.2f}).",
            )
        )
    if f.pixel_signal is not None:
        checks.append(
            _at_least(
                "few_grey_levels",
                f.pixel_signal.grey_levels,
                64,
                32,
                lambda v: f"Tissue has only {v:.0f} grey levels: this is a label map, no scan.",
            )
        )
    if f.width_to_length is not None:
        checks.append(
            _at_most(
                "wider_than_long",
                f.width_to_length,
                0.95,
                1.05,
                lambda v: (
                    f"The brain is {v:.2f} times as wide as long; check that the axes of the image "
                    "are named right."
                ),
            )
        )
    if f.cerebellum_asymmetry_percent is not None:
        checks.append(
            _at_most(
                "cerebellum_one_sided",
                abs(f.cerebellum_asymmetry_percent),
                25.0,
                50.0,
                lambda v: (
                    f"The halves of the cerebellum differ by {v:.0f} %; check that the axes of the "
                    "image are named right."
                ),
            )
        )
    if f.hemisphere_asymmetry_percent is not None:
        checks.append(
            _at_most(
                "hemispheres_unequal",
                abs(f.hemisphere_asymmetry_percent),
                20.0,
                80.0,
                lambda v: f"The hemispheres differ by {v:.0f} % in volume; check for a lesion.",
            )
        )
    return checks


def _image_checks(f: Figures) -> list[QualityCheck]:
    checks = [
        _at_most(
            "field_of_view_cut",
            f.border_cm2,
            15.0,
            40.0,
            lambda v: f"The brain is cut by the border of the image over {v:.0f} cm².",
        ),
        _at_most(
            "head_tilt",
            f.tilt_degrees,
            20.0,
            None,
            lambda v: f"The head is tilted by {v:.0f} degrees; widths are uncertain.",
        ),
        QualityCheck(
            code="contrast",
            verdict=Verdict.PASS if f.t1_like else Verdict.WARN,
            message=(
                "The contrast is T1-like."
                if f.t1_like
                else "The contrast is not T1-like: tissue borders stand at the network's 2 mm "
                "resolution, and volumes are less certain."
            ),
        ),
    ]
    if f.pixel_signal is not None:
        checks += _signal_checks(f.pixel_signal)
    if f.tissue_separation is not None:
        checks.append(
            _at_least(
                "tissue_contrast",
                f.tissue_separation,
                1.0,
                None,
                lambda v: (
                    "On this contrast the border between grey and white matter could not be "
                    f"placed reliably (brightness {v:.1f} standard deviations apart)."
                ),
            )
        )
    if f.signal_to_noise is not None:
        checks.append(
            _at_least(
                "noise",
                f.signal_to_noise,
                10.0,
                3.0,
                lambda v: f"The image is noisy (signal-to-noise ratio {v:.0f} in white matter).",
            )
        )
    return checks


def _signal_checks(signal: pixels.SignalFigures) -> list[QualityCheck]:
    structure = signal.darkest_structure.name.lower().replace("_", " ")
    return [
        _at_most(
            "structure_without_signal",
            signal.dark_share,
            0.02,
            0.15,
            lambda v: (
                f"{100 * v:.0f} % of the {structure} lies where the image has no signal: that part "
                "of the head is missing."
            ),
        ),
        _at_least(
            "skull_removed",
            signal.bright_surroundings,
            0.15,
            None,
            lambda v: (
                "The skull appears to have been removed: intracranial volume, brain parenchymal "
                "fraction and Evans index need it and carry no verdict."
            ),
        ),
    ]


def _at_least(
    code: str, value: float, warn: float | None, fail: float | None, say: Callable[[float], str]
) -> QualityCheck:
    verdict = Verdict.PASS
    if fail is not None and value < fail:
        verdict = Verdict.FAIL
    elif warn is not None and value < warn:
        verdict = Verdict.WARN
    return _check(code, verdict, value, warn, fail, say)


def _at_most(
    code: str, value: float, warn: float | None, fail: float | None, say: Callable[[float], str]
) -> QualityCheck:
    verdict = Verdict.PASS
    if fail is not None and value > fail:
        verdict = Verdict.FAIL
    elif warn is not None and value > warn:
        verdict = Verdict.WARN
    return _check(code, verdict, value, warn, fail, say)


def _between(
    code: str,
    value: float,
    warn: tuple[float, float],
    fail: tuple[float, float],
    say: Callable[[float], str],
) -> QualityCheck:
    """A range; the limits told are those of the side ``value`` lies on."""
    side = 0 if value < (warn[0] + warn[1]) / 2 else 1
    judged = _at_least if side == 0 else _at_most
    return judged(code, value, warn[side], fail[side], say)


def _check(
    code: str,
    verdict: Verdict,
    value: float,
    warn: float | None,
    fail: float | None,
    say: Callable[[float], str],
) -> QualityCheck:
    message = "Within limits." if verdict is Verdict.PASS else say(value)
    return QualityCheck(
        code=code,
        verdict=verdict,
        value=round(float(value), 4),
        warn_limit=warn,
        fail_limit=fail,
        message=message,
    )
