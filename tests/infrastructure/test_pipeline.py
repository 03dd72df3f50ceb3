"""The way from a commit to production: what is pushed when, who may change what, the smoke test.

Scripts run here with stand-ins for ``docker``, ``aws`` and ``sam`` that write down how they were
called and fail where a test wants them to.
"""

import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER
from moto import mock_aws
from samtranslator.yaml_helper import yaml_parse

from local_stack.template import translate
from mri_analysis.keys import StudyKeys, check_organization, execution_name
from pipeline import smoke_test, write_parameters
from tests.infrastructure.stacks import of_type, resolve

PIPELINE = yaml_parse(Path("pipeline/pipeline.yaml").read_text())
ROLES = yaml_parse(Path("pipeline/deployment_roles.yaml").read_text())
GIVEN = {"RepositoryId": "hospital/mri", "NotificationEmail": "team@hospital.example"}
ROLES_GIVEN = {
    "Stage": "staging",
    "PipelineAccountId": "111122223333",
    "ArtifactBucketName": "mri-pipeline-artifacts-111122223333-eu-central-1",
    "ArtifactKeyArn": "arn:aws:kms:eu-central-1:111122223333:key/1234abcd",
}
ELSEWHERE = "999988887777"
COMMIT = "0a1b2c3d4e" * 4
REGISTRY = "111122223333.dkr.ecr.eu-central-1.amazonaws.com"
PARAMETER_FILES = sorted(Path("pipeline/parameters").glob("*.json"))


# ---- the pipeline ------------------------------------------------------------------------------


