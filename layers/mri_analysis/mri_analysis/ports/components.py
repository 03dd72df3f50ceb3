"""What a deployment rests on, and can be asked whether it works."""

from typing import Protocol


class ComponentUnusable(Exception):
    """A component does not work as it is configured.

    Parameters
    ----------
    message
        One sentence: what is wrong.
    next_step
        What an operator does about it.
    """

    def __init__(self, message: str, next_step: str) -> None:
        super().__init__(message)
        self.next_step = next_step


class Component(Protocol):
    """A part of the deployment that lives outside the functions."""

    @property
    def name(self) -> str:
        """What an operator calls it."""
        ...

    def probe(self) -> str:
        """Answer in one sentence how it is; raise :class:`ComponentUnusable` where it is not."""
        ...
