"""Settings as YAML: those in effect, and the reference of all.

Rule: what is printed can be loaded again and gives the same settings, but for secrets,
which are never printed.
"""

import textwrap
from collections.abc import Callable, Iterator, Mapping

import yaml

from monitor.config.paths import Path
from monitor.config.queue_settings import QueueSettings
from monitor.config.schema import find
from monitor.config.settings import Settings

WIDTH = 88
_INDENT = "  "

_REFERENCE_HEAD = """\
# Every setting with its default and meaning. Printed by: ccmon config reference
#
# Stronger sources are laid over weaker ones, key by key:
#   this file < environment < command line
#   checkpoint.interval < CCMON_CHECKPOINT__INTERVAL=2s < --set checkpoint.interval=2s
# Durations are text such as 20s, 1m30s, 500ms, 4h, 14d, or a number of seconds.
"""

_QUEUES_EXAMPLE = """\
# For example:
#   support:
#     service_level: {threshold: 30s, target: 0.9}
#     timezone: Europe/Berlin
#     day_start: "06:00"
"""


def effective_tree(settings: Settings) -> dict[str, object]:
    """Settings as plain values in the form of a file; secrets masked."""
    values: dict[str, object] = settings.model_dump(mode="json")
    values["queues"] = {name: _own(queue) for name, queue in settings.queues.items()}
    return values


def _own(queue: QueueSettings) -> dict[str, object]:
    """What a queue says itself; the rest is its channel's."""
    said: dict[str, object] = queue.model_dump(mode="json", exclude_none=True)
    return {key: value for key, value in said.items() if value != {}}


def effective_yaml(settings: Settings, origins: Mapping[Path, str]) -> str:
    """Settings in effect; what isn't a default says where it came from."""

    def note(path: Path) -> str:
        origin = origins.get(path, "")
        return f"  # from {' '.join(origin.split())}" if origin else ""

    lines = _lines(effective_tree(settings), (), lambda _: [], note)
    return "\n".join(lines) + "\n"


def reference_yaml() -> str:
    """Every setting with its default, after a comment with its meaning."""
    lines = _lines(effective_tree(Settings()), (), _meaning, lambda _: "")
    return _REFERENCE_HEAD + "\n".join(lines) + "\n"


def _meaning(path: Path) -> list[str]:
    node = find(path)
    # What is said of a channel's keys is said once, at voice.
    repeated = path[:1] == ("channels",) and path[1:2] != ("voice",) and path[2:]
    if node is None or not node.description or repeated:
        return []
    indent = _INDENT * (len(path) - 1)
    width = WIDTH - len(indent) - len("# ")
    comments = [f"# {line}" for line in textwrap.wrap(node.description, width)]
    if path == ("queues",):
        comments += _QUEUES_EXAMPLE.splitlines()
    blank = [""] if len(path) == 1 else []
    return blank + [indent + comment for comment in comments]


def _lines(
    values: Mapping[str, object],
    above: Path,
    before: Callable[[Path], list[str]],
    after: Callable[[Path], str],
) -> Iterator[str]:
    indent = _INDENT * len(above)
    for key, value in values.items():
        path = (*above, key)
        yield from before(path)
        if isinstance(value, Mapping) and value:
            yield f"{indent}{_scalar(key)}:"
            yield from _lines(value, path, before, after)
        else:
            yield f"{indent}{_scalar(key)}: {_scalar(value)}{after(path)}"


def _scalar(value: object) -> str:
    # Python's YAML 1.1 writer quotes whatever any reader of YAML might misread.
    text = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, width=float("inf")
    )
    return text.removesuffix("\n").removesuffix("\n...")
