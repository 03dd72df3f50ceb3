"""What no linter sees in ``infrastructure/models.yaml``."""

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from local_stack.intrinsics import TemplateError
from mri_analysis.keys import StudyKeys
from mri_segmentation.server import THREADS_VARIABLE
from tests.infrastructure.stacks import of_type, read, resolve

TEMPLATE = read("models")
REGISTRY = "111122223333.dkr.ecr.eu-central-1.amazonaws.com"
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SUCCEEDED, FAILED, OPERATORS = (
    f"arn:aws:sns:eu-central-1:111122223333:{name}" for name in ("succeeded", "failed", "operators")
)
NOTHING = {
    "Stage": "staging",
    "KeyArn": KEY,
    "ResultsBucketName": "results-bucket",
    "SucceededTopicArn": SUCCEEDED,
    "FailedTopicArn": FAILED,
    "OperationsTopicArn": OPERATORS,
    "VisionLanguageModelDataUrl": "",
}
SEGMENTATION = {"SegmentationImageUri": f"{REGISTRY}/mri-segmentation:3f2a91c"}
CHALLENGER = {
    "SegmentationChallengerImageUri": f"{REGISTRY}/mri-segmentation-next@sha256:{'a' * 64}",
    "SegmentationChallengerWeight": "10",
}
VISION = {
    "VisionLanguageImageUri": "763104351884.dkr.ecr.eu-central-1.amazonaws.com/vllm:server-1",
    "VisionLanguageModelDataUrl": "s3://weights-bucket/vision/1/",
}
ALL = resolve(TEMPLATE, NOTHING | SEGMENTATION | CHALLENGER | VISION)
STACKS = ["Segmentation", "Challenger", "VisionLanguage"]
ROLES = sorted(of_type(ALL, "AWS::IAM::Role"))
KEYS = StudyKeys("hospital", "job")

# Actions that know no resources (service authorization reference).
_KNOW_NO_RESOURCES = {
    "ecr:GetAuthorizationToken",
    "cloudwatch:PutMetricData",
}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(resources: dict[str, dict[str, Any]], role: str) -> list[dict[str, Any]]:
    (policy,) = resources[role]["Properties"]["Policies"]
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


def may(role: str, action: str, resource: str) -> bool:
    """Whether a role is allowed this, conditions aside."""
    return any(
        action in as_list(statement["Action"])
        and any(fnmatchcase(resource, pattern) for pattern in as_list(statement["Resource"]))
        for statement in statements(ALL, role)
    )


def endpoint_name(stack: str) -> str:
    name: str = ALL[f"{stack}Endpoint"]["Properties"]["EndpointName"]
    return name


@pytest.mark.parametrize(
    ("parameters", "stacks"),
    [
        ({}, set()),
        (SEGMENTATION, {"Segmentation"}),
        (CHALLENGER, set()),
        (SEGMENTATION | CHALLENGER, {"Segmentation", "Challenger"}),
        (VISION, {"VisionLanguage"}),
        (SEGMENTATION | VISION, {"Segmentation", "VisionLanguage"}),
    ],
)
def test_an_endpoint_exists_where_its_image_is_given(
    parameters: dict[str, str], stacks: set[str]
) -> None:
    made = resolve(TEMPLATE, NOTHING | parameters)

    assert set(of_type(made, "AWS::SageMaker::Endpoint")) == {f"{name}Endpoint" for name in stacks}
    assert {name for name in made if not name.startswith(tuple(STACKS))} == set()
    assert bool(made) == bool(stacks)


@pytest.mark.parametrize("stack", STACKS)
def test_an_endpoint_is_asynchronous_with_one_variant_and_our_key(stack: str) -> None:
    config = ALL[f"{stack}EndpointConfig"]["Properties"]
    output = config["AsyncInferenceConfig"]["OutputConfig"]

    assert [v["VariantName"] for v in config["ProductionVariants"]] == ["primary"]
    assert config["ProductionVariants"][0]["ModelName"] == f"<{stack}Model.ModelName>"
    assert output["S3OutputPath"] == "s3://results-bucket/inference/"
    assert output["S3FailurePath"].startswith(output["S3OutputPath"])
    assert output["KmsKeyId"] == KEY
    assert output["NotificationConfig"] == {"SuccessTopic": SUCCEEDED, "ErrorTopic": FAILED}


