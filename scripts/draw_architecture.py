"""Draw the diagram of ``docs/architecture.md`` from the templates and the state machine.

Every node is a resource or a state, and every arrow a reference, an event, a permission or a step
that a template or the state machine holds; nothing is drawn by hand. So that people can read it,
only the kinds of ``_SHAPES`` appear, and an arrow that starts at several functions of one part
starts at the part.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from scripts.generated_sections import Sections, run, table

ROOT = Path("template.yaml")
STATE_MACHINE = Path("statemachine/mri_analysis.asl.json")

_STACK = "AWS::CloudFormation::Stack"
_FUNCTION = "AWS::Serverless::Function"
_MACHINE = "AWS::Serverless::StateMachine"
_ALARM = "AWS::CloudWatch::Alarm"

# How a kind is drawn: Mermaid's brackets and a word.
_SHAPES: Mapping[str, tuple[str, str, str]] = {
    "AWS::S3::Bucket": ("[(", ")]", "bucket"),
    "AWS::SQS::Queue": ("[[", "]]", "queue"),
    "AWS::SNS::Topic": (">", "]", "topic"),
    "AWS::DynamoDB::Table": ("[(", ")]", "table"),
    _FUNCTION: ("(", ")", ""),
    _MACHINE: ("[", "]", "state machine"),
    "AWS::Serverless::Api": ("[", "]", "REST API"),
    "AWS::ApiGatewayV2::Api": ("[", "]", "WebSocket API"),
    "AWS::Cognito::UserPool": ("[", "]", "user pool"),
    "AWS::RDS::DBInstance": ("[(", ")]", "MySQL instance"),
    "AWS::RDS::DBCluster": ("[(", ")]", "Aurora MySQL"),
    "AWS::RDS::DBProxy": ("[", "]", "RDS Proxy"),
    "AWS::OpenSearchService::Domain": ("[(", ")]", "OpenSearch domain"),
    "AWS::OpenSearchServerless::Collection": ("[(", ")]", "OpenSearch collection"),
    "AWS::SageMaker::Endpoint": ("[", "]", "SageMaker endpoint"),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": ("[", "]", "load balancer"),
    "AWS::ECS::Service": ("[", "]", "Fargate service"),
    "AWS::WAFv2::WebACL": ("[", "]", "web firewall"),
    "AWS::CloudTrail::Trail": ("[", "]", "trail"),
    "AWS::CloudWatch::Dashboard": ("[", "]", "dashboard"),
}
_STATE_SHAPES: Mapping[str, tuple[str, str]] = {
    "Choice": ("{", "}"),
    "Succeed": ("([", "])"),
    "Fail": ("([", "])"),
}
# Nearly everything refers to these; an arrow to each would say nothing.
_LEFT_OUT = {"DataKey", "SharedLayer", "FunctionLogs", "LogsBucket"}
# What runs in a deployment asks everything; its own part of the page says what.
_ONLY_DATABASE = {"CheckDeploymentFunction", "MigrateDatabaseFunction"}
# It looks at everything, which its title says.
_WATCHING = "AWS::CloudWatch::Dashboard"
_FOLLOWED = {"AWS::IAM::ManagedPolicy"}
# Part of every name, so it tells nothing about who uses what.
_COMMON_PARAMETER = "Stage"
_SPELLING = {"Api": "API", "Mri": "MRI", "Acl": "ACL"}
_GROUP_FROM = 3

_VARIABLE = re.compile(r"\$\{([^{}!]+)\}")
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True)
class Arrow:
    """One reference."""

    start: str
    end: str
    label: str = ""
    dashed: bool = False


@dataclass
class Drawing:
    """Nodes by part, and arrows."""

    parts: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    titles: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, str] = field(default_factory=dict)
    arrows: list[Arrow] = field(default_factory=list)

    def text(self) -> str:
        """The diagram in Mermaid's words."""
        lines = ["flowchart LR"]
        for part, members in self.parts.items():
            lines.append(f'  subgraph {part}["{self.titles[part]}"]')
            lines += [f"    {self.nodes[member]}" for member in members]
            lines.append("  end")
        for arrow in dict.fromkeys(self.arrows):
            line = "-.->" if arrow.dashed else "-->"
            label = f'|"{arrow.label}"|' if arrow.label else ""
            lines.append(f"  {arrow.start} {line}{label} {arrow.end}")
        return "```mermaid\n" + "\n".join(lines) + "\n```"


