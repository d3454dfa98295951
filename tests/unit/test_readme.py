"""The README: its commands, options, files and names exist."""

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from monitor.cli.main import COMMANDS, group
from monitor.config import load
from monitor.config.environment import variable_name
from monitor.core.people.parts import PersonPart
from monitor.exposition import people_metrics
from monitor.exposition.names import METRICS
from monitor.pipeline.topics import TOPICS
from monitor.web.api import agents_json, queues_json
from monitor.web.server import ASSETS
from monitor.wire.events import decode_contact_event
from tests.unit.fake_board import sample

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def block_lines() -> list[str]:
    """Every line of the shell blocks."""
    return [line for block in blocks("sh") for line in block.splitlines() if line]


def command_lines() -> list[str]:
    """Those, and every command that a sentence names."""
    prose = re.sub(r"^```.*?^```", "", README, flags=re.DOTALL | re.MULTILINE)
    named = re.findall(r"`((?:ccmon|deploy/demo|tests/run)(?: [^`]+)?)`", prose)
    return [*block_lines(), *named]


def words(line: str) -> list[str]:
    """The command without its comment and without where its output goes."""
    found = shlex.split(line, comments=True)
    return found[: found.index(">")] if ">" in found else found


def arguments_of(lines: list[str]) -> list[list[str]]:
    """What `ccmon` is given; `deploy/demo` gives what it has to `ccmon demo`."""
    found = []
    for line in lines:
        first, *rest = words(line)
        if first == "ccmon":
            found.append(rest)
        elif first == "deploy/demo":
            found.append(["demo", *rest])
    return found


def find(arguments: list[str]) -> tuple[click.Command, click.Context, list[str]]:
    """The command, the context it is called in, and what it is given."""
    context = click.Context(group, info_name="ccmon")
    found: click.Command = group
    rest = list(arguments)
    while isinstance(found, click.Group) and rest and not rest[0].startswith("-"):
        inner = found.get_command(context, rest[0])
        assert inner is not None, rest[0]
        found = inner
        context = click.Context(found, parent=context, info_name=rest.pop(0))
    return found, context, rest


@pytest.mark.parametrize("arguments", arguments_of(command_lines()), ids=" ".join)
def test_a_command_and_its_options_exist(arguments: list[str]) -> None:
    """Those that sentences name, too."""
    found, context, rest = find(arguments)
    options = {o for p in found.get_params(context) for o in p.opts}

    assert {w.partition("=")[0] for w in rest if w.startswith("-")} <= options


@pytest.mark.parametrize("arguments", arguments_of(block_lines()), ids=" ".join)
def test_a_command_is_complete(arguments: list[str]) -> None:
    """Parsed as the program does, without running it."""
    found, _, rest = find(arguments)

    found.make_context("ccmon", rest)


def test_every_command_is_named() -> None:
    """Whoever reads the README has met all of them."""
    named = {arguments[0] for arguments in arguments_of(command_lines())}

    assert named >= COMMANDS.keys()


@pytest.mark.parametrize("command", ["deploy/demo", "tests/run"])
def test_both_commands_are_there(command: str) -> None:
    """One shows it, one tests it."""
    assert command in [words(line)[0] for line in command_lines()]
    assert (ROOT / command).is_file()


def test_its_links_lead_somewhere() -> None:
    """Files of the checkout, and headings of the page."""
    headings = re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    anchors = {"#" + heading.lower().replace(" ", "-") for heading in headings}
    for link in re.findall(r"\]\(([^)]+)\)", README):
        if link.startswith("#"):
            assert link in anchors
        elif not link.startswith("https://"):
            assert (ROOT / link).exists(), link


def test_its_files_and_modules_exist() -> None:
    """Those named in sentences, and the benchmarks."""
    for path in re.findall(r"`(monitor/[\w./-]+)`", README):
        assert (ROOT / path).exists(), path
    for module in re.findall(r"python -m ([\w.]+)", README):
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), module


def test_its_metrics_and_topics_exist() -> None:
    """By the names that it gives them."""
    named = re.findall(r"`(callcenter_\w+?)(?:\{([\w,]+)\})?`", README)
    metrics = {name for name, _ in named} - {"callcenter_"}

    assert metrics
    assert metrics <= METRICS.keys()
    for name, labels in named:
        if labels:
            assert set(labels.split(",")) <= set(METRICS[name].labels), name
    assert people_metrics.METRICS.keys() <= metrics
    assert set(re.findall(r"`(callcenter\.[\w-]+)`", README)) <= {
        topic.name for topic in TOPICS
    }


def test_its_paths_are_served() -> None:
    """Those of the table of numbers."""
    paths = set(re.findall(r"`(/[\w/]*)(?:[?#][^`]*)?`", README))
    source = (ROOT / "monitor" / "web" / "server.py").read_text(encoding="utf-8")

    assert {"/api/v1/queues", "/api/v1/agents"} <= paths
    for path in paths - ASSETS.keys():
        assert f'"{path}"' in source, path


def test_its_names_of_people_are_in_the_json() -> None:
    """Those of the table of people."""
    board = sample()
    person = PersonPart(
        agent="a", state="away", reason="", since=1, queues=(), total={}, today={}
    )
    queues = queues_json(board)
    agents = agents_json(board, [person])
    names = re.findall(r"`(people\.\w+|(?:queues|agents)\.\*\.\w+)`", README)

    assert len(names) > 10
    for name in names:
        place: Any = agents if name.startswith("agents.") else queues
        for key in name.split("."):
            place = place[next(iter(place)) if key == "*" else key]


def test_its_events_are_events() -> None:
    """Each line of the example."""
    lines = [line for block in blocks("json") for line in block.splitlines()]

    assert len(lines) == 3
    for line in lines:
        assert decode_contact_event(line.encode()) is not None


def test_its_settings_are_settings(tmp_path: Path) -> None:
    """The example of a file, the environment and the command line."""
    (example,) = blocks("yaml")
    file = tmp_path / "callcenter.yaml"
    file.write_text(example)

    assert yaml.safe_load(example)["queues"]
    assert load(file, environ={}).queues["billing"].service_level.threshold == 30_000
    variable = variable_name(("checkpoint", "interval"))
    assert f"{variable}=2s" in README
    assert "`--set checkpoint.interval=2s`" in README
    set_by_hand = load(overrides=["checkpoint.interval=2s"], environ={})
    assert set_by_hand.checkpoint.interval == 2_000
