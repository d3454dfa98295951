"""Waiting for a condition with a deadline: what tests do instead of sleeping."""

import asyncio
import time
from collections.abc import Awaitable, Callable

PAUSE_SECONDS = 0.05


def wait_until(
    condition: Callable[[], bool], what: str, *, seconds: float = 30.0
) -> None:
    """Return as soon as `condition()` is true; AssertionError at the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(PAUSE_SECONDS)


async def wait_until_async(
    condition: Callable[[], Awaitable[bool]], what: str, *, seconds: float = 30.0
) -> None:
    """Return as soon as `await condition()` is true; AssertionError at the deadline."""
    deadline = time.monotonic() + seconds
    while not await condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(PAUSE_SECONDS)
