"""Log lines: one event a line, and no flood while a broker is down."""

import logging

from monitor.cli.logs import KeyValueFormatter, RepeatFilter


def record(name: str, message: str, *values: object) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.WARNING, "", 0, message, values, None)
    made.created = 1_767_250_800.25
    return made


def test_our_lines_are_key_value() -> None:
    """Messages of ours are written as they are, after time, level and source."""
    line = KeyValueFormatter().format(record("monitor.cli.worker", "state=%s", "up"))

    assert line == (
        "time=2026-01-01T07:00:00.250Z level=warning source=cli.worker state=up"
    )


def test_a_library_s_text_is_one_quoted_value() -> None:
    """Whoever splits lines at blanks and quotes isn't confused by prose."""
    line = KeyValueFormatter().format(record("aiokafka", 'no "node" %d\nhere', 1))

    assert line.endswith('source=aiokafka message="no \\"node\\" 1\\nhere"')


def test_a_library_says_the_same_once_in_ten_seconds() -> None:
    """What was left out is told with the next."""
    now = [0.0]
    repeats = RepeatFilter(lambda: now[0])
    said = [repeats.filter(record("aiokafka", "node %d is down", n)) for n in range(3)]
    now[0] = 10.0
    later = record("aiokafka", "node %d is down", 7)

    assert said == [True, False, False]
    assert repeats.filter(later)
    assert later.getMessage() == "node 7 is down (2 like it)"


def test_our_own_lines_are_never_left_out() -> None:
    """Each of ours means something."""
    repeats = RepeatFilter(lambda: 0.0)

    assert all(repeats.filter(record("monitor.x", "state=up")) for _ in range(3))
