"""The web edge: what each address answers, and how the server starts and ends."""

import asyncio
import errno
import json
import logging
import re
import socket
from collections.abc import AsyncIterator
from html.parser import HTMLParser

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from monitor.core.people.report import add_groups
from monitor.core.report import queue_report
from monitor.core.view import PipelineView
from monitor.web.server import ASSETS, CannotListen, WebServer
from tests.unit.fake_board import NOW, FakeBoard, calm, people, sample, support

LOOPBACK = "127.0.0.1:0"
PATHS = (
    "/",
    "/page.css",
    "/page.js",
    "/agents.js",
    "/dom.js",
    "/people.js",
    "/words.js",
    "/icon.svg",
    "/metrics",
    "/healthz",
    "/readyz",
    "/api/v1/queues",
    "/api/v1/agents",
    "/api/v1/health",
)


class Site:
    """A running server over a fake board, and a client."""

    def __init__(self, board: FakeBoard) -> None:
        self.board = board
        self.server = WebServer(board, LOOPBACK, lambda: b"callcenter_up 1\n")
        self.client = aiohttp.ClientSession()

    async def get(self, path: str, method: str = "GET") -> aiohttp.ClientResponse:
        response = await self.client.request(method, self.server.url + path)
        await response.read()
        return response

    async def json(self, path: str) -> dict[str, object]:
        response = await self.get(path)
        assert response.status == 200
        result: dict[str, object] = await response.json()
        return result


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    site = Site(sample())
    await site.server.start()
    yield site
    await site.client.close()
    await site.server.stop()


@pytest.mark.parametrize("path", PATHS)
async def test_each_address_answers_get_and_head(site: Site, path: str) -> None:
    """HEAD gives the status and headers of GET, without the body."""
    get = await site.get(path)
    head = await site.get(path, method="HEAD")

    assert (get.status, head.status) == (200, 200)
    assert get.headers["Content-Type"] == head.headers["Content-Type"]
    assert await get.read()
    assert await head.read() == b""


@pytest.mark.parametrize("path", [*PATHS, "/nothing"])
async def test_each_answer_is_strict_about_what_browsers_may_do(
    site: Site, path: str
) -> None:
    """No inline script, no other host, no frame, no guessing of types, no cache."""
    headers = (await site.get(path)).headers

    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "aiohttp" not in headers["Server"]


async def test_what_does_not_exist_is_not_found(site: Site) -> None:
    """Neither unknown addresses nor files of the package are served."""
    assert (await site.get("/nothing")).status == 404
    assert (await site.get("/assets/page.js")).status == 404
    assert (await site.get("/../server.py")).status == 404


async def test_nothing_can_be_written(site: Site) -> None:
    """The web edge only reads."""
    assert (await site.get("/api/v1/queues", method="POST")).status == 405


async def test_metrics_are_the_rendered_text(site: Site) -> None:
    """The text comes from the caller, with the type that Prometheus asks for."""
    response = await site.get("/metrics")

    assert await response.read() == b"callcenter_up 1\n"
    expected = "text/plain; version=0.0.4; charset=utf-8"
    assert response.headers["Content-Type"] == expected


async def test_metrics_may_be_awaited() -> None:
    """A renderer that works beside the event loop is awaited."""

    async def render() -> bytes:
        await asyncio.sleep(0)
        return b"later 1\n"

    server = WebServer(FakeBoard(), LOOPBACK, render)
    await server.start()
    async with (
        aiohttp.ClientSession() as client,
        client.get(f"{server.url}/metrics") as response,
    ):
        assert await response.read() == b"later 1\n"
    await server.stop()


async def test_readiness_follows_the_pipeline_and_says_why_not(site: Site) -> None:
    """503 with the reason until ready; health and metrics are there all the time."""
    site.board.pipe = PipelineView(reason="not heard from source partitions 3")
    not_ready = await site.get("/readyz")

    assert not_ready.status == 503
    assert await not_ready.text() == ("not ready: not heard from source partitions 3\n")
    assert (await site.get("/healthz")).status == 200
    assert (await site.get("/metrics")).status == 200

    site.board.pipe = PipelineView(ready=True, reason="")

    assert (await site.get("/readyz")).status == 200