def test_the_callback_may_read_where_answers_are_stored() -> None:
    root = Path("template.yaml").read_text(encoding="utf-8")

    assert '"${ResultsBucket.Arn}/inference/*"' in root
    assert "Prefix: inference/" in root  # ... and they do not pile up


def test_one_study_at_a_time_as_the_server_works() -> None:
    for stack in ("Segmentation", "Challenger"):
        client = ALL[f"{stack}EndpointConfig"]["Properties"]["AsyncInferenceConfig"]["ClientConfig"]
        assert client == {"MaxConcurrentInvocationsPerInstance": 1}


def test_names_of_what_is_replaced_are_left_to_cloudformation() -> None:
    for kind, name in (("Model", "ModelName"), ("EndpointConfig", "EndpointConfigName")):
        for properties in of_type(ALL, f"AWS::SageMaker::{kind}").values():
            assert name not in properties


@pytest.mark.parametrize("stack", STACKS)
def test_an_idle_endpoint_scales_to_zero_and_back(stack: str) -> None:
    target = ALL[f"{stack}Scaling"]["Properties"]
    follow = ALL[f"{stack}FollowBacklog"]["Properties"]
    leave = ALL[f"{stack}LeaveZero"]["Properties"]
    alarm = ALL[f"{stack}WaitingAlarm"]["Properties"]
    by_endpoint = [{"Name": "EndpointName", "Value": endpoint_name(stack)}]
    metric = follow["TargetTrackingScalingPolicyConfiguration"]["CustomizedMetricSpecification"]
    steps = leave["StepScalingPolicyConfiguration"]

    assert target["MinCapacity"] == 0
    assert target["ResourceId"] == f"endpoint/{endpoint_name(stack)}/variant/primary"
    assert ALL[f"{stack}Scaling"]["DependsOn"] == f"{stack}Endpoint"
    assert (metric["MetricName"], metric["Dimensions"]) == (
        "ApproximateBacklogSizePerInstance",
        by_endpoint,
    )
    assert follow["ScalingTargetId"] == leave["ScalingTargetId"] == f"<{stack}Scaling>"
    assert (steps["AdjustmentType"], steps["StepAdjustments"]) == (
        "ExactCapacity",
        [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
    )
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Dimensions"]) == (
        "AWS/SageMaker",
        "HasBacklogWithoutCapacity",
        by_endpoint,
    )
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanOrEqualToThreshold", 1)
    assert alarm["AlarmActions"] == [f"<{stack}LeaveZero>"]


@pytest.mark.parametrize("stack", STACKS)
def test_a_bad_deployment_is_rolled_back_by_alarms_of_its_endpoint(stack: str) -> None:
    properties = ALL[f"{stack}Endpoint"]["Properties"]
    deployment = properties["DeploymentConfig"]
    policy = deployment["BlueGreenUpdatePolicy"]
    waits = (
        policy["TerminationWaitInSeconds"]
        + policy["TrafficRoutingConfiguration"]["WaitIntervalInSeconds"]
    )
    alarms = [a["AlarmName"].strip("<>") for a in deployment["AutoRollbackConfiguration"]["Alarms"]]

    assert properties["RetainAllVariantProperties"] is False
    assert 0 < waits < policy["MaximumExecutionTimeoutInSeconds"]
    # An alarm must be able to sound while the new fleet is watched.
    assert policy["TrafficRoutingConfiguration"]["WaitIntervalInSeconds"] > 60
    assert alarms
    for name in alarms:
        alarm = ALL[name]["Properties"]
        assert {d["Name"]: d["Value"] for d in alarm["Dimensions"]} == {
            "EndpointName": endpoint_name(stack),
            "VariantName": "primary",
        }
        assert alarm["AlarmActions"] == alarm["OKActions"] == [OPERATORS]
        arn = f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{alarm['AlarmName']}"
        role = "VisionLanguageRole" if stack == "VisionLanguage" else "SegmentationRole"
        assert may(role, "cloudwatch:DescribeAlarms", arn)


def test_an_alarm_says_what_it_means_and_where_to_read_on() -> None:
    for alarm in of_type(ALL, "AWS::CloudWatch::Alarm").values():
        what = alarm["AlarmName"].removeprefix("mri-").removesuffix("-staging")
        section = re.sub(
            r"^(segmentation-challenger|segmentation|vision-language)", "endpoint", what
        )
        assert f"docs/deploy.md#alarm-{section}." in alarm["AlarmDescription"]


