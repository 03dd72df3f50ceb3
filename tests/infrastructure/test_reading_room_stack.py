"""What no linter sees in ``infrastructure/reading_room.yaml``."""

import json
from typing import Any

import pytest

from local_stack.intrinsics import TemplateError
from tests.infrastructure.stacks import of_type, read, resolve

TEMPLATE = read("reading_room")
REGISTRY = "111122223333.dkr.ecr.eu-central-1.amazonaws.com"
PARAMETERS = {
    "Stage": "staging",
    "KeyArn": "arn:aws:kms:eu-central-1:111122223333:key/1234abcd",
    "VpcId": "vpc-0a1b2c",
    "PublicSubnetIds": "subnet-1,subnet-2",
    "PrivateSubnetIds": "subnet-3,subnet-4",
    "CertificateArn": "arn:aws:acm:eu-central-1:111122223333:certificate/1",
    "ImageUri": f"{REGISTRY}/mri-reading-room:{'a1' * 20}",
    "ApiUrl": "https://api.example/staging",
    "WebSocketUrl": "wss://live.example/staging",
    "UserPoolId": "eu-central-1_AbCdEfGhI",
    "UserPoolClientId": "1h57kf5cpq17m0eml12EXAMPLE",
    "UserPoolClientSecret": "a secret of the client",
    "UserPoolDomain": "mri.auth.eu-central-1.amazoncognito.com",
    "DomainName": "mri.hospital.example",
    "OperationsTopicArn": "arn:aws:sns:eu-central-1:111122223333:mri-operations-staging",
    "LogsBucketName": "mri-access-logs",
}
RESOURCES = resolve(TEMPLATE, PARAMETERS)
SERVICE: dict[str, Any] = RESOURCES["Service"]["Properties"]
TASK: dict[str, Any] = RESOURCES["TaskDefinition"]["Properties"]
(CONTAINER,) = TASK["ContainerDefinitions"]
GROUPS = of_type(RESOURCES, "AWS::ElasticLoadBalancingV2::TargetGroup")


def attributes(properties: dict[str, Any], name: str) -> dict[str, str]:
    return {entry["Key"]: entry["Value"] for entry in properties[name]}


def statements(role: str) -> list[dict[str, Any]]:
    policies = RESOURCES[role]["Properties"].get("Policies", [])
    return [s for policy in policies for s in policy["PolicyDocument"]["Statement"]]


def test_only_https_reaches_the_application() -> None:
    listeners = of_type(RESOURCES, "AWS::ElasticLoadBalancingV2::Listener")
    plain = [name for name, listener in listeners.items() if listener["Protocol"] != "HTTPS"]
    forwards = [
        r["ListenerArn"]
        for r in of_type(RESOURCES, "AWS::ElasticLoadBalancingV2::ListenerRule").values()
    ]

    assert plain == ["RedirectListener"]
    (redirect,) = listeners["RedirectListener"]["DefaultActions"]
    assert (redirect["Type"], redirect["RedirectConfig"]["Protocol"]) == ("redirect", "HTTPS")
    for name in listeners.keys() - {"RedirectListener"}:
        # TLS 1.2 and 1.3, no older one
        assert listeners[name]["SslPolicy"].startswith("ELBSecurityPolicy-TLS13-1-2-")
        assert [action["Type"] for action in listeners[name]["DefaultActions"]] == [
            "fixed-response"
        ]
    assert sorted(forwards) == ["<ProductionListener>", "<TestListener>"]


def test_load_balancer_keeps_a_page_open_and_writes_its_log() -> None:
    balancer = RESOURCES["LoadBalancer"]["Properties"]
    found = attributes(balancer, "LoadBalancerAttributes")

    assert found["deletion_protection.enabled"] == "true"
    assert found["routing.http.drop_invalid_header_fields.enabled"] == "true"
    assert found["access_logs.s3.enabled"] == "true"
    assert found["access_logs.s3.bucket"] == "mri-access-logs"
    assert int(found["idle_timeout.timeout_seconds"]) >= 300


@pytest.mark.parametrize("name", GROUPS)
def test_browser_finds_its_session_again_in_either_group(name: str) -> None:
    found = attributes(GROUPS[name], "TargetGroupAttributes")

    assert (found["stickiness.enabled"], found["stickiness.type"]) == ("true", "lb_cookie")
    assert GROUPS[name]["HealthCheckPath"] == "/_stcore/health"
    assert (GROUPS[name]["TargetType"], GROUPS[name]["Port"]) == ("ip", 8501)


