"""The queues' metrics as data: name, kind, meaning with unit, and labels.

Rule: what a metric of a queue means stands here and nowhere else. There is no total row
over queues, reasons or fates, so that `sum()` is right.
"""

from monitor.exposition.metric import Metric, MetricKind

_QUEUE = ("queue", "channel")
_WINDOW = (*_QUEUE, "window")
METRICS: dict[str, Metric] = {}
"""The queues' metrics by name, in the order in which they are exposed."""


def _declare(kind: MetricKind, name: str, text: str, labels: tuple[str, ...]) -> Metric:
    metric = METRICS[name] = Metric(name, kind, text, labels)
    return metric


def _live(name: str, text: str, *labels: str) -> Metric:
    return _declare(MetricKind.GAUGE, name, text, (*_QUEUE, *labels))


def _windowed(name: str, text: str, *labels: str) -> Metric:
    return _declare(MetricKind.GAUGE, name, text, (*_WINDOW, *labels))


def _counted(name: str, text: str, *labels: str) -> Metric:
    return _declare(MetricKind.COUNTER, name, text, (*_QUEUE, *labels))


def _histogram(name: str, text: str) -> Metric:
    return _declare(MetricKind.HISTOGRAM, name, text, _QUEUE)


# A queue now.
WAITING = _live(
    "callcenter_contacts_waiting",
    "Contacts that wait in the queue now, ringing at an agent included.",
)
LONGEST_WAIT = _live(
    "callcenter_longest_wait_seconds",
    "Seconds that the longest-waiting contact has waited so far; 0 when nobody waits.",
)
OLDEST_WAITING = _live(
    "callcenter_oldest_waiting_timestamp_seconds",
    "Instant at which the longest-waiting contact queued, Unix time in seconds; "
    "absent when nobody waits.",
)
WAITING_OVER_THRESHOLD = _live(
    "callcenter_contacts_waiting_over_threshold",
    "Contacts that wait for longer than the queue's service-level threshold now.",
)
IN_PROGRESS = _live(
    "callcenter_contacts_in_progress",
    "Contacts in hand now by phase; an alerting contact is still waiting as well.",
    "phase",
)
AGENTS_IN_HAND = _live(
    "callcenter_queue_agents_in_hand",
    "Agents who have a contact of this queue in hand now; one who has several counts "
    "once or more, in each queue, so don't add up queues.",
)
ACTIVE = _live(
    "callcenter_contacts_active",
    "Contacts with messages that are with an agent now, somebody having written "
    "within the queue's inactive_after.",
)
INACTIVE = _live(
    "callcenter_contacts_inactive",
    "Contacts with messages that are with an agent now, nobody having written for the "
    "queue's inactive_after; not among the active ones.",
)
ACTIVE_AGENTS = _live(
    "callcenter_queue_agents_conversing",
    "Agents who have at least one active contact with messages of this queue; one may "
    "have some in several queues, so don't add up queues.",
)
CONCURRENCY = _live(
    "callcenter_concurrent_contacts",
    "Active contacts with messages / agents who have at least one; NaN without one.",
)
ESTIMATED_WAIT = _live(
    "callcenter_estimated_wait_seconds",
    "Seconds that a contact queueing now would wait: (waiting + 1) x mean handle time "
    "of the last hour / agents in hand; NaN without handled contacts or agents.",
)
DRIFT = _live(
    "callcenter_identity_drift_contacts",
    "Contacts without exactly one fate: offered - answered - abandoned - diverted - "
    "expired - waiting since the state began; anything but 0 is a fault.",
)
STALE = _live(
    "callcenter_queue_stale",
    "1 when the queue's numbers aren't known now (its gauges are NaN then), else 0.",
)
TARGET = _live(
    "callcenter_service_level_target_ratio",
    "Service level that the queue is meant to reach, 0-1 (a setting).",
)
THRESHOLD = _live(
    "callcenter_service_level_threshold_seconds",
    "Seconds within which a contact is in time, the bound included (a setting).",
)

