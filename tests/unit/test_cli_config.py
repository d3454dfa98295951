"""`ccmon config`, as a user calls it."""

from pathlib import Path

import pytest

from monitor.cli.main import main
from monitor.config import Settings, load


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CCMON_CONFIG", raising=False)


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    file = tmp_path / "ccmon.yaml"
    file.write_text("queues:\n  support: {max_age: 1h}\n", encoding="utf-8")
    return file


def test_config_prints_the_settings_in_effect(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the source of what isn't a default."""
    code = main(["config", "--config", str(file), "--app", "x", "--set", "horizon=5m"])

    out = capsys.readouterr().out
    assert code == 0
    assert "app: x  # from command line\n" in out
    assert f"max_age: 1h  # from {file}, line 2\n" in out


def test_the_environment_may_name_the_file(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`CCMON_CONFIG` is `--config`."""
    monkeypatch.setenv("CCMON_CONFIG", str(file))

    assert main(["config"]) == 0
    assert "max_age: 1h" in capsys.readouterr().out


def test_a_short_option_is_stronger_than_set(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`--app` says more plainly what is meant."""
    assert main(["config", "--app", "a", "--set", "app=b"]) == 0
    assert "app: a  #" in capsys.readouterr().out


def test_check_sums_up_a_good_file(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 0 and one line."""
    code = main(["config", "check", str(file), "--set", "clock=event"])

    assert code == 0
    assert capsys.readouterr().out == (
        f"{file} is good: Kafka at 127.0.0.1:9092, app callcenter, clock event, "
        "windows 5m 15m 30m 1h today, 1 queue with rules of its own.\n"
    )


def test_check_shows_every_problem_of_a_bad_file(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, nothing on stdout."""
    file.write_text("horizon: soon\nclok: wall\n", encoding="utf-8")

    code = main(["config", "check", str(file)])

    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    assert captured.err.startswith("ccmon: The configuration has 2 problems:\n")
    assert "did you mean clock?" in captured.err


def test_check_alone_warns_of_unknown_variables(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are no error, and nobody wants the warning at each start."""
    monkeypatch.setenv("CCMON_CHEKPOINT__INTERVAL", "2s")

    assert main(["config", "check", str(file)]) == 0
    assert "did you mean CCMON_CHECKPOINT__INTERVAL?" in capsys.readouterr().err
    assert main(["config", "--config", str(file)]) == 0
    assert capsys.readouterr().err == ""


def test_options_before_a_subcommand_are_not_lost_silently(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The user is told where they belong."""
    assert main(["config", "--set", "clock=event", "check", str(file)]) == 2
    assert "after 'check'" in capsys.readouterr().err


def test_a_wrong_variable_does_not_hide_the_file(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are in the one message."""
    monkeypatch.setenv("CCMON_HORIZON", "soon")
    file.write_text("clok: wall\n", encoding="utf-8")

    assert main(["config", "check", str(file)]) == 2
    error = capsys.readouterr().err
    assert "CCMON_HORIZON" in error
    assert "clok" in error


def test_reference_prints_a_file_to_begin_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Loaded back it is the defaults."""
    assert main(["config", "reference"]) == 0
    file = tmp_path / "reference.yaml"
    file.write_text(capsys.readouterr().out, encoding="utf-8")

    assert load(file, (), {}) == Settings()
