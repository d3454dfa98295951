"""`ccmon config`: the settings in effect, the check of a file, the reference of all."""

from collections.abc import Callable

import click
from click.core import ParameterSource

from monitor.cli.options import example, reading_options, set_option
from monitor.config import Loaded, Settings, read
from monitor.config.durations import format_duration
from monitor.config.printing import effective_yaml, reference_yaml


@click.group(
    name="config",
    invoke_without_command=True,
    subcommand_metavar="[COMMAND [ARGS]...]",
    epilog=example(
        "ccmon config --config ccmon.yaml --set checkpoint.interval=2s",
        "ccmon config check ccmon.yaml",
    ),
)
@reading_options
@click.pass_context
def command(context: click.Context, read_settings: Callable[[], Loaded]) -> None:
    """Print the settings in effect, as YAML.

    What isn't a default says where it came from: file and line, variable of the
    environment, or command line. Secrets are masked.
    """
    if context.invoked_subcommand is None:
        loaded = read_settings()
        click.echo(effective_yaml(loaded.settings, loaded.origins), nl=False)
        return
    sources = [context.get_parameter_source(name) for name in context.params]
    if ParameterSource.COMMANDLINE in sources:
        raise click.UsageError(
            f"Options go after {context.invoked_subcommand!r}, not before it.", context
        )


@command.command(epilog=example("ccmon config check ccmon.yaml --set clock=event"))
@click.argument("file", type=click.Path())
@set_option
def check(file: str, assignments: tuple[str, ...]) -> None:
    """Check FILE and show every problem at once.

    The environment and --set count as they would for a worker. Variables that look
    like settings and are none are named, but are no error.
    """
    loaded = read(file, assignments)
    for variable in loaded.unknown_variables:
        click.echo(f"ccmon: warning: {variable}", err=True)
    click.echo(f"{file} is good: {_summary(loaded.settings)}.")


@command.command(epilog=example("ccmon config reference > ccmon.yaml"))
def reference() -> None:
    """Print every setting with its default and meaning, as a file to begin with."""
    click.echo(reference_yaml(), nl=False)


def _summary(settings: Settings) -> str:
    windows = " ".join(
        name if name == format_duration(length) else f"{name}={format_duration(length)}"
        for name, length in settings.windows.items()
    )
    count = len(settings.queues)
    own = "rules of its own" if count == 1 else "rules of their own"
    queues = "1 queue" if count == 1 else f"{count} queues"
    return (
        f"Kafka at {settings.bootstrap}, app {settings.app}, clock {settings.clock}, "
        f"windows {windows} today, {queues} with {own}"
    )
