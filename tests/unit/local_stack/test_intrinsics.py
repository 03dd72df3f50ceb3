"""CloudFormation's functions, one by one."""

from __future__ import annotations

from typing import Any

import pytest

from local_stack.intrinsics import Resolver, TemplateError, parameter_values

TEMPLATE = {
    "Mappings": {"Sizes": {"dev": {"Memory": 512}}},
    "Conditions": {
        "IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]},
        "IsDev": {"Fn::Not": [{"Condition": "IsProd"}]},
        "Either": {"Fn::Or": [{"Condition": "IsProd"}, {"Condition": "IsDev"}]},
        "Both": {"Fn::And": [{"Condition": "IsProd"}, {"Condition": "IsDev"}]},
    },
}


class Bucket:
    def has(self, logical_id: str) -> bool:
        return logical_id == "Bucket"

    def ref(self, logical_id: str) -> str:
        return "the-bucket"

    def get_att(self, logical_id: str, attribute: str) -> str:
        return f"the-bucket's {attribute}"


@pytest.fixture
def resolver() -> Resolver:
    parameters = {"Stage": "dev", "Subnets": ["a", "b"]}
    return Resolver(TEMPLATE, parameters, Bucket(), "mri", {"ssm:/url": "mysql://db"})


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ({"Ref": "Stage"}, "dev"),
        ({"Ref": "Subnets"}, ["a", "b"]),
        ({"Ref": "Bucket"}, "the-bucket"),
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Ref": "AWS::StackName"}, "mri"),
        ({"Fn::GetAtt": ["Bucket", "Arn"]}, "the-bucket's Arn"),
        ({"Fn::GetAtt": "Bucket.Arn"}, "the-bucket's Arn"),
        (
            {"Fn::Sub": "${Bucket}/${Bucket.Arn}/${!Literal}"},
            "the-bucket/the-bucket's Arn/${Literal}",
        ),
        ({"Fn::Sub": ["${A}-${AWS::Partition}", {"A": {"Ref": "Stage"}}]}, "dev-aws"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Stage"}]]}, "a-dev"),
        ({"Fn::Join": [",", {"Ref": "Subnets"}]}, "a,b"),
        ({"Fn::Select": ["1", {"Fn::Split": ["/", "x/y"]}]}, "y"),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Stage"}, "Memory"]}, 512),
        ({"Fn::FindInMap": ["Sizes", "prod", "Memory", {"DefaultValue": 1}]}, 1),
        ({"Fn::If": ["IsProd", "yes", "no"]}, "no"),
        ({"Fn::If": ["Either", "yes", "no"]}, "yes"),
        ({"Fn::If": ["Both", "yes", "no"]}, "no"),
        ({"Fn::Base64": "abc"}, "YWJj"),
        ({"a": {"Ref": "AWS::NoValue"}, "b": 1}, {"b": 1}),
        (["x", {"Fn::If": ["IsProd", "y", {"Ref": "AWS::NoValue"}]}], ["x"]),
        ("{{resolve:ssm:/url}}", "mysql://db"),
        ({"Condition": {"Bool": {"aws:SecureTransport": "false"}}},) * 2,
        (True, True),
    ],
)
def test_value(resolver: Resolver, node: Any, value: Any) -> None:
    assert resolver.value(node) == value


@pytest.mark.parametrize(
    "node",
    [
        {"Fn::ImportValue": "other-stack"},
        {"Ref": "Nothing"},
        {"Fn::GetAtt": ["Nothing", "Arn"]},
        {"Fn::Select": [5, ["a"]]},
        {"Fn::FindInMap": ["Sizes", "prod", "Memory"]},
        {"Fn::If": ["Nothing", 1, 2]},
    ],
)
def test_what_cannot_be_resolved_is_refused(resolver: Resolver, node: Any) -> None:
    with pytest.raises(TemplateError):
        resolver.value(node)


def test_unknown_dynamic_reference_stays_and_is_reported(resolver: Resolver) -> None:
    text = "{{resolve:secretsmanager:db:SecretString:password}}"

    assert resolver.value(text) == text
    assert resolver.unresolved_references == {"secretsmanager:db:SecretString:password"}


def test_parameter_values() -> None:
    declared = {
        "Stage": {"Type": "String", "AllowedValues": ["dev", "prod"], "Default": "dev"},
        "Days": {"Type": "Number", "Default": 30},
        "Subnets": {"Type": "CommaDelimitedList", "Default": "a,b"},
        "Url": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/url"},
    }

    assert parameter_values(declared, {"Stage": "prod"}, {"/url": "x"}) == {
        "Stage": "prod",
        "Days": "30",
        "Subnets": ["a", "b"],
        "Url": "x",
    }
    for given in ({"Stage": "test"}, {"Unknown": "1"}):
        with pytest.raises(TemplateError):
            parameter_values(declared, given)
    with pytest.raises(TemplateError, match="has no default"):
        parameter_values({"Needed": {"Type": "String"}}, {})


@pytest.mark.parametrize(
    ("value", "sentence"),
    [("5", "An even number, please."), ("x", "number"), ("40", "from 1 to 30")],
)
def test_refused_parameter_says_why(value: str, sentence: str) -> None:
    declared = {
        "Size": {
            "Type": "String" if value == "5" else "Number",
            "AllowedPattern": "[02468]+" if value == "5" else ".*",
            "MinValue": 1,
            "MaxValue": 30,
            **({"ConstraintDescription": "An even number, please."} if value == "5" else {}),
        }
    }

    with pytest.raises(TemplateError, match=sentence):
        parameter_values(declared, {"Size": value})


def rules(given: dict[str, str]) -> Resolver:
    template = {
        "Rules": {
            "Guardrail": {
                "RuleCondition": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Guardrail"}, ""]}]},
                "Assertions": [
                    {
                        "Assert": {"Fn::Contains": [["a", "b"], {"Ref": "Model"}]},
                        "AssertDescription": "A guardrail needs model a or b.",
                    }
                ],
            }
        }
    }
    return Resolver(template, given, Bucket(), "mri")


def test_broken_rule_is_told_in_its_own_words() -> None:
    with pytest.raises(TemplateError, match=r"A guardrail needs model a or b\."):
        rules({"Guardrail": "g", "Model": "c"}).check_rules()


@pytest.mark.parametrize(
    "given", [{"Guardrail": "g", "Model": "a"}, {"Guardrail": "", "Model": "c"}]
)
def test_rules_that_hold_say_nothing(given: dict[str, str]) -> None:
    rules(given).check_rules()
