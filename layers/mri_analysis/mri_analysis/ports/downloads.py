"""Letting a client get an object without credentials of its own."""

from typing import Protocol


class DownloadLinks(Protocol):
    """Signs addresses of one bucket."""

    def sign(self, key: str, file_name: str, content_type: str, valid_seconds: int) -> str:
        """An address that gets ``key`` as a file of that name and type."""
        ...