class Templates:
    """The root and its nested stacks as they are written."""

    def __init__(self, root: Path) -> None:
        self.root: dict[str, Any] = yaml_parse(root.read_text(encoding="utf-8"))
        self.resources: dict[str, dict[str, Any]] = self.root["Resources"]
        self.nested = {
            name: yaml_parse(
                (root.parent / stack["Properties"]["TemplateURL"]).read_text(encoding="utf-8")
            )
            for name, stack in self.resources.items()
            if stack["Type"] == _STACK
        }
        self._names = {
            text: name
            for name, resource in self.resources.items()
            if resource["Type"] == "AWS::S3::Bucket"
            for text in [str(resource["Properties"]["BucketName"]["Fn::Sub"])]
        }

    def properties(self, name: str) -> dict[str, Any]:
        """Properties of a resource of the root."""
        found: dict[str, Any] = self.resources[name].get("Properties", {})
        return found

    def of_kind(self, kind: str) -> list[str]:
        """Logical ids of one type in the root."""
        return [name for name, resource in self.resources.items() if resource["Type"] == kind]

    def references(self, value: Any) -> set[str]:
        """Logical ids of the root that ``value`` refers to, by name, alias or bucket name.

        References go through managed policies, because those stand for what they allow.
        """
        found = set()
        for name in _references(value):
            target = self._target(name)
            if target is None:
                continue
            if self.resources[target]["Type"] in _FOLLOWED:
                found |= self.references(self.properties(target))
            else:
                found.add(target)
        for text in _texts(value):
            found |= {bucket for name, bucket in self._names.items() if name in text}
        return found

    def _target(self, name: str) -> str | None:
        for candidate in (name, name.removesuffix("Aliaslive"), name.removesuffix("Stage")):
            if candidate in self.resources:
                return candidate
        return None

    def parameters_of(self, stack: str) -> dict[str, Any]:
        """What the root hands to a nested stack."""
        found: dict[str, Any] = self.properties(stack).get("Parameters", {})
        return found

    def drawn_in(self, stack: str) -> dict[str, dict[str, Any]]:
        """Resources of a nested stack that appear."""
        return {
            name: resource
            for name, resource in self.nested[stack]["Resources"].items()
            if resource["Type"] in _SHAPES
        }


def draw(templates: Templates, machine: Mapping[str, Any]) -> Drawing:
    """The whole diagram."""
    drawing = Drawing()
    states = _functions_by_state(templates, machine)
    parts = _parts(templates, set(states.values()))
    for part, (title, members) in parts.items():
        drawing.titles[part] = title
        for name in members:
            drawing.parts[part].append(name)
            drawing.nodes[name] = _node(name, name, templates.resources[name])
    _draw_states(templates, drawing, machine, states)
    for stack in templates.nested:
        inner = templates.drawn_in(stack)
        if not inner:
            continue
        drawing.titles[stack] = _nested_title(templates, stack)
        for name, resource in inner.items():
            node = f"{stack}_{name}"
            drawing.parts[stack].append(node)
            drawing.nodes[node] = _node(node, name, resource)
    _draw_events(templates, drawing)
    _draw_use(templates, drawing, parts)
    _draw_nested(templates, drawing)
    return drawing


def _parts(templates: Templates, analysing: set[str]) -> dict[str, tuple[str, list[str]]]:
    """Resources of the root by part: its title and members, in the order of a study's path."""
    functions = templates.of_kind(_FUNCTION)
    answering = [
        name
        for name in functions
        if any(event["Type"] == "Api" for event in _events(templates, name).values())
        or name in templates.references(_routes(templates))
    ]
    deploying = [name for name in functions if name in _ONLY_DATABASE]
    others = [name for name in functions if name not in {*analysing, *answering, *deploying}]
    doors = [
        *templates.of_kind("AWS::Cognito::UserPool"),
        *templates.of_kind("AWS::Serverless::Api"),
        *templates.of_kind("AWS::ApiGatewayV2::Api"),
    ]
    kept = [
        name
        for kind in ("AWS::S3::Bucket", "AWS::DynamoDB::Table")
        for name in templates.of_kind(kind)
    ]
    messages = [
        name for kind in ("AWS::SQS::Queue", "AWS::SNS::Topic") for name in templates.of_kind(kind)
    ]
    return {
        "people": ("People and programs", [*doors, *answering]),
        "messages": ("Messages", messages),
        "analysis": (
            "One study",
            [*others, *(name for name in functions if name in analysing)],
        ),
        "data": ("Data", [name for name in kept if name not in _LEFT_OUT]),
        "release": ("Before traffic moves", deploying),
    }


def _routes(templates: Templates) -> list[Any]:
    return [
        templates.properties(name) for name in templates.of_kind("AWS::ApiGatewayV2::Integration")
    ]


