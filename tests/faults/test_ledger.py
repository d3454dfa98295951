"""The ledger can fail: what may never be shown is seen, and only that."""

import math

from tests.faults.ledger import Ledger, scrape_of

NAN = math.nan


def body(value: float, *, gauge: float = 1.0, stale: int = 0) -> str:
    """What a worker shows of one queue."""
    labels = '{queue="q",channel="voice"}'
    return (
        "# TYPE callcenter_queue_stale gauge\n"
        f"callcenter_queue_stale{labels} {stale}\n"
        "# TYPE waiting gauge\n"
        f"waiting{labels} {gauge}\n"
        "# TYPE a_total counter\n"
        f"a_total{labels} {value}\n"
        "# TYPE read_total counter\n"
        'read_total{stream="s",partition="3"} 7\n'
        "# TYPE lag gauge\n"
        'lag{stream="s",partition="2"} 7\n'
    )


def of_partition(value: float) -> str:
    return (
        "# TYPE read_total counter\n"
        f'read_total{{stream="s",partition="3"}} {value}\n'
        "# TYPE b_seconds histogram\n"
        f'b_seconds_bucket{{queue="q",channel="",le="+Inf"}} {value}\n'
    )


def test_a_scrape_has_the_counters_and_who_is_shown() -> None:
    """A gauge of a partition says nothing; one of a queue shows the queue."""
    scrape = scrape_of("one", 0.0, 1.0, body(5.0))

    assert scrape.counters == {
        'a_total{queue="q",channel="voice"}': 5.0,
        'read_total{stream="s",partition="3"}': 7.0,
    }
    assert scrape.shown == {"q voice", "partition 3"}
    assert scrape.stale == set()
    assert scrape_of("one", 0.0, 1.0, of_partition(2.0)).counters == {
        'read_total{stream="s",partition="3"}': 2.0,
        'b_seconds_bucket{queue="q",channel="",le="+Inf"}': 2.0,
    }


def test_a_counter_that_goes_down_is_noticed() -> None:
    """Only what is certain: scrapes that overlap in time prove nothing."""
    ledger = Ledger()
    ledger.take([scrape_of("one", 0.0, 0.2, body(5.0))])
    ledger.take([scrape_of("two", 0.1, 0.3, body(4.0))])

    assert ledger.wrong() == []

    ledger.take([scrape_of("two", 1.0, 1.1, body(4.0))])

    assert len(ledger.wrong()) == 1
    assert "5 by one, then 4 by two" in ledger.wrong()[0]


def test_a_counter_that_is_absent_or_nan_is_not_down_and_not_forgotten() -> None:
    """What was shown before counts when it is shown again."""
    ledger = Ledger()
    ledger.take([scrape_of("one", 0.0, 0.1, body(5.0))])
    ledger.take([scrape_of("one", 1.0, 1.1, body(NAN, gauge=NAN, stale=1))])
    ledger.take([scrape_of("one", 2.0, 2.1, "")])

    assert ledger.wrong() == []
    assert (ledger.rounds, ledger.absent, ledger.unknown) == (3, 2, 1)

    ledger.take([scrape_of("one", 3.0, 3.1, body(4.0))])

    assert len(ledger.fallen) == 1


def test_a_queue_that_two_workers_show_is_noticed() -> None:
    """In two rounds in a row: it may move while a round is made."""
    ledger = Ledger()
    for at, names in ((0.0, "ab"), (1.0, "bc"), (2.0, "ab")):
        ledger.take([scrape_of(name, at, at, body(5.0)) for name in names])

    assert ledger.doubled == []

    ledger.take([scrape_of(name, 3.0, 3.0, body(5.0)) for name in "ab"])

    assert ledger.doubled == ["partition 3 by a and b", "q voice by a and b"]


def test_one_value_is_enough_to_show_a_queue() -> None:
    """A gauge on one worker and a counter on the other are the queue twice."""
    ledger = Ledger()
    gauge = '# TYPE g gauge\ng{queue="q",channel="voice"} 0\n'
    count = '# TYPE c_total counter\nc_total{queue="q",channel="voice"} 0\n'
    for at in (0.0, 1.0):
        ledger.take([scrape_of("a", at, at, gauge), scrape_of("b", at, at, count)])

    assert ledger.doubled == ["q voice by a and b"]


def test_a_worker_that_owns_up_does_not_show_the_queue() -> None:
    """NaN and `stale` may stand beside the value of its new owner."""
    stale = (
        '# TYPE callcenter_queue_stale gauge\ncallcenter_queue_stale{queue="q",'
        'channel="voice"} 1\n# TYPE waiting gauge\n'
        'waiting{queue="q",channel="voice"} NaN\n'
    )
    ledger = Ledger()
    for at in (0.0, 1.0, 2.0):
        ledger.take([scrape_of("a", at, at, stale), scrape_of("b", at, at, body(at))])

    assert ledger.wrong() == []
    assert (ledger.unknown, ledger.absent) == (3, 0)


def test_a_queue_that_is_unknown_and_has_a_value_is_noticed() -> None:
    """Stale means that there is nothing to show."""
    ledger = Ledger()
    ledger.take([scrape_of("a", 0.0, 0.1, body(5.0, stale=1))])

    assert ledger.wrong() == ["shown though not known: q voice by a"]


def test_a_worker_that_finds_its_own_state_unsound_is_wrong() -> None:
    """By looks at itself that nobody else can make."""
    body = (
        'callcenter_self_checks_total{result="equal"} 7\n'
        'callcenter_self_checks_total{result="different"} 1\n'
    )
    ledger = Ledger()
    ledger.take([scrape_of("one", 1.0, 1.1, body)])

    assert ledger.wrong() == ["one found its own state unsound"]
    assert ledger.looks["one"] == (7, 1)
