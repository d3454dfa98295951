"""The web server: page, API, health and metrics of one worker.

Rule: it reads the board and owns nothing. It listens on loopback unless told otherwise;
there is no access control, so whoever reaches the port reads everything.
"""

import errno
import functools
import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable
from importlib import resources

from aiohttp import web

from monitor.core.rules import TODAY
from monitor.core.snapshot import Snapshot
from monitor.core.view import Board
from monitor.web.api import agents_json, encode, health_json, queues_json
from monitor.web.shared import SharedAnswers

log = logging.getLogger(__name__)

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
JSON_TYPE = "application/json; charset=utf-8"
TEXT_TYPE = "text/plain; charset=utf-8"
ASSETS = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    **{
        f"/{name}.js": (f"{name}.js", "text/javascript; charset=utf-8")
        for name in ("page", "agents", "dom", "people", "words")
    },
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Server": "callcenter-monitor",
}
STOP_SECONDS = 2.0
"""How long open requests may go on when the server stops."""

RenderMetrics = Callable[[], bytes | Awaitable[bytes]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class CannotListen(Exception):  # noqa: N818 - the name is what happened
    """The address can't be listened on; the message says why and what to do."""


class WebServer:
    """Serves one board over HTTP."""

    def __init__(
        self, board: Board, listen: str, render_metrics: RenderMetrics
    ) -> None:
        """Serve `board` at `listen` (`HOST:PORT`, port 0: a free one) once started.

        `render_metrics` gives the text for `/metrics`, at once or awaited.
        """
        self._board = board
        self._listen = listen
        self._render_metrics = render_metrics
        self._answers = SharedAnswers(board)
        self._runner: web.AppRunner | None = None
        self._url = ""

    @property
    def url(self) -> str:
        """Where it is reached, without a slash at the end; empty before `start`."""
        return self._url

    async def start(self) -> None:
        """Listen.

        Raises:
            CannotListen: the address is wrong, in use, or not ours to use.
        """
        host, port = _split(self._listen)
        runner = web.AppRunner(
            self._app(), access_log=None, shutdown_timeout=STOP_SECONDS
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            await runner.cleanup()
            raise CannotListen(_why(self._listen, error)) from error
        self._runner = runner
        address = runner.addresses[0]
        self._url = _url(address[0], address[1])
        if not _is_loopback(address[0]):
            log.warning(
                "listen=%s access=open hint=whoever_reaches_it_reads_everything",
                self._listen,
            )

    async def stop(self) -> None:
        """Stop listening; open requests get a moment to end. May be called twice."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
            await self._answers.close()

    def _app(self) -> web.Application:
        app = web.Application()
        app.on_response_prepare.append(_add_headers)
        for path, (name, content_type) in ASSETS.items():
            app.router.add_get(path, _asset(name, content_type))
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/api/v1/queues", self._queues)
        app.router.add_get("/api/v1/agents", self._agents)
        app.router.add_get("/api/v1/health", self._health)
        return app

    async def _metrics(self, _: web.Request) -> web.Response:
        text = self._render_metrics()
        return _answer(text if isinstance(text, bytes) else await text, METRICS_TYPE)

    async def _healthz(self, _: web.Request) -> web.Response:
        return _answer(b"ok\n", TEXT_TYPE)

    async def _readyz(self, _: web.Request) -> web.Response:
        pipeline = self._board.pipeline()
        if pipeline.ready:
            return _answer(b"ready\n", TEXT_TYPE)
        return _answer(f"not ready: {pipeline.reason}\n".encode(), TEXT_TYPE, 503)

    async def _queues(self, request: web.Request) -> web.Response:
        windows = self._windows(request)
        name = "queues" if windows is None else f"queues {','.join(windows)}"
        make = functools.partial(_queues_body, windows=windows)
        return _answer(await self._answers.get(name, make), JSON_TYPE)

    def _windows(self, request: web.Request) -> list[str] | None:
        """The windows asked for by `?windows=5m,today`; None: all."""
        asked = request.query.get("windows")
        if asked is None:
            return None
        known = {name for view in self._board.queues() for name in view.windows}
        windows = sorted(set(asked.split(",")))
        unknown = [name for name in windows if name not in known | {TODAY}]
        if unknown and known:
            text = f"unknown window; known: {', '.join(sorted(known))}\n"
            raise web.HTTPBadRequest(text=text)
        return [name for name in windows if name not in unknown]

    async def _agents(self, _: web.Request) -> web.Response:
        body = await self._answers.get("agents", _agents_body, persons=True)
        return _answer(body, JSON_TYPE)

    async def _health(self, _: web.Request) -> web.Response:
        return _answer(encode(health_json(self._board)), JSON_TYPE)


def _queues_body(board: Board, windows: list[str] | None) -> bytes:
    return encode(queues_json(board, windows))


def _agents_body(snapshot: Snapshot) -> bytes:
    return encode(agents_json(snapshot, snapshot.agents))


def _asset(name: str, content_type: str) -> Handler:
    body = resources.files("monitor.web").joinpath("assets", name).read_bytes()

    async def handler(_: web.Request) -> web.Response:
        return _answer(body, content_type)

    return handler


def _answer(body: bytes, content_type: str, status: int = 200) -> web.Response:
    response = web.Response(
        body=body,
        status=status,
        headers={"Content-Type": content_type},
        zlib_executor_size=4096,
    )
    response.enable_compression()
    return response


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def _split(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not host or not port.isascii() or not port.isdigit():
        raise CannotListen(
            f"cannot listen on {listen!r}: must be HOST:PORT, for example "
            "127.0.0.1:8090"
        )
    return host.removeprefix("[").removesuffix("]"), int(port)


def _why(listen: str, error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        reason = "the host name isn't known"
    elif error.errno == errno.EADDRINUSE:
        reason = "another program listens there"
    elif error.errno == errno.EADDRNOTAVAIL:
        reason = "this machine doesn't have that address"
    elif error.errno == errno.EACCES:
        reason = "this user may not use that port"
    else:
        reason = error.strerror or str(error)
    return (
        f"cannot listen on {listen}: {reason}; choose another with --listen HOST:PORT "
        "(port 0 picks a free one)"
    )


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback


def _url(host: str, port: int) -> str:
    """The address as a browser on this machine opens it."""
    if ipaddress.ip_address(host.partition("%")[0]).is_unspecified:
        host = "::1" if ":" in host else "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
