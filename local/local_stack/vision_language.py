"""A vision-language model on a server of one's own, in place of the endpoint on SageMaker.

``MRI_VLM_URL`` names a server that speaks OpenAI's chat contract (vLLM, ``transformers serve``,
llama.cpp), ``MRI_VLM_MODEL`` the model where it has several. The pictures of every study go there.
"""

from __future__ import annotations

import ipaddress
import socket
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass

from local_stack.stack import ForeignServer
from local_stack.variables import given

ENDPOINT_NAME = "mri-vision-language-local"
CHAT_PATH = "/v1/chat/completions"
URL_VARIABLE = "MRI_VLM_URL"
MODEL_VARIABLE = "MRI_VLM_MODEL"


class UnsafeAddress(ValueError):
    """Pictures of a patient must not go to this address, or there is none."""


@dataclass(frozen=True)
class VisionLanguageServer:
    """A server that is shown pictures.

    Parameters
    ----------
    url
        Its address, without the path of the chat contract. Any host by ``https``; by ``http`` only
        this machine and private networks, because pictures of a patient would travel readable.
    model
        What a request names; empty for a server with one model.
    contract
        ``chat`` or ``zero_shot`` (``mri_analysis.observing``).
    timeout_s
        For one answer.

    Raises
    ------
    UnsafeAddress
        The address is none, or not one that pictures may go to.
    """

    url: str
    model: str = ""
    contract: str = "chat"
    path: str = CHAT_PATH
    timeout_s: int = 600

    def __post_init__(self) -> None:
        address = urllib.parse.urlsplit(self.url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise UnsafeAddress(f"{URL_VARIABLE} must be an http or https address of a server.")
        if address.username or address.password:
            raise UnsafeAddress(f"{URL_VARIABLE} must not hold a user or a password.")
        if address.scheme == "http" and not _is_near(address.hostname):
            raise UnsafeAddress(
                f"{URL_VARIABLE} leaves this network without encryption: use https, or a server on "
                "this machine or in a private network."
            )

    def endpoint(self) -> ForeignServer:
        """The endpoint of the local stack that stands before it."""
        return ForeignServer(ENDPOINT_NAME, self.url, self.path)

    def environment(self) -> dict[str, str]:
        """Settings of the functions that ask it."""
        return {
            "VISION_LANGUAGE_ENDPOINT_NAME": ENDPOINT_NAME,
            "VISION_LANGUAGE_MODEL": self.model,
            "VISION_LANGUAGE_CONTRACT": self.contract,
            "VISION_LANGUAGE_TIMEOUT_SECONDS": str(self.timeout_s),
        }

    def notice(self) -> str:
        """One line for whoever starts the stack."""
        host = urllib.parse.urlsplit(self.url).netloc
        return f"Pictures of every study (slices of the head, no names) are sent to {host}."


def from_variables(variables: Mapping[str, str]) -> VisionLanguageServer | None:
    """The server that the environment names, or None.

    Raises
    ------
    UnsafeAddress
        Pictures must not go there; a model is named and no address; or a variable is no setting.
    """
    try:
        told = given(variables, "MRI_VLM_", (URL_VARIABLE, MODEL_VARIABLE))
    except ValueError as error:
        raise UnsafeAddress(str(error)) from None
    url, model = told.get(URL_VARIABLE, "").rstrip("/"), told.get(MODEL_VARIABLE, "")
    if model and not url:
        raise UnsafeAddress(
            f"{MODEL_VARIABLE} is set and {URL_VARIABLE} is not, so that no model would be asked: "
            f"set {URL_VARIABLE} to the server's address, or unset {MODEL_VARIABLE}."
        )
    return VisionLanguageServer(url, model) if url else None


def _is_near(host: str) -> bool:
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except OSError:
        raise UnsafeAddress(f"{URL_VARIABLE} names a host that is not known here.") from None
    addresses = [ipaddress.ip_address(str(text).partition("%")[0]) for text in found]
    return all(address.is_loopback or address.is_private for address in addresses)