def stages(resources: dict[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    found = resources["Pipeline"]["Properties"]["Stages"]
    return {s["Name"]: {a["Name"]: a for a in s["Actions"]} for s in found}


HERE = resolve(PIPELINE, GIVEN)
STAGES = stages(HERE)


def test_stages_follow_each_other() -> None:
    assert list(STAGES) == ["Source", "Build", "Staging", "Production"]
    order = {
        name: sorted(actions, key=lambda a: actions[a].get("RunOrder", 1))
        for name, actions in STAGES.items()
    }
    assert order["Staging"] == ["Prepare", "Deploy", "SmokeTest"]
    # What will change is known before somebody is asked, and nothing changes before the answer.
    assert order["Production"] == ["Prepare", "Approve", "Deploy", "Check"]


def test_every_commit_on_main_runs_after_the_one_before_it() -> None:
    properties = HERE["Pipeline"]["Properties"]
    (trigger,) = properties["Triggers"]
    source = STAGES["Source"]["GitHub"]

    assert (properties["PipelineType"], properties["ExecutionMode"]) == ("V2", "QUEUED")
    assert trigger["GitConfiguration"]["SourceActionName"] == "GitHub"
    assert trigger["GitConfiguration"]["Push"] == [{"Branches": {"Includes": ["main"]}}]
    assert source["ActionTypeId"]["Provider"] == "CodeStarSourceConnection"
    assert HERE["Connection"]["Type"] == "AWS::CodeConnections::Connection"


@pytest.mark.parametrize(
    ("stage", "account"), [("Staging", "here"), ("Production", "here"), ("Production", "elsewhere")]
)
def test_a_stage_is_changed_by_its_own_roles(stage: str, account: str) -> None:
    given = GIVEN | ({"ProdAccountId": ELSEWHERE} if account == "elsewhere" else {})
    actions = stages(resolve(PIPELINE, given))[stage]
    name = {"Staging": "staging", "Production": "prod"}[stage]
    prepare, deploy = actions["Prepare"], actions["Deploy"]
    overrides = json.loads(prepare["Configuration"]["ParameterOverrides"])

    assert prepare["Configuration"]["ActionMode"] == "CHANGE_SET_REPLACE"
    assert deploy["Configuration"]["ActionMode"] == "CHANGE_SET_EXECUTE"
    assert prepare["RoleArn"] == deploy["RoleArn"]
    for arn, role in (
        (prepare["RoleArn"], f"role/mri-delivery-action-{name}"),
        (prepare["Configuration"]["RoleArn"], f"role/mri-delivery-cloudformation-{name}"),
        (overrides["PermissionsBoundaryArn"], f"policy/mri-delivery-boundary-{name}"),
    ):
        assert arn.endswith(f":{role}")
        assert (f":{ELSEWHERE}:" in arn) == (account == "elsewhere")
    assert prepare["Configuration"]["TemplateConfiguration"] == f"Package::parameters/{name}.json"
    if name == "prod":
        # One role for an account: it is staging's where both share one.
        assert overrides["ManageApiGatewayLogRole"] == str(account == "elsewhere").lower()


def test_names_of_roles_in_the_pipeline_are_those_of_the_stages() -> None:
    made = resolve(ROLES, ROLES_GIVEN)
    names = {r["RoleName"] for r in of_type(made, "AWS::IAM::Role").values()}
    boundary = made["Boundary"]["Properties"]["ManagedPolicyName"]
    text = json.dumps(HERE["Pipeline"])

    assert {n for n in names if f"role/{n}" in text} == names
    assert f"policy/{boundary}" in text
    # and the other way: who may take them
    for role in of_type(made, "AWS::IAM::Role").values():
        for statement in role["AssumeRolePolicyDocument"]["Statement"]:
            arn = statement["Condition"].get("ArnEquals", {}).get("aws:PrincipalArn")
            if arn:
                assert arn.rsplit("/")[-1] in {
                    r.get("RoleName") for r in of_type(HERE, "AWS::IAM::Role").values()
                }


def test_production_elsewhere_reads_what_it_deploys_and_nothing_else_is_opened() -> None:
    there = resolve(PIPELINE, GIVEN | {"ProdAccountId": ELSEWHERE})
    policies = {
        "key": there["Key"]["Properties"]["KeyPolicy"]["Statement"],
        "bucket": there["ArtifactBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"],
    }

    assert "ProdRoles" in HERE
    assert "ProdRoles" not in there
    for statements in policies.values():
        (opened,) = [s for s in statements if ELSEWHERE in json.dumps(s)]
        roles = opened["Condition"]["ArnEquals"]["aws:PrincipalArn"]
        assert {arn.split("/")[-1] for arn in roles} == {
            "mri-delivery-action-prod",
            "mri-delivery-cloudformation-prod",
        }
    for repository in ("SegmentationRepository", "ReadingRoomRepository"):
        assert ELSEWHERE in json.dumps(there[repository]["Properties"]["RepositoryPolicyText"])
    assert "RepositoryPolicyText" not in there["CandidateRepository"]["Properties"]
    assert ELSEWHERE not in json.dumps(HERE)


def test_images_are_scanned_encrypted_and_never_replaced() -> None:
    repositories = of_type(HERE, "AWS::ECR::Repository")

    assert {r["RepositoryName"] for r in repositories.values()} == {
        "mri-segmentation",
        "mri-reading-room",
        "mri-candidates",
    }
    for repository in repositories.values():
        assert repository["ImageTagMutability"] == "IMMUTABLE"
        assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
        assert repository["EncryptionConfiguration"]["EncryptionType"] == "KMS"
        assert json.loads(repository["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]


def test_failures_and_alarms_reach_somebody() -> None:
    rule = HERE["FailureRule"]["Properties"]

    assert rule["EventPattern"]["detail"]["state"] == ["FAILED"]
    assert [target["Arn"] for target in rule["Targets"]] == ["<Topic>"]
    template = rule["Targets"][0]["InputTransformer"]
    assert set(re.findall(r"<(\w+)>", template["InputTemplate"])) == set(template["InputPathsMap"])
    for alarm in of_type(HERE, "AWS::CloudWatch::Alarm").values():
        assert alarm["AlarmActions"] == ["<Topic>"]
    assert STAGES["Production"]["Approve"]["Configuration"]["NotificationArn"] == "<Topic>"
    assert HERE["Topic"]["Properties"]["KmsMasterKeyId"] == "<Key>"


@pytest.mark.parametrize("project", ["BuildProject", "SmokeTestProject"])
def test_projects_are_pinned_and_hold_no_secret(project: str) -> None:
    properties = HERE[project]["Properties"]
    environment = properties["Environment"]

    assert environment["Image"] == "aws/codebuild/standard:8.0"
    assert environment["PrivilegedMode"] is (project == "BuildProject")
    assert properties["EncryptionKey"] == "<Key.Arn>"
    assert not re.search("(?i)secret|token|password", json.dumps(environment))
    logs = properties["LogsConfig"]["CloudWatchLogs"]["GroupName"].strip("<>")
    assert HERE[logs]["Properties"]["KmsKeyId"] == "<Key.Arn>"
    assert HERE[logs]["Properties"]["RetentionInDays"]


def allowed(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [s for s in document["Statement"] if s["Effect"] == "Allow"]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("role", ["BuildRole", "SmokeTestRole", "PipelineRole"])
def test_roles_of_the_pipeline_name_actions_and_resources(role: str) -> None:
    for policy in HERE[role]["Properties"]["Policies"]:
        for statement in allowed(policy["PolicyDocument"]):
            actions = as_list(statement["Action"])
            assert not [action for action in actions if "*" in action]
            if "*" in as_list(statement["Resource"]):
                assert actions == ["ecr:GetAuthorizationToken"]


@pytest.mark.parametrize("bucket", ["ArtifactBucket", "AccessLogsBucket"])
def test_buckets_are_private_encrypted_and_tls_only(bucket: str) -> None:
    properties = HERE[bucket]["Properties"]
    document = HERE[f"{bucket}Policy"]["Properties"]["PolicyDocument"]

    assert all(properties["PublicAccessBlockConfiguration"].values())
    assert properties["BucketEncryption"]
    assert [s["Condition"] for s in document["Statement"] if s["Effect"] == "Deny"] == [
        {"Bool": {"aws:SecureTransport": "false"}}
    ]


# ---- who may change a stage --------------------------------------------------------------------

STAGE_ROLES = resolve(ROLES, ROLES_GIVEN)
DEPLOYMENT = [
    statement
    for name in ("ApplicationPolicy", "DataPolicy", "NetworkPolicy", "IdentityPolicy")
    for statement in STAGE_ROLES[name]["Properties"]["PolicyDocument"]["Statement"]
]
BOUNDARY = STAGE_ROLES["Boundary"]["Properties"]["PolicyDocument"]

# What handlers list beside what our resources make them call, and why the role has none of it.
NEVER_CALLED = (
    # features of these types that no template of ours uses, and lists of whole accounts
    *(
        f"{service}:*"
        for service in (
            "amplify", "apprunner", "appsync", "autoscaling", "bedrock-agentcore", "billing",
            "cloudfront", "elasticfilesystem", "firehose", "kinesis", "organizations", "payments",
            "s3files", "s3tables", "vpc-lattice", "vpce",
        )
    ),
    "application-autoscaling:*Scheduled*", "cloudformation:*Hook*",
    "cloudtrail:*EventConfiguration", "codedeploy:RegisterOnPremises*", "dynamodb:*Import*",
    "dynamodb:*Kinesis*", "dynamodb:*Replica", "ec2:*Ipam*", "ec2:*PrivateNat*",
    "ec2:*VerifiedAccess*", "ec2:*VpnGateway", "ec2:AcceptAddressTransfer",
    "ec2:CreateVpcEncryptionControl", "ecs:PutAccountSetting*",
    "elasticloadbalancing:*CapacityReservation", "elasticloadbalancing:*WebACLAssociation",
    "elasticloadbalancing:ModifyIpPools", "elasticloadbalancing:SetRulePriorities",
    # a role that a service made for itself outlives the stack: others of the account may use it
    "iam:DeleteServiceLinkedRole", "iam:GetServiceLinkedRoleDeletionStatus",
    "iam:*Group*",
    "iam:*User*", "iam:DescribeOrganization", "iam:ListPolicies", "iam:ListRoles",
    "lambda:PassCapacityProvider",
    "logs:PutBearer*", "rds:*BackupsReplication", "rds:*GlobalCluster", "rds:*Role*",
    "rds:*Snapshot", "rds:PromoteReadReplica", "rds:Restore*", "s3:*Abac", "s3:*Acl",
    "s3:*Annotation*",
    "s3:*InventoryTable*", "s3:*Journal*", "s3:*MetadataTable*", "s3:*Replication",
    "s3:*ReplicationConfiguration", "s3:*Website", "s3:DeleteBucket*Configuration",
    "s3:DeleteBucketCors", "s3:DeleteBucketEncryption", "s3:DeleteBucketLifecycle",
    "s3:REST.PUT.OBJECT", "secretsmanager:*Regions*", "wafv2:PutPermissionPolicy",
    # names that IAM does not know: API Gateway's tags are POST and DELETE of /tags
    "apigateway:TagResource", "apigateway:UntagResource",
    # patient data, secrets' values, and taking away what protects either
    "cloudtrail:StopLogging", "dynamodb:*Item", "dynamodb:Query", "dynamodb:Scan",
    "iam:DeleteRolePermissionsBoundary", "logs:PutLogEvents", "s3:*Object", "s3:GetObject*",
    "secretsmanager:GetSecretValue",
)  # fmt: skip


def may(statements: list[dict[str, Any]], action: str) -> bool:
    """Whether some statement allows the action on anything; the case of names does not matter."""
    return any(
        fnmatchcase(action.lower(), pattern.lower())
        for statement in statements
        if statement["Effect"] == "Allow"
        for pattern in as_list(statement["Action"])
    )


def templates() -> Iterator[dict[str, Any]]:
    yield translate(Path("template.yaml"), {"DatabaseUrl": "sqlite://"}).body
    for path in sorted(Path("infrastructure").glob("*.yaml")):
        yield yaml_parse(path.read_text())


@cache
def resource_types() -> list[str]:
    found = {r["Type"] for template in templates() for r in template["Resources"].values()}
    return sorted(kind for kind in found if kind.startswith("AWS::"))


@pytest.mark.parametrize("kind", resource_types())
def test_deployment_role_may_do_what_the_handler_of_a_resource_calls(kind: str) -> None:
    """Derived from CloudFormation's own schemas, so a new resource type is noticed here."""
    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema.get(
        "handlers", {}
    )
    called = {p for handler in handlers.values() for p in handler.get("permissions", [])}

    missing = [
        action
        for action in sorted(called)
        if not may(DEPLOYMENT, action)
        and not any(fnmatchcase(action.lower(), pattern.lower()) for pattern in NEVER_CALLED)
    ]
    assert not missing


def policies_of_roles() -> Iterator[tuple[str, dict[str, Any]]]:
    for template in templates():
        for name, resource in template["Resources"].items():
            if resource["Type"] == "AWS::IAM::Role":
                for policy in resource["Properties"].get("Policies", []):
                    yield name, policy
            elif resource["Type"] in ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"):
                yield name, resource["Properties"]


def statements_in(value: Any) -> Iterator[dict[str, Any]]:
    """Statements of a policy, also those that a condition may leave out."""
    if isinstance(value, dict):
        if "Effect" in value and "Action" in value:
            yield value
        else:
            for part in value.values():
                yield from statements_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from statements_in(part)


def test_boundary_holds_what_the_roles_of_the_application_have() -> None:
    needed = {
        (name, action)
        for name, policy in policies_of_roles()
        for statement in statements_in(policy)
        for action in as_list(statement["Action"])
        if statement["Effect"] == "Allow"
    }
    assert needed
    assert not [
        (name, action)
        for name, action in sorted(needed)
        if not may([*BOUNDARY["Statement"]], action)
    ]


def test_every_role_of_the_application_carries_the_boundary_where_one_is_given() -> None:
    """Else the deployment role, which may make no role without it, stops half-way."""
    for template in templates():
        for name, resource in template["Resources"].items():
            if resource["Type"] != "AWS::IAM::Role" or name == "CodeDeployServiceRole":
                continue
            wanted = resource["Properties"].get(
                "PermissionsBoundary", {"Fn::If": [None, None, None]}
            )
            condition, with_boundary, without = wanted["Fn::If"]
            assert with_boundary == {"Ref": "PermissionsBoundaryArn"}, f"{name} has no boundary"
            assert without == {"Ref": "AWS::NoValue"}
            asked = template["Conditions"][condition]
            assert asked == {"Fn::Not": [{"Fn::Equals": [{"Ref": "PermissionsBoundaryArn"}, ""]}]}


def test_boundary_gives_no_way_around_itself() -> None:
    ways = ("iam:CreateRole", "iam:PassRole", "sts:AssumeRole", "cloudformation:CreateStack",
            "s3:PutBucketPolicy", "kms:PutKeyPolicy", "ec2:RunInstances",
            "lambda:UpdateFunctionCode")  # fmt: skip
    assert not [action for action in ways if may(BOUNDARY["Statement"], action)]


def test_roles_can_only_be_made_with_the_boundary() -> None:
    boundary = {"StringEquals": {"iam:PermissionsBoundary": "<Boundary>"}}
    giving = [
        s
        for s in DEPLOYMENT
        if s["Effect"] == "Allow"
        and {"iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"}
        & set(as_list(s["Action"]))
    ]
    free = [s for s in giving if s.get("Condition") != boundary]

    # SAM's role for CodeDeploy has no boundary; it can get one policy of AWS and nothing else.
    assert all("CodeDeployServiceRole-*" in s["Resource"] for s in free)
    assert not any("iam:PutRolePolicy" in as_list(s["Action"]) for s in free)
    for s in free:
        if "iam:AttachRolePolicy" in as_list(s["Action"]):
            assert "AWSCodeDeployRoleForLambda" in json.dumps(s["Condition"])


def test_deployment_role_cannot_change_what_limits_it() -> None:
    account = "arn:aws:iam::111122223333"
    made = [r["RoleName"] for r in of_type(STAGE_ROLES, "AWS::IAM::Role").values()]
    limits = of_type(STAGE_ROLES, "AWS::IAM::ManagedPolicy").values()
    protected = [f"{account}:role/{name}" for name in (*made, "mri-pipeline", "Admin")]
    protected += [f"{account}:policy/{policy['ManagedPolicyName']}" for policy in limits]
    patterns = [
        re.sub(r"::\d{12}:", "::111122223333:", pattern)
        for statement in DEPLOYMENT
        if any(action.startswith("iam:") for action in as_list(statement["Action"]))
        for pattern in as_list(statement["Resource"])
    ]

    assert patterns
    assert not [arn for arn in protected for p in patterns if fnmatchcase(arn, p)]
    for action in ("iam:DeleteRolePermissionsBoundary", "iam:CreateUser", "iam:CreateAccessKey"):
        assert not may(DEPLOYMENT, action)


@pytest.mark.parametrize(
    "action", ["s3:GetObject", "s3:DeleteObjectVersion", "dynamodb:Scan", "rds-db:connect"]
)
def test_deployment_role_cannot_read_a_study(action: str) -> None:
    (deny,) = [s for s in DEPLOYMENT if s["Effect"] == "Deny"]

    assert any(fnmatchcase(action, pattern) for pattern in deny["Action"])
    assert any(resource.endswith("-staging/*") for resource in deny["Resource"])


def test_any_resource_only_under_a_name_that_says_why() -> None:
    for statement in DEPLOYMENT + BOUNDARY["Statement"]:
        if as_list(statement["Resource"]) == ["*"]:
            assert (
                statement["Sid"] == "NoResourceKnown"
                or "Condition" in statement
                or (statement["Sid"] == "EventSources")
            )


@pytest.mark.parametrize("policy", of_type(STAGE_ROLES, "AWS::IAM::ManagedPolicy"))
def test_policies_fit_into_what_iam_takes(policy: str) -> None:
    document = STAGE_ROLES[policy]["Properties"]["PolicyDocument"]

    # 6,144 characters without white space; room for longer regions and stages
    assert len(json.dumps(document, separators=(",", ":"))) < 5800


def test_smoke_test_touches_one_organization_only() -> None:
    (policy,) = STAGE_ROLES["SmokeTestRole"]["Properties"]["Policies"]
    places = [
        r
        for s in policy["PolicyDocument"]["Statement"]
        for r in as_list(s["Resource"])
        if ":s3:" in r
    ]

    assert len(places) == 2
    assert all(f"/{smoke_test.ORGANIZATION}/*" in place for place in places)
    check_organization(smoke_test.ORGANIZATION)


# ---- parameters --------------------------------------------------------------------------------

ROOT = translate(Path("template.yaml"), {"DatabaseUrl": "sqlite://"}).body
SAMCONFIG = tomllib.loads(Path("samconfig.toml").read_text())


def configured(stage: str) -> dict[str, str]:
    overrides = SAMCONFIG[stage]["deploy"]["parameters"]["parameter_overrides"]
    return dict(entry.split("=", 1) for entry in overrides)


def fits(name: str, value: str) -> bool:
    declared = ROOT["Parameters"][name]
    if "AllowedValues" in declared:
        return value in [str(allowed) for allowed in declared["AllowedValues"]]
    return bool(re.fullmatch(declared.get("AllowedPattern", ".*"), value))


@pytest.mark.parametrize("stage", ["dev", "staging", "prod"])
def test_samconfig_gives_parameters_that_the_template_takes(stage: str) -> None:
    given = configured(stage)

    assert given.keys() <= ROOT["Parameters"].keys()
    assert not [f"{name}={value}" for name, value in given.items() if not fits(name, value)]
    assert given["Stage"] == stage
    assert SAMCONFIG[stage]["deploy"]["parameters"]["stack_name"] == f"mri-analysis-{stage}"


@pytest.mark.parametrize("path", PARAMETER_FILES, ids=lambda p: p.stem)
def test_pipeline_gives_the_same_parameters_as_samconfig(path: Path) -> None:
    given = json.loads(path.read_text())

    assert given["Parameters"] == configured(path.stem)
    tags = SAMCONFIG[path.stem]["deploy"]["parameters"]["tags"].split()
    assert dict(tag.split("=") for tag in tags) == given["Tags"]


def test_root_takes_what_the_pipeline_adds() -> None:
    prepare = STAGES["Staging"]["Prepare"]["Configuration"]
    added = {*json.loads(prepare["ParameterOverrides"]), "ReleaseId"}

    assert added | set(write_parameters.IMAGE_PARAMETERS.values()) <= ROOT["Parameters"].keys()


NESTED = {n: r for n, r in ROOT["Resources"].items() if r["Type"] == "AWS::CloudFormation::Stack"}


@pytest.mark.parametrize("name", NESTED)
def test_root_gives_a_nested_stack_what_it_asks_for_and_takes_what_it_has(name: str) -> None:
    # cfn-lint does not look into the file behind a TemplateURL, CloudFormation does half-way.
    properties = NESTED[name]["Properties"]
    nested = yaml_parse(Path(properties["TemplateURL"]).read_text())
    given = properties["Parameters"].keys()
    needed = {n for n, p in nested["Parameters"].items() if "Default" not in p}
    taken = set(re.findall(rf'"{name}", "Outputs\.(\w+)"|{name}\.Outputs\.(\w+)', json.dumps(ROOT)))

    assert needed <= given <= nested["Parameters"].keys()
    assert {a or b for a, b in taken} <= nested["Outputs"].keys()


@pytest.mark.parametrize("path", PARAMETER_FILES, ids=lambda p: p.stem)
def test_a_stage_keeps_its_own_endpoint(path: Path) -> None:
    # Two stages in one account would fight for one name.
    name = json.loads(path.read_text())["Parameters"]["SegmentationEndpointName"]

    assert name.endswith(f"-{path.stem}")


def test_build_puts_its_images_and_release_into_the_parameters() -> None:
    uris = write_parameters.image_uris(REGISTRY, COMMIT, ["segmentation", "reading-room"])
    given = {"Parameters": {"Stage": "staging"}, "Tags": {"stage": "staging"}}
    written = write_parameters.with_build(given, uris, COMMIT)

    assert written["Parameters"] == {
        "Stage": "staging",
        "ReleaseId": COMMIT,
        "SegmentationImageUri": f"{REGISTRY}/mri-segmentation:{COMMIT}",
        "ReadingRoomImageUri": f"{REGISTRY}/mri-reading-room:{COMMIT}",
    }
    assert written["Tags"] == {"stage": "staging"}
    assert all(fits(name, value) for name, value in written["Parameters"].items())


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"SegmentationImageUri": "x"}, "come from the build"),
        ({"ReleaseId": "x"}, "come from the build"),
        ({"DeployReadingRoom": "true"}, "no frontend/Dockerfile"),
    ],
)
def test_parameters_that_cannot_be_are_refused(parameters: dict[str, str], sentence: str) -> None:
    uris = write_parameters.image_uris(REGISTRY, COMMIT, ["segmentation"])

    with pytest.raises(ValueError, match=sentence):
        write_parameters.with_build({"Parameters": parameters}, uris, COMMIT)


# ---- build -------------------------------------------------------------------------------------

BUILDSPEC = yaml.safe_load(Path("buildspec.yml").read_text())
SCRIPTS = sorted(Path("pipeline").glob("*.sh"))


def test_publishing_is_the_last_command_and_nothing_runs_after_a_failure() -> None:
    commands = BUILDSPEC["phases"]["build"]["commands"]

    # CodeBuild runs post_build after a failed build too.
    assert BUILDSPEC["phases"].keys() == {"install", "build"}
    assert [phase["on-failure"] for phase in BUILDSPEC["phases"].values()] == ["ABORT", "ABORT"]
    assert commands == [
        "make test",
        "make build",
        "bash pipeline/build_images.sh",
        "bash pipeline/list_contents.sh",
        "bash pipeline/publish.sh",
    ]
    pushing = [p for p in SCRIPTS if re.search(r"docker push|sam package| package ", p.read_text())]
    assert [path.name for path in pushing] == ["publish.sh"]


@pytest.mark.parametrize("spec", ["buildspec.yml", "pipeline/smoke_test.buildspec.yml"])
def test_runtime_is_pinned(spec: str) -> None:
    document = yaml.safe_load(Path(spec).read_text())

    assert re.fullmatch(r"3\.\d+", document["phases"]["install"]["runtime-versions"]["python"])


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.name)
def test_scripts_stop_at_the_first_error(script: Path) -> None:
    assert "\nset -euo pipefail\n" in script.read_text()
    subprocess.run(["bash", "-n", str(script)], check=True)


