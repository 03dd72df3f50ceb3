"""Write the cited draft report, and keep it only if every statement is supported."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

from mri_analysis.contracts.job import JobStatus
from mri_analysis.contracts.report import Description, LanguageModelUse, Report
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
from mri_analysis.use_cases.draft_report import Writer, draft_report


def write_report(
    task: ReportTask,
    *,
    results: ObjectStore,
    jobs: JobRepository,
    knowledge: KnowledgeBase,
    writer: Writer | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Report:
    """Write ``report.json`` and ``report.md``, and ``drafts.json`` where a model was asked.

    Parameters
    ----------
    writer
        A language model that drafts; None for the fixed rules alone.

    Raises
    ------
    ReportRejected
        The composed report says something its measurements or passages do not support.
    """
    jobs.advance(task.organization_id, task.job_id, JobStatus.ENHANCING)
    study = PreparedStudy.model_validate_json(results.get(task.study_key))
    measurements = Measurements.model_validate_json(results.get(task.measurements_key))
    description = Description.model_validate_json(results.get(task.description_key))
    evidence = gather_evidence(
        measurements, knowledge, description.reading, for_model=writer is not None
    )
    keys = StudyKeys(task.organization_id, task.job_id)
    written_at = now()

    def composed(use: LanguageModelUse | None = None) -> Report:
        return compose.write_report(
            organization_id=task.organization_id,
            job_id=task.job_id,
            description=description,
            evidence=evidence,
            study=study,
            written_at=written_at,
            language_model=use,
        )

    def rendered(report: Report) -> str:
        return render_markdown(report, measurements, evidence.references)

    if writer is None:
        report = composed()
    else:
        drafted = draft_report(evidence, writer, composed, rendered)
        report = drafted.report
        record = json.dumps({"schema_version": 1, "drafts": drafted.drafts}, indent=1)
        results.put(keys.drafts, record.encode(), "application/json")
    violations = check_report(report, evidence)
    if violations:
        rules = ", ".join(sorted({violation.rule for violation in violations}))
        raise ReportRejected(f"The report broke {len(violations)} rules of the guard: {rules}.")
    markdown = rendered(report)
    results.put(keys.report, report.model_dump_json(indent=1).encode(), "application/json")
    results.put(keys.report_markdown, markdown.encode(), "text/markdown; charset=utf-8")
    return report
