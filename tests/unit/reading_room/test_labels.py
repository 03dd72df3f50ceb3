"""Names and colours of the viewer's labels."""

from mri_analysis.contracts.segmentation import Structure
from mri_analysis.reporting.anatomy import STRUCTURE_NAMES
from mri_segmentation.labels import COLOURS, FREESURFER_IDS, FREESURFER_NAMES, STRUCTURE_OF
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


def test_viewer_knows_the_labels_of_the_engine_and_the_colours_of_its_montage() -> None:
    # Two parts that are shipped apart, and a reader compares their pictures.
    measured = some_measurements().model_copy(update={"label_names": dict(FREESURFER_NAMES)})
    expected = {
        id_: (STRUCTURE_OF[tissue], COLOURS[tissue])
        for tissue, ids in FREESURFER_IDS.items()
        if tissue in STRUCTURE_OF
        for id_ in ids
    }

    drawn = {label: (name, colour) for label, name, colour in labels.coloured(measured)}

    assert drawn.keys() == expected.keys()
    for label, (structure, colour) in expected.items():
        name, shown = drawn[label]
        assert name.lower().startswith(STRUCTURE_NAMES[structure].lower()), label
        assert shown == colour, label
        left, right = next(ids for ids in FREESURFER_IDS.values() if label in ids)
        if left != right:
            assert ("left" if label == left else "right") in name, label
