"""`ccmon topics` on a real Kafka: what it prints and how it ends."""

import pytest

from monitor.cli.main import main
from monitor.pipeline.topics import TOPICS
from tests.support.kafka import KafkaServer, free_port

NAMES = [topic.name for topic in TOPICS]


def test_the_list_names_every_topic_and_needs_no_kafka(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without an action the command shows what is needed."""
    code = main(["topics"])

    shown = capsys.readouterr().out
    assert code == 0
    assert [name for name in NAMES if name not in shown] == []


def test_created_topics_pass_the_check(
    fresh_kafka: KafkaServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """First the check fails with 1, then `create` makes them, then it passes."""
    where = ["--bootstrap", fresh_kafka.bootstrap]

    assert main(["topics", "check", *where]) == 1
    told = capsys.readouterr()
    assert told.out.count("topic is missing, wanted there") == len(NAMES)
    assert f"{len(NAMES)} of {len(NAMES)} topics differ" in told.err

    assert main(["topics", "create", *where]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines() == [f"created {name}" for name in NAMES]
    assert not told.err

    assert main(["topics", "check", *where]) == 0
    assert f"all {len(NAMES)} topics are as they should be" in capsys.readouterr().out


def test_creating_again_says_what_exists_and_what_differs(
    fresh_kafka: KafkaServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is altered; what isn't as it should be is a note."""
    where = ["--bootstrap", fresh_kafka.bootstrap]
    main(["topics", "create", *where])
    capsys.readouterr()

    code = main(["topics", "create", *where, "--set", "topics.partitions=8"])

    told = capsys.readouterr()
    assert code == 0
    assert told.out.splitlines() == [f"exists  {name}" for name in NAMES]
    assert f"note: {NAMES[0]}: partitions is 4, wanted 8" in told.err


def test_what_kafka_refuses_is_the_users_mistake(
    fresh_kafka: KafkaServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """More copies than brokers end with 2, in Kafka's words."""
    copies = ["--set", "topics.replication_factor=3"]
    code = main(["topics", "create", "--bootstrap", fresh_kafka.bootstrap, *copies])

    assert code == 2
    assert "replication" in capsys.readouterr().err


def test_an_unreachable_kafka_ends_with_three(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The message names the address that was tried."""
    address = f"127.0.0.1:{free_port()}"

    code = main(["topics", "check", "--bootstrap", address])

    assert code == 3
    assert f"Kafka at {address} can't be reached" in capsys.readouterr().err
