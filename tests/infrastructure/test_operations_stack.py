"""What no linter sees in ``infrastructure/operations.yaml``.

``PUBLISHED`` is the catalogue that alarms and widgets are held against: the metrics of the services
as their documentation names them, each with the sets of dimensions it is published under.
"""

import ast
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_stack.intrinsics import Resolver, parameter_values
from local_stack.template import translate
from mri_analysis.use_cases.start_analysis import StartOutcome
from tests.infrastructure.stacks import Placeholders, of_type, read, resolve

TEMPLATE = read("operations")
OPERATORS = "arn:aws:sns:eu-central-1:111122223333:operators"
MACHINE = "arn:aws:states:eu-central-1:111122223333:stateMachine:mri-analysis-staging"
BARE = {
    "Stage": "staging",
    "OperationsTopicArn": OPERATORS,
    "StateMachineArn": MACHINE,
    "UploadQueueName": "mri-uploads-staging",
    "UploadDeadLetterQueueName": "mri-uploads-dead-letters-staging",
    "ExportDeadLetterQueueName": "mri-exports-dead-letters-staging",
    "CallbackDeadLetterQueueName": "mri-callback-dead-letters-staging",
    "EventDeadLetterQueueName": "mri-event-dead-letters-staging",
    "FunctionNames": "start-analysis-staging,prepare-study-staging",
    "LoadBalancerFullName": "",
    "TargetGroupFullName": "",
    "AlternateTargetGroupFullName": "",
}
GROUPS: dict[str, dict[str, str]] = {
    "segmentation": {"SegmentationEndpointName": "mri-segmentation"},
    "challenger": {"SegmentationChallengerEndpointName": "mri-segmentation-challenger"},
    "vision": {"VisionLanguageEndpointName": "mri-vision-language"},
    "api": {"RestApiName": "mri-analysis-staging"},
    "sockets": {"WebSocketApiId": "a1b2c3d4e5"},
    "room": {
        "LoadBalancerFullName": "app/reading-room/0123456789abcdef",
        "TargetGroupFullName": "targetgroup/reading-room-blue/0123456789abcdef",
        "AlternateTargetGroupFullName": "targetgroup/reading-room-green/0123456789abcdef",
    },
    "proxy": {"DatabaseProxyName": "mri-analysis-staging"},
    "search": {"SearchName": "mri-analysis-staging"},
    "budget": {"MonthlyBudgetUsd": "500"},
}
ALARM_OF_THE_ROOT = "mri-studies-failed-staging"
"""It stops a deployment too, so it stands beside the functions."""
DATABASES = [
    {},
    *(
        {"DatabaseIdentifier": "mri-analysis-staging", "DatabaseKind": kind}
        for kind in ("mysql", "aurora", "aurora-serverless")
    ),
]


def combine(names: tuple[str, ...], database: dict[str, str]) -> dict[str, str]:
    chosen = BARE | database
    for name in names:
        chosen |= GROUPS[name]
    return chosen


COMBINATIONS = [
    combine(names, database)
    for count in range(len(GROUPS) + 1)
    for names in itertools.combinations(GROUPS, count)
    for database in DATABASES
]
FULL = [combine(tuple(GROUPS), database) for database in DATABASES]

_CUSTOM = [{"service"}]
_FUNCTION = [{"FunctionName"}]
_ENDPOINT = [{"EndpointName"}]
_VARIANT = [{"EndpointName", "VariantName"}]
_MACHINE = [{"StateMachineArn"}]
_REST = [{"ApiName"}, {"ApiName", "Stage"}]
_SOCKET = [{"ApiId"}, {"ApiId", "Stage"}]
_EITHER = _REST + _SOCKET
_BALANCER = [{"LoadBalancer"}, {"TargetGroup", "LoadBalancer"}]
_TARGETS = [{"TargetGroup", "LoadBalancer"}]
_INSTANCE = [{"DBInstanceIdentifier"}]
_DATABASE = [*_INSTANCE, {"DBClusterIdentifier"}]
_CLUSTER = [{"DBClusterIdentifier"}]
_PROXY = [{"ProxyName"}]
_DOMAIN = [{"DomainName", "ClientId"}]


