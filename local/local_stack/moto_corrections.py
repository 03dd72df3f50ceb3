"""Where moto is made to behave like AWS, by replacing ten of its private names.

Each replacement is listed here and nowhere else, and has a contract test that fails when a new
version of moto moves the thing it replaces. What is corrected, and why:

``LambdaFunction._invoke_lambda``
    runs Docker; here it runs our runner. Every path inside moto to a function ends in it.
``LambdaFunction.invoke``
    waits for ``InvocationType=Event`` and reports each error as ``Handled``.
``Subscription.publish`` (SNS)
    sends functions a constant event (``TopicArn: arn:aws:sns:EXAMPLE``) and waits for them inside
    ``Publish``.
``notifications._get_s3_event``
    leaves out versionId, sequencer, userIdentity, requestParameters, responseElements and the
    bucket's ownerIdentity; Powertools' ``S3Model`` refuses such an event.
``lambda_eval_utils.execute_lambda_function_integration`` (Step Functions)
    calls the function over HTTP without a tracing header; called directly, all states of an
    execution share one trace.
``Execution.get_start_execution_details``
    puts a ``datetime`` into ``$$.Execution.StartTime``; it is a string on AWS.
``state_fail.CustomErrorName``
    refuses ``States.Timeout`` and the like in a Fail state's ``ErrorPath``, so that an execution
    which passes on the error it caught ends without error and cause.
``StateTaskService._eval_execution``
    keeps the task token of the first attempt when ``Retry`` tries a ``waitForTaskToken`` task
    again: the answer to the first attempt then answers every later one at once.
``StepFunctionResponse.send_task_failure``
    drops the ``cause``.
``S3Response._bucket_response_post``
    puts the file of any form, whatever its policy says, signed or not.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch
from xml.sax.saxutils import escape

import moto.awslambda.models as lambda_models
import moto.s3.notifications as s3_notifications
import moto.sns.models as sns_models
from moto.core.exceptions import ServiceException
from moto.core.responses import EmptyResult
from moto.s3.responses import S3Response
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import (
    ResourceCondition,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import (  # noqa: E501
    StateTaskService,
)
from moto.stepfunctions.parser.asl.component.state.fail import state_fail
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.responses import StepFunctionResponse

from local_stack.account import ACCOUNT_ID, CREDENTIALS
from local_stack.lambda_runtime import (
    FunctionNotFoundError,
    Invocation,
    LambdaRunner,
    TooManyRequestsError,
)
from local_stack.traces import TraceHeader
from local_stack.upload_forms import FormRefused, check_form

LOG_TAIL_BYTES = 4096
"""How much of the log ``LogType=Tail`` returns (Lambda API reference, Invoke)."""


class _Throttled(ServiceException):
    code = "TooManyRequestsException"
    message = "Rate Exceeded."


def apply(runner: LambdaRunner) -> Callable[[], None]:
    """Put the corrections in place, with ``runner`` behind moto's functions.

    Returns
    -------
    Callable
        Puts moto back as it was.
    """
    corrections = ExitStack()
    for owner, name, replacement in (
        (lambda_models.LambdaFunction, "_invoke_lambda", _run_function(runner)),
        (lambda_models.LambdaFunction, "invoke", _answer_invoke(runner)),
        (sns_models.Subscription, "publish", _publish(runner)),
        (s3_notifications, "_get_s3_event", _s3_event(s3_notifications._get_s3_event)),
        (
            lambda_eval_utils,
            "execute_lambda_function_integration",
            _invoke_from_state_machine(runner),
        ),
        (
            Execution,
            "get_start_execution_details",
            _execution_details(Execution.get_start_execution_details),
        ),
        (state_fail, "CustomErrorName", ErrorName),
        (StepFunctionResponse, "send_task_failure", _send_task_failure),
        (StateTaskService, "_eval_execution", _task_attempt(StateTaskService._eval_execution)),
        (
            S3Response,
            "_bucket_response_post",
            _checked_form(S3Response._bucket_response_post),
        ),
    ):
        corrections.enter_context(patch.object(owner, name, replacement))
    return corrections.close


def _run_function(runner: LambdaRunner) -> Callable[..., tuple[str, bool, str]]:
    def _invoke_lambda(self: Any, event: Any = None) -> tuple[str, bool, str]:
        try:
            invocation = runner.invoke(self.function_name, json.dumps(event).encode())
        except TooManyRequestsError as error:
            raise _Throttled from error
        payload = invocation.payload.decode("utf-8", "replace")
        return payload, invocation.function_error is not None, invocation.log

    return _invoke_lambda


def _answer_invoke(runner: LambdaRunner) -> Callable[..., str | bytes]:
    def invoke(self: Any, body: Any, request_headers: Any, response_headers: Any) -> str | bytes:
        text = body.decode() if isinstance(body, bytes) else (body or "{}")
        # Services inside moto (S3, EventBridge) pass no headers; on AWS they invoke asynchronously.
        default = "RequestResponse" if request_headers else "Event"
        kind = request_headers.get("x-amz-invocation-type") or default
        if kind == "Event":
            runner.invoke_async(self.function_name, text.encode())
            return b""
        if kind == "DryRun":
            return b""
        payload, failed, log = self._invoke_lambda(event=json.loads(text))
        if failed:
            response_headers["x-amz-function-error"] = "Unhandled"
        tail = log.encode()[-LOG_TAIL_BYTES:]
        response_headers["x-amz-log-result"] = base64.b64encode(tail).decode()
        return str(payload).encode()

    return invoke


def _publish(runner: LambdaRunner) -> Callable[..., None]:
    original = sns_models.Subscription.publish

    def publish(
        self: Any,
        message: str,
        message_id: str,
        subject: str | None = None,
        message_attributes: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        if self.protocol != "lambda":
            original(self, message, message_id, subject, message_attributes, **options)
            return
        matcher = self._filter_policy_matcher
        if matcher is not None and not matcher.matches(message_attributes, message):
            return
        if options.get("message_structure") == "json":
            message = self._parse_message_structure(message, self.protocol)
        event = {"Records": [_sns_record(self, message, message_id, subject, message_attributes)]}
        runner.invoke_async(self.endpoint, json.dumps(event).encode())

    return publish


def _sns_record(
    subscription: Any,
    message: str,
    message_id: str,
    subject: str | None,
    attributes: dict[str, Any] | None,
) -> dict[str, Any]:
    return {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription.arn,
        "Sns": {
            "Type": "Notification",
            "MessageId": message_id,
            "TopicArn": subscription.topic_arn,
            "Subject": subject,
            "Message": message,
            "Timestamp": _timestamp(datetime.now(UTC)),
            "SignatureVersion": "1",
            "Signature": "local",
            "SigningCertUrl": "https://sns.local/certificate.pem",
            "UnsubscribeUrl": "https://sns.local/unsubscribe",
            "MessageAttributes": {
                name: {"Type": value["Type"], "Value": value["Value"]}
                for name, value in (attributes or {}).items()
            },
        },
    }


def _s3_event(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def _get_s3_event(
        event_name: str, bucket: Any, key: Any, notification_id: str
    ) -> dict[str, Any]:
        event = original(event_name, bucket, key, notification_id)
        for record in event["Records"]:
            record["userIdentity"] = {"principalId": f"AWS:{ACCOUNT_ID}"}
            record["requestParameters"] = {"sourceIPAddress": "127.0.0.1"}
            record["responseElements"] = {
                "x-amz-request-id": secrets.token_hex(8).upper(),
                "x-amz-id-2": secrets.token_hex(32),
            }
            record["s3"]["bucket"]["ownerIdentity"] = {"principalId": ACCOUNT_ID}
            # Later events of one key compare greater, as strings of equal length.
            record["s3"]["object"]["sequencer"] = f"{time.time_ns():016X}"
            if bucket.is_versioned and key.version_id:
                record["s3"]["object"]["versionId"] = str(key.version_id)
        return event

    return _get_s3_event


def _invoke_from_state_machine(runner: LambdaRunner) -> Callable[..., None]:
    original = lambda_eval_utils.execute_lambda_function_integration

    def execute_lambda_function_integration(
        env: Any, parameters: dict[str, Any], region: str, state_credentials: Any
    ) -> None:
        if env.is_mocked_mode() or parameters.get("InvocationType", "RequestResponse") == "Event":
            original(env, parameters, region, state_credentials)
            return
        execution = env.states.context_object.context_object_data["Execution"]
        trace = TraceHeader.of_execution(execution["Id"], execution["StartTime"])
        payload = parameters.get("Payload") or b"{}"
        name = parameters["FunctionName"]
        try:
            invocation = runner.invoke(name, payload, trace)
        except TooManyRequestsError as error:
            raise _as_client_error(error.code, str(error), 429) from error
        except FunctionNotFoundError as error:
            raise _as_client_error("ResourceNotFoundException", error.message, 404) from error
        document = _decoded(invocation)
        if invocation.function_error:
            raise lambda_eval_utils.LambdaFunctionErrorException(
                invocation.function_error, json.dumps(document, separators=(",", ":"))
            )
        env.stack.append({"ExecutedVersion": "$LATEST", "Payload": document, "StatusCode": 200})

    return execute_lambda_function_integration


def _execution_details(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def get_start_execution_details(self: Any) -> Any:
        details = original(self)
        details.start_time = _timestamp(details.start_time)
        return details

    return get_start_execution_details


def _send_task_failure(self: Any) -> Any:
    self.stepfunction_backend.send_task_failure(
        self._get_param("taskToken"),
        error=self._get_param("error"),
        cause=self._get_param("cause"),
    )
    return EmptyResult()


def _task_attempt(original: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    def _eval_execution(self: Any, env: Any) -> None:
        context = env.states.context_object
        retries = context.context_object_data["State"]["RetryCount"]
        if self.resource.condition == ResourceCondition.WaitForTaskToken and retries > 0:
            env.callback_pool_manager.add(context.update_task_token())
        original(self, env)

    return _eval_execution


def _as_client_error(code: str, message: str, status: int) -> Exception:
    from botocore.exceptions import ClientError

    return ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {
                "HTTPStatusCode": status,
                "RequestId": "local",
                "HTTPHeaders": {},
                "RetryAttempts": 0,
                "HostId": "",
            },
        },
        "Invoke",
    )


def _decoded(invocation: Invocation) -> Any:
    text = invocation.payload.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except ValueError:
        return text


def _timestamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _checked_form(original: Callable[..., Any]) -> Callable[..., Any]:
    def _bucket_response_post(self: Any, request: Any, bucket_name: str) -> Any:
        fields = {name.lower(): value for name, value in self.form_data.items() if name != "file"}
        if "key" in fields:
            try:
                check_form(
                    fields,
                    len(self.body),
                    bucket_name,
                    secret_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
                )
            except FormRefused as refused:
                body = (
                    f"<Error><Code>{refused.code}</Code>"
                    f"<Message>{escape(refused.message)}</Message></Error>"
                )
                return refused.status, {"content-type": "application/xml"}, body
        return original(self, request, bucket_name)

    return _bucket_response_post
