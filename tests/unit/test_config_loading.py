"""Sources of settings: precedence, origins, and all problems in one message."""

from pathlib import Path

import pytest

from monitor.config import ConfigurationError, Settings, load, read
from monitor.config.environment import read_environment


@pytest.fixture(name="write")
def _write(tmp_path: Path) -> "Writer":
    return Writer(tmp_path / "ccmon.yaml")


class Writer:
    """Writes the file of settings and gives its path."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __call__(self, text: str) -> Path:
        self.file.write_text(text, encoding="utf-8")
        return self.file


def problems(file: Path | None, *overrides: str, **environ: str) -> list[str]:
    """Every problem, one text each."""
    with pytest.raises(ConfigurationError) as caught:
        load(file, overrides, environ)
    return [str(problem) for problem in caught.value.problems]


def test_without_sources_everything_is_default() -> None:
    """No file, no environment, no option: the defaults."""
    assert load(None, (), {}) == Settings()


def test_each_source_is_stronger_than_the_one_before(write: Writer) -> None:
    """Defaults < file < environment < command line, key by key."""
    file = write("checkpoint: {interval: 2s, max_rows: 2}\nhorizon: 2m\n")
    environ = {"CCMON_CHECKPOINT__INTERVAL": "3s", "CCMON_HORIZON": "3m"}

    settings = load(file, ["horizon=4m"], environ)

    assert settings.checkpoint.max_rows == 2
    assert settings.checkpoint.interval == 3_000
    assert settings.horizon == 240_000
    assert settings.future == 60_000


def test_the_last_of_two_overrides_holds() -> None:
    """As everywhere on a command line."""
    assert load(None, ["app=a", "app=b"], {}).app == "b"


def test_each_value_knows_where_it_came_from(write: Writer) -> None:
    """A file with its line, a variable, or the command line."""
    file = write("app: a\nqueues:\n  support:\n    max_age: 1h\n")

    loaded = read(file, ["future=1s"], {"CCMON_HORIZON": "1m"})

    assert loaded.origins["app",] == f"{file}, line 1"
    assert loaded.origins["queues", "support", "max_age"] == f"{file}, line 4"
    assert loaded.origins["horizon",] == "CCMON_HORIZON"
    assert loaded.origins["future",] == "command line"


def test_variables_are_case_insensitive_and_know_the_queues(write: Writer) -> None:
    """The environment has no case; a configured queue keeps its own."""
    file = write("queues: {VIP.Sales: {}}\n")
    environ = {
        "ccmon_App": "x",
        "CCMON_QUEUES__VIP.SALES__MAX_AGE": "1h",
        "CCMON_QUEUES__NEW__MAX_AGE": "2h",
        "CCMON_WINDOWS__5M": "10m",
    }

    settings = load(file, (), environ)

    assert settings.app == "x"
    assert set(settings.queues) == {"VIP.Sales", "new"}
    assert settings.queues["VIP.Sales"].max_age == 3_600_000
    assert settings.windows["5m"] == 600_000


def test_unknown_and_empty_variables_are_ignored() -> None:
    """Kubernetes and compose files put such ones into every container."""
    environ = {
        "CCMON_PORT": "tcp://10.0.0.1:80",
        "CCMON_SERVICE_HOST": "10.0.0.1",
        "CCMON_CHEKPOINT__INTERVAL": "2s",
        "CCMON_QUEUES__A__SERVICE_LEVL__TARGET": "1",
        "CCMON_QUEUES__": "1",
        "CCMON_CONFIG": "ccmon.yaml",
        "CCMON_APP": "",
        "HOME": "/root",
    }

    known, unknown = read_environment(environ, {})

    assert known == []
    assert [(variable.name, variable.suggestion) for variable in unknown] == [
        ("CCMON_CHEKPOINT__INTERVAL", "CCMON_CHECKPOINT__INTERVAL"),
        ("CCMON_PORT", ""),
        ("CCMON_QUEUES__", ""),
        (
            "CCMON_QUEUES__A__SERVICE_LEVL__TARGET",
            "CCMON_QUEUES__A__SERVICE_LEVEL__TARGET",
        ),
        ("CCMON_SERVICE_HOST", ""),
    ]
    assert load(None, (), environ) == Settings()


def test_all_problems_of_all_sources_come_at_once(write: Writer) -> None:
    """One message: each key with its path, value, what is allowed and where it is."""
    file = write(
        "checkpoint:\n"
        "  interval: -1s\n"
        "clok: event\n"
        "queues:\n"
        "  a.b:\n"
        "    threshold: 20s\n"
        "    service_level: {target: 80}\n"
    )

    found = problems(file, "nonsense", "batch.max_record=5", CCMON_HORIZON="soon")

    duration = "must be a duration like 20s, 1m30s, 500ms, or a number of seconds"
    ratio = "must be a ratio from 0 to 1, for example 0.8 for 80 %"
    unknown = "is no setting; did you mean"
    queue = 'queues."a.b"'
    deeper = f"{queue}.service_level.threshold"
    assert found == [
        "'nonsense' is not KEY=VALUE (command line)",
        f'checkpoint.interval: "-1s" must not be negative ({file}, line 2)',
        f"batch.max_record: {unknown} batch.max_records? (command line)",
        f'horizon: "soon" {duration} (CCMON_HORIZON)',
        f"{queue}.service_level.target: 80 {ratio} ({file}, line 7)",
        f"{queue}.threshold: {unknown} {deeper}? ({file}, line 6)",
        f"clok: {unknown} clock? ({file}, line 3)",
    ]


def test_the_message_counts_the_problems(write: Writer) -> None:
    """The error's text is the whole message."""
    file = write("app: ''\nhorizon: x\n")

    with pytest.raises(ConfigurationError, match=r"has 2 problems:\n  app: .*\n  hor"):
        load(file, (), {})


