"""What a vision-language model observed, held against the measurements, and told by code.

The measurement wins: an observation it contradicts is kept and told as contradicted. No text of the
model is used; every sentence is made here from values of the closed list.
"""

from collections.abc import Iterable, Sequence

from mri_analysis.contracts.observations import (
    Observation,
    ObservationKind,
    ObservedSide,
    ReadingKind,
    ReadingStatus,
    Relation,
    VisionLanguageReading,
    WeighedObservation,
)
from mri_analysis.contracts.report import Finding, FindingStatus, Statement, StatementKind
from mri_analysis.reporting.anatomy import EVANS_INDEX

READING_ID = "reading.vision_language"
"""What a statement cites that is about the reading as a whole."""

_ASYMMETRY = "finding.ventricles.asymmetry"
_FLUID = "finding.csf.volume"

_KIND_WORDS = {
    ObservationKind.ENLARGED_VENTRICLES: "enlarged ventricles",
    ObservationKind.VENTRICULAR_ASYMMETRY: "asymmetric ventricles",
    ObservationKind.WIDENED_SULCI: "widened sulci",
    ObservationKind.SMALL_HIPPOCAMPUS: "a small hippocampus",
    ObservationKind.FOCAL_LESION: "a possible focal lesion",
    ObservationKind.TISSUE_DEFECT: "a possible tissue defect",
    ObservationKind.MASS_EFFECT: "a possible mass effect",
    ObservationKind.MIDLINE_SHIFT: "a possible midline shift",
    ObservationKind.WHITE_MATTER_SIGNAL_CHANGE: "a possible signal change of white matter",
    ObservationKind.FLUID_COLLECTION: "a possible fluid collection",
    ObservationKind.MOTION_ARTEFACT: "possible motion artefacts",
    ObservationKind.SIGNAL_DROPOUT: "a possible loss of signal",
}

_SIDE_NAMES = {
    ObservationKind.VENTRICULAR_ASYMMETRY: "larger side",
    ObservationKind.MIDLINE_SHIFT: "displaced to",
}

_SIDE_WORDS = {
    ObservedSide.LEFT: "left",
    ObservedSide.RIGHT: "right",
    ObservedSide.BOTH: "both",
    ObservedSide.MIDLINE: "midline",
    ObservedSide.UNKNOWN: "not given",
}

_MODEL = {
    ReadingKind.GENERATIVE: "vision-language model",
    ReadingKind.ZERO_SHOT: "image-text model",
}

_ALONE = "The report rests on measurements alone."

_NO_ANSWER = {
    ReadingStatus.PENDING: "did not answer in time",
    ReadingStatus.UNUSABLE: "gave an answer that could not be used",
    ReadingStatus.UNAVAILABLE: "could not be asked or failed",
    ReadingStatus.RESTING: "was not asked, because it failed several times shortly before",
}


def weigh(
    observations: Iterable[Observation], findings: Sequence[Finding]
) -> list[WeighedObservation]:
    """Hold each observation against the findings of the same study, in order."""
    by_id = {finding.id: finding for finding in findings}
    return [_weighed(observation, by_id) for observation in observations]


def observation_statements(reading: VisionLanguageReading | None) -> list[Statement]:
    """Everything a report says about the reading; nothing where no model is configured.

    Observations are cited as ``observation.1`` and so on, in the order of the reading; those that
    a measurement speaks for or against also cite that measurement.
    """
    if reading is None:
        return []
    model = _MODEL[reading.kind]
    if reading.status is not ReadingStatus.ANSWERED:
        return [_statement(f"The {model} {_NO_ANSWER[reading.status]}. {_ALONE}", READING_ID)]
    if not reading.observations:
        nothing = f"The {model} marked nothing of its list. This rules nothing out."
        return [_statement(nothing, READING_ID)]
    return [
        _statement(_sentence(weighed, reading.kind), f"observation.{n}", *weighed.measurement_ids)
        for n, weighed in enumerate(reading.observations, start=1)
    ]


