"""Hashes that link studies of one subject, and the key they are made with."""

import hashlib
import hmac

import boto3
import pytest
from moto import mock_aws

from mri_analysis import wiring
from mri_analysis.errors import SettingInvalid
from mri_analysis.settings import settings
from mri_analysis.subjects import subject_hash

KEY = b"k" * 64


def test_hash_is_an_hmac_of_organization_and_subject() -> None:
    expected = hmac.new(KEY, b"demo\nMR 0042", hashlib.sha256).hexdigest()

    assert subject_hash("demo", "MR 0042", KEY) == expected
    assert subject_hash("demo", "  MR   0042 ", KEY) == expected


@pytest.mark.parametrize(
    ("organization", "subject", "key"),
    [
        ("demo", "mr 0042", KEY),  # case may tell two persons apart
        ("demo", "MR0042", KEY),
        ("other", "MR 0042", KEY),
        ("demo", "MR 0042", b"l" * 64),
    ],
)
def test_hash_differs_with_everything_that_it_is_made_of(
    organization: str, subject: str, key: bytes
) -> None:
    assert subject_hash(organization, subject, key) != subject_hash("demo", "MR 0042", KEY)


@mock_aws
@pytest.mark.parametrize(
    ("secret", "sentence"), [(None, "is missing"), ("x" * 31, "shorter than 32")]
)
def test_without_a_good_key_nothing_is_hashed(
    monkeypatch: pytest.MonkeyPatch, secret: str | None, sentence: str
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    arn = ""
    if secret:
        client = boto3.client("secretsmanager")
        arn = client.create_secret(Name="subjects", SecretString=secret)["ARN"]
    monkeypatch.setenv("SUBJECT_KEY_SECRET_ARN", arn)
    settings.cache_clear()
    wiring.subject_key.cache_clear()

    with pytest.raises(SettingInvalid, match=sentence):
        wiring.subject_key()

    settings.cache_clear()
