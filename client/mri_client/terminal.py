"""The terminal: how commands print, and the one form in which all of them tell what went wrong.

With ``--json`` standard output is one document, also for an error; without it an error is a
sentence with a next step on standard error. Either way the exit code is 2, never a stack trace.
What is printed is data: no markup in it and no escape sequence acts on the terminal. A pipe gets
whole lines, however long, so that ``grep`` finds what stands in one.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console, RenderableType
from rich.text import Text
from typer.core import TyperGroup

from mri_analysis.errors import AnalysisError
from mri_analysis.passage_text import is_unseen
from mri_client.errors import CommandError
from mri_client.reading_api import ApiProblem

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
JobId = Annotated[
    str, typer.Argument(help="Id of a job, or its beginning as the reading room shows it.")
]

_WIDER_THAN_ANY_TABLE = 1000
_READER_LEFT = 141
"""As a shell tells it of programs that SIGPIPE ended."""


class Commands(TyperGroup):
    """A command line whose ``--json`` holds for what is wrong with the arguments too."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run, and end the process where ``standalone_mode``."""
        given = sys.argv[1:] if args is None else list(args)
        in_json = standalone_mode and "--json" in given
        try:
            status = super().main(
                args=given,
                prog_name=prog_name,
                complete_var=complete_var,
                standalone_mode=standalone_mode and not in_json,
                windows_expand_args=windows_expand_args,
                **extra,
            )
        except typer.TyperException as error:
            if not in_json:
                raise
            print_problem("UsageError", _usage_problem(error), _help_for(error), as_json=True)
            sys.exit(2)
        if in_json:
            sys.exit(status if isinstance(status, int) else 0)
        return status


@contextmanager
def reported(as_json: bool) -> Iterator[None]:
    """Tell the errors of a command in the one form of all commands, and end it with 2."""
    try:
        yield
    except (AnalysisError, ApiProblem) as error:
        _stop(error, error.code, str(error), error.next_step, as_json, show_code=True)
    except CommandError as error:
        _stop(error, error.code, str(error), error.next_step, as_json)
    except BrokenPipeError:
        # Whoever reads has left: no failed study, and nothing that could still be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(_READER_LEFT) from None
    except OSError as error:
        # The path of an OSError is what was typed, or lies below it.
        reason = error.strerror or str(error)
        sentence = f"{error.filename}: {reason}" if error.filename else reason
        next_step = "Check the path." if error.filename else "Try again."
        _stop(error, type(error).__name__, sentence, next_step, as_json)
    except (BotoCoreError, ClientError) as error:
        sentence = f"The stack did not answer: {error}"
        next_step = "Check that the stack runs, and your credentials."
        _stop(error, "StackUnreachable", sentence, next_step, as_json)


def print_problem(
    code: str, sentence: str, next_step: str, *, as_json: bool, show_code: bool = False
) -> None:
    """Tell what went wrong, on standard output as JSON, else on standard error."""
    if as_json:
        told = {"code": code, "message": sentence, "next_step": next_step}
        # On one line, also where it ends a stream of documents, one a line.
        print_json({"schema_version": 1, "error": told}, indent=None)
        return
    err.print(plain(f"{code}: {sentence}" if show_code else sentence))
    err.print(plain(f"Next: {next_step}"))


def print_json(document: Any, indent: int | None = 1) -> None:
    """One document; ASCII only, so that no character of it acts on a terminal."""
    print(json.dumps(document, indent=indent), flush=True)


def print_line(text: str, style: str = "") -> None:
    """One line of standard output."""
    out.print(plain(text, style))


def print_table(table: RenderableType) -> None:
    """As wide as the terminal; in a pipe as wide as it needs to be."""
    wide = Console(file=out.file, width=_WIDER_THAN_ANY_TABLE)
    (out if out.is_terminal else wide).print(table, soft_wrap=False)


def plain(text: str, style: str = "") -> Text:
    """``text`` for the terminal: not read as markup, and what could act on it shown as its code."""
    shown = (
        char if char != "\t" and not is_unseen(char) else f"\\u{ord(char):04x}" for char in text
    )
    return Text("".join(shown), style=style)


def _stop(
    error: Exception,
    code: str,
    sentence: str,
    next_step: str,
    as_json: bool,
    show_code: bool = False,
) -> None:
    print_problem(code, sentence, next_step, as_json=as_json, show_code=show_code)
    raise typer.Exit(2) from error


def _usage_problem(error: typer.TyperException) -> str:
    return error.format_message()


def _help_for(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    return f"Look at `{context.command_path if context else 'mri'} --help`."
