"""Passages as the documents of a hospital hold them, each with the findings it has to do with."""

from mri_analysis.contracts.knowledge import EntryKind, KnowledgeEntry
from mri_analysis.contracts.report import Finding, FindingStatus
from mri_analysis.passage_text import content_sha256

V_ASYMMETRIC = ("volume.ventricles", FindingStatus.ASYMMETRIC)
EVANS_ABOVE = ("ratio.evans_index", FindingStatus.ABOVE)
BPF_BELOW = ("ratio.brain_parenchymal_fraction", FindingStatus.BELOW)
BRAIN_BELOW = ("volume.brain", FindingStatus.BELOW)
BRAIN_ABOVE = ("volume.brain", FindingStatus.ABOVE)
ICV_BELOW = ("volume.intracranial", FindingStatus.BELOW)
ICV_ABOVE = ("volume.intracranial", FindingStatus.ABOVE)
CSF_ASYMMETRIC = ("volume.csf", FindingStatus.ASYMMETRIC)
CORTEX_ASYMMETRIC = ("volume.cortex", FindingStatus.ASYMMETRIC)
DEEP_GREY_ASYMMETRIC = ("volume.deep_grey", FindingStatus.ASYMMETRIC)
THALAMUS_ASYMMETRIC = ("volume.thalamus", FindingStatus.ASYMMETRIC)

FINDINGS = [
    V_ASYMMETRIC,
    EVANS_ABOVE,
    BPF_BELOW,
    BRAIN_BELOW,
    BRAIN_ABOVE,
    ICV_BELOW,
    ICV_ABOVE,
    CSF_ASYMMETRIC,
    CORTEX_ASYMMETRIC,
    DEEP_GREY_ASYMMETRIC,
    THALAMUS_ASYMMETRIC,
]

