"""What the report calls each structure, and how the guard recognises those names in text."""

import re

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

MENTIONS: list[tuple[str, re.Pattern[str]]] = [
    (key, re.compile(pattern, re.IGNORECASE))
    for key, pattern in (
        ("volume.ventricles", r"(?<!-)\bventricular (?:csf|cerebrospinal fluid)\b"),
        (
            "volume.csf",
            r"\b(?:cerebrospinal fluid|csf)\b|\bextra-?ventricular\b"
            r"|\b(?:outside|beyond|external to)(?: of)? (?:the )?ventricles\b",
        ),
        (
            BRAIN_PARENCHYMAL_FRACTION,
            r"\b(?:brain )?parenchymal fraction(?: of (?:the )?brain)?\b"
            r"|\bbrain parenchyma\b(?=.*\bfraction\b)"
            r"|\bfraction of [\d.]+ (?:is|(?:was |is )?(?:measured )?for the) brain parenchyma\b"
            r"|\bfraction of (?:the )?(?:brain )?parenchyma"
            r"(?: in the intracranial (?:space|volume))?\b|\bbpf\b",
        ),
        (EVANS_INDEX, r"\bevans\b|\bEI\b|\bfrontal horns?\b|\binner skull\b"),
        ("volume.ventricles", r"\bventric\w*"),
        ("volume.intracranial", r"\bintracranial(?:ly)?\b|\b(?:icv|e?tiv)\b|\binside the skull\b"),
        ("volume.cortex", r"\bcort(?:ex|ical)\b"),
        ("volume.white_matter", r"\bwhite matter\b|\bwm\b"),
        (
            "volume.deep_grey",
            r"\bdeep gr[ea]y\b|\bdeep-gr[ea]y\b|\bdeep gm\b|\bsubcortical gr[ea]y\b"
            r"|\bbasal ganglia\b",
        ),
        ("volume.thalamus", r"\bthalam\w*"),
        ("volume.hippocampus", r"\bhippocamp\w*"),
        ("volume.cerebellum", r"\bcerebell\w*"),
        ("volume.brainstem", r"\bbrain ?stem\b"),
        ("volume.brain", r"\bbrain\b"),
    )
]
"""Longer names first: each mention is removed from the text before the next name is looked for."""


def capitalised(name: str) -> str:
    """The name at the start of a sentence; the rest of it keeps its capitals."""
    return name[:1].upper() + name[1:]
