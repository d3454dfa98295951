"""The program: its commands, and how each end becomes an exit code."""

import subprocess
import sys
from collections.abc import Callable
from importlib import import_module

import click
import pytest

from monitor import __version__
from monitor.cli import main as program
from monitor.cli.errors import CheckFailed, CommandError, Unreachable, UserMistake
from monitor.cli.options import common_options, serving_options
from monitor.config import Settings, load


@pytest.fixture(name="run_command")
def _run_command(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[Callable[[], None]], int]:
    """Run a function as the command `ccmon try`, and give the exit code."""

    def run(body: Callable[[], None]) -> int:
        monkeypatch.setitem(program.group.commands, "try", click.command("try")(body))
        monkeypatch.setattr(program.LazyGroup, "get_command", click.Group.get_command)
        return program.main(["try"])

    return run


def available() -> list[str]:
    return program.group.list_commands(click.Context(program.group))


@pytest.mark.parametrize(
    "error, code",
    [(CheckFailed("drift"), 1), (UserMistake("no file"), 2), (Unreachable("gone"), 3)],
    ids=["check", "mistake", "unreachable"],
)
def test_a_commands_error_is_its_exit_code_and_one_message(
    error: CommandError,
    code: int,
    run_command: Callable[[Callable[[], None]], int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The message is on stderr, without a traceback."""

    def fail() -> None:
        raise error

    assert run_command(fail) == code
    assert capsys.readouterr().err == f"ccmon: {error}\n"


def test_a_configuration_error_is_the_users_mistake(
    run_command: Callable[[Callable[[], None]], int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Also when a command finds it later."""

    def fail() -> None:
        load(None, ["horizon=soon"], {})

    assert run_command(fail) == 2
    assert "horizon" in capsys.readouterr().err


def test_an_interrupt_is_quiet(
    run_command: Callable[[Callable[[], None]], int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Ctrl-C is no error."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    assert run_command(interrupt) == 130
    assert capsys.readouterr().err == ""


def test_a_command_may_choose_its_exit_code(
    run_command: Callable[[Callable[[], None]], int],
) -> None:
    """`click`'s own way to exit works."""

    def leave() -> None:
        click.get_current_context().exit(7)

    assert run_command(leave) == 7


def test_a_bug_keeps_its_traceback(
    run_command: Callable[[Callable[[], None]], int],
) -> None:
    """What is nobody's mistake but ours must be seen whole."""

    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_command(fail)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["nonsense"], "No such command 'nonsense'. Try 'ccmon --help'."),
        (["--nonsense"], "No such option"),
        (["config", "check"], "Missing argument 'FILE'. Try 'ccmon config check"),
        (["config", "--bootstrap"], "requires an argument"),
        (["config", "--set", "x"], "'x' is not KEY=VALUE"),
    ],
)
def test_a_wrong_call_is_exit_code_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a message that says how to go on."""
    assert program.main(arguments) == 2
    assert message in capsys.readouterr().err


def test_without_a_command_the_help_is_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On stderr, because nothing was done."""
    assert program.main([]) == 2
    assert "Commands:" in capsys.readouterr().err


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """One place says it."""
    assert program.main(["--version"]) == 0
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize("name", available())
def test_every_command_is_there_and_ends_its_help_with_an_example(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The module has `command`, and a user sees how it is called."""
    module = import_module(f"monitor.cli.{name.replace('-', '_')}")
    assert isinstance(module.command, click.Command)
    assert program.main([name, "--help"]) == 0
    *_, last = [line for line in capsys.readouterr().out.splitlines() if line]
    assert last.strip().startswith(f"ccmon {name}")


def test_the_help_imports_no_command() -> None:
    """So that it is quick and needs no Kafka."""
    code = (
        "import sys; from monitor.cli.main import main; main(['--help']); "
        "sys.exit(any(name in sys.modules for name in ('faust', 'aiokafka', 'rich')))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, timeout=60
    )

    assert done.returncode == 0, done.stderr.decode()


def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command whose package isn't installed says which."""

    def fail(name: str) -> None:
        raise ModuleNotFoundError("No module named 'x'", name="confluent_kafka.y")

    monkeypatch.setattr(program, "import_module", fail)

    assert program.main(["config"]) == 2
    assert "confluent_kafka" in capsys.readouterr().err


def test_a_closed_pipe_is_quiet() -> None:
    """`ccmon config reference | head -1` shows no traceback."""
    process = subprocess.Popen(
        [sys.executable, "-m", "monitor", "config", "reference"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()

    error = process.stderr.read()
    code = process.wait(timeout=60)
    process.stderr.close()

    assert (code, error) == (141, b"")


def test_a_serving_command_gets_its_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`--listen` is there for those that serve, and each option is a setting."""
    monkeypatch.setenv("CCMON_HORIZON", "5m")
    seen: list[tuple[Settings, str]] = []

    @click.command()
    @click.argument("word")
    @serving_options
    @common_options
    def serve(settings: Settings, word: str) -> None:
        seen.append((settings, word))

    serve.main(
        ["hello", "--listen", "[::]:0", "--bootstrap", "k:1", "--app", "x"],
        standalone_mode=False,
    )

    ((settings, word),) = seen
    assert word == "hello"
    assert settings.listen == "[::]:0"
    assert settings.bootstrap == "k:1"
    assert settings.app == "x"
    assert settings.horizon == 300_000


def test_a_command_that_does_not_serve_has_no_listen() -> None:
    """An option that would do nothing isn't taken."""

    @click.command()
    @common_options
    def read_only(settings: Settings) -> None: ...

    with pytest.raises(click.NoSuchOption):
        read_only.main(["--listen", "x:1"], standalone_mode=False)
