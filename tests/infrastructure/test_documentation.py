"""The documents say what the files say: names, commands, parameters, alarms, costs and the diagram.

A command that cannot work is worse than none, so every block of ``docs/deploy.md`` is read here: by
bash for its syntax, by botocore for AWS' operations and options, by the templates for parameters
and outputs, by the Makefile for targets.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from samtranslator.yaml_helper import yaml_parse

from mri_analysis import errors
from scripts import costs, describe_template, draw_architecture, generated_sections

DEPLOY = Path("docs/deploy.md")
DOCUMENTS = [DEPLOY, Path("docs/architecture.md"), Path("docs/costs.md")]
GENERATORS = [costs, describe_template, draw_architecture]

_BLOCK = re.compile(r"^( *)```bash\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"(?<![\w/{$.-])([a-z][\w.-]*(?:/[\w.-]+)+\.(?:yaml|json|py|md|toml|gz|sh))\b")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
# Names of other systems, which no file of ours holds.
_FOREIGN = {"StopExecution"}
_GLOBAL_OPTIONS = {"query", "output", "region", "profile", "no-paginate"}
_PAGING = {"max-items", "page-size", "starting-token"}
# Commands that the AWS CLI adds to the operations of a service, with their options.
_OWN_COMMANDS = {("s3", "cp"): {"recursive"}, ("ecr", "get-login-password"): set()}
_SERVICES = {"s3api": "s3", "deploy": "codedeploy"}


def blocks(path: Path = DEPLOY) -> list[str]:
    """Code for the shell, without the indentation of the list that it stands in."""
    found = []
    for indent, block in _BLOCK.findall(path.read_text(encoding="utf-8")):
        found.append("".join(line.removeprefix(indent) for line in block.splitlines(True)))
    return found


def lines() -> Iterator[str]:
    """Commands, each with its continued lines."""
    for block in blocks():
        yield from block.replace("\\\n", " ").splitlines()


def template(path: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml_parse(Path(path).read_text(encoding="utf-8"))
    return document


@cache
def nested(section: str) -> frozenset[str]:
    """Names of a section in the root and all other templates."""
    files = [*Path("infrastructure").glob("*.yaml"), *Path("pipeline").glob("*.yaml")]
    return frozenset(
        name
        for file in [Path("template.yaml"), *files]
        for name in template(str(file)).get(section, {})
    )


# ---- what scripts write --------------------------------------------------------------------------


@pytest.mark.parametrize("generator", GENERATORS, ids=lambda module: module.__name__)
def test_generated_parts_are_current(generator: Any) -> None:
    behind = generated_sections.stale(generator.sections())

    assert behind == [], f"run `python -m {generator.__name__}`"


def test_check_says_which_file_is_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "page.md").write_text("<!-- generated part -->\nold\n<!-- end part -->\n")
    monkeypatch.chdir(tmp_path)
    parts = {("page.md", "part"): "new"}

    assert generated_sections.run(parts, "test", ["--check"]) == 1
    assert "page.md is not current" in capsys.readouterr().err

    assert generated_sections.run(parts, "test", []) == 0
    assert generated_sections.run(parts, "test", ["--check"]) == 0
    assert "\nnew\n" in (tmp_path / "page.md").read_text()


@pytest.mark.parametrize("text", ["nothing", 2 * "<!-- generated a -->\n<!-- end a -->\n"])
def test_a_place_that_is_missing_or_twice_there_is_refused(text: str) -> None:
    with pytest.raises(generated_sections.SectionMissing, match="not once"):
        generated_sections.with_section(text, "a", "content")


# ---- the diagram ---------------------------------------------------------------------------------


def diagram(root: Path = Path("template.yaml")) -> draw_architecture.Drawing:
    machine = json.loads(draw_architecture.STATE_MACHINE.read_text(encoding="utf-8"))
    return draw_architecture.draw(draw_architecture.Templates(root), machine)


def test_diagram_shows_every_function_queue_bucket_and_topic() -> None:
    drawn = diagram()
    kinds = {"AWS::Serverless::Function", "AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::S3::Bucket"}
    expected = {
        name
        for name, resource in template("template.yaml")["Resources"].items()
        if resource["Type"] in kinds
    }

    assert expected - {"LogsBucket"} <= set(drawn.nodes)


def test_every_arrow_joins_what_is_drawn() -> None:
    drawn = diagram()
    ends = {end for arrow in drawn.arrows for end in (arrow.start, arrow.end)}

    assert ends <= {*drawn.nodes, *drawn.parts}
    assert all(drawn.parts.values())


def test_arrows_follow_a_study_from_the_upload_to_its_report() -> None:
    arrows = {(arrow.start, arrow.end) for arrow in diagram().arrows}

    assert {
        ("ImagesBucket", "UploadQueue"),
        ("UploadQueue", "StartAnalysisFunction"),
        ("StartAnalysisFunction", "MriAnalysisStateMachine"),
        (state("PrepareStudy"), "PrepareStudyFunction"),
        (state("PrepareStudy"), state("SegmentImage")),
        (state("SegmentImage"), "SegmentationTriggerFunction"),
        ("SegmentationTriggerFunction", "Models_SegmentationEndpoint"),
        ("Models", "SegmentationSucceededTopic"),
        ("SegmentationSucceededTopic", "ModelCallbackFunction"),
        (state("SegmentImage"), state("CheckQuality")),
        (state("CheckQuality"), state("ImageToText")),
        (state("CheckQuality"), state("RefuseStudy")),
        (state("ImageToText"), "VlmProcessingTriggerFunction"),
        (state("StoreResults"), state("NotifyUser")),
        (state("NotifyUser"), "NotifyUserFunction"),
        ("NotifyUserFunction", "AnalysisNotificationTopic"),
        ("analysis", "StudyChangesTopic"),
        ("StudyChangesTopic", "LiveUpdatesFunction"),
    } <= arrows


def test_diagram_shows_every_state_and_no_function_that_calls_another() -> None:
    drawn = diagram()
    machine = json.loads(draw_architecture.STATE_MACHINE.read_text(encoding="utf-8"))
    functions = {name for name in drawn.nodes if name.endswith("Function")}

    assert drawn.parts["MriAnalysisStateMachine"] == [state(name) for name in machine["States"]]
    assert not [a for a in drawn.arrows if {a.start, a.end} <= functions]


def state(name: str) -> str:
    """The node of a state."""
    return f"MriAnalysisStateMachine_{name}"


def test_diagram_changes_with_the_template(tmp_path: Path) -> None:
    """Another queue for the uploads is another drawing."""
    shutil.copytree("infrastructure", tmp_path / "infrastructure")
    text = Path("template.yaml").read_text(encoding="utf-8")
    changed = tmp_path / "template.yaml"
    changed.write_text(text.replace("UploadQueue", "InboxQueue"), encoding="utf-8")

    drawn = diagram(changed)

    assert "InboxQueue" in drawn.nodes
    assert drawn.text() != diagram().text()


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"Fn::Equals": [{"Ref": "A"}, "x"]}, "A is x"),
        ({"Fn::Not": [{"Fn::Equals": [{"Ref": "A"}, ""]}]}, "A is given"),
        (
            {"Fn::Not": [{"Fn::Or": [{"Condition": "B"}, {"Fn::Equals": [{"Ref": "A"}, "x"]}]}]},
            "B is empty and A is not x",
        ),
    ],
)
def test_conditions_are_said_in_words(condition: dict[str, Any], words: str) -> None:
    root = {"Conditions": {"C": condition, "B": {"Fn::Not": [{"Fn::Equals": [{"Ref": "B"}, ""]}]}}}

    assert draw_architecture.condition_in_words(root, "C") == words


# ---- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_files_and_links_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = {name for name in _PATH.findall(text) if not name.startswith(("out/", "tmp/"))}
    missing = {name for name in named if not Path(name).exists()}
    for target in _LINK.findall(text):
        if target.startswith("http"):
            continue
        file, _, anchor = target.partition("#")
        page = path.parent / file if file else path
        if not page.exists() or (anchor and anchor not in anchors(page)):
            missing.add(target)

    assert not missing


def anchors(path: Path) -> set[str]:
    """The addresses that GitHub gives to headings."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_names_in_the_text_are_names_of_the_product(path: Path) -> None:
    known = {*nested("Parameters"), *nested("Resources"), *nested("Outputs"), *_FOREIGN}
    known |= {name for name in vars(errors) if isinstance(getattr(errors, name), type)}
    machine = draw_architecture.STATE_MACHINE.read_text(encoding="utf-8")
    known |= set(re.findall(r'"(\w+)": \{', machine))
    known |= nested("Conditions") | {"Timeout", "MemorySize"}
    known |= {
        str(value)
        for declared in template("template.yaml")["Parameters"].values()
        for value in declared.get("AllowedValues", [])
    }
    used = {
        span.partition("=")[0]
        for span in _SPAN.findall(path.read_text(encoding="utf-8"))
        if re.fullmatch(r"(?:[A-Z][a-z0-9]+){2,}(?:=\S+)?", span)
    }

    assert used - known == set()


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", Path("Makefile").read_text(), re.MULTILINE))
    used = set()
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        code = [*_SPAN.findall(text), *blocks(path)]
        used |= {name for part in code for name in re.findall(r"\bmake ([a-z-]+)", part)}

    assert used - targets == set()


