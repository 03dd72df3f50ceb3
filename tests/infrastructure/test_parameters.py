"""A wrong or missing parameter stops before anything is created, with a sentence."""

import re
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from local_stack.intrinsics import Resolver, TemplateError, parameter_values
from local_stack.template import translate

TEMPLATE = translate(Path("template.yaml"), {}).body
DECLARED: dict[str, dict[str, Any]] = TEMPLATE["Parameters"]
DEV = {"DatabaseUrl": "sqlite:///mri.db"}
TITAN = "amazon.titan-embed-text-v2:0"
LLM = {"LlmUrl": "https://llm.example/v1", "LlmModel": "vendor/model"}
SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:llm-AbCdEf"
PROD = {
    "Stage": "prod",
    "DatabaseKind": "aurora-serverless",
    "DatabaseHighAvailability": "true",
    "DeployAudit": "true",
    "DeploymentType": "Canary10Percent5Minutes",
}
IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/mri-segmentation:0a1b2c3"


class NoResources:
    def has(self, logical_id: str) -> bool:
        return False

    def ref(self, logical_id: str) -> None: ...

    def get_att(self, logical_id: str, attribute: str) -> None: ...


def check(given: dict[str, str]) -> None:
    """What CloudFormation does with the parameters before it creates anything."""
    Resolver(TEMPLATE, parameter_values(DECLARED, given), NoResources(), "mri").check_rules()


