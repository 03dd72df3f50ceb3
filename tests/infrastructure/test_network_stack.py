"""What no linter sees in ``infrastructure/network.yaml``."""

import ipaddress
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from local_stack.intrinsics import TemplateError
from tests.infrastructure.stacks import check_rules, of_type, read, resolve

KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PARAMETERS = {"Stage": "staging", "KeyArn": KEY}
EGRESS = {"InternetEgress": "true"}
EVERYTHING = EGRESS | {
    "ZoneCount": "3",
    "EndpointZoneCount": "3",
    "NatGateways": "one-per-zone",
    "UseBedrock": "true",
}
CHOICES = [
    {},
    {"ZoneCount": "3", "EndpointZoneCount": "1"},
    {"NatGateways": "one-per-zone"},
    EGRESS,
    EGRESS | {"ZoneCount": "3"},
    EVERYTHING,
]
SUBNET_SIZES = {"10.40.0.0/16": 512, "10.40.32.0/19": 512, "10.40.0.0/20": 64, "10.40.4.0/22": 64}

Resources = dict[str, dict[str, Any]]


def made(**choice: str) -> Resources:
    """The resources of a choice, with the addresses that ``Fn::Cidr`` gives."""
    parameters = PARAMETERS | choice
    template = read("network")
    cidr = parameters.get("VpcCidr", template["Parameters"]["VpcCidr"]["Default"])
    large = int(cidr.split("/")[1]) <= 19
    return resolve(with_addresses(template, cidr, large), parameters)


def with_addresses(node: Any, cidr: str, large: bool) -> Any:
    if isinstance(node, dict):
        if set(node) == {"Fn::Cidr"}:
            assert node["Fn::Cidr"] == [
                {"Ref": "VpcCidr"},
                9,
                {"Fn::If": ["LargeRange", 9, 6]},
            ]
            pieces = ipaddress.ip_network(cidr).subnets(new_prefix=32 - (9 if large else 6))
            return [str(next(pieces)) for _ in range(9)]
        return {key: with_addresses(value, cidr, large) for key, value in node.items()}
    if isinstance(node, list):
        return [with_addresses(item, cidr, large) for item in node]
    return node


def destinations(resources: Resources, subnet: str) -> set[str]:
    """Where routes of a subnet lead, beside the VPC itself."""
    (table,) = (
        a["RouteTableId"]
        for a in of_type(resources, "AWS::EC2::SubnetRouteTableAssociation").values()
        if a["SubnetId"] == f"<{subnet}>"
    )
    routes = [
        r for r in of_type(resources, "AWS::EC2::Route").values() if r["RouteTableId"] == table
    ]
    gateways = [
        name
        for name, e in of_type(resources, "AWS::EC2::VPCEndpoint").items()
        if table in e.get("RouteTableIds", [])
    ]
    return {r.get("GatewayId") or r["NatGatewayId"] for r in routes} | set(gateways)


def interface_endpoints(resources: Resources) -> Resources:
    return {
        name: e
        for name, e in of_type(resources, "AWS::EC2::VPCEndpoint").items()
        if e["VpcEndpointType"] == "Interface"
    }


def services(resources: Resources) -> set[str]:
    endpoints = of_type(resources, "AWS::EC2::VPCEndpoint").values()
    return {e["ServiceName"].removeprefix("com.amazonaws.us-east-1.") for e in endpoints}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("choice", CHOICES)
def test_private_subnets_have_no_way_out(choice: dict[str, str]) -> None:
    resources = made(**choice)
    private = [name for name in of_type(resources, "AWS::EC2::Subnet") if "Private" in name]

    assert len(private) == int(choice.get("ZoneCount", "2"))
    for name in private:
        assert destinations(resources, name) == {"S3Endpoint", "DynamoDbEndpoint"}


@pytest.mark.parametrize("nat", ["one", "one-per-zone"])
def test_without_egress_nothing_reaches_the_internet(nat: str) -> None:
    kinds = {resource["Type"] for resource in made(NatGateways=nat).values()}

    assert not kinds & {
        "AWS::EC2::InternetGateway",
        "AWS::EC2::NatGateway",
        "AWS::EC2::EIP",
        "AWS::EC2::Route",
    }


