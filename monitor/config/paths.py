"""Paths of settings: `queues."a.b".service_level.threshold`.

Rule: a path is a tuple of keys; its text is dotted, and a key that is anything but
letters, digits, dashes and underscores stands in double quotes.
"""

import json
import re

Path = tuple[str, ...]

_PLAIN = re.compile(r"[^\s.\"=]+")
_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')


def format_path(path: Path) -> str:
    """The text of `path`."""
    return ".".join(
        key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)
        for key in path
    )


def parse_path(text: str) -> Path:
    """The path that `text` names; `text` is only that.

    Raises:
        ValueError: it isn't a path.
    """
    path, rest = _take_path(text)
    if rest:
        raise ValueError(f"{text!r} is not a dotted path of keys")
    return path


def split_assignment(text: str) -> tuple[Path, str]:
    """Path and value of `KEY=VALUE`; the first `=` outside quotes parts them.

    Raises:
        ValueError: there is no `=`, or what is before it isn't a path. The message
            never shows what comes after a `=`, which may be a secret.
    """
    path, rest = _take_path(text)
    if not rest.startswith("="):
        raise ValueError(f"{text.partition('=')[0]!r} is not KEY=VALUE")
    return path, rest[1:].strip()


def _take_path(text: str) -> tuple[Path, str]:
    keys: list[str] = []
    rest = text.strip()
    while True:
        quoted = _QUOTED.match(rest)
        found = quoted or _PLAIN.match(rest)
        if found is None:
            raise ValueError(f"{text.partition('=')[0]!r} is not a dotted path of keys")
        keys.append(_unquote(found[0]) if quoted else found[0])
        rest = rest[found.end() :].lstrip()
        if not rest.startswith("."):
            return tuple(keys), rest
        rest = rest[1:]


def _unquote(text: str) -> str:
    try:
        key: str = json.loads(text)
    except json.JSONDecodeError:
        raise ValueError(f"{text} has a backslash that quotes nothing") from None
    return key
