"""Make a file that somebody asked for, and lay it where their address leads."""

from collections.abc import Callable
from datetime import UTC, datetime

from mri_analysis.contracts.report import Description
from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.contracts.tasks import ExportOrder
from mri_analysis.exporting.pdf.render import render_pdf
from mri_analysis.keys import StudyKeys
from mri_analysis.ports.jobs import JobRepository
from mri_analysis.ports.reviews import ReviewRepository
from mri_analysis.ports.storage import ObjectStore
from mri_analysis.use_cases.read_study import finished
from mri_analysis.use_cases.review_report import review_of


def make_export(
    order: ExportOrder,
    *,
    jobs: JobRepository,
    results: ObjectStore,
    exports: ObjectStore,
    reviews: ReviewRepository,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> bool:
    """Whether the file was made; not where it is there already, or the report has changed since.

    Who asked is then told the newer version when they ask again.

    Raises
    ------
    JobNotFound, ReportNotReady
        The study is gone, as where somebody deleted it meanwhile.
    """
    keys = StudyKeys(order.organization_id, order.job_id)
    key = keys.export(order.version, order.file.value)
    if exports.head(key) is not None:
        return False
    kept = finished(order.organization_id, order.job_id, jobs)
    review = review_of(kept, results=results, reviews=reviews)
    if review.version != order.version:
        return False
    measurements = Measurements.model_validate_json(results.get(kept.measurements_key))
    description = Description.model_validate_json(results.get(keys.description))
    references = [found.reference for found in description.findings if found.reference is not None]
    page = render_pdf(
        review,
        measurements,
        references,
        montage=results.get(kept.montage_key),
        at=now(),
    )
    exports.put(key, page, "application/pdf")
    return True