STAND_IN = """#!/usr/bin/env bash
echo "$(basename "$0") $*" >> "$CALLS"
line="$(basename "$0") $*"
if [ -n "${FAIL:-}" ] && [[ $line == *"$FAIL"* ]]; then echo "refused" >&2; exit 1; fi
case $line in
  *"get-login-password"*) echo password ;;
  "docker login"*) cat > /dev/null ;;
  *"describe-images"*)
    if [ -z "${RELEASED:-}" ]; then echo "An error: ImageNotFoundException" >&2; exit 254; fi ;;
  *"describe-image-scan-findings"*) echo "${CRITICAL:-None}" ;;
  *"pip freeze"*) echo "numpy==2.4.1" ;;
  *"dpkg-query"*) printf 'libc6\\t2.41\\n' ;;
  "sam package"*)
    while [ $# -gt 0 ]; do
      if [ "$1" = --output-template-file ]; then echo "Resources: {}" > "$2"; fi; shift
    done ;;
  "cyclonedx-py"*)
    while [ $# -gt 0 ]; do
      if [ "$1" = --output-file ]; then echo "{}" > "$2"; fi; shift
    done ;;
esac
"""


@dataclass
class Build:
    """A checkout with the pipeline's scripts, and stand-ins for what they call."""

    root: Path
    environment: dict[str, str]

    def run(self, script: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", f"pipeline/{script}"],
            cwd=self.root,
            env=self.environment | more,
            capture_output=True,
            text=True,
        )

    @property
    def calls(self) -> list[str]:
        path = Path(self.environment["CALLS"])
        return path.read_text().splitlines() if path.exists() else []

    def pushed(self, to: str) -> list[str]:
        return [call for call in self.calls if call.startswith("docker push") and f"/{to}" in call]

    @property
    def package(self) -> Path:
        return self.root / "out/package"


