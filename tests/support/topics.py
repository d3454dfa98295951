"""Deleting the product's topics between tests that share a broker."""

import asyncio
import time
from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient

PREFIX = "callcenter."


async def delete_topics(
    bootstrap: str, *, keep: Sequence[str] = (), seconds: float = 30.0
) -> None:
    """Delete all topics of the product but those to keep; return when they are gone."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        deadline = time.monotonic() + seconds
        while names := [
            name
            for name in await admin.list_topics()
            if name.startswith(PREFIX) and name not in keep
        ]:
            assert time.monotonic() < deadline, f"still there: {names}"
            await admin.delete_topics(names)
            await asyncio.sleep(0.05)
    finally:
        await admin.close()
