"""Whole files as lines of bytes; `.gz` and `.zst` are unpacked on the way.

Rule: nothing is changed and nothing is lost: a line is handed on without its newline,
whatever its bytes are, and a last line without a newline is a line.
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast

import zstandard

from monitor.sources.source import MAX_LINE_BYTES

PACKED_SUFFIXES = (".gz", ".zst")
UNPACKING_ERRORS = (OSError, EOFError, zlib.error, zstandard.ZstdError)
"""What reading a damaged or vanished file may raise."""


class UnreadableFile(OSError):  # noqa: N818 - its name is what happened
    """A file that can't be read or unpacked. The message names file and reason."""


def unpacked(packed: BinaryIO, suffix: str) -> BinaryIO:
    """What a stream holds, given its file's suffix; raises `UnreadableFile`.

    Closing the result doesn't close the stream, unless they are the same.
    """
    if suffix == ".gz":
        return cast(BinaryIO, gzip.GzipFile(fileobj=packed, mode="rb"))
    if suffix == ".zst":
        reader = zstandard.ZstdDecompressor().stream_reader(
            packed, read_across_frames=True, closefd=False
        )
        return cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, reader)))
    return packed


def read_lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a stream without their newlines.

    A line longer than `MAX_LINE_BYTES` comes in pieces of that size.
    """
    while line := stream.readline(MAX_LINE_BYTES):
        yield line.removesuffix(b"\n")


def file_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file; iterating raises `UnreadableFile`."""
    try:
        with ExitStack() as stack:
            packed = stack.enter_context(path.open("rb"))
            stream = stack.enter_context(unpacked(packed, path.suffix))
            yield from read_lines(stream)
    except UnreadableFile as error:
        raise UnreadableFile(f"{path}: {error}") from error
    except UNPACKING_ERRORS as error:
        reason = getattr(error, "strerror", None) or error
        raise UnreadableFile(f"{path}: can't be read: {reason}") from error
