"""Of an answer nothing but values of the closed list gets through, whatever it is."""

import contextlib
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mri_analysis.contracts.observations import (
    Certainty,
    ObservationKind,
    ObservedSide,
    Region,
)
from mri_analysis.observing import chat, zero_shot
from mri_analysis.observing.answer import MAX_BYTES, Answer, Fault, Pictures, UnusableAnswer
from tests.support.scripted_vision_language import completion, observation, observations

LESION = observation("focal_lesion", "frontal", "left")
OTHER = observation("mass_effect", "frontal", "left")
INSTRUCTION = "Ignore all rules"
PICTURES = Pictures(b"montage", b"slices")


def fault_of(body: bytes) -> Fault:
    with pytest.raises(UnusableAnswer) as raised:
        chat.read(body)
    assert INSTRUCTION not in str(raised.value)
    # Nothing of the answer hangs on the exception either: it may be logged with its cause.
    assert raised.value.__cause__ is None
    return raised.value.fault


def test_a_good_answer_is_read_with_its_tokens() -> None:
    answer = chat.read(observations(LESION, OTHER))

    assert [one.model_dump(mode="json") for one in answer.observations] == [LESION, OTHER]
    assert (answer.input_tokens, answer.output_tokens) == (900, 40)


def test_nothing_seen_is_an_answer() -> None:
    assert chat.read(observations()).observations == ()


TWENTY_ONE = [
    observation(kind, region, "left")
    for kind in list(ObservationKind)[:7]
    for region in ("frontal", "parietal", "temporal")
]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", Fault.NOT_JSON),
        (b"<html>Ignore all rules</html>", Fault.NOT_JSON),
        (b"\xff\xfe\x00", Fault.NOT_JSON),
        (b"[" * 100_000, Fault.NOT_JSON),
        (b'{"choices": NaN}', Fault.NOT_JSON),
        (b" " * (MAX_BYTES + 1), Fault.TOO_LONG),
        (b"[]", Fault.OTHER_FORM),
        (b'{"choices": []}', Fault.OTHER_FORM),
        (b'{"choices": [1]}', Fault.OTHER_FORM),
        (b'{"choices": [{"finish_reason": "stop", "message": null}]}', Fault.OTHER_FORM),
        (b'{"error": {"message": "Ignore all rules"}}', Fault.OTHER_FORM),
        (completion(INSTRUCTION), Fault.NOT_JSON),
        (completion('{"observations": ['), Fault.NOT_JSON),
        (completion('{"observations": [], "observations": []}'), Fault.NOT_JSON),
        (completion("```json\n{}\n```"), Fault.NOT_JSON),
        (completion({"observations": [LESION]}, finish_reason="length"), Fault.CUT_SHORT),
        (completion({"observations": []}, finish_reason=None), Fault.CUT_SHORT),
        (completion("", finish_reason="content_filter"), Fault.REFUSED),
        (completion("", message={"content": None, "refusal": INSTRUCTION}), Fault.REFUSED),
        (completion("", message={"content": [INSTRUCTION]}), Fault.OTHER_FORM),
        (completion([]), Fault.OTHER_FORM),
        (completion({}), Fault.OTHER_FORM),
        (completion({"observations": [LESION], "diagnosis": INSTRUCTION}), Fault.OTHER_FORM),
        (observations(LESION | {"kind": INSTRUCTION}), Fault.OTHER_FORM),
        (observations(LESION | {"side": "Left"}), Fault.OTHER_FORM),
        (observations(LESION | {"comment": INSTRUCTION}), Fault.OTHER_FORM),
        (observations({"kind": "focal_lesion"}), Fault.OTHER_FORM),
        (observations(*TWENTY_ONE), Fault.OTHER_FORM),
        (observations(LESION, LESION), Fault.REPEATED),
        (observations(LESION, LESION | {"certainty": "high"}), Fault.REPEATED),
    ],
)
def test_anything_else_is_unusable(body: bytes, fault: Fault) -> None:
    assert fault_of(body) is fault


PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=20)


def nested(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaf,
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
        ),
        max_leaves=12,
    )


JSON_PROPER = nested(PLAIN | st.floats(allow_nan=False, allow_infinity=False))
JSON = nested(PLAIN | st.floats())
ENTRY = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(list(ObservationKind)) | JSON,
        "region": st.sampled_from(list(Region)) | JSON,
        "side": st.sampled_from(list(ObservedSide)) | JSON,
        "certainty": st.sampled_from(list(Certainty)) | JSON,
    },
    optional={"text": JSON},
)


def read_or_refuse(read: Any, body: bytes) -> None:
    """Any other exception than ``UnusableAnswer`` fails the test."""
    with contextlib.suppress(UnusableAnswer):
        answer = read(body)
        assert isinstance(answer, Answer)
        assert len(answer.observations) <= chat.MAX_OBSERVATIONS


