"""Every metric by name.

Rule: a metric that isn't declared in `queue_metrics`, `people_metrics` or
`worker_metrics` can't be exposed. Base units, ratios 0-1, `_total` on counters only. No
label is named `type`, `service` or `customer`.
"""

from monitor.exposition import people_metrics, queue_metrics, worker_metrics
from monitor.exposition.metric import Metric

METRICS: dict[str, Metric] = {
    **queue_metrics.METRICS,
    **people_metrics.METRICS,
    **worker_metrics.METRICS,
}
"""Every metric by name, in the order in which they are exposed."""
