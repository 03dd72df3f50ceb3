"""Error codes are a public contract."""

from pathlib import Path

import mri_analysis.errors
from mri_analysis.errors import AnalysisError, InternalError, error_type

PAGE = Path("docs/errors.md").read_text()
GROUPS = {"AnalysisError", "RequestError", "UploadError", "TransientError"}
CODES = {
    name: kind
    for name, kind in vars(mri_analysis.errors).items()
    if isinstance(kind, type) and issubclass(kind, AnalysisError) and name not in GROUPS
}


def test_every_code_is_documented_with_its_next_step() -> None:
    for name, kind in CODES.items():
        assert f"| `{name}` |" in PAGE
        assert f"| {kind.next_step} |" in PAGE


def test_no_code_is_documented_that_does_not_exist() -> None:
    documented = {line.split("`")[1] for line in PAGE.splitlines() if line.startswith("| `")}

    assert documented == set(CODES)


def test_code_leads_back_to_its_class() -> None:
    assert all(error_type(name) is kind for name, kind in CODES.items())
    assert error_type("KeyError") is InternalError
