"""Where a report comes from: what was uploaded, and what measured, described and wrote it."""

from collections.abc import Iterator
from typing import Any

from mri_analysis.contracts.report import LanguageModelUse, Report
from mri_analysis.contracts.segmentation import Engine
from mri_analysis.contracts.study import Acquisition, PreparedStudy

_BLANK = "-"


def upload_provenance(study: PreparedStudy) -> dict[str, Any]:
    """What is told of an upload: how it was read, and of a DICOM series why it was this one."""
    told: dict[str, Any] = {
        "sha256": study.source_sha256,
        "data_type": study.data_type,
        "orientation_from": study.orientation_source,
        "notes": list(study.notes),
    }
    if study.series is not None:
        told["series"] = study.series.model_dump(mode="json")
    if study.acquisition is not None:
        told["acquisition"] = study.acquisition.model_dump(mode="json")
    return told


def provenance_lines(report: Report, engine: Engine) -> list[tuple[str, str]]:
    """The provenance of ``report`` as a person reads it: what a line is of, and what it says.

    ``engine`` is that of the measurements. Nothing is escaped.
    """
    known = report.provenance
    knowledge = known.get("knowledge", {})
    lines = [
        (
            "Segmentation",
            f"{engine.name} {engine.version}, weights sha256 {engine.weights_sha256}",
        ),
        ("Description", str(known.get("describer", _BLANK))),
        ("Report", str(known.get("writer", _BLANK))),
        (
            "Knowledge",
            f"version {knowledge.get('version', _BLANK)}, HPO release "
            f"{knowledge.get('hpo_release', _BLANK)}, found by "
            f"{knowledge.get('retrieval', _BLANK)}, content sha256 "
            f"{knowledge.get('content_sha256', _BLANK)}",
        ),
    ]
    if report.language_model is not None:
        lines.append(("Language model", _language_model(report.language_model)))
    upload = known.get("upload")
    if upload:
        lines.extend(_upload(upload))
    return lines


def _upload(upload: dict[str, Any]) -> Iterator[tuple[str, str]]:
    said = (
        f"sha256 {upload['sha256']}, voxels {upload['data_type']}, left and right from the "
        f"{upload['orientation_from']} of its header."
    )
    yield "Upload", " ".join([said, *upload["notes"]])
    series = upload.get("series")
    if series:
        yield (
            "Series",
            f"number {series['number']} of the DICOM upload ({series['description']}). "
            f"Why this one: {series['reason']}.",
        )
    if upload.get("acquisition"):
        said = _acquisition(Acquisition.model_validate(upload["acquisition"]))
        yield "Acquisition, as its headers say", said or "nothing"


def _acquisition(how: Acquisition) -> str:
    dimensions = {True: "3-D acquisition", False: "2-D acquisition", None: None}
    agent = {True: "contrast agent given", False: "no contrast agent", None: None}
    parts = [
        how.vendor,
        _with_unit(how.field_strength_tesla, " T"),
        how.weighting,
        dimensions[how.three_dimensional],
        agent[how.contrast_agent],
        _with_unit(how.repetition_time_ms, " ms", "repetition time "),
        _with_unit(how.echo_time_ms, " ms", "echo time "),
        _with_unit(how.inversion_time_ms, " ms", "inversion time "),
        _with_unit(how.flip_angle_degrees, "°", "flip angle "),
        _age(how.age_years),
        how.sex,
    ]
    return ", ".join(part for part in parts if part)


def _age(years: int | None) -> str | None:
    if years is None:
        return None
    return "90 years or older" if years >= 90 else f"{years} years"


def _with_unit(value: float | None, unit: str, name: str = "") -> str | None:
    return None if value is None else f"{name}{value:g}{unit}"


def _language_model(use: LanguageModelUse) -> str:
    said = (
        f"{use.name}, prompt {use.prompt_version}, {use.outcome.value} after {use.attempts} "
        f"attempt{'' if use.attempts == 1 else 's'}"
    )
    tokens = (use.input_tokens, use.cached_input_tokens, use.output_tokens)
    if None in tokens:
        said += "; tokens not known"
    else:
        said += f"; {tokens[0]} tokens in, {tokens[1]} of a cache, {tokens[2]} out"
    if use.seconds is not None:
        said += f"; {use.seconds:.1f} s"
    if use.reason:
        said += f"; {use.reason.rstrip('.')}"
    if use.broken_rules:
        said += f"; rules broken by drafts: {', '.join(use.broken_rules)}"
    return said + "."
