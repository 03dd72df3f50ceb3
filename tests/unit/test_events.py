"""The sample events are what the functions really take."""

import json
from pathlib import Path

import pytest
from pydantic import BaseModel

from mri_analysis.contracts.tasks import (
    AnalysisInput,
    DescribeTask,
    ExportOrder,
    FailureTask,
    NotifyTask,
    ReportTask,
    SegmentTask,
    StoreTask,
)

TASKS: dict[str, type[BaseModel]] = {
    "prepare_study": AnalysisInput,
    "mri_segmentation_trigger": SegmentTask,
    "vlm_processing_trigger": DescribeTask,
    "llm_rag_enhancement": ReportTask,
    "store_analysis_results": StoreTask,
    "notify_user": NotifyTask,
    "error_handler": FailureTask,
}


@pytest.mark.parametrize("function", TASKS)
def test_event_fits_its_task(function: str) -> None:
    TASKS[function].model_validate_json(Path(f"events/{function}.json").read_text())


def test_every_function_has_an_event() -> None:
    functions = {path.parent.name for path in Path("functions").glob("*/app.py")}
    events = {path.stem for path in Path("events").glob("*.json")}

    assert functions == events


def test_queue_event_holds_an_order() -> None:
    (record,) = json.loads(Path("events/export_results.json").read_text())["Records"]

    ExportOrder.model_validate_json(record["body"])


def test_queue_event_holds_a_notification() -> None:
    (record,) = json.loads(Path("events/start_analysis.json").read_text())["Records"]

    assert json.loads(record["body"])["Records"][0]["s3"]["object"]["key"].startswith("incoming/")
