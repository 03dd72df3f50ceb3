"""What structures, quantities and sides are called."""

from mri_analysis.reporting.anatomy import BRAIN_PARENCHYMAL_FRACTION, EVANS_INDEX
from mri_analysis.reporting.prose.words import any_of, phrase, some_of

_SPACE = "(?:volume|volumes|space|cavity|compartment|vault|capacity) "
_ICV = (
    rf"(?:total |whole |overall )?intracranial (?:total )?{_SPACE}(?:\( (?:icv|tiv|etiv) )?"
    r"|(?:total )?(?:icv|tiv|etiv) "
    r"|(?:total )?(?:volume|space|cavity) (?:inside|within|of|enclosed by) (?:inner )?skull "
)
_GREY = "(?:gr[ea]y (?:matter )?|gm )"
_CSF = r"(?:cerebrospinal fluid|csf) (?:spaces? |volumes? |compartments? )?(?:\( csf )?"
_VENTRICLES = "(?:ventricles|ventricular (?:system|spaces?)) "
_NAMES: dict[str, str] = {
    "volume.intracranial": rf"{_ICV}|intracranially |(?:total )?intracranial "
    "|inner skull interior ",
    "volume.brain": r"(?:total |whole |entire |overall )?brain (?:tissue "
    "|parenchyma )?(?:as whole )?",
    "volume.ventricles": (
        r"(?:two |both )?(?:cerebral |brain )?(?:ventricles? |ventricular (?:system |spaces? "
        r"|compartments? |(?:csf|cerebrospinal fluid) (?:spaces? )?|fluid )?)(?:of brain )?"
    ),
    "volume.csf": (
        rf"(?:external|outer|extra ?ventricular|non ventricular) {_CSF}"
        rf"|{_CSF}(?:\( |, )?{some_of('is lying lies lie located situated found')}"
        rf"(?:outside|external to|beyond) (?:of )?{_VENTRICLES}"
        rf"|{_CSF}\( (?:extra ?ventricular|external) |{_CSF}, (?:extra ?ventricular|external) "
        rf"|fluid {some_of('lying lies located situated found')}"
        rf"(?:outside|external to) {_VENTRICLES}"
        rf"|outside (?:of )?{_VENTRICLES},? ?{_CSF}|extra ?ventricular (?:fluid )?"
        rf"|outside (?:of )?{_VENTRICLES}, (?=(?:\S+ )*csf |(?:\S+ )*cerebrospinal )"
    ),
    "volume.cortex": (
        rf"{_GREY}of (?:cerebral )?cortex |(?:cerebral )?(?:cortex|cortices|cortical) (?:{_GREY}"
        rf"|ribbon )?"
    ),
    "volume.white_matter": (
        r"(?:hemispheric )?(?:cerebral |brain )?(?:white matter|wm) "
        r"(?:\( wm |[(,] cerebral )?(?:volume )?"
        r"(?:of (?:cerebrum|brain|cerebral hemispheres) )?"
    ),
    "volume.deep_grey": (rf"(?:deep|subcortical) (?:cerebral )?{_GREY}(?:nuclei |structures )?"),
    "volume.thalamus": "thalam(?:us|i|ic) ",
    "volume.hippocampus": "hippocamp(?:us|i|al) ",
    "volume.cerebellum": "cerebell(?:um|ar) (?:tissue |hemispheres? )?",
    "volume.brainstem": "brain ?stem ",
    BRAIN_PARENCHYMAL_FRACTION: (
        r"(?:brain )?parenchymal fraction (?:of brain )?(?:\( bpf )?|bpf "
        r"|fraction of (?:brain )?parenchyma |parenchyma fraction "
        r"|(?:ratio of )?brain (?:volume |tissue |parenchyma )?(?:to|over|divided by|relative to) "
        r"(?:intracranial (?:volume|space)|icv) "
        r"|(?:share|part|proportion) of (?:intracranial volume|icv) "
        r"(?:taken up|occupied|filled|made up) by brain (?:tissue |parenchyma )?"
        r"|(?:brain )?parenchyma (?=(?:\S+ )*fraction )|brain tissue (?=(?:\S+ )*fraction )"
        r"|(?:(?<=for )|(?<=is ))(?:brain )?parenchyma "
    ),
    EVANS_INDEX: r"evans (?:(?:index|ratio) )?(?:\( ei )?|ei |index of evans ",
}
NAMES = {measurement_id: phrase(pattern) for measurement_id, pattern in _NAMES.items()}
"""By measurement; longer names first."""
CSF = phrase(_CSF)
"""The outer fluid, once it has been told that it is the outer one."""
ICV = phrase(_ICV)
"""The whole that shares are taken of."""

_WIDTH = some_of(
    """width widths diameter span across between of at for maximal maximum transverse internal both
    two"""
)
HORNS = phrase(rf"(?:distance across )?{_WIDTH}(?:frontal|anterior) horns? {_WIDTH}")
SKULL = phrase(rf"{_WIDTH}inner (?:skull|diameter of skull|width of skull) {_WIDTH}")
"""The two widths of the Evans index."""

_SIDES_OF = (
    r"(?:left (?:(?:to|and|versus|vs|/|-|minus) )?right |side to side |"
    + any_of("side interhemispheric hemispheric volume volumetric N")
    + "){0,4}"
)
ASYMMETRY = phrase(
    rf"{_SIDES_OF}(?:asymmetry (?:index |value |figure )?(?:\( ai )?|ai "
    rf"|index of (?:side )?asymmetry )"
    r"|(?:side(?: to side)?|sides|left (?:to |and |/ |- )?right) (?:volume )?difference "
    r"|difference (?:between|of|in) (?:two |both )?(?:sides|halves|left and right) |index "
)
ASYMMETRY_OF = (
    f"(?:{some_of('of for in between calculated computed across from')}"
    "(?:(?:total |combined |measured |volumes? of )*N (?:volumes? )?|(?:both |two )?sides ))?"
)

_PART_WORDS = """hand sided lateral side sides half halves part portion
    volume volumes one value figure share component compartment total"""
PART = some_of(_PART_WORDS)
_HEMISPHERES = {
    "volume.cortex": "cerebral hemisphere hemispheres hemispheric",
    "volume.white_matter": "cerebral hemisphere hemispheres hemispheric",
    "volume.deep_grey": "cerebral hemisphere hemispheres",
    "volume.csf": "hemisphere",
    "volume.cerebellum": "hemisphere hemispheres",
}
"""Structures that a side's hemisphere is a half of."""


def _side(measurement_id: str) -> str:
    part = some_of(f"{_PART_WORDS} {_HEMISPHERES.get(measurement_id, '')}")
    return rf"(left|right) {part}(?:N {part})?(?:of (?:total |volume of )?N {part})?(?:N )?"


SIDES = {measurement_id: phrase(_side(measurement_id)) for measurement_id in _NAMES}
"""By measurement: one side of it."""
