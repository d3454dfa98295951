"""Recordings: peaks of waiting, final visits, the report of a whole file."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.events import Event, Kind
from monitor.core.offline import CHUNK, Peaks, Recording
from monitor.core.report import Report
from monitor.core.visit_record import VisitRecord
from tests.support.contacts import RULES, abandoned, answered, at, event, queued


def recorded(*events: Event, until: int | None = None) -> Report:
    recording = Recording(RULES)
    recording.fold(events)
    return recording.close(until)


def visit(
    queue: str, queued_at: int, fate_at: int, fate: str = "answered"
) -> VisitRecord:
    nothing = dict.fromkeys(VisitRecord._fields, 0)
    known = {"queue": queue, "queued_at": queued_at, "fate_at": fate_at, "fate": fate}
    return VisitRecord(**nothing | known)  # type: ignore[arg-type]


def test_the_peak_is_the_most_that_waited_at_once() -> None:
    """Waiting is half-open: who leaves at an instant makes room for who comes at it.

    #  0   1   2   3   4   5
    #  [a----------)
    #      [b--)
    #          [c------)
    #              [d--)        most at once: a and b, then a and c, then c and d
    """
    peaks = Peaks()
    peaks.add([visit("q", 0, 3), visit("q", 1, 2), visit("q", 2, 4), visit("q", 3, 4)])

    assert peaks.by_queue() == {"q": 2, "": 2}


def test_the_peak_of_all_queues_is_no_sum_of_peaks() -> None:
    """Two queues that are busy at different hours."""
    peaks = Peaks()
    peaks.add([visit("p", 0, 3), visit("p", 0, 3), visit("q", 5, 9), visit("q", 6, 9)])

    assert peaks.by_queue() == {"p": 2, "q": 2, "": 2}


def test_rejected_contacts_never_waited() -> None:
    """And who waits still, waits on."""
    peaks = Peaks()
    peaks.add([visit("q", 0, 0, "rejected"), visit("q", 1, 0, "waiting")])

    assert peaks.by_queue() == {"q": 1, "": 1}


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 10)), max_size=20))
def test_peaks_are_those_of_counting_each_instant(waits: list[tuple[int, int]]) -> None:
    """Against a plain count."""
    peaks = Peaks()
    peaks.add([visit("q", begin + 1, begin + 1 + wait) for begin, wait in waits])
    most = max((sum(b < t <= b + w for b, w in waits) for t in range(40)), default=0)

    assert peaks.by_queue().get("q", 0) == most


def test_a_recording_s_report_is_as_of_its_newest_event() -> None:
    """Unless it is told another instant."""
    events = [queued(0, "a"), queued(5, "b"), answered(9, "a"), queued(9, "c")]

    assert recorded(*events)["now"] == "2026-11-20T09:00:09.000Z"
    assert recorded(*events)["total"]["waiting"] == 2
    later = recorded(*events, until=at(60))
    assert later["now"] == "2026-11-20T09:01:00.000Z"
    assert later["queues"]["q"]["longest_wait_seconds"] == 55


def test_a_recording_s_peaks_are_in_its_report() -> None:
    """Live state sees them by chance only; every visit is known here."""
    report = recorded(
        queued(0, "a"),
        queued(1, "b", "p"),
        answered(2, "a"),
        queued(2, "c"),
        abandoned(3, "c"),
    )

    assert report["queues"]["q"]["waiting_max"] == 1
    assert report["queues"]["p"]["waiting_max"] == 1
    assert report["total"]["waiting_max"] == 2


def test_every_visit_of_a_recording_is_known_in_the_end() -> None:
    """Those that became final on the way and those that are still in memory."""
    recording = Recording(RULES)
    recording.fold(queued(second * 10, f"c{second}") for second in range(500))
    recording.fold(abandoned(second * 10, f"c{second}") for second in range(400, 500))
    recording.close()

    assert len(recording.visits) == 500
    assert {visit.fate for visit in recording.visits} == {"waiting", "abandoned"}


def test_how_a_recording_is_handed_over_changes_no_number() -> None:
    """In one piece, event by event, or more than a chunk at once."""
    events = [
        make(second, f"c{second}")
        for second in range(CHUNK)
        for make in (queued, abandoned)
    ]
    one_by_one = Recording(RULES)
    for one in events:
        one_by_one.fold([one])

    assert one_by_one.close() == recorded(*events)


def test_an_empty_recording_has_a_report() -> None:
    """Zeros for counts, none for what would divide by zero."""
    report = recorded()

    assert report["queues"] == {}
    assert report["drift"] == 0
    assert (report["total"]["offered"], report["total"]["abandonment_ratio"]) == (
        0,
        None,
    )


def test_a_recording_that_says_nothing_of_contacts_has_a_report() -> None:
    """A survey's answers alone open no queue."""
    report = recorded(event(0, "a", Kind.RATED))

    assert (report["queues"], report["events"]["applied"]) == ({}, 1)


def test_a_recording_of_any_length_takes_the_memory_of_its_horizon() -> None:
    """What a checkpoint would take away must not pile up: nobody takes it."""
    recording = Recording(RULES)
    for number in range(3_000):
        contact = f"c{number}"
        recording.fold(
            [queued(20 * number, contact), abandoned(20 * number + 9, contact)]
        )
    partition = recording.partition

    assert len(partition.contacts) < 100
    assert len(partition.dirty) < 100
    assert sum(len(state.fresh) for state in partition.queues.values()) < 100
