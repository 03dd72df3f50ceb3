"""What deployments and operators call, on the running stack."""

import json
from typing import Any

from mri_analysis.contracts.job import JobStatus
from tests.support.brains import as_upload, small_brain
from tests.support.chain import Chain, wait_for


def test_check_of_a_sound_deployment(chain: Chain) -> None:
    report = invoke(chain, "CheckDeploymentFunction")

    assert report["ok"], report
    assert {check["name"] for check in report["checks"]} == {
        "database",
        "knowledge snapshot",
        "segmentation endpoint",
    }


def test_migrating_a_database_that_is_up_to_date_changes_nothing(chain: Chain) -> None:
    assert invoke(chain, "MigrateDatabaseFunction") == {"before": "0003", "after": "0003"}


def test_job_of_an_execution_that_an_operator_stopped(chain: Chain) -> None:
    """EventBridge calls the error handler; the local stack has none, so the test passes it on."""
    study = chain.put(as_upload(small_brain()))
    chain.stage_entered(study, "SegmentImage")
    job = chain.job(study)
    assert job is not None
    execution = chain.execution(job)
    assert execution is not None
    states = chain.stack.client("stepfunctions")
    states.stop_execution(executionArn=execution.arn)

    def ended() -> dict[str, Any] | None:
        described: dict[str, Any] = states.describe_execution(executionArn=execution.arn)
        return described if described["status"] != "RUNNING" else None

    stopped = wait_for(ended, "the end of the execution")

    event = {
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": {
            "executionArn": execution.arn,
            "name": stopped["name"],
            # moto says FAILED of an execution that is stopped while it waits.
            "status": "ABORTED",
            "input": stopped["input"],
        },
    }
    answer = invoke(chain, "ErrorHandlerFunction", event)
    assert answer.get("code") == "AnalysisStopped", answer

    failed = chain.job(study)
    assert failed is not None
    assert failed.status is JobStatus.FAILED
    assert failed.error is not None
    assert failed.error.code == "AnalysisStopped"


def invoke(chain: Chain, function: str, event: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = chain.stack.client("lambda").invoke(
        FunctionName=chain.stack.resource(function), Payload=json.dumps(event or {}).encode()
    )
    document: dict[str, Any] = json.loads(answer["Payload"].read())
    return document