@pytest.mark.parametrize(
    ("choice", "gateways"),
    [
        (EGRESS, ["<NatGateway1>", "<NatGateway1>"]),
        (EGRESS | {"NatGateways": "one-per-zone"}, ["<NatGateway1>", "<NatGateway2>"]),
        (EVERYTHING, ["<NatGateway1>", "<NatGateway2>", "<NatGateway3>"]),
    ],
)
def test_tasks_go_out_through_nat_in_public_subnets(
    choice: dict[str, str], gateways: list[str]
) -> None:
    resources = made(**choice)
    nat = of_type(resources, "AWS::EC2::NatGateway")

    for zone, gateway in enumerate(gateways, start=1):
        out = destinations(resources, f"EgressSubnet{zone}")
        assert out == {gateway, "S3Endpoint", "DynamoDbEndpoint"}
        assert destinations(resources, f"PublicSubnet{zone}") == {"<InternetGateway>"}
    assert {f"<{name}>" for name in nat} == set(gateways)
    for name, gateway_ in nat.items():
        assert gateway_["SubnetId"] == f"<PublicSubnet{name[-1]}>"


@pytest.mark.parametrize(("cidr", "size"), SUBNET_SIZES.items())
def test_subnets_lie_side_by_side_in_the_range_and_in_different_zones(cidr: str, size: int) -> None:
    subnets = of_type(made(VpcCidr=cidr, **EVERYTHING), "AWS::EC2::Subnet")
    networks = [ipaddress.ip_network(s["CidrBlock"]) for s in subnets.values()]

    assert len(networks) == 9
    assert all(n.num_addresses == size for n in networks)
    assert all(n.subnet_of(ipaddress.ip_network(cidr)) for n in networks)  # type: ignore[arg-type]
    assert len(set(networks)) == 9
    for kind in ("Private", "Egress", "Public"):
        assert len({s["AvailabilityZone"] for n, s in subnets.items() if kind in n}) == 3


def test_more_zones_move_no_subnet() -> None:
    two, three = (of_type(made(ZoneCount=n, **EGRESS), "AWS::EC2::Subnet") for n in ("2", "3"))

    assert len(two) == 6
    assert two.items() <= three.items()


@pytest.mark.parametrize("zones", ["1", "2", "3"])
def test_interface_endpoints_answer_to_the_usual_names_in_as_many_zones_as_paid_for(
    zones: str,
) -> None:
    endpoints = interface_endpoints(made(**EVERYTHING | {"EndpointZoneCount": zones}))

    assert len(endpoints) == 11
    for endpoint in endpoints.values():
        assert endpoint["PrivateDnsEnabled"] is True
        assert endpoint["SecurityGroupIds"] == ["<EndpointSecurityGroup.GroupId>"]
        assert endpoint["SubnetIds"] == [f"<PrivateSubnet{n + 1}>" for n in range(int(zones))]


def test_endpoints_are_made_for_what_is_used_only() -> None:
    always = {"s3", "dynamodb", "states", "sns", "sqs", "secretsmanager"}
    always |= {"sagemaker.runtime", "sagemaker.api"}

    assert services(made()) == always
    assert services(made(UseBedrock="true")) - always == {"bedrock", "bedrock-runtime"}
    assert services(made(**EGRESS)) - always == {"ecr.api", "ecr.dkr", "logs"}


@pytest.mark.parametrize("name", sorted(of_type(made(**EVERYTHING), "AWS::EC2::VPCEndpoint")))
def test_an_endpoint_serves_principals_of_the_account(name: str) -> None:
    statements = made(**EVERYTHING)[name]["Properties"]["PolicyDocument"]["Statement"]
    # Signed by AWS in its own name; each leads to one bucket of AWS and to one action.
    others = {"AnswersToCloudFormation": "s3:PutObject", "LayersOfImages": "s3:GetObject"}

    for statement in statements:
        assert statement["Effect"] == "Allow"
        assert "*" not in as_list(statement["Action"])
        if statement.get("Sid") in others:
            assert statement["Action"] == others[statement["Sid"]]
            assert "us-east-1" in statement["Resource"] or "useast1" in statement["Resource"]
        else:
            account = statement["Condition"]["StringEquals"]["aws:PrincipalAccount"]
            assert account == "123456789012"


def test_studies_cannot_be_copied_into_foreign_buckets() -> None:
    (own, *_) = made()["S3Endpoint"]["Properties"]["PolicyDocument"]["Statement"]

    assert own["Condition"]["StringEquals"]["aws:ResourceAccount"] == "123456789012"


def test_deployment_steps_reach_cloudformation() -> None:
    statements = made()["S3Endpoint"]["Properties"]["PolicyDocument"]["Statement"]
    bucket = "arn:aws:s3:::cloudformation-custom-resource-response-useast1/*"

    assert [s["Resource"] for s in statements] == ["*", bucket]


# ---- what the functions of the root call ---------------------------------------------------------

# Asked for in IAM, but no call of a function leaves for them: S3 and others use the key in the
# caller's name, tokens for the database are signed locally, search has its own way.
NOT_CALLED = {"kms", "rds-db", "es", "aoss"}
ENDPOINT_OF = {
    "s3": ["s3"],
    "dynamodb": ["dynamodb"],
    "states": ["states"],
    "sns": ["sns"],
    "sqs": ["sqs"],
    "secretsmanager": ["secretsmanager"],
    "sagemaker": ["sagemaker.runtime", "sagemaker.api"],
    "bedrock": ["bedrock-runtime", "bedrock"],
}