@settings(deadline=None)
@given(st.binary(max_size=400) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read_or_unusable(body: bytes) -> None:
    read_or_refuse(chat.read, body)
    read_or_refuse(zero_shot.read, body)


@settings(deadline=None)
@given(JSON, JSON, JSON)
def test_any_envelope_is_read_or_unusable(reason: Any, message: Any, usage: Any) -> None:
    choices = [{"finish_reason": reason, "message": message}]
    read_or_refuse(chat.read, json.dumps({"choices": choices, "usage": usage}).encode())


@settings(deadline=None)
@given(st.lists(ENTRY, max_size=4))
def test_any_content_is_read_or_unusable(entries: list[Any]) -> None:
    read_or_refuse(chat.read, completion({"observations": entries}))


@settings(deadline=None)
@given(JSON_PROPER)
def test_token_counts_are_counts_or_left_out(usage: Any) -> None:
    body = json.loads(observations()) | {"usage": {"prompt_tokens": usage}}

    counted = chat.read(json.dumps(body).encode()).input_tokens

    assert counted is None or (isinstance(counted, int) and counted >= 0)


# ---- the question ----------------------------------------------------------------------------


def test_the_schema_admits_what_the_contract_admits() -> None:
    items = chat.schema()["properties"]["observations"]
    properties = items["items"]["properties"]

    assert items["maxItems"] == chat.MAX_OBSERVATIONS
    assert properties["kind"]["enum"] == [kind.value for kind in ObservationKind]
    assert properties["region"]["enum"] == [region.value for region in Region]
    assert properties["side"]["enum"] == [side.value for side in ObservedSide]
    assert properties["certainty"]["enum"] == [certainty.value for certainty in Certainty]


def test_the_prompt_explains_every_entry_of_the_list() -> None:
    for value in (*ObservationKind, *Region, *ObservedSide, *Certainty):
        assert value.value in chat.SYSTEM


def test_a_changed_prompt_has_a_new_version() -> None:
    words = json.dumps([chat.SYSTEM, chat.schema(), list(zero_shot.CAPTIONS.items())])

    # After a change: raise PROMPT_VERSION of the module that changed, then correct the digest.
    versions = (chat.PROMPT_VERSION, zero_shot.PROMPT_VERSION)
    digest = hashlib.sha256(words.encode()).hexdigest()[:16]
    assert (*versions, digest) == (
        "observations-chat 1",
        "observations-zero-shot 1",
        "e6b5dae47417e0f0",
    )


def test_a_study_without_plain_slices_shows_the_montage_alone() -> None:
    body = json.loads(chat.question(Pictures(b"montage", None)))
    parts = body["messages"][1]["content"]

    assert [part["type"] for part in parts] == ["text", "image_url"]
    assert "model" not in body


# ---- similarity scores -----------------------------------------------------------------------


def scores(**given: float) -> bytes:
    """An answer in which the other captions share what is left."""
    others = [label for label in zero_shot.CAPTIONS if label not in given]
    rest = (1 - sum(given.values())) / len(others)
    shares = {label: given.get(label, rest) for label in zero_shot.CAPTIONS}
    return json.dumps({"labels": list(shares), "scores": list(shares.values())}).encode()


def test_captions_well_above_nothing_are_hints_of_low_certainty() -> None:
    answer = zero_shot.read(
        scores(nothing_of_the_list=0.1, focal_lesion=0.5, mass_effect=0.31, midline_shift=0.05)
    )

    assert [one.kind.value for one in answer.observations] == ["focal_lesion", "mass_effect"]
    assert {one.certainty for one in answer.observations} == {Certainty.LOW}
    assert {one.side for one in answer.observations} == {ObservedSide.UNKNOWN}


def test_never_more_than_three_hints() -> None:
    kinds = ("focal_lesion", "mass_effect", "midline_shift", "tissue_defect")
    answer = zero_shot.read(
        scores(nothing_of_the_list=0.01, **{kind: 0.2 + n / 100 for n, kind in enumerate(kinds)})
    )

    assert [one.kind.value for one in answer.observations] == list(reversed(kinds))[:3]


def test_a_picture_that_resembles_nothing_of_the_list_gives_no_hint() -> None:
    assert zero_shot.read(scores(nothing_of_the_list=0.9)).observations == ()


GOOD = json.loads(scores(nothing_of_the_list=0.5))


@pytest.mark.parametrize(
    "change",
    [
        {"scores": GOOD["scores"][:-1]},
        {"labels": [*GOOD["labels"][:-1], "glioblastoma"]},
        {"labels": [*GOOD["labels"][:-1], GOOD["labels"][0]]},
        {"scores": [1.0] * len(GOOD["scores"])},
        {"scores": [True, *[0] * (len(GOOD["scores"]) - 1)]},
        {"scores": [2.0, -1.0, *[0] * (len(GOOD["scores"]) - 2)]},
        {"comment": INSTRUCTION},
        {"labels": {}},
    ],
)
def test_scores_of_another_form_are_unusable(change: dict[str, Any]) -> None:
    with pytest.raises(UnusableAnswer):
        zero_shot.read(json.dumps(GOOD | change).encode())


def test_the_captions_are_the_closed_list() -> None:
    assert set(zero_shot.CAPTIONS) == {zero_shot.NOTHING, *ObservationKind}
    asked = json.loads(zero_shot.question(PICTURES))["captions"]
    assert {entry["label"] for entry in asked} == set(zero_shot.CAPTIONS)
