"""Errors a person can meet: each class is a stable code, a sentence and a next step.

The class name is the code. Lambda reports it as ``errorType``, the state machine matches it in
``Retry`` and ``Catch``, and the database keeps it; renaming one is a change of the public contract.
"""

from typing import ClassVar


class AnalysisError(Exception):
    """Base of all errors with a code. ``str(error)`` is the sentence for the reader."""

    next_step: ClassVar[str] = "Try again; if it fails again, tell the operator the job id."

    @property
    def code(self) -> str:
        """The stable code: the name of the class."""
        return type(self).__name__


class UploadError(AnalysisError):
    """The uploaded file cannot be analysed; trying again with the same file cannot help."""


class UploadMissing(UploadError):
    next_step = "Upload the scan again."


class ForeignUpload(UploadError):
    """An object outside ``incoming/{organization_id}/``."""

    next_step = (
        "Put scans below incoming/{organization_id}/ with an organization id of a-z, 0-9 and -."
    )


class EmptyFile(UploadError):
    next_step = "Upload the scan again; the file had no content."


class FileTooLarge(UploadError):
    next_step = "Upload one brain scan, uncompressed no larger than the limit named above."


class UnsupportedFormat(UploadError):
    next_step = (
        "Upload one 3-D NIfTI-1 or NIfTI-2 image (.nii or .nii.gz), or a zip archive of DICOM."
    )


class CorruptFile(UploadError):
    next_step = "Export the scan again and check that it opens in a viewer before uploading it."


class TruncatedFile(UploadError):
    next_step = "The file ends too early: copy or export it again and upload the whole file."


class ArchiveTooLarge(UploadError):
    next_step = "Put one examination, or one series, into the archive and upload it again."


class EncryptedArchive(UploadError):
    next_step = "Make the archive without a password and upload it again."


class NoMrSeries(UploadError):
    next_step = "Put the DICOM files of a 3-D brain MRI into one zip archive and upload it."


class SeveralSubjects(UploadError):
    next_step = "Upload one archive for each person."


class SeriesIncomplete(UploadError):
    next_step = "Export the series again from where it is kept, with all its slices."


class SeriesAmbiguous(UploadError):
    next_step = "Choose one of the series named above, and start the analysis with it."


class AnnotationInImage(UploadError):
    next_step = "Export the series without annotation in its images, and upload it again."


class ConversionFailed(UploadError):
    next_step = "Convert the series to NIfTI with a tool of your own, and upload that."


class NotASingleVolume(UploadError):
    next_step = "Upload one 3-D volume: choose one time point or echo of a series, not a 2-D slice."


class InvalidSpacing(UploadError):
    next_step = "Correct the voxel sizes in the header (pixdim), or export the scan again."


class UnknownOrientation(UploadError):
    next_step = (
        "Set the qform or sform of the image from the scanner's DICOM; without it left and right "
        "cannot be told apart."
    )


class ContradictoryOrientation(UploadError):
    next_step = "Correct the qform or the sform of the image: they name different directions."


class NonFiniteVoxels(UploadError):
    next_step = (
        "Replace NaN and infinite voxels (for example by 0 outside the head) and upload again."
    )


class EmptyImage(UploadError):
    next_step = "Check the export: the image shows nothing."


class NotABrain(UploadError):
    next_step = "Upload a 3-D brain MRI that covers the whole head."


class QualityTooLow(UploadError):
    next_step = "Repeat the scan or choose a better series; see the quality reasons."


class TransientError(AnalysisError):
    """Something outside the study failed; the state machine tries again."""


class StorageUnavailable(TransientError):
    next_step = "Object storage did not answer; the study can be retried as it is."


class DatabaseUnavailable(TransientError):
    next_step = "The database did not answer; the study can be retried as it is."


class ModelEndpointUnavailable(TransientError):
    next_step = "The segmentation endpoint did not answer; the study can be retried as it is."


class ModelEndpointResting(TransientError):
    """The circuit breaker is open: nobody calls the endpoint until its recovery time is over."""

    next_step = "The segmentation endpoint failed several times; the study can be retried as it is."


class ServiceUnavailable(TransientError):
    """DynamoDB, SNS or Step Functions did not answer."""

    next_step = "A service of the system did not answer; the study can be retried as it is."