def actions_in(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "Action" in node:
            yield from as_list(node["Action"])
        for value in node.values():
            yield from actions_in(value)
    elif isinstance(node, list):
        for item in node:
            yield from actions_in(item)


def actions_of_functions() -> set[str]:
    """What functions in the VPC may do."""
    root = yaml_parse(Path("template.yaml").read_text(encoding="utf-8"))
    return {
        action
        for resource in root["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
        and "VpcConfig" not in resource["Properties"]
        for action in actions_in(resource["Properties"].get("Policies", []))
    }


def test_what_a_function_may_do_passes_its_endpoint() -> None:
    allowed: dict[str, list[str]] = {}
    for endpoint in of_type(made(UseBedrock="true"), "AWS::EC2::VPCEndpoint").values():
        service = endpoint["ServiceName"].removeprefix("com.amazonaws.us-east-1.")
        allowed[service] = list(actions_in(endpoint["PolicyDocument"]))
    actions = {a for a in actions_of_functions() if a.split(":")[0] not in NOT_CALLED}

    assert {"states:StartExecution", "sns:Publish", "s3:PutObject"} <= actions
    for action in actions:
        patterns = [p for s in ENDPOINT_OF[action.split(":")[0]] for p in allowed[s]]
        assert any(fnmatchcase(action, pattern) for pattern in patterns), action


# ---- groups and log ------------------------------------------------------------------------------


def test_functions_let_nothing_in_and_only_https_out() -> None:
    group = made()["FunctionSecurityGroup"]["Properties"]

    assert "SecurityGroupIngress" not in group
    assert [(r["FromPort"], r["ToPort"]) for r in group["SecurityGroupEgress"]] == [(443, 443)]


@pytest.mark.parametrize(("choice", "ranges"), [({}, 0), (EGRESS, 2), (EVERYTHING, 3)])
def test_endpoints_let_in_functions_and_tasks_only(choice: dict[str, str], ranges: int) -> None:
    resources = made(**choice)
    (rule,) = resources["EndpointSecurityGroup"]["Properties"]["SecurityGroupIngress"]
    added = of_type(resources, "AWS::EC2::SecurityGroupIngress").values()

    assert rule["SourceSecurityGroupId"] == "<FunctionSecurityGroup.GroupId>"
    assert {r["CidrIp"] for r in added} == {
        f"<EgressSubnet{n + 1}.CidrBlock>" for n in range(ranges)
    }
    assert all(r["FromPort"] == r["ToPort"] == 443 for r in [rule, *added])


def test_the_whole_traffic_is_logged_for_a_time_with_our_key() -> None:
    resources = made(LogRetentionDays="90")
    flow_log, group = (resources[n]["Properties"] for n in ("FlowLog", "FlowLogs"))
    role = resources["FlowLogRole"]["Properties"]
    (statement,) = role["Policies"][0]["PolicyDocument"]["Statement"]

    assert (flow_log["ResourceId"], flow_log["TrafficType"]) == ("<Vpc>", "ALL")
    assert flow_log["LogGroupName"] == "<FlowLogs>"
    assert (group["RetentionInDays"], group["KmsKeyId"]) == ("90", KEY)
    assert all(":log-group:<FlowLogs>" in resource for resource in statement["Resource"])


def test_roles_take_the_boundary_that_is_given() -> None:
    boundary = "arn:aws:iam::111122223333:policy/boundary"

    assert "PermissionsBoundary" not in made()["FlowLogRole"]["Properties"]
    role = made(PermissionsBoundaryArn=boundary)["FlowLogRole"]["Properties"]
    assert role["PermissionsBoundary"] == boundary


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        ({"EndpointZoneCount": "3"}, "EndpointZoneCount 3 needs ZoneCount 3"),
        ({"VpcCidr": "10.0.0.0/24"}, "from /16 to /22"),
        ({"VpcCidr": "10.0.0.0"}, "from /16 to /22"),
        ({"ZoneCount": "1"}, "2 or 3"),
        ({"KeyArn": "alias/mri"}, "ARN of a KMS key"),
        ({"PermissionsBoundaryArn": "boundary"}, "managed policy"),
    ],
)
def test_wrong_parameters_are_refused_in_words(choice: dict[str, str], sentence: str) -> None:
    with pytest.raises(TemplateError, match=sentence):
        check_rules(read("network"), PARAMETERS | choice)


@pytest.mark.parametrize("choice", CHOICES)
def test_right_parameters_are_taken(choice: dict[str, str]) -> None:
    check_rules(read("network"), PARAMETERS | choice)
