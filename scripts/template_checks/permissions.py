"""What each function may do, compared with what its code calls: neither less nor more.

The calls come from :mod:`code_calls`. A call names its resource through a setting, the setting is
an environment variable in the template, and the variable refers to a resource: so both the action
and what it acts on are compared. Three things are derived beside the calls: reading a bucket needs
``s3:ListBucket`` (else a missing object answers 403, which is no "gone"), a store under a customer
key needs the key, and events or destinations of the function need what Lambda does for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
from botocore import xform_name

from .code_calls import (
    NOTHING,
    Call,
    Constant,
    Container,
    Environment,
    FromSetting,
    Values,
    beginnings,
    calls_of,
)
from .templates import Finding, Resource, Template, as_list, references, texts

# Which argument of a call names its resource, by service.
_RESOURCE_ARGUMENTS = {
    "s3": "Bucket",
    "dynamodb": "TableName",
    "sns": "TopicArn",
    "sqs": "QueueUrl",
    "stepfunctions": "stateMachineArn",
    "sagemaker-runtime": "EndpointName",
    "sagemaker": "EndpointName",
    "secretsmanager": "SecretId",
    "bedrock-runtime": "modelId",
    "signed-http": "url",
}

# Operations whose IAM action has another name than the operation, and those that are no operation
# (service authorization reference).
_READ, _WRITE = ("s3:GetObject",), ("s3:PutObject",)
_ACTIONS: dict[tuple[str, str], tuple[str, ...]] = {
    ("s3", "head_object"): _READ,
    ("s3", "download_file"): _READ,
    ("s3", "download_fileobj"): _READ,
    ("s3", "upload_file"): _WRITE,
    ("s3", "upload_fileobj"): _WRITE,
    ("s3", "generate_presigned_post"): _WRITE,
    ("s3", "copy_object"): (*_READ, *_WRITE),
    ("s3", "list_objects_v2"): ("s3:ListBucket",),
    ("s3", "list_objects"): ("s3:ListBucket",),
    ("s3", "head_bucket"): ("s3:ListBucket",),
    ("s3", "list_object_versions"): ("s3:ListBucketVersions",),
    ("s3", "delete_objects"): ("s3:DeleteObject", "s3:DeleteObjectVersion"),
    ("rds", "generate_db_auth_token"): ("rds-db:connect",),
    ("bedrock-runtime", "converse"): ("bedrock:InvokeModel",),
    ("bedrock-runtime", "converse_stream"): ("bedrock:InvokeModelWithResponseStream",),
    ("dynamodb", "transact_get_items"): ("dynamodb:GetItem",),
    ("apigatewaymanagementapi", "post_to_connection"): ("execute-api:ManageConnections",),
    ("apigatewaymanagementapi", "get_connection"): ("execute-api:ManageConnections",),
    ("apigatewaymanagementapi", "delete_connection"): ("execute-api:ManageConnections",),
}
_WITH_VERSION = {
    "s3:GetObject": "s3:GetObjectVersion",
    "s3:DeleteObject": "s3:DeleteObjectVersion",
}
# Positions of bucket and key where they are not named.
_POSITIONS = {
    "download_file": ("0", "1"),
    "download_fileobj": ("0", "1"),
    "upload_file": ("1", "2"),
    "upload_fileobj": ("1", "2"),
    "generate_presigned_post": ("0", "1"),
}

# What a store asks of the caller's right to its key. DynamoDB decrypts its table key in the
# caller's name; whether a write asks for more AWS does not say, so that it may make a data key too.
_KEY_ACTIONS = {
    "s3:GetObject": {"kms:Decrypt"},
    "s3:PutObject": {"kms:GenerateDataKey"},
    "sns:Publish": {"kms:Decrypt", "kms:GenerateDataKey"},
    "sqs:SendMessage": {"kms:Decrypt", "kms:GenerateDataKey"},
    "sqs:ReceiveMessage": {"kms:Decrypt"},
    "secretsmanager:GetSecretValue": {"kms:Decrypt"},
}
_MULTIPART = {"upload_file", "upload_fileobj"}  # the parts are read to be joined

# Managed policies a function may have, and what must be true of it.
_MANAGED = {
    "AWSLambdaBasicExecutionRole": "it writes logs",
    "AWSXrayWriteOnlyAccess": "it is traced",
    "AWSXRayDaemonWriteAccess": "it is traced",
    "AWSLambdaVPCAccessExecutionRole": "it has VpcConfig",
    "AWSLambdaSQSQueueExecutionRole": "a queue calls it",
}
_NAMES = {
    "AWS::S3::Bucket": "BucketName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::SageMaker::Endpoint": "EndpointName",
    "AWS::OpenSearchService::Domain": "DomainName",
}
_STAND_INS = (
    "AWS::Lambda::Alias",
    "AWS::Lambda::Version",
    "AWS::StepFunctions::StateMachineAlias",
    "AWS::StepFunctions::StateMachineVersion",
)


@dataclass(frozen=True)
class Need:
    """Something the code does."""

    action: str
    resources: frozenset[str]
    """logical ids or parameters; empty where the code does not say which"""
    prefixes: frozenset[str] | None
    """folders of the keys it touches; None where that is not known"""
    where: str
    optional: bool = False


@dataclass(frozen=True)
class Grant:
    """Something a role allows."""

    action: str
    resources: frozenset[str]
    prefix: str | None
    text: str


@dataclass(frozen=True)
class DeployedFunction:
    """A function of the template and the folder of its code."""

    logical_id: str
    folder: str
    properties: Resource
    environment: Environment


def deployed_functions(template: Template, base: Path) -> Iterator[DeployedFunction]:
    """The functions whose code lies in ``functions/``; their names are those of the folders."""
    for logical_id, resource in template.of_type("AWS::Lambda::Function").items():
        properties = resource["Properties"]
        name = "".join(texts(properties.get("FunctionName", ""))).removesuffix("-${Stage}")
        folder = name.replace("-", "_")
        if (base / "functions" / folder / "app.py").exists():
            variables = properties.get("Environment", {}).get("Variables", {})
            yield DeployedFunction(logical_id, folder, properties, Environment(variables))


def permission_findings(template: Template, base: Path, only: str = "") -> list[Finding]:
    """Functions that may do more or less than their code does; all, or the one asked for."""
    found: list[Finding] = []
    known = set()
    for function in deployed_functions(template, base):
        known.add(function.logical_id)
        if only not in ("", function.logical_id):
            continue
        needs, missing = _needs(template, base, function)
        found += [template.finding(function.logical_id, reason) for reason in missing]
        found += _compared(template, function, needs)
    for logical_id, resource in template.of_type("AWS::Lambda::Function").items():
        if logical_id not in known and "ZipFile" not in resource["Properties"].get("Code", {}):
            found.append(template.finding(logical_id, "its name leads to no folder of functions/"))
    return found


def _compared(template: Template, function: DeployedFunction, needs: set[Need]) -> list[Finding]:
    grants = list(_grants(template, function))
    found = []
    for need in sorted(needs, key=lambda need: (need.action, need.where)):
        if not need.optional and not any(_serves(grant, need) for grant in grants):
            of = f" on {'/'.join(sorted(need.resources))}" if need.resources else ""
            below = f" below {', '.join(sorted(need.prefixes))}" if need.prefixes else ""
            reason = f"may not {need.action}{of}{below}, but its code does ({need.where})"
            found.append(template.finding(function.logical_id, reason))
    for grant in grants:
        if not any(_uses(need, grant) for need in needs):
            reason = f"may {grant.action} on {grant.text}, but its code does not"
            found.append(template.finding(function.logical_id, reason))
    return list(dict.fromkeys(found + _managed(template, function)))


def _serves(grant: Grant, need: Need) -> bool:
    if grant.action != need.action or not _same_resource(grant, need):
        return False
    # A need with two folders is split before: see ``_needs``.
    return need.prefixes is None or grant.prefix is None or need.prefixes == {grant.prefix}


def _uses(need: Need, grant: Grant) -> bool:
    return (
        grant.action == need.action
        and _same_resource(grant, need)
        and (need.prefixes is None or grant.prefix is None or grant.prefix in need.prefixes)
    )


def _same_resource(grant: Grant, need: Need) -> bool:
    return not need.resources or bool(grant.resources & need.resources)


# ---- what the code does ----------------------------------------------------------------------


def _needs(
    template: Template, base: Path, function: DeployedFunction
) -> tuple[set[Need], list[str]]:
    event_file = base / "events" / f"{function.folder}.json"
    event = json.loads(event_file.read_text()) if event_file.exists() else None
    needs: set[Need] = set()
    missing: list[str] = []
    for call in calls_of(base, function.folder, function.environment):
        resources, unset = _resources(template, function, _resource_argument(call))
        if unset and not resources:
            missing.append(
                f"{call.operation} ({call.where}) needs the setting {' or '.join(unset)}, "
                "which its environment does not have"
            )
            continue
        needs |= set(_needs_of_call(template, call, frozenset(resources), event, function))
    needs |= set(_needs_of_events(template, function))
    if "KmsKeyArn" in function.properties:
        # Lambda decrypts the environment by a grant of its own; a role made anew needs the right.
        key = frozenset(named(template, function.properties["KmsKeyArn"]))
        needs.add(Need("kms:Decrypt", key, None, "its environment", optional=True))
    needs |= {key for need in needs for key in _key_needs(template, need)}
    return needs, sorted(set(missing))


def _needs_of_call(
    template: Template,
    call: Call,
    resources: frozenset[str],
    event: Any,
    function: DeployedFunction,
) -> Iterator[Need]:
    for action in _actions(call, function):
        # The ARN of a search collection holds an id that nobody knows before it exists.
        # An inference profile leads to models of other names, in other regions.
        unnamed = action == "aoss:APIAccessAll" or call.operation == "converse"
        of = frozenset() if unnamed else resources
        need = Need(action, of, None, call.where)
        if not action.startswith("s3:"):
            yield need
            continue
        if action in ("s3:ListBucket", "s3:ListBucketVersions"):
            yield need
            continue
        keys = _key_argument(call, action)
        folders = beginnings(keys, event)
        for prefix in folders or ():
            yield replace(need, prefixes=frozenset({prefix}))
        if not folders:
            yield need
        if action == "s3:GetObject":
            yield replace(need, action="s3:ListBucket")
        if call.operation in _MULTIPART:
            yield from _key_needs(template, replace(need, action="s3:GetObject"))


def _actions(call: Call, function: DeployedFunction) -> list[str]:
    """The IAM actions of a call."""
    if call.service == "signed-http":
        return _search_actions(call, function)
    operation = call.operation
    if operation == "generate_presigned_url":
        operation = next(v.value for v in call.argument("0") if isinstance(v, Constant))
    actions = list(_ACTIONS.get((call.service, operation), ()))
    if not actions:
        actions = [f"{_signing_name(call.service)}:{_api_names(call.service)[operation]}"]
    if call.service == "s3" and _has_version(call):
        actions += [_WITH_VERSION[action] for action in actions if action in _WITH_VERSION]
    if call.service == "bedrock-runtime" and call.argument("guardrailConfig"):
        actions.append("bedrock:ApplyGuardrail")
    return actions


def _search_actions(call: Call, function: DeployedFunction) -> list[str]:
    """A request signed for OpenSearch: a domain knows verbs, a serverless collection does not."""
    service = function.environment.of_setting("knowledge_search_service")
    verb = f"es:ESHttp{call.operation.title()}"
    if service == "es":
        return [verb]
    return ["aoss:APIAccessAll"] if service == "aoss" else [verb, "aoss:APIAccessAll"]


def _has_version(call: Call) -> bool:
    held = [call.arguments, *_containers(call.argument("ExtraArgs"))]
    held += _containers(call.argument("CopySource"))
    return any(
        values != frozenset({Constant(None)})
        for names in held
        for key, values in names.items()
        if key == "VersionId"
    )


def _containers(values: Values) -> list[Mapping[str, Values]]:
    return [value.by_key for value in values if isinstance(value, Container)]


def _resource_argument(call: Call) -> Values:
    name = _RESOURCE_ARGUMENTS.get(call.service, "")
    if call.operation == "generate_presigned_url":
        params = _containers(call.argument("Params"))
        return params[0].get(name, NOTHING) if params else NOTHING
    if call.operation in _POSITIONS:
        return call.argument(name) or call.argument(_POSITIONS[call.operation][0])
    return call.argument(name)


def _key_argument(call: Call, action: str) -> Values:
    if call.operation == "generate_presigned_url":
        params = _containers(call.argument("Params"))
        return params[0].get("Key", NOTHING) if params else NOTHING
    if call.operation == "copy_object" and action.startswith("s3:Get"):
        sources = _containers(call.argument("CopySource"))
        return sources[0].get("Key", NOTHING) if sources else NOTHING
    if call.operation in _POSITIONS:
        return call.argument("Key") or call.argument(_POSITIONS[call.operation][1])
    return call.argument("Key")


def _resources(
    template: Template, function: DeployedFunction, values: Values
) -> tuple[set[str], list[str]]:
    """What an argument refers to, and the settings among it that the template does not set."""
    found: set[str] = set()
    unset = []
    for value in values:
        if not isinstance(value, FromSetting):
            continue
        variable = value.name.upper()
        if variable not in function.environment.variables:
            unset.append(variable)
        else:
            found |= named(template, function.environment.variables[variable])
    return found, sorted(unset)


def _needs_of_events(template: Template, function: DeployedFunction) -> Iterator[Need]:
    """What Lambda does with the role: read a queue, put what failed into another."""
    for resource in template.of_type("AWS::Lambda::EventSourceMapping").values():
        properties = resource["Properties"]
        if function.logical_id in named(template, properties["FunctionName"]):
            queue = named(template, properties["EventSourceArn"])
            yield from _key_needs(
                template, Need("sqs:ReceiveMessage", frozenset(queue), None, "its queue")
            )
    targets = [function.properties.get("DeadLetterConfig", {}).get("TargetArn")]
    for resource in template.of_type("AWS::Lambda::EventInvokeConfig").values():
        properties = resource["Properties"]
        if function.logical_id in named(template, properties["FunctionName"]):
            destinations = properties.get("DestinationConfig", {})
            targets += [d.get("Destination") for d in destinations.values()]
    for target in targets:
        for name in named(template, target) if target else ():
            action = {
                "AWS::SQS::Queue": "sqs:SendMessage",
                "AWS::SNS::Topic": "sns:Publish",
            }.get(template.resources.get(name, {}).get("Type", ""))
            if action:
                yield Need(action, frozenset({name}), None, "its destination for failures")


def _key_needs(template: Template, need: Need) -> Iterator[Need]:
    """What ``need`` asks of the key of its resource."""
    actions = _KEY_ACTIONS.get(need.action, set())
    of_table = need.action.startswith("dynamodb:")
    if of_table:
        actions = {"kms:Decrypt"}
    keys: set[str] = set()
    for name in need.resources if actions else ():
        keys |= _keys_of_folders(template, name, need.prefixes) or _key_of(template, name)
    if not keys:
        return
    why = f"{need.action}, {need.where}"
    for action in actions:
        yield Need(action, frozenset(keys), None, why)
    if of_table and need.action not in ("dynamodb:GetItem", "dynamodb:Query"):
        yield Need("kms:GenerateDataKey", frozenset(keys), None, why, optional=True)


def _keys_of_folders(template: Template, name: str, prefixes: frozenset[str] | None) -> set[str]:
    """Keys of folders that are encrypted with another key than their bucket.

    ``KeysOfFolders`` in the bucket's ``Metadata`` names them; whoever puts an object there says the
    key itself.
    """
    keys: dict[str, str] = template.written_metadata(name).get("KeysOfFolders") or {}
    folders = {prefix.partition("/")[0] for prefix in prefixes or ()}
    return {keys[folder] for folder in folders} if folders and folders <= keys.keys() else set()


def _key_of(template: Template, name: str) -> set[str]:
    resource = template.resources.get(name)
    if resource is None:
        return set()
    properties = resource.get("Properties", {})
    match resource["Type"]:
        case "AWS::S3::Bucket":
            return references(
                [
                    value
                    for rule in as_list(
                        properties.get("BucketEncryption", {}).get(
                            "ServerSideEncryptionConfiguration"
                        )
                    )
                    for value in [
                        rule.get("ServerSideEncryptionByDefault", {}).get("KMSMasterKeyID")
                    ]
                ]
            )
        case "AWS::DynamoDB::Table":
            return references(properties.get("SSESpecification", {}).get("KMSMasterKeyId"))
        case "AWS::SQS::Queue" | "AWS::SNS::Topic":
            return references(properties.get("KmsMasterKeyId"))
        case "AWS::SecretsManager::Secret":
            return references(properties.get("KmsKeyId"))
        case "AWS::CloudFormation::Stack":
            # Its master secret is under the key that it was given.
            return references(properties.get("Parameters", {}).get("KeyArn"))
    return set()


# ---- what the role allows --------------------------------------------------------------------


def role_statements(template: Template, role: str) -> Iterator[dict[str, Any]]:
    """All statements of a role: its own, and those of policies attached to it."""
    policies = as_list(template.resources[role]["Properties"].get("Policies"))
    documents = [policy["PolicyDocument"] for policy in policies]
    managed = references(template.resources[role]["Properties"].get("ManagedPolicyArns"))
    kinds = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy")
    for logical_id, resource in template.of_type(*kinds).items():
        properties = resource["Properties"]
        attached = references([properties.get("Roles"), properties.get("RoleName")])
        if role in attached or logical_id in managed:
            documents.append(properties["PolicyDocument"])
    for document in documents:
        yield from as_list(document["Statement"])


def role_of(function: Resource) -> str | None:
    """Logical id of a function's role."""
    roles = references(function.get("Role"))
    return next(iter(roles), None)


