"""What Prometheus reads: names, values, absence, and text that every reader takes."""

import asyncio
import math
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.parser import text_string_to_metric_families

from monitor.core import tally as t
from monitor.core.people.states import STATES
from monitor.core.rules import POLICIES
from monitor.core.view import PipelineView, QueueView
from monitor.exposition.collector import BoardCollector
from monitor.exposition.metric import MetricKind
from monitor.exposition.names import METRICS
from monitor.exposition.queue_metrics import OF_MESSAGES
from monitor.exposition.queues import Scale
from monitor.exposition.render import Exposition
from tests.unit.fake_board import NOW, FakeBoard, calm, sample, support

GOLDEN = Path(__file__).parent / "golden" / "exposition.txt"
SCALE = Scale(
    windows=("5m", "today"),
    wait_buckets_ms=(5_000, 20_000, 60_000),
    handle_buckets_ms=(60_000, 300_000),
)
PROMISED = """
    contacts_waiting longest_wait_seconds oldest_waiting_timestamp_seconds
    contacts_waiting_over_threshold contacts_in_progress service_level_ratio
    service_level_contacts service_level_policy_ratio service_level_target_ratio
    service_level_threshold_seconds speed_of_answer_seconds answer_wait_quantile_seconds
    abandonment_ratio handle_time_seconds window_contacts contacts_offered_total
    contacts_answered_total contacts_answered_in_time_total contacts_abandoned_total
    contacts_abandoned_short_total contacts_diverted_total contacts_expired_total
    contacts_rejected_total ring_no_answer_total contacts_corrected_total
    answer_wait_seconds abandon_wait_seconds handle_seconds first_response_seconds
    contacts_inactive messages_total events_total dead_letters_total events_late_total
    events_duplicate_total event_lag_seconds last_event_timestamp_seconds
    stale_partitions identity_drift_contacts checkpoint_age_seconds build_info
"""
"""Names that others rely on, without the prefix."""

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def text_of(board: FakeBoard) -> str:
    return Exposition(board, SCALE, version="1.2.3").render().decode()


def parsed(board: FakeBoard) -> Series:
    """Every series by name and labels; fails on one that is there twice."""
    series: Series = {}
    for family in text_string_to_metric_families(text_of(board)):
        for one in family.samples:
            key = (one.name, frozenset(one.labels.items()))
            assert key not in series, key
            series[key] = one.value
    return series


def comparable(family: Family) -> tuple[object, ...]:
    """What a family says, so that NaN equals NaN."""
    samples = [
        (one.name, sorted(one.labels.items()), repr(float(one.value)))
        for one in family.samples
    ]
    return family.name, family.documentation, family.type, samples


def value(series: Series, name: str, **labels: str) -> float | None:
    return series.get((f"callcenter_{name}", frozenset(labels.items())))


def voice(series: Series, name: str, **labels: str) -> float | None:
    return value(series, name, queue="support", channel="voice", **labels)


def test_the_text_is_the_golden_one_byte_for_byte() -> None:
    """A change of any name, label, order or format is seen; UPDATE_GOLDEN=1 accepts."""
    text = text_of(sample())
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text, encoding="utf-8")

    assert text == GOLDEN.read_text(encoding="utf-8")


