"""The `zachet` command: parse, call one function, show. Logic lives elsewhere."""

import io
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, ClassVar

import click

from grader import __version__
from grader.errors import ZachetError
from variants.errors import ThreePartError

__all__ = ["main", "zachet"]

OUR_FAULT = 4
INTERRUPTED = 130
USAGE = 2


class _Commands(click.Group):
    """Commands by name, imported when they are asked for, so that `zachet variants` never pays for what `zachet grade` needs."""

    WHERE: ClassVar[dict[str, tuple[str, str]]] = {
        "assignment": ("grader.cli.assignment", "assignment"),
        "calibrate": ("grader.cli.calibrate", "calibrate"),
        "check": ("grader.cli.check", "check"),
        "data": ("grader.cli.data", "data"),
        "demo": ("grader.cli.demo", "demo"),
        "doctor": ("grader.cli.doctor", "doctor"),
        "fairness": ("grader.cli.fairness", "fairness"),
        "grade": ("grader.cli.grade", "grade"),
        "init": ("grader.cli.init", "init"),
        "rescore": ("grader.cli.grade", "rescore"),
        "variants": ("grader.cli.variants", "variants"),
    }

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all commands."""
        return sorted(self.WHERE)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import and return the command, or None when there is none of that name."""
        if cmd_name not in self.WHERE:
            return None
        module, attribute = self.WHERE[cmd_name]
        command: click.Command = getattr(import_module(module), attribute)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="zachet")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def zachet(context: click.Context, debug: bool) -> None:
    """Assign, run, check and report deep-learning labs in PyTorch."""
    context.obj = {"debug": debug}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code: 0 done, 1 not passed, 2 usage, 3 not gradable, 4 our fault, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a console of another encoding shows a substitute, and never ends the command
            stream.reconfigure(errors="replace")
    given = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(_guarded(lambda: zachet.main(args=given, prog_name="zachet", standalone_mode=False), debug="--debug" in given))


def _guarded(run: Callable[[], Any], *, debug: bool) -> int:
    try:
        result = run()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last line of defence: a sentence instead of a traceback
        if debug:
            traceback.print_exc()
        return _explain(error)
    return result if isinstance(result, int) else 0


def _explain(error: BaseException) -> int:
    """Say in one message what happened, on stderr, and return the exit code that stands for it."""
    if isinstance(error, click.Abort | KeyboardInterrupt):
        message, code = "Interrupted.", INTERRUPTED
    elif isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    elif isinstance(error, ThreePartError):
        message, code = str(error), error.exit_code if isinstance(error, ZachetError) else USAGE
    else:
        what = f"{type(error).__name__}: {error}"
        message, code = f"{what}. This is a fault of zachet; run it again with --debug and report what it prints.", OUR_FAULT
    click.echo(f"zachet: {message}", err=True)
    return code
