"""Port to a vision-language model behind an asynchronous endpoint."""

from typing import Protocol


class VisionLanguageEndpoint(Protocol):
    """Starts a reading; its answer comes later, as a notification."""

    @property
    def name(self) -> str:
        """Endpoint name, for the provenance."""
        ...

    def start(self, request_uri: str, inference_id: str) -> None:
        """Queue one question.

        Raises ``ModelEndpointUnavailable``, or ``ModelEndpointResting`` while the breaker is open.
        """
        ...