def test_each_challenger_is_an_endpoint_of_its_own_that_tells_its_share() -> None:
    outputs = TEMPLATE["Outputs"]

    assert endpoint_name("Challenger") == f"{endpoint_name('Segmentation')}-challenger"
    assert outputs["SegmentationChallengerWeight"]["Value"] == {
        "Ref": "SegmentationChallengerWeight"
    }
    model = ALL["ChallengerModel"]["Properties"]["PrimaryContainer"]
    assert model["Image"] == CHALLENGER["SegmentationChallengerImageUri"]


def test_the_segmentation_container_gets_what_its_server_reads() -> None:
    for stack in ("Segmentation", "Challenger"):
        environment = ALL[f"{stack}Model"]["Properties"]["PrimaryContainer"]["Environment"]
        assert int(environment[THREADS_VARIABLE]) > 0


def test_no_container_reaches_a_network_or_the_account() -> None:
    """An isolated container has neither; SageMaker hands it the input and stores the answer."""
    for stack in STACKS:
        model = ALL[f"{stack}Model"]["Properties"]
        assert model["EnableNetworkIsolation"] is True
        assert not [v for v in model["PrimaryContainer"]["Environment"] if v.startswith("AWS_")]


@pytest.mark.parametrize("role", ROLES)
def test_role_names_actions_and_resources(role: str) -> None:
    for statement in statements(ALL, role):
        actions = as_list(statement["Action"])
        assert not [action for action in actions if "*" in action]
        if "*" in as_list(statement["Resource"]):
            assert set(actions) <= _KNOW_NO_RESOURCES


@pytest.mark.parametrize(
    ("role", "action", "key", "allowed"),
    [
        ("SegmentationRole", "s3:GetObject", KEYS.prepared_image, True),
        ("SegmentationRole", "s3:PutObject", KEYS.results + "labels.nii.gz", False),
        ("SegmentationRole", "s3:PutObject", "inference/answer.out", True),
        ("SegmentationRole", "s3:GetObject", KEYS.upload, False),
        ("SegmentationRole", "s3:GetObject", KEYS.report, False),
        ("SegmentationRole", "s3:PutObject", KEYS.prepared_image, False),
        ("SegmentationRole", "s3:DeleteObject", KEYS.report, False),
        ("VisionLanguageRole", "s3:GetObject", "inference/requests/one.json", True),
        ("VisionLanguageRole", "s3:PutObject", "inference/answer.out", True),
        ("VisionLanguageRole", "s3:GetObject", KEYS.prepared_image, False),
        ("VisionLanguageRole", "s3:GetObject", KEYS.report, False),
        ("VisionLanguageRole", "s3:PutObject", KEYS.report, False),
    ],
)
def test_role_reaches_the_keys_of_its_work_and_no_others(
    role: str, action: str, key: str, allowed: bool
) -> None:
    assert may(role, action, f"arn:aws:s3:::results-bucket/{key}") is allowed
    assert not may(role, action, f"arn:aws:s3:::other-bucket/{key}")


def test_role_reads_the_model_and_nothing_beside_it() -> None:
    assert may("VisionLanguageRole", "s3:GetObject", "arn:aws:s3:::weights-bucket/vision/1/a.bin")
    assert may("VisionLanguageRole", "s3:ListBucket", "arn:aws:s3:::weights-bucket")
    assert not may("VisionLanguageRole", "s3:GetObject", "arn:aws:s3:::weights-bucket/vision/2/a")


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        (f"{REGISTRY}/mri-segmentation:1.2.0", "mri-segmentation"),
        (f"{REGISTRY}/mri/segmentation:1.2.0", "mri/segmentation"),
        (f"{REGISTRY}/mri-segmentation@sha256:{'0' * 64}", "mri-segmentation"),
        (f"{REGISTRY}/mri-segmentation:1@sha256:{'0' * 64}", "mri-segmentation"),
    ],
)
def test_role_pulls_from_the_repository_of_its_image(image: str, repository: str) -> None:
    made = resolve(TEMPLATE, NOTHING | {"SegmentationImageUri": image})
    (pull,) = (
        s for s in statements(made, "SegmentationRole") if "ecr:BatchGetImage" in s["Action"]
    )

    assert pull["Resource"] == [f"arn:aws:ecr:eu-central-1:111122223333:repository/{repository}"]


