"""What is wrong with a configuration, as one message.

Rule: a problem names the key, the offending value, what is allowed and where the value
stands; the value of a secret or of an unknown key is never shown.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails

from monitor.config.paths import Path, format_path
from monitor.config.schema import find, suggest

_LONGEST_SHOWN = 80
_MESSAGES = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be text; a number that is meant as text needs quotes",
    "path_type": "must be the path of a file",
    "missing": "is missing",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong."""

    key: str
    """Path of the setting as text; empty: the source as a whole."""
    message: str
    """What is allowed, going on after key and value."""
    origin: str = ""
    """Where the value stands."""
    value: str = ""
    """The value as it is shown."""

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        value = f"{self.value} " if self.value else ""
        origin = f" ({self.origin})" if self.origin else ""
        return f"{key}{value}{self.message}{origin}"


class ConfigurationError(Exception):
    """The configuration can't be used; its text has every problem that was found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Take at least one of `problems`."""
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        lines = [f"  {problem}" for problem in self.problems]
        count = len(lines)
        number = "a problem" if count == 1 else f"{count} problems"
        return "\n".join([f"The configuration has {number}:", *lines])


def problems_of(error: ValidationError, origins: Mapping[Path, str]) -> list[Problem]:
    """The problems that the models found, in the order of the settings."""
    details = error.errors(include_url=False)
    return [_problem(detail, origins) for detail in details]


def _problem(detail: ErrorDetails, origins: Mapping[Path, str]) -> Problem:
    path = tuple(str(key) for key in detail["loc"] if key != "[key]")
    unknown = detail["type"] == "extra_forbidden"
    return Problem(
        key=format_path(path),
        message=_unknown_message(path) if unknown else _message(detail, path),
        origin=origin_of(path, origins),
        value="" if unknown else _shown(detail["input"], path),
    )


def _unknown_message(path: Path) -> str:
    near = suggest(path)
    return "is no setting" + (f"; did you mean {format_path(near)}?" if near else "")


def _message(detail: ErrorDetails, path: Path) -> str:
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])
    if detail["type"] in ("model_type", "dict_type"):
        node = find(path)
        keys = ", ".join(node.keys) if node else ""
        return "must be a section" + (f" with {keys}" if keys else "")
    # Where the models use a type of pydantic's own, its text is good enough.
    wanted = detail["msg"].replace("Input should be", "must be")
    return _MESSAGES.get(detail["type"], wanted)


def _shown(value: object, path: Path) -> str:
    node = find(path)
    if value is None or isinstance(value, dict | list):
        return ""
    if isinstance(value, SecretStr) or (node is not None and node.secret):
        return ""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def origin_of(path: Path, origins: Mapping[Path, str]) -> str:
    """Where the value at `path` or something below it was given; `""`: nowhere."""
    if path in origins:
        return origins[path]
    for given, origin in origins.items():
        if given[: len(path)] == path:
            return origin
    return ""
