"""Write the cited draft report, and keep it only if every statement is supported."""

from collections.abc import Callable
from datetime import UTC, datetime

from mri_analysis.contracts.job import JobStatus
from mri_analysis.contracts.report import Description, Report
from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.contracts.study import PreparedStudy
from mri_analysis.contracts.tasks import ReportTask
from mri_analysis.errors import ReportRejected
from mri_analysis.keys import StudyKeys
from mri_analysis.ports.jobs import JobRepository
from mri_analysis.ports.knowledge import KnowledgeBase
from mri_analysis.ports.storage import ObjectStore
from mri_analysis.reporting import compose
from mri_analysis.reporting.evidence import gather_evidence
from mri_analysis.reporting.guard import check_report
from mri_analysis.reporting.markdown import render_markdown


def write_report(
    task: ReportTask,
    *,
    results: ObjectStore,
    jobs: JobRepository,
    knowledge: KnowledgeBase,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Report:
    """Write ``report.json`` and ``report.md``.

    Raises
    ------
    ReportRejected
        The draft says something its measurements or passages do not support.
    """
    jobs.advance(task.organization_id, task.job_id, JobStatus.ENHANCING)
    study = PreparedStudy.model_validate_json(results.get(task.study_key))
    measurements = Measurements.model_validate_json(results.get(task.measurements_key))
    description = Description.model_validate_json(results.get(task.description_key))
    evidence = gather_evidence(measurements, knowledge)
    report = compose.write_report(
        organization_id=task.organization_id,
        job_id=task.job_id,
        description=description,
        evidence=evidence,
        study=study,
        written_at=now(),
    )
    violations = check_report(report, evidence)
    if violations:
        rules = ", ".join(sorted({violation.rule for violation in violations}))
        raise ReportRejected(f"The draft broke {len(violations)} rules of the guard: {rules}.")
    keys = StudyKeys(task.organization_id, task.job_id)
    markdown = render_markdown(report, measurements, evidence.references)
    results.put(keys.report, report.model_dump_json(indent=1).encode(), "application/json")
    results.put(keys.report_markdown, markdown.encode(), "text/markdown; charset=utf-8")
    return report
