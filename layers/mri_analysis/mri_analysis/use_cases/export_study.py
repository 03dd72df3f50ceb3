"""A study as a file that leaves the product: the report as it stands, or its measurements.

Text is answered at once. Other files are made by a function of their own and kept for a day: who
asks for one is told to ask again until it is there.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from mri_analysis.contracts.api import ExportFile
from mri_analysis.contracts.report import Description
from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.contracts.tasks import ExportOrder
from mri_analysis.exporting.fhir import fhir_bundle
from mri_analysis.keys import StudyKeys
from mri_analysis.ports.downloads import DownloadLinks
from mri_analysis.ports.exports import ExportOrders
from mri_analysis.ports.storage import ObjectStore
from mri_analysis.reporting.markdown import render_markdown
from mri_analysis.reporting.reviewed import file_name
from mri_analysis.reporting.tables import measurements_csv
from mri_analysis.use_cases.read_study import LINK_SECONDS, Reader, finished
from mri_analysis.use_cases.review_report import ReportDesk

MADE = {ExportFile.REPORT_PDF: "application/pdf"}
"""Files that a function makes, with their types."""
_ORDER_LASTS = timedelta(minutes=3)
"""After that a file that did not come is ordered again."""


@dataclass(frozen=True)
class Exported:
    """The content of a file, and the name to keep it under."""

    file_name: str
    content_type: str
    text: str


def export_study(reader: Reader, desk: ReportDesk, job_id: str, wanted: ExportFile) -> Exported:
    """The file ``wanted`` of a completed study; that it left is noted in the audit trail.

    The report is printed as it stands at this moment, with the words of its readers, and says
    whether it is a draft, signed or rejected; the name of the file says it, too.

    Raises
    ------
    JobNotFound, ReportNotReady
        The organization has no such job, or the job no report.
    """
    kept = finished(reader.organization_id, job_id, desk.jobs)
    measurements = Measurements.model_validate_json(desk.results.get(kept.measurements_key))
    if wanted is ExportFile.MEASUREMENTS:
        reader.note(job_id, "study.exported", file=wanted.value)
        table = measurements_csv(job_id, measurements)
        return Exported(f"{job_id}-measurements.csv", "text/csv; charset=utf-8", table)
    review = desk.open(job_id)
    keys = StudyKeys(reader.organization_id, job_id)
    description = Description.model_validate_json(desk.results.get(keys.description))
    references = [found.reference for found in description.findings if found.reference is not None]
    page = render_markdown(review.report, measurements, references, montage=None, review=review)
    reader.note(job_id, "study.exported", file=wanted.value, version=review.version)
    if wanted is ExportFile.FHIR:
        bundle = fhir_bundle(review, measurements, description.findings, page, reader.now())
        name = file_name(job_id, review.review_status, "fhir.json")
        return Exported(name, "application/fhir+json", json.dumps(bundle, ensure_ascii=False))
    name = file_name(job_id, review.review_status)
    return Exported(name, "text/markdown; charset=utf-8", page)


@dataclass(frozen=True)
class Workshop:
    """Where files are ordered, and where they lie when they are made."""

    exports: ObjectStore
    links: DownloadLinks
    orders: ExportOrders


def find_export(
    reader: Reader, desk: ReportDesk, workshop: Workshop, job_id: str, wanted: ExportFile
) -> str | None:
    """An address that gets the file for five minutes; None while it is made.

    The file is of the report as it stands at this moment. That it left is noted when its address is
    handed out.

    Raises
    ------
    JobNotFound, ReportNotReady
        The organization has no such job, or the job no report.
    """
    review = desk.open(job_id)
    key = StudyKeys(reader.organization_id, job_id).export(review.version, wanted.value)
    if workshop.exports.head(key) is None:
        order = ExportOrder(
            organization_id=reader.organization_id,
            job_id=job_id,
            file=wanted,
            version=review.version,
        )
        _order_once(order, f"{key}.ordered", workshop, reader.now())
        return None
    reader.note(job_id, "study.exported", file=wanted.value, version=review.version)
    name = file_name(job_id, review.review_status, wanted.value.rpartition(".")[2])
    return workshop.links.sign(key, name, MADE[wanted], LINK_SECONDS)


def _order_once(order: ExportOrder, mark: str, workshop: Workshop, now: datetime) -> None:
    """Place the order, unless somebody did so a short time ago."""
    if workshop.exports.head(mark) is not None:
        ordered_at = datetime.fromisoformat(workshop.exports.get(mark).decode())
        if now - ordered_at < _ORDER_LASTS:
            return
    workshop.orders.place(order)
    workshop.exports.put(mark, now.isoformat().encode(), "text/plain")