def _grants(template: Template, function: DeployedFunction) -> Iterator[Grant]:
    role = role_of(function.properties)
    if role is None or role not in template.resources:
        return
    for statement in role_statements(template, role):
        if statement["Effect"] != "Allow":
            continue
        for resource in as_list(statement.get("Resource")):
            # One with NotAction grants what nobody can list; the check of wildcards names it.
            for action in as_list(statement.get("Action")):
                yield Grant(
                    action,
                    frozenset(named(template, resource)),
                    _prefix(resource) if action.startswith("s3:") else None,
                    _short(resource),
                )


def _managed(template: Template, function: DeployedFunction) -> list[Finding]:
    role = role_of(function.properties)
    if role is None or role not in template.resources:
        return [template.finding(function.logical_id, "has no role of its own")]
    has_queue = any(
        function.logical_id in named(template, mapping["Properties"]["FunctionName"])
        for mapping in template.of_type("AWS::Lambda::EventSourceMapping").values()
    )
    true_of_it = {
        "it writes logs": True,
        "it is traced": "TracingConfig" in function.properties,
        "it has VpcConfig": "VpcConfig" in function.properties,
        "a queue calls it": has_queue,
    }
    found = []
    for arn in as_list(template.resources[role]["Properties"].get("ManagedPolicyArns")):
        if references(arn) & set(template.resources):
            continue  # a policy of ours: its statements are compared like the role's own
        name = "".join(texts(arn)).rpartition("/")[2]
        if name not in _MANAGED:
            found.append(
                template.finding(function.logical_id, f"has the managed policy {name}: too wide")
            )
        elif not true_of_it[_MANAGED[name]]:
            reason = f"has the managed policy {name}, which is right only where {_MANAGED[name]}"
            found.append(template.finding(function.logical_id, reason))
    return found