def _node(identity: str, name: str, resource: Mapping[str, Any]) -> str:
    opening, closing, word = _SHAPES[resource["Type"]]
    title = _title(name, resource)
    if word and word.lower() not in title.lower():
        title = f"{title}<br/>{word}"
    return f'{identity}{opening}"{title}"{closing}'


def _title(name: str, resource: Mapping[str, Any]) -> str:
    """The deployed name of a function, without its stage; words out of the logical id otherwise."""
    if resource["Type"] == _FUNCTION:
        return str(resource["Properties"]["FunctionName"]["Fn::Sub"]).removesuffix("-${Stage}")
    first, *others = (_SPELLING.get(word, word) for word in _WORD.split(name))
    return " ".join([first, *(word if word.isupper() else word.lower() for word in others)])


def _nested_title(templates: Templates, stack: str) -> str:
    name = " ".join(_WORD.split(stack))
    when = condition_in_words(templates.root, templates.resources[stack].get("Condition"))
    return f"{name}, when {when}" if when else name


def condition_in_words(root: Mapping[str, Any], name: str | None) -> str:
    """A condition of the template as a reader would say it."""
    return _words(root, {"Condition": name}) if name else ""


def _words(root: Mapping[str, Any], node: Any, negated: bool = False) -> str:
    ((function, argument),) = node.items()
    if function == "Condition":
        return _words(root, root["Conditions"][argument], negated)
    if function == "Fn::Not":
        return _words(root, argument[0], not negated)
    if function == "Fn::Equals":
        left, right = argument
        parameter = left["Ref"] if isinstance(left, dict) else left
        if right == "":
            return f"{parameter} is {'given' if negated else 'empty'}"
        return f"{parameter} is {'not ' if negated else ''}{right}"
    joined = " or " if (function == "Fn::Or") != negated else " and "
    return joined.join(_words(root, item, negated) for item in argument)


def _events(templates: Templates, function: str) -> dict[str, Any]:
    found: dict[str, Any] = templates.properties(function).get("Events", {})
    return found


def _draw_events(templates: Templates, drawing: Drawing) -> None:
    """Who calls whom: notifications, subscriptions, routes, rules, dead letters."""
    for bucket in templates.of_kind("AWS::S3::Bucket"):
        notification = templates.properties(bucket).get("NotificationConfiguration", {})
        for queue in sorted(templates.references(notification)):
            drawing.arrows.append(Arrow(bucket, queue, "object created"))
    for queue in templates.of_kind("AWS::SQS::Queue"):
        redrive = templates.properties(queue).get("RedrivePolicy", {})
        for letters in sorted(templates.references(redrive)):
            count = redrive["maxReceiveCount"]
            drawing.arrows.append(Arrow(queue, letters, f"after {count} attempts", True))
    for function in templates.of_kind(_FUNCTION):
        for event in _events(templates, function).values():
            properties = event.get("Properties", {})
            if event["Type"] == "SQS":
                sources, label = templates.references(properties["Queue"]), ""
            elif event["Type"] == "SNS":
                sources, label = templates.references(properties["Topic"]), ""
            elif event["Type"] == "Api":
                sources, label = templates.references(properties["RestApiId"]), ""
            else:
                sources = templates.references(properties.get("Pattern"))
                label = "stopped, timed out"
            for source in sorted(sources):
                drawing.arrows.append(Arrow(source, function, label))
            for key in ("RedrivePolicy", "DeadLetterConfig"):
                for letters in sorted(templates.references(properties.get(key))):
                    drawing.arrows.append(Arrow(function, letters, "undelivered", True))
        config = templates.properties(function).get("EventInvokeConfig", {})
        for letters in sorted(templates.references(config.get("DestinationConfig"))):
            drawing.arrows.append(Arrow(function, letters, "undelivered", True))
    for integration in templates.of_kind("AWS::ApiGatewayV2::Integration"):
        reached = templates.references(templates.properties(integration))
        for api in templates.of_kind("AWS::ApiGatewayV2::Api"):
            for function in templates.of_kind(_FUNCTION):
                if {api, function} <= reached:
                    drawing.arrows.append(Arrow(api, function))
    for api in templates.of_kind("AWS::Serverless::Api"):
        for pool in sorted(templates.references(templates.properties(api).get("Auth"))):
            drawing.arrows.append(Arrow(pool, api, "verifies tokens"))


