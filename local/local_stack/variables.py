"""Variables of the environment that set up a server of one's own, misspelt ones among them."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping


def given(variables: Mapping[str, str], prefix: str, known: Collection[str]) -> dict[str, str]:
    """What is set of ``known``, without blanks around it.

    Parameters
    ----------
    variables
        The environment.
    prefix
        Of every name that can only be meant for this server, for example ``MRI_LLM_``.
    known
        The names there are.

    Raises
    ------
    ValueError
        A variable with the prefix is none of them: ignored, a key or a certificate that was meant
        would be missed in silence. The message names it, and never its value.
    """
    for name in sorted(variables):
        if name.startswith(prefix) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f" (is {near[0]} meant?)" if near else ""
            raise ValueError(f"{name} is no setting{meant}: there are {', '.join(sorted(known))}.")
    return {name: variables[name].strip() for name in known if variables.get(name, "").strip()}
