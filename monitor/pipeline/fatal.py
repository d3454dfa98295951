"""The end of a worker that can't go on without risking wrong numbers.

Rule: an error that isn't a bad record ends the process at once, before anything is
acknowledged; what the last checkpoints hold is the truth, and the next owner starts
from it. Going on would acknowledge what was never counted.
"""

import logging
import os
import sys
from typing import NoReturn

from monitor.wire.errors import UnknownStateVersion

log = logging.getLogger(__name__)

EXIT_UNREACHABLE = 3
"""Asked to stop while no broker answers; nothing is lost."""
EXIT_FENCED = 4
"""Another worker took a partition over while this one was believed dead."""
EXIT_NEWER_STATE = 5
"""The durable state was written by a newer release; nothing was written."""
EXIT_INTERNAL = 70
"""A bug, or a dependency that broke a promise."""


class FencedError(Exception):
    """A newer owner of a partition exists; the message says of which."""


class GapError(Exception):
    """Records were handed over that don't follow the state; a bug. Never go on."""


class LogBehindStateError(Exception):
    """The log ends before the state: it isn't the log that the state was made from."""


class NoLastCheckpointError(Exception):
    """The worker was asked to stop, and the broker doesn't take a last checkpoint."""


class ForeignStateError(Exception):
    """The durable state belongs to another app."""


TOLD_IN_A_SENTENCE = (
    FencedError,
    LogBehindStateError,
    ForeignStateError,
    NoLastCheckpointError,
    UnknownStateVersion,
)
"""Ends that an operator can understand and mend; a trace would only hide them."""


def end_process(error: BaseException, doing: str) -> NoReturn:
    """Say what happened while `doing`, and end the process without clean-up."""
    code = EXIT_INTERNAL
    if isinstance(error, FencedError):
        code = EXIT_FENCED
    elif isinstance(error, UnknownStateVersion):
        code = EXIT_NEWER_STATE
    elif isinstance(error, NoLastCheckpointError):
        code = EXIT_UNREACHABLE
    if isinstance(error, TOLD_IN_A_SENTENCE):
        log.critical("state=ending doing=%s exit=%d reason=%s", doing, code, error)
    else:
        log.critical(
            "state=ending doing=%s exit=%d reason=%r",
            doing,
            code,
            error,
            exc_info=error,
        )
    for handler in logging.getLogger().handlers:
        handler.flush()
    sys.stderr.flush()
    os._exit(code)