class ModelFailed(AnalysisError):
    """The endpoint answered, but not with a segmentation."""

    next_step = "Retry the study; if it fails again, tell the operator the job id."


class KnowledgeUnavailable(TransientError):
    next_step = "The knowledge base could not be read; the study can be retried as it is."


class KnowledgeIndexMismatch(AnalysisError):
    """The search index was made by another embedder, or by a version this one cannot read."""

    next_step = "Index the knowledge base anew (mri knowledge reindex) with the embedder in use."


class KnowledgeIndexBusy(AnalysisError):
    """A document is ingested or the index made anew by somebody else: no state of a study."""

    next_step = "Try again when that has ended; a run that died is forgotten after an hour."


class OriginalUnreadable(AnalysisError):
    """What was kept of an original DICOM study, or results that do not fit it."""

    next_step = "Tell the operator the job id; the report itself is not touched."


class DocumentsUnreadable(AnalysisError):
    """Pieces in the search index that a re-index cannot carry over."""

    next_step = (
        "Remove these documents (mri knowledge remove) and ingest them again, or leave all behind "
        "with --forget-documents."
    )


class EmbedderUnavailable(TransientError):
    next_step = "The embedding model did not answer; searches go on by words alone."


class LanguageModelUnavailable(TransientError):
    """Throttled, failing, too slow, or at its end of life; the report is composed without it."""

    next_step = "Look at the language model's settings and quota; reports are composed meanwhile."


class LanguageModelAnswerUnusable(AnalysisError):
    """A refusal, an answer cut short, or no answer of the form asked for.

    ``answer`` is what came instead, as far as there was text: for the record of drafts alone, never
    for a report, a log or another prompt.
    """

    next_step = "Nothing is to be done for this study: its report was composed by fixed rules."

    def __init__(self, message: str, answer: str = "") -> None:
        super().__init__(message)
        self.answer = answer


class SettingInvalid(AnalysisError):
    """A setting of the deployment that no function can work with."""

    next_step = "Correct the setting named above and deploy, or start the local stack, again."


class DocumentError(AnalysisError):
    """A document that cannot become part of the knowledge base."""

    next_step = "Correct the document and ingest it again."


class DocumentKindUnknown(DocumentError):
    next_step = "Ingest Markdown (.md, .markdown), PDF (.pdf) or JSON Lines (.jsonl)."


class DocumentTooLarge(DocumentError):
    """Too many bytes, pages, characters or pieces, or too costly to read."""

    next_step = "Split the document, or ingest only the part that is needed."


class DocumentEmpty(DocumentError):
    next_step = "Ingest a document that holds text."


class DocumentNotText(DocumentError):
    """Named as text, but made of other bytes."""

    next_step = "Save the document as UTF-8 text, or give the file the ending of what it is."


class DocumentEncrypted(DocumentError):
    next_step = "Save the PDF without a password, where its owner allows that, and ingest it again."


class DocumentWithoutText(DocumentError):
    """A scanned PDF: pictures of pages."""

    next_step = "Run text recognition (OCR) over the PDF, check the text, and ingest the result."


class DocumentBroken(DocumentError):
    next_step = "Export the document again and check that it opens in a viewer."


class DocumentLineMalformed(DocumentError):
    """A line of a JSON Lines file, or of the front matter, that is not of the described form."""

    next_step = "Correct the line named above; knowledge/README.md describes the form."


class DocumentOriginMissing(DocumentError):
    """No licence or no source: a passage that is quoted must name both."""

    next_step = "Name them in the front matter, or with --source and --licence."


class DocumentSuspicious(DocumentError):
    """Name, title or origin address a language model, or nothing is left that does not."""

    next_step = "Read the document: where it is harmless, reword the places named above."


class DocumentNameRefused(DocumentError):
    next_step = "Give the document a name of its own with --name (a-z, 0-9 and -)."


class DocumentNotFound(DocumentError):
    next_step = "List the documents with `mri knowledge documents`."


class ReportRejected(AnalysisError):
    """A draft report said something its measurements do not support, so it was not kept."""

    next_step = "Tell the operator the job id: the report writer is at fault, not the scan."


