"""Resource types of our template that MiniStack's CloudFormation refuses; runs in its process.

Versions and aliases of state machines exist in its Step Functions, only not for templates: they are
made there. What there is nothing to make for is accepted and does nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

Properties = Mapping[str, Any]
Created = tuple[str, dict[str, str]]
"""Physical id, and what ``Fn::GetAtt`` finds."""
Create = Callable[[str, Properties, str], Created]

WITHOUT_EFFECT = (
    # SAM's traffic shifting: an alias points to its new version at once.
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    # Threat protection's log and the look of the sign-in page.
    "AWS::Cognito::LogDeliveryConfiguration",
    "AWS::Cognito::ManagedLoginBranding",
)


def teach() -> None:
    """Register the types."""
    from ministack.services.cloudformation import provisioners

    handlers = provisioners._RESOURCE_HANDLERS
    known = sorted({*WITHOUT_EFFECT, *_STATE_MACHINE_TYPES} & handlers.keys())
    if known:
        raise SystemExit(f"MiniStack knows {', '.join(known)} now: missing_types.py may go.")
    for kind in WITHOUT_EFFECT:
        handlers[kind] = {"create": _create_nothing, "delete": _delete_nothing}
    for kind, create in _STATE_MACHINE_TYPES.items():
        handlers[kind] = {"create": create, "delete": _delete_nothing}
    pool = handlers["AWS::Cognito::UserPool"]
    pool["create"] = _with_provider_url(pool["create"])


def _with_provider_url(create: Create) -> Create:
    """Add the attribute ``ProviderURL``, which MiniStack's user pools lack."""

    def created(logical_id: str, properties: Properties, stack_name: str) -> Created:
        physical_id, attributes = create(logical_id, properties, stack_name)
        address = f"https://{attributes['ProviderName']}"
        return physical_id, {**attributes, "ProviderURL": address}

    return created


def _create_nothing(logical_id: str, properties: Properties, stack_name: str) -> Created:
    return f"{stack_name}-{logical_id}", {}


def _delete_nothing(physical_id: str, properties: Properties) -> None:
    # The emulator ends with everything that is in it.
    return None


def _publish_version(logical_id: str, properties: Properties, stack_name: str) -> Created:
    from ministack.services import stepfunctions

    answer = stepfunctions._publish_state_machine_version(
        {
            "stateMachineArn": properties["StateMachineArn"],
            "revisionId": properties.get("StateMachineRevisionId"),
        }
    )
    version_arn = _answered(answer, "stateMachineVersionArn")
    return version_arn, {"Arn": version_arn}


def _create_alias(logical_id: str, properties: Properties, stack_name: str) -> Created:
    from ministack.services import stepfunctions

    routing = properties.get("RoutingConfiguration") or [
        {**properties["DeploymentPreference"], "Weight": 100}
    ]
    answer = stepfunctions._create_state_machine_alias(
        {
            "name": properties["Name"],
            "routingConfiguration": [
                {
                    "stateMachineVersionArn": route["StateMachineVersionArn"],
                    "weight": int(route["Weight"]),
                }
                for route in routing
            ],
        }
    )
    alias_arn = _answered(answer, "stateMachineAliasArn")
    return alias_arn, {"Arn": alias_arn}


def _answered(answer: tuple[int, Any, bytes], name: str) -> str:
    status, _, body = answer
    document = json.loads(body)
    if status != 200:
        raise ValueError(f"Step Functions answered {status}: {document}")
    return str(document[name])


_STATE_MACHINE_TYPES: dict[str, Create] = {
    "AWS::StepFunctions::StateMachineVersion": _publish_version,
    "AWS::StepFunctions::StateMachineAlias": _create_alias,
}
