"""What no linter sees in ``infrastructure/search.yaml``."""

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest
from cfnlint.api import ManualArgs, lint

from local_stack.intrinsics import TemplateError
from tests.infrastructure.stacks import check_rules, of_type, read, resolve

TEMPLATE = read("search")
KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
CLIENTS = "sg-0123456789abcdef0"
SUBNETS = [f"subnet-0123456789abcdef{n}" for n in range(3)]
READERS = [f"arn:aws:iam::111122223333:role/{name}" for name in ("reports", "check")]
WRITER = "arn:aws:iam::111122223333:role/ingest"
ADMIN = "arn:aws:iam::111122223333:role/security"
PARAMETERS = {
    "Stage": "staging",
    "VpcId": "vpc-0123456789abcdef0",
    "SubnetIds": ",".join(SUBNETS),
    "ClientSecurityGroupId": CLIENTS,
    "KeyArn": KEY,
    "ReaderRoleArns": ",".join(READERS),
}
DOMAIN = {"Kind": "domain"}
SERVERLESS = {"Kind": "serverless"}
WRITERS = {"WriterRoleArns": WRITER}
AUDITED = {"SecurityAdminRoleArn": ADMIN}
CHOICES = [
    DOMAIN,
    DOMAIN | WRITERS | AUDITED | {"CreateServiceLinkedRole": "true", "InstanceCount": "2"},
    DOMAIN | {"InstanceType": "m7g.medium.search", "InstanceCount": "2"},
    SERVERLESS,
    SERVERLESS | WRITERS,
]

Resources = dict[str, dict[str, Any]]


def made(choice: dict[str, str]) -> Resources:
    return resolve(TEMPLATE, PARAMETERS | choice)


def policy(resources: Resources, name: str) -> Any:
    return json.loads(resources[name]["Properties"]["Policy"])


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def may(resources: Resources, role: str, action: str, path: str) -> bool:
    """Whether the access policy of the domain allows a role this."""
    arn = f"arn:aws:es:us-east-1:123456789012:domain/mri-knowledge-staging{path}"
    return any(
        role in as_list(statement["Principal"]["AWS"])
        and action in as_list(statement["Action"])
        and any(fnmatchcase(arn, pattern) for pattern in as_list(statement["Resource"]))
        for statement in resources["Domain"]["Properties"]["AccessPolicies"]["Statement"]
    )


@pytest.mark.parametrize("choice", CHOICES)
def test_values_are_those_that_the_services_know(choice: dict[str, str]) -> None:
    """cfn-lint looks through no parameter: so it gets values."""
    body = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": made(choice)}
    found = lint(json.dumps(body), config=ManualArgs(regions=["us-east-1"]))

    # Placeholders of other resources have no right form.
    assert not [str(match) for match in found if "<" not in match.message]


@pytest.mark.parametrize("choice", CHOICES)
def test_a_kind_makes_its_own_service_only(choice: dict[str, str]) -> None:
    kinds = {resource["Type"] for resource in made(choice).values()}

    serverless = {kind for kind in kinds if kind.startswith("AWS::OpenSearchServerless")}
    assert ("AWS::OpenSearchService::Domain" in kinds) is (choice["Kind"] == "domain")
    assert bool(serverless) is (choice["Kind"] == "serverless")


@pytest.mark.parametrize("choice", CHOICES)
def test_only_functions_come_in_over_https(choice: dict[str, str]) -> None:
    resources = made(choice)
    group = resources["SecurityGroup"]["Properties"]
    (rule,) = group["SecurityGroupIngress"]

    assert (rule["SourceSecurityGroupId"], rule["FromPort"], rule["ToPort"]) == (CLIENTS, 443, 443)
    assert [r["CidrIp"] for r in group["SecurityGroupEgress"]] == ["127.0.0.1/32"]
    behind = [r for r in resources.values() if "SecurityGroup.GroupId" in json.dumps(r)]
    assert [r["Type"] for r in behind] == [
        "AWS::OpenSearchService::Domain" if choice["Kind"] == "domain" else "AWS::EC2::VPCEndpoint"
    ]


