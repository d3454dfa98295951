"""From file, environment and command line to checked settings.

Rule: sources are laid over each other key by key, the stronger over the weaker, and are
checked once as a whole, so that every problem is in one message and each value knows
where it came from.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import cast

from pydantic import ValidationError

from monitor.config.environment import UnknownVariable, read_environment
from monitor.config.paths import Path, format_path, parse_path, split_assignment
from monitor.config.problems import ConfigurationError, Problem, problems_of
from monitor.config.schema import find
from monitor.config.settings import Settings
from monitor.config.yaml_file import read_yaml

COMMAND_LINE = "command line"

Overrides = Iterable[str] | Mapping[str, object]
"""`KEY=VALUE` texts in their order, or values by dotted path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Settings and where they came from."""

    settings: Settings
    origins: Mapping[Path, str]
    """Source of each value that isn't a default."""
    unknown_variables: tuple[UnknownVariable, ...] = ()


def load(
    config_file: str | os.PathLike[str] | None = None,
    overrides: Overrides = (),
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """The settings from a YAML file, the environment and the command line.

    Args:
        config_file: the file; `None`: there is none.
        overrides: what the command line sets.
        environ: the environment; `None`: this process's.

    Raises:
        ConfigurationError: with every problem of all sources.
    """
    return read(config_file, overrides, environ).settings


def read(
    config_file: str | os.PathLike[str] | None = None,
    overrides: Overrides = (),
    environ: Mapping[str, str] | None = None,
) -> Loaded:
    """As `load`, with the source of each value.

    Raises:
        ConfigurationError: with every problem of all sources.
    """
    layers = _Layers()
    if config_file is not None:
        layers.add_file(FilePath(config_file))
    layers.add_environment(os.environ if environ is None else environ)
    layers.add_overrides(overrides)
    return layers.check()


@dataclass(slots=True)
class _Layers:
    """What the sources said so far, merged."""

    values: dict[str, object] = field(default_factory=dict)
    origins: dict[Path, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unknown_variables: tuple[UnknownVariable, ...] = ()

    def add_file(self, file: FilePath) -> None:
        try:
            text = file.read_text(encoding="utf-8")
        except OSError as error:
            reason = (error.strerror or "can't be read").lower()
            self.problems.append(Problem("", f"{file}: {reason}"))
            return
        except UnicodeDecodeError:
            self.problems.append(Problem("", f"{file}: is not text in UTF-8"))
            return
        content = read_yaml(text)
        for path, line, message in content.problems:
            origin = f"{file}, line {line}" if line else str(file)
            self.problems.append(Problem(format_path(path), message, origin))
        lines = {path: f"{file}, line {line}" for path, line in content.lines.items()}
        self._put_tree((), content.values, lines)

    def _put_tree(self, path: Path, value: object, lines: Mapping[Path, str]) -> None:
        node = find(path)
        if value is None and node is not None and not node.is_single:
            # A section whose keys are all commented out.
            value = {}
        if not isinstance(value, Mapping):
            self._put(path, value, lines[path])
            return
        if path:
            self._put(path, {}, lines[path])
        for key, below in value.items():
            self._put_tree((*path, key), below, lines)

    def add_environment(self, environ: Mapping[str, str]) -> None:
        known, unknown = read_environment(environ, self.values)
        self.unknown_variables = tuple(unknown)
        for variable in known:
            self._put(variable.path, variable.value, variable.name)

    def add_overrides(self, overrides: Overrides) -> None:
        if isinstance(overrides, Mapping):
            pairs = [(parse_path(key), value) for key, value in overrides.items()]
        else:
            pairs = self._assignments(overrides)
        for path, value in pairs:
            self._put(path, value, COMMAND_LINE)

    def _assignments(self, texts: Iterable[str]) -> list[tuple[Path, object]]:
        pairs: list[tuple[Path, object]] = []
        for text in texts:
            try:
                pairs.append(split_assignment(text))
            except ValueError as error:
                problem = Problem("", str(error), COMMAND_LINE)
                self.problems.append(problem)
        return pairs

    def _put(self, path: Path, value: object, origin: str) -> None:
        """Lay one value over what is there; an empty mapping lays nothing over one."""
        below = self.values
        for key in path[:-1]:
            inner = below.setdefault(key, {})
            if not isinstance(inner, dict):
                # The weaker source gave a single value for a section: that problem is
                # the one to be told.
                return
            below = cast("dict[str, object]", inner)
        there = below.get(path[-1])
        if value == {} and isinstance(there, dict):
            return
        below[path[-1]] = value
        self._forget(path)
        self.origins[path] = origin

    def _forget(self, path: Path) -> None:
        """Forget the sources of what the value at `path` replaces."""
        for given in [g for g in self.origins if g[: len(path)] == path]:
            del self.origins[given]

    def check(self) -> Loaded:
        """The settings.

        Raises:
            ConfigurationError: with all problems.
        """
        problems = list(self.problems)
        try:
            settings = Settings.model_validate(self.values)
        except ValidationError as error:
            problems += problems_of(error, self.origins)
        if problems:
            raise ConfigurationError(problems)
        return Loaded(
            settings=settings,
            origins=self.origins,
            unknown_variables=self.unknown_variables,
        )
