"""People on the page in a real browser: everybody, who serves a queue, the board."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from monitor.config import Settings
from monitor.core.events import Event, Kind
from monitor.core.people.events import AgentEvent, AgentKind
from monitor.core.people.parts import PersonPart
from monitor.pipeline import topics
from tests.support.browser import SIZES, Site, Tab, answers, cell, launched, open_tab
from tests.support.feeding import feed
from tests.support.kafka import KafkaServer
from tests.support.waiting import wait_until
from tests.support.workers import WorkerProcess
from tests.unit.fake_board import NOW, people, sample_pipeline, support

pytestmark = pytest.mark.asyncio(loop_scope="module")

DASH = "–"
TODAY = {"talking": 600_000, "available": 300_000, "handled": 4}
MINUTE_MS = 60_000
expect.set_options(timeout=15_000)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser(chromium: Path) -> AsyncIterator[Browser]:
    async with launched(chromium) as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def site() -> AsyncIterator[Site]:
    """Five people of whom the board shows each one."""
    site = Site()
    site.board.views = [replace(support(), people=people("support"))]
    site.board.people = [people(""), people("support")]
    site.board.agents = five()
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


def person(agent: str, state: str, minutes: float, reason: str = "") -> PersonPart:
    since = NOW - round(minutes * MINUTE_MS) if minutes else 0
    return PersonPart(
        agent=agent,
        state=state,
        reason=reason,
        since=since,
        queues=("support", "billing"),
        total=dict(TODAY),
        today=dict(TODAY),
    )


def five() -> list[PersonPart]:
    return [
        person("a1", "talking", 65 / 60),
        person("a2", "talking", 0.5),
        person("a3", "available", 4 / 60),
        person("a4", "away", 20, "lunch"),
        person("a10", "away", 2),
    ]


def state_of(page: Page, state: str) -> str:
    """Where everybody's line tells of a state."""
    return f'#states [data-state="{state}"] dd'


async def open_board(page: Page) -> None:
    await page.locator("#agents summary").click()


async def names(page: Page) -> list[str]:
    """The agents on the board, from above."""
    return await page.locator("#team-rows bdi").all_inner_texts()


async def test_everybody_is_one_line_and_a_queue_has_its_agents(tab: Tab) -> None:
    """Each state with how long the longest has been in it; ratios with their parts."""
    page = tab.page
    await expect(page.locator(state_of(page, "available"))).to_contain_text("1")
    talking = await page.locator(state_of(page, "talking")).inner_text()
    away = await page.locator(state_of(page, "away")).inner_text()

    assert re.fullmatch(r"2\s+longest 1:\d\d\s*", talking)
    assert re.fullmatch(r"2\s+longest 20:\d\d\s+1 no reason, 1 lunch\s*", away)
    assert (await page.locator(state_of(page, "unknown")).inner_text()).strip() == "0"
    await expect(page.locator("#occupancy")).to_have_text("50.0\u00a0%")
    await expect(page.locator("#occupancy-parts")).to_have_text("1:36:40 of 3:13:20")
    serving = await cell(page, "support", "Agents available").inner_text()
    assert re.sub(r"\s+", " ", serving) == "1 2 busy, 2 away"
    await expect(page.locator("#nobody-known")).to_be_hidden()


async def test_what_is_not_known_of_people_is_not_invented(
    site: Site, tab: Tab
) -> None:
    """No line of zeros, and a dash for the queue."""
    page = tab.page
    await expect(page.locator("#states")).to_be_visible()
    site.board.people = []

    await expect(page.locator("#states")).to_be_hidden()
    await expect(page.locator("#nobody-known")).to_be_visible()
    await expect(cell(page, "support", "Agents available")).to_have_text(DASH)