# ---- domain --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("nodes", "zones"), [("1", 1), ("2", 2), ("6", 2)])
def test_nodes_stand_in_as_many_subnets_as_zones(nodes: str, zones: int) -> None:
    domain = made(DOMAIN | {"InstanceCount": nodes})["Domain"]["Properties"]
    cluster = domain["ClusterConfig"]

    assert domain["VPCOptions"]["SubnetIds"] == SUBNETS[:zones]
    assert cluster["ZoneAwarenessEnabled"] is (zones == 2)
    # OpenSearch wants it left out where there is one zone.
    assert cluster.get("ZoneAwarenessConfig") == (
        {"AvailabilityZoneCount": 2} if zones > 1 else None
    )


def test_a_new_version_upgrades_the_domain_in_place() -> None:
    assert made(DOMAIN)["Domain"]["UpdatePolicy"] == {"EnableVersionUpgrade": True}


@pytest.mark.parametrize(
    ("action", "path", "allowed"),
    [
        ("es:ESHttpPost", "/mri-knowledge/_search", True),
        ("es:ESHttpGet", "/mri-knowledge/_count", True),
        ("es:ESHttpPost", "/mri-knowledge-2026-11/_msearch", True),
        ("es:ESHttpGet", "/mri-knowledge/_mapping", True),
        ("es:ESHttpHead", "/mri-knowledge", True),
        ("es:ESHttpPost", "/mri-knowledge/_doc", False),
        ("es:ESHttpPost", "/mri-knowledge/_delete_by_query", False),
        ("es:ESHttpPost", "/_bulk", False),
        ("es:ESHttpPut", "/mri-knowledge", False),
        ("es:ESHttpDelete", "/mri-knowledge", False),
        ("es:ESHttpGet", "/_cat/indices", False),
        ("es:ESHttpGet", "/other/_search", False),
    ],
)
def test_readers_search_and_no_more(action: str, path: str, allowed: bool) -> None:
    resources = made(DOMAIN | WRITERS)

    assert [may(resources, role, action, path) for role in READERS] == [allowed, allowed]


def test_writers_ingest_where_there_are_some() -> None:
    resources = made(DOMAIN | WRITERS)

    assert may(resources, WRITER, "es:ESHttpPut", "/mri-knowledge-2026-11")
    assert may(resources, WRITER, "es:ESHttpPost", "/_bulk")
    assert may(resources, WRITER, "es:ESHttpPost", "/_aliases")
    assert not may(resources, WRITER, "es:ESHttpPut", "/_cluster/settings")
    # An empty principal is refused by OpenSearch.
    without = made(DOMAIN)["Domain"]["Properties"]["AccessPolicies"]["Statement"]
    assert [s["Sid"] for s in without] == ["Search", "IndexExists"]


