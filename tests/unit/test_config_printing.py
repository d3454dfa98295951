"""Printed settings: the reference and those in effect."""

from collections.abc import Iterator
from pathlib import Path

from monitor.config import Settings, load, read
from monitor.config.printing import effective_yaml, reference_yaml
from monitor.config.schema import Node, tree

SHIPPED = Path(__file__).parents[2] / "deploy" / "reference.yaml"


def nodes(node: Node, path: str = "") -> Iterator[tuple[str, Node]]:
    for key, child in node.keys.items():
        yield f"{path}{key}", child
        yield from nodes(child, f"{path}{key}.")


def test_every_setting_has_a_meaning() -> None:
    """Nothing can be set that isn't explained."""
    unexplained = [path for path, node in nodes(tree()) if not node.description]

    assert unexplained == []


def test_the_reference_is_the_defaults(tmp_path: Path) -> None:
    """Loaded as a file it changes nothing."""
    file = tmp_path / "reference.yaml"
    file.write_text(reference_yaml(), encoding="utf-8")

    assert load(file, (), {}) == Settings()


def test_the_reference_has_every_setting() -> None:
    """Each key stands in it, with the meaning in a comment."""
    text = reference_yaml()

    assert all(f"{path.split('.')[-1]}:" in text for path, _ in nodes(tree()))
    assert all(len(line) <= 88 for line in text.splitlines())


def test_the_shipped_reference_is_the_printed_one() -> None:
    """After a change: ccmon config reference > deploy/reference.yaml."""
    assert SHIPPED.read_text(encoding="utf-8") == reference_yaml()


def test_settings_in_effect_can_be_loaded_again(tmp_path: Path) -> None:
    """Whatever the names of queues are, the print gives the same settings."""
    settings = load(
        None,
        {
            'queues."a.b".service_level.threshold': "1m30s",
            "queues.0600.day_start": "10:30",
            "queues.no.timezone": "Europe/Berlin",
            'queues."étage: 1 #x".max_age': "36h",
            "queues.empty": {},
            "windows.2h": "2h",
            "windows.5m": "off",
            "scaled.start": "2026-01-19T08:00:00.5Z",
            "clock": "scaled",
            "security.ca_file": "/etc/ca.pem",
        },
        {},
    )
    file = tmp_path / "effective.yaml"
    file.write_text(effective_yaml(settings, {}), encoding="utf-8")

    assert load(file, (), {}) == settings


def test_what_is_not_a_default_says_where_it_came_from() -> None:
    """And what is one says nothing."""
    loaded = read(None, ["horizon=5m"], {"CCMON_CHECKPOINT__INTERVAL": "2s"})

    lines = effective_yaml(loaded.settings, loaded.origins).splitlines()

    assert [line for line in lines if "#" in line] == [
        "  interval: 2s  # from CCMON_CHECKPOINT__INTERVAL",
        "horizon: 5m  # from command line",
    ]


def test_secrets_are_masked() -> None:
    """The password is in no print."""
    loaded = read(None, ["security.password=hunter2"], {})

    text = effective_yaml(loaded.settings, loaded.origins)

    assert "hunter2" not in text
    assert "password: '**********'  # from command line" in text
