"""The template's own promises: names, policies, and that each state has its function."""

import json
from pathlib import Path
from typing import Any

import pytest

from local_stack.template import translate

TEMPLATE = translate(Path("template.yaml"), {"DatabaseUrl": "sqlite://"}).body
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
ROLES = {name: r for name, r in RESOURCES.items() if r["Type"] == "AWS::IAM::Role"}
FUNCTIONS = {name: r for name, r in RESOURCES.items() if r["Type"] == "AWS::Lambda::Function"}

# What may name every resource, and why: log delivery and X-Ray know no resources.
_MAY_BE_ANY = ("logs:", "xray:")


def statements(role: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        statement
        for policy in role["Properties"].get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("name", ROLES)
def test_role_names_actions_and_resources(name: str) -> None:
    for statement in statements(ROLES[name]):
        for action in as_list(statement["Action"]):
            assert "*" not in action
            if "*" in as_list(statement["Resource"]):
                assert action.startswith(_MAY_BE_ANY)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_has_a_role_of_its_own_and_is_traced(name: str) -> None:
    properties = FUNCTIONS[name]["Properties"]

    assert properties["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
    assert properties["TracingConfig"] == {"Mode": "Active"}
    assert properties["Timeout"] <= 900


@pytest.mark.parametrize("bucket", ["ImagesBucket", "ResultsBucket"])
def test_bucket_is_versioned_encrypted_private_and_tls_only(bucket: str) -> None:
    properties = RESOURCES[bucket]["Properties"]
    (deny,) = RESOURCES[f"{bucket}Policy"]["Properties"]["PolicyDocument"]["Statement"]

    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert properties["BucketEncryption"]
    assert all(properties["PublicAccessBlockConfiguration"].values())
    assert (deny["Effect"], deny["Condition"]) == (
        "Deny",
        {"Bool": {"aws:SecureTransport": "false"}},
    )


def test_visibility_timeout_is_six_times_the_starters_limit() -> None:
    default = TEMPLATE["Parameters"]["UploadVisibilityTimeout"]["Default"]

    assert default >= 6 * FUNCTIONS["StartAnalysisFunction"]["Properties"]["Timeout"]


def test_every_substitution_of_the_state_machine_is_given_and_used() -> None:
    definition = Path("statemachine/mri_analysis.asl.json").read_text()
    given = RESOURCES["MriAnalysisStateMachine"]["Properties"]["DefinitionSubstitutions"]

    assert all(f"${{{name}}}" in definition for name in given)
    for state in json.loads(definition)["States"].values():
        if state["Type"] == "Task":
            assert state["Parameters"]["FunctionName"].strip("${}") in given


def test_deployed_functions_keep_the_names_of_the_design() -> None:
    names = {f["Properties"]["FunctionName"]["Fn::Sub"] for f in FUNCTIONS.values()}

    assert {
        "mri-segmentation-trigger-${Stage}",
        "vlm-processing-trigger-${Stage}",
        "llm-rag-enhancement-${Stage}",
        "store-analysis-results-${Stage}",
        "error-handler-${Stage}",
    } <= names
