"""A real browser that opens the page: the system's Chromium, driven by Playwright.

Rule: Playwright brings no browser along here; the one that is installed is used, with
everything off that would talk to anybody but the page's own server.
"""

import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    Request,
    async_playwright,
)

from monitor.web.server import WebServer
from tests.unit.fake_board import FakeBoard, calm, sample_pipeline, support

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",  # containers run tests as root, where the sandbox can't be
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
ANSWERS = "**/api/v1/queues*"
"""What the page asks for again and again."""
WIDE = (1280, 800)
NARROW = (360, 740)
SIZES = {"wide": WIDE, "narrow": NARROW}


def find_browser() -> Path | None:
    """The system's first browser that Playwright can drive; None: there is none."""
    return next((Path(p) for p in map(shutil.which, NAMES) if p and _runs(p)), None)


def _runs(program: str) -> bool:
    """Whether it is more than a hint at a package that would have to be installed."""
    told = subprocess.run(
        [program, "--version"], capture_output=True, timeout=60, check=False
    )
    return told.returncode == 0


@asynccontextmanager
async def launched(program: Path) -> AsyncIterator[Browser]:
    """A browser without a window, closed at the end."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program, args=list(ARGUMENTS)
        )
        try:
            yield browser
        finally:
            await browser.close()


class Tab:
    """One open page, what went wrong on it, and the hosts that it talked to."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        """Exceptions, and what the page or the browser wrote as error or warning."""
        self.hosts: set[str] = set()
        page.on("console", self._on_console)
        page.on("pageerror", self._on_error)
        page.on("request", self._on_request)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def _on_error(self, error: Error) -> None:
        self.errors.append(str(error))

    def _on_request(self, request: Request) -> None:
        self.hosts.add(urlsplit(request.url).netloc)

    @property
    def own_errors(self) -> list[str]:
        """Errors without those that the browser tells of a server that is gone."""
        return [error for error in self.errors if "net::ERR_" not in error]

    async def shoot(self, directory: Path, name: str) -> None:
        """Pictures of what a person sees now, on a screen and on a phone."""
        before = self.page.viewport_size
        for size, (width, height) in SIZES.items():
            await self.page.set_viewport_size({"width": width, "height": height})
            await self.page.screenshot(path=directory / f"{name}-{size}.png")
        if before is not None:
            await self.page.set_viewport_size(before)


@asynccontextmanager
async def open_tab(
    browser: Browser, url: str, size: tuple[int, int] = WIDE
) -> AsyncIterator[Tab]:
    """A tab with cookies, cache and settings of its own that has loaded `url`."""
    width, height = size
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        locale="en-GB",
        timezone_id="Europe/London",
        service_workers="block",
    )
    try:
        tab = Tab(await context.new_page())
        await tab.page.goto(url)
        yield tab
    finally:
        await context.close()


def row(page: Page, queue: str) -> Locator:
    """The row of a queue."""
    return page.locator("#rows tr", has=page.locator(f'bdi:text-is("{queue}")'))


def cell(page: Page, queue: str, column: str) -> Locator:
    """One number of a queue, by the name of its column."""
    return row(page, queue).locator(f'td[data-label="{column}"] > span')


async def answers(page: Page, times: int) -> None:
    """Return when the page has asked and heard that often."""
    for _ in range(times):
        async with page.expect_response(ANSWERS) as response:
            await (await response.value).finished()


async def numbers(rows: Locator) -> set[str]:
    """Every text of the cells of rows."""
    return set(await rows.locator("td > span").all_inner_texts())


@dataclass
class LiveBoard(FakeBoard):
    """A board whose clock runs."""

    began: float = 0.0

    def now(self) -> int:
        return self.at + round(1000 * (time.monotonic() - self.began))


class Site:
    """The real server over a fake board; stopped and started, it has one address."""

    def __init__(self) -> None:
        self.board = LiveBoard(
            [calm(), support()], pipe=sample_pipeline(), began=time.monotonic()
        )
        self._listen = "127.0.0.1:0"
        self._server: WebServer | None = None

    @property
    def url(self) -> str:
        return f"http://{self._listen}"

    async def start(self) -> None:
        self._server = WebServer(self.board, self._listen, lambda: b"")
        await self._server.start()
        self._listen = self._server.url.removeprefix("http://")

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop()
