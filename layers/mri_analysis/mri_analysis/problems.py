"""Errors as problem documents (RFC 9457)."""

import re

from mri_analysis.contracts.api import Problem
from mri_analysis.errors import (
    AnalysisError,
    CancelRefused,
    DeleteRefused,
    EmptyFile,
    FileTooLarge,
    IllegalTransition,
    InvalidRequest,
    JobNotFound,
    NoOriginalStudy,
    OrganizationMissing,
    OriginalUnreadable,
    RejectedReport,
    ReportChanged,
    ReportFinal,
    ReportNotReady,
    RetryRefused,
    RoleMissing,
    RouteNotFound,
    SignInRequired,
    SubjectDiffers,
    TicketInvalid,
    TooManyRequests,
    TransientError,
    UploadArrived,
)

_STATUS: dict[type[AnalysisError], int] = {
    SignInRequired: 401,
    TicketInvalid: 401,
    OrganizationMissing: 403,
    RoleMissing: 403,
    RouteNotFound: 404,
    JobNotFound: 404,
    CancelRefused: 409,
    DeleteRefused: 409,
    IllegalTransition: 409,
    NoOriginalStudy: 409,
    OriginalUnreadable: 409,
    RejectedReport: 409,
    ReportFinal: 409,
    ReportNotReady: 409,
    RetryRefused: 409,
    SubjectDiffers: 409,
    UploadArrived: 409,
    ReportChanged: 412,
    FileTooLarge: 413,
    EmptyFile: 422,
    InvalidRequest: 422,
    TooManyRequests: 429,
    TransientError: 503,
}


def problem(error: AnalysisError, status: int | None = None) -> Problem:
    """The document for ``error``; an error without a status of its own is the server's fault."""
    return Problem(
        type=f"urn:mri-analysis:error:{error.code}",
        title=re.sub(r"(?<=[a-z])(?=[A-Z])", " ", error.code).capitalize(),
        status=status or _status(error),
        code=error.code,
        detail=str(error),
        next_step=error.next_step,
    )


def _status(error: AnalysisError) -> int:
    return next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)