def _each(names: str, dimensions: list[set[str]]) -> dict[str, list[set[str]]]:
    return dict.fromkeys(names.split(), dimensions)


def metrics_of_our_code() -> set[str]:
    """What the functions and the adapters they use emit, read from their sources."""
    names: set[str] = set()
    adapters = Path("layers/mri_analysis/mri_analysis/adapters").glob("*.py")
    for path in [*Path("functions").glob("*/app.py"), *adapters]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_METRICS":
                names |= set(map(ast.literal_eval, node.value.values))  # type: ignore[attr-defined]
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add_metric":
                (value,) = (k.value for k in node.keywords if k.arg == "name")
                if isinstance(value, ast.Constant):
                    names.add(str(value.value))
                elif isinstance(value, ast.JoinedStr):  # what start_analysis makes of an outcome
                    names |= {
                        f"Upload{outcome.title().replace('_', '')}" for outcome in StartOutcome
                    }
    return names


PUBLISHED: dict[str, dict[str, list[set[str]]]] = {
    f"MriAnalysis/{BARE['Stage']}": dict.fromkeys(metrics_of_our_code(), _CUSTOM),
    "AWS/SQS": _each(
        "ApproximateNumberOfMessagesVisible ApproximateAgeOfOldestMessage", [{"QueueName"}]
    ),
    "AWS/States": _each(
        "ExecutionsStarted ExecutionsSucceeded ExecutionsFailed ExecutionsTimedOut"
        " ExecutionsAborted ExecutionTime",
        _MACHINE,
    ),
    "AWS/Lambda": _each("Invocations Errors Throttles Duration", _FUNCTION),
    # Monitor asynchronous endpoints: an exhaustive list; Invocations is not among them.
    "AWS/SageMaker": _each(
        "ApproximateBacklogSize ApproximateBacklogSizePerInstance ApproximateAgeOfOldestRequest"
        " HasBacklogWithoutCapacity",
        _ENDPOINT,
    )
    | _each(
        "RequestDownloadFailures ResponseUploadFailures NotificationFailures ExpiredRequests"
        " InvocationFailures TimeInBacklog TotalProcessingTime"
        " Invocation4XXErrors Invocation5XXErrors ModelLatency",
        _VARIANT,
    ),
    "/aws/sagemaker/Endpoints": _each("CPUUtilization MemoryUtilization", _VARIANT),
    "AWS/Bedrock": _each("InvocationLatency", [{"ModelId"}]),
    "AWS/ApiGateway": _each("Count 4XXError 5XXError Latency", _REST)
    | _each("ConnectCount MessageCount ClientError IntegrationError ExecutionError", _SOCKET),
    "AWS/ApplicationELB": _each(
        "RequestCount HTTPCode_Target_5XX_Count TargetResponseTime", _BALANCER
    )
    | _each("HTTPCode_ELB_5XX_Count", [{"LoadBalancer"}])
    | _each("HealthyHostCount UnHealthyHostCount", _TARGETS),
    "AWS/RDS": _each("CPUUtilization FreeableMemory", _DATABASE)
    | _each("DatabaseConnections", _DATABASE + _PROXY)
    | _each("FreeStorageSpace", _INSTANCE)
    | _each("ACUUtilization ServerlessDatabaseCapacity", _CLUSTER)
    | _each(
        "MaxDatabaseConnectionsAllowed DatabaseConnectionsSetupFailed"
        " ClientConnectionsSetupFailedAuth",
        _PROXY,
    ),
    "AWS/ES": _each(
        "ClusterStatus.green ClusterStatus.yellow ClusterStatus.red Nodes FreeStorageSpace"
        " JVMMemoryPressure CPUUtilization ClusterIndexWritesBlocked SearchLatency",
        _DOMAIN,
    ),
    "AWS/Billing": _each("EstimatedCharges", [{"Currency"}]),
}

Metric = tuple[str, str, dict[str, str]]


_FUNCTIONS_OF_A_STUDY = [
    "start-analysis",
    "prepare-study",
    "mri-segmentation-trigger",
    "model-callback",
    "vlm-processing-trigger",
    "llm-rag-enhancement",
    "store-analysis-results",
    "notify-user",
    "error-handler",
    "export-results",
]


