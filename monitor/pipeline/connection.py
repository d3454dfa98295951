"""Settings of the broker as the arguments that aiokafka's and Faust's clients want.

Rule: every client of the program gets its address and its secrets here, so that TLS and
SASL work for all of them or for none.
"""

import asyncio
import logging
import ssl
from typing import Any

import faust
from aiokafka import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError, KafkaError, NodeNotReadyError
from faust.auth import Credentials

from monitor.config import ConfigurationError, Problem, Settings

log = logging.getLogger(__name__)

RETRY_SECONDS = 2.0


def client_arguments(settings: Settings) -> dict[str, Any]:
    """Arguments of any aiokafka client: servers, protocol, TLS and SASL.

    Raises:
        ConfigurationError: a certificate or key can't be read.
    """
    security = settings.security
    arguments: dict[str, Any] = {
        "bootstrap_servers": servers(settings),
        "security_protocol": security.protocol,
        "ssl_context": tls_context(settings),
    }
    if security.protocol.startswith("SASL"):
        arguments["sasl_mechanism"] = security.sasl_mechanism
        arguments["sasl_plain_username"] = security.username
        arguments["sasl_plain_password"] = _password(settings)
    return arguments


def faust_arguments(settings: Settings) -> dict[str, Any]:
    """`broker` and `broker_credentials` of a Faust app.

    Raises:
        ConfigurationError: a certificate or key can't be read.
    """
    context = tls_context(settings)
    credentials: Credentials | None = None
    if settings.security.protocol.startswith("SASL"):
        credentials = faust.SASLCredentials(
            username=settings.security.username,
            password=_password(settings),
            mechanism=settings.security.sasl_mechanism,
            ssl_context=context,
        )
    elif context is not None:
        credentials = faust.SSLCredentials(context)
    urls = [f"kafka://{server}" for server in servers(settings)]
    return {"broker": urls, "broker_credentials": credentials}


def servers(settings: Settings) -> list[str]:
    """`HOST:PORT` of each bootstrap server."""
    return [server.strip() for server in settings.bootstrap.split(",")]


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """The TLS context of the settings; None: no TLS.

    Raises:
        ConfigurationError: a certificate or key can't be read.
    """
    security = settings.security
    if not security.protocol.endswith("SSL"):
        return None
    try:
        context = ssl.create_default_context(cafile=security.ca_file or None)
        if security.cert_file:
            context.load_cert_chain(security.cert_file, security.key_file or None)
    except OSError as error:
        files = (security.ca_file, security.cert_file, security.key_file)
        named = ", ".join(str(file) for file in files if file)
        raise ConfigurationError(
            [Problem("security", f"can't read {named}: {error}")]
        ) from error
    return context


def _password(settings: Settings) -> str | None:
    secret = settings.security.password
    return None if secret is None else secret.get_secret_value()


async def wait_for_broker(settings: Settings) -> None:
    """Return once a bootstrap server answers; until then try on, and say so."""
    attempt = 0
    while True:
        attempt += 1
        log.info("broker=%s state=connecting attempt=%d", settings.bootstrap, attempt)
        client = AIOKafkaClient(**client_arguments(settings))
        try:
            await client.bootstrap()
        except (KafkaError, OSError) as error:
            log.warning(
                "broker=%s state=unreachable attempt=%d retry_seconds=%g error=%s",
                settings.bootstrap,
                attempt,
                RETRY_SECONDS,
                error,
            )
        else:
            log.info("broker=%s state=reached", settings.bootstrap)
            return
        finally:
            await client.close()
        await asyncio.sleep(RETRY_SECONDS)


def look_again(client: Any) -> None:
    """Let an aiokafka client ask again for its coordinator while a broker restarts.

    aiokafka does so when a broker doesn't answer or isn't there. But a connection that
    ends while it waits for the answer ends it for good, and so does a broker that has
    just begun and knows of no broker yet, not even of itself.
    """
    look_up = client.coordinator_lookup

    async def coordinator_lookup(kind: int, key: str) -> int:
        try:
            node: int = await look_up(kind, key)
        except (KafkaConnectionError, AssertionError) as error:
            raise NodeNotReadyError(str(error)) from error
        return node

    client.coordinator_lookup = coordinator_lookup
