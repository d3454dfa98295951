"""Clocks, with real time in the test's hand."""

import pytest

from monitor.clocks import Clock, EventClock, ScaledClock, WallClock, from_settings
from monitor.config import load

START = 1_768_809_600_000
NOON = 1_790_000_000_000


class Hands:
    """Wall and monotonic time that the test moves."""

    def __init__(self, wall_ms: int = NOON, monotonic: float = 50.0) -> None:
        self.wall_ms = wall_ms
        self.seconds = monotonic

    def wall(self) -> int:
        return self.wall_ms

    def monotonic(self) -> float:
        return self.seconds

    def pass_seconds(self, seconds: float) -> None:
        self.wall_ms += round(seconds * 1000)
        self.seconds += seconds

    def scaled(self, speed: float, origin_ms: int | None = None) -> ScaledClock:
        return ScaledClock(
            START,
            speed,
            origin_ms=origin_ms,
            wall=self.wall,
            monotonic=self.monotonic,
        )


def test_the_wall_clock_shows_real_time() -> None:
    """The events don't matter to it."""
    hands = Hands()

    assert WallClock(hands.wall).now(START) == NOON


def test_the_event_clock_shows_the_newest_event() -> None:
    """It has no time of its own."""
    assert EventClock().now(0) == 0
    assert EventClock().now(START) == START


def test_the_scaled_clock_runs_faster() -> None:
    """From its start, `speed` seconds each second."""
    hands = Hands()
    clock = hands.scaled(60.0)

    assert clock.now(0) == START
    hands.pass_seconds(1.5)
    assert clock.now(0) == START + 90_000


def test_two_processes_with_one_origin_show_the_same() -> None:
    """Whenever they began and wherever their monotonic clocks stand."""
    feeder_hands = Hands(monotonic=7.0)
    feeder = feeder_hands.scaled(60.0, NOON)
    worker_hands = Hands(wall_ms=NOON + 10_000, monotonic=900.0)
    worker = worker_hands.scaled(60.0, NOON)

    feeder_hands.pass_seconds(10)

    assert feeder.now(0) == worker.now(0) == START + 600_000


def test_the_scaled_clock_stands_until_its_origin() -> None:
    """An origin a little ahead lets every process be ready for it."""
    hands = Hands()
    clock = hands.scaled(10.0, NOON + 5_000)

    hands.pass_seconds(4)
    assert clock.now(0) == START
    hands.pass_seconds(3)
    assert clock.now(0) == START + 20_000


def test_a_step_of_the_machines_clock_is_not_multiplied() -> None:
    """Only the monotonic clock counts once it runs."""
    hands = Hands()
    clock = hands.scaled(60.0, NOON)

    hands.wall_ms -= 3_600_000

    assert clock.now(0) == START


def test_the_scaled_clock_says_how_long_to_wait() -> None:
    """Real seconds until an instant is shown, negative when it was."""
    hands = Hands()
    clock = hands.scaled(60.0, NOON + 2_000)

    assert clock.seconds_until(START + 60_000) == pytest.approx(3.0)
    hands.pass_seconds(4)
    assert clock.seconds_until(START + 60_000) == pytest.approx(-1.0)


@pytest.mark.parametrize("speed", [0.0, -1.0])
def test_a_clock_runs_forward(speed: float) -> None:
    """A speed of 0 or less is refused."""
    with pytest.raises(ValueError, match="above 0"):
        ScaledClock(START, speed)


@pytest.mark.parametrize(
    "overrides, kind",
    [
        ([], WallClock),
        (["clock=event"], EventClock),
        (["clock=scaled", f"scaled.start={START}"], ScaledClock),
    ],
)
def test_settings_choose_the_clock(overrides: list[str], kind: type[Clock]) -> None:
    """One clock for each value of `clock`."""
    assert isinstance(from_settings(load(None, overrides, {})), kind)


def test_scaled_clocks_of_one_process_agree() -> None:
    """Without an origin they share the start of the process."""
    settings = load(
        None, ["clock=scaled", f"scaled.start={START}", "scaled.speed=0.001"], {}
    )

    first, second = from_settings(settings), from_settings(settings)

    # A second of real time is a millisecond here, so that the test needs no luck.
    assert abs(second.now(0) - first.now(0)) <= 1
    assert first.now(0) >= START


def test_the_origin_of_the_settings_is_used() -> None:
    """An origin long ago has the clock far ahead of its start."""
    settings = load(
        None,
        [
            "clock=scaled",
            f"scaled.start={START}",
            "scaled.origin=2020-01-01T00:00:00Z",
            "scaled.speed=2",
        ],
        {},
    )

    assert from_settings(settings).now(0) > START + 2 * 86_400_000