def test_variables_given_to_make_are_read_by_it() -> None:
    makefile = Path("Makefile").read_text()
    text = DEPLOY.read_text(encoding="utf-8")
    calls = re.findall(r"\bmake [a-z-]+((?: [A-Z]+=(?:\"[^\"]*\"|\S+))+)", text)
    used = {name for call in calls for name in re.findall(r"(?:^| )([A-Z]+)=", call)}

    assert {"STAGE", "FUNCTION"} <= used
    assert [name for name in sorted(used) if f"$({name})" not in makefile] == []


# ---- commands ------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", blocks(), ids=lambda block: block.strip().splitlines()[0][:60])
def test_bash_understands_the_block(block: str) -> None:
    run = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr


def aws_calls() -> Iterator[tuple[str, str, set[str]]]:
    """Service, command and options of every call of the AWS CLI."""
    for line in lines():
        bare = re.sub(
            r"'[^']*'|\"[^\"]*\"", "x", re.sub(r"\"[^\"]*\$\((.*?)\)[^\"]*\"", r"x \1", line)
        )
        for part in re.split(r"&&|\||;| > |#|\$\(", bare):
            match = re.search(r"(?<![\w/])aws ([a-z0-9-]+) ([a-z0-9-]+)(.*)", part)
            if match:
                yield match[1], match[2], set(re.findall(r"(?<!\S)--([a-z0-9-]+)", match[3]))


