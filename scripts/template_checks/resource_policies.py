"""Promises of the templates that concern several resources at once, or the words beside them.

What one resource must be like is said in ``infrastructure/rules``. Here stands what a look at one
resource cannot tell: that a queue has a dead-letter queue, a bucket a policy, a wildcard a reason.
Each function takes a template and answers findings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any

from .exemptions import is_exempt, is_reason, same_checks, unneeded
from .permissions import named
from .secret_values import parameters_that_show, secrets_in_environments, secrets_written_out
from .templates import Finding, Resource, Template, as_list, references, texts

_FOURTEEN_DAYS = 1209600

# What reads or writes under a key, and what lets another do so.
_KEY_USES = (
    "kms:decrypt",
    "kms:encrypt",
    "kms:generatedatakey",
    "kms:generatedatakeypair",
    "kms:reencryptfrom",
    "kms:reencryptto",
    "kms:creategrant",
)

# Conditions that say for whom a service acts.
_SOURCES = ("aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "kms:encryptioncontext:")
# And those that say who asks.
_ASKERS = (
    *_SOURCES,
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:sourcevpc",
    "kms:calleraccount",
)
# Operators that demand the value: no negation, and none that passes where the key is missing.
_DEMANDING = {
    "stringequals",
    "stringequalsignorecase",
    "stringlike",
    "arnequals",
    "arnlike",
}

_DEAD_LETTER_METRIC = "ApproximateNumberOfMessagesVisible"
_DEAD_LETTER_NAME = re.compile(r"dead.?letter", re.IGNORECASE)

_KEY_ONLY = re.compile(r"^[\w-]*[/:]?\*")

# Routes that answer without a signed-in user, and why.
OPEN_ROUTES = {
    "/v1/health": "a load balancer or monitor asks whether the API answers; it says nothing more",
    "/v1/docs": "a browser opens a page without a token; it describes the API and holds no data",
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
    "AWS::SQS::QueueInlinePolicy": "PolicyDocument",
    "AWS::SNS::TopicInlinePolicy": "PolicyDocument",
    "AWS::SecretsManager::ResourcePolicy": "ResourcePolicy",
    "AWS::KMS::Key": "KeyPolicy",
}
# Buckets are left out: load balancers sent their logs without naming themselves for years.
_FOR_SERVICES = {kind for kind in _RESOURCE_POLICY_TYPES if "::S3::" not in kind}


# ---- grants ----------------------------------------------------------------------------------


def wide_grants_without_reason(template: Template) -> list[Finding]:
    """No wildcard, and no use of a key but through a service, without a reason.

    A wildcard is one in an action or a resource. The use of a key is bound to the services that
    read and write under it by ``kms:ViaService``: a function whose role is stolen cannot decrypt
    what it has got elsewhere.

    ``PolicyReasons`` in the ``Metadata`` of the function, state machine, role or policy maps the
    ``Sid`` of a statement, an action, or all actions of a service (``xray:*``) to a sentence; for
    the policies of who deploys (``pipeline/``) one sentence may stand for all (``*``). All actions
    of a service are no reason for ``kms:ViaService``, whose own name is. A reason that no statement
    needs is a finding too.
    """
    found: list[Finding] = []
    used: set[tuple[int, str]] = set()
    for name, statement in _permission_statements(template):
        reasons = template.written_metadata(name).get("PolicyReasons") or {}
        bare: dict[str, list[str]] = {}
        for action in as_list(statement.get("Action")) or ["(NotAction)"]:
            for fault, keys in _too_wide(template, statement, action):
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


def _too_wide(
    template: Template, statement: dict[str, Any], action: str
) -> Iterator[tuple[str, list[str]]]:
    """What is too wide about an action, and under which keys its reason may stand."""
    own = [statement.get("Sid", ""), action]
    # Who deploys makes and removes whatever the templates hold.
    of_pipeline = template.file.startswith("pipeline/")
    if fault := _wildcard(action, as_list(statement.get("Resource"))):
        yield fault, [*own, f"{action.split(':')[0]}:*", *(["*"] if of_pipeline else [])]
    if _uses_key_itself(statement, action):
        yield "any use of the key: no kms:ViaService", [*own, "kms:ViaService"]


def _uses_key_itself(statement: dict[str, Any], action: str) -> bool:
    """Whether ``action`` uses a key for a role, and not only through a named service."""
    if not any(fnmatchcase(use, action.lower()) for use in _KEY_USES):
        return False
    if "Principal" in statement and not _names_roles(statement["Principal"]):
        return False
    condition = statement.get("Condition") or {}
    if action.lower() == "kms:creategrant":
        for_services = (condition.get("Bool") or {}).get("kms:GrantIsForAWSResource")
        if str(for_services).lower() == "true":
            return False
    return not _demands(condition, ("kms:viaservice",))


def _names_roles(principal: Any) -> bool:
    """Whether a key policy grants to more than services, or an account that decides itself."""
    return isinstance(principal, dict) and any(
        not "".join(texts(entry)).endswith(":root") for entry in as_list(principal.get("AWS"))
    )


def _demands(condition: dict[str, Any], names: tuple[str, ...]) -> bool:
    """Whether a condition asks one of these keys for a value that is no mere wildcard."""
    return any(
        operator.lower() in _DEMANDING
        and key.lower().startswith(names)
        and values
        and not any(re.fullmatch(r"[*?]*", "".join(texts(value))) for value in values)
        for operator, keys in condition.items()
        for key, value_or_list in keys.items()
        for values in [as_list(value_or_list)]
    )


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
    """No policy of a resource allows something to everybody without a condition on who asks."""
    return [
        template.finding(name, f"allows {_what(statement)} to anybody")
        for name, _, statement in _resource_grants(template)
        if ("NotPrincipal" in statement or "*" in _principals(statement.get("Principal")))
        and not _demands(statement.get("Condition") or {}, _ASKERS)
    ]


def services_for_anybody(template: Template) -> list[Finding]:
    """A topic, queue or key lets a service of AWS in for resources of ours only.

    Without ``aws:SourceAccount`` or ``aws:SourceArn`` the service may be sent by a stranger's
    account (confused deputy). A key also takes the encryption context, which CloudWatch Logs fills
    with the ARN of the log group.
    """
    found = []
    for name, kind, statement in _resource_grants(template):
        principal = statement.get("Principal")
        services = as_list(principal.get("Service")) if isinstance(principal, dict) else []
        demanded = _SOURCES if kind == "AWS::KMS::Key" else _SOURCES[:-1]
        if kind not in _FOR_SERVICES or not services:
            continue
        if not _demands(statement.get("Condition") or {}, demanded):
            who = ", ".join("".join(texts(service)) for service in services)
            reason = f"lets {who} {_what(statement)} for any account: no aws:SourceAccount"
            found.append(template.finding(name, reason))
    return found


def _resource_grants(template: Template) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What the policies of resources allow: logical id, type and statement."""
    for name, resource in template.of_type(*_RESOURCE_POLICY_TYPES).items():
        policy = resource.get("Properties", {}).get(_RESOURCE_POLICY_TYPES[resource["Type"]], {})
        for statement in as_list(policy.get("Statement")):
            if statement["Effect"] == "Allow":
                yield name, resource["Type"], statement