def alarms(parameters: dict[str, str]) -> dict[str, dict[str, Any]]:
    return of_type(resolve(TEMPLATE, parameters), "AWS::CloudWatch::Alarm")


def _by_name(dimensions: list[dict[str, str]]) -> dict[str, str]:
    return {dimension["Name"]: dimension["Value"] for dimension in dimensions}


def metrics_of_alarm(alarm: dict[str, Any]) -> Iterator[Metric]:
    if "MetricName" in alarm:
        yield alarm["Namespace"], alarm["MetricName"], _by_name(alarm["Dimensions"])
    for entry in alarm.get("Metrics", []):
        if "MetricStat" in entry:
            metric = entry["MetricStat"]["Metric"]
            yield metric["Namespace"], metric["MetricName"], _by_name(metric["Dimensions"])


def dashboard(parameters: dict[str, str]) -> dict[str, Any]:
    values = parameter_values(TEMPLATE["Parameters"], parameters)
    resolver = Resolver(TEMPLATE, values, Placeholders(set(TEMPLATE["Resources"])), "stack")
    body = resolver.value(TEMPLATE["Resources"]["Dashboard"]["Properties"]["DashboardBody"])
    read_body: dict[str, Any] = json.loads(body)
    return read_body


_SEARCHED = re.compile(r"SEARCH\('\{([^,}]+),([^}]+)\} MetricName=\"([^\"]+)\"")


def metrics_of_widget(widget: dict[str, Any]) -> Iterator[Metric]:
    for entry in widget["properties"].get("metrics", []):
        if isinstance(entry[0], dict):
            namespace, dimensions, name = _SEARCHED.search(entry[0]["expression"]).groups()  # type: ignore[union-attr]
            yield namespace, name, dict.fromkeys(dimensions.split(","), "any")
        else:
            texts = [part for part in entry if isinstance(part, str)]
            yield texts[0], texts[1], dict(zip(texts[2::2], texts[3::2], strict=True))


def check_published(namespace: str, name: str, dimensions: dict[str, str]) -> None:
    assert name in PUBLISHED[namespace], f"{namespace} publishes no {name}"
    assert set(dimensions) in PUBLISHED[namespace][name], f"{name} has no {sorted(dimensions)}"
    assert all(dimensions.values()), f"{name} would look at an empty name"


EVERY_ALARM = {name: alarm for parameters in FULL for name, alarm in alarms(parameters).items()}


def test_the_combinations_make_every_alarm() -> None:
    assert set(EVERY_ALARM) == set(of_type(TEMPLATE["Resources"], "AWS::CloudWatch::Alarm"))


@pytest.mark.parametrize("name", sorted(EVERY_ALARM))
def test_an_alarm_tells_the_operators_when_it_starts_and_when_it_ends(name: str) -> None:
    alarm = EVERY_ALARM[name]

    assert alarm["AlarmActions"] == alarm["OKActions"] == [OPERATORS]
    assert alarm["TreatMissingData"] in ("notBreaching", "breaching")


@pytest.mark.parametrize("name", sorted(EVERY_ALARM))
def test_an_alarm_says_in_a_sentence_what_it_means_and_where_to_read_on(name: str) -> None:
    alarm = EVERY_ALARM[name]
    what = alarm["AlarmName"].removeprefix("mri-").removesuffix("-staging")
    sentence, _, reference = alarm["AlarmDescription"].partition(" See ")

    assert alarm["AlarmName"] == f"mri-{what}-staging"
    assert sentence.endswith(".")
    section = re.sub(r"^(segmentation-challenger|segmentation|vision-language)-", "endpoint-", what)
    assert reference == f"docs/deploy.md#alarm-{section}."


@pytest.mark.parametrize("name", sorted(EVERY_ALARM))
def test_an_alarm_watches_a_metric_that_is_published(name: str) -> None:
    watched = list(metrics_of_alarm(EVERY_ALARM[name]))

    assert watched
    for metric in watched:
        check_published(*metric)


