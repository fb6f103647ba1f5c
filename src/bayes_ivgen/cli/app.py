"""The application: its commands, and how errors and warnings reach the terminal."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from cyclopts import App, CycloptsError, MissingArgumentError, Parameter, UnusedCliTokensError

from bayes_ivgen.cli.allocate import allocate
from bayes_ivgen.cli.benchmark import benchmark
from bayes_ivgen.cli.check import check
from bayes_ivgen.cli.demo import demo
from bayes_ivgen.cli.effect import effect
from bayes_ivgen.cli.fit import fit
from bayes_ivgen.cli.messages import in_command_words, one_line
from bayes_ivgen.cli.plan import plan
from bayes_ivgen.cli.report import report
from bayes_ivgen.cli.simulate import simulate
from bayes_ivgen.errors import IvgenError, IvgenWarning

NAME = "bayes-ivgen"
BAD_INPUT, INTERRUPTED, CLOSED_PIPE = 2, 130, 141


def _version() -> str:
    from importlib.metadata import version

    return f"{NAME} {version(NAME)}"


app = App(
    name=NAME,
    help=(
        "Posterior distributions for the joint effect of several actions, from observational rows and from "
        "experiments that set one action at a time. Start with: bayes-ivgen demo"
    ),
    help_format="plaintext",
    version=_version,
    default_parameter=Parameter(negative=()),
    suppress_keyboard_interrupt=False,
)
for _command in (demo, fit, effect, plan, report, allocate, check, simulate):
    app.command(_command)
app.command(benchmark)


def main(tokens: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    tokens : sequence of str, optional
        The words of the command line, without the name of the program; by default those of the
        process.

    Returns
    -------
    int
        Exit code: 0, 2 after bad input (with one line on standard error), 130 when interrupted.
    """
    words = sys.argv[1:] if tokens is None else list(tokens)
    try:
        with _warnings_in_one_line():
            app(words, exit_on_error=False, print_error=False, verbose=False, result_action="return_value")
            sys.stdout.flush()
    except CycloptsError as error:
        command = " ".join([NAME, *(error.command_chain or ())])
        return _refuse(f"{_reason(error, words)} See: {command} --help")
    except IvgenError as error:
        return _refuse(in_command_words(str(error)))
    except KeyboardInterrupt:
        sys.stderr.write(f"{NAME}: interrupted\n")
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED_PIPE
    return 0


def _reason(error: CycloptsError, words: Sequence[str]) -> str:
    if isinstance(error, MissingArgumentError) and error.argument is not None:
        name = error.argument.name
        if not any(word.partition("=")[0] in error.argument.names for word in words):
            return f"{name} is missing."
        return f"{name} has no value."
    if isinstance(error, UnusedCliTokensError):
        stray = (error.unused_tokens or [""])[0]
        return f"{stray!r} belongs to no option; put quotes around values with spaces."
    text = str(error)
    return text.rstrip(".") if text.rstrip(".").endswith("?") else f"{text.rstrip('.')}."


def _refuse(message: str) -> int:
    sys.stderr.write(f"{NAME}: error: {one_line(message)}\n")
    return BAD_INPUT


@contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    """Show the package's own warnings as one line each, and those of others as Python does."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", IvgenWarning)
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
            if issubclass(category, IvgenWarning):
                sys.stderr.write(f"{NAME}: warning: {one_line(in_command_words(str(message)))}\n")
            else:
                others(message, category, *place, **more)

        warnings.showwarning = show
        yield
