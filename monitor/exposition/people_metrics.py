"""The metrics of people as data.

Rule: distinct people and people by queue have different names, because the second never
sums to the first: one person may serve several queues. No label names a person unless
`exporter.per_agent` says so.
"""

from monitor.exposition.metric import Metric, MetricKind

METRICS: dict[str, Metric] = {}
"""The people's metrics by name, in the order in which they are exposed."""


def _declare(name: str, text: str, *labels: str) -> Metric:
    metric = METRICS[name] = Metric(name, MetricKind.GAUGE, text, labels)
    return metric


# Everybody, each once; on one worker.
AGENTS = _declare(
    "callcenter_agents",
    "Distinct people by state now, each in the first that holds: talking, held, "
    "wrap_up, ringing, away, available, logged_out, unknown.",
    "state",
)
AWAY = _declare(
    "callcenter_agents_away",
    "Distinct people who are away now, by the reason that they gave.",
    "reason",
)
LONGEST = _declare(
    "callcenter_agents_longest_in_state_seconds",
    "Seconds for which the one who has been in the state longest has been in it; "
    "absent when nobody is.",
    "state",
)
OCCUPANCY = _declare(
    "callcenter_occupancy_ratio",
    "Handling / (handling + available) of everybody in the window, 0-1. Contacts at "
    "the same time count once; ringing counts as available.",
    "window",
)
TIME = _declare(
    "callcenter_agents_time_seconds",
    "Seconds that all people together spent in the window handling contacts, "
    "available, or away; staffed is the sum.",
    "window",
    "activity",
)
SLOTS_UTILIZATION = _declare(
    "callcenter_slots_utilization_ratio",
    "Busy / offered slots of the channel in the window, 0-1: contacts in hand of those "
    "that people said to take at once. Not occupancy. Absent of channels whose slots "
    "nobody ever offered.",
    "channel",
    "window",
)
SLOTS_TIME = _declare(
    "callcenter_slots_seconds",
    "Seconds of all people's slots of the channel in the window: offered while logged "
    "in and not away, busy with a contact in hand.",
    "channel",
    "window",
    "part",
)
ADHERENCE = _declare(
    "callcenter_adherence_ratio",
    "Adhered / scheduled seconds of everybody in the window, 0-1; NaN without a plan.",
    "window",
)
ADHERENCE_TIME = _declare(
    "callcenter_adherence_seconds",
    "Seconds of all people in the window for which something was planned and that are "
    "over, and those of them in which they did what was planned.",
    "window",
    "part",
)

# Who serves a queue.
QUEUE_AGENTS = _declare(
    "callcenter_queue_agents",
    "People who serve the queue by state now. Who serves several is in each of them.",
    "queue",
    "state",
)
QUEUE_LONGEST = _declare(
    "callcenter_queue_agents_longest_in_state_seconds",
    "As callcenter_agents_longest_in_state_seconds, of those who serve the queue.",
    "queue",
    "state",
)
QUEUE_OCCUPANCY = _declare(
    "callcenter_queue_occupancy_ratio",
    "As callcenter_occupancy_ratio, of those who serve the queue, for whichever queue "
    "they worked.",
    "queue",
    "window",
)
QUEUE_TIME = _declare(
    "callcenter_queue_agents_time_seconds",
    "As callcenter_agents_time_seconds, of those who serve the queue.",
    "queue",
    "window",
    "activity",
)

# Single people, if exporter.per_agent is on: by the worker that holds them.
AGENT_STATE = _declare(
    "callcenter_agent_state",
    "1 for the state that the person is in.",
    "agent",
    "state",
)
AGENT_SINCE = _declare(
    "callcenter_agent_state_since_timestamp_seconds",
    "Instant since which the person has been in that state, Unix time in seconds.",
    "agent",
)
AGENT_HANDLED = _declare(
    "callcenter_agent_handled_today",
    "Contacts that the person finished today.",
    "agent",
)
AGENT_OCCUPANCY = _declare(
    "callcenter_agent_occupancy_today_ratio",
    "Handling / (handling + available) of the person today, 0-1.",
    "agent",
)
