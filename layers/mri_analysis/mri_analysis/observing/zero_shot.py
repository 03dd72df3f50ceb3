"""The question to an image-text model such as BiomedCLIP, which compares and cannot write.

It gets the plain slices and one caption for each entry of the closed list, and answers how well
each caption fits: ``{"labels": [...], "scores": [...]}``, the scores of all captions summing to 1.
Such scores are no probabilities of anything in the patient. They become hints at most: of low
certainty, without place and side, never more than three.
"""

import base64
import json
import math
from itertools import pairwise
from typing import Any

from mri_analysis.contracts.observations import (
    Certainty,
    Observation,
    ObservationKind,
    ObservedSide,
    Region,
)
from mri_analysis.observing.answer import Answer, Fault, Pictures, UnusableAnswer, parse

PROMPT_VERSION = "observations-zero-shot 1"

NOTHING = "nothing_of_the_list"
"""The caption that the others are held against."""

CAPTIONS: dict[str, str] = {
    NOTHING: "a brain MRI without any abnormality",
    ObservationKind.ENLARGED_VENTRICLES: "a brain MRI with enlarged ventricles",
    ObservationKind.VENTRICULAR_ASYMMETRY: "a brain MRI with asymmetric lateral ventricles",
    ObservationKind.WIDENED_SULCI: "a brain MRI with widened sulci",
    ObservationKind.SMALL_HIPPOCAMPUS: "a brain MRI with a small hippocampus",
    ObservationKind.FOCAL_LESION: "a brain MRI with a focal lesion",
    ObservationKind.TISSUE_DEFECT: "a brain MRI with a tissue defect",
    ObservationKind.MASS_EFFECT: "a brain MRI with mass effect",
    ObservationKind.MIDLINE_SHIFT: "a brain MRI with midline shift",
    ObservationKind.WHITE_MATTER_SIGNAL_CHANGE: "a brain MRI with white matter signal change",
    ObservationKind.FLUID_COLLECTION: "a brain MRI with an extra-axial fluid collection",
    ObservationKind.MOTION_ARTEFACT: "a brain MRI with motion artefacts",
    ObservationKind.SIGNAL_DROPOUT: "a brain MRI with signal dropout",
}

RATIO = 3.0
"""A caption is a hint from this many times the score of ``NOTHING`` on. Chosen, not calibrated."""

MOST = 3

_SUM_TOLERANCE = 0.02


def question(pictures: Pictures, model: str = "") -> bytes:
    """The request's body; the labelled montage only where there are no plain slices."""
    picture = pictures.montage if pictures.slices is None else pictures.slices
    body: dict[str, Any] = {
        "image_png_base64": base64.b64encode(picture).decode(),
        "captions": [{"label": label, "text": text} for label, text in CAPTIONS.items()],
    }
    return json.dumps({"model": model, **body} if model else body).encode()


def read(body: bytes) -> Answer:
    """The hints in an answer, best first.

    Raises
    ------
    UnusableAnswer
        Not one score for each caption, or scores that are no shares of 1.
    """
    scores = _scores(parse(body))
    limit = RATIO * scores.pop(NOTHING)
    ranked = sorted(scores, key=lambda label: scores[label], reverse=True)
    return Answer(
        tuple(
            Observation(
                kind=ObservationKind(label),
                region=Region.WHOLE_BRAIN,
                side=ObservedSide.UNKNOWN,
                certainty=Certainty.LOW,
            )
            for label in ranked[:MOST]
            if scores[label] > 0 and scores[label] >= limit
        )
    )


def _scores(document: Any) -> dict[str, float]:
    if not isinstance(document, dict) or set(document) != {"labels", "scores"}:
        raise UnusableAnswer(Fault.OTHER_FORM)
    labels, scores = document["labels"], document["scores"]
    if not isinstance(labels, list) or not isinstance(scores, list):
        raise UnusableAnswer(Fault.OTHER_FORM)
    if not all(isinstance(label, str) for label in labels) or len(labels) != len(scores):
        raise UnusableAnswer(Fault.OTHER_FORM)
    if any(first == second for first, second in pairwise(sorted(labels))):
        raise UnusableAnswer(Fault.REPEATED)
    if set(labels) != set(CAPTIONS) or not all(_is_share(score) for score in scores):
        raise UnusableAnswer(Fault.OTHER_FORM)
    if abs(math.fsum(scores) - 1) > _SUM_TOLERANCE:
        raise UnusableAnswer(Fault.OTHER_FORM)
    return dict(zip(labels, scores, strict=True))


def _is_share(score: Any) -> bool:
    return isinstance(score, int | float) and not isinstance(score, bool) and 0 <= score <= 1
