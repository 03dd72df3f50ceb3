"""Notifications through an SNS topic."""

import json
from typing import TYPE_CHECKING

from mri_analysis.adapters.aws_errors import transient_as
from mri_analysis.errors import ServiceUnavailable

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class SnsNotifier:
    """One topic. The message carries ids only: subscribers may be mail boxes."""

    def __init__(self, client: "SNSClient", topic_arn: str) -> None:
        self._client = client
        self._topic_arn = topic_arn

    def notify(self, organization_id: str, job_id: str, event: str) -> None:
        message = {
            "schema_version": 1,
            "organization_id": organization_id,
            "job_id": job_id,
            "event": event,
        }
        with transient_as(ServiceUnavailable, "The notification topic did not answer."):
            self._client.publish(
                TopicArn=self._topic_arn,
                Message=json.dumps(message),
                MessageAttributes={
                    "organization_id": {"DataType": "String", "StringValue": organization_id},
                    "event": {"DataType": "String", "StringValue": event},
                },
            )
