"""A stack with a vision-language model behind it.

In a folder of its own, before ``local_stack`` in the order: moto keeps one stack a process.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_stack.product import product_stack
from local_stack.vision_language import VisionLanguageServer
from mri_analysis.adapters.sagemaker_endpoint import OBSERVATION_STATE_TIMEOUT_SECONDS
from tests.support.chain import Chain
from tests.support.scripted_vision_language import Reply, ScriptedVisionLanguage, observations


@pytest.fixture(scope="package")
def script() -> Iterator[ScriptedVisionLanguage]:
    with ScriptedVisionLanguage() as server:
        yield server


@pytest.fixture(scope="package")
def watched(
    tmp_path_factory: pytest.TempPathFactory, script: ScriptedVisionLanguage
) -> Iterator[Chain]:
    """The product with the scripted model."""
    stack = product_stack(
        Path.cwd(),
        tmp_path_factory.mktemp("stack"),
        vision_language=VisionLanguageServer(script.url, "scripted"),
    )
    with stack:
        yield Chain.of(stack)


@pytest.fixture
def model(script: ScriptedVisionLanguage) -> ScriptedVisionLanguage:
    """The model, with its script as it was at first."""
    script.reply = Reply(observations())
    script.questions.clear()
    script.lengths.clear()
    return script


@pytest.fixture
def impatient(watched: Chain) -> Iterator[Chain]:
    """The same stack, whose state ``ImageToText`` waits a second only."""
    client, arn = (
        watched.stack.client("stepfunctions"),
        watched.stack.resource("MriAnalysisStateMachine"),
    )
    whole = client.describe_state_machine(stateMachineArn=arn)["definition"]
    definition = json.loads(whole)
    state = definition["States"]["ImageToText"]
    assert state["TimeoutSeconds"] == OBSERVATION_STATE_TIMEOUT_SECONDS
    state["TimeoutSeconds"] = 2
    client.update_state_machine(stateMachineArn=arn, definition=json.dumps(definition))
    yield watched
    client.update_state_machine(stateMachineArn=arn, definition=whole)
