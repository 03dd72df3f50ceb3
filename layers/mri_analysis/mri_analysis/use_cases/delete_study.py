"""Delete a study for good: its rows, then every version of its objects."""

from mri_analysis.errors import JobNotFound
from mri_analysis.keys import StudyKeys
from mri_analysis.ports.storage import ObjectStore
from mri_analysis.ports.studies import DELETED, StudyCatalogue


def delete_study(
    organization_id: str,
    job_id: str,
    *,
    actor: str,
    studies: StudyCatalogue,
    images: ObjectStore,
    results: ObjectStore,
) -> None:
    """Remove what is kept of a study; that it was there, and who deleted it, stays in the trail.

    The rows go first, because they say whether it may be deleted. Where object storage then fails,
    the same request removes the rest.

    Raises
    ------
    JobNotFound
        The organization has no such job, and had none.
    DeleteRefused
        It is being analysed, or its report was signed.
    """
    if not studies.remove(organization_id, job_id, actor):
        known = studies.events(organization_id, job_id)
        if DELETED not in [event.action for event in known]:
            raise JobNotFound(f"There is no job {job_id}.")
    keys = StudyKeys(organization_id, job_id)
    images.remove_all(keys.uploads)
    images.remove_all(keys.exports)
    images.remove_all(keys.originals)
    results.remove_all(keys.prepared)
    results.remove_all(keys.results)
