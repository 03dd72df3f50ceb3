"""Printing what a person with a sign-in asks of a study: its state, its files, another analysis."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from mri_analysis.contracts.api import ExportFile
from mri_client.many_studies import print_state
from mri_client.signed_in_access import SignedInAccess
from mri_client.study_access import StudyState
from mri_client.terminal import print_json, print_line, print_problem
from mri_client.watching import follow_states

_NEWEST = 20


def show_status(access: SignedInAccess, given: str | None, *, as_json: bool) -> int:
    """Print one study, or the newest; answer the exit code."""
    if given is None:
        newest = access.newest(_NEWEST)
        if as_json:
            print_json([state.document() for state in newest])
            return 0
        if not newest:
            print_line("no jobs yet")
        for state in newest:
            print_state(state)
        return 0
    return _tell(access.state(access.whole_id(given)), as_json)


def get_files(
    access: SignedInAccess,
    given: str,
    folder: Path,
    wanted: Collection[ExportFile] = (),
    *,
    as_json: bool,
) -> int:
    """Download the files of a study, or say why there are none; answer the exit code."""
    state = access.state(access.whole_id(given))
    files = [] if state.failed or not state.ended else access.fetch(state.job_id, folder, wanted)
    if as_json:
        told = {name: state.document()[name] for name in ("job_id", "status", "error")}
        print_json(told | {"files": [str(path) for path in files]})
    else:
        for path in files:
            print_line(str(path))
        if not files:
            _tell(state, as_json)
    return 0 if files else 1


def retry_study(
    access: SignedInAccess,
    given: str,
    *,
    series: int | None,
    wait: bool,
    timeout_s: float,
    as_json: bool,
) -> int:
    """Have a failed study analysed again; answer the exit code."""
    state = access.retry(access.whole_id(given), series)
    if wait:
        for now in follow_states(access, [state.job_id], timeout_s):
            state = now
            if not as_json:
                print_state(now)
        if not as_json:
            return 1 if state.failed else 0
    return _tell(state, as_json)


def _tell(state: StudyState, as_json: bool) -> int:
    if as_json:
        print_json({"schema_version": 1, **state.document()})
    elif state.error is not None:
        sentence = f"{state.error.message} (job {state.job_id})"
        print_problem(
            state.error.code, sentence, state.error.next_step, as_json=False, show_code=True
        )
    else:
        print_state(state)
    return 1 if state.failed else 0
