"""The package: dependencies with reasons, exact pins, one version everywhere."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import monitor

ROOT = Path(__file__).parents[2]
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PROJECT: dict[str, Any] = tomllib.loads(PYPROJECT)["project"]
PRIVATE_METHODS_USED = ("faust-streaming", "mode-streaming", "aiokafka")


def requirements() -> list[str]:
    extras = PROJECT["optional-dependencies"].values()
    return [*PROJECT["dependencies"], *(name for extra in extras for name in extra)]


def distribution(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found
    return found[0]


@pytest.mark.parametrize("requirement", requirements(), ids=distribution)
def test_a_dependency_says_what_it_is_for(requirement: str) -> None:
    """On its own line, after it."""
    lines = [line for line in PYPROJECT.splitlines() if f'"{requirement}"' in line]

    assert len(lines) == 1
    assert re.search(r'", # \S+ ?\S+', lines[0])


@pytest.mark.parametrize("name", PRIVATE_METHODS_USED)
def test_what_we_use_privately_is_pinned_exactly(name: str) -> None:
    """Any other version may have changed what we lean on."""
    pins = [r for r in PROJECT["dependencies"] if distribution(r) == name]

    assert len(pins) == 1
    assert re.fullmatch(rf"{name}==\d+(\.\d+)+", pins[0])


@pytest.mark.parametrize("requirement", requirements(), ids=distribution)
def test_other_dependencies_are_ranges(requirement: str) -> None:
    """An exact pin of a library that is used by its API would hold its fixes back."""
    is_exact = "==" in requirement

    assert is_exact == (distribution(requirement) in PRIVATE_METHODS_USED)


def test_the_changelog_begins_with_this_version() -> None:
    """What is being worked on, or was released, is at the top."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[([^\]]+)\]", changelog, re.MULTILINE)

    assert versions[0] == monitor.__version__


def test_the_licence_is_the_whole_apache_licence() -> None:
    """The text is there, not only its name."""
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")

    assert PROJECT["license"] == "Apache-2.0"
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.mark.parametrize("command", ["deploy/demo", "tests/run", ".ci/run"])
def test_a_command_of_the_readme_can_be_run(command: str) -> None:
    """It is there and executable in a fresh clone."""
    assert (ROOT / command).stat().st_mode & 0o111
