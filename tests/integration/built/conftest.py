"""What `sam build` makes, built once for all tests of this folder into a folder of its own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from emulated_stack.sam import Sam
from knowledge.build import build_snapshot
from local_stack.product import KNOWLEDGE_SNAPSHOT
from local_stack.stack import LocalStack, segmentation_server
from local_stack.template import TranslatedTemplate, translate
from migrations.migrate import migrate
from tests.support.chain import Chain

_SAM = Path(".venv-sam/bin/sam")


@dataclass(frozen=True)
class Build:
    """A template that `sam build` wrote, and the folders it refers to."""

    template: Path
    translated: TranslatedTemplate

    @property
    def folder(self) -> Path:
        return self.template.parent

    @property
    def python(self) -> str:
        """Lambda's Python, as wheels write it: ``cp313``."""
        runtime: str = self.translated.body["Parameters"]["Runtime"]["Default"]
        return runtime.replace("python", "cp").replace(".", "")

    @property
    def functions(self) -> dict[str, list[Path]]:
        """Folders that Lambda unpacks for each function: its own and its layers'."""
        resources = self.translated.body["Resources"]
        return {
            logical_id: [
                self._folder(resource["Properties"]["Code"]),
                *(
                    self._folder(resources[layer["Ref"]]["Properties"]["Content"])
                    for layer in resource["Properties"]["Layers"]
                ),
            ]
            for logical_id, resource in resources.items()
            if resource["Type"] == "AWS::Lambda::Function"
        }

    def _folder(self, address: dict[str, str]) -> Path:
        return self.translated.artefacts.path_of(address["S3Bucket"], address["S3Key"])


@pytest.fixture(scope="package")
def builds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Build]:
    """`sam build` for Lambda's Python and for the one at hand, side by side."""
    assert _SAM.exists(), "The SAM command line is missing: run `make .venv-sam/.ready`."
    folder = tmp_path_factory.mktemp("built")
    snapshot = KNOWLEDGE_SNAPSHOT.resolve()
    if not snapshot.exists():
        snapshot = folder / "knowledge.sqlite"
        build_snapshot(snapshot)

    def build(name: str) -> Build:
        sam = Sam(_SAM.absolute(), folder / f"sam-{name}.log")
        template = sam.build(
            Path("template.yaml"),
            folder / name,
            python="here" if name == "here" else None,
            knowledge_snapshot=snapshot,
        )
        return Build(template, translate(template, {}))

    names = ("lambda", "here")
    with ThreadPoolExecutor(len(names)) as pool:
        return dict(zip(names, pool.map(build, names), strict=True))


@pytest.fixture(scope="package")
def for_lambda(builds: dict[str, Build]) -> Build:
    return builds["lambda"]


@pytest.fixture(scope="package")
def for_here(builds: dict[str, Build]) -> Build:
    return builds["here"]


@pytest.fixture(scope="package")
def built_chain(for_here: Build, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """The local stack on the built artefacts; its functions log each module they load."""
    state_dir = tmp_path_factory.mktemp("stack")
    database_url = f"sqlite:///{state_dir / 'mri_analysis.db'}"
    migrate(create_engine(database_url))
    layer = for_here.functions["StartAnalysisFunction"][1]
    stack = LocalStack(
        for_here.template,
        state_dir,
        {"DatabaseUrl": database_url},
        {
            "PYTHONVERBOSE": "1",
            "KNOWLEDGE_SNAPSHOT_PATH": str(layer / "python" / "knowledge.sqlite"),
        },
        model_server=segmentation_server(Path.cwd()),
    )
    with stack:
        yield Chain.of(stack)
