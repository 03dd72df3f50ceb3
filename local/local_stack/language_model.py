"""A language model on a server of one's own, in place of Bedrock.

``MRI_LLM_URL`` names a server that speaks OpenAI's chat completions (vLLM, llama.cpp, Ollama),
``MRI_LLM_MODEL`` the model there, ``MRI_LLM_API_KEY`` a bearer key where it asks for one,
``MRI_LLM_ANSWER_FORM=tool`` a server without ``response_format``, ``MRI_LLM_CA_FILE`` an authority
of its own. What was measured and the passages about it go there.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from local_stack.variables import given

URL_VARIABLE = "MRI_LLM_URL"
CA_VARIABLE = "MRI_LLM_CA_FILE"
_SETTINGS = {
    URL_VARIABLE: "LLM_URL",
    "MRI_LLM_MODEL": "LLM_MODEL",
    "MRI_LLM_API_KEY": "LLM_API_KEY",
    "MRI_LLM_ANSWER_FORM": "LLM_ANSWER_FORM",
    CA_VARIABLE: "LLM_CA_FILE",
}


class UnusableLanguageModel(ValueError):
    """Text of a study cannot or must not go to this server."""


@dataclass(frozen=True)
class LanguageModelServer:
    """A server that drafts reports.

    Raises
    ------
    UnusableLanguageModel
        The address is none, or not one that text may go to; the model has no name; or the file of
        the authority cannot be used.
    """

    url: str
    model: str
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)
    """further settings of the functions; a key may be among them"""

    def __post_init__(self) -> None:
        from mri_analysis.adapters.openai_language_model import ChatServer, trusted_authorities
        from mri_analysis.errors import SettingInvalid

        try:
            ChatServer.at(self.url)
            trusted_authorities(self.settings.get("LLM_CA_FILE", ""))
        except SettingInvalid as error:
            sentence = str(error).replace("LlmUrl", URL_VARIABLE)
            raise UnusableLanguageModel(sentence.replace("LlmCaFile", CA_VARIABLE)) from None
        if not self.model:
            raise UnusableLanguageModel(
                f"{URL_VARIABLE} needs MRI_LLM_MODEL, the model's name on that server."
            )
        if self.url.startswith("http:") and not _is_known(self.url):
            # On AWS the name may become known later; here whoever starts the stack looks on.
            raise UnusableLanguageModel(f"{URL_VARIABLE} names a host that is not known here.")
        if self.settings.get("LLM_ANSWER_FORM", "json_schema") not in ("json_schema", "tool"):
            raise UnusableLanguageModel("MRI_LLM_ANSWER_FORM is json_schema or tool.")

    def environment(self) -> dict[str, str]:
        """Settings of the functions that ask it."""
        return {**self.settings, "LLM_URL": self.url, "LLM_MODEL": self.model}

    def notice(self) -> str:
        """One line for whoever starts the stack."""
        from mri_analysis.adapters.openai_language_model import ChatServer

        return (
            "Findings of every study and passages about them, also of your own documents, are sent "
            "(no names, no pictures) to "
            f"{ChatServer.at(self.url)}."
        )


def _is_known(url: str) -> bool:
    try:
        return bool(socket.getaddrinfo(urlsplit(url).hostname, None))
    except OSError:
        return False


def from_variables(variables: Mapping[str, str]) -> LanguageModelServer | None:
    """The server that the environment names, or None.

    Raises
    ------
    UnusableLanguageModel
        It cannot or must not be asked; something is told about a server that has no address; or a
        variable is no setting of it.
    """
    try:
        told = given(variables, "MRI_LLM_", _SETTINGS)
    except ValueError as error:
        raise UnusableLanguageModel(str(error)) from None
    settings = {_SETTINGS[name]: value for name, value in told.items()}
    url = settings.pop("LLM_URL", "")
    if told and not url:
        name = next(iter(told))
        raise UnusableLanguageModel(
            f"{name} is set and {URL_VARIABLE} is not, so that no model would be asked: set "
            f"{URL_VARIABLE} to the server's address, or unset {name}."
        )
    if "LLM_CA_FILE" in settings:
        # The functions run in folders of their own.
        settings["LLM_CA_FILE"] = str(Path(settings["LLM_CA_FILE"]).resolve())
    return LanguageModelServer(url, settings.pop("LLM_MODEL", ""), settings) if url else None
