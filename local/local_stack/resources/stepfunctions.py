"""Step Functions state machines."""

from __future__ import annotations

import json
import re
from pathlib import Path

from local_stack.account import arn
from local_stack.intrinsics import TemplateError
from local_stack.resources.deploying import Created, Deploying, text

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9_]+)\}")


def create_state_machine(new: Deploying) -> Created:
    """Create a state machine from its JSON definition and substitutions.

    Raises
    ------
    TemplateError
        The definition is not JSON, or names a substitution that the template does not give.
    """
    name = new.name("StateMachineName")
    definition = _substituted(new, _definition(new))
    try:
        json.loads(definition)
    except ValueError as error:
        raise TemplateError(
            f"{new.logical_id}: the definition is not JSON after substitution: {error}"
        ) from error
    new.clients.client("stepfunctions").create_state_machine(
        name=name,
        definition=definition,
        roleArn=new.properties["RoleArn"],
        type=new.properties.get("StateMachineType", "STANDARD"),
    )
    machine_arn = arn("states", f"stateMachine:{name}")
    return Created(
        machine_arn,
        {"Arn": machine_arn, "Name": name, "StateMachineRevisionId": "INITIAL"},
    )


def create_version(new: Deploying) -> Created:
    """Stand for a published version: here the state machine as it is."""
    machine_arn = str(new.properties["StateMachineArn"])
    return Created(machine_arn, {"Arn": machine_arn})


def create_alias(new: Deploying) -> Created:
    """Stand for an alias: who starts it starts the state machine as it is.

    Raises
    ------
    TemplateError
        The alias names no version of this template.
    """
    preference = new.properties.get("DeploymentPreference") or {}
    routes = new.properties.get("RoutingConfiguration") or [{}]
    version_arn = preference.get("StateMachineVersionArn") or routes[0].get(
        "StateMachineVersionArn"
    )
    if not version_arn:
        raise TemplateError(f"{new.logical_id}: the alias points at no version.")
    return Created(str(version_arn), {"Arn": str(version_arn)})


def _definition(new: Deploying) -> str:
    properties = new.properties
    if "DefinitionS3Location" in properties:
        location = properties["DefinitionS3Location"]
        path: Path = new.artefacts.path_of(location.get("Bucket"), location.get("Key"))
        if not path.is_file():
            raise TemplateError(f"{new.logical_id}: its definition {path} does not exist.")
        return path.read_text(encoding="utf-8")
    if "DefinitionString" in properties:
        return str(properties["DefinitionString"])
    return json.dumps(properties["Definition"])


def _substituted(new: Deploying, definition: str) -> str:
    substitutions = new.properties.get("DefinitionSubstitutions") or {}

    def replacement(match: re.Match[str]) -> str:
        if match.group(1) not in substitutions:
            raise TemplateError(
                f"{new.logical_id}: DefinitionSubstitutions has no {match.group(1)}."
            )
        return json.dumps(text(substitutions[match.group(1)]))[1:-1]

    return _PLACEHOLDER.sub(replacement, definition)
