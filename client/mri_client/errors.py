"""What a command cannot do: a sentence for the person who typed it, and a next step."""

from __future__ import annotations


class CommandError(Exception):
    """A command cannot do its work. ``str()`` is the sentence; the code is the class's name.

    Parameters
    ----------
    sentence
        What happened, and to what.
    next_step
        What to do now; None for that of the class.
    code
        Of an error of the layer that is told in other words; None for the class's name.
    """

    next_step = "Try again."

    def __init__(
        self, sentence: str, next_step: str | None = None, *, code: str | None = None
    ) -> None:
        super().__init__(sentence)
        if next_step is not None:
            self.next_step = next_step
        self.code = code or type(self).__name__
