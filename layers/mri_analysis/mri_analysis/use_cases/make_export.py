"""Make a file that somebody asked for, and lay it where their address leads."""

from collections.abc import Callable
from datetime import UTC, datetime

from mri_analysis.contracts.report import Description
from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.contracts.tasks import ExportOrder
from mri_analysis.errors import OriginalUnreadable
from mri_analysis.exporting.files import StudyFiles
from mri_analysis.exporting.names import CONTENT_TYPES
from mri_analysis.keys import StudyKeys
from mri_analysis.ports.jobs import JobRepository
from mri_analysis.ports.reviews import ReviewRepository
from mri_analysis.ports.storage import ObjectStore
from mri_analysis.use_cases.read_study import finished
from mri_analysis.use_cases.review_report import review_of

REFUSED = ".refused"
"""Ending of what lies in place of a file that cannot be made: the reason, as a sentence."""


def make_export(
    order: ExportOrder,
    *,
    jobs: JobRepository,
    results: ObjectStore,
    exports: ObjectStore,
    originals: ObjectStore,
    reviews: ReviewRepository,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> bool:
    """Whether the file was made; not where it is there already, or the report has changed since,
    or what was kept of the original study does not take the results.

    Who asked is told when they ask again.

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
    files = StudyFiles(
        organization_id=order.organization_id,
        review=review,
        measurements=Measurements.model_validate_json(results.get(kept.measurements_key)),
        description=Description.model_validate_json(results.get(keys.description)),
        montage=lambda: results.get(kept.montage_key),
        labels=lambda: results.get(kept.segmentation_result_key),
        original=lambda: _original(keys, originals),
        at=now(),
    )
    try:
        content = files.made(order.file)
    except OriginalUnreadable as error:
        # Trying again cannot help; who asks is told.
        exports.put(f"{key}{REFUSED}", str(error).encode(), "text/plain")
        return False
    exports.put(key, content, CONTENT_TYPES[order.file])
    return True


def _original(keys: StudyKeys, originals: ObjectStore) -> bytes | None:
    return originals.get(keys.original) if originals.head(keys.original) is not None else None
