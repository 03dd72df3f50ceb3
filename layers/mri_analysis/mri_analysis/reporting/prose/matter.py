"""What a verdict can be about."""

from enum import StrEnum


class Matter(StrEnum):
    """The two things that are held against a figure."""

    LEVEL = "level"
    """volume or ratio: held against a band or criterion"""
    SIDES = "sides"
    """side difference: held against a limit"""
    UNKNOWN = "unknown"
    """one the reader cannot tell"""