def test_a_single_value_for_a_section_is_told_even_when_it_is_overridden(
    write: Writer,
) -> None:
    """The file is wrong, whatever a stronger source says below the section."""
    file = write("checkpoint: 5\n")

    (problem,) = problems(file, "checkpoint.interval=2s")

    assert problem == (
        f"checkpoint: 5 must be a section with interval, max_rows ({file}, line 1)"
    )


def test_a_section_may_be_left_empty(write: Writer) -> None:
    """All of its keys are commented out."""
    file = write("checkpoint:\n  # interval: 2s\nqueues:\n  support:\n")

    settings = load(file, (), {})

    assert settings.checkpoint == Settings().checkpoint
    assert list(settings.queues) == ["support"]


@pytest.mark.parametrize(
    "name, reason",
    [("missing.yaml", "no such file"), ("", "is a directory"), ("bin", "UTF-8")],
)
def test_an_unreadable_file_is_a_problem(
    tmp_path: Path, name: str, reason: str
) -> None:
    """It is named with the reason, and the other sources are checked all the same."""
    (tmp_path / "bin").write_bytes(b"\xff\xfe\x00")

    file_problem, other = problems(tmp_path / name, "app=")

    assert str(tmp_path / name) in file_problem
    assert reason in file_problem
    assert other.startswith("app: ")


def test_a_secret_is_in_no_problem(write: Writer) -> None:
    """Neither a refused secret nor the value of a misspelt key is shown."""
    file = write("security:\n  password: 12345678\n  passwrd: hunter2\n")

    found = problems(file, "security.pasword=hunter2")

    assert len(found) == 3
    assert "12345678" not in str(found)
    assert "hunter2" not in str(found)


def test_a_long_value_is_cut() -> None:
    """A file that was pasted into a value doesn't fill the screen."""
    (problem,) = problems(None, f"horizon={'x' * 5000}")

    assert len(problem) < 250