def _weighed(observation: Observation, findings: dict[str, Finding]) -> WeighedObservation:
    relation, finding = Relation.UNVERIFIED, None
    if observation.kind is ObservationKind.ENLARGED_VENTRICLES:
        relation, finding = _enlarged_ventricles(observation, findings)
    elif observation.kind is ObservationKind.VENTRICULAR_ASYMMETRY:
        relation, finding = _asymmetry(observation, findings)
    elif observation.kind is ObservationKind.WIDENED_SULCI:
        relation, finding = _widened_sulci(findings)
    # A small hippocampus never: its volumes are biased. The rest nobody measures.
    decided = finding is not None and relation is not Relation.UNVERIFIED
    return WeighedObservation(
        observation=observation,
        relation=relation,
        measurement_ids=list(finding.measurement_ids) if decided and finding else [],
    )


_Weight = tuple[Relation, Finding | None]


def _enlarged_ventricles(observation: Observation, findings: dict[str, Finding]) -> _Weight:
    difference = findings.get(_ASYMMETRY)
    one_sided = observation.side in (ObservedSide.LEFT, ObservedSide.RIGHT)
    asymmetric = difference is not None and difference.status is FindingStatus.ASYMMETRIC
    if one_sided and difference and asymmetric and difference.side != observation.side.value:
        return Relation.CONTRADICTED, difference
    evans = findings.get(f"finding.{EVANS_INDEX}")
    # Below its criterion the index has no verdict. It knows both sides together: it cannot speak
    # for one of them alone.
    above = evans is not None and evans.status is FindingStatus.ABOVE
    if above and (not one_sided or asymmetric):
        return Relation.AGREES, evans
    return Relation.UNVERIFIED, None


def _asymmetry(observation: Observation, findings: dict[str, Finding]) -> _Weight:
    difference = findings.get(_ASYMMETRY)
    if difference is None:
        return Relation.UNVERIFIED, None
    if difference.status is FindingStatus.SYMMETRIC:
        return Relation.CONTRADICTED, difference
    if difference.status is not FindingStatus.ASYMMETRIC:
        return Relation.UNVERIFIED, None
    if observation.side in (ObservedSide.BOTH, ObservedSide.MIDLINE):
        return Relation.UNVERIFIED, None  # no side can be the larger one
    if observation.side is ObservedSide.UNKNOWN or observation.side.value == difference.side:
        return Relation.AGREES, difference
    return Relation.CONTRADICTED, difference


def _widened_sulci(findings: dict[str, Finding]) -> _Weight:
    fluid = findings.get(_FLUID)
    # Fluid within its band says nothing against sulci that are wide in one place.
    if fluid is not None and fluid.status is FindingStatus.ABOVE:
        return Relation.AGREES, fluid
    return Relation.UNVERIFIED, None


def _sentence(weighed: WeighedObservation, kind: ReadingKind) -> str:
    seen = _KIND_WORDS[weighed.observation.kind]
    if kind is ReadingKind.ZERO_SHOT:
        if weighed.relation is Relation.CONTRADICTED:
            return (
                f"The measurement contradicts a hint of the image-text model, {seen}: the "
                "measurement stands."
            )
        hint = f"Uncalibrated hint of an image-text model, without place or side: {seen}."
        if weighed.relation is Relation.AGREES:
            return f"{hint} The measurement agrees; nobody has verified the hint."
        return f"{hint} Nobody has verified this."
    details = _details(weighed.observation)
    if weighed.relation is Relation.CONTRADICTED:
        return (
            f"The measurement contradicts an observation of the vision-language model, {seen} "
            f"({details}): the measurement stands."
        )
    marked = f"A vision-language model marked {seen} ({details})."
    if weighed.relation is Relation.AGREES:
        return f"{marked} The measurement agrees; nobody has verified the observation."
    return f"{marked} Nobody has verified this."


def _details(observation: Observation) -> str:
    side = _SIDE_NAMES.get(observation.kind, "side")
    return (
        f"region: {observation.region.value.replace('_', ' ')}; "
        f"{side}: {_SIDE_WORDS[observation.side]}; "
        f"its own certainty: {observation.certainty.value}"
    )


def _statement(text: str, *cites: str) -> Statement:
    return Statement(kind=StatementKind.OBSERVED, text=text, cites=list(cites))
