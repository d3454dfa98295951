"""The tree of all settings, read from the models.

Rule: whatever needs to know which settings there are (suggestions, environment,
reference) asks this tree; the models are the only place that lists them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr

from monitor.config.paths import Path
from monitor.config.settings import Settings

_LIKENESS = 0.7
"""From 0 to 1: how alike two keys are when one may be a slip for the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A section (has `keys`), a table (has `entry`), or a single setting."""

    description: str = ""
    keys: dict[str, "Node"] = field(default_factory=dict)
    """What a section holds."""
    entry: "Node | None" = None
    """What a table holds under keys of the user's choice."""
    secret: bool = False

    @property
    def is_single(self) -> bool:
        return not self.keys and self.entry is None

    def child(self, key: str) -> "Node | None":
        """The node under `key`, `None` when there is no such setting."""
        return self.entry if self.entry is not None else self.keys.get(key)


@cache
def tree() -> Node:
    """The root: all settings."""
    return _node(Settings, "")


def find(path: Path) -> Node | None:
    """The node at `path`; `None`: no such setting."""
    node: Node | None = tree()
    for key in path:
        if node is None:
            return None
        node = node.child(key)
    return node


def suggest(path: Path) -> Path | None:
    """The path that was probably meant by the unknown `path`; `None`: no idea."""
    node = tree()
    for depth, key in enumerate(path):
        child = node.child(key)
        if child is None:
            above, rest = path[:depth], path[depth + 1 :]
            near = _nearest(node, key)
            if near is None:
                return None
            whole = (*above, *near, *rest)
            return whole if find(whole) is not None else (*above, *near)
        node = child
    return None


def _nearest(node: Node, key: str) -> Path | None:
    """What below `node` was probably meant by `key`."""
    near = get_close_matches(key.lower(), node.keys, n=1, cutoff=_LIKENESS)
    if near:
        return (near[0],)
    # A key at the wrong depth: `threshold` of a queue is in its `service_level`.
    deeper = [path for path in _singles(node) if path[-1] == key.lower()]
    return deeper[0] if len(deeper) == 1 else None


def _singles(node: Node, above: Path = ()) -> Iterator[Path]:
    for key, child in node.keys.items():
        if child.is_single:
            yield (*above, key)
        yield from _singles(child, (*above, key))


def _node(annotation: Any, description: str) -> Node:
    plain = _without_wrappers(annotation)
    if isinstance(plain, type) and issubclass(plain, BaseModel):
        keys = {
            name: _node(info.annotation, info.description or "")
            for name, info in plain.model_fields.items()
        }
        return Node(description=description, keys=keys)
    if get_origin(plain) is dict:
        entry = _node(get_args(plain)[1], "")
        return Node(description=description, entry=entry)
    return Node(description=description, secret=plain is SecretStr)


def _without_wrappers(annotation: Any) -> Any:
    """`X` of `Annotated[X, ...]` and of `X | None`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _without_wrappers(get_args(annotation)[0])
    if origin in (Union, UnionType):
        rest = [part for part in get_args(annotation) if part is not type(None)]
        return _without_wrappers(rest[0])
    return annotation