def test_role_pulls_the_challenger_too_where_there_is_one() -> None:
    repositories = "arn:aws:ecr:eu-central-1:111122223333:repository/"

    assert may("SegmentationRole", "ecr:BatchGetImage", repositories + "mri-segmentation-next")
    assert not may("SegmentationRole", "ecr:BatchGetImage", repositories + "another")


@pytest.mark.parametrize("role", ROLES)
def test_role_uses_the_key_for_storage_and_topics_only(role: str) -> None:
    for statement in statements(ALL, role):
        actions = set(as_list(statement["Action"]))
        if actions & {"kms:Decrypt", "kms:GenerateDataKey"}:
            (services,) = statement["Condition"]["StringEquals"].values()
            assert services == ["s3.us-east-1.amazonaws.com", "sns.us-east-1.amazonaws.com"]
        if "kms:CreateGrant" in actions:
            assert statement["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}
        if any(action.startswith("kms:") for action in actions):
            assert statement["Resource"] == KEY


@pytest.mark.parametrize("role", ROLES)
def test_role_publishes_to_the_two_topics_only(role: str) -> None:
    (publish,) = (s for s in statements(ALL, role) if s["Action"] == "sns:Publish")

    assert publish["Resource"] == [SUCCEEDED, FAILED]


@pytest.mark.parametrize("stack", STACKS)
def test_logs_are_kept_for_a_time_with_our_key_and_written_by_the_role(stack: str) -> None:
    group = ALL[f"{stack}Logs"]["Properties"]
    role = ALL[f"{stack}Model"]["Properties"]["ExecutionRoleArn"].strip("<>").split(".")[0]
    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{group['LogGroupName']}:log-stream:a"

    assert group["LogGroupName"] == f"/aws/sagemaker/Endpoints/{endpoint_name(stack)}"
    assert ALL[f"{stack}Endpoint"]["DependsOn"] == f"{stack}Logs"
    assert int(group["RetentionInDays"]) > 0
    assert group["KmsKeyId"] == KEY
    assert may(role, "logs:PutLogEvents", arn)


def test_a_volume_key_is_given_exactly_where_the_instance_takes_one() -> None:
    """SageMaker refuses a key for instances with disks of their own: g, p and d types."""
    with_key = ALL["SegmentationEndpointConfig"]["Properties"]
    without = ALL["VisionLanguageEndpointConfig"]

    assert with_key["KmsKeyId"] == KEY
    assert "KmsKeyId" not in without["Properties"]
    (skip,) = without["Metadata"]["guard"]["SuppressedRules"]
    assert skip["comment"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SegmentationImageUri", "mri-segmentation:latest"),
        ("SegmentationImageUri", f"{REGISTRY}/mri-segmentation"),
        ("SegmentationImageUri", f"{REGISTRY}.cn/mri-segmentation:1"),
        ("SegmentationInstanceType", "ml.g5.xlarge"),
        ("SegmentationInstanceType", "ml.m5d.xlarge"),
        ("SegmentationInstanceType", "ml.m7g.xlarge"),
        ("SegmentationInstanceType", "m5.xlarge"),
        ("SegmentationMaxInstances", "0"),
        ("SegmentationChallengerWeight", "101"),
        ("VisionLanguageInstanceType", "ml.m5.xlarge"),
        ("VisionLanguageModelDataUrl", "s3://weights-bucket/vision/1"),
        ("VisionLanguageModelDataUrl", "https://hub/vision/"),
        ("KeyArn", "alias/aws/s3"),
        ("Stage", "Prod"),
    ],
)
def test_a_wrong_parameter_stops_before_anything_is_made(name: str, value: str) -> None:
    with pytest.raises(TemplateError, match=name):
        resolve(TEMPLATE, NOTHING | SEGMENTATION | {name: value})


def test_rules_refuse_half_of_a_pair() -> None:
    rules = TEMPLATE["Rules"]

    asserted = {
        a["Assert"]["Fn::Not"][0]["Fn::Equals"][0]["Ref"]
        for rule in rules.values()
        for a in rule["Assertions"]
    }
    assert asserted == {
        "SegmentationImageUri",
        "VisionLanguageModelDataUrl",
    }
