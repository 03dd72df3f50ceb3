"""Studies as a BIDS derivative dataset (BIDS 1.10): one subject a study, volumes in one table.

``participants.tsv`` has a row a study with every figure of ``measurements.json``, unrounded, and
its quality; ``dseg.tsv`` names the labels. A study that is added later joins the table.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mri_analysis.contracts.segmentation import Contrast, Measurements
from mri_analysis.reporting.anatomy import RATIO_NAMES, STRUCTURE_NAMES, capitalised
from mri_analysis.reporting.label_table import COLOURS, LABELS
from mri_client.errors import CommandError

BIDS_VERSION = "1.10.0"
_MISSING = "n/a"
_FIGURES = {
    "total_ml": ("total volume", "mL"),
    "left_ml": ("volume, left", "mL"),
    "right_ml": ("volume, right", "mL"),
    "percent_of_icv": ("share of intracranial volume", "%"),
    "asymmetry_percent": ("asymmetry index, 200 (left - right) / (left + right)", "%"),
}


class NotOurDataset(CommandError):
    """The folder holds another dataset."""

    next_step = "Choose an empty folder, or one that this command has written."


@dataclass(frozen=True)
class StudyFiles:
    """What a study gives: each callable gets a file when it is needed."""

    job_id: str
    measurements: Measurements
    image: Callable[[], bytes]
    labels: Callable[[], bytes]


def write_dataset(folder: Path, studies: Iterable[StudyFiles]) -> list[Path]:
    """Write or extend the dataset in ``folder``; the files that were written.

    Raises
    ------
    NotOurDataset
        ``folder`` has a dataset description that is not ours.
    """
    _check(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    rows = _rows(folder / "participants.tsv")
    for study in studies:
        subject = f"sub-{study.job_id.replace('-', '')}"
        written += _write_subject(folder, subject, study)
        rows[subject] = _row(study.measurements)
    described = {
        "dataset_description.json": _json(_description()),
        "participants.json": _json(_columns()),
        "participants.tsv": _table(["participant_id", *_columns()], rows),
        "dseg.tsv": _labels(),
        "README": _README,
    }
    for name, content in described.items():
        (folder / name).write_text(content, encoding="utf-8")
        written.append(folder / name)
    return written


def _check(folder: Path) -> None:
    place = folder / "dataset_description.json"
    if not place.exists():
        return
    try:
        made_by = json.loads(place.read_text(encoding="utf-8"))["GeneratedBy"][0]["Name"]
    except (ValueError, KeyError, IndexError, TypeError):
        made_by = None
    if made_by != "MRI Analysis":
        raise NotOurDataset(f"{folder} holds another dataset.")


def _write_subject(folder: Path, subject: str, study: StudyFiles) -> list[Path]:
    place = folder / subject / "anat"
    place.mkdir(parents=True, exist_ok=True)
    measured = study.measurements
    files: dict[str, bytes] = {
        f"{subject}_dseg.nii.gz": study.labels(),
        f"{subject}_dseg.json": _json(
            {
                "Manual": False,
                "Description": "Structures of the brain; a draft until a reader has checked it",
                "QualityVerdict": measured.quality.verdict.value,
                "QualityReasons": measured.quality.reasons(),
                "Engine": f"{measured.engine.name} {measured.engine.version}",
                "WeightsSHA256": measured.engine.weights_sha256,
            }
        ).encode(),
    }
    # Another contrast has no suffix that we could be sure of.
    if measured.contrast is Contrast.T1_LIKE:
        files[f"{subject}_desc-prepared_T1w.nii.gz"] = study.image()
        files[f"{subject}_desc-prepared_T1w.json"] = _json({"SkullStripped": False}).encode()
    written = []
    for name, content in files.items():
        if name.endswith(".gz"):
            gzip.decompress(content)  # a file that broke off is none
        (place / name).write_bytes(content)
        written.append(place / name)
    return written


# ---- tables --------------------------------------------------------------------------------------


def _columns() -> dict[str, Any]:
    """Each column of ``participants.tsv`` but the first, and what it means."""
    columns: dict[str, Any] = {
        "quality": {
            "Description": "Verdict of the image checks; it says nothing about disease",
            "Levels": {"pass": "no warning", "warn": "see the report", "fail": "use no figure"},
        },
        "contrast": {"Description": "As the image shows it"},
    }
    for structure, name in STRUCTURE_NAMES.items():
        for key, (words, unit) in _FIGURES.items():
            about = f"{capitalised(name)}, {words}"
            columns[f"{structure.value}_{key}"] = {"Description": about, "Units": unit}
    for id_, name in RATIO_NAMES.items():
        columns[id_.removeprefix("ratio.")] = {"Description": capitalised(name), "Units": "1"}
    return columns


def _row(measured: Measurements) -> dict[str, str]:
    row = {"quality": measured.quality.verdict.value, "contrast": measured.contrast.value}
    for volume in measured.volumes:
        for key in _FIGURES:
            value = getattr(volume, key)
            if value is not None:
                row[f"{volume.structure.value}_{key}"] = repr(value)
    for ratio in measured.ratios:
        row[ratio.id.removeprefix("ratio.")] = repr(ratio.value)
    return row


def _rows(place: Path) -> dict[str, dict[str, str]]:
    if not place.exists():
        return {}
    with place.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file, delimiter="\t"))
    return {
        row.pop("participant_id"): {k: v for k, v in row.items() if v != _MISSING} for row in found
    }


def _table(columns: list[str], rows: dict[str, dict[str, str]]) -> str:
    lines = ["\t".join(columns)]
    for subject, row in sorted(rows.items()):
        lines.append("\t".join([subject, *(row.get(name, _MISSING) for name in columns[1:])]))
    return "\n".join(lines) + "\n"


def _labels() -> str:
    lines = ["index\tname\tcolor"]
    for label, (structure, side) in sorted(LABELS.items()):
        name = capitalised(STRUCTURE_NAMES[structure]) + (f", {side}" if side else "")
        red, green, blue = COLOURS[structure]
        lines.append(f"{label}\t{name}\t#{red:02x}{green:02x}{blue:02x}")
    return "\n".join(lines) + "\n"


def _description() -> dict[str, Any]:
    return {
        "Name": "Brain volumes",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [
            {
                "Name": "MRI Analysis",
                "Version": version("mri-analysis"),
                "Description": "Research software; no medical device",
            }
        ],
    }


def _json(content: Any) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


_README = """Volumes and labels of brain MRI, one subject a study.

They were made by software; nobody has checked them unless the report of a study says so.

participants.tsv has every measured figure, unrounded; n/a: not assessed. dseg.tsv names the labels.
Lesions are not looked for: a lesion is counted as the tissue it resembles.
"""
