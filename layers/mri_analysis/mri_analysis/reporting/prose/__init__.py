"""Reads a statement about one measurement: see :mod:`reading`."""

from mri_analysis.reporting.prose.directions import Level
from mri_analysis.reporting.prose.facts import Measured, Reading
from mri_analysis.reporting.prose.matter import Matter
from mri_analysis.reporting.prose.reading import read
from mri_analysis.reporting.prose.tokens import Quantity

__all__ = ["Level", "Matter", "Measured", "Quantity", "Reading", "read"]
