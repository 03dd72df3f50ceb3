"""What kind of file each export is, and what it is called."""

from mri_analysis.contracts.api import ExportFile
from mri_analysis.contracts.job import ReviewStatus

CONTENT_TYPES = {
    ExportFile.REPORT: "text/markdown; charset=utf-8",
    ExportFile.MEASUREMENTS: "text/csv; charset=utf-8",
    ExportFile.FHIR: "application/fhir+json",
    ExportFile.REPORT_PDF: "application/pdf",
    ExportFile.SEGMENTATION: "application/dicom",
    ExportFile.STRUCTURED_REPORT: "application/dicom",
    ExportFile.REPORT_DICOM: "application/dicom",
    ExportFile.EVERYTHING: "application/zip",
}
AT_ONCE = frozenset({ExportFile.REPORT, ExportFile.MEASUREMENTS, ExportFile.FHIR})
"""Text, small enough for an answer; the others are made when somebody asks."""
DICOM = frozenset({ExportFile.SEGMENTATION, ExportFile.STRUCTURED_REPORT, ExportFile.REPORT_DICOM})
"""Objects that stand in the original study, and name the patient as it does."""
_STEMS = {
    ExportFile.REPORT: "report-{state}.md",
    ExportFile.REPORT_PDF: "report-{state}.pdf",
    ExportFile.REPORT_DICOM: "report-{state}.dcm",
    ExportFile.FHIR: "report-{state}.fhir.json",
    ExportFile.MEASUREMENTS: "measurements.csv",
    ExportFile.STRUCTURED_REPORT: "measurements-{state}.dcm",
    ExportFile.SEGMENTATION: "segmentation-{state}.dcm",
    ExportFile.EVERYTHING: "study-{state}.zip",
}


def exported_name(file: ExportFile, job_id: str, status: ReviewStatus) -> str:
    """Under which a file is taken along: it says whether the report is signed."""
    state = ReviewStatus.SIGNED if status is ReviewStatus.AMENDED else status
    return f"{job_id}-{_STEMS[file].format(state=state)}"
