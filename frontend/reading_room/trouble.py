"""Refusals and silence of the API as a person reads them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from mri_client.reading_api import ApiProblem, ApiUnreachable
from reading_room.words import plain


@contextmanager
def told() -> Iterator[None]:
    """Show what went wrong in place of the rest of the block."""
    try:
        yield
    except ApiProblem as problem:
        if problem.code == "SignInRequired":
            st.warning("Your sign-in has run out.")
            st.button("Sign in again", on_click=st.login)
            st.stop()
        st.error(f"{plain(str(problem))}  \n{plain(problem.next_step)}")
    except ApiUnreachable as error:
        st.error(f"{plain(str(error))}  \nNothing was lost; try again in a moment.")