class IllegalTransition(AnalysisError):
    """A status change that the life of a job does not allow; refused and logged."""

    next_step = "Look at the job's events: two writers disagree about its state."


class JobNotFound(AnalysisError):
    next_step = "Check the job id."


class AnalysisTimedOut(AnalysisError):
    """A stage took longer than its limit."""

    next_step = "Retry the study; if it fails again, tell the operator the job id."


class AnalysisStopped(AnalysisError):
    """Somebody cancelled the job, or an operator stopped its execution."""

    next_step = "Retry the study when it should be analysed after all."


class RequestError(AnalysisError):
    """The request, not the study, is at fault."""


class SignInRequired(RequestError):
    next_step = "Sign in again."


class OrganizationMissing(RequestError):
    """The account belongs to no organization, so that there is nothing it may see."""

    next_step = "Ask the administrator for an account of your organization, then sign in again."


class RoleMissing(RequestError):
    next_step = "Ask the administrator for the role named above, then sign in again."


class InvalidRequest(RequestError):
    next_step = "Correct what is named above and send the request again."


class RetryRefused(RequestError):
    """A job that has not failed has nothing to be tried again."""

    next_step = (
        "Look at the job's status: let a running job end; for another analysis upload the scan as "
        "a new job."
    )


class CancelRefused(RequestError):
    """A job that has ended has nothing to be cancelled."""

    next_step = "Look at the job's status: a completed or failed job stays as it is."


class DeleteRefused(RequestError):
    """A study that is being analysed, or whose report was signed."""

    next_step = (
        "Cancel a running job first; a signed report is part of the patient's record and stays."
    )


class ReportNotReady(RequestError):
    """The study has not come to a report yet, or failed before one."""

    next_step = "Look at the job's status: the report is there when it is completed."


class ReportChanged(RequestError):
    """Somebody else changed the report, or no version was named."""

    next_step = "Load the report again, look at what changed, and send the change anew."


class ReportFinal(RequestError):
    """A report that was signed or rejected takes no such change."""

    next_step = "Add an addendum to a signed report; a rejected one needs a new analysis."


class NoOriginalStudy(RequestError):
    """A scan that came as NIfTI, or before originals were kept: DICOM has no study to stand in."""

    next_step = "Export the report as PDF, or upload the DICOM series and export that study."


class RejectedReport(RequestError):
    """A rejected draft goes to no other system."""

    next_step = "Have the scan analysed again, or take the report as PDF: it says REJECTED."


class UploadArrived(RequestError):
    """An upload that is asked for again after its scan arrived."""

    next_step = "Follow the job named above; to upload another scan, send another Idempotency-Key."


class SubjectDiffers(RequestError):
    """An upload that is asked for again, for another subject than before."""

    next_step = (
        "To link the scan with this subject, upload it with another Idempotency-Key "
        "(`mri submit --new`); a job that was linked wrongly has to be deleted."
    )


class RouteNotFound(RequestError):
    next_step = "Check the address and the method."


class TooManyRequests(RequestError):
    next_step = "Wait some seconds, then send the request again."


class TicketInvalid(RequestError):
    """A ticket opens one socket, within a minute."""

    next_step = "Ask the API for a new ticket and connect within a minute."


class InternalError(AnalysisError):
    """Anything without a code of its own; its details stay in the logs."""


def _leaves(root: type[AnalysisError]) -> dict[str, type[AnalysisError]]:
    found = {root.__name__: root}
    for child in root.__subclasses__():
        found |= _leaves(child)
    return found


_BY_CODE = _leaves(AnalysisError)

# What the service itself reports when a stage ran out of time.
_TIMEOUTS = {"States.Timeout", "States.HeartbeatTimeout", "Sandbox.Timedout"}


def is_the_scans_fault(code: str) -> bool:
    """Whether the uploaded file is the reason; everything else is the service's to answer for."""
    return issubclass(error_type(code), UploadError)


def error_type(code: str) -> type[AnalysisError]:
    """The class behind an ``errorType``; ``InternalError`` for one that is not ours."""
    if code in _TIMEOUTS:
        return AnalysisTimedOut
    return _BY_CODE.get(code, InternalError)
