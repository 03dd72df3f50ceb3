"""SNOMED CT codes of what is measured, as DICOM PS3.16 lists them (CID 7140, 7153 and 244).

A structure of ours that no code fits has none: other grey matter than ours would be said.
"""

from dataclasses import dataclass

from mri_analysis.contracts.segmentation import Structure


@dataclass(frozen=True)
class Code:
    """A concept of SNOMED CT."""

    value: str
    meaning: str


VOLUME = Code("118565006", "Volume")
LEFT = Code("7771000", "Left")
RIGHT = Code("24028007", "Right")

STRUCTURES: dict[Structure, Code] = {
    Structure.INTRACRANIAL: Code("128319008", "Intracranial structure"),
    Structure.BRAIN: Code("12738006", "Brain"),
    Structure.VENTRICLES: Code("35764002", "Brain ventricle"),
    Structure.CSF: Code("65216001", "Cerebrospinal Fluid"),
    Structure.CORTEX: Code("40146001", "Cerebral cortex"),
    Structure.WHITE_MATTER: Code("68523003", "Cerebral White Matter"),
    Structure.THALAMUS: Code("42695009", "Thalamus"),
    Structure.HIPPOCAMPUS: Code("5366008", "Hippocampus"),
    Structure.CEREBELLUM: Code("113305005", "Cerebellum"),
    Structure.BRAINSTEM: Code("119238007", "Brain Stem"),
}
"""``deep_grey`` groups six structures of which no code is the sum."""