POLICY_INFO = _live(
    "callcenter_service_level_policy_info",
    "1, with the queue's own service-level policy and how it treats diverted contacts.",
    "policy",
    "diverted",
)

# A queue in a window. A visit counts at the instant of its fate.
SERVICE_LEVEL = _windowed(
    "callcenter_service_level_ratio",
    "Service level by the queue's own policy, 0-1, contacts that wait past the "
    "threshold included; NaN when nothing counts.",
)
SERVICE_LEVEL_CONTACTS = _windowed(
    "callcenter_service_level_contacts",
    "Contacts of the queue's own service level: in_time (numerator) and counted "
    "(denominator); counted includes in_time.",
    "part",
)
SERVICE_LEVEL_POLICY = _windowed(
    "callcenter_service_level_policy_ratio",
    "Service level by each policy, 0-1; NaN when nothing counts.",
    "policy",
)
SPEED_OF_ANSWER = _windowed(
    "callcenter_speed_of_answer_seconds",
    "Mean wait of answered contacts in seconds (ASA); NaN without one.",
)
ANSWER_WAIT_QUANTILE = _declare(
    MetricKind.SUMMARY,
    "callcenter_answer_wait_quantile_seconds",
    "Quantile of answered contacts' waits in seconds, linear within a histogram "
    "bucket; NaN without one.",
    (*_WINDOW, "quantile"),
)
ABANDONMENT = _windowed(
    "callcenter_abandonment_ratio",
    "(abandoned - short) / (answered + abandoned - short + diverted), 0-1; NaN when "
    "there are none.",
)
TIME_TO_ABANDON = _windowed(
    "callcenter_time_to_abandon_seconds",
    "Mean wait of abandoned contacts in seconds, short ones included; NaN without one.",
)
HANDLE_TIME = _windowed(
    "callcenter_handle_time_seconds",
    "Mean talk, hold and after-contact work of handled contacts in seconds (AHT); NaN "
    "without one.",
)
FIRST_RESPONSE_TIME = _windowed(
    "callcenter_first_response_time_seconds",
    "Mean seconds from a customer's first message (or the entry into the queue) to the "
    "first message of an agent, at that instant; bots don't respond; NaN without one.",
)
RESPONSE_TIME = _windowed(
    "callcenter_response_time_seconds",
    "Mean seconds from the first unanswered customer message of a run to an agent's "
    "next message, at that instant; NaN without one.",
)
HANDLE_COMPONENT = _windowed(
    "callcenter_handle_time_component_seconds",
    "The parts of the mean handle time in seconds; they add up to it.",
    "component",
)
HOLD = _windowed(
    "callcenter_hold_ratio",
    "Handled contacts that were on hold / handled contacts, 0-1; NaN without one.",
)
HOLD_TIME = _windowed(
    "callcenter_hold_time_seconds",
    "Mean time on hold in seconds of the contacts that were on hold; NaN without one.",
)
TRANSFER = _windowed(
    "callcenter_transfer_ratio",
    "Contacts that ended by a transfer / handled contacts; NaN without a handled one.",
)
WINDOW_CONTACTS = _windowed(
    "callcenter_window_contacts",
    "Contacts by fate, at the instant of the fate.",
    "fate",
)
WINDOW_OFFERED = _windowed(
    "callcenter_window_contacts_offered",
    "Contacts that queued in the window; their fates may fall outside of it, so this "
    "is no denominator for them.",
)
WINDOW_SHORT = _windowed(
    "callcenter_window_contacts_abandoned_short",
    "Short abandons; they are among the abandoned ones.",
)
WINDOW_HANDLED = _windowed(
    "callcenter_window_contacts_handled",
    "Answered contacts whose after-contact work ended in the window.",
)
WINDOW_FIRST_RESPONSES = _windowed(
    "callcenter_window_first_responses",
    "Contacts in which an agent wrote for the first time: of callcenter_first_response"
    "_time_seconds.",
)
WINDOW_RESPONSES = _windowed(
    "callcenter_window_responses",
    "Messages of agents that ended a run of unanswered ones: of "
    "callcenter_response_time_seconds.",
)

