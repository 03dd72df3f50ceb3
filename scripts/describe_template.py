"""The tables of parameters, stages and alarms in ``docs/deploy.md``, from what they describe."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from scripts.deploy import CONFIGURATION, configured
from scripts.generated_sections import Sections, run, table

ROOT = Path("template.yaml")
INFRASTRUCTURE = Path("infrastructure")
STAGES = ("dev", "staging", "prod")


def parameter_table(template: Mapping[str, Any]) -> str:
    """Every parameter in the order of its group, with its default and what it takes."""
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    tables = []
    for group in groups:
        rows = []
        for name in group["Parameters"]:
            declared = template["Parameters"][name]
            rows.append(
                [
                    f"`{name}`",
                    _default(declared),
                    _sentence(declared.get("Description", "")),
                    _sentence(declared.get("ConstraintDescription", "")),
                ]
            )
        header = ["parameter", "default", "what it is", "what it takes"]
        tables.append(f"**{group['Label']['default']}**\n\n{table(header, rows)}")
    return "\n\n".join(tables)


def _default(declared: Mapping[str, Any]) -> str:
    value = str(declared.get("Default", ""))
    return f"`{value}`" if value else "empty"


def _sentence(text: str) -> str:
    words = " ".join(str(text).split())
    return words if not words or words.endswith(".") else f"{words}."


def stage_table(template: Mapping[str, Any], configuration: Mapping[str, Any]) -> str:
    """What the stages of samconfig.toml set, side by side."""
    stages = {stage: configured(configuration, stage) for stage in STAGES}
    rows = []
    for name, declared in template["Parameters"].items():
        if not any(name in values for values in stages.values()):
            continue
        default = _default(declared)
        rows.append(
            [
                f"`{name}`",
                default,
                *(f"`{values[name]}`" if name in values else "" for values in stages.values()),
            ]
        )
    return table(["parameter", "template's default", *stages], rows)


@dataclass(frozen=True)
class Alarm:
    """One alarm of the templates."""

    name: str
    """With ``{stage}`` in place of the stage"""
    sentence: str
    anchor: str
    """Its section in ``docs/deploy.md``"""


def alarms(base: Path = Path()) -> list[Alarm]:
    """Every alarm of the root and its nested stacks, by name."""
    found = []
    for path in [base / ROOT, *sorted((base / INFRASTRUCTURE).glob("*.yaml"))]:
        for resource in yaml_parse(path.read_text(encoding="utf-8"))["Resources"].values():
            if resource["Type"] == "AWS::CloudWatch::Alarm":
                found.append(_alarm(resource["Properties"]))
    return sorted(found, key=lambda alarm: alarm.name)


def _alarm(properties: Mapping[str, Any]) -> Alarm:
    name = str(properties["AlarmName"]["Fn::Sub"]).replace("${Stage}", "{stage}")
    description = " ".join(str(properties["AlarmDescription"]).split())
    named = re.search(r"docs/deploy\.md#([a-z-]+)", description)
    own = name.removeprefix("mri-").removesuffix("-{stage}")
    sentence = re.split(r"[.;] +(?:See |see )?docs/deploy|[.;] [Ss]ee docs", description)[0]
    return Alarm(name, _sentence(sentence), named[1] if named else f"alarm-{own}")


def alarm_table(base: Path = Path()) -> str:
    """Every alarm, when it rings, and the section that says what to do."""
    return table(
        ["alarm", "rings when", "what to do"],
        [[f"`{a.name}`", a.sentence, f"[{a.anchor}](#{a.anchor})"] for a in alarms(base)],
    )


def sections() -> Sections:
    """What the document shows."""
    template = yaml_parse(ROOT.read_text(encoding="utf-8"))
    configuration = tomllib.loads(CONFIGURATION.read_text(encoding="utf-8"))
    return {
        ("docs/deploy.md", "parameters"): parameter_table(template),
        ("docs/deploy.md", "stages"): stage_table(template, configuration),
        ("docs/deploy.md", "alarms"): alarm_table(),
    }


if __name__ == "__main__":
    sys.exit(run(sections(), "Write the tables of docs/deploy.md."))
