"""Says whether everything the deployment rests on works.

Called by CloudFormation while it deploys (a refusal rolls the release back before traffic reaches
it), and by people: ``aws lambda invoke --function-name check-deployment-STAGE out.json``.
"""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from mri_analysis import wiring
from mri_analysis.contracts.deployment import DeploymentReport
from mri_analysis.custom_resource import DeploymentRefused, answer, is_custom_resource
from mri_analysis.observability import logger, tracer
from mri_analysis.use_cases.check_deployment import check_deployment


@logger.inject_lambda_context(log_event=False)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Probe every component; answer the report."""
    if is_custom_resource(event):
        answer(event, lambda: _required(event), "deployment-check")
        return {}
    return _report().model_dump()


def _report() -> DeploymentReport:
    report = check_deployment(wiring.components())
    logger.info("deployment checked", ok=report.ok, checks=[c.model_dump() for c in report.checks])
    return report


def _required(event: dict[str, Any]) -> dict[str, Any]:
    """Refuse a release whose components do not work; never refuse the way back to one that did."""
    releases = wiring.deployed_releases("check")
    if releases.accepted(event["ResourceProperties"]):
        logger.warning("on the way back to an earlier release: not checked")
        return {}
    report = _report()
    releases.note(event["ResourceProperties"], accepted=report.ok)
    if not report.ok:
        raise DeploymentRefused(report.complaint())
    return {}
