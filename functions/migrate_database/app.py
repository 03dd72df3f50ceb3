"""Brings the database to the schema of this release, before traffic reaches the release.

Called by CloudFormation while it deploys, and by people: ``aws lambda invoke --function-name
migrate-database-STAGE out.json``. Every migration must leave the release before working (expand,
then contract in a later release), because the old functions serve until the traffic shifts.
"""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from sqlalchemy.exc import OperationalError

from migrations.migrate import prepare_database, wait_until_it_answers
from mri_analysis import wiring
from mri_analysis.adapters.component_probes import unreachable_database
from mri_analysis.custom_resource import DeploymentRefused, answer, is_custom_resource
from mri_analysis.observability import logger, tracer

WAIT_S = 420
"""The function has ten minutes; the migrations themselves need some of them."""


@logger.inject_lambda_context(log_event=False)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Migrate; answer the revision before and after."""
    if is_custom_resource(event):
        answer(event, lambda: _for_release(event["ResourceProperties"]), "database-schema")
        return {}
    return _migrate()


def _for_release(properties: dict[str, Any]) -> dict[str, Any]:
    """Migrate once for each release: the way back to an earlier one must not need the database."""
    releases = wiring.deployed_releases("migration")
    if releases.accepted(properties):
        logger.warning("on the way back to an earlier release: schema left as it is")
        return {}
    done = _migrate()
    releases.note(properties, accepted=True)
    return done


def _migrate() -> dict[str, Any]:
    database = wiring.database_owner()
    try:
        wait_until_it_answers(database, WAIT_S)
    except OperationalError as error:
        raise DeploymentRefused("database: " + " ".join(unreachable_database(error))) from error
    done = prepare_database(database, application_user=wiring.application_user())
    logger.info("database migrated", **done)
    return done
