"""The demo's day: played again and again by a clock, placed at today's date."""

import itertools
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from monitor.clocks import ScaledClock
from monitor.config import read
from monitor.core.events import Event, Kind
from monitor.core.people.events import AgentEvent, AgentKind, AnyEvent
from monitor.embedded.day import recorded_day, with_people
from monitor.embedded.feeder import PAUSE_MS, Feeder, days_without_end, opening
from monitor.embedded.plan import LEAD_MS, PARTIALS_MS, local_zone, make_plan

BERLIN = ZoneInfo("Europe/Berlin")
FIRST = date(2026, 11, 20)
MIDNIGHT = 1_795_129_200_000
"""2026-11-20 00:00 in Berlin."""
HOUR_MS = 3_600_000


def event_at(at: int) -> Event:
    return Event(at, Kind.QUEUED, f"c{at}", queue="q")


class Time:
    """Real time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def clock(self, speed: float) -> ScaledClock:
        return ScaledClock(
            MIDNIGHT,
            speed,
            origin_ms=0,
            wall=lambda: 0,
            monotonic=lambda: self.seconds,
        )

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


async def test_each_event_goes_out_at_its_instant() -> None:
    """By the clock, at its speed; what is past goes out at once."""
    time = Time()
    clock = time.clock(60)
    sent: list[tuple[int, float]] = []

    async def send(event: AnyEvent) -> None:
        sent.append((event.at - MIDNIGHT, time.seconds - 100))

    feeder = Feeder(clock, send, sleep=time.sleep)
    instants = (-5_000, 0, 60_000, 60_000, 600_000)
    await feeder.play(event_at(MIDNIGHT + offset) for offset in instants)

    assert sent == [
        (-5_000, 0.0),
        (0, 0.0),
        (60_000, 1.0),
        (60_000, 1.0),
        (600_000, 10.0),
    ]
    assert feeder.sent == 5


async def test_a_pause_is_told_when_it_is_long_for_who_watches() -> None:
    """Neither one that is over in a moment nor one that was over before."""
    told: list[int] = []

    async def play(speed: float, start: int) -> None:
        async def send(_: AnyEvent) -> None: ...

        time = Time()
        feeder = Feeder(time.clock(speed), send, on_pause=told.append, sleep=time.sleep)
        await feeder.play([event_at(start), event_at(start + PAUSE_MS)])

    await play(60, MIDNIGHT)
    await play(3_600, MIDNIGHT)
    await play(60, MIDNIGHT - 2 * PAUSE_MS)

    assert told == [MIDNIGHT + PAUSE_MS]


def test_days_follow_without_end_in_order_of_time() -> None:
    """Each event of the recorded day once at each date, every contact new."""
    recorded = recorded_day()
    days = days_without_end(recorded, FIRST, BERLIN)
    events = list(itertools.islice(days, 3 * len(with_people(recorded))))

    assert [e.at for e in events] == sorted(e.at for e in events)
    assert events[0].at >= MIDNIGHT
    calls = {event.contact for event in recorded}
    # The third day's last calls end after midnight, when the fourth has begun.
    found = {event.contact for event in events if isinstance(event, Event)}
    for day in range(3):
        prefix = f"{FIRST + timedelta(days=day):%Y%m%d}-"
        assert {prefix + call for call in calls} <= found
    assert len({event.id for event in events}) == len(events)


def test_the_same_people_come_every_day() -> None:
    """Each of the 22 logs in once a day, and out when the last call is over."""
    recorded = recorded_day()
    days = days_without_end(recorded, FIRST, BERLIN)
    events = itertools.islice(days, 2 * len(with_people(recorded)))
    said = [event for event in events if isinstance(event, AgentEvent)]
    agents = {event.agent for event in recorded if event.agent}
    day = [AgentKind.LOGGED_IN, AgentKind.LOGGED_OUT]

    assert len(agents) == 22
    for agent in agents:
        own = [event.kind for event in said if event.agent == agent]
        assert [kind for kind in own if kind in day][:3] == [*day, day[0]]


def test_a_day_opens_after_its_longest_pause() -> None:
    """The recorded one: in the morning, not with the night's last calls."""
    at = opening(recorded_day())
    local = datetime.fromtimestamp(at / 1000, ZoneInfo("Asia/Jerusalem"))

    assert (local.hour, local.minute) == (6, 54)
    assert opening([event_at(n * HOUR_MS) for n in (0, 1, 5, 6)]) == 5 * HOUR_MS


def test_the_plan_is_a_worker_in_the_days_time() -> None:
    """The clock begins before the morning's first call, at today's date."""
    plan = make_plan(read(environ={}), "127.0.0.1:7", 90.0)
    settings = plan.settings

    assert settings.bootstrap == "127.0.0.1:7"
    assert settings.embedded
    assert settings.clock == "scaled"
    assert settings.scaled.start == plan.opens_at - LEAD_MS
    assert settings.scaled.speed == 90.0
    assert settings.partials.interval == PARTIALS_MS
    assert settings.channels.voice.timezone == plan.timezone.key
    assert plan.first == datetime.now(plan.timezone).date()
    assert plan.local(plan.opens_at).date() == plan.first
    assert plan.may_take_free_port
    assert 16 * HOUR_MS < plan.length_ms < 18 * HOUR_MS
    assert plan.clock.now(0) >= plan.opens_at - LEAD_MS


def test_what_the_user_set_stays() -> None:
    """Time zone, address and intervals."""
    loaded = read(
        overrides=[
            "channels.voice.timezone=Asia/Tokyo",
            "listen=127.0.0.1:8090",
            "partials.interval=300ms",
        ],
        environ={},
    )
    plan = make_plan(loaded, "127.0.0.1:7", 90.0)

    assert plan.timezone == ZoneInfo("Asia/Tokyo")
    assert plan.settings.channels.voice.timezone == "Asia/Tokyo"
    assert plan.settings.partials.interval == 300
    assert not plan.may_take_free_port


@pytest.mark.parametrize(
    "name,link,zone",
    [
        ("Europe/Berlin", "Asia/Tokyo", "Europe/Berlin"),
        (":Europe/Berlin", "Asia/Tokyo", "Europe/Berlin"),
        ("", "Asia/Tokyo", "Asia/Tokyo"),
        ("CET-1CEST", "Asia/Tokyo", "Asia/Tokyo"),
        ("../etc/passwd", "Nowhere/Land", "UTC"),
    ],
)
def test_the_machines_zone_is_known_by_its_name(
    tmp_path: Path, name: str, link: str, zone: str
) -> None:
    """TZ first, then where the system's own points; else UTC."""
    target = tmp_path / "zoneinfo" / link
    target.parent.mkdir(parents=True)
    target.touch()
    (tmp_path / "localtime").symlink_to(target)

    assert local_zone(name, tmp_path / "localtime").key == zone


def test_without_a_link_the_zone_is_utc(tmp_path: Path) -> None:
    """As in slim images."""
    assert local_zone("", tmp_path / "localtime").key == "UTC"