async def test_the_board_shows_first_who_needs_a_look(
    tab: Tab, site: Site, tmp_path: Path
) -> None:
    """Longest away first, then by state and time; times go on between answers."""
    page = tab.page
    site.board.agents += [
        person("b1", "unknown", 0),
        person("b2", "wrap_up", 9),
        person("b3", "logged_out", 300),
        person("b4", "held", 1),
    ]
    await open_board(page)
    await expect(page.locator("#team-count")).to_have_text("(9)")

    order = ["a4", "b2", "a10", "b1", "b4", "a1", "a2", "a3", "b3"]
    assert await names(page) == order
    first = page.locator("#team-rows tr").first.locator("td > span")
    texts = await first.all_inner_texts()
    assert [texts[n] for n in (0, 2, 3, 4)] == [
        "away",
        "lunch",
        "support, billing",
        "4",
    ]
    assert re.sub(r"\s+", " ", texts[5]) == "66.7 % 10:00 of 15:00"
    assert re.fullmatch(r"20:\d\d", texts[1])
    await expect(first.nth(1)).not_to_have_text(texts[1])
    unknown = page.locator('#team-rows tr[data-state="unknown"] td > span')
    assert await unknown.nth(1).inner_text() == DASH
    await tab.shoot(tmp_path, "board")


async def test_rows_change_their_places_and_go(tab: Tab, site: Site) -> None:
    """Who comes back goes down; who isn't there any more has no row."""
    page = tab.page
    await open_board(page)
    await expect(page.locator("#team-rows tr")).to_have_count(5)
    site.board.agents = [
        replace(one, state="available", reason="") if one.agent == "a4" else one
        for one in five()
        if one.agent != "a2"
    ]

    await expect(page.locator("#team-rows tr")).to_have_count(4)
    assert await names(page) == ["a10", "a1", "a4", "a3"]
    site.board.agents = []
    await expect(page.locator("#team")).to_be_hidden()
    await expect(page.locator("#team-note")).to_contain_text("No agent is known here.")


async def test_agents_are_asked_for_only_while_the_board_is_open(tab: Tab) -> None:
    """A closed board costs nothing, and keeps nothing."""
    page = tab.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await expect(page.locator("#states")).to_be_visible()
    await answers(page, 2)
    assert not [url for url in asked if "agents" in url and "api" in url]

    await open_board(page)
    await expect(page.locator("#team-rows tr")).to_have_count(5)
    await open_board(page)
    await expect(page.locator("#team-count")).to_have_text("")
    asked.clear()
    await answers(page, 3)

    assert not [url for url in asked if "agents" in url and "api" in url]
    assert await page.locator("#team-rows tr").count() == 0


async def test_a_worker_says_that_it_has_not_all_agents(tab: Tab, site: Site) -> None:
    """Five are known and it holds two; or it doesn't know of how many."""
    page = tab.page
    site.board.agents = five()[:2]
    await open_board(page)
    await expect(page.locator("#team-note")).to_have_text(
        "Agents of this worker: 2 of 5."
    )
    site.board.people = []

    await expect(page.locator("#team-note")).to_have_text(
        "Agents of this worker only: others may be with other workers."
    )


async def test_agents_are_found_by_name_and_queue(tab: Tab, site: Site) -> None:
    """Also those whom a board of so many doesn't show."""
    page = tab.page
    site.board.agents = [
        replace(person(f"x{n}", "away", 1 + n), queues=("q",)) for n in range(600)
    ]
    site.board.agents.append(replace(person("Zoë", "talking", 1), queues=("sales",)))
    await open_board(page)
    await expect(page.locator("#team-rows tr")).to_have_count(500)
    await expect(page.locator("#team-note")).to_have_text(
        "The first 500 of 601 are shown."
    )
    for words in ("zoë", "SALES"):
        await page.locator("#find").fill(words)
        await expect(page.locator("#team-rows bdi")).to_have_text(["Zoë"])
    await page.locator("#find").fill("nobody")
    await expect(page.locator("#team-note")).to_contain_text("None is found.")


async def test_ids_and_reasons_are_text_whatever_is_in_them(
    tab: Tab, site: Site
) -> None:
    """They come from outside, and are never markup."""
    evil = "<img src=x onerror=alert(1)>"
    site.board.agents = [
        replace(person(evil, "away", 1, evil), queues=(evil,)),
        person("__proto__", "away", 2),
    ]
    await open_board(tab.page)

    await expect(tab.page.locator("#team-rows bdi")).to_have_text(["__proto__", evil])
    assert await tab.page.locator("#team img").count() == 0


