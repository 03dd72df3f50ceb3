"""A message may not change its shape without changing its version.

The shapes lie in ``shapes.json``. After a change that raises ``schema_version``, record them anew
with ``python -m tests.unit.contracts.test_shapes``.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from mri_analysis.contracts.live_updates import StudyChange, StudyEvent
from mri_analysis.contracts.report import Description, Report
from mri_analysis.contracts.segmentation import (
    Measurements,
    SegmentationResponse,
)
from mri_analysis.contracts.study import PreparedStudy
from mri_analysis.contracts.tasks import (
    AnalysisInput,
    DescribeTask,
    DescribeTaskWithoutToken,
    FailureTask,
    NotifyTask,
    ReportTask,
    SegmentTask,
    StoreTask,
)

SHAPES = Path(__file__).with_name("shapes.json")
CONTRACTS: tuple[type[BaseModel], ...] = (
    AnalysisInput,
    DescribeTask,
    DescribeTaskWithoutToken,
    Description,
    FailureTask,
    Measurements,
    NotifyTask,
    PreparedStudy,
    Report,
    ReportTask,
    SegmentTask,
    SegmentationResponse,
    StoreTask,
    StudyChange,
    StudyEvent,
)


def shape(node: Any) -> Any:
    """A JSON schema without its prose."""
    if isinstance(node, dict):
        prose = {"description", "title"}
        return {
            key: shape(value)
            for key, value in node.items()
            if key not in prose or isinstance(value, dict)
        }
    return [shape(item) for item in node] if isinstance(node, list) else node


def current() -> dict[str, Any]:
    return {contract.__name__: shape(contract.model_json_schema()) for contract in CONTRACTS}


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.__name__)
def test_shape_changes_only_with_the_version(contract: type[BaseModel]) -> None:
    recorded = json.loads(SHAPES.read_text())[contract.__name__]

    assert current()[contract.__name__] == recorded, (
        f"{contract.__name__} changed: raise schema_version, say so in docs/decisions.md, and run "
        "python -m tests.unit.contracts.test_shapes"
    )


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.__name__)
def test_message_carries_its_version_and_refuses_what_it_does_not_know(
    contract: type[BaseModel],
) -> None:
    schema = contract.model_json_schema()

    assert "const" in schema["properties"]["schema_version"]
    assert schema["additionalProperties"] is False


if __name__ == "__main__":
    SHAPES.write_text(json.dumps(current(), indent=1, sort_keys=True) + "\n")
