"""A queue's numbers as JSON, for `callcenter.queue-metrics` and the API.

Rule: the names and their order are `core.report`'s; this only writes them down.
"""

from collections.abc import Sequence

import orjson

from monitor.core.report import instant, queue_report
from monitor.core.view import QueueView


def encode_queue(views: Sequence[QueueView], now: int) -> bytes:
    """One queue (the views of its channels) at `now`, with its name and the instant."""
    first = views[0]
    numbers = queue_report(views, now)
    return orjson.dumps({"queue": first.queue, "now": instant(now)} | numbers)


def encode_json(value: object) -> bytes:
    """Any report as one line of JSON; key order is kept."""
    return orjson.dumps(value)


def encode_pretty(value: object) -> bytes:
    """Any report as JSON for people: indented, key order kept, newline at the end."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