@pytest.fixture
def build(tmp_path: Path) -> Build:
    root, stand_ins = tmp_path / "checkout", tmp_path / "bin"
    shutil.copytree("pipeline", root / "pipeline")
    (root / "samples").mkdir()
    for name in ("pycortex_S1_T1w.nii.gz", "NOTICE.md"):
        (root / "samples" / name).write_bytes(b"")
    stand_ins.mkdir()
    for name in ("docker", "aws", "sam", "pip-audit", "cyclonedx-py"):
        (stand_ins / name).write_text(STAND_IN)
        (stand_ins / name).chmod(0o755)
    return Build(
        root,
        {
            "PATH": f"{stand_ins}:{os.environ['PATH']}",
            "CALLS": str(tmp_path / "calls"),
            "SAM": "sam",
            "PIPELINE_TOOLS": str(stand_ins),
            "SCAN_RETRY_SECONDS": "0",
            "CODEBUILD_RESOLVED_SOURCE_VERSION": COMMIT,
            "CODEBUILD_BUILD_NUMBER": "7",
            "CODEBUILD_BUILD_SUCCEEDING": "1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "REGISTRY": REGISTRY,
            "ARTIFACT_BUCKET": "artefacts",
            "ARTIFACT_KEY_ARN": "arn:aws:kms:eu-central-1:111122223333:key/1234abcd",
        },
    )


