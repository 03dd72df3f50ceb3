"""Promises of the templates that concern several resources at once, or the words beside them.

What one resource must be like is said in ``infrastructure/rules``. Here stands what a look at one
resource cannot tell: that a queue has a dead-letter queue, a bucket a policy, a wildcard a reason.
Each function takes a template and answers findings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from .exemptions import is_exempt, is_reason, same_checks, unneeded
from .permissions import named
from .templates import Finding, Resource, Template, as_list, references, texts

_FOURTEEN_DAYS = 1209600

_SECRET_NAME = re.compile(r"(PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|CREDENTIALS?)$")
_SECRET_VALUE = re.compile(r"://[^/\s:@]+:[^@\s]+@|\{\{resolve:(secretsmanager|ssm-secure):")
_KEY_ONLY = re.compile(r"^[\w-]*[/:]?\*")

# Routes that answer without a signed-in user, and why.
OPEN_ROUTES = {
    "/v1/health": "a load balancer or monitor asks whether the API answers; it says nothing more",
}

_POLICY_TYPES = (
    "AWS::IAM::Policy",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::RolePolicy",
)
_RESOURCE_POLICY_TYPES = {
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::KMS::Key": "KeyPolicy",
}


# ---- wildcards -------------------------------------------------------------------------------


def wildcards_without_reason(template: Template) -> list[Finding]:
    """No wildcard in an action or a resource without a reason in ``Metadata: PolicyReasons``.

    ``PolicyReasons`` of the function, state machine, role or policy maps the ``Sid`` of a
    statement, an action, or all actions of a service (``xray:*``) to a sentence; for the policies
    of who deploys (``pipeline/``) one sentence may stand for all (``*``). A reason that no
    statement needs is a finding too.
    """
    found: list[Finding] = []
    used: set[tuple[int, str]] = set()
    for name, statement in _permission_statements(template):
        reasons = template.written_metadata(name).get("PolicyReasons") or {}
        bare: dict[str, list[str]] = {}
        for action in as_list(statement.get("Action")) or ["(NotAction)"]:
            fault = _wildcard(action, as_list(statement.get("Resource")))
            if fault is None:
                continue
            keys = [statement.get("Sid", ""), action, f"{action.split(':')[0]}:*"]
            if template.file.startswith("pipeline/"):
                keys.append("*")  # who deploys makes and removes whatever the templates hold
            given = [key for key in keys if is_reason(reasons.get(key))]
            if given:
                used.add((id(reasons), given[0]))
            else:
                bare.setdefault(fault, []).append(action)
        for fault, actions in bare.items():
            reason = f"{', '.join(actions)}: {fault} without a reason (PolicyReasons)"
            found.append(template.finding(name, reason))
    for name, metadata in template.metadata.items():
        reasons = metadata.get("PolicyReasons") or {}
        for key in reasons:
            if (id(reasons), key) not in used:
                found.append(template.finding(name, f"gives a reason for {key}, which needs none"))
    return found


def _wildcard(action: str, resources: list[Any]) -> str | None:
    """What is too wide about an action on these resources."""
    if action == "(NotAction)":
        return "everything but"
    if any(_is_wide(resource) for resource in resources):
        return "every resource"
    if "*" in action:
        return "wildcard action"
    if re.match(r"s3:(Get|Put|Delete)Object", action) and any(map(_is_whole_bucket, resources)):
        return "all objects of a bucket"
    return None


def _permission_statements(template: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    """Statements that allow something, by the role or policy that holds them."""
    for name in template.of_type("AWS::IAM::Role"):
        policies = as_list(template.resources[name]["Properties"].get("Policies"))
        for policy in policies:
            for statement in as_list(policy["PolicyDocument"]["Statement"]):
                if statement["Effect"] == "Allow":
                    yield name, statement
    for name, resource in template.of_type(*_POLICY_TYPES).items():
        for statement in as_list(resource["Properties"]["PolicyDocument"]["Statement"]):
            if statement["Effect"] == "Allow":
                yield name, statement
    for name, resource in template.resources.items():
        document = _RESOURCE_POLICY_TYPES.get(resource["Type"])
        if document is None or document not in resource.get("Properties", {}):
            continue
        for statement in as_list(resource["Properties"][document]["Statement"]):
            if statement["Effect"] == "Allow":
                # ``Resource: "*"`` of a key policy is the key itself.
                of_key = document == "KeyPolicy"
                yield name, {**statement, "Resource": []} if of_key else statement


def _is_wide(resource: Any) -> bool:
    """Whether a resource stands for more than one named thing: ``*``, ``...:function:*``."""
    text = "".join(texts(resource))
    if text == "*":
        return True
    own = text.split(":", 5)
    return len(own) == 6 and bool(_KEY_ONLY.match(own[5]))


def _is_whole_bucket(resource: Any) -> bool:
    """Whether nothing but the bucket stands before ``/*``."""
    text = "".join(texts(resource))
    return bool(re.search(r"(:::[^/]*|Arn\}|\.Arn)/\*$", text))


def open_to_anybody(template: Template) -> list[Finding]:
    """No policy of a resource allows something to everybody without a condition."""
    return [
        template.finding(name, f"allows {', '.join(as_list(statement.get('Action')))} to anybody")
        for name, resource in template.resources.items()
        if resource["Type"] in _RESOURCE_POLICY_TYPES
        for statement in as_list(
            resource["Properties"]
            .get(_RESOURCE_POLICY_TYPES[resource["Type"]], {})
            .get("Statement")
        )
        if statement["Effect"] == "Allow"
        and statement.get("Principal") in ("*", {"AWS": "*"})
        and not statement.get("Condition")
    ]


# ---- secrets ---------------------------------------------------------------------------------


def secrets_in_environments(template: Template) -> list[Finding]:
    """No secret in a variable: not by name, not by value, not through a parameter that hides it."""
    hidden = {
        name
        for name, declared in (template.body.get("Parameters") or {}).items()
        if str(declared.get("NoEcho", "")).lower() == "true"
    }
    found = []
    for owner, variable, value in _variables(template):
        if _SECRET_NAME.search(variable.upper()):
            found.append(template.finding(owner, f"{variable} reads like a secret: pass its ARN"))
        if any(_SECRET_VALUE.search(text) for text in texts(value)):
            found.append(template.finding(owner, f"{variable} holds a password"))
        for name in sorted(references(value) & hidden):
            found.append(template.finding(owner, f"{variable} shows the hidden parameter {name}"))
    return found


def _variables(template: Template) -> Iterator[tuple[str, str, Any]]:
    for name, resource in template.resources.items():
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::Lambda::Function":
                held = properties.get("Environment", {}).get("Variables", {}).items()
            case "AWS::SageMaker::Model":
                containers = [properties.get("PrimaryContainer", {})]
                held = [pair for c in containers for pair in c.get("Environment", {}).items()]
            case "AWS::ECS::TaskDefinition":
                held = [
                    (entry["Name"], entry["Value"])
                    for container in as_list(properties.get("ContainerDefinitions"))
                    for entry in as_list(container.get("Environment"))
                ]
            case "AWS::CodeBuild::Project":
                held = [
                    (entry["Name"], entry["Value"])
                    for entry in as_list(properties["Environment"].get("EnvironmentVariables"))
                    if entry.get("Type", "PLAINTEXT") == "PLAINTEXT"
                ]
            case _:
                continue
        for variable, value in held:
            yield name, variable, value


# ---- queues, functions, alarms ---------------------------------------------------------------


def queues_without_dead_letters(template: Template) -> list[Finding]:
    """Every queue has a dead-letter queue; those keep their messages for fourteen days."""
    dead_letters = _dead_letter_queues(template)
    found = []
    for name, resource in template.of_type("AWS::SQS::Queue").items():
        properties = resource.get("Properties", {})
        if name in dead_letters:
            if properties.get("MessageRetentionPeriod") != _FOURTEEN_DAYS:
                found.append(template.finding(name, "keeps dead letters less than fourteen days"))
        elif "RedrivePolicy" not in properties:
            found.append(template.finding(name, "has no dead-letter queue (RedrivePolicy)"))
    return found


def dead_letters_without_alarm(template: Template) -> list[Finding]:
    """Somebody is told when a dead-letter queue is not empty."""
    watched: set[str] = set()
    for alarm in template.of_type("AWS::CloudWatch::Alarm").values():
        watched |= named(template, alarm["Properties"])
    for stack, inner in template.nested.items():
        if inner.of_type("AWS::CloudWatch::Alarm"):
            watched |= named(template, template.resources[stack]["Properties"].get("Parameters"))
    return [
        template.finding(name, "is a dead-letter queue without an alarm")
        for name in sorted(_dead_letter_queues(template) - watched)
    ]


def _dead_letter_queues(template: Template) -> set[str]:
    queues = set(template.of_type("AWS::SQS::Queue"))
    targets: set[str] = set()
    for resource in template.resources.values():
        for key, value in _pairs(resource.get("Properties", {})):
            if key in ("deadLetterTargetArn", "DeadLetterConfig", "OnFailure", "DeadLetterArn"):
                targets |= named(template, value)
    return targets & queues


def _pairs(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key, item
            yield from _pairs(item)
    elif isinstance(value, list):
        for item in value:
            yield from _pairs(item)


def functions_whose_failures_are_lost(template: Template) -> list[Finding]:
    """A function that fails tells somebody: its caller, its queue, or a destination.

    Callers that wait for the answer are the state machine and the APIs. CKV_AWS_116 cannot see
    them, so that an exemption from it is none from here.
    """
    found = []
    for name, resource in template.of_type("AWS::Lambda::Function").items():
        ways = list(_ways_in(template, name))
        destination = "DeadLetterConfig" in resource["Properties"] or any(
            "OnFailure" in config["Properties"].get("DestinationConfig", {})
            for config in template.of_type("AWS::Lambda::EventInvokeConfig").values()
            if name in named(template, config["Properties"]["FunctionName"])
        )
        if "background" in ways and not destination:
            found.append(
                template.finding(name, "is called in the background, its failures are lost")
            )
        elif not ways and not destination:
            found.append(template.finding(name, "nobody learns of its failures"))
    return found


def _ways_in(template: Template, function: str) -> Iterator[str]:
    for mapping in template.of_type("AWS::Lambda::EventSourceMapping").values():
        properties = mapping["Properties"]
        if function in named(template, properties["FunctionName"]):
            for queue in named(template, properties["EventSourceArn"]):
                redrive = template.resources.get(queue, {}).get("Properties", {})
                yield "queue" if "RedrivePolicy" in redrive else "background"
    for machine in template.of_type("AWS::StepFunctions::StateMachine").values():
        if function in named(template, machine["Properties"].get("DefinitionSubstitutions", {})):
            yield "state machine"
    for permission in template.of_type("AWS::Lambda::Permission").values():
        properties = permission["Properties"]
        if function in named(template, properties["FunctionName"]):
            api = properties["Principal"] == "apigateway.amazonaws.com"
            yield "api" if api else "background"


def alarms_that_tell_nobody(template: Template) -> list[Finding]:
    """The action of an alarm is a topic, a scaling policy, or a parameter that brings one.

    A topic of the template must let CloudWatch publish: the others are for other readers.
    """
    kinds = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    open_topics = _topics_of_alarms(template)
    found = []
    for name, alarm in template.of_type(*kinds).items():
        actions = as_list(alarm["Properties"].get("AlarmActions"))
        topics = {t for a in actions for t in named(template, a)} & set(
            template.of_type("AWS::SNS::Topic")
        )
        if not actions or not all(references(action) for action in actions):
            found.append(template.finding(name, "has no action that leads anywhere"))
        for topic in sorted(topics - open_topics):
            found.append(template.finding(name, f"tells {topic}, which takes nothing from alarms"))
    return found


def _topics_of_alarms(template: Template) -> set[str]:
    """Topics whose policy lets CloudWatch publish."""
    return {
        topic
        for policy in template.of_type("AWS::SNS::TopicPolicy").values()
        for statement in as_list(policy["Properties"]["PolicyDocument"]["Statement"])
        if statement["Effect"] == "Allow" and "cloudwatch.amazonaws.com" in str(statement)
        for topic in named(template, policy["Properties"]["Topics"])
    }


# ---- stores, logs, network -------------------------------------------------------------------


def stores_without_tls_policy(template: Template) -> list[Finding]:
    """Every bucket, topic and queue has a policy, which refuses what does not come over TLS."""
    kinds = {
        "AWS::S3::Bucket": ("AWS::S3::BucketPolicy", "Bucket"),
        "AWS::SNS::Topic": ("AWS::SNS::TopicPolicy", "Topics"),
        "AWS::SQS::Queue": ("AWS::SQS::QueuePolicy", "Queues"),
    }
    found = []
    for kind, (policy_kind, names) in kinds.items():
        covered: set[str] = set()
        for policy in template.of_type(policy_kind).values():
            if any(
                _refuses_http(s)
                for s in as_list(policy["Properties"]["PolicyDocument"]["Statement"])
            ):
                covered |= named(template, policy["Properties"][names])
        found += [
            template.finding(name, "has no policy that refuses requests without TLS")
            for name in template.of_type(kind)
            if name not in covered
        ]
    return found


def _refuses_http(statement: dict[str, Any]) -> bool:
    secure = (statement.get("Condition") or {}).get("Bool", {}).get("aws:SecureTransport")
    return (
        statement["Effect"] == "Deny"
        and statement.get("Principal") in ("*", {"AWS": "*"})
        and str(secure).lower() == "false"
    )


def functions_without_log_group(template: Template) -> list[Finding]:
    """A function writes to a log group of ours: one that Lambda makes is kept for ever."""
    groups = set(template.of_type("AWS::Logs::LogGroup"))
    return [
        template.finding(name, "writes to a log group that is not in the template")
        for name, function in template.of_type("AWS::Lambda::Function").items()
        if not references(function["Properties"].get("LoggingConfig", {}).get("LogGroup")) & groups
    ]


def secrets_never_rotated(template: Template) -> list[Finding]:
    """SecretsManagerRotationEnabled: 164.308(a)(4)(ii)(B)."""
    rotated: set[str] = set()
    for schedule in template.of_type("AWS::SecretsManager::RotationSchedule").values():
        rotated |= references(schedule["Properties"]["SecretId"])
    return [
        template.finding(name, "is never rotated")
        for name in template.of_type("AWS::SecretsManager::Secret")
        if name not in rotated
    ]


def networks_without_flow_log(template: Template) -> list[Finding]:
    """VPCFlowLogsEnabled: 164.308(a)(3)(ii)(A), 164.312(b). And nothing uses the default group of a
    network (VPCDefaultSecurityGroupClosed), which CloudFormation cannot close.
    """
    logged: set[str] = set()
    for flow_log in template.of_type("AWS::EC2::FlowLog").values():
        logged |= references(flow_log["Properties"]["ResourceId"])
    found = [
        template.finding(name, "has no flow log")
        for name in template.of_type("AWS::EC2::VPC")
        if name not in logged
    ]
    for name, resource in template.resources.items():
        if "DefaultSecurityGroup" in "".join(texts(resource)):
            found.append(template.finding(name, "uses the default security group of a network"))
    return found


def firewalls_without_log(template: Template) -> list[Finding]:
    """WAFv2LoggingEnabled: 164.312(b)."""
    logged: set[str] = set()
    for logging in template.of_type("AWS::WAFv2::LoggingConfiguration").values():
        logged |= references(logging["Properties"]["ResourceArn"])
    return [
        template.finding(name, "logs nothing")
        for name in template.of_type("AWS::WAFv2::WebACL")
        if name not in logged
    ]


def routes_without_sign_in(template: Template) -> list[Finding]:
    """Every route of a REST API asks for a signed-in user, but those of ``OPEN_ROUTES``."""
    found = []
    for name, api in template.of_type("AWS::ApiGateway::RestApi").items():
        for path, methods in (api["Properties"].get("Body") or {}).get("paths", {}).items():
            for method, operation in methods.items():
                if method.lower() == "options" or path in OPEN_ROUTES:
                    continue
                schemes = [s for entry in operation.get("security") or [] for s in entry]
                if not [scheme for scheme in schemes if scheme != "NONE"]:
                    reason = f"{method.upper()} {path} answers without a signed-in user"
                    found.append(template.finding(name, reason))
    for name, method in template.of_type("AWS::ApiGateway::Method").items():
        properties = method["Properties"]
        if properties["HttpMethod"] != "OPTIONS" and properties.get("AuthorizationType") == "NONE":
            found.append(template.finding(name, "answers without a signed-in user"))
    return found


def unlimited_regions(template: Template) -> list[Finding]:
    """No ARN names an account or region: the template goes wherever it is deployed."""
    fixed = re.compile(r"arn:aws[\w-]*:[\w-]+:(?:[a-z]{2}-[a-z]+-\d)?:\d{12}:")
    return [
        template.finding(name, f"names an account or region: {text}")
        for name, resource in template.resources.items()
        for text in texts(_without_descriptions(resource))
        if fixed.search(text)
    ]


def _without_descriptions(resource: Resource) -> Any:
    return {k: v for k, v in resource.get("Properties", {}).items() if "Description" not in k}


CHECKS: tuple[Callable[[Template], list[Finding]], ...] = (
    wildcards_without_reason,
    open_to_anybody,
    secrets_in_environments,
    queues_without_dead_letters,
    dead_letters_without_alarm,
    functions_whose_failures_are_lost,
    alarms_that_tell_nobody,
    stores_without_tls_policy,
    functions_without_log_group,
    secrets_never_rotated,
    networks_without_flow_log,
    firewalls_without_log,
    routes_without_sign_in,
    unlimited_regions,
)


def check_names() -> dict[str, set[str]]:
    """The names of the checks, as exemptions say them, and checkov's same checks."""
    return {check.__name__: same_checks(check.__doc__ or "") for check in CHECKS}


def policy_findings(template: Template) -> list[Finding]:
    """Everything above, without what a resource is exempt from for a reason."""
    found: list[Finding] = []
    used: set[tuple[str, str]] = set()
    for check in CHECKS:
        for finding in check(template):
            name = finding.resource
            if is_exempt(template, name, check.__name__, check_names()[check.__name__]):
                used.add((name, check.__name__))
            else:
                found.append(finding)
    return found + list(unneeded(template, set(check_names()), used))