def _principals(principal: Any) -> list[Any]:
    kinds = principal.values() if isinstance(principal, dict) else [principal]
    return [entry for kind in kinds for entry in as_list(kind)]


def _what(statement: dict[str, Any]) -> str:
    return ", ".join(as_list(statement.get("Action"))) or "all but some actions"


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
    """One alarm for each dead-letter queue sounds as soon as it is not empty.

    The alarm may lie in a nested stack that is given the name of the queue. One that calls itself
    an alarm of dead letters watches nothing else.
    """
    dead_letters = _dead_letter_queues(template)
    watched: dict[str, list[str]] = {name: [] for name in dead_letters}
    found = []
    for owner, name, alarm, queues in _queue_alarms(template):
        said = f"{name} {''.join(texts(alarm.get('AlarmName', '')))}"
        if alarm["MetricName"] != _DEAD_LETTER_METRIC:
            if _DEAD_LETTER_NAME.search(said):
                reason = f"{name} watches {alarm['MetricName']}, not {_DEAD_LETTER_METRIC}"
                found.append(template.finding(owner, reason))
            continue
        for queue in queues & dead_letters:
            watched[queue].append(name)
            if not _sounds_at_one(alarm):
                reason = f"{name} does not sound at the first message of {queue}"
                found.append(template.finding(owner, reason))
        if not queues & dead_letters and _DEAD_LETTER_NAME.search(said):
            what = ", ".join(sorted(queues)) or "nothing of this template"
            reason = f"{name} watches {what}, which is no dead-letter queue"
            found.append(template.finding(owner, reason))
    for queue, names in sorted(watched.items()):
        if not names:
            reason = f"is a dead-letter queue without an alarm on {_DEAD_LETTER_METRIC}"
            found.append(template.finding(queue, reason))
        elif len(names) > 1:
            reason = f"is a dead-letter queue with {len(names)} alarms: {', '.join(sorted(names))}"
            found.append(template.finding(queue, reason))
    return found