def with_images(build: Build) -> Build:
    (build.root / "out").mkdir()
    (build.root / "out/images.txt").write_text("segmentation\n")
    return build


def test_a_good_build_releases_the_commit_after_scan_and_package(build: Build) -> None:
    done = with_images(build).run("publish.sh")

    assert done.returncode == 0, done.stderr
    calls = build.calls
    order = [
        f"docker push --quiet {REGISTRY}/mri-candidates:segmentation-{COMMIT}-7",
        "aws ecr wait image-scan-complete",
        "aws ecr describe-image-scan-findings",
        "sam package",
        f"docker push --quiet {REGISTRY}/mri-segmentation:{COMMIT}",
    ]
    places = [next(i for i, call in enumerate(calls) if call.startswith(start)) for start in order]
    assert places == sorted(places)
    assert not [call for call in calls if "latest" in call]


def test_artefacts_are_what_the_build_left_and_nothing_else(build: Build) -> None:
    build.root.joinpath("models/segmentation").mkdir(parents=True)
    (build.root / "models/segmentation/Dockerfile").write_text("FROM scratch\n")
    for script in ("build_images.sh", "list_contents.sh", "publish.sh"):
        done = build.run(script)
        assert done.returncode == 0, done.stderr

    files = {str(p.relative_to(build.package)) for p in build.package.rglob("*") if p.is_file()}
    patterns = BUILDSPEC["artifacts"]["files"]
    assert BUILDSPEC["artifacts"]["base-directory"] == "out/package"
    # Every file is asked for, and every entry of buildspec.yml finds one.
    assert not [f for f in files if not any(fnmatchcase(f, pattern) for pattern in patterns)]
    assert not [p for p in patterns if not any(fnmatchcase(f, p) for f in files)]
    images = json.loads((build.package / "images.json").read_text())
    assert images == {"SegmentationImageUri": f"{REGISTRY}/mri-segmentation:{COMMIT}"}
    staging = json.loads((build.package / "parameters/staging.json").read_text())
    assert staging["Parameters"]["SegmentationImageUri"] == images["SegmentationImageUri"]


