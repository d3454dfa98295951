"""Options that commands share, and how they become settings.

Rule: a command that is decorated with `common_options` is given checked `settings`, and
knows nothing about files, environment and precedence.
"""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import click

from monitor.config import Loaded, Settings, read
from monitor.config.environment import CONFIG_FILE, variable_name

Command = TypeVar("Command", bound=Callable[..., Any])


def example(*commands: str) -> str:
    """The end of a command's help: how it is called. Use it as the `epilog`."""
    return "\n".join(["\b", "Example:", *(f"  {command}" for command in commands)])


def set_option(command: Command) -> Command:
    """Give a command `--set`, as `assignments`."""
    return click.option(
        "--set",
        "assignments",
        metavar="KEY=VALUE",
        multiple=True,
        help="Set one setting, for example checkpoint.interval=2s. Repeatable.",
    )(command)


def reading_options(command: Command) -> Command:
    """Give a command `read_settings`, which reads what the options say.

    For those that want to know where a value came from, or when it is read.
    """

    @functools.wraps(command)
    def with_reader(
        *args: Any,
        config_file: str | None,
        assignments: tuple[str, ...],
        **options: Any,
    ) -> Any:
        short = {key: options.pop(key, None) for key in ("bootstrap", "app", "listen")}
        given = [f"{key}={value}" for key, value in short.items() if value is not None]
        reader = functools.partial(read, config_file, [*assignments, *given])
        return command(*args, read_settings=reader, **options)

    result = _setting_option(with_reader, "app", "NAME")
    result = _setting_option(result, "bootstrap", "HOST:PORT")
    result = click.option(
        "--config",
        "config_file",
        metavar="FILE",
        envvar=CONFIG_FILE,
        type=click.Path(),
        help=f"Settings in YAML.  [env: {CONFIG_FILE}]",
    )(set_option(result))
    return cast("Command", result)


def common_options(command: Command) -> Command:
    """Give a command `settings`, from `--config`, `--set`, `--bootstrap`, `--app`."""

    @functools.wraps(command)
    def with_settings(
        *args: Any, read_settings: Callable[[], Loaded], **options: Any
    ) -> Any:
        return command(*args, settings=read_settings().settings, **options)

    return cast("Command", reading_options(with_settings))


def serving_options(command: Command) -> Command:
    """Give a command that has `common_options` the option `--listen` as well."""
    return _setting_option(command, "listen", "HOST:PORT")


def _setting_option(command: Command, key: str, metavar: str) -> Command:
    """An option that is short for `--set key=...`; the setting says what it means."""
    field = Settings.model_fields[key]
    help_text = (
        f"{field.description}  [default: {field.default}; env: {variable_name((key,))}]"
    )
    return click.option(f"--{key}", key, metavar=metavar, help=help_text)(command)
