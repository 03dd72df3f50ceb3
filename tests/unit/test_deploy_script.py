"""``scripts/deploy.py`` with a ``sam`` that writes down what it was called with."""

import json
import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from local_stack.template import translate
from scripts import deploy

CHECKOUT = Path.cwd()
REAL_SAM = CHECKOUT / ".venv-sam/bin/sam"
"""`make test` installs it before the tests start."""
TEMPLATE = """
Parameters:
  Stage: {Type: String, Default: dev}
  ReleaseId: {Type: String, Default: "", AllowedPattern: "|[0-9a-f]{10,64}"}
  AlarmEmail:
    Type: String
    Default: ""
    AllowedPattern: "|[^@]+@.+"
    ConstraintDescription: A mail address.
  DatabaseUrl: {Type: String, Default: ""}
  Note: {Type: String, Default: ""}
Rules:
  Database:
    Assertions:
      - Assert: !Not [!Equals [!Ref DatabaseUrl, ""]]
        AssertDescription: DatabaseUrl is missing.
Resources:
  Topic: {Type: "AWS::SNS::Topic"}
"""
CONFIGURATION = """
version = 0.1
[default.build.parameters]
template_file = "template.yaml"
[dev.deploy.parameters]
stack_name = "mri-analysis-dev"
parameter_overrides = ["Stage=dev", "DatabaseUrl=sqlite:///a.db"]
[bare.deploy.parameters]
stack_name = "mri-analysis-bare"
parameter_overrides = "Stage=bare Note=one"
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout that was built, and a ``sam`` first on PATH."""
    (tmp_path / "samconfig.toml").write_text(CONFIGURATION)
    build = tmp_path / ".aws-sam/build"
    (build / "ApiFunction").mkdir(parents=True)
    (build / "template.yaml").write_text(TEMPLATE)
    (build / "ApiFunction/app.py").write_text("answer = 1\n")
    programs = tmp_path / "bin"
    programs.mkdir()
    fake = programs / "sam"
    fake.write_text(
        f"#!{sys.executable}\n"
        "import json, os, sys\n"
        f"open({str(tmp_path / 'called.json')!r}, 'w').write(json.dumps(sys.argv[1:]))\n"
        "sys.exit(int(os.environ.get('FAKE_SAM_STATUS', '0')))\n"
    )
    fake.chmod(fake.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def called(checkout: Path) -> list[str]:
    arguments: list[str] = json.loads((checkout / "called.json").read_text())
    return arguments


def overrides(checkout: Path) -> dict[str, str]:
    arguments = called(checkout)
    return dict(
        entry.split("=", 1) for entry in arguments[arguments.index("--parameter-overrides") + 1 :]
    )


def test_deploys_with_the_values_of_the_stage_and_those_given(checkout: Path) -> None:
    assert deploy.main(["dev", "AlarmEmail=a@example.org", "Note=two words"]) == 0

    assert called(checkout)[:7] == [
        "deploy",
        "--config-file",
        str(deploy.CONFIGURATION.resolve()),
        "--config-env",
        "dev",
        "--template-file",
        ".aws-sam/build/template.yaml",
    ]
    values = overrides(checkout)
    assert values["DatabaseUrl"] == "sqlite:///a.db"
    assert values["AlarmEmail"] == "a@example.org"
    assert values["Note"] == '"two words"'
    assert len(values["ReleaseId"]) == 40


def test_a_parameter_that_nobody_gives_goes_back_to_its_default(checkout: Path) -> None:
    deploy.main(["dev"])

    assert overrides(checkout)["AlarmEmail"] == '""'


def test_a_value_given_wins_over_the_file(checkout: Path) -> None:
    deploy.main(["bare", "DatabaseUrl=sqlite:///b.db", "Note=two"])

    assert overrides(checkout) | {"ReleaseId": ""} == {
        "AlarmEmail": '""',
        "DatabaseUrl": "sqlite:///b.db",
        "Note": "two",
        "ReleaseId": "",
        "Stage": "bare",
    }


def test_release_id_names_code_and_values_and_nothing_else(checkout: Path) -> None:
    def release(*given: str) -> str:
        assert deploy.main(["dev", *given]) == 0
        return overrides(checkout)["ReleaseId"]

    first = release()
    assert release() == first
    assert release("Note=x") != first

    source = checkout / ".aws-sam/build/ApiFunction/app.py"
    source.write_text("answer = 2\n")
    changed = release()
    assert changed != first

    cache = source.parent / "__pycache__"
    cache.mkdir()
    (cache / "app.cpython-313.pyc").write_bytes(b"compiled")
    assert release() == changed

    source.rename(source.with_name("handler.py"))
    assert release() != changed


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["dev", "AlarmEmail=nobody"], "A mail address."),
        (["dev", "DatabaseUrl="], "DatabaseUrl is missing."),
        (["dev", "Sage=dev"], "no parameter Sage"),
        (["dev", "AlarmEmail"], "write Name=value"),
        (["dev", 'Note=a "quoted" word'], "holds a quote"),
        (["dev", "ReleaseId=0123456789abcdef"], "leave it out"),
        (["test"], "it has bare, dev"),
        (["bare"], "DatabaseUrl is missing."),
    ],
)
def test_what_cannot_be_deployed_stops_with_a_sentence(
    checkout: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert deploy.main(arguments) == 2

    assert sentence in capsys.readouterr().err
    assert not (checkout / "called.json").exists()


def test_without_a_build_it_says_what_to_run(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / ".aws-sam/build/template.yaml").unlink()

    assert deploy.main(["dev"]) == 2
    assert "make build" in capsys.readouterr().err


def test_a_build_older_than_the_template_is_refused(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = checkout / "template.yaml"
    source.write_text(TEMPLATE)
    os.utime(checkout / ".aws-sam/build/template.yaml", (0, 0))

    assert deploy.main(["dev"]) == 2
    assert "is older than template.yaml" in capsys.readouterr().err


def test_dry_run_prints_the_command_and_starts_nothing(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy.main(["--dry-run", "dev"]) == 0

    printed = shlex.split(capsys.readouterr().out)
    assert printed[1:3] == ["deploy", "--config-file"]
    assert printed[4:6] == ["--config-env", "dev"]
    assert 'AlarmEmail=""' in printed
    assert not (checkout / "called.json").exists()


def test_a_first_deployment_can_keep_what_it_made(checkout: Path) -> None:
    assert deploy.main(["dev", "--disable-rollback", "Note=x"]) == 0

    assert "--disable-rollback" in called(checkout)
    assert overrides(checkout)["Note"] == "x"


def test_the_status_of_sam_is_the_answer(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_SAM_STATUS", "3")

    assert deploy.main(["dev"]) == 3


# ---- this checkout -------------------------------------------------------------------------------

ROOT = Path("template.yaml")
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mri-segmentation:0a1b2c3"


def check(given: dict[str, str]) -> dict[str, str]:
    template = translate(ROOT, given).body
    values = deploy.complete(template, given)
    deploy.check_nested(ROOT, template, values)
    return values


@pytest.mark.parametrize("stage", ["dev", "staging", "prod"])
def test_every_stage_has_values_that_all_templates_take(stage: str) -> None:
    given = deploy.configured(deploy._read(deploy.CONFIGURATION), stage)

    assert check(given | {"SegmentationImageUri": IMAGE})["Stage"] == stage


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {
                "DeployReadingRoom": "true",
                "ReadingRoomImageUri": IMAGE,
                "ReadingRoomOrigin": "https://mri.example.org:8443",
                "CertificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/0a1b",
            },
            "Nested stack ReadingRoom: ",
        ),
    ],
)
def test_what_a_nested_stack_refuses_stops_before_anything_is_made(
    given: dict[str, str], sentence: str
) -> None:
    with pytest.raises(deploy.NotDeployable, match=sentence):
        check({"DatabaseKind": "mysql"} | given)


def test_the_real_sam_takes_the_command_as_far_as_the_credentials(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fake takes any command; the real one must find stack name and values in samconfig.toml."""
    programs = checkout / "bin"
    (programs / "sam").unlink()
    (programs / "sam").symlink_to(REAL_SAM)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("SAM_CLI_TELEMETRY", "0")
    monkeypatch.setenv("HOME", str(checkout))
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)

    ended = subprocess.run(
        [sys.executable, "-m", "scripts.deploy", "dev"],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (CHECKOUT, CHECKOUT / "local")))},
    )

    assert "Unable to locate credentials" in ended.stderr
    assert ended.returncode != 0
