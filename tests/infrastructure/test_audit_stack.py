"""What no linter sees in ``infrastructure/audit.yaml``."""

from typing import Any

import pytest

from local_stack.intrinsics import TemplateError
from tests.infrastructure.stacks import read, resolve

TEMPLATE = read("audit")
PARAMETERS = {
    "Stage": "prod",
    "KeyArn": "arn:aws:kms:eu-central-1:111122223333:key/1234abcd",
    "ImagesBucketArn": "arn:aws:s3:::images",
    "ResultsBucketArn": "arn:aws:s3:::results",
    "LogsBucketName": "mri-access-logs",
}
RESOURCES = resolve(TEMPLATE, PARAMETERS)
TRAIL: dict[str, Any] = RESOURCES["Trail"]["Properties"]
BUCKET: dict[str, Any] = RESOURCES["Bucket"]["Properties"]


def selectors() -> list[dict[str, dict[str, Any]]]:
    return [
        {field["Field"]: field for field in selector["FieldSelectors"]}
        for selector in TRAIL["AdvancedEventSelectors"]
    ]


def statement(sid: str) -> dict[str, Any]:
    document = RESOURCES["BucketPolicy"]["Properties"]["PolicyDocument"]
    (found,) = [s for s in document["Statement"] if s["Sid"] == sid]
    return dict(found)


def test_trail_sees_the_whole_account_and_can_prove_its_files() -> None:
    assert TRAIL["IsLogging"] is TRAIL["IsMultiRegionTrail"] is True
    assert TRAIL["EnableLogFileValidation"] is True
    assert TRAIL["KMSKeyId"] == PARAMETERS["KeyArn"]
    assert TRAIL["CloudWatchLogsLogGroupArn"] == "<Logs.Arn>"


def test_reads_and_writes_of_both_buckets_are_recorded() -> None:
    management, data = selectors()

    assert management.keys() == {"eventCategory"}
    assert management["eventCategory"]["Equals"] == ["Management"]
    assert data["eventCategory"]["Equals"] == ["Data"]
    # With the slash: "results" alone would match "results-of-somebody-else".
    assert data["resources.ARN"]["StartsWith"] == ["arn:aws:s3:::images/", "arn:aws:s3:::results/"]
    # Neither reads nor writes are left out.
    assert "readOnly" not in data


def test_no_record_can_be_deleted_for_six_years() -> None:
    retention = BUCKET["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]

    assert BUCKET["ObjectLockEnabled"] is True
    assert BUCKET["VersioningConfiguration"] == {"Status": "Enabled"}
    assert (retention["Mode"], retention["Years"]) == ("COMPLIANCE", "6")
    assert RESOURCES["Bucket"]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert RESOURCES["Bucket"]["UpdateReplacePolicy"] == "Retain"
    # Nothing expires a record, whatever it costs to keep.
    rules = BUCKET["LifecycleConfiguration"]["Rules"]
    assert not [rule for rule in rules if "ExpirationInDays" in rule]


def test_bucket_is_private_encrypted_and_logged() -> None:
    (rule,) = BUCKET["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    deny = statement("TlsOnly")

    assert all(BUCKET["PublicAccessBlockConfiguration"].values())
    assert rule["ServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": PARAMETERS["KeyArn"],
    }
    assert BUCKET["LoggingConfiguration"]["DestinationBucketName"] == "mri-access-logs"
    assert (deny["Effect"], deny["Condition"]) == (
        "Deny",
        {"Bool": {"aws:SecureTransport": "false"}},
    )


@pytest.mark.parametrize("sid", ["TrailLooksAtItsBucket", "TrailWrites"])
def test_bucket_lets_in_this_trail_only(sid: str) -> None:
    found = statement(sid)
    arn = found["Condition"]["StringEquals"]["aws:SourceArn"]

    assert found["Principal"] == {"Service": "cloudtrail.amazonaws.com"}
    # Spelled out in the policy, so it must be the trail's name.
    assert arn.endswith(f":trail/{TRAIL['TrailName']}")
    assert RESOURCES["Trail"]["DependsOn"] == "BucketPolicy"


def test_role_writes_to_this_log_group_only() -> None:
    role = RESOURCES["LogsRole"]["Properties"]
    (policy,) = role["Policies"]
    (allow,) = policy["PolicyDocument"]["Statement"]

    assert set(allow["Action"]) == {"logs:CreateLogStream", "logs:PutLogEvents"}
    assert ":log-group:<Logs>:log-stream:" in allow["Resource"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"]["StringEquals"]["aws:SourceArn"].endswith(TRAIL["TrailName"])


def test_role_carries_the_boundary_where_one_is_given() -> None:
    boundary = "arn:aws:iam::111122223333:policy/boundary"
    bounded = resolve(TEMPLATE, PARAMETERS | {"PermissionsBoundaryArn": boundary})

    assert bounded["LogsRole"]["Properties"]["PermissionsBoundary"] == boundary
    assert "PermissionsBoundary" not in RESOURCES["LogsRole"]["Properties"]


def test_logs_are_encrypted_and_end() -> None:
    resources = resolve(TEMPLATE, PARAMETERS | {"LogRetentionDays": "2192"})
    logs = resources["Logs"]["Properties"]

    assert (logs["KmsKeyId"], logs["RetentionInDays"]) == (PARAMETERS["KeyArn"], "2192")


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("LockMode", "NONE"), ("RetentionYears", "0"), ("ImagesBucketArn", "images")],
)
def test_wrong_parameters_are_refused(name: str, wrong: str) -> None:
    with pytest.raises(TemplateError, match=name):
        resolve(TEMPLATE, PARAMETERS | {name: wrong})