def _functions_by_state(templates: Templates, machine: Mapping[str, Any]) -> dict[str, str]:
    """The function of each state that runs one."""
    (name,) = templates.of_kind(_MACHINE)
    substitutions = templates.properties(name)["DefinitionSubstitutions"]
    functions = set(templates.of_kind(_FUNCTION))
    found = {}
    for state, definition in machine["States"].items():
        variable = definition.get("Parameters", {}).get("FunctionName")
        if isinstance(variable, str) and (match := _VARIABLE.search(variable)):
            (found[state],) = templates.references(substitutions[match[1]]) & functions
    return found


def _draw_states(
    templates: Templates,
    drawing: Drawing,
    machine: Mapping[str, Any],
    functions: Mapping[str, str],
) -> None:
    """The state machine as a part of its own: its states, what follows each, what each calls."""
    (name,) = templates.of_kind(_MACHINE)
    drawing.titles[name] = _title(name, templates.resources[name])
    for state, definition in machine["States"].items():
        node = f"{name}_{state}"
        opening, closing = _STATE_SHAPES.get(definition["Type"], ("[", "]"))
        drawing.parts[name].append(node)
        drawing.nodes[node] = f'{node}{opening}"{state}"{closing}'
        following = [choice["Next"] for choice in definition.get("Choices", [])]
        following += [definition[key] for key in ("Default", "Next") if key in definition]
        drawing.arrows += [Arrow(node, f"{name}_{other}") for other in following]
        for caught in definition.get("Catch", []):
            drawing.arrows.append(Arrow(node, f"{name}_{caught['Next']}", dashed=True))
        if state in functions:
            drawing.arrows.append(Arrow(node, functions[state]))


def _draw_use(
    templates: Templates,
    drawing: Drawing,
    parts: Mapping[str, tuple[str, list[str]]],
) -> None:
    """What functions may use, by their permissions and settings."""
    users: dict[tuple[str, str], list[str]] = defaultdict(list)
    called = {(arrow.start, arrow.end) for arrow in drawing.arrows}
    part_of = {name: part for part, (_, names) in parts.items() for name in names}
    for function in templates.of_kind(_FUNCTION):
        for target in sorted(_used(templates, function)):
            node = _entrance(templates, target)
            if node is None or target in _LEFT_OUT or (function, node) in called:
                continue
            if function in _ONLY_DATABASE and target != "Database":
                continue
            if (node, function) in called or node == function:
                continue
            if node not in drawing.nodes and node not in drawing.parts:
                continue
            users[part_of[function], node].append(function)
    for (part, node), functions in users.items():
        if len(functions) >= _GROUP_FROM and part_of.get(node) != part:
            drawing.arrows.append(Arrow(part, node))
        else:
            drawing.arrows += [Arrow(function, node) for function in functions]


def _used(templates: Templates, function: str) -> set[str]:
    properties = templates.properties(function)
    asked = {key: properties.get(key) for key in ("Environment", "Policies")}
    if "DatabaseAccess" not in _references(asked):
        # Globals name the database for all; only who may sign in to it uses it.
        return templates.references(asked) | _by_parameter(templates, asked)
    return templates.references(asked) | _by_parameter(templates, asked) | {"Database"}


def _by_parameter(templates: Templates, value: Any) -> set[str]:
    """Nested stacks whose resources carry a name that ``value`` knows as a parameter."""
    names = {name for name in _references(value) if name in templates.root["Parameters"]}
    names -= {_COMMON_PARAMETER}
    found = set()
    for stack in templates.nested:
        handed = templates.parameters_of(stack)
        for resource in templates.drawn_in(stack).values():
            for own in _references(resource.get("Properties", {}).get("EndpointName")):
                if names & set(_references(handed.get(own))):
                    found.add(stack)
    return found


def _entrance(templates: Templates, target: str) -> str | None:
    """The node that stands for a resource; for a nested stack its first that is drawn."""
    if target not in templates.nested:
        return target if templates.resources[target]["Type"] in _SHAPES else None
    inner = templates.drawn_in(target)
    proxies = [name for name, resource in inner.items() if "Proxy" in resource["Type"]]
    first = [*proxies, *inner][:1]
    return f"{target}_{first[0]}" if first else None