@pytest.mark.parametrize("size", SIZES)
async def test_nothing_of_people_is_cut_off_at_the_side(
    browser: Browser, site: Site, size: str, tmp_path: Path
) -> None:
    """A screen of 1280 and a phone of 360 pixels need no scrolling to the side."""
    long = "unbreakable" * 5
    site.board.people[0].away = {long: 2, "a reason that is rather long, as some": 1}
    site.board.agents = [
        *five(),
        replace(person(long, "away", 700, long), queues=(long, "b")),
    ]
    async with open_tab(browser, site.url, SIZES[size]) as tab:
        await open_board(tab.page)
        await expect(tab.page.locator("#team-rows tr")).to_have_count(6)
        await tab.page.screenshot(path=tmp_path / f"long-{size}.png", full_page=True)
        wanted = await tab.page.evaluate("document.documentElement.scrollWidth")

    assert wanted <= SIZES[size][0]


async def test_old_numbers_of_people_are_covered(tab: Tab, site: Site) -> None:
    """As those of queues; and while contacts are behind, times stand still."""
    page = tab.page
    await open_board(page)
    await expect(page.locator("#team-rows tr")).to_have_count(5)
    site.board.pipe = replace(sample_pipeline(), as_of=NOW - 20_000)
    await expect(page.locator("#banner")).to_contain_text("Behind")
    time_in_state = page.locator("#team-rows tr").first.locator("td > span").nth(1)
    await expect(time_in_state).to_have_text("19:40")
    await answers(page, 2)
    assert await time_in_state.inner_text() == "19:40"
    await site.stop()

    await expect(page.locator("#cover-title")).to_have_text("Disconnected")
    await expect(page.locator("#people")).to_be_hidden()
    await expect(page.locator("#agents")).to_be_hidden()


async def test_the_board_says_when_agents_are_not_to_be_had(tab: Tab) -> None:
    """The queues go on, the board holds nothing old."""
    page = tab.page
    await open_board(page)
    await expect(page.locator("#team-rows tr")).to_have_count(5)
    await page.route("**/api/v1/agents", lambda route: route.abort())

    await expect(page.locator("#team-note")).to_have_text(
        "The agents aren't known now: the monitor doesn't answer."
    )
    await expect(page.locator("#team")).to_be_hidden()
    await expect(page.locator("#cover")).to_be_hidden()


async def test_agents_of_a_real_worker_come_and_go(
    browser: Browser, fresh_kafka: KafkaServer, tmp_path: Path
) -> None:
    """What people and contacts say is on the page, until they have gone home."""
    bootstrap = fresh_kafka.bootstrap
    await topics.create_missing(Settings(bootstrap=bootstrap))
    now = time.time_ns() // 1_000_000

    def says(agent: str, kind: AgentKind, ago: int, reason: str = "") -> AgentEvent:
        return AgentEvent(now - ago * 1000, kind, agent, source="pbx1", reason=reason)

    came = [
        says(agent, AgentKind.LOGGED_IN, 600)._replace(
            says_queues=True, queues=("billing",)
        )
        for agent in ("ann", "bob", "cat")
    ]
    with WorkerProcess(tmp_path, "worker", bootstrap) as worker:
        await feed(
            bootstrap,
            [
                *came,
                says("bob", AgentKind.AWAY, 300, "lunch"),
                Event(now - 90_000, Kind.QUEUED, "c1", queue="billing", source="pbx1"),
                Event(now - 60_000, Kind.ANSWERED, "c1", agent="ann", source="pbx1"),
            ],
        )
        await asyncio.to_thread(wait_until, lambda: bool(worker.url), "its page")
        async with open_tab(browser, worker.url) as tab:
            page = tab.page
            for state in ("talking", "away", "available"):
                await expect(page.locator(state_of(page, state))).to_contain_text(
                    re.compile("^1"), timeout=40_000
                )
            await expect(cell(page, "billing", "Agents available")).to_have_text(
                re.compile(r"^1\s*1.busy, 1.away$")
            )
            await open_board(page)
            await expect(page.locator("#team-count")).to_have_text("(3)")
            assert await names(page) == ["bob", "ann", "cat"]
            await tab.shoot(tmp_path, "worker")
            end = Event(now, Kind.ENDED, "c1", agent="ann", source="pbx1")
            gone = [says(one, AgentKind.LOGGED_OUT, 0) for one in ("ann", "bob", "cat")]
            await feed(bootstrap, [end, *gone])

            rows = page.locator('#team-rows tr[data-state="logged_out"]')
            await expect(rows).to_have_count(3)
            for state in ("talking", "away", "available", "unknown"):
                await expect(page.locator(state_of(page, state))).to_contain_text(
                    re.compile("^0")
                )
            assert tab.errors == []
            worker.kill()