@pytest.mark.parametrize("stage", ["dev", "a23456789012"])
def test_names_fit_into_32_characters(stage: str) -> None:
    for kind in ("LoadBalancer", "TargetGroup"):
        resources = resolve(TEMPLATE, PARAMETERS | {"Stage": stage})
        for properties in of_type(resources, f"AWS::ElasticLoadBalancingV2::{kind}").values():
            assert stage in properties["Name"]
            assert len(properties["Name"]) <= 32


def test_new_version_is_shifted_by_ecs_and_turned_back_by_alarms() -> None:
    deployment = SERVICE["DeploymentConfiguration"]
    (balancer,) = SERVICE["LoadBalancers"]
    advanced = balancer["AdvancedConfiguration"]

    assert deployment["Strategy"] == "BLUE_GREEN"
    assert deployment["BakeTimeInMinutes"] >= 5
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert deployment["Alarms"]["Enable"] is deployment["Alarms"]["Rollback"] is True
    alarms = of_type(RESOURCES, "AWS::CloudWatch::Alarm")
    assert sorted(deployment["Alarms"]["AlarmNames"]) == sorted(f"<{name}>" for name in alarms)
    assert {balancer["TargetGroupArn"], advanced["AlternateTargetGroupArn"]} == {
        f"<{name}>" for name in GROUPS
    }
    assert advanced["ProductionListenerRule"] == "<ProductionRule>"
    assert advanced["TestListenerRule"] == "<TestRule>"
    assert advanced["RoleArn"] == "<DeploymentRole.Arn>"
    assert "DeploymentController" not in SERVICE


@pytest.mark.parametrize("rule", ["ProductionRule", "TestRule"])
def test_rules_know_both_groups_and_nothing_but_forwarding(rule: str) -> None:
    # ECS refuses rules with other actions, and moves the weights of the groups it finds.
    (action,) = RESOURCES[rule]["Properties"]["Actions"]
    found = {group["TargetGroupArn"] for group in action["ForwardConfig"]["TargetGroups"]}

    assert action["Type"] == "forward"
    assert found == {"<BlueTargetGroup>", "<GreenTargetGroup>"}


def test_alarms_count_both_groups_and_have_an_action() -> None:
    alarms = of_type(RESOURCES, "AWS::CloudWatch::Alarm")

    for alarm in alarms.values():
        assert alarm["AlarmActions"] == [PARAMETERS["OperationsTopicArn"]]
        assert alarm["TreatMissingData"] == "notBreaching"
    text = json.dumps(alarms["UnhealthyTasksAlarm"])
    assert all(f"<{name}.TargetGroupFullName>" in text for name in GROUPS)