@pytest.mark.parametrize(
    ("failing", "candidates"),
    [
        ("get-login-password", 0),
        ("docker login", 0),
        ("docker push", 1),
        ("ecr wait", 1),
        ("describe-image-scan-findings", 1),
        ("sam package", 1),
    ],
)
def test_nothing_is_released_after_a_step_that_failed(
    build: Build, failing: str, candidates: int
) -> None:
    done = with_images(build).run("publish.sh", FAIL=failing)

    assert done.returncode != 0
    assert build.pushed("mri-segmentation") == []
    assert len(build.pushed("mri-candidates")) == candidates


def test_a_critical_finding_stops_the_build_with_a_sentence(build: Build) -> None:
    done = with_images(build).run("publish.sh", CRITICAL="3")

    assert done.returncode == 1
    assert "3 critical flaws" in done.stderr
    assert build.pushed("mri-segmentation") == []
    assert not [call for call in build.calls if call.startswith("sam")]


def test_a_scan_that_is_not_known_yet_is_asked_for_again(build: Build) -> None:
    waiter = Path(build.environment["PATH"].split(":")[0]) / "aws"
    once = (
        'if [[ $* == *"ecr wait"* ]] && [ ! -e "$CALLS.waited" ]; then\n'
        '  touch "$CALLS.waited"; exit 255\nfi\n'
    )
    waiter.write_text(STAND_IN.replace("case $line", once + "case $line", 1))

    done = with_images(build).run("publish.sh")

    assert done.returncode == 0, done.stderr
    assert len([call for call in build.calls if "ecr wait" in call]) == 2


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"CODEBUILD_BUILD_SUCCEEDING": "0"}, "An earlier step failed"),
        ({"CODEBUILD_RESOLVED_SOURCE_VERSION": "main"}, "40 hexadecimal digits"),
        ({"REGISTRY": ""}, "REGISTRY"),
    ],
)
def test_publishing_refuses_what_is_no_good_build(
    build: Build, more: dict[str, str], sentence: str
) -> None:
    done = with_images(build).run("publish.sh", **more)

    assert done.returncode != 0
    assert sentence in done.stderr
    assert build.calls == []