def named(template: Template, value: Any) -> set[str]:
    """What ``value`` refers to; a spelt-out name counts as a reference to its resource."""
    found = references(value) - {"Stage"}
    for logical_id, resource in template.resources.items():
        names = _spelt_names(template, logical_id, resource)
        if any(_names(part, name) for part in texts(value) for name in names):
            found.add(logical_id)
    for reference in list(found):
        found |= _behind(template, reference)
    return found


def _behind(template: Template, name: str) -> set[str]:
    """The function or state machine that an alias or version stands for."""
    resource = template.resources.get(name, {})
    if resource.get("Type") not in _STAND_INS:
        return set()
    found: set[str] = set()
    for inner in references(resource["Properties"]):
        kind = template.resources.get(inner, {}).get("Type")
        if kind in ("AWS::Lambda::Function", "AWS::StepFunctions::StateMachine"):
            found.add(inner)
        elif kind in _STAND_INS:
            found |= _behind(template, inner)
    return found


def _spelt_names(template: Template, logical_id: str, resource: Resource) -> set[str]:
    """Names written out for a resource, or for what its nested stack makes."""
    properties = resource.get("Properties", {})
    if resource["Type"] == "AWS::CloudFormation::Stack":
        given = [v["Fn::Sub"] for v in properties.get("Parameters", {}).values() if _is_sub(v)]
        inner = template.nested.get(logical_id)
        names = {name for name in given if "${Stage}" in name}
        if inner is not None:
            names = names.union(*(_spelt_names(inner, *part) for part in inner.resources.items()))
        return names
    name = "".join(texts(properties.get(_NAMES.get(resource["Type"], ""), "")))
    return {name} if name else set()


def _is_sub(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("Fn::Sub"), str)


def _names(text: str, name: str) -> bool:
    """Whether ``name`` stands in ``text`` as a whole part of an ARN or address."""
    before, found, after = text.partition(name)
    return bool(found) and (not before or before[-1] in ":/") and (not after or after[0] in ":/")


def _prefix(resource: Any) -> str | None:
    """Folder of the keys that an S3 resource names: ``results/`` of ``.../results/*``."""
    text = next((t for t in texts(resource) if t.endswith("*")), "")
    path = text.partition("}/")[2] or text.rpartition(":::")[2].partition("/")[2]
    return path.removesuffix("*") if text else None


def _short(resource: Any) -> str:
    return " ".join(texts(resource)) or "nothing"


# ---- names of services -----------------------------------------------------------------------


@cache
def _signing_name(service: str) -> str:
    name = _model(service).metadata
    signing = str(name.get("signingName") or name["endpointPrefix"])
    return {"sfn": "states"}.get(signing, signing)


@cache
def _api_names(service: str) -> dict[str, str]:
    return {xform_name(name): name for name in _model(service).operation_names}


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)
