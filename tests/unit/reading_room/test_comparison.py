"""Two studies of one subject: when figures may stand beside each other, and how they are told."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest

from mri_analysis.contracts.segmentation import (
    Contrast,
    Measurements,
    Structure,
    Verdict,
    VolumeMethod,
)
from reading_room.comparison import (
    ALWAYS,
    differences,
    ratio_changes,
    refusal,
    volume_changes,
)
from tests.support.measurements import some_measurements


def cells(table: str, name: str) -> list[str]:
    row = re.search(rf'<tbody><tr><th scope="rowgroup">{name}</th>(.*?)</tr>', table)
    assert row, name
    return [unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row[1])]


def with_engine(measurements: Measurements, **changes: Any) -> Measurements:
    engine = measurements.engine.model_copy(update=changes)
    return measurements.model_copy(update={"engine": engine})


def with_geometry(measurements: Measurements, **changes: Any) -> Measurements:
    geometry = measurements.geometry.model_copy(update=changes)
    return measurements.model_copy(update={"geometry": geometry})


def test_structure_is_told_then_and_now_with_its_change() -> None:
    then = some_measurements(volumes_ml={Structure.VENTRICLES: 20.0, Structure.HIPPOCAMPUS: 8.0})
    now = some_measurements(volumes_ml={Structure.VENTRICLES: 25.0, Structure.HIPPOCAMPUS: 7.6})

    table = volume_changes(then, now)

    assert cells(table, "Ventricles") == ["20.0", "25.0", "+5.0", "+25.0"]
    assert cells(table, "Hippocampi") == ["8.0", "7.6", "-0.4", "-5.0"]
    assert cells(table, "Brainstem") == ["23.8", "23.8", "0.0", "0.0"]
    assert re.findall(r'<th scope="col"[^>]*>(.*?)</th>', table) == [
        *("Structure", "Then, mL", "Now, mL", "Change, mL", "Change, %")
    ]


def test_change_is_computed_before_rounding_and_no_finer_than_its_figures() -> None:
    then = some_measurements(volumes_ml={Structure.HIPPOCAMPUS: 10.76, Structure.CORTEX: 602.4})
    now = some_measurements(volumes_ml={Structure.HIPPOCAMPUS: 10.94, Structure.CORTEX: 602.6})

    table = volume_changes(then, now)

    assert cells(table, "Hippocampi") == ["10.8", "10.9", "+0.2", "+1.7"]
    assert cells(table, "Cortex") == ["602", "603", "0", "0.0"]


def test_structure_that_one_study_lacks_has_no_change() -> None:
    then = some_measurements(missing=frozenset({Structure.THALAMUS}))

    table = volume_changes(then, some_measurements())

    assert cells(table, "Thalami") == ["not assessed", "17.5", "-", "-"]


def test_volumes_that_were_summed_differently_have_no_change() -> None:
    then = some_measurements()
    volumes = [
        volume.model_copy(update={"method": VolumeMethod.VOXEL_COUNT}) for volume in then.volumes
    ]

    table = volume_changes(then.model_copy(update={"volumes": volumes}), some_measurements())

    assert cells(table, "Thalami") == ["17.5", "17.5", "summed differently", "-"]
    assert cells(table, "Cortex")[2] == "0"


def test_nothing_is_divided_by_an_empty_structure() -> None:
    then = some_measurements(volumes_ml={Structure.CSF: 0.0})

    assert cells(volume_changes(then, some_measurements()), "Cerebrospinal.*?")[3] == "-"


def test_ratios_are_told_with_their_own_decimals() -> None:
    table = ratio_changes(
        some_measurements(evans_index=0.2543), some_measurements(evans_index=0.31)
    )
    lacking = ratio_changes(some_measurements(evans_index=None), some_measurements())

    assert cells(table, "Evans index") == ["0.25", "0.31", "+0.06"]
    assert cells(lacking, "Evans index") == ["not assessed", "0.25", "-"]


REFUSED: dict[str, tuple[Callable[[Measurements], Measurements], str]] = {
    "version": (lambda m: with_engine(m, version="0.0.1"), "different versions of the model"),
    "name": (lambda m: with_engine(m, name="another"), "different versions of the model"),
    "weights": (lambda m: with_engine(m, weights_sha256="f" * 64), "different weights"),
    "quality": (lambda m: some_measurements(verdict=Verdict.FAIL), "quality check failed"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_no_figures_are_compared(fault: str) -> None:
    change, words = REFUSED[fault]
    now, other = some_measurements(), change(some_measurements())

    for pair in ((other, now), (now, other)):
        assert words in refusal(*pair)
        for table in (volume_changes, ratio_changes):
            with pytest.raises(ValueError, match="Not compared"):
                table(*pair)


DIFFERENT: dict[str, tuple[Callable[[Measurements], Measurements], str]] = {
    "contrast": (lambda m: some_measurements(contrast=Contrast.OTHER), "Contrast differs"),
    "voxel": (lambda m: with_geometry(m, spacing_mm=(1.0, 1.0, 3.0)), "Voxel size differs"),
    "quality": (lambda m: some_measurements(verdict=Verdict.WARN), "Quality differs"),
    "parameters": (lambda m: with_engine(m, parameters={"x": 1}), "other parameters"),
    "refined": (
        lambda m: with_engine(m, refined=not m.engine.refined),
        "refined in one of the studies only",
    ),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_difference_that_is_no_anatomy_is_told_and_figures_stay(name: str) -> None:
    change, words = DIFFERENT[name]
    then = change(some_measurements())

    told = differences(then, some_measurements())

    assert any(words in sentence for sentence in told), told
    assert refusal(then, some_measurements()) == ""


def test_same_grid_in_another_order_of_axes_is_no_difference() -> None:
    then = with_geometry(some_measurements(), orientation="RAS", spacing_mm=(1.0, 0.9, 1.2))
    now = with_geometry(some_measurements(), orientation="LIA", spacing_mm=(1.0, 1.2, 0.9))

    assert differences(then, now) == []
    assert differences(some_measurements(), some_measurements()) == []


def test_what_holds_for_every_pair_is_said() -> None:
    told = " ".join(ALWAYS)

    for words in ("order is that of the uploads", "has not been measured", "Scanner"):
        assert words in told
