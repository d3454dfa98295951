"""The child process of the embedded broker: says its address, ends with its input.

Rule: started by path, imports nothing of the product. The mock cluster is part of
librdkafka, for its own tests; a client with `test.mock.num.brokers` starts one.
"""

import os
import sys

from confluent_kafka import Producer

ANSWER_SECONDS = 10.0


def main() -> None:
    """Run the mock cluster until standard input ends."""
    client = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    broker = next(iter(client.list_topics(timeout=ANSWER_SECONDS).brokers.values()))
    print(f"{broker.host}:{broker.port}", flush=True)  # noqa: T201, for the parent
    sys.stdin.read()
    # Nothing is worth keeping, and librdkafka's own end can take seconds.
    os._exit(0)


if __name__ == "__main__":
    main()
