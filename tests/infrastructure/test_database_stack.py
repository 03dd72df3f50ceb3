"""What no linter sees in ``infrastructure/database.yaml``."""

import json
from typing import Any

import pytest
from cfnlint.api import ManualArgs, lint

from local_stack.intrinsics import TemplateError
from tests.infrastructure.stacks import check_rules, of_type, read, resolve

TEMPLATE = read("database")
KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
CLIENTS = "sg-0123456789abcdef0"
SUBNETS = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
PARAMETERS = {
    "Stage": "staging",
    "VpcId": "vpc-0123456789abcdef0",
    "SubnetIds": ",".join(SUBNETS),
    "ClientSecurityGroupId": CLIENTS,
    "KeyArn": KEY,
}
AVAILABLE = {"HighAvailability": "true"}
MYSQL = {"Kind": "mysql"}
AURORA = {"Kind": "aurora", "InstanceClass": "db.r8g.large"}
SERVERLESS = {"Kind": "aurora-serverless"}
KINDS = [MYSQL, AURORA, SERVERLESS]
EVERY = [kind | more for kind in KINDS for more in ({}, AVAILABLE)]

Resources = dict[str, dict[str, Any]]


def made(choice: dict[str, str]) -> Resources:
    return resolve(TEMPLATE, PARAMETERS | choice)


def store(resources: Resources) -> dict[str, Any]:
    """What holds the data: the instance or the cluster."""
    (found,) = (resources[name] for name in ("Instance", "Cluster") if name in resources)
    return found


def output(name: str, choice: dict[str, str]) -> Any:
    """The value of an output, resolved as a resource of its own."""
    probe = {"Type": "Probe", "Properties": {"Value": TEMPLATE["Outputs"][name]["Value"]}}
    template = TEMPLATE | {"Resources": TEMPLATE["Resources"] | {"Probe": probe}}
    return resolve(template, PARAMETERS | choice)["Probe"]["Properties"]["Value"]


@pytest.mark.parametrize(
    ("choice", "instances"),
    [
        (MYSQL, {"Instance": "db.t4g.micro"}),
        (MYSQL | AVAILABLE, {"Instance": "db.t4g.micro"}),
        (AURORA, {"Writer": "db.r8g.large"}),
        (AURORA | AVAILABLE, {"Writer": "db.r8g.large", "Reader": "db.r8g.large"}),
        (SERVERLESS, {"Writer": "db.serverless"}),
        (SERVERLESS | AVAILABLE, {"Writer": "db.serverless", "Reader": "db.serverless"}),
    ],
)
def test_a_kind_makes_its_instances(choice: dict[str, str], instances: dict[str, str]) -> None:
    resources = made(choice)
    found = of_type(resources, "AWS::RDS::DBInstance")

    assert {name: i["DBInstanceClass"] for name, i in found.items()} == instances
    assert ("Cluster" in resources) is ("Writer" in instances)


@pytest.mark.parametrize("choice", EVERY)
@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_versions_and_classes_exist(choice: dict[str, str], region: str) -> None:
    """cfn-lint knows which can be created, but looks through no parameter: so it gets values."""
    body = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": made(choice)}
    found = lint(json.dumps(body), config=ManualArgs(regions=[region]))

    # Placeholders of other resources have no right form.
    assert not [str(match) for match in found if "<" not in match.message]


def test_the_check_of_versions_bites() -> None:
    for wrong in (
        MYSQL | {"MySqlVersion": "8.4.3"},
        MYSQL | {"InstanceClass": "db.t4g.nano"},
        AURORA | {"InstanceClass": "db.t4g.micro"},
    ):
        body = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": made(wrong)}
        assert [m for m in lint(json.dumps(body)) if "<" not in m.message], wrong


# ---- who reaches whom ----------------------------------------------------------------------------


