"""`ccmon ingest` before it reaches for Kafka: help, mistakes, the cursor's place."""

import gzip
from pathlib import Path

import pytest

from monitor.cli.ingest import default_cursor
from monitor.cli.main import main
from monitor.sources import SOURCES
from monitor.sources import cursor as cursors
from monitor.sources.tail import Tail

NOWHERE = ("--bootstrap", "127.0.0.1:1")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def test_the_list_names_every_source(capsys: pytest.CaptureFixture[str]) -> None:
    """Each has a line and is a command."""
    assert main(["ingest", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert [line.split()[0] for line in lines] == list(SOURCES)
    for name in SOURCES:
        assert main(["ingest", name, "--help"]) == 0
        assert "Example" in capsys.readouterr().out


@pytest.mark.parametrize("source", list(SOURCES))
def test_a_file_that_is_not_there_is_a_mistake(
    source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and the path, before anything is connected."""
    for path, message in (
        (tmp_path / "none", "there is no such file"),
        (tmp_path, "is a directory"),
    ):
        assert main(["ingest", source, str(path), *NOWHERE]) == 2
        told = capsys.readouterr().err
        assert message in told
        assert str(path) in told


def test_a_packed_log_can_not_be_followed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody writes into it."""
    log = tmp_path / "queue_log.1.gz"
    log.write_bytes(gzip.compress(b""))

    assert main(["ingest", "asterisk-queue-log", str(log), "--follow", *NOWHERE]) == 2
    assert "can't be followed" in capsys.readouterr().err


def test_a_damaged_cursor_is_a_mistake_with_a_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is never taken for no cursor, which would send everything again."""
    log = tmp_path / "queue_log"
    log.touch()
    cursor = tmp_path / "cursor"
    cursor.write_text("{}")
    words = ["ingest", "asterisk-queue-log", str(log), "--cursor", str(cursor)]

    assert main([*words, *NOWHERE]) == 2
    assert "remove it to begin at the log's start" in capsys.readouterr().err


def test_a_damaged_memory_of_members_is_a_mistake_with_a_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Known before anything is sent, and never taken for knowing nobody."""
    log = tmp_path / "queue_log"
    log.write_bytes(b"1600000000|NONE|q|Ann|ADDMEMBER|\n")
    tail = Tail(log)
    assert tail.read()
    cursor = tmp_path / "cursor"
    assert tail.position is not None
    cursors.save(cursor, log, tail.position, {"agents": {"Ann": 5}})
    tail.close()
    words = ["ingest", "asterisk-queue-log", str(log), "--cursor", str(cursor)]

    assert main([*words, *NOWHERE]) == 2
    told = capsys.readouterr().err
    assert "remove it to begin at the log's start" in told
    assert f"{cursor}: damaged" in told


def test_an_empty_name_is_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Events must say where they come from."""
    log = tmp_path / "queue_log"
    log.touch()

    assert (
        main(["ingest", "asterisk-queue-log", str(log), "--name", " ", *NOWHERE]) == 2
    )
    assert "--name is empty" in capsys.readouterr().err


def test_each_log_and_broker_has_a_cursor_of_its_own(
    tmp_path: Path, state: Path
) -> None:
    """Sending a log to another broker begins at its start."""
    places = [
        default_cursor(tmp_path / "a" / "queue_log", "one:9092"),
        default_cursor(tmp_path / "b" / "queue_log", "one:9092"),
        default_cursor(tmp_path / "a" / "queue_log", "two:9092"),
    ]

    assert len(set(places)) == 3
    assert {place.parent for place in places} == {state / "ccmon"}
    assert places[0] == default_cursor(tmp_path / "a" / "queue_log", "one:9092")