async def test_the_api_gives_the_report_of_each_queue(site: Site) -> None:
    """The names are those of the report; live additions stand beside them."""
    body = await site.json("/api/v1/queues")
    queues = body["queues"]
    assert isinstance(queues, dict)
    queue = dict(queues["support"])

    alone = {"queues": {"support": queue_report([support()], NOW)}}
    alone["total"] = queue_report([support()], NOW)
    add_groups(alone, {"support": people("support")})
    expected = json.loads(json.dumps(alone["queues"]["support"]))
    assert queue.pop("agents_in_hand") == 4
    assert queue.pop("oldest_waiting") == "2026-11-20T09:04:25.500Z"
    assert queue == expected
    assert body["now"] == "2026-11-20T09:05:00.000Z"
    assert body["last_event"] == "2026-11-20T09:04:59.750Z"
    assert body["ready"] is True
    assert body["stale_queues"] == [{"queue": "lost", "channel": "voice"}]


async def test_the_api_gives_people(site: Site) -> None:
    """Everybody with the queues; each person on their own page."""
    body = await site.json("/api/v1/queues")
    told = await site.json("/api/v1/agents")
    everybody, agents = body["people"], told["agents"]
    assert isinstance(everybody, dict)
    assert isinstance(agents, dict)

    assert told["people"] == everybody
    assert everybody["states"] == people("").states
    assert agents["ann"]["state"] == "talking"


async def test_people_who_are_not_known_here_are_not_made_up(site: Site) -> None:
    """Another worker owns them, or not all were heard: null, never zero."""
    site.board.people = []
    body = await site.json("/api/v1/queues")
    queues = body["queues"]
    assert isinstance(queues, dict)

    assert body["people"] is None
    assert queues["support"]["agents"] is None
    assert queues["support"]["windows"]["5m"]["occupancy_ratio"] is None


async def test_the_api_shows_each_channel_of_a_queue(site: Site) -> None:
    """Channels have their own thresholds, so they are shown apart as well."""
    site.board.views = [calm("support", "chat"), support()]

    body = await site.json("/api/v1/queues")

    queues = body["queues"]
    assert isinstance(queues, dict)
    support_queue = queues["support"]
    assert support_queue["channels"] == ["chat", "voice"]
    assert list(support_queue["by_channel"]) == ["chat", "voice"]
    chat = support_queue["by_channel"]["chat"]
    assert chat["service_level"]["threshold_seconds"] == 60
    assert support_queue["by_channel"]["voice"]["waiting"] == 2


async def test_the_api_gives_only_the_windows_asked_for(site: Site) -> None:
    """`windows` shortens the answer; a name that isn't known is the user's mistake."""
    body = await site.json("/api/v1/queues?windows=today")
    queues = body["queues"]
    assert isinstance(queues, dict)
    wrong = await site.get("/api/v1/queues?windows=7m")

    assert list(queues["support"]["windows"]) == ["today"]
    assert wrong.status == 400
    assert await wrong.text() == "unknown window; known: 5m, today\n"


async def test_many_pages_share_one_answer() -> None:
    """Answers to askers of one moment are made once."""
    board = CountingBoard()
    site = Site(board)
    await site.server.start()
    await asyncio.gather(*(site.json("/api/v1/queues") for _ in range(20)))
    await site.client.close()
    await site.server.stop()

    assert board.read < 10


class CountingBoard(FakeBoard):
    read = 0

    def stale_queues(self) -> list[tuple[str, str]]:
        self.read += 1
        return super().stale_queues()


async def test_health_tells_of_each_source_partition(site: Site) -> None:
    """Events by what became of them, lags in seconds and records."""
    body = await site.json("/api/v1/health")

    partitions = body["partitions"]
    assert isinstance(partitions, dict)
    assert list(partitions) == ["0", "10"]
    assert partitions["0"]["events"]["dead_letters"] == 3
    assert partitions["0"]["event_lag_seconds"] == 1.5
    assert partitions["0"]["consumer_lag_records"] == 7
    assert partitions["10"]["last_event"] == {"pbx:b": "2026-11-20T09:04:59.750Z"}


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


async def test_the_page_needs_nothing_from_elsewhere(site: Site) -> None:
    """No inline script or style, and only addresses of this server that exist."""
    tags = Tags(await (await site.get("/")).text()).tags
    links = [
        link
        for _, attributes in tags
        for name in ("href", "src")
        if (link := attributes.get(name)) is not None
    ]

    assert {"page.css", "page.js", "icon.svg", "metrics"} <= set(links)
    for link in links:
        assert (await site.get(f"/{link}")).status == 200
    assert [attributes for tag, attributes in tags if tag == "style"] == []
    assert all("src" in a for tag, a in tags if tag == "script")
    assert not any(re.match("style|on", name) for _, a in tags for name in a)