def test_promtool_finds_nothing_to_complain_about(promtool: Path) -> None:
    """Prometheus' own checker takes names, types, help and text."""
    done = subprocess.run(
        [promtool, "check", "metrics"],
        input=text_of(sample()).encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


@pytest.mark.parametrize("name", PROMISED.split())
def test_every_promised_metric_is_declared_and_exposed(name: str) -> None:
    """Dashboards and alerts rely on these names."""
    full = f"callcenter_{name}"

    assert full in METRICS
    assert f"# TYPE {full} {METRICS[full].kind}\n" in text_of(sample())


def test_the_text_holds_what_prometheus_client_would_write() -> None:
    """The faster writer gives the same families and samples as the library's."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(BoardCollector(sample(), SCALE, version="1.2.3"))

    library = text_string_to_metric_families(generate_latest(registry).decode())
    ours = text_string_to_metric_families(text_of(sample()))

    assert [comparable(family) for family in ours] == [
        comparable(family) for family in library
    ]


def test_exactly_the_declared_metrics_are_exposed() -> None:
    """Each declared metric is shown with its help, and no other is."""
    helps = {
        line.split(" ", 3)[2]: line.split(" ", 3)[3]
        for line in text_of(sample()).splitlines()
        if line.startswith("# HELP")
    }

    assert helps == {metric.name: metric.help for metric in METRICS.values()}


@pytest.mark.parametrize("name", sorted(METRICS))
def test_names_labels_and_help_keep_the_conventions(name: str) -> None:
    """Prefix, `_total` on counters only, no forbidden label, a help that says a lot."""
    metric = METRICS[name]

    assert name.startswith("callcenter_")
    assert name.endswith("_total") == (metric.kind is MetricKind.COUNTER)
    assert not {"type", "service", "customer"} & set(metric.labels)
    assert metric.help.endswith(".")
    assert len(metric.help) > 20
    assert "seconds" not in name or "second" in metric.help.lower()


def test_only_declared_labels_are_used_and_no_instants() -> None:
    """Labels are those declared (and `le`); no sample has a timestamp of its own."""
    for family in text_string_to_metric_families(text_of(sample())):
        names = {family.name, f"{family.name}_total"} & METRICS.keys()
        [metric] = [METRICS[name] for name in names]
        for one in family.samples:
            assert set(one.labels) - {"le"} == set(metric.labels)
            assert one.timestamp is None


def test_no_created_series_are_shown() -> None:
    """Creation instants of this process would be wrong: the state is older."""
    assert "_created" not in text_of(sample())


def test_live_numbers_are_shown_as_they_are_now() -> None:
    """Waiting, longest wait, in progress, drift and the settings beside them."""
    series = parsed(sample())

    assert voice(series, "contacts_waiting") == 2
    assert voice(series, "longest_wait_seconds") == 34.5
    assert voice(series, "oldest_waiting_timestamp_seconds") == NOW / 1000 - 34.5
    assert voice(series, "contacts_waiting_over_threshold") == 1
    assert voice(series, "contacts_in_progress", phase="talking") == 3
    assert voice(series, "contacts_in_progress", phase="wrap_up") == 0
    assert voice(series, "identity_drift_contacts") == 0
    assert voice(series, "service_level_target_ratio") == 0.85
    assert voice(series, "service_level_threshold_seconds") == 20
    assert voice(series, "estimated_wait_seconds") == pytest.approx(3 * 180.05 / 4)
    assert voice(series, "queue_stale") == 0


def test_windowed_numbers_have_their_parts_beside_them() -> None:
    """A ratio, its numerator and denominator, every policy, means and quantiles."""
    series = parsed(sample())

    def of(name: str, **labels: str) -> float | None:
        return voice(series, name, window="today", **labels)

    assert of("service_level_ratio") == 12 / 16
    assert of("service_level_contacts", part="in_time") == 12
    assert of("service_level_contacts", part="counted") == 16
    policies = [of("service_level_policy_ratio", policy=name) for name in POLICIES]
    assert policies == [12 / 16, 12 / 17, 14 / 18, 12 / 14]
    assert of("speed_of_answer_seconds") == 15
    assert of("abandonment_ratio") == 2 / 17
    assert of("handle_time_seconds") == 180.05
    assert of("handle_time_component_seconds", component="hold") == 9
    assert of("answer_wait_quantile_seconds", quantile="0.5") == 5 + 15 * 3 / 8
    assert of("answer_wait_quantile_seconds", quantile="0.95") == 60
    assert of("window_contacts", fate="diverted") == 1
    assert of("window_contacts_offered") == 21


def test_counters_show_what_was_added_and_what_was_taken_back() -> None:
    """Total plus corrected, so that a correction never takes a counter down."""
    series = parsed(sample())

    assert voice(series, "contacts_answered_total") == 15
    assert voice(series, "contacts_corrected_total", fate="answered") == 1
    assert voice(series, "contacts_diverted_total", reason="key") == 1
    assert voice(series, "contacts_corrected_total", fate="diverted") == 1
    assert voice(series, "contacts_diverted_total", reason="overflow") == 1
    assert voice(series, "contacts_rejected_total", reason="closed") == 2
    assert voice(series, "ring_no_answer_total") == 4
    assert voice(series, "transfers_total", kind="blind") == 1


def test_a_correction_takes_no_counter_down() -> None:
    """Taking an answer back leaves every counter and bucket at least where it was."""
    before = support()
    after = support()
    taken = {t.ANSWERED: 1, t.ANSWERED_WAIT: 18_000, f"{t.ANSWER_WAIT_LE}20000": 1}
    t.subtract(after.total, taken)
    t.add(after.corrected, taken)

    shown = parsed(FakeBoard(views=[before]))
    corrected = parsed(FakeBoard(views=[after]))

    growing = ("_total", "_bucket", "_sum", "_count")
    counters = [key for key in shown if key[0].endswith(growing)]
    assert [key for key in counters if corrected[key] < shown[key]] == []
    assert voice(corrected, "contacts_corrected_total", fate="answered") == 2


def test_standard_reasons_are_there_from_the_start() -> None:
    """`increase()` doesn't see a series that begins at 1, so known ones begin at 0."""
    series = parsed(sample())

    assert voice(series, "contacts_diverted_total", reason="timeout") == 0
    assert voice(series, "contacts_rejected_total", reason="full") == 0
    assert voice(series, "transfers_total", kind="queue") == 0
    pipeline = {"stream": "contacts", "partition": "10"}
    assert value(series, "dead_letters_total", **pipeline, reason="not_json") == 0


def test_a_reason_that_nobody_foresaw_is_shown_too() -> None:
    """Reasons outside the standard ones join when they occur."""
    pipeline = {"stream": "contacts", "partition": "0"}

    assert value(parsed(sample()), "dead_letters_total", **pipeline, reason="odd") == 1


def test_histograms_are_cumulative_with_sum_and_count() -> None:
    """Buckets in seconds, cumulative; sum and count are what was added."""
    series = parsed(sample())
    buckets = [
        voice(series, "answer_wait_seconds_bucket", le=le)
        for le in ("5.0", "20.0", "60.0", "+Inf")
    ]

    assert buckets == [4, 12, 12, 14]
    assert voice(series, "answer_wait_seconds_count") == 14
    assert voice(series, "answer_wait_seconds_sum") == 217
    assert voice(series, "handle_seconds_sum") == 1800.5


def test_a_queue_without_data_is_not_a_number_rather_than_absent_or_perfect() -> None:
    """Counts are 0; ratios, means and quantiles are NaN; nothing is missing."""
    series = parsed(FakeBoard(views=[calm("support", "voice")]))
    without_data = [
        voice(series, "service_level_ratio", window="5m"),
        voice(series, "speed_of_answer_seconds", window="today"),
        voice(series, "abandonment_ratio", window="today"),
        voice(series, "answer_wait_quantile_seconds", window="5m", quantile="0.9"),
        voice(series, "estimated_wait_seconds"),
    ]

    assert all(number is not None and math.isnan(number) for number in without_data)
    assert voice(series, "contacts_waiting") == 0
    assert voice(series, "window_contacts", window="5m", fate="answered") == 0
    assert voice(series, "contacts_answered_total") == 0
    assert voice(series, "answer_wait_seconds_count") == 0


def chat(name: str = "desk", channel: str = "chat") -> QueueView:
    """A queue of chats with two responses of 12 s and 100 s, 4 active chats."""
    sums: t.Tally = {
        t.FIRST_RESPONSES: 1,
        t.FIRST_RESPONSE: 12_000,
        f"{t.FIRST_RESPONSE_LE}15000": 1,
        t.RESPONSES: 2,
        t.RESPONSE: 112_000,
        f"{t.MESSAGES}customer": 5,
        f"{t.MESSAGES}unknown": 1,
    }
    view = calm(name, channel)
    return replace(
        view,
        active=4,
        inactive=1,
        active_agents=[3, 9],
        windows={"5m": dict(sums)},
        total=sums,
    )


def test_messages_are_shown_with_their_parts() -> None:
    """Means beside their counts, concurrency beside contacts and agents."""
    series = parsed(FakeBoard(views=[chat()]))

    def of(name: str, **labels: str) -> float | None:
        return value(series, name, queue="desk", channel="chat", **labels)

    assert (of("contacts_active"), of("contacts_inactive")) == (4, 1)
    assert (of("queue_agents_conversing"), of("concurrent_contacts")) == (2, 2)
    assert of("first_response_time_seconds", window="5m") == 12
    assert of("window_first_responses", window="5m") == 1
    assert of("response_time_seconds", window="5m") == 56
    assert of("window_responses", window="5m") == 2
    assert of("messages_total", author="customer") == 5
    assert of("messages_total", author="agent") == 0
    assert of("messages_total", author="unknown") == 1
    assert of("first_response_seconds_bucket", le="5.0") == 0
    assert of("first_response_seconds_bucket", le="15.0") == 1
    assert of("first_response_seconds_count") == 1
    assert of("first_response_seconds_sum") == 12


def test_queues_of_calls_show_nothing_of_messages_unless_there_are_some() -> None:
    """They have none, and series cost; a queue of chats has them from the start."""
    shown = [calm("calls", "voice"), chat("both", "voice"), calm("desk", "chat")]
    series = parsed(FakeBoard(views=shown, stale=[("gone", "chat"), ("lost", "voice")]))
    speaking = {
        dict(labels)["queue"]
        for name, labels in series
        if any(name.startswith(start) for start in OF_MESSAGES)
    }

    assert speaking == {"both", "desk", "gone"}


def test_when_nobody_waits_the_instant_is_absent_and_the_longest_wait_is_0() -> None:
    """An instant of 0 would read as a wait since 1970."""
    series = parsed(FakeBoard(views=[calm("support", "voice")]))

    assert voice(series, "longest_wait_seconds") == 0
    assert voice(series, "oldest_waiting_timestamp_seconds") is None


def test_a_wait_that_begins_ahead_of_the_clock_is_0() -> None:
    """A source's clock ahead of ours never makes a wait negative."""
    view = support()
    view.oldest_waiting = NOW + 3_000

    assert voice(parsed(FakeBoard(views=[view])), "longest_wait_seconds") == 0


def test_a_stale_queue_shows_no_calm_zeros() -> None:
    """Its gauges are NaN under the same labels, its counters are absent, stale is 1."""
    fresh = parsed(FakeBoard(views=[support()]))
    stale = parsed(FakeBoard(stale=[("support", "voice")]))
    gauges = {
        key
        for key in fresh
        if ("queue", "support") in key[1]
        and METRICS.get(key[0])
        and METRICS[key[0]].kind in (MetricKind.GAUGE, MetricKind.SUMMARY)
        and key[0]
        not in ("callcenter_queue_stale", "callcenter_service_level_policy_info")
    }

    assert len(gauges) > 40
    assert [key for key in gauges if not math.isnan(stale[key])] == []
    assert voice(stale, "queue_stale") == 1
    assert voice(stale, "contacts_offered_total") is None


def test_a_queue_that_left_the_board_is_gone() -> None:
    """Series of a moved queue end with the scrape after the move."""
    board = FakeBoard(views=[support(), calm()])
    exposition = Exposition(board, SCALE)
    assert b'queue="support"' in exposition.render()

    board.views = [calm()]

    assert b'queue="support"' not in exposition.render()


@pytest.mark.parametrize(
    "name",
    [
        'a"b',
        "a\\b",
        "a\nb",
        "a\x00b",
        "a\rb",
        "a\x1b[31m",
        "a\u2028b",
        "\ud800",
        "日本",
    ],
)
def test_any_queue_name_gives_readable_text(name: str) -> None:
    """Quotes, line ends, controls and lone surrogates break no line and no reader."""
    text = text_of(FakeBoard(views=[calm(name)], stale=[(name, "other")]))

    assert len(text.splitlines()) == len(text.split("\n")) - 1
    assert "\x00" not in text
    assert list(text_string_to_metric_families(text))


def test_queue_names_that_differ_stay_apart() -> None:
    """Spelling a control character out doesn't merge two queues."""
    series = parsed(FakeBoard(views=[calm("a\x00"), calm("a\x01"), calm("a")]))
    queues = {dict(labels).get("queue") for _, labels in series} - {None}

    assert len(queues) == 3


def test_the_pipeline_is_shown_by_source_partition() -> None:
    """Counts, lags and ages of each partition; the newest instant of each source."""
    series = parsed(sample())

    def of(name: str, partition: str = "0") -> float | None:
        return value(series, name, stream="contacts", partition=partition)

    assert of("events_total") == 118
    assert of("events_applied_total") == 100
    assert of("events_duplicate_total") == 10
    assert of("events_late_total") == 3
    assert of("events_ignored_total") == 2
    assert of("events_future_total") == 1
    assert of("event_lag_seconds") == 1.5
    assert of("consumer_lag_records") == 7
    assert of("checkpoint_age_seconds", "10") == 0
    newest = value(series, "last_event_timestamp_seconds", source="pbx:b")
    assert newest == NOW / 1000 - 0.25
    assert value(series, "stale_partitions") == 0
    assert value(series, "ready") == 1
    assert value(series, "clock_timestamp_seconds") == NOW / 1000
    assert value(series, "build_info", version="1.2.3") == 1


def test_a_worker_that_is_not_ready_shows_itself_and_no_queue() -> None:
    """While it starts, the pipeline's metrics are there already."""
    series = parsed(FakeBoard())

    assert value(series, "ready") == 0
    assert [key for key in series if ("queue", "support") in key[1]] == []


def test_each_scrape_tells_what_the_one_before_cost() -> None:
    """NaN at the first, CPU seconds from then on."""
    exposition = Exposition(sample(), SCALE)
    exposition.render()

    assert b"\ncallcenter_exposition_duration_seconds NaN\n" not in exposition.render()


async def test_rendering_beside_the_loop_shows_the_instant_of_the_call() -> None:
    """What changes on the board while the text is made isn't seen."""
    board = sample()
    exposition = Exposition(board, SCALE, version="1.2.3")
    task = asyncio.create_task(exposition.render_beside())
    await asyncio.sleep(0)
    # As boards do: what was handed out is replaced, never changed.
    board.views = [replace(view, waiting=99, windows={}) for view in board.views]
    board.pipe = PipelineView()

    text = await task

    assert text.decode() == text_of(sample())


async def test_single_people_are_shown_only_when_they_are_asked_for() -> None:
    """Many series, and personal data: `exporter.per_agent` is off by default."""
    plain = (await Exposition(sample(), SCALE).render_beside()).decode()
    each = (await Exposition(sample(), SCALE, per_agent=True).render_beside()).decode()

    assert 'agent="' not in plain
    assert 'callcenter_agent_state{agent="ann",state="talking"} 1' in each
    assert 'callcenter_agent_handled_today{agent="ann"} 1' in each
    assert 'callcenter_agent_occupancy_today_ratio{agent="ann"} 0.5' in each


def test_people_that_are_not_known_are_nan() -> None:
    """Of a queue and of everybody; all states are there always."""
    board = sample()
    board.people, board.unknown_groups = [], ["", "support"]
    lines = text_of(board).splitlines()

    for state in STATES:
        assert f'callcenter_agents{{state="{state}"}} NaN' in lines
        assert (
            f'callcenter_queue_agents{{queue="support",state="{state}"}} NaN' in lines
        )
    assert 'callcenter_occupancy_ratio{window="5m"} NaN' in lines