def test_a_commit_built_again_keeps_its_image(build: Build) -> None:
    done = with_images(build).run("publish.sh", RELEASED="yes")

    assert done.returncode == 0, done.stderr
    assert not [call for call in build.calls if call.startswith("docker push")]
    assert (build.package / "packaged.yaml").exists()


@pytest.mark.parametrize(
    ("frontend", "names"), [(False, ["segmentation"]), (True, ["segmentation", "reading-room"])]
)
def test_images_are_those_that_the_commit_has(
    build: Build, frontend: bool, names: list[str]
) -> None:
    if frontend:
        (build.root / "frontend").mkdir()
        (build.root / "frontend/Dockerfile").write_text("FROM scratch\n")

    done = build.run("build_images.sh")

    assert done.returncode == 0, done.stderr
    assert (build.root / "out/images.txt").read_text().split() == names
    built = [call for call in build.calls if call.startswith("docker build")]
    assert [f"--tag mri-{name}:{COMMIT} " in call for name, call in zip(names, built, strict=True)]
    # SageMaker takes no index of manifests, which an attestation would make.
    assert all("--provenance=false" in call for call in built)


def test_an_image_that_cannot_be_built_stops_the_build(build: Build) -> None:
    done = build.run("build_images.sh", FAIL="docker build")

    assert done.returncode != 0
    assert (build.root / "out/images.txt").read_text() == ""


def test_a_known_flaw_stops_the_build_unless_accepted_by_its_id(build: Build) -> None:
    with_images(build)
    assert build.run("list_contents.sh", FAIL="pip-audit").returncode != 0
    accepted = build.root / "pipeline/accepted_flaws.txt"
    accepted.write_text(accepted.read_text() + "PYSEC-2026-1 not reachable: we read no XML\n")

    assert build.run("list_contents.sh").returncode == 0
    audits = [call for call in build.calls if call.startswith("pip-audit")]
    assert audits[-1].endswith("--ignore-vuln PYSEC-2026-1")
    assert "#" not in audits[-1]


# ---- smoke test --------------------------------------------------------------------------------

STAGE = smoke_test.Stage("staging", "123456789012", "eu-central-1")
GOOD = {
    "ok": True,
    "checks": [{"name": "database", "ok": True, "message": "answers", "next_step": ""}],
}
BAD = {
    "ok": False,
    "checks": [
        *GOOD["checks"],  # type: ignore[misc]
        {"name": "endpoint", "ok": False, "message": "There is none.", "next_step": "Deploy it."},
    ],
}


class Answer:
    def __init__(self, document: Any) -> None:
        self._document = document

    def read(self) -> bytes:
        return json.dumps(self._document).encode()