async def test_the_page_is_tables_with_named_columns(site: Site) -> None:
    """Captions, a header for each column, and a cover until numbers arrive."""
    tags = Tags(await (await site.get("/")).text()).tags
    names = [tag for tag, _ in tags]
    heads = [attributes for tag, attributes in tags if tag == "th"]
    [cover] = [attributes for _, attributes in tags if attributes.get("id") == "cover"]

    for tag in ("table", "caption", "thead", "tbody"):
        assert names.count(tag) == 2  # of queues, and of agents
    assert len(heads) == 14 + 7
    assert all(attributes["scope"] == "col" for attributes in heads)
    assert "hidden" not in cover


async def test_the_script_uses_no_other_host_and_writes_no_markup(site: Site) -> None:
    """Queue names come from outside: they are set as text, never as HTML."""
    scripts = [path for path in PATHS if path.endswith(".js")]
    assert sorted(scripts) == sorted(path for path in ASSETS if path.endswith(".js"))
    for path in scripts:
        script = await (await site.get(path)).text()

        assert "innerHTML" not in script
        assert "insertAdjacentHTML" not in script
        assert "://" not in script


async def test_a_port_of_0_picks_a_free_one() -> None:
    """The URL has the port that was picked; it is empty before the start."""
    server = WebServer(FakeBoard(), LOOPBACK, lambda: b"")
    before = server.url
    await server.start()
    url = server.url
    await server.stop()

    assert before == ""
    assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d{3,4}", url)


async def test_an_address_in_use_is_a_clear_error() -> None:
    """It says which address, why and what to do, and leaves nothing open."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        server = WebServer(FakeBoard(), listen, lambda: b"")

        with pytest.raises(CannotListen) as caught:
            await server.start()

    assert listen in str(caught.value)
    assert "another program listens there" in str(caught.value)
    assert "--listen" in str(caught.value)
    await server.stop()


@pytest.mark.parametrize(
    "listen,why",
    [
        ("8090", "must be HOST:PORT"),
        ("127.0.0.1:http", "must be HOST:PORT"),
        ("192.0.2.1:8090", "doesn't have that address"),
    ],
)
async def test_a_wrong_address_is_a_clear_error(listen: str, why: str) -> None:
    """What can't be listened on is refused with its reason."""
    with pytest.raises(CannotListen, match=why):
        await WebServer(FakeBoard(), listen, lambda: b"").start()


@pytest.mark.parametrize(
    "error,why",
    [
        (socket.gaierror(-2, "Name or service not known"), "host name isn't known"),
        (PermissionError(errno.EACCES, "Permission denied"), "may not use that port"),
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files"),
    ],
)
async def test_each_reason_of_the_system_is_translated(
    monkeypatch: pytest.MonkeyPatch, error: OSError, why: str
) -> None:
    """What the system says is put into words for the person who started it."""

    async def refuse(_: web.TCPSite) -> None:
        raise error

    monkeypatch.setattr(web.TCPSite, "start", refuse)

    with pytest.raises(CannotListen, match=why):
        await WebServer(FakeBoard(), LOOPBACK, lambda: b"").start()


async def test_listening_for_everybody_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Beyond loopback anybody may read: the log says so, the URL is usable here."""
    server = WebServer(FakeBoard(), "0.0.0.0:0", lambda: b"")
    with caplog.at_level(logging.WARNING, "monitor.web.server"):
        await server.start()
    await server.stop()

    assert "access=open" in caplog.text
    assert server.url.startswith("http://127.0.0.1:")


async def test_loopback_is_no_reason_for_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The default listens on loopback only, silently."""
    server = WebServer(FakeBoard(), LOOPBACK, lambda: b"")
    with caplog.at_level(logging.WARNING, "monitor.web.server"):
        await server.start()
    await server.stop()

    assert caplog.text == ""


async def test_a_stopped_server_answers_no_more_and_stops_again() -> None:
    """Stopping twice does nothing the second time."""
    site = Site(sample())
    await site.server.start()
    await site.server.stop()
    await site.server.stop()

    with pytest.raises(aiohttp.ClientConnectionError):
        await site.get("/healthz")
    await site.client.close()