@pytest.mark.parametrize("choice", EVERY)
def test_only_the_proxy_reaches_the_database_and_only_functions_the_proxy(
    choice: dict[str, str],
) -> None:
    resources = made(choice)
    proxy, database = (
        resources[name]["Properties"] for name in ("ProxySecurityGroup", "DatabaseSecurityGroup")
    )
    out = {
        (rule["GroupId"], rule["DestinationSecurityGroupId"], rule["FromPort"], rule["ToPort"])
        for rule in of_type(resources, "AWS::EC2::SecurityGroupEgress").values()
    }

    for group, source in ((proxy, CLIENTS), (database, "<ProxySecurityGroup.GroupId>")):
        (rule,) = group["SecurityGroupIngress"]
        assert (rule["SourceSecurityGroupId"], rule["FromPort"], rule["ToPort"]) == (
            source,
            3306,
            3306,
        )
        assert [r["CidrIp"] for r in group["SecurityGroupEgress"]] == ["127.0.0.1/32"]
    assert out == {
        (CLIENTS, "<ProxySecurityGroup.GroupId>", 3306, 3306),
        ("<ProxySecurityGroup.GroupId>", "<DatabaseSecurityGroup.GroupId>", 3306, 3306),
    }
    held = store(resources)["Properties"]
    assert (held.get("VPCSecurityGroups") or held["VpcSecurityGroupIds"]) == [
        "<DatabaseSecurityGroup.GroupId>"
    ]
    for instance in of_type(resources, "AWS::RDS::DBInstance").values():
        assert instance["PubliclyAccessible"] is False


@pytest.mark.parametrize(
    ("choice", "database", "secret"),
    [
        (MYSQL, "<Instance.DbiResourceId>", "<Instance.MasterUserSecret.SecretArn>"),
        (AURORA, "<Cluster.DBClusterResourceId>", "<Cluster.MasterUserSecret.SecretArn>"),
        (SERVERLESS, "<Cluster.DBClusterResourceId>", "<Cluster.MasterUserSecret.SecretArn>"),
    ],
)
def test_the_proxy_signs_in_as_the_functions_and_as_the_owner(
    choice: dict[str, str], database: str, secret: str
) -> None:
    resources = made(choice)
    proxy = resources["Proxy"]["Properties"]
    (auth,) = proxy["Auth"]
    (policy,) = resources["ProxyRole"]["Properties"]["Policies"]
    statements = {s["Action"]: s for s in policy["PolicyDocument"]["Statement"]}

    assert proxy["RequireTLS"] is True
    assert proxy["DebugLogging"] is False
    assert proxy["DefaultAuthScheme"] == "IAM_AUTH"
    assert (auth["SecretArn"], auth["IAMAuth"]) == (secret, "DISABLED")
    assert proxy["VpcSecurityGroupIds"] == ["<ProxySecurityGroup.GroupId>"]
    assert proxy["VpcSubnetIds"] == SUBNETS
    assert statements.keys() == {
        "rds-db:connect",
        "secretsmanager:GetSecretValue",
        "kms:Decrypt",
    }
    assert statements["rds-db:connect"]["Resource"] == (
        f"arn:aws:rds-db:us-east-1:123456789012:dbuser:{database}/mri_app"
    )
    assert statements["secretsmanager:GetSecretValue"]["Resource"] == secret
    assert statements["kms:Decrypt"]["Resource"] == KEY
    assert statements["kms:Decrypt"]["Condition"] == {
        "StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}
    }
    assert output("MasterSecretArn", choice) == secret


@pytest.mark.parametrize(
    ("choice", "key", "target"),
    [
        (MYSQL, "DBInstanceIdentifiers", "<Instance>"),
        (AURORA, "DBClusterIdentifiers", "<Cluster>"),
        (SERVERLESS, "DBClusterIdentifiers", "<Cluster>"),
    ],
)
def test_the_proxy_leads_to_the_one_database(choice: dict[str, str], key: str, target: str) -> None:
    (group,) = of_type(made(choice), "AWS::RDS::DBProxyTargetGroup").values()
    both = {"DBInstanceIdentifiers", "DBClusterIdentifiers"}

    assert {name: group[name] for name in both & group.keys()} == {key: [target]}
    assert group["DBProxyName"] == "<Proxy>"
    # A function gives up after 20 s; the proxy must have answered before.
    assert group["ConnectionPoolConfigurationInfo"]["ConnectionBorrowTimeout"] < 20
    assert output("Identifier", choice) == target


