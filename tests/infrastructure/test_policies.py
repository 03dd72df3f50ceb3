"""What the templates promise about secrets, permissions, failures and encryption.

The same checks run in ``make check-template``; here each is a test of its own, and what they read
out of the code is compared with what a person reads there.
"""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.template_checks.code_calls import Environment, calls_of
from scripts.template_checks.permissions import deployed_functions, permission_findings
from scripts.template_checks.resource_policies import CHECKS, policy_findings
from scripts.template_checks.templates import Finding, Template, load_all

BASE = Path.cwd()
TEMPLATES = load_all(BASE)
ROOT = TEMPLATES[0]
FUNCTIONS = [function.logical_id for function in deployed_functions(ROOT, BASE)]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.file)
def test_promises_over_several_resources_are_kept(template: Template) -> None:
    assert [str(finding) for finding in policy_findings(template)] == []


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_check_finds_nothing_in_an_empty_template(
    check: Callable[[Template], list[Finding]],
) -> None:
    assert check(Template("empty.yaml", {"Resources": {}})) == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_may_do_exactly_what_its_code_does(function: str) -> None:
    found = permission_findings(ROOT, BASE, only=function)

    assert [str(finding) for finding in found if finding.resource == function] == []


def calls(function: str, **variables: str) -> set[tuple[str, str]]:
    """Service and operation of each call of a function."""
    found = calls_of(BASE, function, Environment(variables))
    return {(call.service, call.operation) for call in found}


def test_calls_are_followed_through_use_case_and_adapter() -> None:
    assert calls("prepare_study") == {
        ("s3", "head_object"),
        ("s3", "download_file"),
        ("s3", "put_object"),
        ("s3", "get_object"),  # what was prepared before, for a retry
        ("s3", "delete_object"),  # a DICOM upload, once it is prepared
    }


def test_calls_of_a_library_are_read_from_its_source() -> None:
    assert calls("mri_segmentation_trigger") >= {
        ("sagemaker-runtime", "invoke_endpoint_async"),
        ("dynamodb", "get_item"),
        ("dynamodb", "put_item"),
        ("dynamodb", "update_item"),
    }


def test_a_setting_of_the_template_decides_which_branch_is_taken() -> None:
    sign = ("rds", "generate_db_auth_token")

    assert sign in calls("error_handler", DATABASE_SIGN_IN="iam")
    assert sign not in calls("error_handler", DATABASE_SIGN_IN="url")


def written_calls() -> Iterator[str]:
    """Where the adapters call a client, by their text alone."""
    for path in sorted(Path("layers/mri_analysis/mri_analysis/adapters").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                of_client = ast.unparse(node.func.value).endswith("client")
                if of_client and node.func.attr != "get_paginator":
                    yield f"{path}:{node.lineno}"


def test_no_call_of_an_adapter_is_overlooked() -> None:
    found = {
        call.where
        for function in deployed_functions(ROOT, BASE)
        for call in calls_of(BASE, function.folder, function.environment)
    }

    assert set(written_calls()) <= found
