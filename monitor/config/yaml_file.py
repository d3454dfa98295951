"""Reading YAML with the line of every key.

Rule: only what the YAML 1.2 core schema knows is more than text: `10:30` is a time of
day and not the number 630, `off` is a word, `2026-01-19` is no date, and keys are text
as it stands, so that a queue may be called 0600. A key that stands twice is refused.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import yaml
from yaml.reader import ReaderError

from monitor.config.paths import Path

_LONGEST_NUMBER = 18
"""Digits; more is no sensible number, and Python refuses to read very long ones."""
_PREFIX = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    """Resolves scalars by the YAML 1.2 core schema, and merge keys besides."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, object]]] = {}  # noqa: RUF012


def _resolve(tag: str, pattern: str, first: Iterable[str]) -> None:
    _Loader.add_implicit_resolver(_PREFIX + tag, re.compile(pattern), list(first))


_resolve("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF")
_resolve("int", rf"^[-+]?[0-9]{{1,{_LONGEST_NUMBER}}}$", "-+0123456789")
_resolve(
    "float",
    r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$",
    "-+.0123456789",
)
_resolve("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""])
_resolve("merge", r"^(?:<<)$", "<")


@dataclass(slots=True, kw_only=True)
class YamlContent:
    """What a file says."""

    values: dict[str, object] = field(default_factory=dict)
    lines: dict[Path, int] = field(default_factory=dict)
    """Line of each key, from 1."""
    problems: list[tuple[Path, int, str]] = field(default_factory=list)
    """Path, line and message of what can't be taken."""


def read_yaml(text: str) -> YamlContent:
    """Values and lines of `text`; what is wrong is in `problems`, never raised."""
    content = YamlContent()
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is not None:
            _Reader(loader, content).read_root(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        # The mark's own text would show the line, and there may be a secret on it.
        content.problems.append(((), line, f"not good YAML: {_problem(error)}"))
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        content.problems.append(((), line, f"not good YAML: {error.reason}"))
    except RecursionError:
        content.problems.append(((), 0, "the file is nested too deeply"))
    return content


def _problem(error: yaml.MarkedYAMLError) -> str:
    context = f"{error.context}: " if error.context else ""
    return context + (error.problem or "unreadable")


class _Reader:
    """Turns nodes into values and notes the lines of their keys."""

    def __init__(self, loader: _Loader, content: YamlContent) -> None:
        self._loader = loader
        self._content = content
        self._open: set[int] = set()

    def read_root(self, root: yaml.Node) -> None:
        if isinstance(root, yaml.MappingNode):
            self._content.values = self._mapping(root, ())
        elif root.tag != _PREFIX + "null":
            self._complain(
                (), root, "a file of settings has keys and values at its top"
            )

    def _value(self, node: yaml.Node, path: Path) -> object:
        if id(node) in self._open:
            self._complain(path, node, "contains itself")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return self._sequence(node, path)
        kind = node.tag.removeprefix(_PREFIX)
        if kind not in ("str", "int", "float", "bool", "null"):
            self._complain(path, node, f"has the tag {node.tag}, which isn't allowed")
            return None
        return self._scalar(node, kind)

    def _sequence(self, node: yaml.SequenceNode, path: Path) -> list[object]:
        self._open.add(id(node))
        result = [self._value(item, path) for item in node.value]
        self._open.discard(id(node))
        return result

    def _scalar(self, node: yaml.Node, kind: str) -> object:
        text = str(node.value)
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        try:
            return {"int": int, "float": float}.get(kind, str)(text)
        except ValueError:
            # An explicit tag on something else, `!!int abc`.
            return text

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        self._open.add(id(node))
        self._refuse_twins(node, path)
        self._loader.flatten_mapping(node)
        result: dict[str, object] = {}
        for key, key_node, value in self._pairs(node, path):
            below = (*path, key)
            self._content.lines[below] = key_node.start_mark.line + 1
            result[key] = self._value(value, below)
        self._open.discard(id(node))
        return result

    def _pairs(
        self, node: yaml.MappingNode, path: Path
    ) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        for key_node, value in node.value:
            if isinstance(key_node, yaml.ScalarNode):
                yield str(key_node.value), key_node, value
            else:
                self._complain(path, key_node, "has a key that isn't text")

    def _refuse_twins(self, node: yaml.MappingNode, path: Path) -> None:
        seen: dict[str, int] = {}
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                continue
            key, line = str(key_node.value), key_node.start_mark.line + 1
            if key in seen and key_node.tag != _PREFIX + "merge":
                message = f"stands twice, first on line {seen[key]}"
                self._complain((*path, key), key_node, message)
            seen.setdefault(key, line)

    def _complain(self, path: Path, node: yaml.Node, message: str) -> None:
        self._content.problems.append((path, node.start_mark.line + 1, message))
