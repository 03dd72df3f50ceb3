"""How a figure is rounded and printed.

Verdicts are taken on the rounded figure, so that text and verdict agree.
"""


def decimals_of_volume(volume_ml: float) -> int:
    """No decimal from 100 mL, one below: more would pretend a precision the method lacks."""
    return 0 if volume_ml >= 100 else 1


def printed(value: float, decimals: int) -> str:
    """A number with fixed decimals, without a minus sign before zero."""
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text


def rounded(value: float, decimals: int) -> float:
    """The number that :func:`printed` shows."""
    return float(printed(value, decimals))


def volume(volume_ml: float) -> str:
    """A volume with its unit.

    >>> volume(1609.34), volume(16.93), volume(0)
    ('1609 mL', '16.9 mL', '0.0 mL')
    """
    return f"{printed(volume_ml, decimals_of_volume(volume_ml))} mL"


def percent(value: float) -> str:
    """A percentage with one decimal.

    >>> percent(-0.04), percent(63.21)
    ('0.0 %', '63.2 %')
    """
    return f"{printed(value, 1)} %"


def limit(value: float) -> str:
    """A published limit as its source prints it, without trailing zeros.

    >>> limit(0.3), limit(1067.0), limit(20.0)
    ('0.3', '1067', '20')
    """
    return f"{value:.10g}"
