"""How a gateway is set up: one TOML file."""

from __future__ import annotations

import ipaddress
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from mri_client.errors import CommandError

AeTitle = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=16, pattern=r"^[!-~ ]+$")
]


class GatewayMisconfigured(CommandError):
    """The file of settings is missing or wrong."""

    next_step = "Correct what is named above; docs/gateway.md lists every setting."


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Peer(_Settings):
    """Who may send."""

    ae_title: AeTitle
    address: str = Field(description="address or network, as 10.1.2.0/24")

    def sends_from(self, address: str) -> bool:
        """Whether ``address`` is one of the peer's."""
        network = ipaddress.ip_network(self.address, strict=False)
        found = ipaddress.ip_address(address)
        return found.version == network.version and found in network


class Pacs(_Settings):
    """Where results go: C-STORE."""

    ae_title: AeTitle
    host: str
    port: int = Field(ge=1, le=65535)


class Tls(_Settings):
    """Certificate of the gateway, and of the authority whose peers it believes."""

    certificate: Path
    key: Path
    authority: Path


class GatewaySettings(_Settings):
    """Everything a gateway needs to know; there is no default for who may send."""

    ae_title: AeTitle = "MRI-ANALYSIS"
    host: str = "127.0.0.1"
    port: int = Field(default=11112, ge=0, le=65535)
    spool: Path
    peers: list[Peer] = Field(min_length=1)
    quiet_seconds: float = Field(default=30, gt=0, description="a study is whole after that")
    pacs: Pacs | None = None
    tls: Tls | None = None
    metrics_file: Path | None = Field(default=None, description="for Prometheus' node exporter")
    least_free_mb: int = Field(default=500, ge=0, description="below it nothing is taken")


def load_settings(path: Path) -> GatewaySettings:
    """The settings of a TOML file.

    Raises
    ------
    GatewayMisconfigured
        It cannot be read, or a setting is wrong.
    """
    try:
        found = GatewaySettings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        for peer in found.peers:
            ipaddress.ip_network(peer.address, strict=False)
    except OSError as error:
        raise GatewayMisconfigured(f"{path} cannot be read: {error.strerror}.") from error
    except tomllib.TOMLDecodeError as error:
        raise GatewayMisconfigured(f"{path} is no TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise GatewayMisconfigured(f"{path}: {place}: {first['msg']}.") from error
    except ValueError as error:
        raise GatewayMisconfigured(f"{path}: {error}.") from error
    return found
