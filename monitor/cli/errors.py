"""How a command ends when it doesn't end well.

Rule: the exception says whose matter it is, `main` prints its message and exits:

    CommandError
    +-- CheckFailed   1: what was checked isn't as it should be
    +-- UserMistake   2: what was asked for can't be done
    +-- Unreachable   3: something that is needed doesn't answer

Messages are one paragraph for a person: what is wrong, with the value, and what to do.
"""

from typing import ClassVar

EXIT_CHECK_FAILED = 1
EXIT_USER_MISTAKE = 2
EXIT_UNREACHABLE = 3
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141


class CommandError(Exception):
    """A command's end; use one of the leaves."""

    exit_code: ClassVar[int]


class CheckFailed(CommandError):  # noqa: N818, its name is what happened
    """The check that the command makes failed."""

    exit_code = EXIT_CHECK_FAILED


class UserMistake(CommandError):  # noqa: N818, its name is what happened
    """The user asked for what can't be done: a wrong value, a missing file."""

    exit_code = EXIT_USER_MISTAKE


class Unreachable(CommandError):  # noqa: N818, its name is what happened
    """A dependency, such as the broker, can't be reached; says what was tried."""

    exit_code = EXIT_UNREACHABLE
