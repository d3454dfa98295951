"""A real browser that opens the page: the system's Chromium, driven by Playwright.

Rule: Playwright brings no browser along here; the one that is installed is used, with
everything off that would talk to anybody but the page's own server.
"""

import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Error,
    Page,
    Request,
    async_playwright,
)

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