def test_the_id_of_the_proxy_is_cut_from_its_arn() -> None:
    arn = "arn:aws:rds:us-east-1:123456789012:db-proxy:prx-0a1b2c"
    cut = TEMPLATE["Outputs"]["ProxyResourceId"]["Value"]["Fn::Select"]

    assert cut[1] == {"Fn::Split": [":", {"Fn::GetAtt": ["Proxy", "DBProxyArn"]}]}
    assert arn.split(":")[int(cut[0])] == "prx-0a1b2c"


# ---- what is kept, and how -----------------------------------------------------------------------


@pytest.mark.parametrize("choice", EVERY)
def test_what_is_stored_is_encrypted_with_our_key_and_never_just_deleted(
    choice: dict[str, str],
) -> None:
    kept = store(made(choice | {"BackupRetentionDays": "12", "DeletionProtection": "true"}))
    properties = kept["Properties"]

    assert (kept["DeletionPolicy"], kept["UpdateReplacePolicy"]) == ("Snapshot", "Snapshot")
    assert (properties["StorageEncrypted"], properties["KmsKeyId"]) == (True, KEY)
    assert properties["MasterUserSecret"] == {"KmsKeyId": KEY}
    assert properties["ManageMasterUserPassword"] is True
    assert properties["EnableIAMDatabaseAuthentication"] is True
    assert properties["DeletionProtection"] == "true"
    assert properties["BackupRetentionPeriod"] == "12"
    assert properties["CopyTagsToSnapshot"] is True


@pytest.mark.parametrize("choice", EVERY)
def test_every_exported_log_has_a_group_with_retention_and_our_key(choice: dict[str, str]) -> None:
    """RDS makes a group that is missing, and keeps it for ever."""
    resources = made(choice | {"LogRetentionDays": "90"})
    kept = store(resources)
    kind = "instance" if choice == MYSQL or choice == MYSQL | AVAILABLE else "cluster"
    groups = of_type(resources, "AWS::Logs::LogGroup")
    exported = kept["Properties"]["EnableCloudwatchLogsExports"]
    wanted = {f"/aws/rds/{kind}/mri-analysis-staging/{log}" for log in exported}
    wanted |= {"/aws/rds/proxy/mri-analysis-staging"}

    assert {g["LogGroupName"] for g in groups.values()} == wanted
    assert {(g["RetentionInDays"], g["KmsKeyId"]) for g in groups.values()} == {("90", KEY)}
    assert "general" not in exported
    waits = set(kept["DependsOn"]) | set(resources["Proxy"]["DependsOn"])
    assert set(groups) <= waits


@pytest.mark.parametrize("choice", KINDS)
def test_plain_connections_are_refused_and_time_is_utc(choice: dict[str, str]) -> None:
    resources = made(choice)
    (group,) = (
        of_type(resources, "AWS::RDS::DBParameterGroup")
        | of_type(resources, "AWS::RDS::DBClusterParameterGroup")
    ).values()
    values = group["Parameters"]
    kept = store(resources)["Properties"]

    assert values["require_secure_transport"] in ("1", "ON")
    assert values["character_set_server"] == "utf8mb4"
    assert values["time_zone"] == "UTC"
    if "server_audit_events" in values:
        assert not {"QUERY", "QUERY_DML"} & set(values["server_audit_events"].split(","))
    used = kept.get("DBParameterGroupName") or kept["DBClusterParameterGroupName"]
    assert used in ("<InstanceParameters>", "<ClusterParameters>")


@pytest.mark.parametrize("kind", KINDS)
def test_high_availability_brings_a_second_zone_and_a_locked_vault(kind: dict[str, str]) -> None:
    alone, available = made(kind), made(kind | AVAILABLE)
    new = available.keys() - alone.keys()

    if kind == MYSQL:
        assert store(alone)["Properties"]["MultiAZ"] == "false"
        assert store(available)["Properties"]["MultiAZ"] == "true"
    else:
        assert available["Reader"]["Properties"]["PromotionTier"] <= 1
    assert new - {"Reader"} == {"Vault", "BackupPlan", "BackupRole", "BackupSelection"}
    vault = available["Vault"]
    rules = available["BackupPlan"]["Properties"]["BackupPlan"]["BackupPlanRule"]
    (selected,) = available["BackupSelection"]["Properties"]["BackupSelection"]["Resources"]
    assert vault["DeletionPolicy"] == "RetainExceptOnCreate"
    assert vault["Properties"]["EncryptionKeyArn"] == KEY
    least = vault["Properties"]["LockConfiguration"]["MinRetentionDays"]
    # A job that would keep a backup for a shorter time fails at the vault.
    assert all(rule["Lifecycle"]["DeleteAfterDays"] >= least for rule in rules)
    assert selected in ("<Instance.DBInstanceArn>", "<Cluster.DBClusterArn>")


