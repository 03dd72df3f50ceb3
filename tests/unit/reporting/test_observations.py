"""An observation is weighed against the measurements, and told in words of ours."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mri_analysis.contracts.observations import (
    Certainty,
    Observation,
    ObservationKind,
    ObservedSide,
    ReadingKind,
    ReadingStatus,
    Region,
    Relation,
    VisionLanguageReading,
)
from mri_analysis.contracts.report import Finding, FindingStatus, StatementKind
from mri_analysis.reporting.observations import READING_ID, observation_statements, weigh

EVANS, VENTRICLES, CSF = "ratio.evans_index", "volume.ventricles", "volume.csf"


def seen(kind: str, side: str = "unknown", region: str = "ventricles") -> Observation:
    return Observation(
        kind=ObservationKind(kind),
        region=Region(region),
        side=ObservedSide(side),
        certainty=Certainty.MODERATE,
    )


def measured(
    evans: FindingStatus = FindingStatus.MEASURED,
    difference: FindingStatus = FindingStatus.SYMMETRIC,
    larger: str | None = None,
    fluid: FindingStatus = FindingStatus.MEASURED,
) -> list[Finding]:
    side = {FindingStatus.SYMMETRIC: "both"}.get(difference, larger)
    return [
        Finding(id=f"finding.{EVANS}", measurement_ids=[EVANS], status=evans, text="."),
        Finding(
            id="finding.ventricles.asymmetry",
            measurement_ids=[VENTRICLES],
            status=difference,
            side=side,
            text=".",
        ),
        Finding(id="finding.csf.volume", measurement_ids=[CSF], status=fluid, text="."),
    ]


ASYMMETRIC, ABOVE, MEASURED = FindingStatus.ASYMMETRIC, FindingStatus.ABOVE, FindingStatus.MEASURED
UNVERIFIED, AGREES, CONTRADICTED = Relation.UNVERIFIED, Relation.AGREES, Relation.CONTRADICTED
LEFT = measured(difference=ASYMMETRIC, larger="left")


@pytest.mark.parametrize(
    ("observation", "findings", "relation", "ids"),
    [
        (seen("enlarged_ventricles", "both"), measured(), UNVERIFIED, []),
        (seen("enlarged_ventricles", "both"), measured(evans=ABOVE), AGREES, [EVANS]),
        # Below its criterion the index rules nothing out.
        (seen("enlarged_ventricles", "both"), measured(evans=MEASURED), UNVERIFIED, []),
        # The index knows both sides together.
        (seen("enlarged_ventricles", "left"), measured(evans=ABOVE), UNVERIFIED, []),
        (seen("enlarged_ventricles", "right"), LEFT, CONTRADICTED, [VENTRICLES]),
        (
            seen("enlarged_ventricles", "left"),
            measured(evans=ABOVE, difference=ASYMMETRIC, larger="left"),
            AGREES,
            [EVANS],
        ),
        (seen("ventricular_asymmetry", "left"), LEFT, AGREES, [VENTRICLES]),
        (seen("ventricular_asymmetry", "unknown"), LEFT, AGREES, [VENTRICLES]),
        (seen("ventricular_asymmetry", "right"), LEFT, CONTRADICTED, [VENTRICLES]),
        (seen("ventricular_asymmetry", "both"), LEFT, UNVERIFIED, []),
        (seen("ventricular_asymmetry", "left"), measured(), CONTRADICTED, [VENTRICLES]),
        (
            seen("ventricular_asymmetry", "left"),
            measured(difference=FindingStatus.MEASURED),
            UNVERIFIED,
            [],
        ),
        (seen("ventricular_asymmetry", "left"), [], UNVERIFIED, []),
        (seen("widened_sulci", region="whole_brain"), measured(fluid=ABOVE), AGREES, [CSF]),
        (
            seen("widened_sulci", region="whole_brain"),
            measured(fluid=FindingStatus.WITHIN),
            UNVERIFIED,
            [],
        ),
        (seen("small_hippocampus", "left", "hippocampus"), LEFT, UNVERIFIED, []),
        (seen("focal_lesion", "left", "frontal"), LEFT, UNVERIFIED, []),
    ],
)
def test_an_observation_is_held_against_the_measurement_that_knows(
    observation: Observation, findings: list[Finding], relation: Relation, ids: list[str]
) -> None:
    (weighed,) = weigh([observation], findings)

    assert weighed.observation == observation
    assert weighed.relation is relation
    assert weighed.measurement_ids == ids


def reading(
    *observations: Observation,
    status: ReadingStatus = ReadingStatus.ANSWERED,
    kind: ReadingKind = ReadingKind.GENERATIVE,
    findings: list[Finding] | None = None,
) -> VisionLanguageReading:
    return VisionLanguageReading(
        status=status,
        model="endpoint",
        prompt_version="1",
        kind=kind,
        observations=weigh(observations, findings or measured()),
    )


def test_without_a_model_nothing_is_said() -> None:
    assert observation_statements(None) == []


def test_an_unverified_observation_says_whose_it_is_and_that_nobody_checked() -> None:
    (told,) = observation_statements(reading(seen("focal_lesion", "left", "frontal")))

    assert told.kind is StatementKind.OBSERVED
    assert told.cites == ["observation.1"]
    assert told.text == (
        "A vision-language model marked a possible focal lesion (region: frontal; side: left; its "
        "own certainty: moderate). Nobody has verified this."
    )


def test_a_contradicted_observation_is_told_as_that() -> None:
    told = observation_statements(
        reading(seen("focal_lesion", "left", "frontal"), seen("ventricular_asymmetry", "right"))
    )[1]

    assert told.cites == ["observation.2", VENTRICLES]
    assert told.text.startswith("The measurement contradicts an observation of the vision-language")
    assert told.text.endswith("the measurement stands.")


def test_an_observation_that_the_measurement_shares_cites_it() -> None:
    (told,) = observation_statements(reading(seen("ventricular_asymmetry", "left"), findings=LEFT))

    assert told.cites == ["observation.1", VENTRICLES]
    assert "larger side: left" in told.text
    assert told.text.endswith("The measurement agrees; nobody has verified the observation.")


def test_a_hint_names_neither_place_nor_side() -> None:
    (told,) = observation_statements(
        reading(seen("focal_lesion", region="whole_brain"), kind=ReadingKind.ZERO_SHOT)
    )

    assert told.text.startswith("Uncalibrated hint")
    assert "whole brain" not in told.text


@pytest.mark.parametrize("status", [s for s in ReadingStatus if s is not ReadingStatus.ANSWERED])
@pytest.mark.parametrize("kind", ReadingKind)
def test_no_answer_is_said_in_one_sentence(status: ReadingStatus, kind: ReadingKind) -> None:
    (told,) = observation_statements(reading(status=status, kind=kind))

    assert told.cites == [READING_ID]
    assert told.text.endswith("The report rests on measurements alone.")


def test_nothing_marked_rules_nothing_out() -> None:
    (told,) = observation_statements(reading())

    assert told.text.endswith("This rules nothing out.")


@settings(deadline=None)
@given(
    st.sampled_from(list(ObservationKind)),
    st.sampled_from(list(Region)),
    st.sampled_from(list(ObservedSide)),
    st.sampled_from(list(ReadingKind)),
    st.sampled_from([measured(), LEFT, measured(evans=ABOVE, fluid=ABOVE)]),
)
def test_every_sentence_is_told_as_a_models_and_as_unverified_or_contradicted(
    kind: ObservationKind,
    region: Region,
    side: ObservedSide,
    of: ReadingKind,
    findings: list[Finding],
) -> None:
    observation = Observation(kind=kind, region=region, side=side, certainty=Certainty.HIGH)
    (told,) = observation_statements(reading(observation, kind=of, findings=findings))

    assert "model" in told.text
    assert any(
        words in told.text
        for words in ("Nobody has verified", "nobody has verified", "the measurement stands")
    )
