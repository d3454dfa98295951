"""The program `ccmon`: its commands, and how each of their ends becomes an exit code.

Rule: a command's module is imported when that command is asked for, so that `ccmon
--help` needs neither Kafka nor Faust; a user's mistake never shows a traceback.
"""

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec

import click
from click.shell_completion import shell_complete

from monitor import __version__
from monitor.cli.errors import (
    EXIT_BROKEN_PIPE,
    EXIT_INTERRUPTED,
    EXIT_USER_MISTAKE,
    CommandError,
    UserMistake,
)
from monitor.cli.options import example
from monitor.config import ConfigurationError

PROGRAM = "ccmon"

COMMANDS = {
    "demo": "A recorded day of a real call center, live and faster; needs no Kafka.",
    "worker": "The pipeline against a Kafka: live numbers, metrics and pages.",
    "ingest": "Events of a source system into Kafka.",
    "replay": "A recording into Kafka, or offline into a report.",
    "dead-letters": "Records that could not be read: lists, shows and replays them.",
    "verify": "Counts the log again and compares with the live numbers.",
    "config": "All settings; checks a file.",
    "topics": "The Kafka topics that are needed: creates and checks them.",
}
"""Commands in the order of the help; the module is `monitor.cli.<name>`, with `_` for
`-`, and has the click command as `command`. One without its module isn't offered."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands that are there, in the order of the table."""
        del ctx
        return [name for name in COMMANDS if find_spec(_module(name)) is not None]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported; `None` when there is none of this name.

        Raises:
            UserMistake: a package that the command needs isn't installed.
        """
        if cmd_name not in self.list_commands(ctx):
            return None
        try:
            found: click.Command = import_module(_module(cmd_name)).command
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if package in ("", "monitor"):
                raise
            raise UserMistake(
                f"{PROGRAM} {cmd_name} needs the Python package {package}, which isn't "
                f"installed; {PROGRAM} demo's are in callcenter-monitor[demo]"
            ) from error
        return found

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the table; it imports nothing."""
        with formatter.section("Commands"):
            formatter.write_dl([(n, COMMANDS[n]) for n in self.list_commands(ctx)])


def _module(name: str) -> str:
    return f"monitor.cli.{name.replace('-', '_')}"


@click.group(
    cls=LazyGroup,
    epilog=example("ccmon demo", "ccmon worker --bootstrap 127.0.0.1:9092"),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88},
)
@click.version_option(__version__, prog_name=PROGRAM)
def group() -> None:
    """Right live numbers of a call center, from its events.

    Exit codes: 0 good, 1 the check failed, 2 a mistake in what was asked for, 3
    something that is needed can't be reached.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program with `arguments` (default: the process's); the exit code."""
    instruction = os.environ.get("_CCMON_COMPLETE")
    if instruction:
        return shell_complete(group, {}, PROGRAM, "_CCMON_COMPLETE", instruction)
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _guarded(lambda: _invoke(given))
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        return EXIT_BROKEN_PIPE
    return code


def _invoke(arguments: list[str]) -> int:
    with group.make_context(PROGRAM, arguments) as context:
        group.invoke(context)
    return 0


def _guarded(run: Callable[[], int]) -> int:
    """Exit code of `run`, after the message about whatever ended it."""
    try:
        return run()
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return EXIT_USER_MISTAKE
    except click.UsageError as error:
        return _fail(_usage_message(error), EXIT_USER_MISTAKE)
    except click.ClickException as error:
        return _fail(error.format_message(), EXIT_USER_MISTAKE)
    except ConfigurationError as error:
        return _fail(str(error), EXIT_USER_MISTAKE)
    except CommandError as error:
        return _fail(str(error), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return EXIT_INTERRUPTED


def _usage_message(error: click.UsageError) -> str:
    message = error.format_message()
    if error.ctx is None:
        return message
    return f"{message.rstrip('.')}. Try '{error.ctx.command_path} --help'."


def _fail(message: str, code: int) -> int:
    click.echo(f"{PROGRAM}: {message}", err=True)
    return code


def _drop_output() -> None:
    """Let nothing be written to a reader that is gone, at the interpreter's end too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
