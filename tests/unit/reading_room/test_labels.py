"""Names and colours of the viewer's labels."""

from mri_analysis.contracts.segmentation import Structure
from reading_room import labels
from tests.support.measurements import some_measurements


def test_label_is_called_what_is_measured_of_it_with_side_and_volume() -> None:
    measured = some_measurements().model_copy(
        update={
            "label_names": {4: "Left-Lateral-Ventricle", 60: "Right-VentralDC", 16: "Brain-Stem"}
        }
    )

    assert labels.names(measured) == {
        4: "Ventricles, left: 8.8 mL",
        60: "Deep grey matter, right: 19.6 mL",
        16: "Brainstem: 23.8 mL",
    }


def test_what_was_not_measured_is_not_assessed() -> None:
    measured = some_measurements(missing=frozenset({Structure.HIPPOCAMPUS})).model_copy(
        update={"label_names": {53: "Right-Hippocampus"}}
    )

    assert labels.names(measured) == {53: "Hippocampi, right: not assessed"}


def test_label_of_another_container_keeps_its_name_and_is_not_coloured() -> None:
    measured = some_measurements().model_copy(
        update={"label_names": {99: "White-Matter-Lesion", 4: "x"}}
    )

    assert labels.names(measured)[99] == "White Matter Lesion"
    assert [label for label, _, _ in labels.coloured(measured)] == [4]
