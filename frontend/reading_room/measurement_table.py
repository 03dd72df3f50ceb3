"""What was measured, as a table: figures, verdicts, and behind each verdict what it rests on."""

from __future__ import annotations

from html import escape

from mri_analysis.contracts.report import Description, Finding, FindingStatus, Reference
from mri_analysis.contracts.segmentation import (
    Measurements,
    Structure,
    VolumeMeasurement,
    VolumeMethod,
)
from mri_analysis.reporting import figures
from mri_analysis.reporting.anatomy import RATIO_NAMES, STRUCTURE_NAMES, capitalised
from mri_analysis.reporting.findings import FLAGGED, ratio_decimals
from mri_analysis.reporting.verdicts import WORDS, held_against, reason_for_none

_STYLE = """<style>
.measured { border-collapse: collapse; width: 100%; font-size: .875rem; font-variant-numeric: tabular-nums; }
.measured th, .measured td { padding: .3rem .5rem; border: 0; text-align: left; vertical-align: top; }
.measured thead, .measured tbody { border-bottom: 1px solid rgba(128,128,128,.35); }
.measured tbody th { font-weight: 600; }
.measured td.verdicts { padding: 0 .5rem .3rem 1.25rem; font-size: .8125rem; }
.measured details { display: inline-block; vertical-align: top; min-width: 40%; margin-right: 1rem; }
.measured details[open] { display: block; }
.measured .figure { text-align: right; white-space: nowrap; }
.measured summary { cursor: pointer; }
.measured summary:focus-visible { outline: 2px solid currentColor; outline-offset: 2px; }
.measured details > div { padding: 0 0 .25rem .9rem; overflow-wrap: anywhere; }
.measured a { color: inherit; }
</style>"""  # noqa: E501


def volume_table(measurements: Measurements, description: Description) -> str:
    """One row for each structure, in the order of the report, as HTML; all text is escaped."""
    found = {finding.id: finding for finding in description.findings}
    rows = []
    for structure, name in STRUCTURE_NAMES.items():
        volume = measurements.volume(structure)
        if volume is None:
            rows.append(figure_row(name, ["not assessed", "-", "-", "-"]))
            continue
        verdicts = [
            _verdict(kind, found.get(f"finding.{structure.value}.{key}"), measurements)
            for kind, key in (("Volume", "volume"), ("Sides", "asymmetry"))
        ]
        rows.append(figure_row(name, _cells(volume), "".join(verdicts)))
    heads = ("Structure and verdict", "Volume, mL", "% of ICV", "Left / right, mL", "Asymmetry, %")
    return figure_table(heads, rows)


def ratio_table(measurements: Measurements, description: Description) -> str:
    """One row for each ratio, as HTML; all text is escaped."""
    found = {finding.id: finding for finding in description.findings}
    ratios = {ratio.id: ratio for ratio in measurements.ratios}
    rows = []
    for ratio_id, name in RATIO_NAMES.items():
        ratio = ratios.get(ratio_id)
        if ratio is None:
            rows.append(figure_row(name, ["not assessed"]))
            continue
        verdict = _verdict("Value", found.get(f"finding.{ratio_id}"), measurements)
        made = f"<details><summary>How it is made</summary><div>{escape(ratio.definition)}</div></details>"  # noqa: E501
        value = figures.printed(ratio.value, ratio_decimals(ratio_id))
        rows.append(figure_row(name, [value], verdict + made))
    return figure_table(("Ratio and verdict", "Value"), rows)


def sums_of_probabilities(measurements: Measurements) -> bool:
    """Whether a figure carries the star that says so."""
    return any(volume.method is VolumeMethod.SOFT for volume in measurements.volumes)


def figure_table(heads: tuple[str, ...], rows: list[str]) -> str:
    """A table of such rows, as HTML; the first head is that of the names."""
    first, *figured = heads
    shown = "".join(f'<th scope="col" class="figure">{name}</th>' for name in figured)
    return (
        f'{_STYLE}<table class="measured"><thead><tr><th scope="col">{first}</th>{shown}'
        f"</tr></thead>{''.join(rows)}</table>"
    )


def figure_row(name: str, cells: list[str], verdicts: str = "") -> str:
    """One structure: its figures, and below them, over the whole width, its verdicts."""
    shown = "".join(f'<td class="figure">{escape(cell)}</td>' for cell in cells)
    below = f'<tr><td class="verdicts" colspan="{1 + len(cells)}">{verdicts}</td></tr>'
    return (
        f'<tbody><tr><th scope="rowgroup">{escape(capitalised(name))}</th>{shown}</tr>'
        f"{below if verdicts else ''}</tbody>"
    )


def _cells(volume: VolumeMeasurement) -> list[str]:
    share = None if volume.structure is Structure.INTRACRANIAL else volume.percent_of_icv
    sides = (volume.left_ml, volume.right_ml)
    star = "*" if volume.method is VolumeMethod.SOFT else ""
    return [
        _millilitres(volume.total_ml) + star,
        _percent(share),
        "-" if sides == (None, None) else " / ".join(map(_millilitres, sides)),
        _percent(volume.asymmetry_percent),
    ]


def _millilitres(value: float | None) -> str:
    """As the report prints it."""
    return "-" if value is None else figures.volume(value).removesuffix(" mL")


def _percent(value: float | None) -> str:
    return "-" if value is None else figures.percent(value).removesuffix(" %")


def _verdict(kind: str, finding: Finding | None, measurements: Measurements) -> str:
    """The word, and behind it what was compared with what, or why nothing was."""
    if finding is None:
        return ""
    word = "no verdict" if finding.status is FindingStatus.MEASURED else WORDS[finding.status]
    word = f"<strong>{word}</strong>" if finding.status in FLAGGED else word
    against = escape(held_against(finding))
    reason = escape(reason_for_none(finding, measurements))
    behind = [f"<div>{reason}</div>"] if reason else []
    if finding.reference is not None:
        behind.append(_reference(finding.reference))
    return (
        f"<details><summary>{kind}: {word}{f', {against}' if against else ''}</summary>"
        f"{''.join(behind)}</details>"
    )


def _reference(reference: Reference) -> str:
    """Who was measured how, and where it can be read."""
    lines = [
        escape(reference.statistic),
        f"Population: {escape(reference.population)}",
        f"Method: {escape(reference.method)}",
        f"Here: {escape(reference.method_difference)}" if reference.method_difference else "",
        _source(reference),
    ]
    return "".join(f"<div>{line}</div>" for line in lines if line)


def _source(reference: Reference) -> str:
    source = escape(reference.source)
    if reference.url is None or not reference.url.startswith("https://"):
        return source
    address = escape(reference.url)
    return f'{source} <a href="{address}" target="_blank" rel="noopener noreferrer">{address}</a>'
