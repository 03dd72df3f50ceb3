"""How a release reaches traffic: schema, check, step by step; and back by alarm."""

from pathlib import Path
from typing import Any

import pytest

from local_stack.template import translate

ROOT = Path("template.yaml")


def resources(**parameters: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = translate(ROOT, parameters).body["Resources"]
    return found


RESOURCES = resources()
FUNCTIONS = [name for name, r in RESOURCES.items() if r["Type"] == "AWS::Lambda::Function"]
# They are the steps of a deployment, so they cannot wait for themselves.
STEPS = {"MigrateDatabaseFunction", "CheckDeploymentFunction"}
SERVING = sorted(set(FUNCTIONS) - STEPS)


def versions(**parameters: str) -> set[str]:
    return {
        name
        for name, resource in resources(**parameters).items()
        if resource["Type"] == "AWS::Lambda::Version"
    }


@pytest.mark.parametrize("name", SERVING)
def test_function_waits_for_the_schema_and_the_check(name: str) -> None:
    assert set(RESOURCES[name]["DependsOn"]) >= {"DatabaseMigration", "DeploymentCheck"}


def test_the_check_comes_after_the_schema() -> None:
    assert RESOURCES["DeploymentCheck"]["DependsOn"] == "DatabaseMigration"


@pytest.mark.parametrize("step", ["DatabaseMigration", "DeploymentCheck"])
def test_step_runs_again_for_each_release_and_ends_in_time(step: str) -> None:
    properties = RESOURCES[step]["Properties"]
    function = properties["ServiceToken"]["Ref"].removesuffix("Aliaslive")

    assert properties["Release"]["Ref"].startswith(f"{function}Version")
    # CloudFormation waits an hour for a step that never answers, unless it is told otherwise.
    assert RESOURCES[function]["Properties"]["Timeout"] < properties["ServiceTimeout"] < 3600


@pytest.mark.parametrize("name", SERVING)
def test_traffic_of_a_function_shifts_and_comes_back_by_alarm(name: str) -> None:
    group = RESOURCES[f"{name}DeploymentGroup"]["Properties"]
    update = RESOURCES[f"{name}Aliaslive"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]

    assert update["DeploymentGroupName"] == {"Ref": f"{name}DeploymentGroup"}
    assert group["AlarmConfiguration"] == {
        "Enabled": True,
        "Alarms": [{"Name": {"Ref": "ReleaseAlarm"}}],
    }
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]


def test_way_of_shifting_is_a_parameter() -> None:
    group = resources(DeploymentType="Canary10Percent5Minutes")["ApiFunctionDeploymentGroup"]

    assert "Canary10Percent5Minutes" in str(group["Properties"]["DeploymentConfigName"])


def test_nobody_calls_a_function_past_its_alias() -> None:
    """An event source, a rule, a topic or an API that named the function would skip the canary."""
    callers = {
        "AWS::Lambda::EventSourceMapping": lambda p: [p["FunctionName"]],
        "AWS::Events::Rule": lambda p: [target["Arn"] for target in p["Targets"]],
        "AWS::SNS::Subscription": lambda p: [p["Endpoint"]],
        "AWS::StepFunctions::StateMachine": lambda p: [
            value
            for name, value in p["DefinitionSubstitutions"].items()
            if name.endswith("FunctionArn")
        ],
    }
    called = [
        target
        for resource in RESOURCES.values()
        if resource["Type"] in callers
        for target in callers[resource["Type"]](resource["Properties"])
    ]

    assert len(called) >= 10
    assert all(target["Ref"].endswith("Aliaslive") for target in called)
    for api in ("ReadingApi", "LiveUpdatesIntegration"):
        assert "FunctionAliaslive" in str(RESOURCES[api]["Properties"])
        assert "Function.Arn" not in str(RESOURCES[api]["Properties"])


def test_executions_start_through_the_alias_of_the_state_machine() -> None:
    alias = RESOURCES["MriAnalysisStateMachineAliaslive"]

    assert alias["Type"] == "AWS::StepFunctions::StateMachineAlias"
    for name in ("StartAnalysisFunction", "ApiFunction"):
        variables = RESOURCES[name]["Properties"]["Environment"]["Variables"]
        assert variables["STATE_MACHINE_ARN"] == {"Ref": "MriAnalysisStateMachineAliaslive"}


def test_a_new_release_publishes_every_function_anew() -> None:
    """SAM hashes the template's text: a changed parameter alone would stay behind the alias."""
    assert versions() == versions(BedrockModelId="some.model")
    assert not versions() & versions(ReleaseId="0123456789abcdef")
    assert len(versions(ReleaseId="0123456789abcdef")) == len(FUNCTIONS)


def test_stopped_executions_reach_the_error_handler() -> None:
    rule = RESOURCES["ErrorHandlerFunctionExecutionStopped"]["Properties"]

    assert rule["EventPattern"]["source"] == ["aws.states"]
    assert set(rule["EventPattern"]["detail"]["status"]) == {"ABORTED", "TIMED_OUT"}
    assert rule["Targets"][0]["DeadLetterConfig"]


def test_the_repair_of_an_outage_can_be_deployed() -> None:
    threshold = RESOURCES["ReleaseAlarm"]["Properties"]["Threshold"]

    assert threshold == {"Fn::If": ["StopOnAlarm", 1, 1000000]}


def test_the_trail_is_made_last() -> None:
    """Its bucket can be emptied by nobody for years, so a failed deployment must not have it."""
    assert set(RESOURCES["Audit"]["DependsOn"]) >= {"DeploymentCheck", "ReadingApiStage"}
