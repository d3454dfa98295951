"""The page in a real browser: what a person sees when numbers are old, or unknown."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Route, expect

from monitor.config import Settings
from monitor.core.events import Event, Kind
from monitor.core.view import PipelineView
from monitor.pipeline import topics
from tests.support.browser import (
    ANSWERS,
    NARROW,
    SIZES,
    Site,
    Tab,
    answers,
    cell,
    launched,
    numbers,
    open_tab,
    row,
)
from tests.support.feeding import feed
from tests.support.kafka import KafkaServer
from tests.support.waiting import wait_until
from tests.support.workers import WorkerProcess
from tests.unit.fake_board import NOW, sample_pipeline, support

pytestmark = pytest.mark.asyncio(loop_scope="module")

DASH = "–"
NOT_HEARD = "not heard from source partitions 3"
GONE_SECONDS = 5.0
SLACK_SECONDS = 1.0
"""The browser shares a busy machine with other tests."""
expect.set_options(timeout=15_000)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser(chromium: Path) -> AsyncIterator[Browser]:
    async with launched(chromium) as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def site() -> AsyncIterator[Site]:
    site = Site()
    await site.start()
    yield site
    await site.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def tab(browser: Browser, site: Site) -> AsyncIterator[Tab]:
    """A page that shows the site's numbers; nothing may go wrong on it."""
    async with open_tab(browser, site.url) as tab:
        yield tab
        assert tab.own_errors == []
        assert tab.hosts == {site.url.removeprefix("http://")}


async def test_the_page_shows_the_numbers_of_each_queue(tab: Tab) -> None:
    """Waiting, service level with its parts, counts; nothing above them."""
    page = tab.page
    await expect(cell(page, "support", "Waiting")).to_have_text("2")

    level = await cell(page, "support", "Service level").inner_text()
    assert re.sub(r"\s+", " ", level).startswith("▼ 75.0 %")
    assert "12 of 16, target 85 %" in re.sub(r"\s+", " ", level)
    await expect(cell(page, "support", "Offered")).to_have_text("21")
    await expect(cell(page, "chat desk", "Service level")).to_contain_text(DASH)
    await expect(page.locator("#cover")).to_be_hidden()
    await expect(page.locator("#banner")).to_be_hidden()
    assert tab.errors == []


async def test_a_wait_counts_up_between_answers(tab: Tab) -> None:
    """Who waits is seen to wait, second by second, by the board's clock."""
    wait = cell(tab.page, "support", "Longest wait")
    await expect(wait).to_have_text(re.compile(r"0:\d\d"))
    first = await wait.inner_text()
    await expect(wait).not_to_have_text(first)

    assert "0:34" <= first < await wait.inner_text() < "0:59"
    await expect(tab.page.locator("#clock")).to_contain_text("09:05:")


@pytest.mark.parametrize("size", SIZES)
async def test_nothing_is_cut_off_at_the_side(
    browser: Browser, site: Site, size: str, tmp_path: Path
) -> None:
    """A screen of 1280 and a phone of 360 pixels need no scrolling to the side."""
    site.board.views = [
        replace(support(), queue="a queue with a rather long name, as some have"),
        replace(support(), queue="unbreakable" * 5),
    ]
    site.board.stale = [("lost", "voice")]
    async with open_tab(browser, site.url, SIZES[size]) as tab:
        await expect(tab.page.locator("#rows tr")).to_have_count(3)
        await tab.shoot(tmp_path, "numbers")
        wanted = await tab.page.evaluate("document.documentElement.scrollWidth")

    assert wanted <= SIZES[size][0]


async def test_names_are_text_whatever_is_in_them(site: Site, tab: Tab) -> None:
    """A queue's name comes from outside, and is never markup."""
    name = "<img src=x onerror=alert(1)>"
    site.board.views = [replace(support(), queue=name)]
    names = tab.page.locator("#rows bdi")

    await expect(names).to_have_text([name])
    assert await tab.page.locator("#rows img").count() == 0


async def test_a_stale_queue_is_marked_and_has_no_numbers(
    site: Site, tab: Tab, tmp_path: Path
) -> None:
    """STALE and dashes, never a calm 0; the others go on."""
    page = tab.page
    await expect(cell(page, "chat desk", "Waiting")).to_have_text("0")
    site.board.views = [support()]
    site.board.stale = [("chat desk", "chat")]

    await expect(row(page, "chat desk")).to_contain_text("STALE")
    assert await numbers(row(page, "chat desk")) == {DASH}
    await expect(cell(page, "support", "Waiting")).to_have_text("2")
    await expect(page.locator("#banner")).to_have_text(
        "Stale, so not known now: 1 of 2 queues"
    )
    await tab.shoot(tmp_path, "stale")


async def test_when_all_is_stale_no_number_is_left(
    site: Site, tab: Tab, tmp_path: Path
) -> None:
    """Each queue is there, marked, and the banner says why."""
    page = tab.page
    await expect(cell(page, "support", "Waiting")).to_have_text("2")
    site.board.stale = [(view.queue, view.channel) for view in site.board.views]
    site.board.views = []
    site.board.pipe = PipelineView(reason=NOT_HEARD, stale_partitions=1)

    await expect(page.locator("#banner")).to_have_text(
        f"Nothing is known now: {NOT_HEARD}"
    )
    await expect(page.locator("#rows tr.stale")).to_have_count(2)
    assert await numbers(page.locator("#rows tr")) == {DASH}
    await tab.shoot(tmp_path, "all-stale")


