"""Makes the recorded data: the anonymized January and the day that is shipped.

    python tests/data/make.py january ORIGINAL   january1999.txt -> january1999.tsv.gz
    python tests/data/make.py day                that -> monitor/embedded/data/

Rule: the same input gives the same bytes. Agents' names and customers' ids become
numbers in the order of their first appearance; everything else stays as it was.
"""

import argparse
import gzip
import io
from collections.abc import Callable, Iterable
from pathlib import Path

from monitor.sources import anonymous_bank
from monitor.sources.recording import Recording
from monitor.wire.events import encode_event

HERE = Path(__file__).parent
JANUARY = HERE / "january1999.tsv.gz"
DAY = HERE.parents[1] / "monitor" / "embedded" / "data" / "day.jsonl.gz"
DAY_DATE = "990103"
"""The busiest day of the month: 2,053 calls offered, 173 of them abandoned."""


def anonymized(lines: Iterable[bytes]) -> Iterable[bytes]:
    """The rows with numbers for agents and customers; the heading as it is."""
    agents: dict[str, str] = {"NO_SERVER": "NO_SERVER"}
    customers: dict[str, str] = {"0": "0"}
    rows = iter(lines)
    yield next(rows)
    for line in rows:
        row = dict(
            zip(
                anonymous_bank.COLUMNS,
                line.decode("ascii").rstrip("\r\n").split("\t"),
                strict=True,
            )
        )
        for names, column in ((agents, "server"), (customers, "customer_id")):
            row[column] = names.setdefault(row[column], str(len(names)))
        yield "\t".join(row.values()).encode() + b"\r\n"


def day_of(january: Path, date: str) -> Iterable[bytes]:
    """One day's calls as canonical events, a line each, in order of time."""
    recording = Recording(january, anonymous_bank.KIND)
    for event in recording:
        if event.contact.endswith(f"-{date}"):
            yield encode_event(event) + b"\n"


def packed(lines: Iterable[bytes]) -> bytes:
    """The lines as gzip without the time of packing, so that it can be repeated."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, filename="") as stream:
        stream.writelines(lines)
    return buffer.getvalue()


def main() -> None:
    """Make what the command line names."""
    parser = argparse.ArgumentParser(description="Makes the recorded data.")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("january").add_argument("original", type=Path)
    actions.add_parser("day")
    arguments = parser.parse_args()
    make: dict[str, Callable[[], int]] = {
        "january": lambda: JANUARY.write_bytes(
            packed(anonymized(arguments.original.open("rb")))
        ),
        "day": lambda: DAY.write_bytes(packed(day_of(JANUARY, DAY_DATE))),
    }
    make[arguments.action]()


if __name__ == "__main__":
    main()
