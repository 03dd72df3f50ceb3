"""What no linter sees in ``infrastructure/firewall.yaml``."""

import json
from typing import Any

import pytest

from local_stack.intrinsics import TemplateError
from tests.infrastructure.stacks import of_type, read, resolve

TEMPLATE = read("firewall")
PARAMETERS = {
    "Stage": "staging",
    "KeyArn": "arn:aws:kms:eu-central-1:111122223333:key/1234abcd",
    "RestApiStageArn": "arn:aws:apigateway:eu-central-1::/restapis/a1b2/stages/staging",
}
BALANCER = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/app/mri/1"
RESOURCES = resolve(TEMPLATE, PARAMETERS)
ACL: dict[str, Any] = RESOURCES["WebAcl"]["Properties"]
RULES: dict[str, dict[str, Any]] = {rule["Name"]: rule for rule in ACL["Rules"]}


def managed() -> dict[str, dict[str, Any]]:
    found = [r["Statement"].get("ManagedRuleGroupStatement") for r in RULES.values()]
    return {group["Name"]: group for group in found if group}


def test_rules_have_an_order_and_their_own_metric() -> None:
    assert len({rule["Priority"] for rule in RULES.values()}) == len(RULES)
    assert len({r["VisibilityConfig"]["MetricName"] for r in RULES.values()}) == len(RULES)


def test_the_managed_rules_block() -> None:
    assert managed().keys() == {
        "AWSManagedRulesCommonRuleSet",
        "AWSManagedRulesKnownBadInputsRuleSet",
        "AWSManagedRulesAmazonIpReputationList",
        "AWSManagedRulesSQLiRuleSet",
    }
    for rule in RULES.values():
        if "ManagedRuleGroupStatement" in rule["Statement"]:
            assert rule["OverrideAction"] == {"None": {}}
        else:
            assert "Block" in rule["Action"]


def test_only_the_size_of_a_body_is_counted_instead_and_blocked_by_a_rule_of_ours() -> None:
    overrides = [o for group in managed().values() for o in group.get("RuleActionOverrides", [])]
    size = RULES["body-size"]["Statement"]["SizeConstraintStatement"]

    assert [(o["Name"], o["ActionToUse"]) for o in overrides] == [
        ("SizeRestrictions_BODY", {"Count": {}})
    ]
    # What is larger than the part that WAF sees counts as larger, it does not pass unseen.
    assert size["FieldToMatch"] == {"Body": {"OversizeHandling": "MATCH"}}
    assert ACL["AssociationConfig"]["RequestBody"]["API_GATEWAY"] == {
        "DefaultSizeInspectionLimit": "KB_64"
    }
    assert size["Size"] < 64 * 1024


def test_requests_of_one_address_are_limited() -> None:
    resources = resolve(TEMPLATE, PARAMETERS | {"RequestsPerFiveMinutes": "123"})
    (rate,) = [r for r in resources["WebAcl"]["Properties"]["Rules"] if r["Name"] == "rate"]
    limit = rate["Statement"]["RateBasedStatement"]

    assert (limit["Limit"], limit["EvaluationWindowSec"]) == ("123", 300)


@pytest.mark.parametrize(("balancer", "count"), [("", 1), (BALANCER, 2)])
def test_stage_is_protected_and_the_load_balancer_where_there_is_one(
    balancer: str, count: int
) -> None:
    resources = resolve(TEMPLATE, PARAMETERS | {"LoadBalancerArn": balancer})
    found = of_type(resources, "AWS::WAFv2::WebACLAssociation").values()

    wanted = {PARAMETERS["RestApiStageArn"], balancer} - {""}
    assert {association["ResourceArn"] for association in found} == wanted
    assert len(found) == count


def test_log_is_encrypted_and_hides_sessions() -> None:
    logs = RESOURCES["Logs"]["Properties"]
    logging = RESOURCES["Logging"]["Properties"]
    headers = {f["SingleHeader"]["Name"] for f in logging["RedactedFields"] if "SingleHeader" in f}

    # WAF takes no other name, and no ARN with the ":*" that GetAtt gives.
    assert logs["LogGroupName"].startswith("aws-waf-logs-")
    assert logs["KmsKeyId"] == PARAMETERS["KeyArn"]
    assert logs["RetentionInDays"]
    assert logging["LogDestinationConfigs"][0].endswith(":log-group:<Logs>")
    assert headers == {"authorization", "cookie"}
    assert {"QueryString": {}} in logging["RedactedFields"]
    assert not ACL["VisibilityConfig"]["SampledRequestsEnabled"]


def test_policy_of_the_log_is_for_this_account_and_group() -> None:
    document = RESOURCES["LogsPolicy"]["Properties"]["PolicyDocument"]
    (statement,) = json.loads(document)["Statement"]

    assert statement["Principal"] == {"Service": "delivery.logs.amazonaws.com"}
    assert statement["Resource"] == "<Logs.Arn>"
    assert statement["Condition"]["StringEquals"]["aws:SourceAccount"].isdigit()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("RestApiStageArn", "a1b2/staging"),
        ("LoadBalancerArn", "mri"),
        ("RequestsPerFiveMinutes", "1"),
    ],
)
def test_wrong_parameters_are_refused(name: str, wrong: str) -> None:
    with pytest.raises(TemplateError, match=name):
        resolve(TEMPLATE, PARAMETERS | {name: wrong})
