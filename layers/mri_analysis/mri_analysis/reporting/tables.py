"""The measurements of a study as a table for other programs."""

import csv
import io
from collections.abc import Iterator

from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.reporting.anatomy import RATIO_NAMES, STRUCTURE_NAMES

COLUMNS = ("study", "measurement", "name", "quantity", "value", "unit", "method", "quality")
"""Units are those of UCUM; ``quality`` is the verdict of the image checks."""


def measurements_csv(study: str, measurements: Measurements) -> str:
    """Every measured figure in a row of its own, as it stands in ``measurements.json``.

    RFC 4180. A figure that was not measured has no row. ``study`` is the id of the job.
    """
    page = io.StringIO()
    table = csv.writer(page)
    table.writerow(COLUMNS)
    verdict = measurements.quality.verdict.value
    for measurement, name, quantity, value, unit, method in _figures(measurements):
        if value is not None:
            row = (study, measurement, name, quantity, repr(value), unit, method, verdict)
            table.writerow(row)
    return page.getvalue()


def _figures(
    measurements: Measurements,
) -> Iterator[tuple[str, str, str, float | None, str, str]]:
    for volume in measurements.volumes:
        known = volume.id, STRUCTURE_NAMES[volume.structure]
        method = volume.method.value
        yield *known, "total volume", volume.total_ml, "mL", method
        yield *known, "share of intracranial volume", volume.percent_of_icv, "%", method
        yield *known, "left volume", volume.left_ml, "mL", method
        yield *known, "right volume", volume.right_ml, "mL", method
        yield *known, "asymmetry index", volume.asymmetry_percent, "%", method
    for ratio in measurements.ratios:
        yield ratio.id, RATIO_NAMES.get(ratio.id, ratio.id), "ratio", ratio.value, "1", ""
