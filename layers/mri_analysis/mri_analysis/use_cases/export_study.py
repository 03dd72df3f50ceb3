"""A study as a file that leaves the product: the report as it stands, or its measurements.

Text is answered at once. Other files are made by a function of their own and kept for a day: who
asks for one is told to ask again until it is there.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mri_analysis.contracts.api import ExportFile
from mri_analysis.contracts.job import ReviewStatus
from mri_analysis.contracts.report import Description
from mri_analysis.contracts.review import ReviewedReport
from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.contracts.study import PreparedStudy
from mri_analysis.contracts.tasks import ExportOrder
from mri_analysis.errors import NoOriginalStudy, OriginalUnreadable, RejectedReport
from mri_analysis.exporting.files import StudyFiles
from mri_analysis.exporting.names import CONTENT_TYPES, DICOM, exported_name
from mri_analysis.keys import StudyKeys
from mri_analysis.ports.downloads import DownloadLinks
from mri_analysis.ports.exports import ExportOrders
from mri_analysis.ports.storage import ObjectStore
from mri_analysis.use_cases.make_export import REFUSED
from mri_analysis.use_cases.read_study import LINK_SECONDS, Reader, finished
from mri_analysis.use_cases.review_report import ReportDesk

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
    review = desk.open(job_id)
    results, keys = desk.results, StudyKeys(reader.organization_id, job_id)
    files = StudyFiles(
        organization_id=reader.organization_id,
        review=review,
        measurements=Measurements.model_validate_json(results.get(kept.measurements_key)),
        description=Description.model_validate_json(results.get(keys.description)),
        montage=lambda: results.get(kept.montage_key),
        labels=lambda: results.get(kept.segmentation_result_key),
        original=lambda: None,  # no text needs it
        at=reader.now(),
    )
    text = files.made(wanted).decode()
    reader.note(job_id, "study.exported", file=wanted.value, version=review.version)
    name = exported_name(wanted, job_id, review.review_status)
    return Exported(name, CONTENT_TYPES[wanted], text)


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
    NoOriginalStudy, RejectedReport
        A DICOM object of a study that did not come as DICOM, or whose report was rejected.
    OriginalUnreadable
        The original study does not take the results.
    """
    review = desk.open(job_id)
    keys = StudyKeys(reader.organization_id, job_id)
    if wanted in DICOM:
        _may_go_back(review, keys, desk.results)
    key = keys.export(review.version, wanted.value)
    if workshop.exports.head(f"{key}{REFUSED}") is not None:
        raise OriginalUnreadable(workshop.exports.get(f"{key}{REFUSED}").decode())
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
    name = exported_name(wanted, job_id, review.review_status)
    return workshop.links.sign(key, name, CONTENT_TYPES[wanted], LINK_SECONDS)


def _may_go_back(review: ReviewedReport, keys: StudyKeys, results: ObjectStore) -> None:
    """Refuse what cannot, or must not, stand in the hospital's own study."""
    if review.review_status is ReviewStatus.REJECTED:
        raise RejectedReport("The report was rejected: it goes to no other system.")
    study = PreparedStudy.model_validate_json(results.get(keys.study))
    if not study.original_kept:
        raise NoOriginalStudy("The scan did not come as DICOM: there is no study to write to.")


def _order_once(order: ExportOrder, mark: str, workshop: Workshop, now: datetime) -> None:
    """Place the order, unless somebody did so a short time ago."""
    if workshop.exports.head(mark) is not None:
        ordered_at = datetime.fromisoformat(workshop.exports.get(mark).decode())
        if now - ordered_at < _ORDER_LASTS:
            return
    workshop.orders.place(order)
    workshop.exports.put(mark, now.isoformat().encode(), "text/plain")
