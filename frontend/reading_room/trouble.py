"""Refusals and silence of the API as a person reads them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from mri_client.reading_api import ApiProblem, ApiUnreachable
from reading_room.words import plain

_AGAIN_S = 5
_PASSING = frozenset({429, 500, 502, 503, 504})


@contextmanager
def told(*, again: bool = False) -> Iterator[None]:
    """Show what went wrong in place of the rest of the block.

    With ``again`` the page runs anew by itself until what may pass has passed.
    """
    try:
        yield
    except ApiProblem as problem:
        if problem.code == "SignInRequired":
            st.warning("Your sign-in has run out. What you typed is kept for you.")
            st.button("Sign in again", on_click=st.login)
            st.stop()
        st.error(f"{plain(str(problem))}  \n{plain(problem.next_step)}")
        if again and problem.status in _PASSING:
            _ask_again(time.monotonic())
    except ApiUnreachable as error:
        ahead = "this page asks again by itself" if again else "try again in a moment"
        st.error(f"{plain(str(error))}  \nNothing was lost; {ahead}.")
        if again:
            _ask_again(time.monotonic())


@st.fragment(run_every=_AGAIN_S)
def _ask_again(since: float) -> None:
    if time.monotonic() - since > _AGAIN_S / 2:
        st.rerun()
