"""Which passages of a site's own documents are quoted for which finding.

A search always answers something, and its scores have no common scale: not between two indexes, and
joined ranks say nothing of how well the first one fits. So the search proposes, and a floor that is
the same for every search decides: one sentence of the passage, or its title, must name the
structure and what was found of it. ``docs/language.md`` tells what was measured.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from mri_analysis.contracts.knowledge import EntryKind
from mri_analysis.contracts.report import Finding, FindingStatus, Passage
from mri_analysis.ports.knowledge import KnowledgeBase
from mri_analysis.reporting.anatomy import BRAIN_PARENCHYMAL_FRACTION, EVANS_INDEX
from mri_analysis.reporting.findings import FLAGGED

MOST_DOCUMENTS = 3
"""Passages of documents that a report quotes unasked."""

_MOST_FURTHER = 3
_CANDIDATES = 30
"""Hits looked at for one finding: among 112 passages six of 21 that fit stood behind the first 12,
one behind the first 30."""

_VENTRICLES = ("ventricle", "ventricles", "ventricular")
_BRAIN = (
    "brain volume",
    "brain volumes",
    "brain size",
    "brain tissue",
    "brain parenchyma",
    "parenchymal",
    "cerebral volume",
    "whole brain",
    "brain atrophy",
    "cerebral atrophy",
    "generalised atrophy",
    "generalized atrophy",
)

_STRUCTURES: dict[str, tuple[str, ...]] = {
    "volume.intracranial": (
        "intracranial",
        "head size",
        "icv",
        "etiv",
        "cranial capacity",
        "microcephaly",
        "macrocephaly",
    ),
    "volume.brain": _BRAIN,
    BRAIN_PARENCHYMAL_FRACTION: (*_BRAIN, "bpf"),
    "volume.ventricles": (*_VENTRICLES, "ventriculomegaly"),
    EVANS_INDEX: (*_VENTRICLES, "evans", "ventriculomegaly", "hydrocephalus", "frontal horns"),
    "volume.csf": (
        "cerebrospinal fluid",
        "csf",
        "subarachnoid",
        "sulci",
        "sulcal",
        "arachnoid",
        "outer fluid",
    ),
    "volume.cortex": ("cortex", "cortical", "grey matter", "gray matter", "gyri", "gyral"),
    "volume.white_matter": ("white matter", "leukoencephalopathy"),
    "volume.deep_grey": (
        "deep grey",
        "deep gray",
        "basal ganglia",
        "caudate",
        "putamen",
        "pallidum",
        "striatum",
        "striatal",
    ),
    "volume.thalamus": ("thalamus", "thalami", "thalamic", "deep grey", "deep gray"),
    "volume.hippocampus": ("hippocampus", "hippocampi", "hippocampal", "medial temporal"),
    "volume.cerebellum": ("cerebellum", "cerebellar"),
    "volume.brainstem": ("brainstem", "brain stem", "pons", "pontine", "midbrain"),
}
"""What documents call a measured structure, singular, plural and adjective: stems differ."""

_FOUND: dict[FindingStatus, tuple[str, ...]] = {
    FindingStatus.ASYMMETRIC: (
        "asymmetry",
        "asymmetries",
        "asymmetric",
        "asymmetrical",
        "asymmetrically",
        "unequal",
        "uneven",
        "unilateral",
        "unilaterally",
        "one-sided",
        "side difference",
        "side differences",
        "larger side",
        "smaller side",
        "larger than the other",
        "smaller than the other",
        "larger on one side",
    ),
    FindingStatus.ABOVE: (
        "enlarged",
        "enlargement",
        "large",
        "dilated",
        "dilatation",
        "dilation",
        "widened",
        "widening",
        "wide",
        "increased",
        "expanded",
        "expansion",
        "ventriculomegaly",
        "hydrocephalus",
        "macrocephaly",
    ),
    FindingStatus.BELOW: (
        "reduced",
        "reduction",
        "small",
        "decreased",
        "decrease",
        "loss",
        "atrophy",
        "atrophic",
        "shrunken",
        "shrinkage",
        "low",
        "microcephaly",
    ),
}
"""The same for what code decided of it. No comparatives: they compare sides as often as people."""

_VOLUMETRY = ("volumetry", "volumetric", "brain volume", "brain volumes")
_REFERENCES = ("published", "reference", "references", "normal", "normative", "healthy")

_HEART = re.compile(
    r"\b(?:cardiac|cardio\w*|myocard\w*|ejection fraction|heart|systol\w*|diastol\w*)\b",
    re.IGNORECASE,
)
"""It has ventricles, too."""

_SENTENCE_END = re.compile(r"(?<=[.!?;:…])\s+|\n+")


def document_query(finding: Finding) -> str:
    """Words to look for in documents: of code alone, nothing from the upload.

    Each word in the forms whose stems differ, so that a search that knows stems only (Porter's
    takes asymmetry and asymmetric for two words) finds all of them.
    """
    words = " ".join([*_structure_words(finding), *_FOUND.get(finding.status, ())])
    return " ".join(dict.fromkeys(words.replace("-", " ").split()))


def is_relevant(passage: Passage, finding: Finding) -> bool:
    """Whether one sentence, or the title, names the structure and what was found of it."""
    return _names(passage, _structure_words(finding), _FOUND.get(finding.status, ()))


@dataclass(frozen=True)
class SiteDocuments:
    """Passages of documents that have to do with the findings of a study."""

    quoted: dict[str, Passage]
    """by id, in the order of the findings; :data:`MOST_DOCUMENTS` at most"""
    further: dict[str, Passage]
    """that fit as well, the better ones of each finding first"""


def site_documents(findings: Sequence[Finding], knowledge: KnowledgeBase) -> SiteDocuments:
    """What the site's own documents say to the flagged findings.

    For each finding the best passage that no finding before it took is quoted.
    """
    quoted: dict[str, Passage] = {}
    further: dict[str, Passage] = {}
    for finding in findings:
        if len(quoted) == MOST_DOCUMENTS:
            break
        if finding.status not in FLAGGED:
            continue
        hits = knowledge.search(document_query(finding), _CANDIDATES, [EntryKind.DOCUMENT])
        fitting = [hit.passage for hit in hits if is_relevant(hit.passage, finding)]
        unused = [passage for passage in fitting if passage.id not in quoted]
        quoted |= {passage.id: passage for passage in unused[:1]}
        for passage in unused[1 : 1 + _MOST_FURTHER]:
            further.setdefault(passage.id, passage)
    return SiteDocuments(
        quoted, {id_: passage for id_, passage in further.items() if id_ not in quoted}
    )


def volumetry_documents(knowledge: KnowledgeBase) -> dict[str, Passage]:
    """What documents say of volumetry and its references: for a study without a flagged finding."""
    query = " ".join(dict.fromkeys(" ".join([*_VOLUMETRY, *_REFERENCES]).split()))
    hits = knowledge.search(query, _CANDIDATES, [EntryKind.DOCUMENT])
    fitting = [hit.passage for hit in hits if _names(hit.passage, _VOLUMETRY, _REFERENCES)]
    return {passage.id: passage for passage in fitting[:_MOST_FURTHER]}


def _names(passage: Passage, subject: tuple[str, ...], found: tuple[str, ...]) -> bool:
    if _HEART.search(f"{passage.title} {passage.text}"):
        return False
    return any(
        _pattern(subject).search(unit) and _pattern(found).search(unit)
        for unit in [passage.title, *_SENTENCE_END.split(passage.text)]
    )


def _structure_words(finding: Finding) -> tuple[str, ...]:
    named = (_STRUCTURES.get(id_, ()) for id_ in finding.measurement_ids)
    return tuple(dict.fromkeys(word for words in named for word in words))


@cache
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    """Any of these, as whole words; between the words of a phrase a space or a hyphen."""
    if not words:
        return re.compile(r"(?!)")
    forms = (r"[\s-]+".join(map(re.escape, re.split(r"[\s-]", word))) for word in words)
    return re.compile(rf"\b(?:{'|'.join(forms)})\b", re.IGNORECASE)
