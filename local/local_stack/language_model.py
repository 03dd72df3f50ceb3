"""A language model on a server of one's own, in place of Bedrock.

``MRI_LLM_URL`` names a server that speaks OpenAI's chat completions (vLLM, llama.cpp, Ollama),
``MRI_LLM_MODEL`` the model there, ``MRI_LLM_API_KEY`` a bearer key where it asks for one,
``MRI_LLM_ANSWER_FORM=tool`` a server without ``response_format``, ``MRI_LLM_CA_FILE`` an authority
of its own. What was measured and the passages about it go there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

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


def from_variables(variables: Mapping[str, str]) -> LanguageModelServer | None:
    """The server that the environment names, or None.

    Raises
    ------
    UnusableLanguageModel
        It cannot or must not be asked; or something is told about a server that has no address.
    """
    told = [name for name in _SETTINGS if variables.get(name)]
    given = {_SETTINGS[name]: variables[name] for name in told}
    url = given.pop("LLM_URL", "")
    if told and not url:
        raise UnusableLanguageModel(
            f"{told[0]} is set and {URL_VARIABLE} is not, so that no model would be asked: set "
            f"{URL_VARIABLE} to the server's address, or unset {told[0]}."
        )
    if "LLM_CA_FILE" in given:
        # The functions run in folders of their own.
        given["LLM_CA_FILE"] = str(Path(given["LLM_CA_FILE"]).resolve())
    return LanguageModelServer(url, given.pop("LLM_MODEL", ""), given) if url else None