def test_container_can_change_nothing_but_its_volume() -> None:
    assert CONTAINER["ReadonlyRootFilesystem"] is True
    assert CONTAINER["User"] not in ("", "0", "root")
    assert CONTAINER["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert [m["ContainerPath"] for m in CONTAINER["MountPoints"]] == ["/tmp"]
    assert SERVICE["EnableExecuteCommand"] is False


def test_tasks_are_reached_by_the_load_balancer_alone() -> None:
    network = SERVICE["NetworkConfiguration"]["AwsvpcConfiguration"]
    (ingress,) = RESOURCES["TaskSecurityGroup"]["Properties"]["SecurityGroupIngress"]

    assert network["AssignPublicIp"] == "DISABLED"
    assert network["Subnets"] == ["subnet-3", "subnet-4"]
    assert ingress["SourceSecurityGroupId"] == "<LoadBalancerSecurityGroup.GroupId>"
    assert (ingress["FromPort"], ingress["ToPort"]) == (8501, 8501)


@pytest.mark.parametrize("given", ["", "10.0.0.0/8"])
def test_new_version_is_shown_to_nobody_unless_asked(given: str) -> None:
    resources = resolve(TEMPLATE, PARAMETERS | {"TestClientCidr": given})
    always = resources["LoadBalancerSecurityGroup"]["Properties"]["SecurityGroupIngress"]
    asked = of_type(resources, "AWS::EC2::SecurityGroupIngress").values()

    assert {entry["FromPort"] for entry in always} == {80, 443}
    assert [(entry["FromPort"], entry["CidrIp"]) for entry in asked] == (
        [(8443, given)] if given else []
    )


def test_secrets_stand_in_no_variable_and_no_other_place() -> None:
    secret = RESOURCES["SignInSecret"]["Properties"]
    variables = {entry["Name"] for entry in CONTAINER["Environment"]}

    assert secret["KmsKeyId"] == PARAMETERS["KeyArn"]
    assert not [name for name in variables if "SECRET" in name or "PASSWORD" in name]
    assert {entry["Name"]: entry["ValueFrom"] for entry in CONTAINER["Secrets"]} == {
        "AUTH_COOKIE_SECRET": "<SignInSecret>:cookie_secret::",
        "AUTH_CLIENT_ID": "<SignInSecret>:client_id::",
        "AUTH_CLIENT_SECRET": "<SignInSecret>:client_secret::",
    }
    # The keys that the task asks for are the ones that the secret has.
    generated = secret["GenerateSecretString"]
    keys = {*json.loads(generated["SecretStringTemplate"]), generated["GenerateStringKey"]}
    assert keys == {"client_id", "client_secret", "cookie_secret"}
    assert TEMPLATE["Parameters"]["UserPoolClientSecret"]["NoEcho"] is True
    without = {name: r for name, r in RESOURCES.items() if name != "SignInSecret"}
    assert PARAMETERS["UserPoolClientSecret"] not in json.dumps([without, TEMPLATE["Outputs"]])


def test_the_application_itself_may_call_no_aws_service() -> None:
    assert statements("TaskRole") == []
    assert "ManagedPolicyArns" not in RESOURCES["TaskRole"]["Properties"]


@pytest.mark.parametrize("role", ["ExecutionRole", "DeploymentRole"])
def test_any_resource_only_where_the_action_knows_none(role: str) -> None:
    for statement in statements(role):
        actions = statement["Action"]
        for action in actions if isinstance(actions, list) else [actions]:
            assert "*" not in action
            if statement["Resource"] == "*":
                assert action == "ecr:GetAuthorizationToken" or ":Describe" in action


def test_image_is_pulled_from_the_registry_of_its_address() -> None:
    (pull,) = [s for s in statements("ExecutionRole") if "ecr:BatchGetImage" in s["Action"]]

    assert ":111122223333:repository/mri-reading-room" in pull["Resource"]


@pytest.mark.parametrize("role", of_type(RESOURCES, "AWS::IAM::Role"))
def test_roles_carry_the_boundary_where_one_is_given(role: str) -> None:
    boundary = "arn:aws:iam::111122223333:policy/boundary"
    bounded = resolve(TEMPLATE, PARAMETERS | {"PermissionsBoundaryArn": boundary})

    assert bounded[role]["Properties"]["PermissionsBoundary"] == boundary
    assert "PermissionsBoundary" not in RESOURCES[role]["Properties"]


def test_logs_are_encrypted_and_end() -> None:
    logs = RESOURCES["Logs"]["Properties"]

    assert logs["KmsKeyId"] == PARAMETERS["KeyArn"]
    assert logs["RetentionInDays"]
    assert CONTAINER["LogConfiguration"]["Options"]["awslogs-group"] == "<Logs>"


def test_scaling_keeps_the_wanted_number_at_least() -> None:
    target = RESOURCES["ScalableTarget"]["Properties"]
    policy = RESOURCES["ScalingPolicy"]["Properties"]["TargetTrackingScalingPolicyConfiguration"]

    assert target["MinCapacity"] == SERVICE["DesiredCount"]
    assert int(target["MinCapacity"]) < int(target["MaxCapacity"])
    assert target["ResourceId"] == "service/<Cluster>/<Service.Name>"
    assert "CPU" in policy["PredefinedMetricSpecification"]["PredefinedMetricType"]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("ImageUri", f"{REGISTRY}/mri-reading-room:latest"),
        ("ImageUri", "docker.io/library/python:3.13"),
        ("ApiUrl", "http://api.example"),
        ("WebSocketUrl", "ws://live.example"),
        ("DomainName", "localhost"),
        ("CertificateArn", "mine"),
        ("ClientCidr", "everywhere"),
    ],
)
def test_wrong_parameters_are_refused_with_a_sentence(name: str, wrong: str) -> None:
    with pytest.raises(TemplateError, match=name):
        resolve(TEMPLATE, PARAMETERS | {name: wrong})