# A queue since its state began. They never go down; see contacts_corrected.
OFFERED = _counted("callcenter_contacts_offered_total", "Contacts that queued.")
ANSWERED = _counted(
    "callcenter_contacts_answered_total", "Contacts that were connected to an agent."
)
ANSWERED_IN_TIME = _counted(
    "callcenter_contacts_answered_in_time_total",
    "Contacts answered within the service-level threshold.",
)
CROSSED = _counted(
    "callcenter_contacts_threshold_crossed_total",
    "Contacts whose wait passed the service-level threshold, at that instant: with "
    "answered_in_time the two parts of the default service level.",
)
ABANDONED = _counted(
    "callcenter_contacts_abandoned_total",
    "Contacts whose customer left before an answer, short abandons included.",
)
ABANDONED_SHORT = _counted(
    "callcenter_contacts_abandoned_short_total",
    "Abandoned contacts with a wait below the queue's short-abandon limit.",
)
DIVERTED = _counted(
    "callcenter_contacts_diverted_total",
    "Contacts that left the queue otherwise than answered or abandoned.",
    "reason",
)
EXPIRED = _counted(
    "callcenter_contacts_expired_total",
    "Contacts whose end was never seen before their time ran out or their source "
    "restarted.",
)
REJECTED = _counted(
    "callcenter_contacts_rejected_total",
    "Contacts refused before they queued; they aren't offered.",
    "reason",
)
HANDLED = _counted(
    "callcenter_contacts_handled_total",
    "Answered contacts whose after-contact work is over.",
)
UNFINISHED = _counted(
    "callcenter_contacts_unfinished_total",
    "Answered contacts whose end was never seen; they are never handled.",
)
HELD = _counted("callcenter_contacts_held_total", "Handled contacts that were on hold.")
HANDLING = _counted(
    "callcenter_handling_seconds_total",
    "Talk, hold and after-contact work of handled contacts in seconds.",
    "component",
)
TRANSFERS = _counted(
    "callcenter_transfers_total",
    "Contacts that ended by a transfer, by its kind.",
    "kind",
)
ALERTS = _counted(
    "callcenter_alerts_total", "Offers of a contact to an agent (attempts)."
)
RING_NO_ANSWER = _counted(
    "callcenter_ring_no_answer_total",
    "Offers to an agent that weren't taken: attempts, never abandons.",
)
MESSAGES = _counted(
    "callcenter_messages_total",
    "Messages of contacts in the queue, by who wrote them.",
    "author",
)
CORRECTED = _counted(
    "callcenter_contacts_corrected_total",
    "Contacts that late or repeated news took out of the counter of that name again; "
    "the counter less this is the net count.",
    "fate",
)
ANSWER_WAIT = _histogram(
    "callcenter_answer_wait_seconds", "Waits of answered contacts in seconds."
)
ABANDON_WAIT = _histogram(
    "callcenter_abandon_wait_seconds",
    "Waits of abandoned contacts in seconds, short abandons included.",
)
HANDLE = _histogram(
    "callcenter_handle_seconds",
    "Talk, hold and after-contact work of handled contacts in seconds.",
)
FIRST_RESPONSE = _histogram(
    "callcenter_first_response_seconds",
    "Seconds from a customer's first message (or the entry into the queue) to the "
    "first message of an agent.",
)

OF_MESSAGES = frozenset(
    metric.name
    for metric in (
        *(ACTIVE, INACTIVE, ACTIVE_AGENTS, CONCURRENCY),
        *(FIRST_RESPONSE_TIME, RESPONSE_TIME, WINDOW_FIRST_RESPONSES, WINDOW_RESPONSES),
        *(MESSAGES, FIRST_RESPONSE),
    )
)
"""Metrics that a queue of calls has only if messages came in them."""
