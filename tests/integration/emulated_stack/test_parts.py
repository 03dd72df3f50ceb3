"""What the second engine consists of beside MiniStack, which is not installed for the tests."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from emulated_stack.certificate import write_certificate
from emulated_stack.emulator import Emulator, EmulatorFailed
from emulated_stack.launcher import answering_for_the_failed
from emulated_stack.sagemaker_control import SageMakerControl
from emulated_stack.sam import Sam, SamFailed
from emulated_stack.stack import EmulatedStack
from local_stack.account import ACCOUNT_ID, REGION


@pytest.fixture
def control() -> Iterator[SageMakerControl]:
    control = SageMakerControl(["mri-segmentation"])
    control.start()
    yield control
    control.stop()


def sagemaker(control: SageMakerControl) -> object:
    return boto3.client(
        "sagemaker",
        endpoint_url=control.url,
        region_name=REGION,
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )


def test_endpoint_is_in_service(control: SageMakerControl) -> None:
    answer = sagemaker(control).describe_endpoint(EndpointName="mri-segmentation")

    assert answer["EndpointStatus"] == "InService"
    assert answer["EndpointArn"].endswith(f":{ACCOUNT_ID}:endpoint/mri-segmentation")


def test_endpoint_that_is_not_there_is_not_found(control: SageMakerControl) -> None:
    with pytest.raises(ClientError, match="Could not find endpoint") as caught:
        sagemaker(control).describe_endpoint(EndpointName="another")

    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_certificate_can_be_trusted(tmp_path: Path) -> None:
    certificate, key = tmp_path / "tls" / "certificate.pem", tmp_path / "tls" / "key.pem"
    write_certificate(certificate, key)

    assert key.stat().st_mode & 0o077 == 0
    assert ssl.create_default_context(cafile=str(certificate)).cert_store_stats()["x509"] == 1
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)


def test_emulator_that_is_not_installed_says_what_to_do(tmp_path: Path) -> None:
    emulator = Emulator(tmp_path / "no" / "python", tmp_path, {})

    with pytest.raises(EmulatorFailed, match="make deploy-emulated"):
        emulator.start()


def test_emulator_that_ends_shows_the_end_of_its_log(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho the reason; exit 3\n")
    python.chmod(0o755)

    with pytest.raises(EmulatorFailed, match="the reason"):
        Emulator(python, tmp_path, {}).start()


def test_failed_command_shows_what_failed_and_how_it_ended(tmp_path: Path) -> None:
    sam = tmp_path / "sam"
    rows = ["CREATE_FAILED  AWS::S3::Bucket  ImagesBucket", *["DELETE_COMPLETE"] * 50]
    sam.write_text("#!/bin/sh\n" + "".join(f"echo '{row}'\n" for row in rows) + "exit 4\n")
    sam.chmod(0o755)

    with pytest.raises(SamFailed, match=r"(?s)ImagesBucket.*status 4"):
        Sam(sam, tmp_path / "sam.log").build(Path("template.yaml"), tmp_path / "built")


CUSTOM_RESOURCE = {"ResponseURL": "https://127.0.0.1:1/_ministack/cfn-response/token-1"}


def test_custom_resource_whose_function_fails_is_answered_for_at_once() -> None:
    answers: dict[str, dict[str, Any]] = {}
    failed = {"error": True, "body": {"errorType": "ImportError", "errorMessage": "no driver"}}
    execute = answering_for_the_failed(lambda func, event: failed, answers.__setitem__)

    assert execute({}, CUSTOM_RESOURCE) is failed
    assert answers["token-1"]["Status"] == "FAILED"
    assert "ImportError: no driver" in answers["token-1"]["Reason"]


def test_custom_resource_whose_function_cannot_be_run_is_answered_for_at_once() -> None:
    answers: dict[str, dict[str, Any]] = {}

    def execute(func: Any, event: Any) -> Any:
        raise RuntimeError("no such interpreter")

    with pytest.raises(RuntimeError, match="no such interpreter"):
        answering_for_the_failed(execute, answers.__setitem__)({}, CUSTOM_RESOURCE)

    assert "no such interpreter" in answers["token-1"]["Reason"]


@pytest.mark.parametrize(
    ("event", "result"),
    [(CUSTOM_RESOURCE, {"body": None}), ({}, {"error": True, "body": "x"}), ([], {"error": True})],
)
def test_other_functions_answer_for_themselves(event: Any, result: Any) -> None:
    answers: dict[str, dict[str, Any]] = {}

    executed = answering_for_the_failed(lambda func, event: result, answers.__setitem__)({}, event)

    assert executed is result
    assert not answers


def test_two_at_once_do_not_take_each_others_files(tmp_path: Path) -> None:
    first, second = (EmulatedStack(tmp_path, tmp_path / "emulated") for _ in range(2))
    first._be_the_only_one()

    with pytest.raises(EmulatorFailed, match="Another emulated deployment"):
        second._be_the_only_one()

    first._closing.close()
    second._be_the_only_one()
    second._closing.close()