def _queue_alarms(template: Template) -> Iterator[tuple[str, str, Any, set[str]]]:
    """Alarms on queues, here and in nested stacks: owner, logical id, properties and the queues."""
    queues = set(template.of_type("AWS::SQS::Queue"))
    parameters = set(template.body.get("Parameters") or {})
    for name, alarm in _alarms_on_queues(template):
        dimensions = _dimension_values(alarm)
        watched = named(template, dimensions) & queues
        # What a parameter names is known where the stack is used.
        if watched or not references(dimensions) & parameters:
            yield name, name, alarm, watched
    for stack, inner in template.nested.items():
        given = template.resources[stack]["Properties"].get("Parameters") or {}
        for name, alarm in _alarms_on_queues(inner):
            dimensions = _dimension_values(alarm)
            values = [given[ref] for ref in references(dimensions) - {"Stage"} if ref in given]
            yield stack, name, alarm, named(template, values or dimensions) & queues


def _alarms_on_queues(template: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, alarm in template.of_type("AWS::CloudWatch::Alarm").items():
        if alarm["Properties"].get("Namespace") == "AWS/SQS":
            yield name, alarm["Properties"]


def _dimension_values(alarm: dict[str, Any]) -> list[Any]:
    return [dimension["Value"] for dimension in as_list(alarm.get("Dimensions"))]


def _sounds_at_one(alarm: dict[str, Any]) -> bool:
    """Whether one message is enough."""
    operator, threshold = alarm.get("ComparisonOperator"), alarm.get("Threshold")
    return (operator, threshold) in (
        ("GreaterThanOrEqualToThreshold", 1),
        ("GreaterThanThreshold", 0),
    )


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


def functions_whose_settings_stay_behind(template: Template) -> list[Finding]:
    """A changed setting of a function is a new version, which the alias then takes.

    Without ``AutoPublishAliasAllProperties`` SAM publishes a version for changed code only, and
    calls through the alias go on with the old memory, time limit and environment.
    """
    return [
        template.finding(name, "publishes no version when a setting changes")
        for name, resource in template.written.items()
        if resource["Type"] == "AWS::Serverless::Function"
        and resource["Properties"].get("AutoPublishAliasAllProperties") is not True
    ]


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
    """SecretsManagerRotationEnabled: 164.308(a)(4)(ii)(B). ``StaysReason`` in the ``Metadata`` says
    why one must stay as it is; a reason that is not needed is a finding too.
    """
    rotated: set[str] = set()
    for schedule in template.of_type("AWS::SecretsManager::RotationSchedule").values():
        rotated |= references(schedule["Properties"]["SecretId"])
    found = []
    for name in template.of_type("AWS::SecretsManager::Secret"):
        stays = is_reason(template.written_metadata(name).get("StaysReason"))
        if name in rotated and stays:
            found.append(template.finding(name, "is rotated, and gives a reason for staying"))
        elif name not in rotated and not stays:
            found.append(template.finding(name, "is never rotated"))
    return found


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
    wide_grants_without_reason,
    open_to_anybody,
    services_for_anybody,
    secrets_in_environments,
    secrets_written_out,
    parameters_that_show,
    queues_without_dead_letters,
    dead_letters_without_alarm,
    functions_whose_failures_are_lost,
    functions_whose_settings_stay_behind,
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
