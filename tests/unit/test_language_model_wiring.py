"""Which language model writes reports is said by the settings, and by them alone."""

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from mri_analysis import wiring
from mri_analysis.errors import SettingInvalid
from mri_analysis.settings import settings

_CACHES = (settings, wiring.language_model, wiring.output_guardrail)


@pytest.fixture(autouse=True)
def _read_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    for cached in _CACHES:
        cached.cache_clear()
    yield
    for cached in _CACHES:
        cached.cache_clear()


def given(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_nothing_set_is_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    # As the template passes parameters that were left empty.
    empty = dict.fromkeys(
        ("BEDROCK_MODEL_ID", "BEDROCK_TEMPERATURE", "LLM_URL", "LANGUAGE_MODEL_INPUT_PRICE"), ""
    )
    given(monkeypatch, **empty)

    assert wiring.language_model() is None
    assert wiring.output_guardrail() is None
    assert wiring.token_prices().input_usd is None


def test_bedrock(monkeypatch: pytest.MonkeyPatch) -> None:
    given(
        monkeypatch,
        BEDROCK_MODEL_ID="eu.vendor.model",
        BEDROCK_TEMPERATURE="0",
        BEDROCK_GUARDRAIL_ID="abc",
        BEDROCK_GUARDRAIL_VERSION="2",
        LANGUAGE_MODEL_INPUT_PRICE="3",
        LANGUAGE_MODEL_OUTPUT_PRICE="15.5",
    )
    model, guardrail = wiring.language_model(), wiring.output_guardrail()

    assert model is not None
    assert model.name == "bedrock:eu.vendor.model"
    assert guardrail is not None
    assert guardrail.name == "abc:2"
    assert (wiring.token_prices().input_usd, wiring.token_prices().output_usd) == (3, 15.5)


def test_server_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, LLM_URL="http://127.0.0.1:8000", LLM_MODEL="qwen")
    model = wiring.language_model()

    assert model is not None
    assert model.name == "openai-compatible:qwen"


@mock_aws
def test_key_comes_from_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client("secretsmanager")
    arn = client.create_secret(Name="llm", SecretString="k3y\n")["ARN"]
    given(monkeypatch, LLM_API_KEY="another", LLM_API_KEY_SECRET_ARN=arn)

    assert wiring._llm_api_key() == "k3y"


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"LLM_URL": "http://127.0.0.1", "BEDROCK_MODEL_ID": "m"}, "both set"),
        ({"LLM_URL": "http://127.0.0.1"}, "LlmModel is missing"),
        ({"LLM_URL": "http://8.8.8.8", "LLM_MODEL": "m"}, "Plain http"),
    ],
)
def test_contradiction_is_named(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], sentence: str
) -> None:
    given(monkeypatch, **variables)

    with pytest.raises(SettingInvalid, match=sentence):
        wiring.language_model()
