"""Answers CloudFormation for functions that a template uses as custom resources.

CloudFormation waits for a PUT to an address it signed; a function that ends without one would hold
the deployment until its time limit.
"""

import json
import urllib.request
from collections.abc import Callable
from typing import Any

from mri_analysis.observability import logger

_SECONDS = 10
_REASON_LIMIT = 1000


class DeploymentRefused(Exception):
    """The deployment must not go on; its text is shown as the resource's failure."""


def is_custom_resource(event: dict[str, Any]) -> bool:
    """Whether CloudFormation sent the event, not a person."""
    return "ResponseURL" in event and "RequestType" in event


def answer(event: dict[str, Any], work: Callable[[], dict[str, Any]], physical_id: str) -> None:
    """Do ``work`` for a create or an update, and tell CloudFormation how it went.

    A delete changes nothing: data outlives the stack. ``Run: false`` among the properties is the
    operator's way past a step that cannot work yet.
    """
    status, reason, data = "SUCCESS", "", {}
    wanted = event.get("ResourceProperties", {}).get("Run") != "false"
    if wanted and event["RequestType"] != "Delete":
        try:
            data = work()
        except DeploymentRefused as error:
            status, reason = "FAILED", str(error)
        except Exception as error:  # noqa: BLE001 - CloudFormation must hear of everything
            logger.exception("deployment step failed")
            status, reason = "FAILED", f"{type(error).__name__}; see the function's log."
    body = {
        "Status": status,
        "Reason": reason[:_REASON_LIMIT],
        "PhysicalResourceId": event.get("PhysicalResourceId", physical_id),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": data,
    }
    # The signature of the address covers an empty content type.
    request = urllib.request.Request(
        event["ResponseURL"],
        data=json.dumps(body).encode(),
        headers={"Content-Type": ""},
        method="PUT",
    )
    with urllib.request.urlopen(request, timeout=_SECONDS):
        pass
