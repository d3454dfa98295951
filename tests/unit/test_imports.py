"""Who may import what: imports point inward, and each library has one home.

The order of the rings is checked by import-linter (pyproject.toml); here, that modules
keep to the libraries of their ring, and stay small.
"""

import ast
import sys
from pathlib import Path

import pytest

MONITOR = Path(__file__).parents[2] / "monitor"
MODULES = sorted(MONITOR.rglob("*.py"))
LONGEST = 350

HOMES = {
    "aiokafka": "pipeline",
    "faust": "pipeline",
    "mode": "pipeline",
    "orjson": "wire",
    "prometheus_client": "exposition",
    "confluent_kafka": "embedded",
    "pydantic": "config",
    "pydantic_settings": "config",
    "yaml": "config",
    "click": "cli",
    "rich": "cli",
    "uvloop": "cli",
}
"""Libraries that one ring knows, and nobody else."""
SERVERS = {"web", "exposition", "cli"}
"""Who may import aiohttp."""


def ring_of(module: Path) -> str:
    """First folder below `monitor`, or the module's own name at the top."""
    return module.relative_to(MONITOR).with_suffix("").parts[0]


def imported(module: Path) -> set[str]:
    """Full names that `module` imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative imports aren't used"
            names.add(node.module or "")
    return names


def libraries(module: Path) -> set[str]:
    """Top-level packages that `module` imports, without the standard library's."""
    tops = {name.partition(".")[0] for name in imported(module)}
    return tops - sys.stdlib_module_names - {"monitor"}


def name_of(module: Path) -> str:
    return str(module.relative_to(MONITOR))


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_library_is_imported_by_its_ring_only(module: Path) -> None:
    """A library that has a home is nobody else's business."""
    strangers = {
        library
        for library in libraries(module)
        if HOMES.get(library, ring_of(module)) != ring_of(module)
        or (library == "aiohttp" and ring_of(module) not in SERVERS)
    }

    assert strangers == set()


@pytest.mark.parametrize(
    "module", [m for m in MODULES if ring_of(m) in {"core", "sources"}], ids=name_of
)
def test_core_and_sources_import_no_library(module: Path) -> None:
    """Pure rings need the standard library and rings further in, nothing else."""
    allowed = {"zstandard"} if ring_of(module) == "sources" else set()

    assert libraries(module) - allowed == set()


@pytest.mark.parametrize(
    "module", [m for m in MODULES if ring_of(m) == "core"], ids=name_of
)
def test_core_knows_neither_clock_nor_world(module: Path) -> None:
    """No event loop, no logs, no files, no network, no chance: time is an argument."""
    worldly = {
        "asyncio",
        "logging",
        "os",
        "random",
        "socket",
        "subprocess",
        "threading",
    }

    assert imported(module) & {*worldly, "time", "pathlib", "io"} == set()


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_can_be_read_in_one_go(module: Path) -> None:
    """About 300 lines at most; a longer one does two things."""
    assert len(module.read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_begins_with_its_rule(module: Path) -> None:
    """Its docstring says what is in it."""
    assert ast.get_docstring(ast.parse(module.read_text(encoding="utf-8")))