PASSAGES: list[tuple[str, str, set[tuple[str, FindingStatus]]]] = [
    # ---- about a finding ----
    (
        "Reading guide > Ventricles",
        "Asymmetric ventricles are seen in one of ten healthy people. Compare with earlier images.",
        {V_ASYMMETRIC},
    ),
    (
        "Reading guide > Ventricles, page 4",
        "An asymmetrical ventricular system calls for a look at the foramen of Monro.",
        {V_ASYMMETRIC},
    ),
    (
        "House rules, page 2",
        "Where one lateral ventricle is larger than the other, look for a mass. Ventricular "
        "asymmetry alone is no reason for a second scan.",
        {V_ASYMMETRIC},
    ),
    (
        "Side differences",
        "Unequal lateral ventricles: tell the neurosurgeon when the difference is new.",
        {V_ASYMMETRIC},
    ),
    (
        "Hydrocephalus pathway",
        "Enlarged ventricles with gait disturbance: refer to the shunt clinic within two weeks.",
        {EVANS_ABOVE},
    ),
    (
        "Hydrocephalus pathway",
        "An Evans index above 0.3 with a dilated third ventricle is discussed on Thursdays.",
        {EVANS_ABOVE},
    ),
    (
        "Elderly patients",
        "Ventriculomegaly in people over 80 is common and is reported with the age.",
        {EVANS_ABOVE},
    ),
    (
        "Reading guide, page 9",
        "Widening of the frontal horns is measured on the slice of the foramen of Monro.",
        {EVANS_ABOVE},
    ),
    (
        "Memory clinic > Atrophy",
        "Generalised brain atrophy is graded by two readers. Send the grade to the memory clinic.",
        {BPF_BELOW, BRAIN_BELOW},
    ),
    (
        "Multiple sclerosis protocol",
        "A reduced brain parenchymal fraction is told to the neurologist with the earlier values.",
        {BPF_BELOW, BRAIN_BELOW},
    ),
    (
        "Memory clinic, page 3",
        "Loss of brain tissue beyond the age is described by lobe, never by number alone.",
        {BPF_BELOW, BRAIN_BELOW},
    ),
    (
        "Paediatric notes",
        "A small head with reduced intracranial volume is seen by the neuropaediatrician.",
        {ICV_BELOW},
    ),
    (
        "Paediatric notes",
        "Macrocephaly: a large head size of the parents is asked for first.",
        {ICV_ABOVE},
    ),
    (
        "Stroke unit",
        "Asymmetry of the sulci may follow an old infarct. Widened subarachnoid space on one side "
        "is compared with the first scan.",
        {CSF_ASYMMETRIC},
    ),
    (
        "Cysts",
        "Unilateral enlargement of the outer CSF space: think of an arachnoid cyst.",
        {CSF_ASYMMETRIC},
    ),
    (
        "Epilepsy board",
        "Asymmetric cortical gyri are shown to the epilepsy board with thin slices.",
        {CORTEX_ASYMMETRIC},
    ),
    (
        "Movement disorders",
        "Asymmetry of caudate and putamen is reported to the movement clinic.",
        {DEEP_GREY_ASYMMETRIC},
    ),
    (
        "Movement disorders, page 2",
        "Unilateral atrophy of the thalamus follows a lacune more often than a disease.",
        {THALAMUS_ASYMMETRIC},
    ),
    # ---- about something else, with words in common ----
    (
        "Shunt clinic > Ventricles",
        "The catheter tip lies in the right ventricle. Settings of the valve are checked after "
        "every scan at 3 T.",
        set(),
    ),
    (
        "Cardiac MR",
        "The left ventricle is examined with cine sequences. Volumes are given in millilitres.",
        set(),
    ),
    (
        "Protocols of the chest",
        "An enlarged left ventricle is reported with the ejection fraction.",
        set(),
    ),
    (
        "Ultrasound of the neck",
        "An asymmetric thyroid is sent to the endocrinologist. Large nodules are punctured.",
        set(),
    ),
    (
        "Coils",
        "The large head coil is for adults, the small one for children. Wide patients get the "
        "body coil.",
        set(),
    ),
    (
        "Contrast agent",
        "A reduced dose is given to small patients. The brain is scanned five minutes later.",
        set(),
    ),
    (
        "Segmentation manual",
        "The volume of the brain is computed from labels. Measured volumes are stored for ten "
        "years.",
        set(),
    ),
    (
        "Reception",
        "Patients with an asymmetric gait are helped into the scanner by two people.",
        set(),
    ),
    (
        "Quality control",
        "Low signal at the cortex is caused by a broken element of the coil.",
        set(),
    ),
    (
        "Safety",
        "Loss of consciousness in the scanner: stop, move the table out, call the team.",
        set(),
    ),
    (
        "Data protection",
        "Large files are deleted after thirty days. Small studies are kept on the archive.",
        set(),
    ),
    (
        "Protocol T1",
        "Repeat the sequence when motion blurs the cortex, the white matter or the ventricles.",
        set(),
    ),
    (
        "Protocol FLAIR",
        "The slices cover the whole brain from the vertex to the foramen magnum.",
        set(),
    ),
    (
        "Tumour board",
        "A large mass of the posterior fossa is shown on Mondays. The brain stem is outlined for "
        "radiotherapy.",
        set(),
    ),
    (
        "Spine",
        "A small syrinx is followed every two years. The spinal cord is part of every brain MRI.",
        set(),
    ),
    (
        "Ventricles",
        "Shunt series are read by the neuroradiologist on duty. Large teaching files lie on the "
        "shared drive.",
        set(),
    ),
    (
        "Report templates",
        "The size of the ventricles is described in one sentence. Side differences are given in "
        "per cent.",
        set(),
    ),
]


def site_finding(of: tuple[str, FindingStatus]) -> Finding:
    """A finding of this measurement and status."""
    measurement, status = of
    return Finding(id="finding.x", measurement_ids=[measurement], status=status, text="x.")


def site_piece(number: int, title: str, text: str) -> KnowledgeEntry:
    """A piece of the document ``site``, as it is ingested."""
    return KnowledgeEntry(
        id=f"document.site.{number:012x}",
        kind=EntryKind.DOCUMENT,
        version="1",
        title=title,
        text=text,
        rests_on="document site",
        source="Radiology",
        licence="internal",
        document="site",
        sha256=content_sha256(title, text),
    )


SITE_PIECES = [site_piece(number, title, text) for number, (title, text, _) in enumerate(PASSAGES)]
SITE_RIGHT = {piece.id: of[2] for piece, of in zip(SITE_PIECES, PASSAGES, strict=True)}
