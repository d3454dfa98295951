"""`ccmon dead-letters` against a real Kafka: list, show, mend and send back."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from monitor.cli.main import main
from monitor.config import Settings
from monitor.core.events import Event, Kind
from monitor.pipeline import topics
from monitor.pipeline.dead_letters_reader import REPLAYED_HEADER
from monitor.pipeline.sink import EventSink
from monitor.wire.events import encode_event
from tests.support.batches import Pair, fill
from tests.support.feeding import read_all
from tests.support.kafka import KafkaServer, free_port
from tests.support.topics import delete_topics
from tests.support.waiting import wait_until
from tests.support.workers import WorkerProcess

AT = 1_767_250_800_000
SECRET = b"+49 171 5551234"
EVIL = b'{"type": "\x1b[2J\\ \xff' + SECRET
BAD: list[Pair] = [
    (b"c1", b'{"type": "contact.queued", "at": 1767250800000, "contact": "c1"}'),
    (b"c2", EVIL),
    (b"c3", b'{"type": "contact.queued", "v": 2}'),
    (None, None),
    (b"c4", b""),
]
REASONS = ["missing_field", "not_json", "newer_version", "null_value", "not_json"]
PARTITION = 0
MENDED = encode_event(Event(AT, Kind.QUEUED, "c1", queue="support"))


@pytest.fixture(name="kafka_with_letters", scope="module")
def _kafka_with_letters(
    kafka: KafkaServer, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """A broker whose dead letters are those of `BAD`, made by a worker."""
    kafka.start()
    asyncio.run(delete_topics(kafka.bootstrap))
    asyncio.run(topics.create_missing(Settings(bootstrap=kafka.bootstrap)))
    directory = tmp_path_factory.mktemp("letters")
    settings = {"app": "letters", "clock": "event"}
    with WorkerProcess(directory, "worker", kafka.bootstrap, **settings) as worker:
        asyncio.run(fill(kafka.bootstrap, topics.CONTACTS, BAD, partitions=1))
        wait_until(
            lambda: worker.report().get("events", {}).get("read") == len(BAD), "read"
        )
        assert worker.stop() == 0
    return kafka.bootstrap


@pytest.fixture(name="ccmon")
def _ccmon(kafka_with_letters: str, capfdbinary: pytest.CaptureFixture[bytes]) -> Any:
    """Run `ccmon dead-letters …`: exit code, output, errors."""

    def run(action: str, *arguments: str) -> tuple[int, bytes, str]:
        given = ["dead-letters", action, "--bootstrap", kafka_with_letters, *arguments]
        code = main(given)
        captured = capfdbinary.readouterr()
        return code, captured.out, captured.err.decode()

    return run


def listed(ccmon: Any, *arguments: str) -> list[dict[str, Any]]:
    code, out, _ = ccmon("list", "--output", "json", *arguments)
    assert code == 0
    rows: list[dict[str, Any]] = json.loads(out)
    return rows


def test_the_list_names_what_is_wrong_and_shows_no_content(ccmon: Any) -> None:
    """Reason, place, source and size of each; content may be personal data."""
    rows = listed(ccmon)
    code, out, err = ccmon("list")

    assert sorted(row["reason"] for row in rows) == sorted(REASONS)
    assert [row["source"] for row in rows] == [
        f"{topics.CONTACTS}:{PARTITION}:{offset}" for offset in range(len(BAD))
    ]
    assert [row["size"] for row in rows] == [len(value or b"") for _, value in BAD]
    assert rows[0]["detail"] == "queue: missing"
    assert code == 0
    assert b"missing_field" in out
    assert SECRET not in out
    assert SECRET.decode() not in json.dumps(rows)
    assert "5 of 5 dead letters" in err


def test_the_list_can_be_narrowed(ccmon: Any) -> None:
    """By reason, by when they came, and to the newest."""
    everything = listed(ccmon)

    assert len(listed(ccmon, "--reason", "not_json")) == 2
    assert listed(ccmon, "--limit", "1") == everything[-1:]
    assert listed(ccmon, "--since", "2020-01-01T00:00:00Z") == everything
    assert listed(ccmon, "--since", "2999-01-01T00:00:00Z") == []


def test_a_letter_is_shown_without_steering_the_terminal(ccmon: Any) -> None:
    """Escapes are spelt out, and every byte can be told."""
    [row] = [row for row in listed(ccmon) if row["source"].endswith(":1")]
    code, out, _ = ccmon("show", row["place"])

    assert code == 0
    assert b"key: c2\n" in out
    assert rb'value: {"type": "\x1b[2J\\ \xff+49 171 5551234' in out
    assert b"\x1b" not in out
    assert b"reason: not_json\n" in out


def test_a_letter_is_given_byte_for_byte(ccmon: Any) -> None:
    """For other programs; nothing is added."""
    values = [ccmon("show", row["place"], "--raw")[1] for row in listed(ccmon)]

    assert values == [value or b"" for _, value in BAD]


def test_a_null_and_an_empty_value_are_told_apart(ccmon: Any) -> None:
    """A tombstone is something else than no bytes."""
    shown = [ccmon("show", row["place"])[1] for row in listed(ccmon)[3:]]

    assert b"key: null\nvalue: null\n" in shown[0]
    assert b"key: c4\nvalue: (empty)\n" in shown[1]


def test_a_mended_record_goes_back_to_its_partition_and_counts(
    ccmon: Any, kafka_with_letters: str, tmp_path: Path
) -> None:
    """With its own key; sent twice it counts once."""
    [row] = [row for row in listed(ccmon) if row["reason"] == "missing_field"]
    mended = tmp_path / "mended.json"
    mended.write_bytes(MENDED)
    sent = [ccmon("replay", row["place"], "--file", str(mended)) for _ in range(2)]

    assert [code for code, _, _ in sent] == [0, 0]
    assert b"1 of 1 records sent" in sent[0][1]
    assert "counts them as late" in sent[0][2]
    records = asyncio.run(read_all(kafka_with_letters, topics.CONTACTS))
    back = [record for record in records if record.headers]
    assert [(record.partition, record.key, record.value) for record in back] == [
        (PARTITION, b"c1", MENDED)
    ] * 2
    assert dict(back[0].headers)[REPLAYED_HEADER] == row["place"].encode()
    settings = {"app": "letters", "clock": "event"}
    with WorkerProcess(tmp_path, "next", kafka_with_letters, **settings) as worker:
        wait_until(
            lambda: worker.report().get("events", {}).get("read") == len(BAD) + 2,
            "both are read",
        )
        report = worker.report()

        assert report["queues"]["support"]["waiting"] == 1
        assert report["events"]["duplicate"] == 1
        assert worker.stop() == 0


def test_what_still_cannot_be_read_is_not_sent(
    ccmon: Any, kafka_with_letters: str
) -> None:
    """It says why, and exits with 1."""
    before = len(asyncio.run(read_all(kafka_with_letters, topics.CONTACTS)))
    code, out, err = ccmon("replay", "--reason", "newer_version")

    assert code == 1
    assert b"0 of 1 records sent" in out
    assert "newer_version: v: 2 is newer than 1" in err
    assert len(asyncio.run(read_all(kafka_with_letters, topics.CONTACTS))) == before


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["show", "0:999999"], "there is no dead letter 0:999999"),
        (["show", "77:0"], "there is no dead letter 77:0"),
        (["show", "first"], "'first' is no PARTITION:OFFSET"),
        (["replay"], "say which"),
        (["replay", "0:0", "--reason", "x"], "say which"),
        (["replay", "0:0", "0:1", "--file", "-"], "--file mends one record"),
        (["replay", "0:0", "--file", "nowhere.json"], "nowhere.json: can't be read"),
        (["list", "--since", "soon"], "'soon' is no instant"),
    ],
)
def test_a_wrong_call_is_the_users_mistake(
    arguments: list[str], message: str, ccmon: Any
) -> None:
    """Exit code 2, one message, no traceback."""
    code, _, err = ccmon(*arguments)

    assert code == 2
    assert message in err
    assert "Traceback" not in err


def test_lines_of_a_source_can_be_mended_as_well(
    ccmon: Any, kafka_with_letters: str, tmp_path: Path
) -> None:
    """`ccmon ingest` had no topic to name: the mended event goes where it belongs."""

    async def ingest() -> None:
        sink = EventSink(Settings(bootstrap=kafka_with_letters))
        await sink.start()
        await sink.dead_letter(
            b"garbage", reason="bad_line", detail="?", source="pbx", line=7
        )
        await sink.flush()
        await sink.stop()

    asyncio.run(ingest())
    [row] = listed(ccmon, "--reason", "bad_line")
    mended = tmp_path / "mended.json"
    mended.write_bytes(encode_event(Event(AT, Kind.QUEUED, "c9", queue="support")))
    code, _, err = ccmon("replay", row["place"])

    assert row["source"] == "pbx:7"
    assert code == 1
    assert "not_json" in err
    assert ccmon("replay", row["place"], "--file", str(mended))[0] == 0
    records = asyncio.run(read_all(kafka_with_letters, topics.CONTACTS))
    assert [record.key for record in records].count(b"c9") == 1


@pytest.mark.parametrize("action", [["list"], ["show", "0:0"], ["replay", "0:0"]])
def test_without_a_broker_it_says_whom_it_tried(
    action: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3."""
    nobody = f"127.0.0.1:{free_port()}"

    assert main(["dead-letters", *action, "--bootstrap", nobody]) == 3
    assert nobody in capsys.readouterr().err


def test_without_the_topic_it_says_how_to_make_it(
    fresh_kafka: KafkaServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2."""
    given = ["dead-letters", "list", "--bootstrap", fresh_kafka.bootstrap]

    assert main(given) == 2
    assert "ccmon topics create" in capsys.readouterr().err
