"""YAML files: what a value is taken for, and what isn't good YAML."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.yaml_file import read_yaml


@pytest.mark.parametrize(
    "text, value",
    [
        ("10:30", "10:30"),
        ("06:00", "06:00"),
        ("off", "off"),
        ("yes", "yes"),
        ("2026-01-19T08:00:00Z", "2026-01-19T08:00:00Z"),
        ("2026-01-19", "2026-01-19"),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("20", 20),
        ("-1", -1),
        ("2.5", 2.5),
        ('"20"', "20"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ('""', ""),
        ("9" * 30, "9" * 30),
        ("!!int abc", "abc"),
        ("[1, a]", [1, "a"]),
        ("{a: 1}", {"a": 1}),
    ],
)
def test_only_the_core_schema_is_more_than_text(text: str, value: object) -> None:
    """Times of day, words and dates stay the text that was written."""
    content = read_yaml(f"key: {text}\n")

    assert content.problems == []
    assert content.values == {"key": value}


def test_keys_are_text_as_it_stands() -> None:
    """A queue may be called by a number, with its leading zeros."""
    assert read_yaml("0600: 1\n5: 2\ntrue: 3\n").values == {
        "0600": 1,
        "5": 2,
        "true": 3,
    }


def test_every_key_knows_its_line() -> None:
    """Lines count from 1, at every depth."""
    content = read_yaml("a:\n  b: 1\n\n  c: {d: 2}\n")

    assert content.lines == {
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "c"): 4,
        ("a", "c", "d"): 4,
    }


def test_a_merge_key_lays_own_keys_over_the_anchor() -> None:
    """Queues may share what they have in common."""
    content = read_yaml("a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\n")

    assert content.problems == []
    assert content.values["b"] == {"x": 1, "y": 3}


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "null\n"])
def test_a_file_may_say_nothing(text: str) -> None:
    """An empty file has no values and no problem."""
    content = read_yaml(text)

    assert content.problems == []
    assert content.values == {}


@pytest.mark.parametrize(
    "text, line, message",
    [
        ("a: 1\n\tb: 2\n", 2, "not good YAML"),
        ('a: 1\nb: "open\n', 3, "not good YAML"),
        ("a: 1\n---\nb: 2\n", 2, "not good YAML"),
        ("a: *nowhere\n", 1, "not good YAML"),
        ("a: 1\nb: \x00\n", 2, "not good YAML"),
        ("- a\n", 1, "has keys and values"),
        ("text\n", 1, "has keys and values"),
        ("a: 1\nb: 2\na: 3\n", 3, "stands twice, first on line 1"),
        ("a: &a [*a]\n", 1, "contains itself"),
        ("a: &a {b: *a}\n", 1, "contains itself"),
        ("a: !!binary aGk=\n", 1, "tag"),
        ("a: !mine 1\n", 1, "tag"),
        ("? [a]\n: 1\n", 1, "has a key that isn't text"),
        ("a: " + "[" * 3000 + "\n", 0, "nested too deeply"),
    ],
)
def test_what_is_wrong_names_the_line(text: str, line: int, message: str) -> None:
    """Nothing is raised, and the first problem tells where it is."""
    (_, found_line, found), *_ = read_yaml(text).problems

    assert found_line == line
    assert message in found


def test_a_broken_line_is_not_shown() -> None:
    """There may be a secret on it."""
    content = read_yaml('security: {password: "hunter2\n')

    assert content.problems
    assert "hunter2" not in str(content.problems)


@given(st.text(alphabet="ab:-[]{}&*!|>\"'#%@, \n\t<~01", max_size=40))
def test_any_text_is_read_or_has_a_problem(text: str) -> None:
    """No text makes the reader raise."""
    content = read_yaml(text)

    assert isinstance(content.values, dict)
