"""Paths of settings, as they are written on the command line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.paths import format_path, parse_path, split_assignment


@pytest.mark.parametrize(
    "text, path, value",
    [
        ("app=x", ("app",), "x"),
        ("checkpoint.interval=2s", ("checkpoint", "interval"), "2s"),
        ('queues."a.b".timezone=UTC', ("queues", "a.b", "timezone"), "UTC"),
        ('queues."a=b".timezone=UTC', ("queues", "a=b", "timezone"), "UTC"),
        (r'queues."say \"hi\"".day_start=1', ("queues", 'say "hi"', "day_start"), "1"),
        ("queues.Ventes-été.max_age=1h", ("queues", "Ventes-été", "max_age"), "1h"),
        ("security.password=a=b", ("security", "password"), "a=b"),
        ("app=", ("app",), ""),
        (" app = x ", ("app",), "x"),
    ],
)
def test_an_assignment_is_a_path_and_a_value(
    text: str, path: tuple[str, ...], value: str
) -> None:
    """The first = outside quotes parts them."""
    assert split_assignment(text) == (path, value)


@pytest.mark.parametrize(
    "text",
    ["", "app", "=x", ".app=x", "a..b=x", "a.=x", 'a."b=x', r'a."\x"=x', 'a."b"c=x'],
)
def test_what_is_no_assignment_is_refused(text: str) -> None:
    """Nothing half-read is taken."""
    with pytest.raises(ValueError):
        split_assignment(text)


def test_a_refused_assignment_keeps_its_value_secret() -> None:
    """What comes after = may be a password."""
    with pytest.raises(ValueError) as caught:
        split_assignment("security..password=hunter2")

    assert "hunter2" not in str(caught.value)


@given(st.lists(st.text(min_size=1), min_size=1).map(tuple))
def test_a_written_path_is_read_back(path: tuple[str, ...]) -> None:
    """Formatting and parsing undo each other for any names."""
    assert parse_path(format_path(path)) == path
