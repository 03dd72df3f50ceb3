"""The root template's own promises: names, time limits, and that each state has its function."""

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.template_checks.permissions import deployed_functions, named, role_of
from scripts.template_checks.templates import load

ROOT = load(Path("template.yaml").resolve(), Path.cwd())
FUNCTIONS = {name: r["Properties"] for name, r in ROOT.of_type("AWS::Lambda::Function").items()}
CODE = sorted(path.parent.name for path in Path("functions").glob("*/app.py"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_has_a_role_of_its_own_and_is_traced(name: str) -> None:
    properties = FUNCTIONS[name]

    assert [n for n, other in FUNCTIONS.items() if role_of(other) == role_of(properties)] == [name]
    assert properties["TracingConfig"] == {"Mode": "Active"}
    assert properties["Timeout"] <= 900


@pytest.mark.parametrize("folder", CODE)
def test_every_folder_of_code_is_deployed_under_its_own_name(folder: str) -> None:
    deployed = [f.folder for f in deployed_functions(ROOT, Path.cwd())]

    assert deployed.count(folder) == 1


def test_visibility_timeout_is_six_times_the_starters_limit() -> None:
    default = ROOT.body["Parameters"]["UploadVisibilityTimeout"]["Default"]

    assert default >= 6 * FUNCTIONS["StartAnalysisFunction"]["Timeout"]


def substitutions() -> dict[str, Any]:
    (machine,) = ROOT.of_type("AWS::StepFunctions::StateMachine").values()
    given: dict[str, Any] = machine["Properties"]["DefinitionSubstitutions"]
    return given


def test_every_substitution_of_the_state_machine_is_given_and_used() -> None:
    definition = Path("statemachine/mri_analysis.asl.json").read_text()

    assert all(f"${{{name}}}" in definition for name in substitutions())
    for state in json.loads(definition)["States"].values():
        if state["Type"] == "Task":
            assert state["Parameters"]["FunctionName"].strip("${}") in substitutions()


def test_state_machine_may_call_the_functions_of_its_states_and_no_other() -> None:
    called = {name for value in substitutions().values() for name in named(ROOT, value)}
    (machine,) = ROOT.of_type("AWS::StepFunctions::StateMachine").values()
    role = role_of({"Role": machine["Properties"]["RoleArn"]})
    allowed = {
        name
        for statement in ROOT.resources[str(role)]["Properties"]["Policies"]
        for part in statement["PolicyDocument"]["Statement"]
        if "lambda:InvokeFunction" in part["Action"]
        for name in named(ROOT, part["Resource"])
    }

    assert called & set(FUNCTIONS)
    assert called & set(FUNCTIONS) == allowed & set(FUNCTIONS)


def test_deployed_functions_keep_the_names_of_the_design() -> None:
    names = {properties["FunctionName"]["Fn::Sub"] for properties in FUNCTIONS.values()}

    assert {
        "mri-segmentation-trigger-${Stage}",
        "vlm-processing-trigger-${Stage}",
        "llm-rag-enhancement-${Stage}",
        "store-analysis-results-${Stage}",
        "error-handler-${Stage}",
    } <= names
