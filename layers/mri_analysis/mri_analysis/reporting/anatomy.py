"""What the report calls each structure."""

from mri_analysis.contracts.segmentation import Structure

BRAIN_PARENCHYMAL_FRACTION = "ratio.brain_parenchymal_fraction"
EVANS_INDEX = "ratio.evans_index"

STRUCTURE_NAMES: dict[Structure, str] = {
    Structure.INTRACRANIAL: "intracranial volume",
    Structure.BRAIN: "brain volume",
    Structure.VENTRICLES: "ventricles",
    Structure.CSF: "cerebrospinal fluid outside the ventricles",
    Structure.CORTEX: "cortex",
    Structure.WHITE_MATTER: "cerebral white matter",
    Structure.DEEP_GREY: "deep grey matter",
    Structure.THALAMUS: "thalami",
    Structure.HIPPOCAMPUS: "hippocampi",
    Structure.CEREBELLUM: "cerebellum",
    Structure.BRAINSTEM: "brainstem",
}
"""In the order of the report: whole brain, fluid, tissue, small structures."""

RATIO_NAMES: dict[str, str] = {
    BRAIN_PARENCHYMAL_FRACTION: "brain parenchymal fraction",
    EVANS_INDEX: "Evans index",
}


def capitalised(name: str) -> str:
    """The name at the start of a sentence; the rest of it keeps its capitals."""
    return name[:1].upper() + name[1:]