CALLS = list(aws_calls())


def test_the_page_calls_aws() -> None:
    """The parser still finds what the next test is about."""
    assert len(CALLS) > 30
    assert ("lambda", "update-alias", {"function-name", "name", "function-version"}) in CALLS


@pytest.mark.parametrize(("service", "command", "options"), CALLS)
def test_aws_has_the_operation_and_its_options(
    service: str, command: str, options: set[str]
) -> None:
    if (service, command) in _OWN_COMMANDS:
        assert options <= _OWN_COMMANDS[service, command] | _GLOBAL_OPTIONS
        return
    model = botocore.session.get_session().get_service_model(_SERVICES.get(service, service))
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    assert command in operations
    shape = model.operation_model(operations[command]).input_shape
    members = {xform_name(name, "-") for name in (shape.members if shape else {})}
    required = {xform_name(name, "-") for name in (shape.required_members if shape else [])}

    # A boolean has a second form, which switches it off.
    members |= {f"no-{name}" for name in members}
    assert options <= members | _GLOBAL_OPTIONS | _PAGING
    assert required <= options


def test_parameters_in_commands_are_those_of_their_template() -> None:
    found = 0
    for line in [*lines(), *_SPAN.findall(DEPLOY.read_text(encoding="utf-8"))]:
        if not re.search(r"sam deploy|make deploy|scripts\.deploy", line):
            continue
        file = re.search(r"--template-file (\S+)", line)
        declared = template(file[1] if file else "template.yaml")["Parameters"]
        names = set(re.findall(r"(?<![\w-])([A-Z][A-Za-z]*[a-z][A-Za-z]*)=", line))
        assert names <= set(declared), line
        found += len(names)

    assert found > 10


def test_outputs_and_resources_in_commands_exist() -> None:
    root = template("template.yaml")
    text = "\n".join(lines())
    outputs = set(re.findall(r"\$\(output (\w+)\)", text))
    resources = set(re.findall(r"--logical-resource-id (\w+)", text))

    assert outputs
    assert outputs <= set(root["Outputs"])
    assert resources
    assert resources <= set(root["Resources"])


def test_functions_in_commands_are_deployed_ones() -> None:
    names = {
        resource["Properties"]["FunctionName"]["Fn::Sub"].removesuffix("-${Stage}")
        for resource in template("template.yaml")["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    used = set(re.findall(r"--function-name \"?([a-z-]+)-\$STAGE", "\n".join(lines())))

    assert used
    assert used <= names


def test_every_function_can_be_invoked_with_its_event() -> None:
    folders = {path.parent.name for path in Path("functions").glob("*/app.py")}
    functions = {
        name: Path(resource["Properties"]["CodeUri"]).name
        for name, resource in template("template.yaml")["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    text = DEPLOY.read_text(encoding="utf-8")
    without_docker = re.findall(r"^make invoke FUNCTION=(\w+)$", text, re.MULTILINE)
    with_docker = re.findall(r"sam local invoke (\w+) --event events/(\w+)\.json", text)

    assert sorted(without_docker) == sorted(folders)
    assert dict(with_docker) == functions
    assert all(Path("events", f"{folder}.json").is_file() for folder in folders)


# ---- alarms and refusals -------------------------------------------------------------------------


def test_every_alarm_has_a_section_and_every_section_an_alarm() -> None:
    sections = {anchor for anchor in anchors(DEPLOY) if anchor.startswith("alarm-")}

    assert {alarm.anchor for alarm in describe_template.alarms()} == sections


def test_an_alarm_section_says_something() -> None:
    parts = re.split(r"^#+ ", DEPLOY.read_text(encoding="utf-8"), flags=re.MULTILINE)
    short = [part for part in parts if part.startswith("alarm-") and len(part.split()) < 4]

    assert short == []


def test_every_refusal_of_a_deployment_stands_in_the_table() -> None:
    """What ``check-deployment`` can say, without the values in it."""
    source = Path("layers/mri_analysis/mri_analysis/adapters/component_probes.py").read_text()
    page = re.sub(r"\W+", " ", DEPLOY.read_text(encoding="utf-8"))
    starts = re.findall(r"(?<!\")\"((?:The|There is|Bedrock has)[^\"{]{8,})", source)
    described = [re.sub(r"\W+", " ", start).strip() for start in starts]

    assert len(described) > 8
    assert [start for start in described if start not in page] == []
