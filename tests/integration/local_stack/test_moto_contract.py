"""Each private part of moto that is replaced must still be there and still be called.

A failure here after an upgrade of moto says which correction in ``moto_corrections`` to look at.
"""

from __future__ import annotations

import base64
import inspect
import json

import moto.awslambda.models as lambda_models
import moto.s3.notifications as s3_notifications
import moto.sns.models as sns_models
from moto.stepfunctions.parser.asl.component.state.exec.state_task import (
    lambda_eval_utils,
    state_task_lambda,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_lambda,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import (  # noqa: E501
    StateTaskService,
)
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.responses import StepFunctionResponse

from local_stack import LocalStack
from tests.integration.local_stack.waiting import eventually


def test_the_replaced_functions_exist_in_moto(stack: LocalStack) -> None:
    for owner, name in (
        (lambda_models.LambdaFunction, "_invoke_lambda"),
        (lambda_models.LambdaFunction, "invoke"),
        (sns_models.Subscription, "publish"),
        (s3_notifications, "_get_s3_event"),
        (lambda_eval_utils, "execute_lambda_function_integration"),
        (Execution, "get_start_execution_details"),
        (StateTaskService, "_eval_execution"),
        (StepFunctionResponse, "send_task_failure"),
    ):
        replaced = getattr(owner, name)
        assert inspect.getmodule(replaced).__name__ == "local_stack.moto_corrections"  # type: ignore[union-attr]


def test_state_machine_calls_functions_through_the_module() -> None:
    # A name imported at the top of the caller could not be replaced.
    source = inspect.getsource(state_task_service_lambda)
    assert "lambda_eval_utils.execute_lambda_function_integration(" in source
    assert inspect.getsource(state_task_lambda)


def test_lambda_invoke_api_ends_in_the_runner(stack: LocalStack) -> None:
    answer = stack.client("lambda").invoke(
        FunctionName="probe", Payload=b'{"mode": "raise"}', LogType="Tail"
    )

    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorType"] == "BadImage"
    assert b"probe raise" in base64.b64decode(answer["LogResult"])


def test_event_invocation_does_not_wait(stack: LocalStack) -> None:
    answer = stack.client("lambda").invoke(
        FunctionName="probe", Payload=b'{"token": "asynchronous-1"}', InvocationType="Event"
    )

    assert answer["StatusCode"] == 202
    eventually(lambda: "asynchronous-1" in stack.log("probe"), "the asynchronous invocation")


def test_sns_publish_to_a_function_carries_the_real_topic(stack: LocalStack) -> None:
    topic = stack.resource("EventTopic")
    message_id = stack.client("sns").publish(
        TopicArn=topic,
        Subject="a subject",
        Message=json.dumps({"id": "shape", "failures": 0}),
        MessageAttributes={"kind": {"DataType": "String", "StringValue": "test"}},
    )["MessageId"]

    eventually(lambda: "handled shape" in stack.log("subscriber"), "the notification")
    record = next(
        record
        for line in stack.log("subscriber").splitlines()
        if line.startswith("notification ")
        and (record := json.loads(line.removeprefix("notification ")))["Sns"]["MessageId"]
        == message_id
    )
    assert record["EventSource"] == "aws:sns"
    assert record["Sns"]["TopicArn"] == topic
    assert record["Sns"]["Subject"] == "a subject"
    assert record["Sns"]["MessageAttributes"] == {"kind": {"Type": "String", "Value": "test"}}


def test_s3_event_has_what_powertools_demands(stack: LocalStack) -> None:
    from aws_lambda_powertools.utilities.parser.models import S3Model

    version = stack.client("s3").put_object(
        Bucket=stack.resource("ImagesBucket"), Key="incoming/a b/é.nii.gz", Body=b"12345"
    )["VersionId"]

    def event() -> dict[str, object] | None:
        for line in stack.log("batch").splitlines():
            if line.startswith("message ") and version in line:
                return json.loads(json.loads(line.removeprefix("message "))["body"])  # type: ignore[no-any-return]
        return None

    parsed = S3Model.model_validate(eventually(event, "the object's event"))
    record = parsed.Records[0]
    assert record.s3.object is not None
    assert record.s3.object.versionId == version
    assert record.s3.object.size == 5
    assert record.eventName == "ObjectCreated:Put"
