"""Log lines of a running program: one event per line, `key=value`, on stderr.

Rule: our own messages are written as `key=value` already; those of libraries, which
aren't, become one quoted value.
"""

import json
import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

OURS = "monitor"
QUIET = ("aiokafka", "faust", "mode", "asyncio", "aiohttp", "kafka")
"""Libraries whose chatter below a warning helps nobody."""


REPEAT_SECONDS = 10.0
"""How often a library may say the same: while a broker is down, aiokafka says it
hundreds of times a second."""


class RepeatFilter(logging.Filter):
    """Lets a library say the same once in `REPEAT_SECONDS`, whatever its values."""

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        """Measure time by `steady` seconds."""
        super().__init__()
        self._steady = steady
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write it; it tells how many of its kind were left out."""
        if record.name.partition(".")[0] == OURS:
            return True
        kind = (record.name, str(record.msg))
        now = self._steady()
        said_at, left_out = self._said.get(kind, (-REPEAT_SECONDS, 0))
        if now - said_at < REPEAT_SECONDS:
            self._said[kind] = (said_at, left_out + 1)
            return False
        self._said[kind] = (now, 0)
        if left_out:
            record.msg, record.args = f"{record.getMessage()} ({left_out} like it)", ()
        return True


class KeyValueFormatter(logging.Formatter):
    """`time=… level=… source=… key=value …`."""

    default_msec_format = "%s.%03d"

    def format(self, record: logging.LogRecord) -> str:
        """Make the line, and below it the traceback if there is one."""
        message = record.getMessage()
        if record.name.partition(".")[0] != OURS:
            message = f"message={json.dumps(message, ensure_ascii=False)}"
        source = record.name.removeprefix(f"{OURS}.")
        line = (
            f"time={self.formatTime(record)} level={record.levelname.lower()} "
            f"source={source} {message}"
        )
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line

    def formatTime(  # noqa: N802, the name is logging's
        self, record: logging.LogRecord, datefmt: str | None = None
    ) -> str:
        """RFC 3339 in UTC, without a blank."""
        del datefmt
        moment = datetime.fromtimestamp(record.created, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def set_up_logs() -> None:
    """Write the logs of this process to stderr; once, at the start of a command."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(KeyValueFormatter())
    handler.addFilter(RepeatFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