@pytest.mark.parametrize("name", sorted(EVERY_ALARM))
def test_an_expression_uses_each_of_its_metrics(name: str) -> None:
    entries = EVERY_ALARM[name].get("Metrics", [])
    if not entries:
        assert "MetricName" in EVERY_ALARM[name]
        return
    (result,) = (entry for entry in entries if entry.get("ReturnData", True))
    used = [entry["Id"] for entry in entries if entry is not result]

    assert "METRICS()" in result["Expression"] or all(i in result["Expression"] for i in used)
    assert 0 < len(used) <= 10  # a limit of CloudWatch


def test_silence_is_a_fault_where_something_always_reports() -> None:
    breaching = {n for n, a in EVERY_ALARM.items() if a["TreatMissingData"] == "breaching"}

    assert breaching == {
        "ReadingRoomDownAlarm",
        "DatabaseCpuAlarm",
        "DatabaseCapacityAlarm",
        "SearchSilentAlarm",
    }


def test_a_study_that_fails_by_our_fault_sounds_and_a_bad_scan_does_not() -> None:
    watched = {metric[1] for alarm in EVERY_ALARM.values() for metric in metrics_of_alarm(alarm)}
    root = translate(Path("template.yaml"), _required_of_the_root()).body["Resources"]
    stops_deployments = root["UnexpectedFailuresAlarm"]["Properties"]

    assert stops_deployments["AlarmName"]["Fn::Sub"].replace("${Stage}", "staging") == (
        ALARM_OF_THE_ROOT
    )
    assert stops_deployments["MetricName"] == "StudyFailedUnexpectedly"
    assert stops_deployments["Namespace"] == {"Fn::Sub": "MriAnalysis/${Stage}"}
    assert {"SegmentationCircuitOpen", "ExecutionsTimedOut", "ExecutionsAborted"} <= watched
    assert not watched & {"StudyFailed", "ExecutionsFailed"}
    # A refused scan is an error of PrepareStudy.
    errors = [m for a in EVERY_ALARM.values() for m in metrics_of_alarm(a) if m[1] == "Errors"]
    assert errors
    assert "prepare-study-staging" not in {m[2]["FunctionName"] for m in errors}


def test_alarms_on_durations_know_the_limits_of_the_functions() -> None:
    root = translate(Path("template.yaml"), _required_of_the_root()).body["Resources"]
    limits = {
        f["FunctionName"]["Fn::Sub"].replace("${Stage}", "staging"): f["Timeout"]
        for f in of_type(root, "AWS::Lambda::Function").values()
        if isinstance(f.get("FunctionName"), dict)
    }
    watched = {
        metric[2]["FunctionName"]: alarm["Threshold"]
        for alarm in EVERY_ALARM.values()
        for metric in metrics_of_alarm(alarm)
        if metric[1] == "Duration"
    }

    assert set(watched) == {f"{state}-staging" for state in _FUNCTIONS_OF_A_STUDY}
    for name, threshold in watched.items():
        assert threshold == 800 * limits[name], f"{name} may run for {limits[name]} s"


def _required_of_the_root() -> dict[str, str]:
    from samtranslator.yaml_helper import yaml_parse

    declared = yaml_parse(Path("template.yaml").read_text(encoding="utf-8"))["Parameters"]
    return {name: "1" for name, parameter in declared.items() if "Default" not in parameter}


def test_endpoints_have_the_variant_that_the_models_stack_makes() -> None:
    models = read("models")["Resources"]
    made = {
        variant["VariantName"]
        for config in of_type(models, "AWS::SageMaker::EndpointConfig").values()
        for variant in config["ProductionVariants"]
    }
    watched = {
        metric[2]["VariantName"]
        for parameters in FULL
        for metric in _all_metrics(parameters)
        if "VariantName" in metric[2]
    }

    assert made == watched == {"primary"}


def _all_metrics(parameters: dict[str, str]) -> Iterator[Metric]:
    for alarm in alarms(parameters).values():
        yield from metrics_of_alarm(alarm)
    for widget in dashboard(parameters)["widgets"]:
        yield from metrics_of_widget(widget)