async def test_a_worker_that_knows_nothing_yet_covers_the_page(
    site: Site, tab: Tab, tmp_path: Path
) -> None:
    """Not ready, with its reason, instead of an empty table that looks calm."""
    site.board.views = []
    site.board.pipe = PipelineView(reason="connecting to the broker")

    await expect(tab.page.locator("#cover-title")).to_have_text("Not ready")
    await expect(tab.page.locator("#cover-text")).to_have_text(
        "Connecting to the broker."
    )
    await expect(tab.page.locator("#queues")).to_be_hidden()
    await tab.shoot(tmp_path, "not-ready")


async def test_numbers_that_lag_say_for_when_they_hold(
    site: Site, tab: Tab, tmp_path: Path
) -> None:
    """As of 09:04:40, and a wait that may be over by now stands still."""
    page = tab.page
    site.board.pipe = replace(sample_pipeline(), as_of=NOW - 20_000)
    banner = page.locator("#banner")

    await expect(banner).to_contain_text(
        re.compile(r"^Behind: the numbers are as of 09:04:40, 2\d s ago$")
    )
    waits, told, said = set(), set(), set()
    for _ in range(3):
        await answers(page, 1)
        waits.add(await cell(page, "support", "Longest wait").inner_text())
        told.add(await banner.inner_text())
        said.add(await page.locator("#said").inner_text())
    await tab.shoot(tmp_path, "behind")

    assert waits == {"0:14"}
    assert len(told) > 1
    assert said == {"Behind"}


async def test_a_server_that_is_gone_is_seen_and_so_is_its_return(
    site: Site, tab: Tab, tmp_path: Path
) -> None:
    """Covered within 5 s, with the age of the last numbers; alive without a reload."""
    page = tab.page
    await expect(cell(page, "support", "Waiting")).to_have_text("2")
    await page.evaluate("window.isTheSamePage = true")
    await site.stop()
    began = time.monotonic()

    await expect(page.locator("#cover-title")).to_have_text(
        "Disconnected", timeout=3_000 * GONE_SECONDS
    )
    assert time.monotonic() - began < GONE_SECONDS + SLACK_SECONDS
    await expect(page.locator("#queues")).to_be_hidden()
    await expect(page.locator("#cover-text")).to_have_text(
        re.compile(r"^The monitor doesn't answer\. The last numbers are \d s old\.$")
    )
    await tab.shoot(tmp_path, "gone")
    await expect(page.locator("#cover-text")).to_contain_text(
        re.compile(r"are ([6-9]|\d\d) s old")
    )

    await site.start()
    await expect(page.locator("#cover")).to_be_hidden()
    await expect(cell(page, "support", "Waiting")).to_be_visible()
    assert await page.evaluate("window.isTheSamePage")


async def test_a_server_that_hangs_is_as_good_as_gone(tab: Tab) -> None:
    """Accepting a connection is no answer."""

    async def never(_: Route) -> None:
        """Leave the request open."""

    await expect(cell(tab.page, "support", "Waiting")).to_have_text("2")
    await tab.page.route(ANSWERS, never)

    await expect(tab.page.locator("#cover-title")).to_have_text("Disconnected")
    await expect(tab.page.locator("#cover-text")).to_contain_text("takes too long")


async def test_the_warning_stays_in_sight_on_a_phone(
    browser: Browser, site: Site
) -> None:
    """Scrolled down to the last queue, a person still sees that numbers lag."""
    site.board.views = [replace(support(), queue=f"q{number}") for number in range(9)]
    site.board.pipe = replace(sample_pipeline(), as_of=NOW - 60_000)
    async with open_tab(browser, site.url, NARROW) as tab:
        await expect(tab.page.locator("#rows tr")).to_have_count(9)
        await cell(tab.page, "q8", "Drift").scroll_into_view_if_needed()

        await expect(tab.page.locator("#banner")).to_be_in_viewport(ratio=1.0)


async def test_a_broker_that_dies_is_seen_on_the_page(
    browser: Browser, fresh_kafka: KafkaServer, tmp_path: Path
) -> None:
    """A real worker: its waiting contacts become unknown within 15 s."""
    bootstrap = fresh_kafka.bootstrap
    await topics.create_missing(Settings(bootstrap=bootstrap))
    now = time.time_ns() // 1_000_000
    waiting = [
        Event(now - 60_000 + n, Kind.QUEUED, f"c{n}", queue="billing", source="pbx1")
        for n in range(3)
    ]
    with WorkerProcess(tmp_path, "worker", bootstrap) as worker:
        await feed(bootstrap, waiting)
        await asyncio.to_thread(
            wait_until,
            lambda: "billing" in worker.report().get("queues", ()),
            "its queue",
        )
        async with open_tab(browser, worker.url) as tab:
            page = tab.page
            await expect(cell(page, "billing", "Waiting")).to_have_text("3")
            await asyncio.to_thread(fresh_kafka.kill)
            began = time.monotonic()
            await expect(row(page, "billing")).to_contain_text("STALE", timeout=15_000)
            print(f"stale on the page after {time.monotonic() - began:.1f} s")  # noqa: T201

            assert await numbers(row(page, "billing")) == {DASH}
            await expect(page.locator("#banner")).to_contain_text("Nothing is known")
            await tab.shoot(tmp_path, "broker-gone")
            assert tab.errors == []
            worker.kill()