class Functions:
    def __init__(self, document: Any, error: bool = False) -> None:
        self.answer = {"Payload": Answer(document)} | (
            {"FunctionError": "Unhandled"} if error else {}
        )
        self.asked: list[str] = []

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        self.asked.append(FunctionName)
        assert json.loads(Payload) == {}
        return self.answer


class Workflow:
    """Answers of ``describe_execution``, one after the other; the last one stays."""

    class exceptions:
        class ExecutionDoesNotExist(Exception): ...

    def __init__(self, *answers: dict[str, Any] | None) -> None:
        self._answers = list(answers)

    def describe_execution(self, executionArn: str) -> dict[str, Any]:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if answer is None:
            raise self.exceptions.ExecutionDoesNotExist
        return answer


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(smoke_test, "_POLL_SECONDS", 0.0)
    with mock_aws():
        s3 = boto3.client("s3", region_name="eu-central-1")
        for bucket in (STAGE.images_bucket, STAGE.results_bucket):
            s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
            )
        s3.put_bucket_versioning(
            Bucket=STAGE.images_bucket, VersioningConfiguration={"Status": "Enabled"}
        )
        yield s3


def put_report(s3: Any, **more: Any) -> None:
    report = {
        "job_id": "job",
        "status": "draft",
        "verdict": "pass",
        "key_findings": ["one"],
    } | more
    key = StudyKeys(smoke_test.ORGANIZATION, "job").report
    s3.put_object(Bucket=STAGE.results_bucket, Key=key, Body=json.dumps(report))


def test_smoke_test_knows_the_places_and_names_of_the_product(storage: Any, tmp_path: Path) -> None:
    sample = tmp_path / "scan"
    sample.write_bytes(b"a scan")

    job_id, execution_arn = smoke_test.submit(storage, STAGE, sample)

    key = StudyKeys(smoke_test.ORGANIZATION, job_id).upload
    found = storage.get_object(Bucket=STAGE.images_bucket, Key=key)
    name = execution_name(STAGE.images_bucket, key, found["VersionId"])
    assert found["Body"].read() == b"a scan"
    assert execution_arn.endswith(f":execution:mri-analysis-staging:{name}")
    resources = ROOT["Resources"]
    assert resources["ImagesBucket"]["Properties"]["BucketName"]["Fn::Sub"].startswith(
        "healthcare-mri-images-"
    )
    functions = [
        r["Properties"]["FunctionName"]
        for r in resources.values()
        if r["Type"] == "AWS::Lambda::Function"
    ]
    assert {"Fn::Sub": "check-deployment-${Stage}"} in functions


def test_good_stage_passes(storage: Any, capsys: pytest.CaptureFixture[str]) -> None:
    functions = Functions(GOOD)
    smoke_test.check_deployment(functions, STAGE)
    smoke_test.wait_for(Workflow(None, {"status": "RUNNING"}, {"status": "SUCCEEDED"}), "arn", 60)
    put_report(storage)

    assert functions.asked == ["check-deployment-staging"]
    assert smoke_test.check_report(storage, STAGE, "job") == "pass"
    assert "ok     database: answers" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("functions", "sentence"),
    [
        (Functions(BAD), "endpoint: There is none. Deploy it."),
        (Functions({"errorType": "KeyError"}, error=True), "KeyError"),
    ],
)
def test_stage_that_finds_a_fault_fails_with_it(functions: Functions, sentence: str) -> None:
    with pytest.raises(smoke_test.Failed, match=re.escape(sentence)):
        smoke_test.check_deployment(functions, STAGE)


@pytest.mark.parametrize(
    ("workflow", "sentence"),
    [
        (
            Workflow({"status": "FAILED", "error": "NotABrain", "cause": "No head."}),
            "NotABrain: No head.",
        ),
        (Workflow({"status": "TIMED_OUT"}), "TIMED_OUT"),
        (Workflow({"status": "RUNNING"}), "did not end"),
        (Workflow(None), "No execution began"),
    ],
)
@pytest.mark.usefixtures("storage")
def test_study_that_does_not_succeed_fails(workflow: Workflow, sentence: str) -> None:
    with pytest.raises(smoke_test.Failed, match=sentence):
        smoke_test.wait_for(workflow, "arn", 0)


@pytest.mark.parametrize(
    ("leave", "sentence"),
    [
        (lambda s3: None, "left no results/smoke-test/job/report.json"),
        (lambda s3: put_report(s3, verdict="warn"), "'warn'; it must be 'pass'"),
        (lambda s3: put_report(s3, job_id="other"), "not the draft of study job"),
        (lambda s3: put_report(s3, key_findings=[]), "no finding"),
    ],
)
def test_report_that_is_not_the_samples_fails(
    storage: Any, leave: Callable[[Any], None], sentence: str
) -> None:
    leave(storage)

    with pytest.raises(smoke_test.Failed, match=re.escape(sentence)):
        smoke_test.check_report(storage, STAGE, "job")


@pytest.mark.usefixtures("storage")
def test_failure_is_a_sentence_and_an_exit_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")

    assert smoke_test.main(["--stage", "staging", "--check-only"]) == 1

    told = capsys.readouterr().err
    assert told.startswith(
        "The smoke test of staging failed: The function check-deployment-staging"
    )
    assert "Traceback" not in told