@pytest.mark.parametrize(
    ("choice", "logs"),
    [
        (DOMAIN, {"ES_APPLICATION_LOGS", "SEARCH_SLOW_LOGS", "INDEX_SLOW_LOGS"}),
        (
            DOMAIN | AUDITED,
            {"ES_APPLICATION_LOGS", "SEARCH_SLOW_LOGS", "INDEX_SLOW_LOGS", "AUDIT_LOGS"},
        ),
    ],
)
def test_logs_go_to_groups_with_retention_and_our_key(
    choice: dict[str, str], logs: set[str]
) -> None:
    resources = made(choice | {"LogRetentionDays": "90"})
    groups = of_type(resources, "AWS::Logs::LogGroup")
    published = resources["Domain"]["Properties"]["LogPublishingOptions"]
    document = resources["LogsPolicy"]["Properties"]["PolicyDocument"]
    (statement,) = json.loads(document)["Statement"]

    assert published.keys() == logs
    assert {log["CloudWatchLogsLogGroupArn"] for log in published.values()} == {
        f"<{name}.Arn>" for name in groups
    }
    assert {(g["RetentionInDays"], g["KmsKeyId"]) for g in groups.values()} == {("90", KEY)}
    for group in groups.values():
        arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{group['LogGroupName']}:log-stream:a"
        assert fnmatchcase(arn, statement["Resource"])
    assert statement["Principal"] == {"Service": "es.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}
    assert statement["Condition"]["ArnEquals"]["aws:SourceArn"].endswith(
        "domain/" + resources["Domain"]["Properties"]["DomainName"]
    )


def test_the_audit_log_comes_with_fine_grained_access_control() -> None:
    """OpenSearch refuses the one without the other."""
    security = made(DOMAIN | AUDITED)["Domain"]["Properties"]["AdvancedSecurityOptions"]

    assert security["Enabled"] is True
    assert security["InternalUserDatabaseEnabled"] is False
    assert security["MasterUserOptions"] == {"MasterUserARN": ADMIN}
    assert "AdvancedSecurityOptions" not in made(DOMAIN)["Domain"]["Properties"]


# ---- serverless ----------------------------------------------------------------------------------


def test_a_collection_is_closed_to_the_internet_and_has_our_key() -> None:
    resources = made(SERVERLESS)
    name = resources["Collection"]["Properties"]["Name"]
    (network,) = policy(resources, "NetworkPolicy")
    encryption = policy(resources, "EncryptionPolicy")
    rule = {"ResourceType": "collection", "Resource": [f"collection/{name}"]}

    assert network == {
        "Rules": [rule],
        "AllowFromPublic": False,
        "SourceVPCEs": ["<Endpoint>"],
    }
    assert encryption == {"Rules": [rule], "AWSOwnedKey": False, "KmsARN": KEY}
    # Without a policy of that name the collection cannot be made.
    assert {"EncryptionPolicy", "NetworkPolicy"} <= set(resources["Collection"]["DependsOn"])


def test_the_endpoint_is_the_one_that_resolves_the_new_generation() -> None:
    endpoint = made(SERVERLESS)["Endpoint"]["Properties"]

    assert endpoint["ServiceName"] == "com.amazonaws.us-east-1.aoss-data"
    assert endpoint["PrivateDnsEnabled"] is True
    assert endpoint["SubnetIds"] == SUBNETS


def test_an_idle_collection_costs_nothing() -> None:
    resources = made(SERVERLESS | {"MaxCapacity": "4"})
    group = resources["CollectionGroup"]["Properties"]
    collection = resources["Collection"]

    assert group["Generation"] == "NEXTGEN"
    assert group["CapacityLimits"] == {
        "MinSearchCapacityInOcu": 0,
        "MinIndexingCapacityInOcu": 0,
        "MaxSearchCapacityInOcu": "4",
        "MaxIndexingCapacityInOcu": "4",
    }
    assert collection["Properties"]["CollectionGroupName"] == group["Name"]
    assert "CollectionGroup" in collection["DependsOn"]


def test_data_policies_tell_readers_from_writers() -> None:
    resources = made(SERVERLESS | WRITERS)
    (readers,) = policy(resources, "ReaderPolicy")
    (writers,) = policy(resources, "WriterPolicy")
    allowed = {p for rule in readers["Rules"] for p in rule["Permission"]}

    assert readers["Principal"] == READERS
    assert allowed == {"aoss:DescribeIndex", "aoss:ReadDocument"}
    assert writers["Principal"] == [WRITER]
    assert "aoss:WriteDocument" in {p for rule in writers["Rules"] for p in rule["Permission"]}
    assert "WriterPolicy" not in made(SERVERLESS)


def test_names_fit_the_longest_stage() -> None:
    resources = made(SERVERLESS | WRITERS | {"Stage": "a" * 12})
    kinds = ("SecurityPolicy", "AccessPolicy", "CollectionGroup")

    for kind in kinds:
        for properties in of_type(resources, f"AWS::OpenSearchServerless::{kind}").values():
            assert len(properties["Name"]) <= 32
    domain = made(DOMAIN | {"Stage": "a" * 12})["Domain"]["Properties"]["DomainName"]
    assert len(domain) <= 28


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        ({"Kind": "none"}, "domain or serverless"),
        (DOMAIN | {"InstanceCount": "3"}, "an even number"),
        (DOMAIN | {"InstanceType": "t3.small"}, "An OpenSearch instance type"),
        (DOMAIN | {"EngineVersion": "Elasticsearch_7.10"}, "OpenSearch_2.11 or newer"),
        (DOMAIN | {"Stage": "prod"}, "InstanceCount 2 or more"),
        (SERVERLESS | AUDITED, "for Kind domain only"),
        (SERVERLESS | {"CreateServiceLinkedRole": "true"}, "for Kind domain only"),
        (SERVERLESS | {"MaxCapacity": "0"}, "OCU from 1 to 96"),
    ],
)
def test_wrong_parameters_are_refused_in_words(choice: dict[str, str], sentence: str) -> None:
    with pytest.raises(TemplateError, match=sentence):
        check_rules(TEMPLATE, PARAMETERS | choice)


@pytest.mark.parametrize("choice", [*CHOICES, SERVERLESS | {"Stage": "prod"}])
def test_right_parameters_are_taken(choice: dict[str, str]) -> None:
    check_rules(TEMPLATE, PARAMETERS | choice)
