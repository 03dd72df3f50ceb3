"""What a statement says: the facts a reader takes out of it."""

from dataclasses import dataclass

from mri_analysis.reporting.prose.directions import Level
from mri_analysis.reporting.prose.matter import Matter
from mri_analysis.reporting.prose.tokens import Figures, Quantity


@dataclass(frozen=True)
class Measured:
    """What a statement may be about."""

    measurement_id: str
    figures: Figures


@dataclass(frozen=True)
class Direction:
    """Where a figure is said to lie."""

    text: str
    level: Level
    matter: Matter
    """by what it is held against"""
    held: bool = True
    """whether it is held against a band, criterion or limit; 'symmetric' alone is not"""
    proven: bool = True
    """whether it is held against something it can be held against, and of the right figure"""


@dataclass(frozen=True)
class Unread:
    """Words the reader does not understand, and the rule they break."""

    rule: str
    text: str


@dataclass(frozen=True)
class Reading:
    """Everything a statement says about its measurement."""

    figures: frozenset[Quantity] = frozenset()
    directions: tuple[Direction, ...] = ()
    larger_sides: tuple[str, ...] = ()
    """each side that is said to be the larger one"""
    withheld: tuple[Matter, ...] = ()
    """what is said to have no verdict"""
    withholds_more_than_level: bool = False
    """says that there is no verdict, and not of the volume alone"""
    withholds_symmetry: bool = False
    """says in words that the comparison of the sides has no verdict"""
    mentions_reference: bool = False
    states_reference: bool = False
    """whether a figure of a band, criterion or limit is written"""
    says_asymmetry: bool = False
    """names an asymmetry without its index: "the hippocampi show an asymmetry"."""
    named: bool = False
    """whether the structure or ratio is named"""
    unread: tuple[Unread, ...] = ()