@pytest.mark.parametrize(
    ("choice", "insights"),
    [
        (MYSQL, False),
        (MYSQL | {"InstanceClass": "db.t4g.small"}, False),
        (MYSQL | {"InstanceClass": "db.t4g.medium"}, True),
        (AURORA, True),
        (AURORA | {"InstanceClass": "db.t3.medium"}, False),
        (SERVERLESS, True),
    ],
)
def test_instances_are_watched_as_closely_as_their_class_allows(
    choice: dict[str, str], insights: bool
) -> None:
    for instance in of_type(made(choice | AVAILABLE), "AWS::RDS::DBInstance").values():
        assert instance["MonitoringInterval"] == 60
        assert instance["EnablePerformanceInsights"] is insights
        assert instance.get("PerformanceInsightsKMSKeyId") == (KEY if insights else None)
        assert instance["AutoMinorVersionUpgrade"] is True


def test_a_serverless_cluster_grows_between_its_bounds() -> None:
    resources = made(SERVERLESS | {"MinCapacity": "1", "MaxCapacity": "8"})

    bounds = store(resources)["Properties"]["ServerlessV2ScalingConfiguration"]
    assert bounds == {"MinCapacity": "1", "MaxCapacity": "8"}
    assert "ServerlessV2ScalingConfiguration" not in store(made(AURORA))["Properties"]


def test_roles_take_the_boundary_that_is_given() -> None:
    boundary = "arn:aws:iam::111122223333:policy/boundary"
    roles = of_type(
        made(AURORA | AVAILABLE | {"PermissionsBoundaryArn": boundary}), "AWS::IAM::Role"
    )

    assert roles.keys() == {"MonitoringRole", "ProxyRole", "BackupRole"}
    assert {role["PermissionsBoundary"] for role in roles.values()} == {boundary}
    for role in of_type(made(AURORA | AVAILABLE), "AWS::IAM::Role").values():
        assert "PermissionsBoundary" not in role


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        ({"Kind": "postgres"}, "mysql .one RDS instance."),
        ({"Kind": "aurora", "InstanceClass": "db.t4g.micro"}, "choose a larger InstanceClass"),
        (MYSQL | {"InstanceClass": "t4g.micro"}, "An RDS instance class"),
        (MYSQL | {"MySqlVersion": "8.0.40"}, "MySQL 8.4"),
        (AURORA | {"AuroraVersion": "8.0.mysql_aurora.3.10.0"}, "Aurora MySQL 8.4"),
        (SERVERLESS | {"MinCapacity": "0"}, "keep a cluster from pausing"),
        (MYSQL | {"AllocatedStorageGiB": "10"}, "20 to 65536"),
        (MYSQL | {"BackupRetentionDays": "0"}, "days from 1 to 35"),
        (
            MYSQL | AVAILABLE | {"Stage": "prod", "DeletionProtection": "false"},
            "DeletionProtection",
        ),
        (MYSQL | {"Stage": "prod"}, "HighAvailability true"),
    ],
)
def test_wrong_parameters_are_refused_in_words(choice: dict[str, str], sentence: str) -> None:
    with pytest.raises(TemplateError, match=sentence):
        check_rules(TEMPLATE, PARAMETERS | choice)


@pytest.mark.parametrize("choice", [*EVERY, AURORA | AVAILABLE | {"Stage": "prod"}])
def test_right_parameters_are_taken(choice: dict[str, str]) -> None:
    check_rules(TEMPLATE, PARAMETERS | choice)
