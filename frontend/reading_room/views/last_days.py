"""How far an administrator looks back."""

from __future__ import annotations

import streamlit as st

_CHOICES = {1: "the last day", 7: "the last 7 days", 30: "the last 30 days", 90: "the last 90 days"}


def last_days(usual: int) -> int:
    """The chosen number of days; ``usual`` is one of the choices."""
    choices = list(_CHOICES)
    return st.selectbox(
        "Studies of", choices, index=choices.index(usual), format_func=_CHOICES.__getitem__
    )