@pytest.mark.parametrize(
    "given",
    [
        DEV,
        PROD,
        PROD
        | {"SearchKind": "domain", "RequireKnowledgeIndex": "true"}
        | {"SearchInstanceCount": "2"},
        DEV | {"SegmentationImageUri": IMAGE},
        DEV | LLM | {"LlmApiKeySecretArn": SECRET, "LlmAnswerForm": "tool"},
        DEV
        | {"BedrockModelId": "eu.vendor.model", "BedrockTemperature": "0"}
        | {"LanguageModelInputPrice": "3", "LanguageModelOutputPrice": "15.5"},
        DEV | {"VpcCidr": "192.168.255.0/22", "UploadVisibilityTimeout": "60"},
        DEV | {"VpcCidr": "223.250.199.0/16", "KnowledgeSnapshotPath": "/opt/other.sqlite"},
        {"DatabaseUrl": "mysql+pymysql://mri_app@db.example:3306/mri_analysis?charset=utf8mb4"},
        {"DatabaseUrl": "mysql+pymysql://root@127.0.0.1:3306/chain?charset=utf8mb4"},
    ],
)
def test_right_parameters_pass(given: dict[str, str]) -> None:
    check(given)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "DatabaseUrl is missing"),
        ({"DatabaseUrl": "mysql+pymysql://mri:secret@db.example/mri"}, "without a password"),
        ({"DatabaseUrl": "db.example"}, "SQLAlchemy address"),
        ({"DatabaseKind": "postgres"}, "external"),
        (DEV | {"DatabaseKind": "mysql"}, "DatabaseUrl and DatabaseSecretArn are for"),
        (DEV | {"Stage": "Prod"}, "lower-case letters"),
        (DEV | {"Runtime": "python3.9"}, "Python 3.13"),
        (DEV | {"LogRetentionDays": "100"}, "retention periods"),
        (DEV | {"SegmentationImageUri": "mri:latest"}, "An image in ECR"),
        (DEV | {"SegmentationChallengerWeight": "10"}, "SegmentationChallengerImageUri"),
        (DEV | {"SegmentationChallengerWeight": "101"}, "A whole number from 0 to 100"),
        (DEV | {"VpcCidr": "999.1.1.1/16"}, "An IPv4 range from /16"),
        (DEV | {"VpcCidr": "10.256.0.0/16"}, "An IPv4 range from /16"),
        (DEV | {"VpcCidr": "0.40.0.0/16"}, "An IPv4 range from /16"),
        (DEV | {"VpcCidr": "224.0.0.0/16"}, "An IPv4 range from /16"),
        (DEV | {"UploadVisibilityTimeout": "10"}, "seconds from 60"),
        (DEV | {"UploadVisibilityTimeout": "43201"}, "to 43200"),
        (DEV | {"KnowledgeSnapshotPath": "/nowhere"}, "below /opt"),
        (DEV | {"KnowledgeSnapshotPath": "/opt/../etc/x.sqlite"}, "below /opt"),
        (DEV | {"KnowledgeSnapshotPath": ""}, "below /opt"),
        (DEV | {"VisionLanguageImageUri": IMAGE}, "VisionLanguageModelDataUrl"),
        (DEV | {"BedrockGuardrailId": "abc123"}, "BedrockGuardrailVersion"),
        (DEV | {"BedrockGuardrailVersion": "DRAFT"}, "published version"),
        (DEV | {"LlmUrl": "https://llm.example"}, "LlmUrl needs LlmModel"),
        (DEV | LLM | {"BedrockModelId": "a.model"}, "exclude each other"),
        (DEV | LLM | {"LlmUrl": "https://mri:hunter2@llm.example"}, "without user and password"),
        (DEV | {"LlmApiKeySecretArn": SECRET}, "needs LlmUrl"),
        (DEV | {"LlmApiKeySecretArn": "hunter2"}, "ARN of a secret"),
        (DEV | LLM | {"LlmCaFile": "ca.pem"}, "name of a PEM file"),
        (DEV | {"LanguageModelInputPrice": "3"}, "LanguageModelOutputPrice"),
        (DEV | {"LanguageModelInputPrice": "3 $"}, "USD per million"),
        (DEV | {"BedrockTemperature": "2"}, "from 0 to 1"),
        (DEV | {"RequireKnowledgeIndex": "true"}, "needs a search service"),
        (DEV | {"EmbeddingModelId": TITAN}, "needs a search service"),
        (DEV | {"EmbeddingModelId": "cohere.embed-v4:0"}, "amazon.titan-embed-text-v2:0"),
        (DEV | {"EmbeddingDimension": "300"}, "256, 512 and 1024"),
        (DEV | {"DeployReadingRoom": "true"}, "CertificateArn"),
        (DEV | {"CertificateArn": "arn:aws:iam::1:server-certificate/x"}, "certificate in ACM"),
        (DEV | {"AlarmEmail": "nobody"}, "A mail address"),
        (DEV | {"UploadTransitionDays": "10"}, "before 30 days"),
        (DEV | {"ReleaseId": "v1"}, "hexadecimal"),
        (PROD | {"DeployAudit": "false"}, "Stage prod needs"),
        (PROD | {"DeploymentType": "AllAtOnce"}, "Stage prod needs"),
        (PROD | {"DatabaseDeletionProtection": "false"}, "Stage prod needs"),
        (PROD | {"RequireMfa": "OPTIONAL"}, "Stage prod needs"),
        (PROD | {"DatabaseHighAvailability": "false"}, "DatabaseHighAvailability true"),
        (PROD | {"SearchKind": "domain"}, "SearchInstanceCount 2"),
        (DEV | {"SearchInstanceCount": "3"}, "two zones"),
        (DEV | {"EndpointZoneCount": "3"}, "ZoneCount 3"),
        (DEV | {"SegmentationInstanceType": "ml.p3.2xlarge"}, "CPU instance"),
        ({"DatabaseKind": "aurora"}, "larger DatabaseInstanceClass"),
        (DEV | {"Sage": "dev"}, "no parameter Sage"),
    ],
)
def test_wrong_parameter_stops_with_a_sentence(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(TemplateError, match=sentence):
        check(given)


def test_a_refused_address_does_not_show_its_password() -> None:
    with pytest.raises(TemplateError) as caught:
        check({"DatabaseUrl": "mysql+pymysql://mri:hunter2@db.example/mri"})

    assert "hunter2" not in str(caught.value)
    assert "db.example" in str(caught.value)


def test_every_constraint_has_words() -> None:
    constraints = ("AllowedPattern", "AllowedValues", "MinValue", "MaxValue", "MinLength")
    for name, declaration in DECLARED.items():
        if any(constraint in declaration for constraint in constraints):
            assert declaration.get("ConstraintDescription"), name
        assert declaration.get("Description"), name


@pytest.mark.parametrize(
    "path", [Path("template.yaml"), *sorted(Path("infrastructure").glob("*.yaml"))], ids=str
)
def test_every_constraint_is_a_sentence_that_says_what_is_allowed(path: Path) -> None:
    for name, declared in yaml_parse(path.read_text(encoding="utf-8"))["Parameters"].items():
        words = declared.get("ConstraintDescription")
        if words is not None:
            assert isinstance(words, str), name
            assert re.fullmatch(r"[A-Z/].*[.]", words), name
            assert len(words.split()) >= 4, name
        if least := declared.get("MinValue"):
            assert words is None or re.search(rf"\b{least}\b", words), name
        if "MaxValue" in declared and words is not None:
            assert str(declared["MaxValue"]) in words, name


def test_messages_come_back_no_sooner_than_the_function_can_end() -> None:
    limit = TEMPLATE["Resources"]["StartAnalysisFunction"]["Properties"]["Timeout"]

    assert DECLARED["UploadVisibilityTimeout"]["MinValue"] >= limit


def test_every_parameter_stands_in_a_group() -> None:
    groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]

    assert sorted(grouped) == sorted(DECLARED)