@pytest.mark.parametrize("group", sorted(GROUPS))
def test_a_group_is_left_out_without_its_parameter(group: str) -> None:
    others = tuple(name for name in GROUPS if name != group)
    with_it, without = (resolve(TEMPLATE, combine(n, {})) for n in (tuple(GROUPS), others))
    made = set(with_it) - set(without)

    assert made
    named = set(GROUPS[group].values()) - {v for n in others for v in GROUPS[n].values()}
    for metric in _all_metrics(combine(others, {})):
        assert not named & set(metric[2].values())


def test_nothing_optional_is_made_from_nothing() -> None:
    for name, alarm in alarms(BARE).items():
        for metric in metrics_of_alarm(alarm):
            assert metric[0] in (
                "AWS/SQS",
                "AWS/States",
                "AWS/Lambda",
                f"MriAnalysis/{BARE['Stage']}",
            ), name
    assert not of_type(resolve(TEMPLATE, BARE), "AWS::Budgets::Budget")


def test_search_serverless_has_no_domain_to_watch() -> None:
    made = alarms(BARE | GROUPS["search"] | {"SearchKind": "serverless"})

    assert set(made) == set(alarms(BARE))


def test_the_budget_warns_the_operators_before_and_after() -> None:
    (budget,) = of_type(resolve(TEMPLATE, FULL[0]), "AWS::Budgets::Budget").values()
    warnings = budget["NotificationsWithSubscribers"]

    assert budget["Budget"]["BudgetLimit"] == {"Amount": "500", "Unit": "USD"}
    assert {
        (w["Notification"]["NotificationType"], w["Notification"]["Threshold"]) for w in warnings
    } == {
        ("ACTUAL", 80),
        ("ACTUAL", 100),
        ("FORECASTED", 100),
    }
    for warning in warnings:
        assert warning["Subscribers"] == [{"SubscriptionType": "SNS", "Address": OPERATORS}]


def test_the_dashboard_is_json_for_every_combination() -> None:
    assert len(COMBINATIONS) == 2 ** len(GROUPS) * len(DATABASES)
    for parameters in COMBINATIONS:
        widgets = dashboard(parameters)["widgets"]
        assert {widget["type"] for widget in widgets} == {"text", "metric", "alarm"}


@pytest.mark.parametrize("parameters", [BARE, *FULL])
def test_the_dashboard_shows_published_metrics_and_alarms_that_exist(
    parameters: dict[str, str],
) -> None:
    existing = {alarm["AlarmName"] for alarm in alarms(parameters).values()} | {ALARM_OF_THE_ROOT}
    shown: set[str] = set()

    for widget in dashboard(parameters)["widgets"]:
        assert 0 < widget["width"] <= 24
        for metric in metrics_of_widget(widget):
            check_published(*metric)
        shown |= {arn.rsplit(":", 1)[1] for arn in widget["properties"].get("alarms", [])}
    assert shown == existing


def test_the_dashboard_follows_a_study_from_upload_to_cost() -> None:
    for parameters in FULL[1:]:
        headings = [
            widget["properties"]["markdown"].split(".")[0].removeprefix("## ")
            for widget in dashboard(parameters)["widgets"]
            if widget["type"] == "text" and widget["properties"]["markdown"].startswith("## ")
        ]
        assert headings == ["1", "2", "3", "4", "4b", "5", "6", "7", "7b", "7c", "8", "9", "10"]


def test_the_functions_on_the_dashboard_are_those_given() -> None:
    expressions = [
        entry[0]["expression"]
        for widget in dashboard(BARE)["widgets"]
        for entry in widget["properties"].get("metrics", [])
        if isinstance(entry[0], dict) and "AWS/Lambda" in entry[0]["expression"]
    ]

    assert len(expressions) == 3
    for expression in expressions:
        assert 'FunctionName=("start-analysis-staging" OR "prepare-study-staging")' in expression


def test_a_search_for_all_functions_is_short_enough() -> None:
    names = ",".join(
        f"{path.parent.name.replace('_', '-')}-abcdefghijkl"
        for path in Path("functions").glob("*/app.py")
    )
    for widget in dashboard(BARE | {"FunctionNames": names})["widgets"]:
        for entry in widget["properties"].get("metrics", []):
            if isinstance(entry[0], dict):
                assert len(entry[0]["expression"]) <= 1024  # a limit of CloudWatch
