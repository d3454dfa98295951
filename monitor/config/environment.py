"""Settings from environment variables: `CCMON_CHECKPOINT__INTERVAL=2s`.

Rule: case doesn't matter, `__` goes one key deeper, an empty variable is one that isn't
set (that is how compose files pass on what they weren't given). Names of the user's
choice (queues, windows) are looked up without case among those that are known, else
they are taken in lower case; a queue whose name has `__` in it can't be addressed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from monitor.config.paths import Path
from monitor.config.schema import suggest, tree

PREFIX = "CCMON_"
CONFIG_FILE = "CCMON_CONFIG"
"""Names the file itself, so it isn't a setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownVariable:
    """A variable that looks like a setting and isn't one."""

    name: str
    suggestion: str = ""
    """Name of the variable that was probably meant."""

    def __str__(self) -> str:
        hint = f"; did you mean {self.suggestion}?" if self.suggestion else ""
        return f"{self.name} is no setting and is ignored{hint}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A variable that is a setting."""

    name: str
    path: Path
    value: str


def read_environment(
    environ: Mapping[str, str], below: Mapping[str, object]
) -> tuple[list[Variable], list[UnknownVariable]]:
    """Variables that are settings, and those that only look so, each sorted by name.

    Unknown ones are no error: Kubernetes puts `CCMON_SERVICE_HOST`, `CCMON_PORT` and
    more into every container beside a service named ccmon.

    Args:
        environ: the environment.
        below: values of the layers below, where names of queues and windows are found.
    """
    known: list[Variable] = []
    unknown: list[UnknownVariable] = []
    for name in sorted(environ):
        upper = name.upper()
        if not upper.startswith(PREFIX) or upper == CONFIG_FILE:
            continue
        keys = tuple(name[len(PREFIX) :].split("__"))
        path = _path(keys, below)
        if path is None:
            near = suggest(tuple(key.lower() for key in keys))
            meant = variable_name(near) if near else ""
            unknown.append(UnknownVariable(name=name, suggestion=meant))
        elif environ[name]:
            known.append(Variable(name=name, path=path, value=environ[name]))
    return known, unknown


def variable_name(path: Path) -> str:
    """Name of the variable that sets `path`."""
    return PREFIX + "__".join(path).upper()


def _path(keys: tuple[str, ...], below: Mapping[str, object]) -> Path | None:
    node = tree()
    values: object = below
    path: list[str] = []
    for key in keys:
        names: Iterator[str] = iter(values) if isinstance(values, Mapping) else iter(())
        known = {name.lower(): name for name in names} if node.entry else {}
        name = known.get(key.lower(), key.lower())
        child = node.child(name)
        if child is None or not name:
            return None
        path.append(name)
        node = child
        values = values.get(name) if isinstance(values, Mapping) else None
    return tuple(path)