def _draw_nested(templates: Templates, drawing: Drawing) -> None:
    """From a nested stack to the root, through its parameters, and within itself."""
    for stack, template in templates.nested.items():
        handed = templates.parameters_of(stack)
        inner = templates.drawn_in(stack)
        outwards: dict[str, list[str]] = defaultdict(list)
        for name, resource in inner.items():
            if resource["Type"] == _WATCHING:
                continue
            reached = _reached(template, name)
            for other in sorted((reached & set(inner)) - {name}):
                arrow = Arrow(f"{stack}_{name}", f"{stack}_{other}")
                if inner[other]["Type"] == _BALANCER and resource["Type"] == _SERVICE:
                    arrow = Arrow(arrow.end, arrow.start)  # who refers to it is called by it
                drawing.arrows.append(arrow)
            ends = {
                _entrance(templates, target)
                for parameter in reached & set(handed)
                for target in templates.references(handed[parameter])
                if target not in {*_LEFT_OUT, _ALARM_TOPIC}
            }
            for end in sorted(end for end in ends if end in drawing.nodes):
                outwards[end].append(f"{stack}_{name}")
        for end, starts in outwards.items():
            if len(starts) >= _GROUP_FROM:
                drawing.arrows.append(Arrow(stack, end))
            else:
                drawing.arrows += [Arrow(start, end) for start in starts]
        alarms = [r for r in template["Resources"].values() if r["Type"] == _ALARM]
        if alarms:
            node = f"{stack}_Alarms"
            drawing.titles.setdefault(stack, _nested_title(templates, stack))
            drawing.parts[stack].append(node)
            drawing.nodes[node] = f'{node}["{len(alarms)} alarms"]'
            drawing.arrows.append(Arrow(node, _ALARM_TOPIC))


def _reached(template: Mapping[str, Any], own: str) -> set[str]:
    """Ids and parameters that a resource refers to, over resources that are not drawn.

    What joins two others (an association, a listener) counts for the one that it belongs to.
    """
    resources = template["Resources"]
    waiting = [resources[own]]
    found: set[str] = set()
    while waiting:
        resource = waiting.pop()
        for name in _references(resource.get("Properties", {})):
            if name == own or name in found:
                continue
            found.add(name)
            if name in resources and resources[name]["Type"] in _PASSED:
                waiting.append(resources[name])
        for name, other in resources.items():
            owner = _OWNER.get(other["Type"])
            belongs = owner and own in _references(other.get("Properties", {}).get(owner))
            if belongs and name not in found:
                found.add(name)
                waiting.append(other)
    return found


_ALARM_TOPIC = "OperationsTopic"
_BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
_SERVICE = "AWS::ECS::Service"
# Joins two things that are drawn; the property names the one that it belongs to.
_OWNER = {
    "AWS::WAFv2::WebACLAssociation": "WebACLArn",
    "AWS::RDS::DBProxyTargetGroup": "DBProxyName",
    "AWS::ElasticLoadBalancingV2::Listener": "LoadBalancerArn",
}
# Stands between two things that are drawn.
_PASSED = {
    "AWS::SageMaker::EndpointConfig",
    "AWS::ECS::TaskDefinition",
    "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::ElasticLoadBalancingV2::ListenerRule",
}


def _references(value: Any) -> list[str]:
    """Names that ``Ref``, ``GetAtt`` and ``Sub`` mention, pseudo parameters left out."""
    found: list[str] = []
    if isinstance(value, list):
        for item in value:
            found += _references(item)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if key == "Ref":
                found.append(str(item).split(".")[0])
            elif key == "Fn::GetAtt":
                found.append(item.split(".")[0] if isinstance(item, str) else item[0])
            elif key == "Fn::Sub":
                text, own = (item, {}) if isinstance(item, str) else (item[0], item[1])
                found += [n.split(".")[0] for n in _VARIABLE.findall(text) if n not in own]
                found += _references(own)
            elif key == "Fn::If":
                found += _references(item[1:])
            else:
                found += _references(item)
    return [name for name in found if not name.startswith("AWS::")]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)


def optional_parts(templates: Templates) -> str:
    """A table of the nested stacks: when each exists, and what it makes."""
    rows = []
    for stack, template in templates.nested.items():
        resource = templates.resources[stack]
        when = condition_in_words(templates.root, resource.get("Condition")) or "always"
        rows.append(
            [
                f"`{resource['Properties']['TemplateURL']}`",
                when,
                str(template.get("Description", "")).removeprefix("MRI Analysis - "),
                str(len(template["Resources"])),
            ]
        )
    return table(["file", "exists when", "what", "resources"], rows)


def sections() -> Sections:
    """What the document shows."""
    templates = Templates(ROOT)
    machine = json.loads(STATE_MACHINE.read_text(encoding="utf-8"))
    return {
        ("docs/architecture.md", "diagram"): draw(templates, machine).text(),
        ("docs/architecture.md", "optional-parts"): optional_parts(templates),
    }


if __name__ == "__main__":
    sys.exit(run(sections(), "Draw the diagram of docs/architecture.md from the templates."))
